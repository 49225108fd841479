/**
 * Events that could not be sent, on disk until they can. A queue for each target is a directory of JSONL files; who appends and
 * who deletes hold one short lock, so that lines of many processes do not tear. What was sent is told by a cursor: when it is
 * lost, events are sent a second time, with the same identity.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { AppError } from '../errors.ts';
import type { Entry } from './event.ts';
import { LF, linesIn, linesOf, type Position, type Waiting } from './spool-lines.ts';

/** Takes the lock of a file without waiting; undefined while another process holds it. Released however the holder dies. */
export type TakeLock = (path: string) => { release(): void } | undefined;

export interface SpoolOptions {
  /** `…/claude-slack-hook/spool`; made where it is missing, for this user alone. */
  readonly dir: string;
  readonly takeLock: TakeLock;
  readonly now: () => number;
  /** Of all queues together, in bytes. */
  readonly maxBytes?: number;
  readonly maxAgeMs?: number;
  readonly segmentBytes?: number;
}

export interface Spool {
  /** Resolves with how many old events had to go for it, when it is on disk. Rejects with AppError('state-dir'). */
  append(queue: string, entry: Entry): Promise<number>;
  /** The oldest, in order; none when nothing waits, and then the queue is gone. */
  read(queue: string, limit: { readonly events: number; readonly bytes: number }): Promise<readonly Waiting[]>;
  /** What is before this position needs no sending any more. */
  advance(queue: string, position: Position): void;
  /** Who sends a queue's events: one at a time. Undefined while somebody does. */
  takeTurn(queue: string): { release(): void } | undefined;
  status(queue: string): { readonly depth: number; readonly dropped: number };
}

const MAX_BYTES = 64 * 1024 * 1024;
const MAX_AGE_MS = 14 * 24 * 3_600_000;
const SEGMENT_BYTES = 1024 * 1024;
/** Appending takes milliseconds, and a hundred hooks may want to. */
const LOCK_MS = 3_000;

export function createSpool(options: SpoolOptions): Spool {
  const { dir, takeLock, now } = options;
  const { maxBytes = MAX_BYTES, maxAgeMs = MAX_AGE_MS, segmentBytes = SEGMENT_BYTES } = options;
  const droppedFile = `${dir}/dropped`;
  const cursorFile = (queue: string): string => `${dir}/${queue}/cursor.json`;
  const pathOf = (queue: string, segment: string): string => `${dir}/${queue}/${segment}`;

  const locked = async <T>(work: () => T): Promise<T> => {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const until = performance.now() + LOCK_MS;
    for (;;) {
      const lock = takeLock(`${dir}/lock`);
      if (lock !== undefined) {
        try {
          return work();
        } catch (error) {
          throw new AppError('state-dir', `Cannot write ${dir}: ${(error as Error).message}`, { cause: error });
        } finally {
          lock.release();
        }
      }
      if (performance.now() > until) throw new AppError('state-dir', `Somebody else holds the lock ${dir}/lock`);
      await Bun.sleep(2);
    }
  };

  const readCursor = (queue: string): Position | undefined => {
    try {
      const { segment, offset } = Object(JSON.parse(readFileSync(cursorFile(queue), 'utf8')));
      return typeof segment === 'string' && Number.isSafeInteger(offset) ? { segment, offset } : undefined;
    } catch {
      return undefined;
    }
  };

  const doneIn = (queue: string, segment: string): number => {
    const cursor = readCursor(queue);
    return cursor?.segment === segment ? cursor.offset : 0;
  };

  const countDropped = (count: number): void => {
    if (count > 0) writeFileSync(droppedFile, String(droppedOf(droppedFile) + count), { mode: 0o600 });
  };

  /** With its last file a queue is gone. */
  const remove = (queue: string, segment: string): void => {
    rmSync(pathOf(queue, segment));
    if (segmentsOf(`${dir}/${queue}`).length === 0) rmSync(`${dir}/${queue}`, { recursive: true, force: true });
  };

  /** Deletes a file and returns how many events that were. */
  const drop = (queue: string, segment: string): number => {
    const count = linesIn(readFileSync(pathOf(queue, segment)), doneIn(queue, segment));
    remove(queue, segment);
    return count;
  };

  /** What is too old, and the oldest of what is too much; never the file that was written last. */
  const makeRoom = (newest: string): number => {
    const queues = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const all = queues
      .flatMap(({ name: queue }) =>
        segmentsOf(`${dir}/${queue}`).map((segment) => {
          const { size, mtimeMs } = statSync(pathOf(queue, segment));
          return { queue, segment, size, mtimeMs };
        }),
      )
      .sort((a, b) => (a.segment < b.segment ? -1 : 1));
    let bytes = all.reduce((sum, { size }) => sum + size, 0);
    let dropped = 0;
    for (const { queue, segment, size, mtimeMs } of all) {
      if (pathOf(queue, segment) === newest) continue;
      if (bytes <= maxBytes && mtimeMs > now() - maxAgeMs) continue;
      dropped += drop(queue, segment);
      bytes -= size;
    }
    countDropped(dropped);
    return dropped;
  };

  const append = (queue: string, entry: Entry): Promise<number> =>
    locked(() => {
      const folder = `${dir}/${queue}`;
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const last = segmentsOf(folder).at(-1);
      const isFull = last === undefined || statSync(`${folder}/${last}`).size >= segmentBytes;
      const segment = isFull ? segmentName(now(), last) : last;
      writeLine(`${folder}/${segment}`, `${JSON.stringify(entry)}\n`);
      if (isFull) for (const path of [folder, dir]) syncDirectory(path);
      return makeRoom(`${folder}/${segment}`);
    });

  /** Deletes a file of which nothing is left but what a writer that died has begun. False when there is more. */
  const retire = (queue: string, segment: string, offset: number): Promise<boolean> =>
    locked(() => {
      const bytes = readFileSync(pathOf(queue, segment));
      if (bytes.lastIndexOf(LF) >= offset) return false;
      countDropped(bytes.length > offset ? 1 : 0);
      remove(queue, segment);
      return true;
    });

  const advance = (queue: string, position: Position): void => {
    const path = cursorFile(queue);
    try {
      writeFileSync(`${path}.new`, JSON.stringify(position), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch (error) {
      // The queue has been dropped meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  };

  const read: Spool['read'] = async (queue, limit) => {
    for (;;) {
      const segments = segmentsOf(`${dir}/${queue}`);
      const [oldest] = segments;
      if (oldest === undefined) return [];
      const from = doneIn(queue, oldest);
      const bytes = readIfThere(pathOf(queue, oldest));
      if (bytes === undefined) continue;
      const { waiting, unreadable, start, offset } = linesOf(bytes, from, oldest, limit, now() - maxAgeMs);
      if (unreadable > 0) {
        await locked(() => countDropped(unreadable));
        advance(queue, { segment: oldest, offset: start });
      }
      if (waiting.length > 0) return waiting;
      await retire(queue, oldest, offset);
    }
  };

  return {
    append,
    read,
    advance,
    takeTurn: (queue) => {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      return takeLock(`${dir}/${queue}.replay`);
    },
    status: (queue) => {
      let depth = 0;
      for (const segment of segmentsOf(`${dir}/${queue}`)) {
        const bytes = readIfThere(pathOf(queue, segment));
        if (bytes !== undefined) depth += linesIn(bytes, doneIn(queue, segment));
      }
      return { depth, dropped: droppedOf(droppedFile) };
    },
  };
}

/** Names sort in the order in which they were made, also where the clock goes back. */
function segmentName(now: number, last: string | undefined): string {
  const after = last === undefined ? 0 : Number(last.slice(0, 15)) + 1;
  const unique = Bun.randomUUIDv7().slice(-8);
  return `${String(Math.max(now, after)).padStart(15, '0')}-${unique}.jsonl`;
}

function segmentsOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d{15}-\w+\.jsonl$/.test(name))
      .sort();
  } catch {
    return [];
  }
}

/** All of it is on disk, or nothing is left of it. A line that a writer that died has begun gets an end first. */
function writeLine(path: string, line: string): void {
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
  const fd = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  try {
    const { size } = fstatSync(fd);
    const end = Buffer.alloc(1, LF);
    if (size > 0) readSync(fd, end, 0, 1, size - 1);
    const isTorn = end[0] !== LF;
    const bytes = Buffer.from(isTorn ? `\n${line}` : line);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } catch (error) {
      ftruncateSync(fd, size);
      throw error;
    }
  } finally {
    closeSync(fd);
  }
}

/** A new name is on disk only when its directory is. */
function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

function droppedOf(path: string): number {
  return Number.parseInt(readIfThere(path)?.toString() ?? '', 10) || 0;
}
