/** The protocol as the daemon reads it, and the rarer lines: a hook that waits for a decision does not load them. */
import { AppError } from './errors.ts';
import {
  AGENT_NAMES,
  type ClientNote,
  checkHookInput,
  isObject,
  KEY,
  kindOf,
  PROTOCOL_VERSION,
  parseObject,
  type Reply,
} from './protocol.ts';
import type { AgentName, HookInput } from './types.ts';

export type Incoming =
  | { readonly type: 'request'; readonly input: HookInput; readonly note: ClientNote | undefined }
  /** Something that has happened; whatever the event is, nobody is asked because of it. */
  | { readonly type: 'event'; readonly input: HookInput; readonly agent: AgentName }
  /** Whoever was at the keyboard while this was asked is not any more. */
  | { readonly type: 'away'; readonly id: string }
  | { readonly type: 'hello'; readonly challenge: string }
  | { readonly type: 'retire' }
  | { readonly type: 'status' };

export function encodeStatusQuery(): string {
  return `${JSON.stringify({ [KEY]: { type: 'status' } })}\n`;
}

/** Asks a daemon to make room for a newer one, or for one with other tokens. */
export function encodeRetire(): string {
  return `${JSON.stringify({ [KEY]: { type: 'retire' } })}\n`;
}

/** Says of a request of this connection that nobody is at the keyboard any more. */
export function encodeAway(id: string): string {
  return `${JSON.stringify({ [KEY]: { type: 'away', id } })}\n`;
}

/** A hook input that is only told of. */
export function encodeEvent(input: HookInput, agent: AgentName): string {
  return `${JSON.stringify({ ...input, [KEY]: { type: 'event', agent } })}\n`;
}

export function encodeReply(reply: Reply): string {
  return `${JSON.stringify({ [KEY]: reply })}\n`;
}

/** Checks one line from a client. Throws AppError('protocol' | 'bad-input'). */
export function readIncoming(line: string): Incoming {
  checkDepth(line);
  const value = parseObject(line);
  const { [KEY]: extra, ...rest } = value;
  if (extra !== undefined && Object.keys(rest).length === 0) return readCommand(extra);
  const input = checkHookInput(rest);
  if (isObject(extra) && extra.type === 'event')
    return { type: 'event', input, agent: isAgent(extra.agent) ? extra.agent : 'claude' };
  return { type: 'request', input, note: extra === undefined ? undefined : readNote(extra) };
}

/** No tool nests its input like this, and a megabyte of nothing but brackets becomes a hundred of them in memory. */
const MAX_DEPTH = 2_000;

/** Throws AppError('bad-input') before anything is made of it. Brackets in texts are none. */
function checkDepth(line: string): void {
  if (line.length <= MAX_DEPTH) return;
  let depth = 0;
  let isText = false;
  for (let at = 0; at < line.length; at += 1) {
    const code = line.charCodeAt(at);
    if (isText) {
      if (code === BACKSLASH) at += 1;
      else if (code === QUOTE) isText = false;
    } else if (code === QUOTE) isText = true;
    else if (code === OPEN_LIST || code === OPEN_OBJECT) {
      depth += 1;
      if (depth > MAX_DEPTH)
        throw new AppError('bad-input', `Expected JSON that is nested at most ${MAX_DEPTH} levels deep, got more`);
    } else if (code === OPEN_LIST + 2 || code === OPEN_OBJECT + 2) depth -= 1;
  }
}

const [QUOTE, BACKSLASH, OPEN_LIST, OPEN_OBJECT] = [0x22, 0x5c, 0x5b, 0x7b];

function readCommand(extra: unknown): Incoming {
  if (isObject(extra) && (extra.type === 'status' || extra.type === 'retire')) return { type: extra.type };
  if (isObject(extra) && extra.type === 'hello' && typeof extra.challenge === 'string' && extra.challenge.length <= 100)
    return { type: 'hello', challenge: extra.challenge };
  if (isObject(extra) && extra.type === 'away' && typeof extra.id === 'string') return { type: 'away', id: extra.id };
  throw new AppError('protocol', `Unknown command ${JSON.stringify(extra)?.slice(0, 80)}`);
}

function readNote(value: unknown): ClientNote {
  if (!isObject(value)) throw new AppError('protocol', `Expected ${KEY} to be an object, got ${kindOf(value)}`);
  if (value.protocol !== PROTOCOL_VERSION) {
    throw new AppError(
      'daemon-mismatch',
      `Expected protocol ${PROTOCOL_VERSION}, got ${JSON.stringify(value.protocol)}`,
    );
  }
  const {
    agent,
    id,
    approvers,
    waitMs,
    app,
    secrets = [],
    beats = false,
    isConfigFirst = false,
    isHere = false,
  } = value;
  const timed = typeof waitMs === 'number' && waitMs > 0 && waitMs < 2 ** 31;
  const lists = areTexts(approvers) && areTexts(secrets);
  const named = id === undefined || (typeof id === 'string' && UUID.test(id));
  const flagged = [beats, isConfigFirst, isHere].every((flag) => typeof flag === 'boolean');
  if (!isAgent(agent) || !lists || !timed || !named || typeof app !== 'string' || !flagged) {
    throw new AppError('protocol', `Malformed ${KEY} note`);
  }
  return {
    ...{ protocol: PROTOCOL_VERSION, agent, approvers, waitMs, app, secrets },
    ...(id === undefined ? {} : { id }),
    ...(beats === true ? { beats } : {}),
    ...(isConfigFirst === true ? { isConfigFirst } : {}),
    ...(isHere === true ? { isHere } : {}),
  };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function isAgent(value: unknown): value is AgentName {
  return AGENT_NAMES.some((name) => name === value);
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
