import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { createRateLimit } from '../../src/collector/rate-limit.ts';

describe('a rate', () => {
  test('lets one second of events come at once, then as many as it says', () => {
    let now = 0;
    const limit = createRateLimit(() => now);
    for (let event = 0; event < 10; event += 1) expect(limit.take('a', 10, 1)).toBe(0);
    expect(limit.take('a', 10, 1)).toBe(1);
    expect(limit.take('b', 10, 1)).toBe(0);
    now = 100;
    expect([limit.take('a', 10, 1), limit.take('a', 10, 1)]).toEqual([0, 1]);
    expect(limit.take('a', undefined, 1_000_000)).toBe(0);
  });

  test('lets a batch through that is larger than a second of it, and has it paid for afterwards', () => {
    let now = 0;
    const limit = createRateLimit(() => now);
    expect(limit.take('a', 10, 50)).toBe(0);
    expect(limit.take('a', 10, 1)).toBe(5);
    now = 4_100;
    expect(limit.take('a', 10, 1)).toBe(0);
  });

  test('never lets more through in the long run, and whoever waits as long as told is let in', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 1, max: 80 })), { maxLength: 60 }),
        (rate, sends) => {
          let now = 0;
          let taken = 0;
          let largest = rate;
          const limit = createRateLimit(() => now);
          for (const [pause, events] of sends) {
            now += pause;
            const wait = limit.take('a', rate, events);
            if (wait > 0) {
              now += wait * 1000;
              expect(limit.take('a', rate, events)).toBe(0);
            }
            taken += events;
            largest = Math.max(largest, events);
            expect(taken).toBeLessThanOrEqual(rate + (now / 1000) * rate + largest + 1e-6);
          }
        },
      ),
    ));
});
