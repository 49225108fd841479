import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { bucketWords, hashOf, lookUp, lookUpIn, writeBuckets } from '../../src/store/event-buckets.ts';

const cell = fc.nat(0xffffffff);

test('a table of hashes gives back all numbers of each, and no others', () => {
  const few = fc.nat(3).map((high) => high * 0x40000001);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.oneof(cell, few), fc.oneof(cell, fc.nat(2)), cell), { maxLength: 300 }),
      (entries) => {
        const words = new Uint32Array(bucketWords(entries.length));
        writeBuckets(words, Uint32Array.from(entries.flat()), entries.length);
        const read = (from: number, count: number): Uint32Array => {
          expect(from + count).toBeLessThanOrEqual(words.length);
          return words.subarray(from, from + count);
        };
        for (const [high, low] of [...entries, [1, 2] as const]) {
          const found = lookUp(read, entries.length, { high, low });
          expect(lookUpIn(words, entries.length, { high, low })).toEqual(found);
          // Those with the same lower half may share a bucket; all of ours must be there.
          const mine = entries.filter((entry) => entry[0] === high && entry[1] === low).map((entry) => entry[2]);
          const possible = entries.filter((entry) => entry[1] === low).map((entry) => entry[2]);
          for (const number of mine) expect(found).toContain(number);
          for (const number of found) expect(possible).toContain(number);
          expect(found.length).toBeGreaterThanOrEqual(mine.length);
        }
      },
    ),
  );
});

test('the hash of a text is the same for ever: it is on disk', () => {
  expect(hashOf('abc')).toEqual({ high: 0x32d153ff, low: 0xaa3da8ff });
  expect(hashOf('')).toEqual({ high: 0x02cc5d05, low: 0x0b2cb792 });
});
