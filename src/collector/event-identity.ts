/** Which event is which: names of senders, times, and the order of arrival. */

/** A namespace of our own, so that a sender's names cannot meet anybody else's UUIDs. */
const NAMESPACE = '6f1c7a52-5d0e-4b8e-9d7b-0c6a5b0f3e21';

/** The same sender's name in the same project gives the same id for ever (RFC 9562, version 5). */
export function idOfName(project: string | null, name: string): string {
  return Bun.randomUUIDv5(`${project ?? ''}\0${name}`, NAMESPACE);
}

/**
 * The same for what a daemon tells of an approval. No name that a sender gives can have a NUL in it, so that nobody can
 * take an approval's place in the record before it is told.
 */
export function idOfApproval(project: string | null, name: string): string {
  return idOfName(project, `\0${name}`);
}

/** A time-ordered id (RFC 9562, version 7). */
export function newId(): string {
  return Bun.randomUUIDv7();
}

/** Milliseconds since the epoch that a UUIDv7 was made at; undefined for any other text. */
export function timeOfId(id: string): number | undefined {
  const [, head, tail] = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.exec(id) ?? [];
  // 48 bits of milliseconds reach beyond the years that can be written.
  const ms = head === undefined || tail === undefined ? Number.NaN : Number.parseInt(head + tail, 16);
  return ms <= MAX_TIME ? ms : undefined;
}

/** Year 9999: what an ISO 8601 time of four digits can say. */
const MAX_TIME = Date.UTC(9999, 11, 31);
/** A number below this is taken for seconds: as milliseconds it would lie in 1973. */
const SECONDS_BELOW = 100_000_000_000;

/** Milliseconds since the epoch of what a sender calls a time: ISO 8601 (UTC unless it says otherwise), seconds or milliseconds. */
export function readTime(value: unknown): number | undefined {
  const ms = typeof value === 'number' ? fromNumber(value) : typeof value === 'string' ? fromText(value) : Number.NaN;
  return ms >= 0 && ms <= MAX_TIME ? ms : undefined;
}

function fromNumber(value: number): number {
  return Math.trunc(value < SECONDS_BELOW ? value * 1000 : value);
}

function fromText(text: string): number {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return Date.parse(text);
  if (!/^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}/.test(text)) return Number.NaN;
  return Date.parse(/(?:Z|[+-]\d{2}:?\d{2})$/i.test(text) ? text : `${text}Z`);
}

/** Many events come in the same millisecond. */
let lastMs = Number.NaN;
let lastText = '';

/** ISO 8601 in UTC with milliseconds. */
export function isoTime(ms: number): string {
  if (ms !== lastMs) {
    lastText = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastText;
}

/** Numbers events in the order of their arrival; see `EventRecord.seq`. A later process goes on above, as long as its clock does. */
export function createSequence(now: () => number, after = 0): () => number {
  let last = after;
  return () => {
    last = Math.max(last + 1, now() * 1000);
    return last;
  };
}
