/** How the channel is, for people and for the core: one value made of what connections and calls have told. */
import { AppError } from '../errors.ts';
import type { ConnectionState } from './slack-connection.ts';
import { field, type SlackFailure } from './slack-errors.ts';
import { WORDS } from './wording.ts';

/** Holds no secret. */
export interface SlackHealth {
  readonly state: 'connecting' | 'connected' | 'down' | 'stopped';
  /** Why it is down. */
  readonly reason?: string;
  /** From the error catalogue. */
  readonly code?: string;
  /** True when only a person can repair it: a token or a setting of the app. */
  readonly isFatal: boolean;
  readonly warning?: string;
  /** Our own open connections. */
  readonly connections: number;
  /** Connections of this app, whoever holds them, when the latest one was opened. */
  readonly numConnections?: number;
  readonly isShared: boolean;
  readonly appId?: string;
  readonly identity?: SlackIdentity;
}

/** Who we are in Slack. */
export interface SlackIdentity {
  readonly team: string;
  readonly teamId: string;
  /** Of the workspace, such as `https://example.slack.com/`. */
  readonly url: string;
  readonly botId: string;
  readonly botUserId: string;
  /** What the bot token may do; empty when Slack did not say. */
  readonly scopes: readonly string[];
}

/** All that asking and closing takes. */
const NEEDED_SCOPE = 'chat:write';

/** `postedBy` is the app that posted messages come from: another one than the connection's app never hears of clicks. */
export function healthOf(
  connection: ConnectionState,
  botFailure: SlackFailure | undefined,
  identity: SlackIdentity | undefined,
  postedBy: string | undefined,
): SlackHealth {
  const { hello, isShared, connections } = connection;
  const failure = botFailure ?? connection.failure;
  const isDown = connection.state !== 'stopped' && failure !== undefined;
  const isOtherApp = postedBy !== undefined && hello?.appId !== undefined && postedBy !== hello.appId;
  const warning = isOtherApp ? WORDS.twoApps : isShared ? WORDS.sharedApp : undefined;
  return {
    state: isDown ? 'down' : connection.state,
    ...(isDown ? { reason: failure.error.message, code: failure.error.code } : {}),
    isFatal: isDown && failure.kind === 'fatal',
    ...(warning === undefined ? {} : { warning }),
    connections,
    ...(hello === undefined ? {} : { numConnections: hello.numConnections }),
    isShared,
    ...(hello?.appId === undefined ? {} : { appId: hello.appId }),
    ...(identity === undefined ? {} : { identity }),
  };
}

/** Reads the answer of auth.test; the SDK adds the granted scopes from a response header. */
export function readIdentity(answer: Record<string, unknown>): SlackIdentity {
  const text = (name: string): string => (typeof answer[name] === 'string' ? answer[name] : '');
  const scopes = field(answer.response_metadata, 'scopes');
  return {
    team: text('team'),
    teamId: text('team_id'),
    url: text('url'),
    botId: text('bot_id'),
    botUserId: text('user_id'),
    scopes: Array.isArray(scopes) ? scopes.filter((scope) => typeof scope === 'string' && scope !== '') : [],
  };
}

/** Throws AppError('slack-scope') when Slack has told the scopes and ours is not among them. */
export function requireScope({ scopes }: SlackIdentity): void {
  if (scopes.length === 0 || scopes.includes(NEEDED_SCOPE)) return;
  throw new AppError(
    'slack-scope',
    `Expected the bot token to have the scope ${NEEDED_SCOPE}, got ${scopes.join(', ')}`,
  );
}
