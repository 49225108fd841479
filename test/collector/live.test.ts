import { describe, expect, test } from 'bun:test';
import { createLive } from '../../src/collector/live.ts';
import { createWaiting } from '../../src/collector/waiting.ts';
import type { EventRecord } from '../../src/events.ts';
import { withDashboard } from './dashboard.ts';
import { approval, event } from './events.ts';
import { readLive, rowsOf } from './live-reader.ts';
import { createMemoryStore } from './memory-store.ts';

const many = (count: number, changes: Partial<EventRecord> = {}): readonly EventRecord[] =>
  Array.from({ length: count }, () => event('PreToolUse', { tool: 'Bash', ...changes }));
const ids = (events: readonly { readonly id: string }[]): readonly string[] => events.map(({ id }) => id);

describe('a page that follows', () => {
  test(
    'gets what is stored, newest first, in one frame for a quarter of a second',
    withDashboard(
      () => [],
      async ({ url, add }) => {
        const reader = await readLive(`${url}live?view=activity`);
        const events = many(5);
        for (const one of events) await add(one);
        const frame = await reader.next('rows');
        expect(ids(rowsOf(frame).rows)).toEqual(ids(events.toReversed()));
        expect(Number(frame?.id)).toBe(events.at(-1)?.seq ?? 0);
      },
    ),
  );

  test(
    'gets at most fifty rows a frame, and the count of the rest',
    withDashboard(
      () => [],
      async ({ url, add }) => {
        const reader = await readLive(`${url}live?view=activity`);
        const events = many(7000);
        await add(...events.slice(0, 6000));
        await add(...events.slice(6000));
        const { rows, more } = rowsOf(await reader.next('rows'));
        expect(ids(rows)).toEqual(ids(events.slice(-50).reverse()));
        expect(more).toBe(6950);
      },
    ),
  );

  test(
    'gets only what it looks for',
    withDashboard(
      () => [],
      async ({ url, add }) => {
        const [one, other] = [
          await readLive(`${url}live?view=activity&project=shop&q=npm`),
          await readLive(`${url}live?view=activity`),
        ];
        const fits = event('PreToolUse', { data: { command: 'npm test' } });
        await add(event('PreToolUse', { data: { command: 'ls' } }), fits, event('PreToolUse', { project: 'npm-site' }));
        expect(ids(rowsOf(await one.next('rows')).rows)).toEqual([fits.id]);
        expect(rowsOf(await other.next('rows')).rows.length).toBe(3);
      },
    ),
  );

  test(
    'of a session is told only how much came',
    withDashboard(
      () => [],
      async ({ url, add }) => {
        const reader = await readLive(`${url}live?view=session&session=mine`);
        await add(...many(3, { session_id: 'mine' }), ...many(9));
        expect(rowsOf(await reader.next('rows'))).toEqual({ rows: [], more: 3 });
      },
    ),
  );

  test(
    'hears how many wait at once, and of each change; the page of those who wait gets their cards',
    withDashboard(
      () => [
        approval(
          'approval.requested',
          'a',
          { expires_at: Date.now() + 60_000 },
          { timestamp: new Date().toISOString() },
        ),
      ],
      async ({ url, add }) => {
        const [page, other] = [await readLive(`${url}live?view=waiting`), await readLive(`${url}live?view=activity`)];
        expect((await page.next('waiting'))?.data).toMatchObject({
          is: { count: 1, model: { waiting: [{ id: 'a' }] } },
        });
        expect((await other.next('waiting'))?.data).toEqual({ now: expect.any(Number), is: { count: 1 } });
        await add(approval('approval.decided', 'a', { outcome: 'allowed', by: 'U1' }));
        expect((await page.next('waiting'))?.data).toMatchObject({
          is: { count: 0, model: { finished: [{ id: 'a' }] } },
        });
        expect((await other.next('waiting'))?.data).toMatchObject({ is: { count: 0 } });
      },
    ),
  );

  test(
    'is sent something again and again, though nothing happens',
    withDashboard(
      () => [],
      async ({ url, viewers }) => {
        const reader = await readLive(`${url}live?view=other`);
        const over = reader.next('rows');
        expect(viewers()).toBe(1);
        // Its own timer ends the wait: three comments have come.
        await new Promise<void>((resolve) => {
          const timer = setInterval(() => {
            if (reader.comments() < 3) return;
            clearInterval(timer);
            resolve();
          }, 5);
        });
        reader.leave();
        await over;
      },
      { heartbeatMs: 10 },
    ),
  );
});

describe('after a cut', () => {
  const stored = many(30);

  test(
    'everything comes that was stored meanwhile, with a little that is known already',
    withDashboard(
      () => stored,
      async ({ url, store }) => {
        const seen = stored.at(-4)?.seq ?? 0;
        const reader = await readLive(`${url}live?view=activity&after=1`, { 'last-event-id': String(seen) });
        const { rows, more } = rowsOf(await reader.next('rows'));
        // One event a second in this store, and five seconds back.
        expect(rows.map(({ seq }) => seq)).toEqual(
          stored
            .filter(({ seq }) => seq > seen - 5_000_000)
            .map(({ seq }) => seq)
            .reverse(),
        );
        expect(rows.length).toBeGreaterThan(3);
        expect(more).toBe(0);
        expect(await store.count()).toBe(30);
      },
    ),
  );

  test(
    'much comes in several frames, and too much is said to be more',
    withDashboard(
      () => many(300),
      async ({ url, store }) => {
        const all = await store.find({}, 300, 'oldest');
        const reader = await readLive(`${url}live?view=activity`, { 'last-event-id': String(all[0]?.seq ?? 0) });
        const frames = [];
        for (let index = 0; index < 4; index += 1) frames.push(rowsOf(await reader.next('rows')));
        expect(frames.map(({ rows, more }) => [rows.length, more])).toEqual([
          [50, 1],
          [50, 0],
          [50, 0],
          [50, 0],
        ]);
        expect(frames.toReversed().flatMap(({ rows }) => [...ids(rows)])).toEqual([...ids(all.slice(-200).reverse())]);
      },
    ),
  );

  test('nothing is lost of what comes while the store is asked', async () => {
    const events = many(20);
    const store = createMemoryStore(events.slice(0, 10));
    const waiting = createWaiting();
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const find: typeof store.find = async (...given) => {
      const found = await store.find(...given);
      asked.resolve();
      await answer.promise;
      return found;
    };
    const live = createLive({ store: { find }, waiting, now: Date.now, coalesceMs: 1 });
    const opened = live.open(new Request('http://localhost/live?view=activity&after=1'));
    await asked.promise;
    live.publish(events.slice(10));
    answer.resolve();
    const text: string[] = [];
    for await (const chunk of (await opened).body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text.push(chunk);
      if (events.every(({ id }) => text.join('').includes(id))) break;
    }
    expect(text.length).toBeGreaterThan(1);
    live.stop();
  });

  test(
    'from a store that does not answer the stream ends, so that the browser tries again',
    withDashboard(
      () => [],
      async ({ url, store, viewers }) => {
        store.fail();
        const reader = await readLive(`${url}live?view=activity&after=5`);
        expect(await reader.next('rows')).toBe(undefined);
        expect(viewers()).toBe(0);
      },
    ),
  );
});

describe('many who follow', () => {
  test(
    'are bounded: the next one is told to come later',
    withDashboard(
      () => [],
      async ({ url, viewers }) => {
        const readers = [await readLive(`${url}live`), await readLive(`${url}live`)];
        const refused = await fetch(`${url}live`);
        expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '30']);
        expect(viewers()).toBe(2);
        for (const reader of readers) reader.leave();
      },
      { maxViewers: 2 },
    ),
  );

  test(
    'are let go when their page is closed',
    withDashboard(
      () => [],
      async ({ url, viewers }) => {
        const reader = await readLive(`${url}live`);
        expect(viewers()).toBe(1);
        reader.leave();
        await new Promise<void>((resolve) => {
          const timer = setInterval(() => {
            if (viewers() > 0) return;
            clearInterval(timer);
            resolve();
          }, 5);
        });
      },
    ),
  );

  test('are let go when they left before the answer', async () => {
    const live = createLive({ store: createMemoryStore(), waiting: createWaiting(), now: Date.now });
    await live.open(new Request('http://localhost/live?view=activity&after=1', { signal: AbortSignal.abort() }));
    expect(live.viewers()).toBe(0);
  });

  test(
    'do not wait for one that does not read, which is left',
    withDashboard(
      () => [],
      async ({ url, viewers, add }) => {
        const { port } = new URL(url);
        const opened = Promise.withResolvers<void>();
        const closed = Promise.withResolvers<void>();
        await Bun.connect({
          hostname: '127.0.0.1',
          port: Number(port),
          socket: {
            open: (socket) => {
              socket.write('GET /live?view=activity HTTP/1.1\r\nhost: x\r\n\r\n');
            },
            data: (socket) => {
              socket.pause();
              opened.resolve();
            },
            close: () => closed.resolve(),
          },
        });
        await opened.promise;
        const reader = await readLive(`${url}live?view=activity`);
        expect(viewers()).toBe(2);
        const full = { data: { text: 'x'.repeat(3000) } };
        for (let frames = 0; viewers() === 2 && frames < 150; frames += 1) {
          await add(...many(50, full));
          expect(rowsOf(await reader.next('rows')).rows.length).toBe(50);
        }
        expect(viewers()).toBe(1);
        reader.leave();
      },
      { coalesceMs: 0 },
    ),
  );

  test('cost nothing when there are none: nothing is gathered', () => {
    const live = createLive({ store: createMemoryStore(), waiting: createWaiting(), now: Date.now });
    live.publish(many(100));
    expect(live.viewers()).toBe(0);
  });
});
