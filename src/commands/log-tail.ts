/** The daemon's log as one stream of lines, whatever file they stand in: logger.ts renames a full one to .1, and that one to .2. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';

export interface LogTail {
  /** Every line that is complete and was not returned before, oldest first, without line ends. */
  read(): readonly string[];
  close(): void;
}

interface OpenFile {
  readonly fd: number;
  readonly inode: number;
  /** Up to where it is read, in bytes. */
  position: number;
}

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
/** A file that is renamed between two looks is looked for again; it cannot be renamed for ever. */
const MAX_LOOKS = 10;

/** Begins with the oldest line that there is. A file that is not there yet is waited for; what is no file is passed over. */
export function createLogTail(path: string): LogTail {
  // Newest first. Files only ever move to the right, so one that is looked for in this order is not missed.
  const names = [path, `${path}.1`, `${path}.2`];
  let file: OpenFile | undefined;
  let unfinished = Buffer.alloc(0);

  const drain = (from: OpenFile, lines: string[]): void => {
    // Somebody else has cut it.
    if (fstatSync(from.fd).size < from.position) from.position = 0;
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      const count = readSync(from.fd, chunk, 0, CHUNK_BYTES, from.position);
      if (count === 0) return;
      from.position += count;
      unfinished = cut(Buffer.concat([unfinished, chunk.subarray(0, count)]), lines);
    }
  };
  const leave = (left: OpenFile, lines: string[]): void => {
    // Its writer closed it before it was renamed: now everything is there.
    drain(left, lines);
    if (unfinished.byteLength > 0) lines.push(unfinished.toString());
    unfinished = Buffer.alloc(0);
    closeSync(left.fd);
  };

  return {
    read() {
      const lines: string[] = [];
      file ??= openOldest(names);
      while (file !== undefined) {
        drain(file, lines);
        const next = openNewer(names, file.inode);
        if (next === undefined) break;
        leave(file, lines);
        file = next;
      }
      return lines;
    },
    close() {
      if (file !== undefined) closeSync(file.fd);
      file = undefined;
    },
  };
}

/** Adds the lines that are complete, and returns the rest. */
function cut(bytes: Buffer, lines: string[]): Buffer<ArrayBuffer> {
  let from = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, from)) {
    if (at > from) lines.push(bytes.toString('utf8', from, at));
    from = at + 1;
  }
  return Buffer.from(bytes.subarray(from));
}

function openOldest(names: readonly string[]): OpenFile | undefined {
  for (const name of names.toReversed()) {
    const opened = openFile(name);
    if (opened !== undefined) return opened;
  }
  return undefined;
}

/** The file that follows the one with this inode; undefined while that is the newest. */
function openNewer(names: readonly string[], inode: number): OpenFile | undefined {
  for (let look = 0; look < MAX_LOOKS; look += 1) {
    const inodes = names.map(inodeOf);
    const at = inodes.indexOf(inode);
    // Removed, or gone with so many rotations at once: the older files may have been read already.
    if (at === -1) return openFile(names[0] ?? '');
    const newer = names[at - 1];
    const opened = newer === undefined ? undefined : openFile(newer);
    if (opened === undefined || opened.inode === inodes[at - 1]) return opened;
    closeSync(opened.fd);
  }
  return undefined;
}

function inodeOf(name: string): number | undefined {
  return lstatSync(name, { throwIfNoEntry: false })?.ino;
}

function openFile(name: string): OpenFile | undefined {
  let fd: number;
  try {
    // A pipe in its place would be waited for.
    fd = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENXIO'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
  const stat = fstatSync(fd);
  if (stat.isFile()) return { fd, inode: stat.ino, position: 0 };
  closeSync(fd);
  return undefined;
}
