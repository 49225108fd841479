/**
 * The audit log as the journal of one app's daemon: what it appends it follows, and what an earlier daemon did not bring
 * to its end can be read back. A checkpoint says from where on the log has to be read for that.
 */
import { closeSync, fstatSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { LeftBehind, Store, StoreRecord } from '../types.ts';
import { unseal } from './chain.ts';
import type { JsonlStore, LogEnd } from './jsonl.ts';
import { createFollower, type FollowerOptions } from './left-behind.ts';
import { linesOf, type Segment, segmentsOf } from './segments.ts';

export interface JournalOptions extends FollowerOptions {
  readonly store: JsonlStore;
  /** The log. */
  readonly path: string;
  /** Small file that only this app's daemon writes. */
  readonly checkpoint: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export interface Journal extends Pick<Store, 'append'> {
  /** To be called before anything is appended. Never throws: what cannot be read was not left. */
  leftBehind(): readonly LeftBehind[];
  close(): void;
}

/** How often the checkpoint is written at most; one that is older costs a longer read at the next start. */
const CHECKPOINT_MS = 2_000;

export function createJournal({ store, path, checkpoint, now, ...options }: JournalOptions): Journal {
  const follower = createFollower(options);
  let timer: Timer | undefined;

  const keepPlace = (): void => {
    timer = undefined;
    const end = store.end();
    if (end === undefined || !follower.isEmpty(now())) return;
    try {
      const temporary = `${checkpoint}.${process.pid}`;
      writeFileSync(temporary, `${JSON.stringify(end)}\n`, { mode: 0o600 });
      renameSync(temporary, checkpoint);
    } catch {
      // It only saves reading.
    }
  };

  return {
    append: (record) => {
      const kept = record.type === 'asked' ? { ...record, app: options.app } : record;
      store.append(kept);
      follower.note(kept);
      if (follower.isEmpty(now())) timer ??= setTimeout(keepPlace, CHECKPOINT_MS);
    },
    leftBehind: () => {
      try {
        for (const record of recordsSince(path, readPlace(checkpoint))) follower.note(record);
      } catch {
        // A log that cannot be read can hardly be written either: the first record says so.
      }
      return follower.list(now());
    },
    close: () => {
      clearTimeout(timer);
      keepPlace();
      store.close();
    },
  };
}

function readPlace(checkpoint: string): LogEnd | undefined {
  try {
    const { seq, bytes } = JSON.parse(readFileSync(checkpoint, 'utf8')) as Partial<LogEnd>;
    return Number.isSafeInteger(seq) && Number.isSafeInteger(bytes) ? { seq: seq ?? 0, bytes: bytes ?? 0 } : undefined;
  } catch {
    return undefined;
  }
}

/** Without a checkpoint so much of the log is read, from its end: a second's work. */
const UNKNOWN_BYTES = 128 * 1024 * 1024;

/** Records after a place, also where the file has been rotated since. */
function* recordsSince(path: string, place: LogEnd | undefined): Generator<StoreRecord, void, undefined> {
  const segments = segmentsOf(path);
  const older = place === undefined ? newest(segments) : segments.filter(({ last }) => last > place.seq);
  for (const file of [...older.map((segment) => segment.path), path]) {
    const from = file === path && older.length === 0 && place !== undefined && isPlace(path, place) ? place.bytes : 0;
    for (const { bytes } of linesOf(file, from)) {
      // What is no record of the chain was not written by us.
      const sealed = unseal(bytes);
      if (sealed !== undefined) yield sealed.record;
    }
  }
}

function newest(segments: readonly Segment[]): readonly Segment[] {
  let left = UNKNOWN_BYTES;
  const count = segments.toReversed().findIndex((segment) => {
    left -= sizeOf(segment.path);
    return left < 0;
  });
  return count < 0 ? segments : segments.slice(segments.length - count);
}

/** Whether the record at this place of the file is the one that comes next, or none does. */
function isPlace(path: string, { seq, bytes }: LogEnd): boolean {
  if (sizeOf(path) === bytes) return true;
  for (const line of linesOf(path, bytes)) return unseal(line.bytes)?.seq === seq + 1;
  return false;
}

function sizeOf(path: string): number {
  const fd = openSync(path, 'r');
  try {
    return fstatSync(fd).size;
  } finally {
    closeSync(fd);
  }
}
