import { expect, test } from 'bun:test';
import { createHeld } from '../../src/collector/held.ts';
import { event } from './events.ts';

const of = (length: number) => event('Stop', { data: 'x'.repeat(length) });

test('what is held until there is a store is bounded in number, and the oldest leaves first', () => {
  const held = createHeld(3);
  const all = [1, 2, 3, 4, 5].map(of);
  expect(held.isEmpty()).toBe(true);
  for (const each of all) held.add(each);
  expect(held.isEmpty()).toBe(false);
  expect(held.take()).toEqual({ events: all.slice(2), lost: 2 });
  expect(held.take()).toEqual({ events: [], lost: 0 });
});

test('it is bounded in size: a few events of a mebibyte are as much as thousands of others', () => {
  const held = createHeld(5_000, 10_000);
  const all = [4_000, 4_000, 4_000, 100].map(of);
  for (const each of all) held.add(each);
  expect(held.take()).toEqual({ events: all.slice(1), lost: 1 });
  held.add(of(20_000));
  expect(held.take()).toEqual({ events: [], lost: 1 });
});
