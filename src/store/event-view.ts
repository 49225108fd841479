/** One file of events with its index, opened to be read: goes on reading the same file when that is renamed, compressed or deleted. */
import { closeSync, openSync } from 'node:fs';
import { breathe, readAt } from './event-files.ts';
import type { EventIndex, IndexRow } from './event-index.ts';
import { createMemberReader, type MemberCache } from './event-members.ts';
import type { Members } from './event-sidecar.ts';

export interface EventView {
  readonly index: EventIndex;
  /** The lines of some rows, in the order of these. */
  lines(rows: readonly IndexRow[]): Promise<readonly string[]>;
  close(): void;
}

/** A file of events whose bytes can be read as if it were not compressed. */
export interface EventData {
  read(from: number, length: number): Promise<Buffer>;
  /** All of it, piece by piece. */
  chunks(): AsyncGenerator<Buffer, void, undefined>;
}

const CHUNK_BYTES = 1024 * 1024;

export function plainData(fd: number): EventData {
  return {
    read: (from, length) => readAt(fd, from, length),
    async *chunks() {
      for (let at = 0; ; ) {
        const chunk = await readAt(fd, at, CHUNK_BYTES);
        if (chunk.length === 0) return;
        yield chunk;
        at += chunk.length;
      }
    },
  };
}

export function zippedData(
  fd: number,
  members: Members,
  fileBytes: number,
  cached: (member: number, load: () => Promise<Buffer>) => Promise<Buffer>,
): EventData {
  const reader = createMemberReader(fd, members, fileBytes, cached);
  return {
    read: reader.read,
    async *chunks() {
      for (let number = 0; number < reader.count; number += 1) yield reader.member(number);
    },
  };
}

/** The key of a file's members in the cache: a file that is written anew gets another number. */
export function memberKeys(cache: MemberCache, name: string, inode: number) {
  return (member: number, load: () => Promise<Buffer>): Promise<Buffer> =>
    cache.get(`${name} ${inode} ${member}`, load);
}

/** Lines that lie no farther apart are read together. */
const GAP_BYTES = 8192;
const EXTENT_BYTES = 256 * 1024;

/** The texts of some rows: in few reads where they lie together. */
export async function linesOf(data: EventData, rows: readonly IndexRow[]): Promise<readonly string[]> {
  const texts = new Array<string>(rows.length);
  const order = rows.map((_, number) => number).sort((a, b) => (rows[a]?.offset ?? 0) - (rows[b]?.offset ?? 0));
  for (let at = 0; at < order.length; ) {
    const start = rows[order[at] ?? 0]?.offset ?? 0;
    let end = start;
    let next = at;
    for (; next < order.length; next += 1) {
      const row = rows[order[next] ?? 0];
      if (row === undefined) break;
      const isNear = row.offset <= end + GAP_BYTES && row.offset + row.length <= start + EXTENT_BYTES;
      if (next > at && !isNear) break;
      end = row.offset + row.length;
    }
    const bytes = await data.read(start, end - start);
    for (; at < next; at += 1) {
      const number = order[at] ?? 0;
      const { offset = 0, length = 0 } = rows[number] ?? {};
      texts[number] = bytes.toString('utf8', offset - start, offset - start + length);
    }
  }
  return texts;
}

/** Calls `take` with each line of a file, where it begins and its length in bytes; returns where the last whole one ends. */
export async function eachLine(
  data: EventData,
  take: (line: string, offset: number, length: number) => void,
): Promise<number> {
  let held: Buffer = Buffer.alloc(0);
  let heldAt = 0;
  for await (const chunk of data.chunks()) {
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    let from = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, from)) {
      take(bytes.toString('utf8', from, end), heldAt + from, end - from);
      from = end + 1;
    }
    held = bytes.subarray(from);
    heldAt += from;
    await breathe();
  }
  return heldAt;
}

/** A view of a file that is opened for it. Throws what opening throws. */
export function openView(
  path: string,
  open: (fd: number) => { index: EventIndex; data: EventData; close?: () => void },
): EventView {
  const fd = openSync(path, 'r');
  try {
    const { index, data, close } = open(fd);
    return {
      index,
      lines: (rows) => linesOf(data, rows),
      close: () => {
        closeSync(fd);
        close?.();
      },
    };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
