/** The record of hook events: what one is, and what a store of them can do. Types only; everybody may import it. */
import type { AgentName } from './types.ts';

/** Where an event came in: an API call, an agent's http hook, a hook command through the daemon, or the daemon's own approvals. */
export type EventSource = 'api' | 'http' | 'socket' | 'approval';

/** What an event means whatever the agent calls it; `other` for names that we do not know. */
export type EventKind =
  | 'session.started'
  | 'session.updated'
  | 'session.ended'
  | 'prompt.submitted'
  | 'tool.requested'
  | 'tool.completed'
  | 'tool.failed'
  | 'approval.requested'
  | 'approval.shown'
  | 'approval.decided'
  | 'approval.ended'
  | 'agent.responded'
  | 'agent.thought'
  | 'notification.reported'
  | 'other';

/**
 * One event, as it is stored and as it leaves again. The names of the first eight are those of the events' public format;
 * a line of the JSONL file is exactly this object. Texts hold neither NUL nor lone surrogates: see `flags`.
 */
export interface EventRecord {
  /** As the sender named it, at most 128 characters; else a UUIDv7. */
  readonly event_id: string;
  /** As the sender called it. */
  readonly event_type: string;
  readonly session_id: string;
  readonly workflow_id: string | null;
  readonly phase_id: string | null;
  readonly milestone_id: string | null;
  /** What a typed event has under `data`; of an agent's hook the whole input. */
  readonly data: unknown;
  /** When it happened: ISO 8601 in UTC with milliseconds. With `id` its identity. */
  readonly timestamp: string;
  /** A UUID. Of an event that the sender named it depends on that name and the project alone, so that a second delivery is known. */
  readonly id: string;
  /** Microseconds since the epoch, unique and growing in one process: the order of arrival. A safe integer. */
  readonly seq: number;
  readonly kind: EventKind;
  readonly agent: AgentName | null;
  /** A name: that of the sender's key, else the last part of the directory the agent works in. */
  readonly project: string | null;
  readonly host: string | null;
  readonly tool: string | null;
  readonly src: EventSource;
  /** Of approvals, what ties their events together. */
  readonly approval_id?: string;
  /** Headers that tell about the sender. */
  readonly meta?: Readonly<Record<string, string>>;
  /** Keys of the body that have no place of their own, as they were. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** What could not be kept as it was: `text` (NUL or a lone surrogate became U+FFFD), `timestamp` (could not be read: see `extra`). */
  readonly flags?: readonly string[];
  /** The sender has named it but not said when it happened, or has named the request instead: known again by `id` alone. */
  readonly is_undated?: true;
}

/** What to look for. Everything that is given must hold. */
export interface EventFilter {
  readonly session?: string;
  /** A canonical kind, or the beginning of one with a dot: `approval.` */
  readonly kind?: string;
  readonly type?: string;
  readonly agent?: string;
  readonly project?: string;
  readonly tool?: string;
  /** Part of the type, session, tool, project, or of the data's JSON, without regard to case. */
  readonly text?: string;
  /** Milliseconds since the epoch; from inclusive, to exclusive. */
  readonly from?: number;
  readonly to?: number;
  /** Only events that arrived before or after this one; see `seq`. */
  readonly beforeSeq?: number;
  readonly afterSeq?: number;
}

/** One session, in a list of them. Times in milliseconds since the epoch. */
export interface SessionRow {
  readonly session: string;
  readonly agent: AgentName | null;
  readonly project: string | null;
  readonly events: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** How long what is kept, in days. */
export interface RetentionRules {
  readonly eventDays: number;
  readonly approvalDays: number;
}

export interface RetentionReport {
  /** What is deleted, or would be: a partition or file, or rows of one; for people. */
  readonly deleted: readonly { readonly what: string; readonly events: number }[];
  /** Files that were compressed. */
  readonly compressed: readonly string[];
}

export interface Appended {
  /** Rows that are new. */
  readonly stored: number;
  /** Those that the store had already, or that came twice. */
  readonly duplicates: number;
}

/** Where events are kept. All methods reject with AppError('store') when it cannot be used. */
export interface EventStore {
  readonly kind: 'jsonl' | 'postgres';
  /** Resolves when all of them are on disk, or were before. All or none. Calls may overlap. */
  append(events: readonly EventRecord[]): Promise<Appended>;
  /** Newest first by `seq`, or oldest first; at most `limit`. */
  find(filter: EventFilter, limit: number, order?: 'newest' | 'oldest'): Promise<readonly EventRecord[]>;
  /** The sessions that were heard of last, latest first; at most `limit`. */
  sessions(
    filter: Pick<EventFilter, 'project' | 'agent' | 'from' | 'to'>,
    limit: number,
  ): Promise<readonly SessionRow[]>;
  /** All events that are stored; may be an estimate above a million. */
  count(): Promise<number>;
  /** Deletes what is older than the rules say. Never what belongs to an approval that has no end. */
  retain(rules: RetentionRules, now: number, isDryRun: boolean): Promise<RetentionReport>;
  /** Resolves when the store can be written. */
  check(): Promise<void>;
  /** Waits for what is being written. */
  close(): Promise<void>;
}
