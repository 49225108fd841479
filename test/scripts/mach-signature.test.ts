import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { expectSigned } = await import(new URL('../../scripts/mach-signature.mjs', import.meta.url).pathname);

const PAGE_BYTES = 4096;
const PAGES = 3;
const DIRECTORY_BYTES = 44;

/** An executable of three pages, the last not full, with the signature behind them; see mach-o/loader.h and cs_blobs.h. */
function executable(): Buffer {
  const end = PAGES * PAGE_BYTES - 100;
  const bytes = Buffer.alloc(end + 20 + DIRECTORY_BYTES + PAGES * 32, 'x');
  bytes.writeUInt32LE(0xfeedfacf, 0);
  bytes.writeUInt32LE(2, 16);
  // Some other command, and that of the signature.
  for (const [at, command, length] of [
    [32, 0x19, 72],
    [104, 0x1d, 16],
  ] as const) {
    bytes.writeUInt32LE(command, at);
    bytes.writeUInt32LE(length, at + 4);
  }
  bytes.writeUInt32LE(end, 112);
  const directory = end + 20;
  bytes.writeUInt32BE(1, end + 8);
  bytes.writeUInt32BE(20, end + 16);
  bytes.writeUInt32BE(0xfade0c02, directory);
  bytes.writeUInt32BE(DIRECTORY_BYTES, directory + 16);
  bytes.writeUInt32BE(PAGES, directory + 28);
  bytes.writeUInt32BE(end, directory + 32);
  bytes.set([32, 2, 0, 12], directory + 36);
  for (let page = 0; page < PAGES; page += 1) {
    const text = bytes.subarray(page * PAGE_BYTES, Math.min(end, (page + 1) * PAGE_BYTES));
    bytes.set(createHash('sha256').update(text).digest(), directory + DIRECTORY_BYTES + page * 32);
  }
  return bytes;
}

describe('the signature of an executable of macOS', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'csh-mach-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const check = (bytes: Buffer): void => {
    writeFileSync(join(folder, 'executable'), bytes);
    expectSigned(join(folder, 'executable'));
  };

  test('fits its own pages, and no other ones', () => {
    check(executable());
    for (const [place, count] of [
      [[500], 1],
      [[500, PAGE_BYTES * PAGES - 101], 2],
    ] as const) {
      const changed = executable();
      for (const at of place) changed[at] = 0;
      expect(() => check(changed)).toThrow(`Expected a code signature that fits, got one of ${count} other pages`);
    }
  });

  test('has to be there', () => {
    const unsigned = executable();
    unsigned.writeUInt32LE(1, 16);
    expect(() => check(unsigned)).toThrow('Expected a code signature, got none');
    expect(() => check(Buffer.from('\u007fELF'.padEnd(64)))).toThrow('Expected an executable of macOS');
  });
});
