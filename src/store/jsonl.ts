/** The audit log as a file of JSON lines: append-only, mode 0600, on disk before `append` returns. */
import {
  closeSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '../errors.ts';
import type { Store, StoreRecord } from '../types.ts';

/** Opens on first use, so that a full disk at start does not keep the daemon from answering "no record, no allow". */
export function createJsonlStore(path: string): Store {
  let fd: number | undefined;
  let inode = 0;

  const open = (): number => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const opened = openSync(path, 'a+', 0o600);
    const stat = fstatSync(opened);
    if (stat.isFile()) fchmodSync(opened, 0o600);
    if (stat.isFile() && endsTorn(opened, stat.size)) writeSync(opened, '\n');
    inode = stat.ino;
    return opened;
  };
  const close = (): void => {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  };

  const append = (record: StoreRecord): void => {
    try {
      // A log that somebody moved away goes on in a new file of the same name.
      if (fd !== undefined && lstatSync(path, { throwIfNoEntry: false })?.ino !== inode) close();
      fd ??= open();
      const line = Buffer.from(`${JSON.stringify(record)}\n`);
      let written = 0;
      while (written < line.length) written += writeSync(fd, line, written);
      fsyncSync(fd);
    } catch (error) {
      close();
      throw new AppError('audit', `Cannot write ${path}: ${(error as Error).message}`, { cause: error });
    }
  };
  return { append, recent: (limit) => readRecent(path, limit), close };
}

/** Enough for a few thousand requests of ordinary size, and read in a few milliseconds. */
const MAX_RECENT_BYTES = 4_000_000;

function readRecent(path: string, limit: number): readonly StoreRecord[] {
  let fd: number | undefined;
  try {
    // Not a pipe or a device that somebody put there: those would be waited for.
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return [];
    fd = openSync(path, 'r');
    const { size } = fstatSync(fd);
    const bytes = Buffer.alloc(Math.min(size, MAX_RECENT_BYTES));
    const length = readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    const lines = bytes.subarray(0, length).toString('utf8').split('\n');
    return lines
      .slice(-limit - 1)
      .flatMap(parseRecord)
      .slice(-limit);
  } catch {
    return [];
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** A line without its beginning or its end is no JSON. */
function parseRecord(line: string): readonly StoreRecord[] {
  try {
    const record: unknown = JSON.parse(line);
    const isOne = typeof record === 'object' && record !== null && 'type' in record && typeof record.type === 'string';
    return isOne ? [record as StoreRecord] : [];
  } catch {
    return [];
  }
}

/** A crash or a full disk may have left half a line; what comes next must not be glued to it. */
function endsTorn(fd: number, size: number): boolean {
  const last = Buffer.alloc(1);
  return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}
