/** Where the events lie: the file that is written to, and beside it the full ones, compressed or not, each with its index. */
import {
  closeSync,
  fsync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  read as readFile,
  rmSync,
  write as writeFile,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '../errors.ts';

const readAsync = promisify(readFile);
const writeAsync = promisify(writeFile);
const fsyncAsync = promisify(fsync);

/** The full files of one log: by what their names have in common, without extension. */
export interface EventFiles {
  readonly path: string;
  readonly directory: string;
  /** `events.2026-11-21.0001` of each, oldest first. Removes what a crash has left half done. */
  list(): readonly string[];
  /** The name that comes after all others of a day; to be asked after `list`. */
  next(day: string): string;
  plain(name: string): string;
  zipped(name: string): string;
  index(name: string): string;
}

export function eventFiles(path: string): EventFiles {
  const directory = dirname(path);
  const stem = basename(path, '.jsonl');
  const plain = (name: string): string => join(directory, `${name}.jsonl`);
  const zipped = (name: string): string => join(directory, `${name}.jsonl.gz`);
  const index = (name: string): string => join(directory, `${name}.idx`);

  /** The highest number of each day. */
  const counts = new Map<string, number>();

  /** All names that begin like ours, with their extension. */
  const found = (): readonly { readonly name: string; readonly day: string; readonly count: number; end: string }[] =>
    readdirSync(directory).flatMap((file) => {
      const rest = file.startsWith(`${stem}.`) ? file.slice(stem.length + 1) : '';
      const [, day, count, end] = /^(\d{4}-\d\d-\d\d)\.(\d{4,})\.(jsonl|jsonl\.gz|idx|.*\.tmp)$/.exec(rest) ?? [];
      if (day === undefined || count === undefined || end === undefined) return [];
      return [{ name: `${stem}.${day}.${count}`, day, count: Number(count), end }];
    });

  return {
    path,
    directory,
    plain,
    zipped,
    index,
    list: () => {
      const files = found();
      const named = (end: string): Set<string> => new Set(files.flatMap((file) => (file.end === end ? file.name : [])));
      const [plains, zips] = [named('jsonl'), named('jsonl.gz')];
      for (const { name, end } of files) {
        const isLeft = end.endsWith('.tmp') || (end === 'idx' && !plains.has(name) && !zips.has(name));
        // The compressed one gets its name when it is whole.
        if (isLeft || (end === 'jsonl' && zips.has(name))) rmSync(join(directory, `${name}.${end}`), { force: true });
      }
      rmSync(`${path}.tmp`, { force: true });
      rmSync(`${path}.probe`, { force: true });
      for (const { day, count } of files) counts.set(day, Math.max(count, counts.get(day) ?? 0));
      const order = new Map(files.map((file) => [file.name, file]));
      return [...order.values()]
        .filter(({ name }) => plains.has(name) || zips.has(name))
        .sort((a, b) => a.day.localeCompare(b.day) || a.count - b.count)
        .map(({ name }) => name);
    },
    next: (day) => {
      const count = (counts.get(day) ?? 0) + 1;
      counts.set(day, count);
      return `${stem}.${day}.${String(count).padStart(4, '0')}`;
    },
  };
}

/** Makes the directories that are missing, for the user alone. */
export function makeDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
}

/** Makes names in a directory last: a new file's name is not on disk when its content is. */
export async function syncDirectory(directory: string): Promise<void> {
  const fd = openSync(directory, 'r');
  try {
    await fsyncAsync(fd);
  } finally {
    closeSync(fd);
  }
}

export function sizeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.size;
}

/** Bytes from a place of a file; fewer at its end. Does not block the event loop. */
export async function readAt(fd: number, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await readAsync(fd, bytes, done, length - done, from + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

/** Writes all bytes at a place of a file. */
export async function writeAt(fd: number, bytes: Uint8Array, from: number): Promise<void> {
  let done = 0;
  while (done < bytes.length)
    done += (await writeAsync(fd, bytes, done, bytes.length - done, from + done)).bytesWritten;
}

/** A new file, on disk when it resolves; still under a name that does not count. */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const fd = openSync(path, 'w', 0o600);
  try {
    await writeAt(fd, bytes, 0);
    await fsyncAsync(fd);
  } finally {
    closeSync(fd);
  }
}

export async function syncFile(fd: number): Promise<void> {
  await fsyncAsync(fd);
}

/** Takes away what is of no use; where that cannot be done the next start does it. */
export function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It does not count under that name.
  }
}

/** What went wrong with the store, in the words of whoever says so. */
export function storeError(what: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('store', `${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}

/** Lets everything else run that is waiting. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
