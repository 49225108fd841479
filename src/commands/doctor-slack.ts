/** What `doctor` finds out from Slack: single calls, and a connection that is held for a while. */
import { readFailure, type SlackFailure } from '../channels/slack-errors.ts';
import { readIdentity, requireScope } from '../channels/slack-health.ts';
import { type Link, openLink } from '../channels/slack-link.ts';
import { DEFAULT_TIMING, pause } from '../channels/slack-timing.ts';
import { appOfToken } from '../daemon.ts';
import { own } from '../doctor/outside.ts';
import type { DaemonLink, HeldFacts, SlackFacts } from '../doctor/slack.ts';
import type { TokenFacts } from '../doctor/tokens.ts';
import { AppError, attempt, toAppError } from '../errors.ts';
import type { DaemonStatus } from '../protocol.ts';
import type { Settings } from '../settings.ts';
import { type Credentials, callSlack, checkForm, proxyOf, withSlackFix } from './credentials.ts';
import { HOLD_MS } from './test-channel.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface SlackQuestions {
  readonly settings: Settings;
  /** Everybody who may be asked, in any project. */
  readonly approvers: readonly string[];
  readonly env: Environment;
  /** No connection is opened beside the one of a daemon: Slack would hand it half of the clicks. */
  readonly daemon: DaemonStatus | 'not-running' | 'silent' | AppError;
  /** Opens no connection to watch. */
  readonly isQuick: boolean;
}

/** The scope for opening a conversation without writing into it. */
const OPEN_SCOPE = 'im:write';
/** More are a mailing list. */
const MAX_APPROVERS = 10;
const NOTE = 'claude-slack-hook doctor: messages of this app reach you. Only you see this.';
/** Never rejects: what could not be had is the error that says why. */
export async function askSlack(
  questions: SlackQuestions,
): Promise<{ readonly tokens: TokenFacts; readonly slack: SlackFacts }> {
  const { settings, env, approvers } = questions;
  const around = {
    apiUrl: settings.apiUrl,
    proxy: proxyOf(env),
    hasExceptions: [env.NO_PROXY, env.no_proxy].some((value) => value !== undefined && value !== ''),
  };
  const nothing: SlackFacts = {
    ...{ ...around, connection: undefined, approvers: [], messagesTab: undefined, skewMs: undefined },
  };
  const form = attempt(() => checkForm({ ...settings, approvers }));
  const untried: TokenFacts = {
    form: undefined,
    bot: undefined,
    app: undefined,
    botApp: undefined,
    connectedApp: undefined,
  };
  if (form instanceof AppError) return { tokens: { ...untried, form }, slack: nothing };
  const [{ bot, botApp, skewMs, reached }, { app, facts, appId }] = await Promise.all([
    askBot(form, approvers),
    connect(form, questions),
  ]);
  return {
    tokens: { form: undefined, bot, app, botApp, connectedApp: appId ?? appOfToken(form.appToken) },
    slack: { ...around, connection: facts, ...reached, skewMs },
  };
}

type Reached = Pick<SlackFacts, 'approvers' | 'messagesTab'>;

interface BotAnswers {
  readonly bot: NonNullable<TokenFacts['bot']>;
  readonly botApp: string | undefined;
  readonly skewMs: number | undefined;
  readonly reached: Reached;
}

/** auth.test, on the way Slack's clock, and then what the token is for. */
async function askBot({ botToken, apiUrl }: Credentials, approvers: readonly string[]): Promise<BotAnswers> {
  let skewMs: number | undefined;
  const nobody: Reached = { approvers: [], messagesTab: undefined };
  try {
    const answer = await callSlack(botToken, apiUrl, 'auth.test', 'take the bot token', {
      onHeaders: (headers) => {
        const at = Date.parse(headers.get('date') ?? '');
        if (!Number.isNaN(at)) skewMs = Date.now() - at;
      },
    });
    const identity = readIdentity(answer);
    const { team, botUserId, botId, scopes } = identity;
    const checkedScope = attempt(() => requireScope(identity));
    const lack = checkedScope instanceof AppError ? checkedScope : undefined;
    const told = own(answer, 'app_id');
    const [botApp, reached] = await Promise.all([
      appIdOf(told) ?? appOfBot(botToken, apiUrl, botId),
      lack === undefined ? reach(botToken, apiUrl, approvers, scopes) : nobody,
    ]);
    return { bot: { team, botUserId, scopes, lack }, botApp, skewMs, reached };
  } catch (error) {
    return { bot: toAppError(error), botApp: undefined, skewMs, reached: nobody };
  }
}

/** Undefined where the token may not ask. */
async function appOfBot(botToken: string, apiUrl: string, bot: string): Promise<string | undefined> {
  try {
    const answer = await callSlack(botToken, apiUrl, 'bots.info', 'say whose bot this is', { args: { bot } });
    return appIdOf(own(own(answer, 'bot'), 'app_id'));
  } catch {
    return undefined;
  }
}

function appIdOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Z0-9]{1,40}$/.test(value) ? value : undefined;
}

async function askApp({ appToken, apiUrl }: Credentials): Promise<'works' | AppError> {
  try {
    await callSlack(appToken, apiUrl, 'apps.connections.open', 'open a connection with the app token');
    return 'works';
  } catch (error) {
    return toAppError(error);
  }
}

interface Connected {
  readonly app: TokenFacts['app'];
  readonly facts: SlackFacts['connection'];
  readonly appId?: string;
}

/** Only one call for the app token: Slack allows about one a minute, and opening a connection is one. */
async function connect(credentials: Credentials, { daemon, isQuick }: SlackQuestions): Promise<Connected> {
  if (daemon === 'not-running' && !isQuick) return hold(credentials);
  const isRunning = typeof daemon === 'object' && !(daemon instanceof AppError);
  return { app: await askApp(credentials), facts: isRunning ? { daemon: linkOf(daemon) } : undefined };
}

async function hold({ appToken, apiUrl }: Credentials): Promise<Connected> {
  let link: Link | undefined;
  let isAnnounced = false;
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  try {
    link = await openLink(
      { appToken, apiUrl, logger: silent, timing: DEFAULT_TIMING },
      {
        onEnvelope: () => {},
        onDisconnect: () => {
          isAnnounced = true;
        },
      },
      AbortSignal.timeout(DEFAULT_TIMING.helloMs),
    );
    const { numConnections, appId } = link.hello;
    await Promise.race([pause(HOLD_MS), link.gone]);
    const held: HeldFacts = { heldMs: HOLD_MS, isLost: !link.isOpen() && !isAnnounced, numConnections };
    return { app: 'works', facts: { held }, ...(appId === undefined ? {} : { appId }) };
  } catch (error) {
    const failure = failureOf(error);
    const said = withSlackFix(failure);
    // What Slack itself refuses is about the token; all else about the way there.
    const isRefused = failure.slackCode !== undefined || failure.kind === 'rate-limited';
    return isRefused ? { app: said, facts: undefined } : { app: undefined, facts: { held: said } };
  } finally {
    await link?.end();
  }
}

/** A daemon of another version may say it in another way. */
function linkOf({ slack }: DaemonStatus): DaemonLink {
  const text = (name: string): Record<string, string> => {
    const value = own(slack, name);
    return typeof value === 'string' ? { [name]: value } : {};
  };
  return { state: 'of unknown state', ...text('state'), ...text('reason'), ...text('warning') };
}

function failureOf(error: unknown): SlackFailure {
  const isOne = typeof error === 'object' && error !== null && 'error' in error && error.error instanceof AppError;
  return isOne ? (error as SlackFailure) : readFailure(error, 'open a connection');
}

/**
 * Whether messages arrive. Opening a conversation shows nothing to anybody. Whether the Messages tab is on only writing
 * tells: a note that the first approver alone sees, that Slack does not keep and of which it notifies nobody.
 */
async function reach(
  botToken: string,
  apiUrl: string,
  ids: readonly string[],
  scopes: readonly string[],
): Promise<Reached> {
  const isLooking = scopes.length === 0 || scopes.includes(OPEN_SCOPE);
  const opened = await Promise.all(
    ids
      .slice(0, MAX_APPROVERS)
      .map(async (id) => ({ id, answer: isLooking ? await openWith(botToken, apiUrl, id) : undefined })),
  );
  const approvers = opened.map(({ id, answer }) => ({
    id,
    reach: answer === undefined || answer instanceof AppError ? (answer ?? ('unknown' as const)) : ('open' as const),
  }));
  const [first] = opened;
  if (first === undefined || first.answer instanceof AppError) return { approvers, messagesTab: undefined };
  if (first.answer === undefined) return { approvers, messagesTab: 'unknown' };
  return { approvers, messagesTab: await writeTo(botToken, apiUrl, first.answer, first.id) };
}

/** The conversation's id; undefined where the token may not open any. */
async function openWith(botToken: string, apiUrl: string, id: string): Promise<string | undefined | AppError> {
  try {
    const answer = await callSlack(botToken, apiUrl, 'conversations.open', `write to ${id}`, { args: { users: id } });
    const channel = own(own(answer, 'channel'), 'id');
    return typeof channel === 'string' ? channel : undefined;
  } catch (error) {
    const failed = toAppError(error);
    return failed.code === 'slack-scope' ? undefined : failed;
  }
}

async function writeTo(botToken: string, apiUrl: string, channel: string, user: string): Promise<'on' | AppError> {
  try {
    const args = { channel, user, text: NOTE };
    await callSlack(botToken, apiUrl, 'chat.postEphemeral', 'write to an approver', { args });
    return 'on';
  } catch (error) {
    return toAppError(error);
  }
}
