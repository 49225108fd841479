/** `npm run reproducible` compares whole builds; what makes them differ is seen in one. */
import { expect, test } from 'bun:test';
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { BINARY, TEST_BINARY } from '../e2e/bench.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

test.each([
  ['the program', BINARY],
  ['its test build', TEST_BINARY],
])('%s holds nothing of the directory where it was compiled', (_name, executable) => {
  const bytes = readFileSync(executable);
  for (const folder of [ROOT, realpathSync(join(ROOT, 'node_modules/pino'))]) expect(bytes.indexOf(folder)).toBe(-1);
});
