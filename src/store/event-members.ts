/**
 * Compressed files of events: gzip members one after another, each of some whole lines, so that a line can be read without
 * all that is before it; `zcat` reads them like any other. Each member says its own length in an extra field (RFC 1952,
 * 2.3.1.1), by which the members are found again where the index has been lost.
 */
import { readSync } from 'node:fs';
import { promisify } from 'node:util';
import { crc32, deflateRaw, inflateRaw } from 'node:zlib';
import { AppError } from '../errors.ts';
import { readAt } from './event-files.ts';
import type { Members } from './event-sidecar.ts';

const deflateAsync = promisify(deflateRaw);
const inflateAsync = promisify(inflateRaw);

/** Bytes of lines in a member: smaller ones are read faster, larger ones take less room. */
const MEMBER_BYTES = 64 * 1024;
/** Ten bytes, the length of the extra field, its name `ce`, the length of its content, and this: the length of the member. */
const HEADER_BYTES = 20;
/** Check and length of what was compressed. */
const TRAILER_BYTES = 8;

async function deflated(bytes: Uint8Array): Promise<Buffer> {
  const body = await deflateAsync(bytes);
  const member = Buffer.alloc(HEADER_BYTES + body.length + TRAILER_BYTES);
  member.set([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, 0x63, 0x65, 4, 0]);
  member.writeUInt32LE(member.length, 16);
  member.set(body, HEADER_BYTES);
  member.writeUInt32LE(crc32(bytes), HEADER_BYTES + body.length);
  member.writeUInt32LE(bytes.length, HEADER_BYTES + body.length + 4);
  return member;
}

/** A member after compression has been undone. Rejects with what zlib says. */
function inflated(member: Buffer): Promise<Buffer> {
  return inflateAsync(member.subarray(HEADER_BYTES, member.length - TRAILER_BYTES));
}

export interface MemberWriter {
  /** Takes bytes that end with a line. */
  add(bytes: Uint8Array): Promise<void>;
  /** Writes what is left, and says where the members are and how long the file is. */
  end(): Promise<{ readonly members: Members; readonly fileBytes: number }>;
}

export function createMemberWriter(write: (bytes: Uint8Array, at: number) => Promise<void>): MemberWriter {
  const starts: number[] = [];
  let parts: Uint8Array[] = [];
  let held = 0;
  let before = 0;
  let after = 0;

  const flush = async (): Promise<void> => {
    if (held === 0) return;
    const member = await deflated(Buffer.concat(parts));
    await write(member, after);
    starts.push(before, after);
    before += held;
    after += member.length;
    parts = [];
    held = 0;
  };

  return {
    add: async (bytes) => {
      parts.push(bytes);
      held += bytes.length;
      if (held >= MEMBER_BYTES) await flush();
    },
    end: async () => {
      await flush();
      return { members: Uint32Array.from(starts), fileBytes: after };
    },
  };
}

/** Where the members of a file begin, found by going from one to the next. Throws AppError('store') for what we have not compressed. */
export function findMembers(fd: number, path: string, fileBytes: number): Members {
  const starts: number[] = [];
  let before = 0;
  const cell = Buffer.alloc(HEADER_BYTES);
  for (let at = 0; at < fileBytes; ) {
    const isWhole = readSync(fd, cell, 0, HEADER_BYTES, at) === HEADER_BYTES;
    const length =
      isWhole && cell.readUInt32BE(0) === 0x1f8b0804 && cell.readUInt16BE(12) === 0x6365 ? cell.readUInt32LE(16) : 0;
    if (length <= HEADER_BYTES + TRAILER_BYTES || at + length > fileBytes)
      throw new AppError('store', `Expected ${path} as this program compresses, got something else`, {
        hint: `Unpack it: gunzip ${path}`,
      });
    starts.push(before, at);
    readSync(fd, cell, 0, 4, at + length - 4);
    before += cell.readUInt32LE(0);
    at += length;
  }
  return Uint32Array.from(starts);
}

/** Keeps the members that were read last: lines that are asked for together lie together. */
export interface MemberCache {
  get(key: string, load: () => Promise<Buffer>): Promise<Buffer>;
}

export function createMemberCache(size = 32): MemberCache {
  const kept = new Map<string, Promise<Buffer>>();
  return {
    get: (key, load) => {
      const found = kept.get(key) ?? load();
      kept.delete(key);
      kept.set(key, found);
      found.catch(() => kept.delete(key));
      for (const old of kept.keys()) {
        if (kept.size <= size) break;
        kept.delete(old);
      }
      return found;
    },
  };
}

export interface MemberReader {
  /** How many there are. */
  readonly count: number;
  member(number: number): Promise<Buffer>;
  /** Bytes as they were before compression. */
  read(from: number, length: number): Promise<Buffer>;
}

export function createMemberReader(
  fd: number,
  members: Members,
  fileBytes: number,
  cached: (member: number, load: () => Promise<Buffer>) => Promise<Buffer>,
): MemberReader {
  const count = members.length / 2;
  const startOf = (number: number): number => members[number * 2] ?? 0;
  const member = async (number: number): Promise<Buffer> => {
    const at = members[number * 2 + 1] ?? 0;
    const end = number + 1 < count ? (members[number * 2 + 3] ?? 0) : fileBytes;
    return inflated(await readAt(fd, at, end - at));
  };
  /** The last member that begins at or before a place. */
  const holding = (place: number): number => {
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (startOf(middle) <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  return {
    count,
    member,
    read: async (from, length) => {
      const parts: Buffer[] = [];
      for (let number = holding(from); number < count && startOf(number) < from + length; number += 1) {
        const bytes = await cached(number, () => member(number));
        const start = startOf(number);
        parts.push(bytes.subarray(Math.max(0, from - start), Math.max(0, from + length - start)));
      }
      return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    },
  };
}
