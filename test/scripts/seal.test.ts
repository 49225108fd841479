/** An executable for another machine cannot be tried out; that it is made of the sealed runtime can be seen. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BINARY } from '../e2e/bench.ts';

const { expectSealed, sealRuntime } = await import(new URL('../../scripts/seal.mjs', import.meta.url).pathname);

describe('an executable that is only looked at', () => {
  let folder: string;
  let runtime: string;
  let places: readonly number[];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'csh-seal-'));
    runtime = join(folder, 'bun');
    places = sealRuntime(process.execPath, runtime);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('passes when it is made of the sealed runtime', () => {
    expect(places.length).toBeGreaterThan(10);
    expectSealed(BINARY, runtime, places);
  });

  test('does not pass when it is made of an unsealed one', () => {
    expect(() => expectSealed(process.execPath, runtime, places)).toThrow(
      `Expected ${places.length} sealed places, got ${places.length} that are not those of the runtime`,
    );
  });

  test('does not pass with one open place, nor when nothing was sealed', () => {
    const bytes = readFileSync(BINARY);
    const [place = 0] = places;
    bytes[place] = 0x42;
    writeFileSync(join(folder, 'open'), bytes);
    expect(() => expectSealed(join(folder, 'open'), runtime, places)).toThrow('got 1 that');
    expect(() => expectSealed(BINARY, runtime, [])).toThrow('Expected 0 sealed places');
  });
});
