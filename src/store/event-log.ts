/**
 * The store of events that needs nothing but a directory: files of JSON lines, append-only. `path` is the file that is
 * written to; full ones lie beside it as `events.2026-11-21.0001.jsonl`, later `.jsonl.gz`, each with an index (`.idx`)
 * that can be made again from it. Memory does not grow with what is stored: 256 bytes for each full file, and the index of
 * the one that is written to.
 */

import { AppError } from '../errors.ts';
import type { Appended, EventRecord, EventStore, RetentionReport } from '../events.ts';
import { type ActiveFile, openActive } from './event-active.ts';
import { DISK, type EventDisk } from './event-disk.ts';
import { eventFiles, makeDirectory, storeError } from './event-files.ts';
import { type Findable, findEvents } from './event-find.ts';
import { knownAmong, type Named } from './event-known.ts';
import { identityOf } from './event-lines.ts';
import { createQueue, type Job } from './event-queue.ts';
import { DAY_MS, newestAt, retainFiles } from './event-retention.ts';
import { openSegments } from './event-segments.ts';
import { listSessions } from './event-sessions.ts';

export interface EventLogOptions {
  /** The file that is written to; its directory is made where it is missing. */
  readonly path: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** A file that would grow beyond this gets another name, and a new one begins. */
  readonly segmentBytes?: number;
  /** Keeps other processes out until what it returns is called; gives undefined when another one is in. */
  readonly lock?: () => (() => void) | undefined;
  readonly disk?: EventDisk;
}

/** An event with the line that says it. */
interface Prepared {
  readonly event: EventRecord;
  readonly line: string;
  readonly identity: string | undefined;
}

/** Some 100,000 events: an index for them is made in 10 ms, and an editor still opens it. */
const SEGMENT_BYTES = 64 * 1024 * 1024;
/** As many lines, and as many sessions, as an index in memory has at most, whatever the events look like. */
const SEGMENT_LINES = 262_144;
const SEGMENT_GROUPS = 32_768;
/** What is written at once: enough that waiting for the disk does not count. */
const GROUP_BYTES = 4 * 1024 * 1024;

/** Opens the store. Rejects with AppError('store-busy') when another process writes there, and with AppError('store') when it cannot be used. */
export async function createEventLog(options: EventLogOptions): Promise<EventStore> {
  const { path, now = Date.now, segmentBytes = SEGMENT_BYTES, lock = () => () => {}, disk = DISK } = options;
  const files = eventFiles(path);
  const unlock = takeLock(path, files.directory, lock);
  let active: ActiveFile;
  let segments: Awaited<ReturnType<typeof openSegments>>;
  try {
    segments = await openSegments(files);
    active = await openActive(files, disk);
  } catch (error) {
    unlock();
    throw storeError(`Cannot open ${path}`, error);
  }
  let closing: Promise<void> | undefined;
  const mustBeOpen = (): void => {
    if (closing !== undefined) throw new AppError('store', `Expected ${path} to be open, got it closed`);
  };

  const rotate = async (): Promise<void> => {
    const day = dayOf(active.writtenAt() ?? now());
    const name = files.next(day);
    await active.rotate(name, (contents, fileBytes) => segments.add(name, contents, fileBytes));
  };
  const isFull = (bytes: number): boolean => {
    const { lines, groups } = active.summary();
    if (lines === 0) return false;
    const isLarge = active.summary().bytes + bytes > segmentBytes || lines >= SEGMENT_LINES || groups >= SEGMENT_GROUPS;
    return isLarge || dayOf(active.writtenAt() ?? now()) !== dayOf(now());
  };

  /** Writes those events of the jobs that are new, all together. */
  const write = async (jobs: readonly Job<Prepared, Appended>[]): Promise<void> => {
    const { fresh, results } = await newOf(jobs, (named) => knownAmong(named, active, segments));
    if (fresh.length > 0) {
      const text = `${fresh.map(({ line }) => line).join('\n')}\n`;
      const bytes = Buffer.from(text);
      // Where each character is a byte, their number is known already.
      const isPlain = bytes.length === text.length;
      const lines = fresh.map(({ event, line }) => ({
        event,
        length: isPlain ? line.length : Buffer.byteLength(line),
      }));
      if (isFull(bytes.length)) await rotate();
      await active.write(bytes, lines, now());
    }
    for (const [number, { resolve }] of jobs.entries()) resolve(results[number] ?? { stored: 0, duplicates: 0 });
  };
  const queue = createQueue(write, GROUP_BYTES);

  /** Works with all files. The one that is written to is opened at once: what is in it now may lie in a full file later. */
  const withFiles = async <T>(work: (files: readonly Findable[]) => Promise<T>): Promise<T> => {
    const view = active.view();
    const full = segments.list().map(({ name, head }) => ({ summary: head.summary, open: () => segments.view(name) }));
    if (view === undefined) return work(full);
    try {
      return await work([...full, { summary: view.index.summary, open: () => ({ ...view, close: () => {} }) }]);
    } finally {
      view.close();
    }
  };

  let retaining: Promise<unknown> = Promise.resolve();
  const retain = async (...[rules, at, isDryRun]: Parameters<EventStore['retain']>): Promise<RetentionReport> => {
    const old = at - Math.min(rules.eventDays, 1) * DAY_MS;
    if (!isDryRun)
      await queue.exclusive(async () => {
        if (active.summary().lines > 0 && newestAt(active.summary()) < old) await rotate();
      });
    return withFiles((all) => retainFiles({ files, segments, all, exclusive: queue.exclusive }, rules, at, isDryRun));
  };

  return {
    kind: 'jsonl',
    append: async (events) => {
      mustBeOpen();
      let size = 0;
      const prepared = events.map((event) => {
        const line = JSON.stringify(event);
        size += line.length;
        return { event, line, identity: identityOf(event) };
      });
      return queue.push(prepared, size);
    },
    find: async (filter, limit, order = 'newest') => {
      mustBeOpen();
      return withFiles((all) => findEvents(all, filter, limit, order));
    },
    sessions: async (filter, limit) => {
      mustBeOpen();
      return withFiles((all) => listSessions(all, filter, limit));
    },
    count: async () => {
      mustBeOpen();
      return segments.list().reduce((sum, { head }) => sum + head.summary.lines, active.summary().lines);
    },
    retain: async (...given) => {
      mustBeOpen();
      const report = retaining.then(() => retain(...given));
      retaining = report.catch(() => {});
      return report;
    },
    check: async () => {
      mustBeOpen();
      await active.check();
    },
    close: () => {
      closing ??= (async () => {
        await retaining;
        await queue.idle();
        await segments.save();
        active.close();
        unlock();
      })();
      return closing;
    },
  };
}

/** Throws AppError('store-busy') when another process is in. */
function takeLock(path: string, directory: string, lock: () => (() => void) | undefined): () => void {
  try {
    makeDirectory(directory);
  } catch (error) {
    throw storeError(`Cannot make ${directory}`, error);
  }
  const unlock = lock();
  if (unlock === undefined) throw new AppError('store-busy', `Another process writes ${path}`);
  return unlock;
}

/** The events that are not stored yet, and what is to be said to each job. */
async function newOf(
  jobs: readonly Job<Prepared, Appended>[],
  known: (named: readonly Named[]) => Promise<ReadonlySet<string>>,
): Promise<{ readonly fresh: readonly Prepared[]; readonly results: readonly Appended[] }> {
  const named = new Map<string, Named>();
  for (const { events } of jobs)
    for (const { event, identity } of events)
      if (identity !== undefined && !named.has(identity))
        named.set(identity, { identity, time: event.is_undated ? undefined : Date.parse(event.timestamp) });
  const seen = new Set(named.size === 0 ? [] : await known([...named.values()]));
  const fresh: Prepared[] = [];
  const results = jobs.map(({ events }) => {
    const before = fresh.length;
    for (const prepared of events) {
      const { identity } = prepared;
      if (identity !== undefined && seen.has(identity)) continue;
      if (identity !== undefined) seen.add(identity);
      fresh.push(prepared);
    }
    const stored = fresh.length - before;
    return { stored, duplicates: events.length - stored };
  });
  return { fresh, results };
}

/** The day in UTC. */
function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
