/**
 * The Slack channel: a card in a direct message, and its two buttons. Put together here: connections
 * (slack-connection.ts), clicks (slack-bolt.ts, slack-clicks.ts), messages (slack-messages.ts) and their health.
 */
import { AppError } from '../errors.ts';
import type { Channel, OnAnswer } from '../types.ts';
import { createBolt } from './slack-bolt.ts';
import { createSlackCalls, failureOf } from './slack-calls.ts';
import { createClickHandler, type Notify } from './slack-clicks.ts';
import { type Connection, type ConnectionState, createConnection } from './slack-connection.ts';
import { isFailure, type SlackFailure } from './slack-errors.ts';
import { healthOf, readIdentity, requireScope, type SlackHealth, type SlackIdentity } from './slack-health.ts';
import type { ChannelLogger } from './slack-logger.ts';
import { createMessages } from './slack-messages.ts';
import { readReason, renderReasonModal } from './slack-reason.ts';
import { checkRuntime } from './slack-runtime.ts';
import { createLookAround, type LookAround } from './slack-surroundings.ts';
import { DEFAULT_TIMING, pause, type SlackTiming } from './slack-timing.ts';
import { NOTICES } from './wording.ts';

export interface SlackChannelOptions {
  readonly botToken: string;
  readonly appToken: string;
  /** Default https://slack.com/api/ */
  readonly apiUrl?: string;
  /** Which daemon a click belongs to; letters, digits, `-` and `_`. Stays the same for one user and machine. */
  readonly instanceId: string;
  /** Name of this machine, for the card. */
  readonly host: string;
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
/** A notice that comes later than this explains nothing. */
const NOTICE_DEADLINE_MS = 10_000;
/** A trigger opens a modal for three seconds (views.open reference). */
const TRIGGER_MS = 3_000;

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

  const messages = createMessages({
    calls,
    host,
    instanceId,
    now,
    stopping: stopping.signal,
    ready: refuseWhenDown,
    lookAround: options.lookAround ?? createLookAround(),
    onPosted: (appId) => {
      postedBy = appId;
      report();
    },
  });

  const notify: Notify = ({ channel, user }, text, respond) => {
    const bounds = { deadline: now() + NOTICE_DEADLINE_MS, maxTries: 2, signal: stopping.signal };
    calls
      .call('edit', 'chat.postEphemeral', { channel, user, text }, 'tell the person', bounds)
      // Who is not in the conversation can still be reached through the click's own address.
      .catch(() => respond(text))
      .catch(() => logger.debug({}, 'notice not shown'));
  };

  const open = async (onAnswer: OnAnswer): Promise<void> => {
    const giveUpAt = now() + timing.startBudgetMs;
    identity = readIdentity(await firstAnswer(authTest, giveUpAt, timing.startRetryMs, now));
    requireScope(identity);
    const onClick = createClickHandler({
      instanceId,
      now,
      noticeMs: timing.noticeMs,
      onAnswer,
      isDuplicate: messages.isDuplicate,
      isKnown: messages.isKnown,
      onForeign: () => connection?.suspectSharing(),
      openReason: (click, trigger, requestId) => {
        // Only a PermissionRequest can stop the turn.
        const canInterrupt = messages.requestOf(requestId)?.input.hook_event_name === 'PermissionRequest';
        const view = renderReasonModal(click, canInterrupt);
        const bounds = { deadline: now() + TRIGGER_MS, maxTries: 1, signal: stopping.signal };
        calls
          .call('edit', 'views.open', { trigger_id: trigger, view }, 'open the form', bounds)
          .catch(() => notify(click, NOTICES.noForm, async () => {}));
      },
      notify,
      removeButtons: (click, isDuplicate) => void messages.removeButtons(click, isDuplicate),
    });
    const { botId, botUserId } = identity;
    const onReason = (body: unknown): string | undefined => {
      const answer = readReason(body, instanceId, now());
      if (answer === undefined) return NOTICES.unreadable;
      const verdict = onAnswer(answer, () => {});
      return verdict === 'accepted' || verdict === 'pending' ? undefined : NOTICES[verdict];
    };
    const onEnvelope = await createBolt({ botToken, apiUrl, logger, timing, botId, botUserId, onClick, onReason });
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
    start: async (onAnswer) => {
      checkRuntime();
      try {
        await open(onAnswer);
      } catch (error) {
        clearTimeout(probeTimer);
        await connection?.stop();
        throw isFailure(error) ? error.error : error;
      }
    },
    ask: messages.ask,
    close: messages.close,
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
