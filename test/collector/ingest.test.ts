import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { createIngest, type Flush, type IngestOptions } from '../../src/collector/ingest.ts';
import type { Appended, EventRecord } from '../../src/events.ts';
import { event } from './events.ts';

interface Append {
  readonly events: readonly EventRecord[];
  resolve(): void;
  reject(error: Error): void;
}

/** An ingest whose store does what the test says, append by append. */
function opened(options: Partial<IngestOptions> = {}) {
  const appends: Append[] = [];
  const stored: EventRecord[] = [];
  const flushes: Flush[] = [];
  const errors: unknown[] = [];
  const ingest = createIngest({
    store: {
      append: (events) => {
        const { promise, resolve, reject } = Promise.withResolvers<Appended>();
        appends.push({ events, resolve: () => resolve({ stored: events.length, duplicates: 0 }), reject });
        return promise;
      },
    },
    onStored: (events) => void stored.push(...events),
    onError: (error) => void errors.push(error),
    onFlush: (flush) => void flushes.push(flush),
    ...options,
  });
  /** Resolves when everything that can go on without the store has gone on. */
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { ingest, appends, stored, flushes, errors, settled };
}

describe('group commit', () => {
  test('writes together what comes together, and what comes meanwhile after it', async () => {
    const { ingest, appends, settled } = opened();
    const answers = [ingest.offer([event('a')], 10), ingest.offer([event('b'), event('c')], 10)];
    await settled();
    answers.push(ingest.offer([event('d')], 10), ingest.offer([event('e')], 10));
    await settled();
    expect(appends.map(({ events }) => events.map(({ event_type }) => event_type))).toEqual([['a', 'b', 'c']]);
    appends[0]?.resolve();
    await settled();
    expect(appends.at(1)?.events.map(({ event_type }) => event_type)).toEqual(['d', 'e']);
    appends[1]?.resolve();
    expect(await Promise.all(answers)).toEqual([true, true, true, true]);
    expect(ingest.depth()).toBe(0);
  });

  test('answers nobody before the store has said that it is on disk', async () => {
    const { ingest, appends, stored, settled } = opened();
    let isAnswered = false;
    const answer = ingest.offer([event('a')], 10).then(() => {
      isAnswered = true;
    });
    await settled();
    expect([isAnswered, stored.length]).toEqual([false, 0]);
    appends[0]?.resolve();
    await answer;
    expect(stored).toHaveLength(1);
  });

  test('lets one that the store cannot take not hurt the others', async () => {
    const taken: string[] = [];
    const { ingest, stored } = opened({
      store: {
        append: async (events) => {
          if (events.some(({ event_type }) => event_type === 'poison')) throw new Error('poison');
          taken.push(...events.map(({ event_type }) => event_type));
          return { stored: events.length, duplicates: 0 };
        },
      },
    });
    const answers = await Promise.allSettled(
      ['a', 'poison', 'b', 'c', 'poison', 'd'].map((type) => ingest.offer([event(type)], 10)),
    );
    expect(answers.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(taken).toEqual(['a', 'b', 'c', 'd']);
    expect(stored.map(({ event_type }) => event_type)).toEqual(taken);
    expect(ingest.depth()).toBe(0);
    expect(await ingest.offer([event('later')], 10)).toBe(true);
  });

  test('does not ask a store that is gone for every request by itself', async () => {
    let asked = 0;
    const { ingest } = opened({
      store: {
        append: () => {
          asked += 1;
          return Promise.reject(new Error('gone'));
        },
      },
    });
    const answers = await Promise.allSettled(Array.from({ length: 100 }, () => ingest.offer([event('a')], 10)));
    expect(answers.every(({ status }) => status === 'rejected')).toBe(true);
    expect(asked).toBeLessThan(10);
    expect(ingest.depth()).toBe(0);
  });

  test('goes on when whoever is told of stored events throws, and writes nothing twice', async () => {
    let appended = 0;
    const { ingest, errors } = opened({
      store: {
        append: async (events) => {
          appended += events.length;
          return { stored: events.length, duplicates: 0 };
        },
      },
      onStored: () => {
        throw new Error('listener');
      },
    });
    expect(await Promise.all([ingest.offer([event('a')], 10), ingest.offer([event('b')], 10)])).toEqual([true, true]);
    expect(await ingest.offer([event('c')], 10)).toBe(true);
    expect([appended, errors.length, ingest.depth()]).toEqual([3, 3, 0]);
    await ingest.idle();
  });

  test('refuses at once what is more than may wait, in events or in bytes, and takes it when there is room', async () => {
    const { ingest, appends, settled } = opened({ maxEvents: 3, maxBytes: 100 });
    const two = ingest.offer([event('a'), event('b')], 50);
    expect(await ingest.offer([event('c'), event('d')], 10)).toBe(false);
    expect(await ingest.offer([event('c')], 51)).toBe(false);
    const one = ingest.offer([event('c')], 50);
    expect(await ingest.offer([event('d')], 0)).toBe(false);
    expect(ingest.depth()).toBe(3);
    await settled();
    appends[0]?.resolve();
    await settled();
    appends[1]?.resolve();
    expect(await Promise.all([two, one])).toEqual([true, true]);
    const later = ingest.offer([event('d')], 100);
    await settled();
    appends[2]?.reject(new Error('no'));
    expect(await later.catch(() => 'rejected')).toBe('rejected');
    expect(ingest.depth()).toBe(0);
    expect(await ingest.offer([], 10)).toBe(true);
  });

  test('has no more under way than it may, and says when nothing waits any more', async () => {
    const { ingest, appends, settled } = opened({ parallel: 2, flushEvents: 1 });
    const answers = Array.from({ length: 5 }, (_, index) => ingest.offer([event(String(index))], 1));
    let isIdle = false;
    const idle = ingest.idle().then(() => {
      isIdle = true;
    });
    for (let done = 0; done < 5; done += 1) {
      await settled();
      expect(appends.length - done).toBeLessThanOrEqual(2);
      expect(isIdle).toBe(false);
      appends[done]?.resolve();
    }
    await Promise.all([...answers, idle]);
    expect(appends).toHaveLength(5);
  });

  test('keeps the order of a sender that waits for its answers, whatever fails on the way', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 4 }),
        async (senders, flushEvents) => {
          const written: string[] = [];
          let turn = 0;
          const { ingest, stored } = opened({
            flushEvents,
            store: {
              append: async (events) => {
                turn += 1;
                if (turn % 3 === 0) throw new Error('now and then');
                written.push(...events.map(({ event_type }) => event_type));
                return { stored: events.length, duplicates: 0 };
              },
            },
          });
          await Promise.all(
            senders.map(async (sends, sender) => {
              for (const [number] of sends.entries())
                while ((await ingest.offer([event(`${sender}-${number}`)], 1).catch(() => false)) !== true);
            }),
          );
          for (const [sender, sends] of senders.entries())
            expect(written.filter((type) => type.startsWith(`${sender}-`))).toEqual(
              sends.map((_, number) => `${sender}-${number}`),
            );
          expect(stored.map(({ event_type }) => event_type)).toEqual(written);
          expect(ingest.depth()).toBe(0);
        },
      ),
      { numRuns: 200 },
    ));
});
