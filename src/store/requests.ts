/** The audit log as a list of requests and how they ended, read a line at a time. */
import type { StoreRecord, ToolInput } from '../types.ts';
import { readRecord } from './chain.ts';
import { linesOf, segmentsOf } from './segments.ts';

/** A request on record. Its texts are the agent's, with secrets masked. */
export interface PastRequest {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly session: string;
  /** The event's name, for what is no tool call. */
  readonly tool: string;
  /** The first line with something in it of what the call is mostly about. */
  readonly call: string;
  /** The kind of its outcome; `open` when the log has none. */
  readonly outcome: string;
  /** Who decided; nobody for what ended by itself. */
  readonly by: readonly string[];
  readonly via?: string;
  readonly rule?: string;
  /** From the question to its end. */
  readonly waitedMs?: number;
}

export interface RequestQuery {
  readonly isWanted: (request: PastRequest) => boolean;
  /** How many; the last ones. */
  readonly limit: number;
}

/** Requests without an end are few: those that wait, and those that a crash cut off. */
const MAX_OPEN = 10_000;
/** UTF-16 units. */
const MAX_CALL = 200;
/** The argument that tells most about a call; the first that is there. */
const MAIN_KEYS = ['command', 'file_path', 'notebook_path', 'url', 'query', 'pattern', 'prompt', 'description'];

/** In the order in which they were asked, latest last. What it keeps in memory depends on `limit` and not on the log. */
export function pastRequests(path: string, { isWanted, limit }: RequestQuery): readonly PastRequest[] {
  const open = new Map<string, Numbered>();
  let settled: Numbered[] = [];
  let order = 0;
  const settle = (entry: Numbered): void => {
    if (!isWanted(entry.request)) return;
    settled.push(entry);
    if (settled.length > limit * 2) settled = lastOf(settled, limit);
  };
  for (const file of [...segmentsOf(path).map((segment) => segment.path), path]) {
    for (const { bytes } of linesOf(file)) {
      const record = readRecord(bytes);
      if (record?.type === 'asked') {
        const request = askedRequest(record);
        if (request === undefined) continue;
        order += 1;
        open.set(request.id, { order, request });
        const [oldest] = open.size > MAX_OPEN ? open.values() : [];
        if (oldest === undefined) continue;
        open.delete(oldest.request.id);
        settle(oldest);
      } else if (record?.type === 'ended') {
        const entry = open.get(String(record.id));
        if (entry === undefined) continue;
        open.delete(entry.request.id);
        settle({ ...entry, request: endedRequest(entry.request, record) });
      }
    }
  }
  for (const entry of open.values()) settle(entry);
  return lastOf(settled, limit).map(({ request }) => request);
}

interface Numbered {
  readonly order: number;
  readonly request: PastRequest;
}

function lastOf(entries: readonly Numbered[], limit: number): Numbered[] {
  return entries.toSorted((a, b) => a.order - b.order).slice(-limit);
}

function askedRequest({ id, at, input }: StoreRecord): PastRequest | undefined {
  if (typeof id !== 'string' || typeof at !== 'number' || !isObject(input)) return undefined;
  const { session_id: session, tool_name: name, hook_event_name: event, tool_input: toolInput } = input;
  const tool = textOf(name) || textOf(event);
  return {
    id,
    at,
    session: textOf(session),
    tool,
    call: firstLine(isObject(toolInput) ? toolInput : {}),
    outcome: 'open',
    by: [],
  };
}

function endedRequest(request: PastRequest, { at, kind, by, also, via, rule }: StoreRecord): PastRequest {
  const people = [by, ...(Array.isArray(also) ? also : [])].filter((one) => typeof one === 'string');
  return {
    ...request,
    outcome: textOf(kind),
    by: people,
    ...(typeof via === 'string' ? { via } : {}),
    ...(typeof rule === 'string' ? { rule } : {}),
    ...(typeof at === 'number' ? { waitedMs: Math.max(0, at - request.at) } : {}),
  };
}

function firstLine(input: ToolInput): string {
  const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== '';
  const main = MAIN_KEYS.map((key) => input[key]).find(isText) ?? Object.values(input).find(isText);
  const text = main ?? (Object.keys(input).length === 0 ? '' : JSON.stringify(input));
  const line = (/\S[^\r\n]*/.exec(text)?.[0] ?? '').trimEnd();
  if (line.length <= MAX_CALL) return line;
  // Not between the halves of a character.
  return `${line.slice(0, MAX_CALL - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isObject(value: unknown): value is ToolInput {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
