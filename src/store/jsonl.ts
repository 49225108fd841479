/**
 * The audit log as files of JSON lines: append-only, mode 0600, on disk before `append` returns, and a hash chain
 * (chain.ts). `audit.head` says, also on disk, which record was the last, so that a cut at the end is found.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { AppError } from '../errors.ts';
import { dieAt } from '../test-build.ts';
import type { Store, StoreRecord } from '../types.ts';
import { encodeHead, type Link, readRecord, START, seal, unseal } from './chain.ts';
import { continuationOf } from './continuation.ts';
import { headPath, lastSealed, lastSealedOf, linesOf, readHead, segmentPath, segmentsOf } from './segments.ts';

export interface JsonlOptions {
  /** A file that would grow beyond this is renamed, and a new one begins. */
  readonly maxBytes?: number;
  /** Full files whose last record is older are deleted; without it nothing ever is. */
  readonly keepDays?: () => number | undefined;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Keeps daemons of other apps, which write into the same log, out until what it returns is called. Throws when it cannot. */
  readonly lock?: () => () => void;
}

/** The end of the log: its last record, and the size of the file that this stands in. */
export interface LogEnd {
  readonly seq: number;
  readonly bytes: number;
}

export interface JsonlStore extends Store {
  /** What this process has written last; undefined before. */
  end(): LogEnd | undefined;
}

interface OpenLog {
  readonly fd: number;
  readonly inode: number;
  readonly isRegular: boolean;
  /** Bytes that we know of. */
  size: number;
}

/** Some ten thousand requests: read in a second, and never too large for an editor. */
export const MAX_FILE_BYTES = 67_108_864;
const DAY_MS = 86_400_000;

/** Opens on first use, so that a full disk at start does not keep the daemon from answering "no record, no allow". */
export function createJsonlStore(path: string, options: JsonlOptions = {}): JsonlStore {
  const { maxBytes = MAX_FILE_BYTES, now = Date.now } = options;
  let log: OpenLog | undefined;
  /** The file that we wrote to last, also when it is closed. */
  let lastLog: Pick<OpenLog, 'inode' | 'isRegular' | 'size'> | undefined;
  let headFd: number | undefined;
  /** What this process has written last; undefined before. */
  let end: Link | undefined;
  let retainedAt = Number.NEGATIVE_INFINITY;

  const closeLog = (): void => {
    if (log !== undefined) closeSync(log.fd);
    log = undefined;
  };
  const close = (): void => {
    closeLog();
    if (headFd !== undefined) closeSync(headFd);
    headFd = undefined;
  };

  const openHead = (): number => {
    if (headFd !== undefined) return headFd;
    headFd = openSync(headPath(path), constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    fchmodSync(headFd, 0o600);
    return headFd;
  };

  const writeHead = (link: Link): void => {
    const fd = openHead();
    const bytes = encodeHead(link);
    if (fstatSync(fd).size !== bytes.length) ftruncateSync(fd, bytes.length);
    if (writeSync(fd, bytes, 0, bytes.length, 0) !== bytes.length)
      throw new Error(`${headPath(path)} was not written whole`);
    fsyncSync(fd);
  };

  /** One record, on disk, and then the head: a crash leaves the head one record behind at most. */
  const write = (to: OpenLog, record: StoreRecord, after: Link, lead = ''): void => {
    const { line, link } = seal(record, after);
    const bytes = Buffer.concat([Buffer.from(lead), line]);
    try {
      let written = 0;
      while (written < bytes.length) written += writeSync(to.fd, bytes, written);
      fsyncSync(to.fd);
      writeHead(link);
    } catch (error) {
      takeBack(to);
      throw error;
    }
    to.size += bytes.length;
    lastLog = to;
    end = link;
  };

  /** What did not get there whole must not be read as if it had counted. Where it stays all the same, the next record closes it off. */
  const takeBack = ({ fd, isRegular, size }: OpenLog): void => {
    try {
      if (isRegular) ftruncateSync(fd, size);
    } catch {
      // Nothing else can be done about it.
    }
  };

  const open = (isChanged: boolean): OpenLog => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const fd = openSync(path, 'a+', 0o600);
    const stat = fstatSync(fd);
    const opened = { fd, inode: stat.ino, isRegular: stat.isFile(), size: stat.size };
    log = opened;
    if (!opened.isRegular) return opened;
    fchmodSync(fd, 0o600);
    const { sealed, tail } = lastClosed(opened);
    const newest = sealed === undefined ? segmentsOf(path).at(-1) : undefined;
    const lead = tail.length > 0 && tail.at(-1) !== 0x0a ? '\n' : '';
    const { after, notice } = continuationOf({
      last: newest === undefined ? sealed : lastSealedOf(newest.path),
      tail,
      head: end !== undefined && end.seq > 0 ? end : readHead(path),
      isChanged,
      hashOfAll: () => hashOfFile(fd, lead),
    });
    if (notice !== undefined) write(opened, { ...notice, at: now() }, after, lead);
    else end = after;
    return opened;
  };

  const isChanged = ({ isRegular, inode, size }: Pick<OpenLog, 'inode' | 'isRegular' | 'size'>): boolean => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    return stat?.ino !== inode || (isRegular && stat.size !== size);
  };

  /** A log whose end is not what we wrote goes on, in what has its name, and says so. */
  const current = (): OpenLog => {
    const wasOpen = log !== undefined;
    const ours = log ?? lastLog;
    if (ours === undefined) return open(false);
    const isOther = isChanged(ours);
    if (log !== undefined && !isOther) return log;
    if (isOther && end !== undefined && isWrittenOn(path, ours, end)) end = undefined;
    closeLog();
    return open(wasOpen && end !== undefined && end.seq > 0);
  };

  /** Keeps the file when it cannot be renamed: a log that is too long is better than none. */
  const rotate = (full: OpenLog, last: number): OpenLog => {
    const target = segmentPath(path, firstSealed(path)?.seq ?? last, last);
    if (existsSync(target)) return full;
    try {
      renameSync(path, target);
    } catch {
      return full;
    }
    dieAt('during-rotate');
    closeLog();
    syncDirectory(dirname(path));
    const opened = open(false);
    retainedAt = Number.NEGATIVE_INFINITY;
    return opened;
  };

  /** Says first what it deletes: the rest of the chain stays explained. */
  const retain = (to: OpenLog): void => {
    if (now() - retainedAt < DAY_MS) return;
    retainedAt = now();
    const keepDays = options.keepDays?.();
    if (keepDays === undefined) return;
    const deleted = [];
    for (const segment of segmentsOf(path)) {
      const last = lastSealedOf(segment.path);
      // What cannot be read is left as it is: it may be evidence.
      if (last === undefined || !(last.record.at < now() - keepDays * DAY_MS)) break;
      const { first, path: file } = segment;
      deleted.push({ file: basename(file), first, last: last.seq, hash: last.hash, path: file });
    }
    if (deleted.length === 0) return;
    const named = deleted.map(({ file, first, last, hash }) => ({ file, first, last, hash }));
    write(to, { type: 'retained', at: now(), keepDays, deleted: named }, end ?? START);
    for (const each of deleted) rmSync(each.path, { force: true });
  };

  const append = (record: StoreRecord): void => {
    let unlock: (() => void) | undefined;
    try {
      unlock = options.lock?.();
      let to = current();
      if (to.isRegular) {
        if (to.size >= maxBytes && end !== undefined && end.seq > 0) to = rotate(to, end.seq);
        retain(to);
      }
      write(to, record, end ?? START);
    } catch (error) {
      close();
      throw new AppError('audit', `Cannot write ${path}: ${(error as Error).message}`, { cause: error });
    } finally {
      unlock?.();
    }
  };
  return {
    append,
    recent: (limit) => readRecent(path, limit),
    end: () => (log === undefined || end === undefined ? undefined : { seq: end.seq, bytes: log.size }),
    close,
  };
}

/** Whether what has changed is that somebody else has gone on with the chain where we left it: the daemon of another app. */
function isWrittenOn(path: string, { inode, size }: Pick<OpenLog, 'inode' | 'size'>, end: Link): boolean {
  const full = [...segmentsOf(path).map((segment) => segment.path), path];
  const ours = full.find((file) => lstatSync(file, { throwIfNoEntry: false })?.ino === inode);
  if (ours === undefined) return false;
  // When nothing came behind it, it is full, and the next file begins with what does.
  const next = firstSealed(ours, size) ?? (ours === path ? undefined : firstSealed(path));
  return next?.prev === end.hash;
}

/** The first record of the chain from a byte on: somebody may have left a torn line before it, and said so in it. */
function firstSealed(path: string, startAt = 0): ReturnType<typeof unseal> {
  for (const { bytes } of linesOf(path, startAt)) {
    const sealed = unseal(bytes);
    if (sealed !== undefined) return sealed;
  }
  return undefined;
}

/** A crash may have kept nothing but the line break of a record from the disk: it gets one, and is a record. */
function lastClosed(log: OpenLog): ReturnType<typeof lastSealed> {
  const { tail } = lastSealed(log.fd);
  if (unseal(tail.subarray(tail.lastIndexOf(0x0a) + 1)) !== undefined) log.size += writeSync(log.fd, '\n');
  return lastSealed(log.fd);
}

function hashOfFile(fd: number, closing: string): string {
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(1_048_576);
  for (let at = 0; ; ) {
    const read = readSync(fd, chunk, 0, chunk.length, at);
    if (read === 0) return hash.update(closing).digest('hex');
    hash.update(chunk.subarray(0, read));
    at += read;
  }
}

/** A new name is on disk only when its directory is. */
function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Enough for a few thousand requests of ordinary size, and read in a few milliseconds. */
const MAX_RECENT_BYTES = 4_000_000;

function readRecent(path: string, limit: number): readonly StoreRecord[] {
  const { records, bytes } = readEnd(path, limit, MAX_RECENT_BYTES);
  const before = segmentsOf(path).at(-1);
  const isEnough = records.length >= limit || before === undefined || bytes >= MAX_RECENT_BYTES;
  const older = isEnough ? [] : readEnd(before.path, limit, MAX_RECENT_BYTES - bytes).records;
  return [...older, ...records].slice(-limit);
}

interface FileEnd {
  readonly records: readonly StoreRecord[];
  /** How much of the file that was. */
  readonly bytes: number;
}

/** The records in the last bytes of a file. */
function readEnd(path: string, limit: number, maxBytes: number): FileEnd {
  let fd: number | undefined;
  try {
    // Not a pipe or a device that somebody put there: those would be waited for.
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return { records: [], bytes: 0 };
    fd = openSync(path, 'r');
    const { size } = fstatSync(fd);
    const bytes = Buffer.alloc(Math.min(size, maxBytes));
    const length = readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    const lines = bytes
      .subarray(0, length)
      .toString('utf8')
      .split('\n')
      .slice(-limit - 1);
    // A line without its beginning or its end is no JSON.
    return { records: lines.flatMap((line) => readRecord(line) ?? []), bytes: length };
  } catch {
    return { records: [], bytes: 0 };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
