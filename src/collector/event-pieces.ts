/**
 * Events of a store, some at a time: what a request or a start needs in memory does not depend on how large senders make
 * their events, of which a thousand may be a gigabyte.
 */
import type { EventFilter, EventRecord, EventStore } from '../events.ts';

type Found = Pick<EventStore, 'find'>;
type Order = 'newest' | 'oldest';

export interface Piece {
  readonly events: readonly EventRecord[];
  /** Each of them as JSON. */
  readonly texts: readonly string[];
}

/** What a piece should come to, in characters of JSON, and how many events it may have whatever they look like. */
const PIECE_LENGTH = 4_000_000;
const FEWEST = 5;
const MOST = 100;

/** At most `limit` events of a filter, in their order. Rejects as the store does. */
export async function* pieces(
  store: Found,
  filter: EventFilter,
  order: Order,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<Piece, void, undefined> {
  let next = filter;
  let size = MOST / 2;
  for (let left = limit; left > 0; ) {
    const wanted = Math.min(size, left);
    const events = await store.find(next, wanted, order);
    const texts = events.map((event) => JSON.stringify(event));
    if (events.length > 0) yield { events, texts };
    const last = events.at(-1);
    if (last === undefined || events.length < wanted) return;
    left -= events.length;
    next = { ...filter, ...(order === 'oldest' ? { afterSeq: last.seq } : { beforeSeq: last.seq }) };
    const average = texts.reduce((sum, { length }) => sum + length, 0) / texts.length;
    size = Math.min(MOST, Math.max(FEWEST, Math.floor(PIECE_LENGTH / average)));
  }
}

/** Longer than any text that a page shows, in characters. */
const MAX_TEXT = 4_000;
const MAX_ITEMS = 1_000;

/** The same store for those who show events to people: texts that are too long for that are cut. */
export function shownStore<T extends Found>(store: T): T {
  return {
    ...store,
    find: async (filter: EventFilter, limit: number, order: Order = 'newest') => {
      const found: EventRecord[] = [];
      for await (const { events, texts } of pieces(store, filter, order, limit))
        for (const [number, event] of events.entries()) {
          // What is no longer than that has no such text.
          const isShort = (texts[number]?.length ?? 0) <= MAX_TEXT;
          found.push(isShort ? event : { ...event, data: cut(event.data) });
        }
      return found;
    },
  };
}

function cut(value: unknown): unknown {
  // A slice alone would keep all of the text in memory.
  if (typeof value === 'string')
    return value.length > MAX_TEXT ? Buffer.from(value.slice(0, MAX_TEXT)).toString() : value;
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map(cut);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cut(item)]));
}
