import { describe, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { takeLock } from '../../src/daemon-lock.ts';
import { createDelivery } from '../../src/sender/delivery.ts';
import type { Entry } from '../../src/sender/event.ts';
import { type Replayed, replay } from '../../src/sender/replay.ts';
import { createSpool, type Spool } from '../../src/sender/spool.ts';
import { resolveTarget } from '../../src/sender/target.ts';
import { startCollector, type TestCollector, withDirectory } from './collector.ts';

interface World {
  readonly collector: TestCollector;
  readonly spool: Spool;
  readonly queue: string;
  readonly dir: string;
  run(signal?: AbortSignal): Promise<Replayed>;
  put(count: number, change?: Partial<Entry>): Promise<void>;
}

async function withWorld(body: (world: World) => Promise<void>, path = 'events'): Promise<void> {
  const collector = startCollector();
  try {
    await withDirectory(async (dir) => {
      const spool = createSpool({ dir, takeLock, now: Date.now });
      const target = resolveTarget({
        flag: `http://127.0.0.1:${collector.port}/${path}`,
        config: {},
        env: { HOOK_API_KEY: 'k' },
      });
      const delivery = createDelivery({ target, version: '1', fetch, now: Date.now });
      let next = 0;
      await body({
        ...{ collector, spool, dir, queue: target.queue },
        run: (signal = new AbortController().signal) => replay({ spool, delivery, signal }),
        put: async (count, change = {}) => {
          for (let left = count; left > 0; left -= 1) {
            const id = `e${next}`;
            const event = { event_id: id, timestamp: 't', n: next };
            await spool.append(target.queue, { at: Date.now(), id, project: 'p', environment: 'e', event, ...change });
            next += 1;
          }
        },
      });
    });
  } finally {
    await collector.stop();
  }
}

const numbers = ({ rows }: TestCollector): unknown[] => rows.map(({ n }) => n);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe('a replay', () => {
  test('sends what waits in one list, oldest first, says that it is one, and leaves nothing', () =>
    withWorld(async ({ collector, run, put, dir, queue }) => {
      await put(100);
      expect(await run()).toEqual({ state: 'done', sent: 100, refused: 0 });
      expect(numbers(collector)).toEqual(upTo(100));
      expect(collector.requests.map(({ path }) => path)).toEqual(['/events/batch']);
      expect(collector.requests[0]?.headers.get('x-replayed')).toBe('1');
      expect(collector.requests[0]?.headers.get('x-api-key')).toBe('k');
      expect(readdirSync(dir)).not.toContain(queue);
    }));

  test('sends events one by one, with their ids, where the target knows no lists', () =>
    withWorld(async ({ collector, run, put }) => {
      collector.answer = ({ path }) => (path.endsWith('/batch') ? new Response('', { status: 404 }) : undefined);
      await put(5);
      expect(await run()).toMatchObject({ state: 'done', sent: 5, refused: 0 });
      expect(numbers(collector)).toEqual(upTo(5));
      expect(collector.requests.map(({ path }) => path)).toEqual(['/events/batch', ...Array(5).fill('/events')]);
      expect(collector.requests.slice(1).map(({ headers }) => headers.get('idempotency-key'))).toEqual(
        upTo(5).map((n) => `e${n}`),
      );
      expect(collector.requests[3]?.headers.get('x-replayed')).toBe('1');
    }));

  test('asks no list of an address that is not that of a collector', () =>
    withWorld(async ({ collector, run, put }) => {
      await put(3);
      expect(await run()).toMatchObject({ sent: 3 });
      expect(collector.requests.map(({ path }) => path)).toEqual(['/hook', '/hook', '/hook']);
    }, 'hook'));

  test('drops the one that is never taken, says why, and sends the others', () =>
    withWorld(async ({ collector, run, put }) => {
      collector.answer = ({ body }) =>
        JSON.stringify(body).includes('"n":2') ? new Response('', { status: 422 }) : undefined;
      await put(5);
      expect(await run()).toMatchObject({ state: 'done', sent: 4, refused: 1, reason: expect.stringContaining('422') });
      expect(numbers(collector)).toEqual([0, 1, 3, 4]);
    }));

  test.each([401, 403])('keeps everything where the key is refused with %d', (status) =>
    withWorld(async ({ collector, run, put, spool, queue }) => {
      collector.answer = () => new Response('', { status });
      await put(3);
      expect(await run()).toMatchObject({ state: 'later', sent: 0, refused: 0, retryAfterMs: 600_000 });
      expect(spool.status(queue).depth).toBe(3);
    }),
  );

  test('stops where the target fails, tells how long to wait, and goes on there', () =>
    withWorld(async ({ collector, run, put }) => {
      collector.answer = ({ path }) => {
        if (path.endsWith('/batch')) return new Response('', { status: 405 });
        return collector.rows.length < 2
          ? undefined
          : new Response('', { status: 503, headers: { 'Retry-After': '3' } });
      };
      await put(5);
      expect(await run()).toMatchObject({ state: 'later', sent: 2, retryAfterMs: 3_000 });
      collector.answer = undefined;
      expect(await run()).toMatchObject({ state: 'done', sent: 3 });
      expect(numbers(collector)).toEqual(upTo(5));
      expect(collector.duplicates).toBe(0);
    }));

  test('that ends in the middle of an answer loses nothing: the same events come again', () =>
    withWorld(async ({ collector, run, put }) => {
      await put(4);
      const ending = new AbortController();
      const isHeard = Promise.withResolvers<Response>();
      collector.answer = ({ body }) => {
        collector.rows.push(...(body as Record<string, unknown>[]));
        ending.abort();
        return isHeard.promise;
      };
      expect(await run(ending.signal)).toMatchObject({ state: 'later', sent: 0 });
      isHeard.resolve(new Response(''));
      const first = collector.requests[0]?.body;
      collector.answer = undefined;
      expect(await run()).toMatchObject({ state: 'done', sent: 4 });
      expect(collector.requests[1]?.body).toEqual(first);
    }));

  test('is not done twice at once', () =>
    withWorld(async ({ collector, run, put }) => {
      await put(20);
      const states = await Promise.all(Array.from({ length: 10 }, () => run()));
      expect(states.filter(({ state }) => state === 'done')).toHaveLength(1);
      expect(states.filter(({ state }) => state === 'busy')).toHaveLength(9);
      expect(numbers(collector)).toEqual(upTo(20));
      expect(collector.duplicates).toBe(0);
    }));

  test('puts only events of one project into a list', () =>
    withWorld(async ({ collector, run, put }) => {
      await put(2, { project: 'a' });
      await put(2, { project: 'b' });
      await run();
      expect(collector.requests.map(({ headers }) => headers.get('x-project'))).toEqual(['a', 'b']);
    }));
});
