import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  createSequence,
  idOfApproval,
  idOfName,
  isoTime,
  newId,
  readTime,
  timeOfId,
} from '../../src/collector/event-identity.ts';

describe('the id of a named event', () => {
  test('is the same for ever, and another for another name or project', () => {
    // Written down: a later version that gave other ids would store redelivered events twice.
    expect(idOfName('shop', 'e-1')).toBe('d8e404de-3de2-54f7-953d-c79ab22d1a93');
    expect(idOfName(null, 'e-1')).toBe(idOfName('', 'e-1'));
    const ids = [
      idOfName('a', 'b'),
      idOfName('ab', ''),
      idOfName('', 'ab'),
      idOfName(null, 'b'),
      idOfApproval('a', 'b'),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('the time of an event', () => {
  test('is read from what senders write', () => {
    const at = Date.UTC(2025, 10, 23, 10, 0, 0);
    const cases: readonly (readonly [unknown, number | undefined])[] = [
      ['2025-11-23T10:00:00.000Z', at],
      ['2025-11-23T10:00:00Z', at],
      ['2025-11-23T10:00:00z', at],
      ['2025-11-23T10:00:00', at],
      ['2025-11-23T10:00', at],
      ['2025-11-23 10:00:00', at],
      ['2025-11-23 10:00:00.5+00:00', at + 500],
      ['2025-11-23T12:00:00+02:00', at],
      ['2025-11-23T12:00:00+0200', at],
      ['2025-11-23T05:00:00-05:00', at],
      ['2025-11-23T10:00:00.123456', at + 123],
      ['2025-11-23T10:00:00.123456789Z', at + 123],
      ['2025-11-23', Date.UTC(2025, 10, 23)],
      [at, at],
      [at + 0.9, at],
      [at / 1000, at],
      [at / 1000 + 0.25, at + 250],
      [0, 0],
      ...[
        '',
        'now',
        '23.11.2025',
        '2025-13-01T00:00:00Z',
        '2025-02-30T99:00:00Z',
        '10:00',
        'Z',
        '2025-11-23T10:00:00Zulu',
        '+275760-09-13T00:00:00Z',
      ].map((text) => [text, undefined] as const),
      ...[-1, Number.NaN, Number.POSITIVE_INFINITY, 1e20, null, undefined, true, {}, [], ['2025-11-23']].map(
        (value) => [value, undefined] as const,
      ),
    ];
    for (const [value, expected] of cases) {
      const ms = readTime(value);
      expect([value, ms === undefined ? undefined : Math.trunc(ms)]).toEqual([value, expected]);
    }
  });

  test('can always be written again, whatever it was', () =>
    fc.assert(
      fc.property(
        fc.oneof(
          fc.double(),
          fc.string(),
          fc.date().map(String),
          fc.integer({ min: 0, max: 9_999 }).map((year) => `${String(year).padStart(4, '0')}-12-31T23:59:59.999-12:00`),
        ),
        (value) => {
          const ms = readTime(value);
          if (ms !== undefined) expect(isoTime(ms)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        },
      ),
      { numRuns: 2_000 },
    ));

  test('is in an id that was made by time', () => {
    const before = Date.now();
    const at = timeOfId(newId()) ?? 0;
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(Date.now());
    expect(timeOfId('ffffffff-ffff-7fff-bfff-ffffffffffff')).toBeUndefined();
    for (const id of ['e-1', '', crypto.randomUUID(), idOfName('a', 'b')]) expect(timeOfId(id)).toBeUndefined();
  });
});

describe('the order of arrival', () => {
  test('grows with every event, whatever the clock does, and goes on above what is stored', () => {
    let now = 1_000;
    const next = createSequence(() => now, 5_000_000);
    const seen = [next(), next()];
    now = 6_000;
    seen.push(next(), next());
    now = 10;
    seen.push(next());
    expect(seen).toEqual([5_000_001, 5_000_002, 6_000_000, 6_000_001, 6_000_002]);
  });
});
