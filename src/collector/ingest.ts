/**
 * Group commit: events of many requests go to the store together, and a request is answered when its own are on disk.
 * Bounded: what comes faster than the store takes it is refused, and nothing that was accepted is lost.
 */
import type { EventRecord, EventStore } from '../events.ts';

export interface IngestOptions {
  readonly store: Pick<EventStore, 'append'>;
  /** Told of events that are on disk, in the order in which they were written. */
  readonly onStored: (events: readonly EventRecord[]) => void;
  /** What an append came to; for the metrics. */
  readonly onFlush?: (flush: Flush) => void;
  /** How many appends may be under way. */
  readonly parallel?: number;
  /** More events or bytes than this are not kept waiting. */
  readonly maxEvents?: number;
  readonly maxBytes?: number;
  /** As many events go to the store at once. */
  readonly flushEvents?: number;
}

export interface Flush {
  readonly events: number;
  readonly stored: number;
  readonly duplicates: number;
  readonly tookMs: number;
  readonly error?: unknown;
}

export interface Ingest {
  /** Resolves with true when they are on disk, with false at once when too much waits; rejects when the store cannot take them. */
  offer(events: readonly EventRecord[], bytes: number): Promise<boolean>;
  /** Events that wait or are being written. */
  depth(): number;
  /** Resolves when nothing waits any more. */
  idle(): Promise<void>;
}

interface Entry {
  readonly events: readonly EventRecord[];
  readonly bytes: number;
  readonly resolve: (isStored: boolean) => void;
  readonly reject: (error: unknown) => void;
}

const MAX_EVENTS = 50_000;
const MAX_BYTES = 128 * 1024 * 1024;
const FLUSH_EVENTS = 5_000;

export function createIngest(options: IngestOptions): Ingest {
  const { store, onStored, onFlush, parallel = 1 } = options;
  const { maxEvents = MAX_EVENTS, maxBytes = MAX_BYTES, flushEvents = FLUSH_EVENTS } = options;
  let queue: Entry[] = [];
  let events = 0;
  let bytes = 0;
  let running = 0;
  let waiters: (() => void)[] = [];

  const write = async (records: readonly EventRecord[]): Promise<void> => {
    const startedAt = performance.now();
    try {
      const { stored, duplicates } = await store.append(records);
      onFlush?.({ events: records.length, stored, duplicates, tookMs: performance.now() - startedAt });
    } catch (error) {
      const tookMs = performance.now() - startedAt;
      onFlush?.({ events: records.length, stored: 0, duplicates: 0, tookMs, error });
      throw error;
    }
  };
  const settle = (entry: Entry, result: { readonly error?: unknown }): void => {
    events -= entry.events.length;
    bytes -= entry.bytes;
    if ('error' in result) {
      entry.reject(result.error);
      return;
    }
    onStored(entry.events);
    entry.resolve(true);
  };
  const flush = async (entries: readonly Entry[]): Promise<void> => {
    const [only] = entries;
    try {
      const all = entries.length === 1 && only !== undefined ? only.events : entries.flatMap((entry) => entry.events);
      await write(all);
      for (const entry of entries) settle(entry, {});
    } catch (error) {
      await apart(entries, error);
    }
  };
  /** One request's events may be what the store cannot take: the others' must not go with them. */
  const apart = async (entries: readonly Entry[], error: unknown): Promise<void> => {
    let failures = 0;
    for (const entry of entries) {
      if (entries.length === 1 || failures > 1) {
        settle(entry, { error });
        continue;
      }
      try {
        await write(entry.events);
        failures = 0;
        settle(entry, {});
      } catch (own) {
        failures += 1;
        settle(entry, { error: own });
      }
    }
  };
  const next = (): readonly Entry[] => {
    let count = 0;
    const end = queue.findIndex((entry, index) => {
      count += entry.events.length;
      return index > 0 && count > flushEvents;
    });
    const taken = end < 0 ? queue : queue.slice(0, end);
    queue = end < 0 ? [] : queue.slice(end);
    return taken;
  };
  const run = async (): Promise<void> => {
    running += 1;
    while (queue.length > 0) await flush(next());
    running -= 1;
    if (running > 0) return;
    for (const done of waiters) done();
    waiters = [];
  };
  /** What comes in the same turn of the loop is written together. */
  const start = (): void => {
    if (running < parallel)
      void Promise.resolve().then(() => (queue.length > 0 && running < parallel ? run() : undefined));
  };

  return {
    offer: (records, size) => {
      if (records.length === 0) return Promise.resolve(true);
      if (events + records.length > maxEvents || bytes + size > maxBytes) return Promise.resolve(false);
      events += records.length;
      bytes += size;
      return new Promise<boolean>((resolve, reject) => {
        queue.push({ events: records, bytes: size, resolve, reject });
        start();
      });
    },
    depth: () => events,
    idle: () => {
      if (running === 0 && queue.length === 0) return Promise.resolve();
      return new Promise((resolve) => waiters.push(resolve));
    },
  };
}
