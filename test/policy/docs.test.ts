/** What the document shows must work. */
import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { readPolicyConfig } from '../../src/policy/config.ts';

test('every example of a config file in the document is one', () => {
  const document = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8');
  const examples = [...document.matchAll(/```json\n(.*?)```/gs)].map(([, json = '']) => json);
  expect(examples.length).toBeGreaterThan(2);
  for (const example of examples) expect(() => readPolicyConfig(JSON.parse(example), 'config.json')).not.toThrow();
});
