/** The file of events that is written to: whole lines that are on disk, and an index of them in memory. */
import { accessSync, closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync, renameSync } from 'node:fs';
import { AppError } from '../errors.ts';
import type { EventRecord } from '../events.ts';
import type { Hash } from './event-buckets.ts';
import type { EventDisk } from './event-disk.ts';
import { discard, type EventFiles, readAt, storeError, syncDirectory } from './event-files.ts';
import { createIndex, type GrowingIndex } from './event-growing.ts';
import type { IndexContents, IndexSummary } from './event-index.ts';
import { readEvent } from './event-lines.ts';
import { type EventView, eachLine, openView, plainData } from './event-view.ts';

/** A line that is to be written, and its length in bytes without the line break. */
export interface NewLine {
  readonly event: EventRecord;
  readonly length: number;
  /** Of its identity, where a sender has named it. */
  readonly hash: Hash | undefined;
}

export interface ActiveFile {
  summary(): IndexSummary;
  /** When it was written to last: milliseconds since the epoch; undefined of an empty file. */
  writtenAt(): number | undefined;
  /** Opens what is on disk to be read; undefined when somebody has taken the file away. */
  view(): EventView | undefined;
  named(hash: Hash): readonly number[];
  /** Resolves when the lines, which are `bytes`, are on disk. Else none of them is: rejects with AppError('store'). */
  write(bytes: Uint8Array, lines: readonly NewLine[], now: number): Promise<void>;
  /** Gives the file another name, hands its index over and goes on with an empty one. */
  rotate(name: string, closed: (contents: IndexContents, fileBytes: number) => void): Promise<void>;
  /** Throws what keeps it from being written. */
  check(): Promise<void>;
  close(): void;
}

interface Opened {
  readonly fd: number;
  readonly inode: number;
  readonly index: GrowingIndex;
  /** Bytes that are whole lines on disk: what lies behind them is of a write that failed. */
  good: number;
  writtenAt: number | undefined;
}

/** Places in a file are 32-bit numbers in its index. */
const MAX_FILE_BYTES = 0xffffffff;

/** Opens or makes the file, and takes off half a line that a crash has left. Rejects with AppError('store'). */
export async function openActive(files: EventFiles, disk: EventDisk): Promise<ActiveFile> {
  const { path } = files;
  let file = await openFile(path, disk);
  /** A write has failed, and what it left could not be taken off. */
  let isLeft = false;
  let hasFailed = false;
  await syncDirectory(files.directory);

  const takeOff = async (): Promise<void> => {
    isLeft = true;
    await disk.truncate(file.fd, file.good);
    await disk.sync(file.fd);
    isLeft = false;
  };

  /** Makes sure that the file is the one that we know, to its last byte: else it is read again. */
  const makeSure = async (): Promise<void> => {
    if (isLeft) await takeOff();
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (status?.ino === file.inode && status.size === file.good) return;
    const next = await openFile(path, disk);
    closeSync(file.fd);
    file = next;
    await syncDirectory(files.directory);
  };

  return {
    summary: () => file.index.summary(),
    writtenAt: () => file.writtenAt,
    view: () => {
      const index = file.index.view();
      try {
        return openView(path, (fd) => ({ index, data: plainData(fd) }));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw storeError(`Cannot read ${path}`, error);
      }
    },
    named: (hash) => file.index.named(hash),
    write: async (bytes, lines, now) => {
      try {
        await makeSure();
        await disk.write(file.fd, bytes, file.good);
        await disk.sync(file.fd);
        hasFailed = false;
      } catch (error) {
        hasFailed = true;
        await takeOff().catch(() => {});
        throw storeError(`Cannot write ${path}`, error);
      }
      for (const { event, length, hash } of lines) {
        file.index.add(event, file.good, length, hash);
        file.good += length + 1;
      }
      file.writtenAt = now;
    },
    rotate: async (name, closed) => {
      let next: number | undefined;
      try {
        await makeSure();
        // First what can fail: a full disk, or too many open files.
        next = openSync(`${path}.tmp`, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC, 0o600);
        changePlaces(path, files.plain(name));
      } catch (error) {
        hasFailed = true;
        if (next !== undefined) closeSync(next);
        throw storeError(`Cannot rename ${path}`, error);
      }
      const { index, good, fd } = file;
      file = { fd: next, inode: fstatSync(next).ino, index: createIndex(), good: 0, writtenAt: undefined };
      closed(index.contents(), good);
      closeSync(fd);
      await syncDirectory(files.directory);
    },
    check: async () => {
      try {
        accessSync(files.directory, constants.W_OK | constants.X_OK);
        if (!hasFailed) return;
        await probe(`${path}.probe`, disk);
      } catch (error) {
        throw storeError(`Cannot write ${path}`, error);
      }
    },
    close: () => closeSync(file.fd),
  };
}

/** Gives a file another name, and its own to the empty one: both, or neither. */
function changePlaces(path: string, full: string): void {
  renameSync(path, full);
  try {
    renameSync(`${path}.tmp`, path);
  } catch (error) {
    renameSync(full, path);
    throw error;
  }
}

/** Rejects where a small file cannot be written. */
async function probe(path: string, disk: EventDisk): Promise<void> {
  const fd = openSync(path, 'w', 0o600);
  try {
    await disk.write(fd, new Uint8Array(4096), 0);
    await disk.sync(fd);
  } finally {
    closeSync(fd);
    discard(path);
  }
}

async function openFile(path: string, disk: EventDisk): Promise<Opened> {
  let fd: number | undefined;
  try {
    const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
    fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
    const status = fstatSync(fd);
    if (!status.isFile()) throw new AppError('store', `Expected ${path} to be a file`);
    if (status.size > MAX_FILE_BYTES) throw new AppError('store', `Expected ${path} to be smaller than 4 GiB`);
    fchmodSync(fd, 0o600);
    const index = createIndex();
    const take = (line: string, offset: number, length: number): boolean => {
      const event = readEvent(line);
      if (event !== undefined) index.add(event, offset, length);
      return event !== undefined;
    };
    const end = await eachLine(plainData(fd), take);
    const good = await closeTail(fd, end, status.size, disk, take);
    const writtenAt = good === 0 ? undefined : status.mtimeMs;
    return { fd, inode: status.ino, index, good, writtenAt };
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw storeError(`Cannot open ${path}`, error);
  }
}

/** What comes behind the last line break is cut off, or kept where only that was missing. Returns the file's length then. */
async function closeTail(
  fd: number,
  end: number,
  size: number,
  disk: EventDisk,
  take: (line: string, offset: number, length: number) => boolean,
): Promise<number> {
  if (size <= end) return end;
  const tail = await readAt(fd, end, size - end);
  const isWhole = take(tail.toString(), end, tail.length);
  if (isWhole) await disk.write(fd, Uint8Array.of(0x0a), size);
  else await disk.truncate(fd, end);
  await disk.sync(fd);
  return isWhole ? size + 1 : end;
}
