import { expect, test } from 'bun:test';
import { createMemory } from '../../src/channels/slack-memory.ts';

test('what came before is known, as long as not too much has come since', () => {
  const isRepeated = createMemory(2);
  expect(['a', 'b', 'a', 'c', 'b', 'a'].map(isRepeated)).toEqual([false, false, true, false, true, false]);
});
