/** The files of the audit log: `audit.jsonl`, the full ones before it (`audit-<first>-<last>.jsonl`) and `audit.head`. */
import { closeSync, fstatSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { decodeHead, type Link, type Sealed, unseal } from './chain.ts';

/** A full file of the log. */
export interface Segment {
  readonly path: string;
  /** The numbers of its first and last record. */
  readonly first: number;
  readonly last: number;
}

/** A line of a file, without its line break; not whole at the end of a file that ends without one. */
export interface Line {
  readonly bytes: Buffer;
  readonly isWhole: boolean;
}

const CHUNK_BYTES = 65_536;
/** Longer than any record: a hook input has at most 64 MiB, and what is masked in it takes a little more. */
const MAX_LINE_BYTES = 128 * 1024 * 1024;

export function headPath(path: string): string {
  return join(dirname(path), `${basename(path, '.jsonl')}.head`);
}

export function segmentPath(path: string, first: number, last: number): string {
  return join(dirname(path), `${basename(path, '.jsonl')}-${first}-${last}.jsonl`);
}

/** The full files beside the log at `path`, oldest first. */
export function segmentsOf(path: string): readonly Segment[] {
  const start = `${basename(path, '.jsonl')}-`;
  return filesIn(dirname(path))
    .flatMap((name) => {
      const [, first, last] = /^(\d+)-(\d+)\.jsonl$/.exec(name.startsWith(start) ? name.slice(start.length) : '') ?? [];
      return last === undefined ? [] : [{ path: join(dirname(path), name), first: Number(first), last: Number(last) }];
    })
    .sort((a, b) => a.first - b.first || a.last - b.last);
}

function filesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : []));
  } catch {
    return [];
  }
}

/** What audit.head says was written last; `bad` for a head that nobody of us has written. */
export function readHead(path: string): Link | 'absent' | 'bad' {
  try {
    const head = headPath(path);
    const status = lstatSync(head, { throwIfNoEntry: false });
    if (status === undefined) return 'absent';
    return status.isFile() && status.size < CHUNK_BYTES ? (decodeHead(readFileSync(head)) ?? 'bad') : 'bad';
  } catch {
    return 'bad';
  }
}

/** The lines of a file from a byte on, one at a time; none when there is no such file. What is longer than any record comes in pieces. */
export function* linesOf(path: string, startAt = 0): Generator<Line, void, undefined> {
  // Not a pipe or a device that somebody put there: those would be waited for.
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return;
  const fd = openSync(path, 'r');
  try {
    let parts: Buffer[] = [];
    let length = 0;
    for (let position = startAt; ; ) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const read = readSync(fd, chunk, 0, chunk.length, position);
      if (read === 0) break;
      position += read;
      let from = 0;
      for (let end = indexOfBreak(chunk, read, 0); end >= 0; end = indexOfBreak(chunk, read, from)) {
        yield { bytes: Buffer.concat([...parts, chunk.subarray(from, end)]), isWhole: true };
        parts = [];
        length = 0;
        from = end + 1;
      }
      if (from < read) parts.push(chunk.subarray(from, read));
      length += read - from;
      if (length > MAX_LINE_BYTES) {
        yield { bytes: Buffer.concat(parts), isWhole: false };
        parts = [];
        length = 0;
      }
    }
    if (length > 0) yield { bytes: Buffer.concat(parts), isWhole: false };
  } finally {
    closeSync(fd);
  }
}

function indexOfBreak(chunk: Buffer, length: number, from: number): number {
  const found = chunk.indexOf(0x0a, from);
  return found < length ? found : -1;
}

/** The last record of the chain in an open file, and all bytes behind it; reads from the end, and no more than it must. */
export function lastSealed(fd: number): { readonly sealed: Sealed | undefined; readonly tail: Buffer } {
  const { size } = fstatSync(fd);
  for (let window = CHUNK_BYTES; ; window *= 4) {
    const from = Math.max(0, size - window);
    const bytes = readAt(fd, from, size - from);
    for (let end = bytes.lastIndexOf(0x0a); end >= 0; ) {
      const start = end === 0 ? -1 : bytes.lastIndexOf(0x0a, end - 1);
      if (start < 0 && from > 0) break;
      const sealed = unseal(bytes.subarray(start + 1, end));
      if (sealed !== undefined) return { sealed, tail: bytes.subarray(end + 1) };
      end = start;
    }
    if (from === 0 || window > MAX_LINE_BYTES) return { sealed: undefined, tail: bytes };
  }
}

/** The same for a file by its path. */
export function lastSealedOf(path: string): Sealed | undefined {
  const fd = openSync(path, 'r');
  try {
    return lastSealed(fd).sealed;
  } finally {
    closeSync(fd);
  }
}

function readAt(fd: number, from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const count = readSync(fd, bytes, read, length - read, from + read);
    if (count === 0) break;
    read += count;
  }
  return bytes.subarray(0, read);
}
