import { expect, test } from 'bun:test';
import { pieces, shownStore } from '../../src/collector/event-pieces.ts';
import type { EventRecord, EventStore } from '../../src/events.ts';
import { event } from './events.ts';
import { createMemoryStore } from './memory-store.ts';

const many = (count: number, text: string): readonly EventRecord[] =>
  Array.from({ length: count }, (_, number) => event('Stop', { seq: number + 1, data: { text } }));

/** A store that writes down how many events it was asked for. */
function asking(events: readonly EventRecord[]): {
  readonly store: Pick<EventStore, 'find'>;
  readonly asked: number[];
} {
  const { find } = createMemoryStore(events);
  const asked: number[] = [];
  const store: Pick<EventStore, 'find'> = {
    find: (filter, limit, order) => {
      asked.push(limit);
      return find(filter, limit, order);
    },
  };
  return { store, asked };
}

test.each(['newest', 'oldest'] as const)('the %s first, all of them come once and in order', async (order) => {
  const events = many(1_234, '');
  const { store } = asking(events);
  for (const limit of [1, 50, 51, 1_000, 5_000]) {
    const found: number[] = [];
    for await (const piece of pieces(store, {}, order, limit)) {
      found.push(...piece.events.map(({ seq }) => seq));
      expect(piece.texts).toEqual(piece.events.map((each) => JSON.stringify(each)));
    }
    const all = events.map(({ seq }) => seq);
    expect(found).toEqual((order === 'oldest' ? all : all.toReversed()).slice(0, limit));
  }
});

test('of large events only a few are in memory at once', async () => {
  const { store, asked } = asking(many(120, 'x'.repeat(500_000)));
  let count = 0;
  for await (const { events } of pieces(store, {}, 'oldest')) count += events.length;
  expect(count).toBe(120);
  expect(asked.slice(1).every((limit) => limit <= 8)).toBe(true);
});

test('what is shown to people has no text that nobody could read, and is otherwise the same', async () => {
  const short = event('Stop', { data: { text: 'x'.repeat(3_000), list: [1] } });
  const long = event('Stop', {
    data: { text: '\u{1f600}'.repeat(300_000), list: Array.from({ length: 5_000 }), n: 1 },
  });
  const [second, first] = await shownStore(createMemoryStore([short, long])).find({}, 10);
  expect(first).toEqual(short);
  expect(JSON.stringify(second).length).toBeLessThan(10_000);
  expect(second).toEqual({ ...long, data: { text: '\u{1f600}'.repeat(2_000), list: expect.anything(), n: 1 } });
});
