/** What went wrong with Slack, in our words. Class names are useless (the compiled program renames them): `code` and `data` are not. */
import { AppError, type ErrorCode, oneLine } from '../errors.ts';

/** What can be done about a failure. */
export type FailureKind =
  /** A token or the app's settings are wrong: no call works until a person changes something. */
  | 'fatal'
  | 'rate-limited'
  /** Network, proxy or Slack itself: worth trying again. */
  | 'transient'
  /** The message as it is cannot be posted; a smaller one might. */
  | 'too-large'
  /** This call will never work, others may. */
  | 'refused';

export interface SlackFailure {
  readonly kind: FailureKind;
  /** Slack's own error code, where there is one. */
  readonly slackCode?: string;
  /** For 'rate-limited'. */
  readonly retryAfterMs?: number;
  /** True when Slack may have done what it was asked to. */
  readonly uncertain: boolean;
  readonly error: AppError;
}

/**
 * Codes after which no call works until a person acts (auth.test and apps.connections.open references).
 * link_disabled: Socket Mode is switched off for the app.
 */
const FATAL: ReadonlyMap<string, ErrorCode> = new Map([
  ...[
    'invalid_auth',
    'not_authed',
    'account_inactive',
    'user_removed_from_team',
    'team_disabled',
    'not_allowed_token_type',
    'token_revoked',
    'token_expired',
    'no_permission',
    'org_login_required',
    'ekm_access_denied',
    'access_denied',
    'team_access_not_granted',
  ].map((code) => [code, 'slack-auth'] as const),
  ['missing_scope', 'slack-scope'] as const,
  ...['link_disabled', 'forbidden_team', 'enterprise_is_restricted'].map((code) => [code, 'slack-config'] as const),
]);

/** Slack's own troubles; they pass. */
const TRANSIENT = new Set([
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
  'team_added_to_org',
]);
const RATE_LIMITED = new Set(['ratelimited', 'rate_limited', 'message_limit_exceeded']);
const TOO_LARGE = new Set([
  'invalid_blocks',
  'invalid_blocks_format',
  'msg_too_long',
  'msg_blocks_too_long',
  'metadata_too_large',
]);
/** A setting of the app or of the person, not of this message. */
const CONFIG = new Set([
  'channel_not_found',
  'user_not_found',
  'user_disabled',
  'messages_tab_disabled',
  'cannot_dm_bot',
  'not_in_channel',
  'is_archived',
  'restricted_action',
]);

/** Slack gives whole seconds; a refusal without a number is taken for this long. */
const DEFAULT_RETRY_AFTER_S = 1;
const CODE_FORM = /^[a-z][a-z0-9_]{1,60}$/;

/** True for Slack's error codes that mean: nothing will work until a person acts. */
export function isFatal(slackCode: string): boolean {
  return FATAL.has(slackCode);
}

/** Reads whatever the SDK threw. `doing` completes "Slack refused to …". The message never holds a page, an address or a token. */
export function readFailure(error: unknown, doing: string): SlackFailure {
  const retryAfter = numberOf(field(error, 'retryAfter'));
  const failed = (
    kind: FailureKind,
    code: ErrorCode,
    message: string,
    more: Partial<SlackFailure> = {},
  ): SlackFailure => ({
    kind,
    uncertain: false,
    // Without a cause: the SDK's error holds the whole answer, and loggers print causes.
    error: new AppError(code, message),
    ...more,
  });
  if (error instanceof AppError) return { kind: 'transient', uncertain: false, error };
  switch (field(error, 'code')) {
    case 'slack_webapi_platform_error':
      return platformFailure(error, doing, failed);
    case 'slack_webapi_rate_limited_error':
      return rateLimited(doing, retryAfter, failed);
    case 'slack_webapi_http_error': {
      const status = numberOf(field(error, 'statusCode')) ?? 0;
      const kind = status === 413 ? 'too-large' : 'transient';
      return failed(kind, 'slack-unreachable', `Slack could not ${doing}: HTTP status ${status}`, {
        uncertain: status >= 500,
      });
    }
    case 'slack_webapi_request_error':
      return failed(
        'transient',
        'slack-unreachable',
        `Slack could not be reached to ${doing}: ${networkCause(error)}`,
        {
          uncertain: !isRefusedConnection(error),
        },
      );
    case 'slack_socket_mode_websocket_error':
      return failed('transient', 'slack-unreachable', 'The WebSocket to Slack could not be opened or broke');
    default:
      return failed('transient', 'slack-unreachable', `Slack could not ${doing}: unexpected answer`, {
        uncertain: true,
      });
  }
}

type Fail = (kind: FailureKind, code: ErrorCode, message: string, more?: Partial<SlackFailure>) => SlackFailure;

function platformFailure(error: unknown, doing: string, failed: Fail): SlackFailure {
  const data = field(error, 'data');
  const slackCode = field(data, 'error');
  if (typeof slackCode !== 'string' || !CODE_FORM.test(slackCode)) {
    // The SDK takes a page that is not JSON for an error code: somebody between us and Slack answered.
    return failed('transient', 'slack-unreachable', `Slack could not ${doing}: the answer was not Slack's (a proxy?)`, {
      uncertain: true,
    });
  }
  const because = `Slack refused to ${doing}: ${slackCode}`;
  const fatal = FATAL.get(slackCode);
  if (fatal !== undefined) return failed('fatal', fatal, `${because}${neededScope(data)}`, { slackCode });
  if (RATE_LIMITED.has(slackCode)) {
    const seconds = numberOf(field(field(data, 'response_metadata'), 'retryAfter'));
    return { ...rateLimited(doing, seconds, failed), slackCode };
  }
  if (TRANSIENT.has(slackCode))
    return failed('transient', 'slack-unreachable', because, { slackCode, uncertain: true });
  if (TOO_LARGE.has(slackCode)) return failed('too-large', 'slack-rejected', because, { slackCode });
  return failed('refused', CONFIG.has(slackCode) ? 'slack-config' : 'slack-rejected', because, { slackCode });
}

function rateLimited(doing: string, seconds: number | undefined, failed: Fail): SlackFailure {
  const wait = Math.max(0, seconds ?? DEFAULT_RETRY_AFTER_S);
  return failed('rate-limited', 'slack-rate-limited', `Slack asks to wait ${wait} s before it will ${doing}`, {
    retryAfterMs: wait * 1000,
  });
}

function neededScope(data: unknown): string {
  const needed = field(data, 'needed');
  return typeof needed === 'string' && /^[a-z.:,_]{1,200}$/.test(needed) ? ` (needs ${needed})` : '';
}

/** The system's name of the trouble (ConnectionRefused, ENOTFOUND, TimeoutError), never its text: that may hold addresses. */
function networkCause(error: unknown): string {
  const original = field(error, 'original');
  for (const name of [field(original, 'code'), field(original, 'name')]) {
    if (typeof name === 'string' && /^[A-Za-z_]{2,60}$/.test(name) && name !== 'Error') return name;
  }
  return 'network error';
}

/** Only then it is sure that Slack got nothing. */
function isRefusedConnection(error: unknown): boolean {
  return /refused|FailedToOpenSocket|ENOTFOUND|EAI_AGAIN|DNS/i.test(networkCause(error));
}

export function isFailure(value: unknown): value is SlackFailure {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    'error' in value &&
    value.error instanceof AppError
  );
}

/** A text of the SDK for our log: one line, bounded, without tokens and without the query of an address. */
export function safeText(value: unknown): string {
  const text = value instanceof Error ? value.message : typeof value === 'string' ? value : '';
  return oneLine(text)
    .replace(/\bx(?:ox[a-z]|app)-[A-Za-z0-9-]+/g, '[redacted]')
    .replace(/\b((?:wss?|https?):\/\/[^\s?'"]*)\?[^\s'"]*/g, '$1')
    .slice(0, 300);
}

/** A property of anything; undefined when there is none. */
export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
