/**
 * A table from hashes to numbers that is searched where it lies, in a file: numbers by the upper bits of their hash in
 * buckets of some eight, found with two small reads.
 */

/** Two times 32 bits of a text: xxHash32 with two seeds, which is the same in every version of the runtime. */
export interface Hash {
  readonly high: number;
  readonly low: number;
}

export function hashOf(text: string): Hash {
  return { high: Bun.hash.xxHash32(text, 0), low: Bun.hash.xxHash32(text, 1) };
}

/** Entries as they are collected: high, low and the number, one after another. */
export type Entries = Uint32Array;

const BUCKET_ENTRIES = 8;

function bitsFor(entries: number): number {
  return Math.max(0, Math.min(24, Math.ceil(Math.log2(entries / BUCKET_ENTRIES))));
}

/** High is below 2^32; without bits there is one bucket. */
function bucketOf(high: number, bits: number): number {
  return bits === 0 ? 0 : high >>> (32 - bits);
}

/** How many 32-bit words the table of so many entries has. */
export function bucketWords(entries: number): number {
  return entries === 0 ? 0 : 2 ** bitsFor(entries) + 1 + 2 * entries;
}

/** Writes the table of `count` entries into `words`, which has room for exactly that. */
export function writeBuckets(words: Uint32Array, entries: Entries, count: number): void {
  if (count === 0) return;
  const bits = bitsFor(count);
  const buckets = 2 ** bits;
  const cursors = new Uint32Array(buckets + 1);
  for (let at = 0; at < count * 3; at += 3) {
    const next = bucketOf(entries[at] ?? 0, bits) + 1;
    cursors[next] = (cursors[next] ?? 0) + 1;
  }
  for (let bucket = 1; bucket <= buckets; bucket += 1)
    cursors[bucket] = (cursors[bucket] ?? 0) + (cursors[bucket - 1] ?? 0);
  words.set(cursors);
  for (let at = 0; at < count * 3; at += 3) {
    const bucket = bucketOf(entries[at] ?? 0, bits);
    const slot = cursors[bucket] ?? 0;
    cursors[bucket] = slot + 1;
    words[buckets + 1 + 2 * slot] = entries[at + 1] ?? 0;
    words[buckets + 2 + 2 * slot] = entries[at + 2] ?? 0;
  }
}

const NONE: readonly number[] = [];

/** The numbers that may belong to a hash; `words` reads from the table of `count` entries. */
export function lookUp(
  words: (from: number, count: number) => Uint32Array,
  count: number,
  hash: Hash,
): readonly number[] {
  if (count === 0) return NONE;
  const bits = bitsFor(count);
  const [start = 0, end = 0] = words(bucketOf(hash.high, bits), 2);
  if (start >= end || end > count) return NONE;
  return matching(words(2 ** bits + 1 + 2 * start, 2 * (end - start)), 0, 2 * (end - start), hash);
}

/** The same in a table that is in memory. */
export function lookUpIn(table: Uint32Array, count: number, hash: Hash): readonly number[] {
  if (count === 0) return NONE;
  const bits = bitsFor(count);
  const bucket = bucketOf(hash.high, bits);
  const first = 2 ** bits + 1;
  return matching(table, first + 2 * (table[bucket] ?? 0), first + 2 * (table[bucket + 1] ?? 0), hash);
}

function matching(words: Uint32Array, from: number, to: number, { low }: Hash): readonly number[] {
  let numbers: number[] | undefined;
  for (let at = from; at < to; at += 2)
    if (words[at] === low) {
      numbers ??= [];
      numbers.push(words[at + 1] ?? 0);
    }
  return numbers ?? NONE;
}
