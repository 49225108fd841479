/** Every case of docs/promises.md has a test that names it, and no test names a case that is not there. */
import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dir, '..');

function namedCases(): ReadonlySet<string> {
  const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.test.ts') && !name.includes('node_modules') && name !== 'promises.test.ts',
  );
  const texts = files.map((name) => readFileSync(join(ROOT, 'test', name), 'utf8'));
  return new Set(texts.flatMap((text) => [...text.matchAll(/\[([A-Z]\d{1,2})\]/g)].map(([, id = '']) => id)));
}

test('each promise is named by a test', () => {
  const promised = [...readFileSync(join(ROOT, 'docs/promises.md'), 'utf8').matchAll(/^\| ([A-Z]\d+) \|/gm)].map(
    ([, id = '']) => id,
  );
  expect(promised.length).toBeGreaterThan(60);
  const named = namedCases();
  expect(promised.filter((id) => !named.has(id))).toEqual([]);
  expect([...named].filter((id) => !promised.includes(id))).toEqual([]);
});
