/**
 * The Slack channel: a card in a direct message, and its two buttons. Put together here: connections
 * (slack-connection.ts), clicks (slack-bolt.ts, slack-presses.ts), messages (slack-messages.ts) and their health.
 */
import { AppError } from '../errors.ts';
import { createMasker, type SecretRule } from '../secrets.ts';
import type { ApprovalRequest, Channel, Core, Outcome } from '../types.ts';
import { renderBody } from './slack-body.ts';
import { createBolt } from './slack-bolt.ts';
import { createSlackCalls, failureOf } from './slack-calls.ts';
import { type Connection, type ConnectionState, createConnection } from './slack-connection.ts';
import { createEditor } from './slack-editor.ts';
import { isFailure, type SlackFailure } from './slack-errors.ts';
import { createGrantMessages } from './slack-grants.ts';
import { healthOf, readIdentity, requireScope, type SlackHealth, type SlackIdentity } from './slack-health.ts';
import type { ChannelLogger } from './slack-logger.ts';
import { createMessages, type MessagesOptions } from './slack-messages.ts';
import { createNightMessages } from './slack-night.ts';
import { connectPresses, createNotify, orderPresses } from './slack-presses.ts';
import { createReplies } from './slack-replies.ts';
import { checkRuntime } from './slack-runtime.ts';
import { createLookAround, type LookAround } from './slack-surroundings.ts';
import { createThreads } from './slack-threads.ts';
import { DEFAULT_TIMING, pause, type SlackTiming } from './slack-timing.ts';

export interface SlackChannelOptions {
  readonly botToken: string;
  readonly appToken: string;
  /** Default https://slack.com/api/ */
  readonly apiUrl?: string;
  /** Which daemon a click belongs to; letters, digits, `-` and `_`. Stays the same for one user and machine. */
  readonly instanceId: string;
  /** Name of this machine, for the card. */
  readonly host: string;
  /** Whether cards of one session are replies in a thread; default true. */
  readonly threads?: boolean;
  /** Whether cards in threads are also sent to the conversation; default true. */
  readonly broadcast?: boolean;
  /** The user's own rules for what is secret; throws when they cannot be read. Default: none. */
  readonly maskRules?: () => readonly SecretRule[];
  /** Why a call must be looked at by itself, in our own words. Default: no call must. */
  readonly dangerOf?: MessagesOptions['dangerOf'];
  readonly logger: ChannelLogger;
  /** Called whenever something in it changes. */
  readonly onHealth: (health: SlackHealth) => void;
  readonly timing?: Partial<SlackTiming>;
  /** What the disk adds to a card. Default: the file that the tool changes, and the git branch. */
  readonly lookAround?: LookAround;
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number;
  /** In [0, 1). Default `Math.random`. */
  readonly random?: () => number;
}

const DEFAULT_API_URL = 'https://slack.com/api/';

/**
 * Creates the channel; nothing is opened before `start`.
 * `start` rejects with AppError slack-auth, slack-scope, slack-config, slack-unreachable, slack-rate-limited or runtime-too-old.
 */
export function createSlackChannel(options: SlackChannelOptions): Channel {
  const { botToken, appToken, instanceId, host, logger } = options;
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(instanceId)) {
    throw new AppError('internal', `Expected an instance id of letters, digits, - and _, got "${instanceId}"`);
  }
  const apiUrl = options.apiUrl ?? DEFAULT_API_URL;
  const timing = { ...DEFAULT_TIMING, ...options.timing };
  const now = options.now ?? Date.now;
  const random = options.random ?? Math.random;
  const stopping = new AbortController();

  let connectionState: ConnectionState = { state: 'connecting', connections: 0, isShared: false };
  let connection: Connection | undefined;
  let identity: SlackIdentity | undefined;
  let postedBy: string | undefined;
  let botFailure: SlackFailure | undefined;
  let probedAt = 0;
  let probeTimer: Timer | undefined;
  let reported = '';

  const report = (): void => {
    const health = healthOf(connectionState, botFailure, identity, postedBy);
    const text = JSON.stringify(health);
    if (text === reported) return;
    reported = text;
    options.onHealth(health);
  };

  /** The bot token has no connection that would notice; whether it works is known from its calls. */
  const onToken = (failure: SlackFailure | undefined): void => {
    if (failure === undefined && botFailure === undefined) return;
    if (failure === undefined) logger.info({}, 'Slack takes the bot token again');
    else if (failure.slackCode !== botFailure?.slackCode) {
      logger.error({ reason: failure.error.message }, 'Slack refuses the bot token');
    }
    botFailure = failure;
    clearTimeout(probeTimer);
    if (failure !== undefined) probeLater();
    report();
  };
  const calls = createSlackCalls({ botToken, apiUrl, logger, timing, now, random, onToken });
  /** One try. */
  const authTest = (): Promise<Record<string, unknown>> =>
    calls.call('edit', 'auth.test', {}, 'take the bot token', { deadline: now() });

  const probe = async (): Promise<void> => {
    probedAt = now();
    // A refusal has rescheduled this by itself; anything else has not.
    await authTest().catch(() => probeLater());
  };
  const probeLater = (): void => {
    clearTimeout(probeTimer);
    if (!stopping.signal.aborted) probeTimer = setTimeout(() => void probe(), timing.probeMs);
  };

  /** Down for good until a person acts; a new request is a reason to look whether that has happened. */
  const refuseWhenDown = async (): Promise<void> => {
    if (botFailure !== undefined && now() - probedAt >= timing.probeOnAskMs) {
      await Promise.race([probe(), pause(timing.probeWaitMs)]);
    }
    if (connectionState.failure?.kind === 'fatal') await connection?.recheck();
    const failure = botFailure ?? (connectionState.failure?.kind === 'fatal' ? connectionState.failure : undefined);
    if (failure !== undefined) throw new AppError(failure.error.code, failure.error.message);
  };

  const editor = createEditor({ calls, now, stopping: stopping.signal });
  const maskRules = options.maskRules ?? (() => []);
  const threads = createThreads({ calls, editor, host, now, isOn: options.threads ?? true, maskRules });
  const lookAround = options.lookAround ?? createLookAround();
  const showGrant = createGrantMessages({ editor, threads, instanceId, now, maskRules, stopping: stopping.signal });
  const showNight = createNightMessages({ calls, now, maskRules });
  const messages = createMessages({
    ...{ calls, editor, threads, host, instanceId, now, lookAround, maskRules },
    broadcast: options.broadcast ?? true,
    stopping: stopping.signal,
    ready: refuseWhenDown,
    dangerOf: options.dangerOf ?? (() => undefined),
    onPosted: (appId) => {
      postedBy = appId;
      report();
    },
  });

  const notify = createNotify({ calls, now, stopping: stopping.signal, logger });

  /** What was decided without asking: a line in the session's thread. */
  const showAutomatic = async (request: ApprovalRequest, outcome: Outcome): Promise<void> => {
    if (outcome.kind !== 'allowed' && outcome.kind !== 'denied') return;
    const surroundings = await lookAround({ ...request.input, tool_name: '' });
    const masker = createMasker({ known: request.secrets, rules: maskRules() });
    const { tool, start } = renderBody(request, { host, masker });
    await threads.addAutomatic({ request, outcome, call: `${tool}: ${start}`, masker, surroundings });
  };

  const open = async (core: Core): Promise<void> => {
    const giveUpAt = now() + timing.startBudgetMs;
    identity = readIdentity(await firstAnswer(authTest, giveUpAt, timing.startRetryMs, now));
    requireScope(identity);
    const { handle, forms, notices } = connectPresses({
      ...{ calls, now, core, messages, instanceId, notify, stopping: stopping.signal },
      noticeMs: timing.noticeMs,
      onForeign: () => connection?.suspectSharing(),
    });
    const { entries, whenKnown } = messages;
    const { onReaction, onMessage } = createReplies({ core, entries, now, notify: notices, whenKnown });
    const onClick = orderPresses(handle, messages);
    const { botId, botUserId } = identity;
    const listeners = { onClick, onSubmit: forms.submit, onTurn: forms.turn, onReaction, onMessage };
    const onEnvelope = await createBolt({ botToken, apiUrl, logger, timing, botId, botUserId, ...listeners });
    const onState = (state: ConnectionState): void => {
      connectionState = state;
      report();
    };
    if (stopping.signal.aborted) throw new AppError('slack-unreachable', 'Stopped before Slack was connected');
    connection = createConnection({ appToken, apiUrl, logger, timing, now, random, onEnvelope, onState });
    await connection.start(giveUpAt);
  };

  return {
    name: 'Slack',
    start: async (core) => {
      checkRuntime();
      try {
        await open(core);
      } catch (error) {
        clearTimeout(probeTimer);
        await connection?.stop();
        throw isFailure(error) ? error.error : error;
      }
    },
    ask: messages.ask,
    adopt: messages.adopt,
    close: (request, outcome) =>
      'rule' in outcome && outcome.rule !== undefined
        ? showAutomatic(request, outcome)
        : messages.close(request, outcome),
    tell: (news) => {
      switch (news.type) {
        case 'ran':
          return messages.ran(news.request, news.run);
        case 'counted':
          return messages.counted(news.request, news.by);
        case 'grant':
          return showGrant(news.grant);
        case 'session-ended':
          return threads.end(news.summary);
        case 'night':
          return showNight(news.approver, news.items);
      }
    },
    stop: async () => {
      stopping.abort();
      clearTimeout(probeTimer);
      await connection?.stop();
      connectionState = { state: 'stopped', connections: 0, isShared: false };
      report();
    },
  };
}

/** What fails at once (nobody listens, no such host) is tried again for about a second; a slow answer is waited for. */
async function firstAnswer<T>(run: () => Promise<T>, giveUpAt: number, retryMs: number, now: () => number): Promise<T> {
  for (;;) {
    try {
      return await run();
    } catch (error) {
      const kind = failureOf(error)?.kind;
      if (kind !== 'transient' || now() >= giveUpAt) throw error;
    }
    await pause(retryMs);
  }
}
