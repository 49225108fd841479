/**
 * What travels on the socket: newline-delimited JSON, one object per line, UTF-8.
 *
 * A line with a HookInput is a request for approval. A plain one is answered with one HookOutput line, as any
 * program would expect. Our own client adds the key `claude_slack_hook` and gets the outcome itself, because only
 * the client prints: `{"claude_slack_hook":{"type":"outcome",...}}`. With `{"type":"event"}` under that key the input is
 * only told of. A line with nothing but that key is a command.
 */
import { AppError } from './errors.ts';
import type { AgentName, HookInput, Outcome } from './types.ts';

/** The largest hook input unless the settings say otherwise, in bytes. */
export const MAX_INPUT_BYTES = 1024 * 1024;

/** The agents whose dialects are spoken. */
export const AGENT_NAMES: readonly AgentName[] = ['claude', 'codex', 'cursor', 'gemini', 'opencode'];

/** Rises when an older daemon could misunderstand a newer client, or the other way round. */
export const PROTOCOL_VERSION = 1;

/** How often a client that wants it hears of the daemon, in milliseconds. */
export const BEAT_MS = 2_000;

/** The key of everything that is ours on the socket. */
export const KEY = 'claude_slack_hook';

/** What our client tells the daemon beside the HookInput. */
export interface ClientNote {
  readonly protocol: number;
  readonly agent: AgentName;
  /** The request's own, a UUID: a client whose daemon has died asks the next one with the same. */
  readonly id?: string;
  /** Who may answer; empty means those of the config file, or else the daemon's own list. */
  readonly approvers: readonly string[];
  /** They are for where the config file names nobody. */
  readonly isConfigFirst?: boolean;
  /** How long the client will wait, in milliseconds from now. */
  readonly waitMs: number;
  /** Identifies the Slack app, so that a request never goes out over another app's daemon; see `appFingerprint`. */
  readonly app: string;
  /** Values of secret-looking variables of the agent's environment that stand in the input. */
  readonly secrets?: readonly string[];
  /** Somebody is at the keyboard, and the agent's own prompt is open: nobody else is asked until the client says "away". */
  readonly isHere?: boolean;
  /** Wants to hear every BEAT_MS that the daemon lives, for as long as it waits. */
  readonly beats?: boolean;
}

/** What `--status` shows. Never holds a secret. */
export interface DaemonStatus {
  readonly pid: number;
  readonly version: string;
  readonly startedAt: number;
  readonly pending: readonly { readonly id: string; readonly tool: string; readonly askedAt: number }[];
  readonly slack: {
    readonly state: 'connecting' | 'connected' | 'down' | 'stopped';
    readonly reason?: string;
    readonly warning?: string;
    readonly connections: number;
  };
  /** Permissions for a limited time that are in force. */
  readonly grants: readonly {
    readonly id: string;
    readonly rule: string;
    readonly by: string;
    readonly until: number;
  }[];
  /** Where it takes requests over HTTP, and why it does not yet, when something else has the port. */
  readonly http?: {
    /** As it was asked for. */
    readonly port: number;
    readonly url: string;
    readonly tokenFile: string;
    readonly trouble?: string;
  };
  readonly apiUrl: string;
  readonly logFile: string;
  readonly auditFile: string;
}

/** What a daemon says first. */
export interface Hello {
  /** See `proofOf`, about `daemon` and the client's challenge. */
  readonly proof: string;
  readonly version: string;
  /** Fingerprint of its tokens; see `appFingerprint`. */
  readonly app: string;
}

export type Reply =
  | ({ readonly type: 'hello' } & Hello)
  /** The daemon makes room for another one. */
  | { readonly type: 'retiring' }
  /** The daemon lives; nothing else is meant. */
  | { readonly type: 'beat' }
  | { readonly type: 'outcome'; readonly outcome: Outcome }
  | { readonly type: 'error'; readonly code: string; readonly message: string; readonly hint: string }
  | { readonly type: 'status'; readonly status: DaemonStatus };

/** `inputJson` is a HookInput as JSON; it is never empty. */
export function encodeRequest(inputJson: string, note: ClientNote): string {
  return `${inputJson.slice(0, -1)},${JSON.stringify({ [KEY]: note }).slice(1)}\n`;
}

export function encodeHello(challenge: string): string {
  return `${JSON.stringify({ [KEY]: { type: 'hello', challenge } })}\n`;
}

/** Checks one line from the daemon. Throws AppError('protocol'). */
export function readReply(line: string): Reply {
  const reply = parseObject(line)[KEY];
  if (!isObject(reply)) throw new AppError('protocol', `Expected a reply with the key ${KEY}, got ${kindOf(reply)}`);
  if (reply.type === 'outcome' && isOutcome(reply.outcome)) return { type: 'outcome', outcome: reply.outcome };
  if (reply.type === 'beat' || reply.type === 'retiring') return { type: reply.type };
  if (reply.type === 'hello')
    return { type: 'hello', proof: String(reply.proof), version: String(reply.version), app: String(reply.app) };
  if (reply.type === 'status' && isObject(reply.status))
    return { type: 'status', status: reply.status as unknown as DaemonStatus };
  if (reply.type === 'error') {
    return { type: 'error', code: String(reply.code), message: String(reply.message), hint: String(reply.hint) };
  }
  throw new AppError('protocol', `Unknown reply type ${JSON.stringify(reply.type)}`);
}

/**
 * Checks the keys that every hook input has and the ones a request for a tool needs; all other keys pass as they are.
 * Throws AppError('bad-input').
 */
export function checkHookInput(value: unknown): HookInput {
  if (!isObject(value))
    throw new AppError('bad-input', `Expected the hook input to be a JSON object, got ${kindOf(value)}`);
  for (const key of ['hook_event_name', 'session_id', 'cwd']) {
    if (typeof value[key] !== 'string' || value[key] === '') {
      throw new AppError('bad-input', `Expected ${key} to be a non-empty string, got ${kindOf(value[key])}`);
    }
  }
  for (const key of ['tool_name', 'permission_mode']) {
    if (value[key] !== undefined && typeof value[key] !== 'string') {
      throw new AppError('bad-input', `Expected ${key} to be a string, got ${kindOf(value[key])}`);
    }
  }
  if (value.tool_input !== undefined && !isObject(value.tool_input)) {
    throw new AppError('bad-input', `Expected tool_input to be an object, got ${kindOf(value.tool_input)}`);
  }
  return value as unknown as HookInput;
}

const OUTCOME_KINDS: readonly unknown[] = [
  'allowed',
  'denied',
  'expired',
  'withdrawn',
  'elsewhere',
  'unknown',
  'stopped',
  'undeliverable',
];

function isOutcome(value: unknown): value is Outcome {
  if (!isObject(value) || !OUTCOME_KINDS.includes(value.kind) || typeof value.at !== 'number') return false;
  if (value.kind === 'allowed' || value.kind === 'denied') return isDecided(value);
  return typeof value.reason === 'string';
}

function isDecided({ by, updatedInput, updatedPermissions }: Record<string, unknown>): boolean {
  const isInput = updatedInput === undefined || isObject(updatedInput);
  const areUpdates =
    updatedPermissions === undefined || (Array.isArray(updatedPermissions) && updatedPermissions.every(isObject));
  return typeof by === 'string' && by !== '' && isInput && areUpdates;
}

export function parseObject(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new AppError('protocol', 'Expected one JSON object per line, got something else', { cause: error });
  }
  if (!isObject(value)) throw new AppError('protocol', `Expected a JSON object, got ${kindOf(value)}`);
  return value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return value === undefined ? 'nothing' : `a ${typeof value}`;
}
