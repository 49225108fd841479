/** A line of the event log: what it says, and by what it is known when it is sent again. */
import type { EventKind, EventRecord } from '../events.ts';

/** In the order of their numbers in the index files: new ones come last. */
const KINDS: readonly EventKind[] = [
  'session.started',
  'session.updated',
  'session.ended',
  'prompt.submitted',
  'tool.requested',
  'tool.completed',
  'tool.failed',
  'approval.requested',
  'approval.shown',
  'approval.decided',
  'approval.ended',
  'agent.responded',
  'agent.thought',
  'notification.reported',
  'other',
];
const NUMBERS = new Map<string, number>(KINDS.map((kind, number) => [kind, number]));
/** Of kinds that a later version has written. */
const UNKNOWN_KIND = 255;

export function numberOfKind(kind: string): number {
  return NUMBERS.get(kind) ?? UNKNOWN_KIND;
}

/** Whether events of a kind may pass a filter's kind, by number; one that is not known has to be looked at. */
export function kindTest(kind: string): (number: number) => boolean {
  const passing = KINDS.map((known) => isOfKind(known, kind));
  return (number) => passing[number] ?? true;
}

/** `kind` of a filter: a whole kind, or the beginning of some with a dot. */
export function isOfKind(kind: string, wanted: string): boolean {
  return wanted.endsWith('.') ? kind.startsWith(wanted) : kind === wanted;
}

export function isApproval(event: Pick<EventRecord, 'kind'>): boolean {
  return event.kind.startsWith('approval.');
}

/** What makes two events that their sender has named the same one; undefined for others, which come only once. */
export function identityOf(
  event: Pick<EventRecord, 'event_id' | 'id' | 'timestamp' | 'is_undated'>,
): string | undefined {
  if (event.is_undated) return `${event.id} undated`;
  return event.event_id === event.id ? undefined : `${event.id} ${event.timestamp}`;
}

/** The event that a line says; undefined for what is none, like half a line that a crash has left. */
export function readEvent(line: string): EventRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isEvent(value) ? value : undefined;
}

const TEXTS = ['id', 'event_id', 'event_type', 'session_id', 'timestamp', 'kind'];

function isEvent(value: unknown): value is EventRecord {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Record<string, unknown>;
  return (
    TEXTS.every((name) => typeof fields[name] === 'string') &&
    Number.isSafeInteger(fields.seq) &&
    !Number.isNaN(Date.parse(String(fields.timestamp)))
  );
}
