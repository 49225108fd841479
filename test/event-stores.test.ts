import { expect, test } from 'bun:test';
import { createRetaining } from '../src/event-stores.ts';
import type { EventRecord, EventStore } from '../src/events.ts';

const RULES = { eventDays: 30, approvalDays: 365 };
const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 21);

/** A store whose newest event came then, and the times at which it was told to delete what was old. */
function storeOf(newestAt: number | undefined) {
  const retained: number[] = [];
  const store: Pick<EventStore, 'find' | 'retain'> = {
    find: async () => (newestAt === undefined ? [] : [{ seq: newestAt * 1000 } as EventRecord]),
    retain: async (_, at) => {
      retained.push(at);
      return { deleted: [], compressed: [] };
    },
  };
  return { store, retained };
}

async function run(newestAt: number | undefined, times: readonly number[]): Promise<readonly number[]> {
  const { store, retained } = storeOf(newestAt);
  const clock = [...times];
  const logger = { info: () => {}, warn: () => {} };
  const retain = createRetaining(store, RULES, logger, () => clock.shift() ?? Number.NaN);
  for (const _ of times) await retain();
  return retained;
}

test('old events are deleted every hour, also before any event is there', async () => {
  const hours = [NOW, NOW + 3_600_000, NOW + 7_200_000];
  expect(await run(NOW - 60_000, hours)).toEqual(hours);
  expect(await run(undefined, hours)).toEqual(hours);
});

test('a clock that is ten years ahead for an hour deletes nothing', async () => {
  const ahead = NOW + 3_650 * DAY_MS;
  expect(await run(NOW, [NOW, ahead, NOW + 7_200_000])).toEqual([NOW, NOW + 7_200_000]);
  // Also when the process starts with it.
  expect(await run(NOW - 60_000, [ahead, NOW])).toEqual([NOW]);
});

test('a machine that was off for weeks deletes what is old an hour later', async () => {
  expect(await run(NOW - 60 * DAY_MS, [NOW, NOW + 3_600_000])).toEqual([NOW + 3_600_000]);
});
