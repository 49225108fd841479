/** What is refused, how, and that nothing of it is stored. */
import { describe, expect, test } from 'bun:test';
import type { EventStore } from '../../src/events.ts';
import { nested, nothingStored, sizeOf, TYPED, withCollector } from './opened.ts';

describe('a sender', () => {
  test('with a wrong key or none is refused before its body is read', () =>
    withCollector(async (opened) => {
      for (const key of ['wrong-key', '', null]) {
        const answer = await opened.request('POST', '/events', {
          key,
          body: '{...}',
          headers: { 'content-type': 'application/json' },
        });
        expect([answer.status, await answer.text()]).toEqual([401, '{"success":false,"error":"Invalid API key"}']);
        expect(answer.headers.get('x-server-version')).toBe('1.2.3');
      }
      for (const path of ['/events/batch', '/hooks/claude'])
        expect((await opened.request('POST', path, { key: 'wrong-key' })).status).toBe(401);
      await nothingStored(opened);
    }));

  test('whose body never comes hears at once that its key is wrong', () =>
    withCollector(async ({ request }) => {
      const body = new ReadableStream({ pull: () => new Promise(() => {}) });
      expect((await request('POST', '/events', { key: 'wrong', body })).status).toBe(401);
    }));

  test('shows its key in any of three headers', () =>
    withCollector(async ({ collector, key }) => {
      const own = key();
      const shown: Record<string, string>[] = [
        { 'x-api-key': own },
        { 'gram-key': own },
        { authorization: `Bearer ${own}` },
      ];
      for (const headers of shown) {
        const request = new Request('http://127.0.0.1/events', { headers: { host: '127.0.0.1', ...headers } });
        expect((await collector.fetch(request)).status).toBe(200);
      }
      const inUrl = new Request(`http://127.0.0.1/events?key=${own}&api_key=${own}`, {
        headers: { host: '127.0.0.1' },
      });
      expect((await collector.fetch(inUrl)).status).toBe(401);
    }));

  test('of broken JSON is told so, and nothing is stored', () =>
    withCollector(async (opened) => {
      const broken = [
        '{...}',
        '',
        '{"a":1',
        'undefined',
        '{"hook_event_name":"x"} {}',
        '{"a":"\u0000"}',
        'NaN',
        "{'a':1}",
      ];
      const bytes = [Buffer.from([0x22, 0xff, 0xfe, 0x22]), Buffer.from('{"event_type":"x"}', 'utf16le')];
      for (const body of [...broken, ...bytes])
        for (const path of ['/events', '/events/batch', '/hooks/codex']) {
          const answer = await opened.post(path, body);
          expect([answer.status, await answer.text()]).toEqual([
            400,
            '{"success":false,"error":"Invalid JSON payload"}',
          ]);
        }
      await nothingStored(opened);
    }));

  test('of more than 1 MiB for one event, or 8 MiB or 5000 events for a batch, gets 413', () =>
    withCollector(async (opened) => {
      const MiB = 1024 * 1024;
      const chunked = (text: string): RequestInit => ({
        body: new Blob([text]).stream(),
        headers: { 'content-type': 'application/json' },
      });
      for (const path of ['/events', '/hooks/claude']) {
        expect((await opened.post(path, sizeOf(MiB + 1))).status).toBe(413);
        expect((await opened.request('POST', path, chunked(sizeOf(MiB + 1)))).status).toBe(413);
      }
      expect((await opened.post('/events/batch', `[${sizeOf(8 * MiB - 1)}]`)).status).toBe(413);
      expect((await opened.post('/events/batch', `[${'{},'.repeat(5_000)}{}]`)).status).toBe(413);
      await nothingStored(opened);
      expect((await opened.post('/events', sizeOf(MiB))).status).toBe(202);
      expect((await opened.request('POST', '/events', chunked(sizeOf(MiB)))).status).toBe(202);
      expect((await opened.post('/events/batch', `[${sizeOf(8 * MiB - 2)}]`)).status).toBe(202);
    }));

  test('of more than 64 levels gets 422', () =>
    withCollector(async (opened) => {
      const deep = await opened.post('/events', `{"event_type":"x","data":${nested(64)}}`);
      expect([deep.status, await deep.json()]).toEqual([
        422,
        { error: { code: 'too_deep', message: 'Expected at most 64 levels of nesting, got more' } },
      ]);
      expect((await opened.post('/events/batch', nested(500_000))).status).toBe(422);
      await nothingStored(opened);
      expect((await opened.post('/events', `{"event_type":"x","data":${nested(63)}}`)).status).toBe(202);
    }));

  test('of anything but plain JSON gets 415', () =>
    withCollector(async (opened) => {
      const cases: Record<string, string>[] = [
        { 'content-type': 'text/plain' },
        { 'content-type': 'application/x-www-form-urlencoded' },
        { 'content-type': 'application/jsonp' },
        { 'content-type': 'multipart/form-data; boundary=x' },
        { 'content-type': 'application/json', 'content-encoding': 'gzip' },
        { 'content-type': 'application/json', 'content-encoding': 'identity' },
      ];
      for (const headers of cases)
        for (const path of ['/events', '/events/batch', '/hooks/gemini'])
          expect((await opened.request('POST', path, { headers, body: JSON.stringify(TYPED) })).status).toBe(415);
      await nothingStored(opened);
      expect((await opened.post('/events', TYPED, { 'content-type': 'Application/JSON; charset=utf-8' })).status).toBe(
        202,
      );
    }));

  test('of an unknown path gets 404, of an unknown method 405 with those that there are', () =>
    withCollector(async (opened) => {
      for (const path of ['/nothing', '/events/', '/hooks/nobody', '/hooks', '/api/events', '/sessions/a/b', '/%00'])
        for (const method of ['GET', 'POST', 'DELETE']) expect((await opened.request(method, path)).status).toBe(404);
      const cases = [
        ['DELETE', '/events', 'GET, HEAD, POST'],
        ['OPTIONS', '/events', 'GET, HEAD, POST'],
        ['GET', '/events/batch', 'POST'],
        ['PUT', '/hooks/claude', 'POST'],
        ['POST', '/health', 'GET, HEAD'],
        ['POST', '/', 'GET, HEAD'],
        ['POST', '/waiting', 'GET, HEAD'],
        ['PATCH', '/sessions/x', 'GET, HEAD'],
        ['POST', '/metrics', 'GET, HEAD'],
        ['GET', '/login', 'POST'],
      ] as const;
      for (const [method, path, allowed] of cases) {
        const answer = await opened.request(method, path);
        expect([path, answer.status, answer.headers.get('allow')]).toEqual([path, 405, allowed]);
        expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      }
      await nothingStored(opened);
    }));

  test('is told to come again when more waits than the store can take, and nothing of it is lost', () => {
    const gate = Promise.withResolvers<void>();
    const held = (store: EventStore): EventStore => ({
      ...store,
      append: async (events) => {
        await gate.promise;
        return store.append(events);
      },
    });
    return withCollector(
      async ({ post, rows, request }) => {
        const batch = Array.from({ length: 5_000 }, () => TYPED);
        const waiting = Array.from({ length: 11 }, () => post('/events/batch', batch));
        const refused = await Promise.race(waiting);
        expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
        expect(await refused.json()).toMatchObject({ error: { code: 'busy' } });
        expect((await post('/events', TYPED)).status).toBe(503);
        expect(await (await request('GET', '/metrics')).text()).toContain('\ncsh_queue_depth 50000\n');
        gate.resolve();
        const statuses = (await Promise.all(waiting)).map(({ status }) => status);
        expect(statuses.filter((status) => status === 202)).toHaveLength(10);
        expect(await rows()).toHaveLength(50_000);
        expect((await post('/events', TYPED)).status).toBe(202);
      },
      { wrap: held },
    );
  });

  test('is told to come again when the bodies of all hold too much memory, which is free again after each', () => {
    const gate = Promise.withResolvers<void>();
    const MiB = 1024 * 1024;
    const batch = (bytes: number): string => `[${sizeOf(bytes - 2)}]`;
    return withCollector(
      async ({ post, request, rows }) => {
        const eight = batch(8 * MiB);
        const chunked = (text: string): Promise<Response> =>
          request('POST', '/events/batch', {
            body: new Blob([text]).stream(),
            headers: { 'content-type': 'application/json' },
          });
        // What is refused gives its room back.
        for (let time = 0; time < 10; time += 1) {
          expect((await post('/events/batch', 'x'.repeat(8 * MiB))).status).toBe(400);
          expect((await chunked(`${eight} `)).status).toBe(413);
        }
        const waiting = Array.from({ length: 9 }, (_, index) =>
          index % 2 === 0 ? post('/events/batch', eight) : chunked(eight),
        );
        const refused = await Promise.race(waiting);
        expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
        gate.resolve();
        const statuses = (await Promise.all(waiting)).map(({ status }) => status);
        const taken = statuses.filter((status) => status === 202).length;
        expect(taken).toBeGreaterThan(0);
        expect(statuses.filter((status) => status === 503)).toHaveLength(9 - taken);
        expect(await rows()).toHaveLength(taken);
        for (let time = 0; time < 2; time += 1)
          expect(
            await Promise.all([post('/events/batch', eight), chunked(eight)].map(async (each) => (await each).status)),
          ).toEqual([202, 202]);
      },
      {
        wrap: (store) => ({
          ...store,
          append: async (events) => {
            await gate.promise;
            return store.append(events);
          },
        }),
      },
    );
  });

  test('with a rate gets 429 above it, and hears when to come again', () =>
    withCollector(async ({ request, key, rows }) => {
      const own = key({ rate: 2 });
      const send = (): Promise<Response> =>
        request('POST', '/events', {
          key: own,
          body: JSON.stringify(TYPED),
          headers: { 'content-type': 'application/json' },
        });
      expect([(await send()).status, (await send()).status]).toEqual([202, 202]);
      const refused = await send();
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
      expect(await rows()).toHaveLength(2);
    }));

  test('gets 503 from a store that cannot take events, and may send them again', () => {
    let isBroken = true;
    return withCollector(
      async ({ post, rows, request, logged }) => {
        const refused = await post('/events', { ...TYPED, event_id: 'again' });
        expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
        expect(await refused.json()).toMatchObject({ error: { code: 'store' } });
        expect(await (await request('GET', '/metrics')).text()).toContain('\nhooks_storage_errors_total 1\n');
        expect(logged).not.toEqual([]);
        isBroken = false;
        expect((await post('/events', { ...TYPED, event_id: 'again' })).status).toBe(202);
        expect(await rows()).toHaveLength(1);
      },
      {
        wrap: (store) => ({
          ...store,
          append: (events) => (isBroken ? Promise.reject(new Error('no space left')) : store.append(events)),
        }),
      },
    );
  });
});
