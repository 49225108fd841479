/** The collector as senders and readers meet it: statuses, bodies, headers, and what is stored. */
import { describe, expect, test } from 'bun:test';
import { chmodSync } from 'node:fs';
import { revokeKey } from '../../src/collector/keys.ts';
import type { EventStore } from '../../src/events.ts';
import { type OpenedCollector, withCollector } from './opened.ts';

const HELLO = {
  hook_event_name: 'test_event',
  session_id: 'test-session-123',
  timestamp: '2025-11-23T10:00:00.000Z',
  cwd: '/test',
  context: { message: 'Hello from curl!' },
};
const TYPED = { event_type: 'session_started', session_id: 'test-123' };

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const sizeOf = (bytes: number): string => {
  const shell = JSON.stringify({ ...TYPED, data: '' });
  return JSON.stringify({ ...TYPED, data: 'x'.repeat(bytes - shell.length) });
};
const nothingStored = async ({ rows }: Pick<OpenedCollector, 'rows'>): Promise<void> => {
  expect(await rows()).toEqual([]);
};

describe('an event of a hook', () => {
  test('[C01][C02] is answered as the first collector of them did, with the same headers', () =>
    withCollector(async ({ post, rows }) => {
      const answer = await post('/events', HELLO);
      expect(answer.status).toBe(200);
      expect(await answer.text()).toBe('{"success":true,"message":"Event received","accepted":1,"total_events":1}');
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
      expect(answer.headers.get('x-server-version')).toBe('1.2.3');
      expect(answer.headers.get('x-events-count')).toBe('1');
      expect(await rows()).toMatchObject([
        {
          event_type: 'test_event',
          session_id: 'test-session-123',
          timestamp: '2025-11-23T10:00:00.000Z',
          data: HELLO,
          kind: 'other',
          src: 'api',
          project: 'test',
        },
      ]);
      expect((await post('/events', HELLO)).headers.get('x-events-count')).toBe('2');
    }));

  test('[C05] keeps every key and value, whatever its name', () =>
    withCollector(async ({ post, rows, lines, request }) => {
      const odd = `{"hook_event_name":"x","session_id":"s","__proto__":{"a":1},"constructor":{"b":[null,1.5,"é\u2028🙂"]},"toString":0,"valueOf":"v","deep":{"__proto__":[1],"":""}}`;
      expect((await post('/events', odd)).status).toBe(200);
      const [row] = await rows();
      expect(JSON.stringify(row?.data)).toBe(JSON.stringify(JSON.parse(odd)));
      expect(JSON.stringify(lines()[0]?.data)).toBe(JSON.stringify(JSON.parse(odd)));
      const listed = await (await request('GET', '/events')).text();
      expect(listed).toContain(JSON.stringify(JSON.parse(odd)));
      expect(({} as Record<string, unknown>).a).toBeUndefined();
    }));

  test('[C05] that is wrapped is found inside, and kept as it was', () =>
    withCollector(async ({ post, rows }) => {
      const body = { hook: { hook_event_name: 'Stop', session_id: 'inner', x: 1 }, sent_by: 'me' };
      expect((await post('/events', body)).status).toBe(200);
      expect(await rows()).toMatchObject([{ event_type: 'Stop', session_id: 'inner', data: body }]);
    }));

  test('[C05] that is wrapped may have its session beside it', () =>
    withCollector(async ({ post, rows }) => {
      expect((await post('/events', { session_id: 'outer', hook: { hook_event_name: 'Stop' } })).status).toBe(200);
      expect(await rows()).toMatchObject([{ session_id: 'outer' }]);
    }));

  test('[C06] without a session is stored under "unknown"', () =>
    withCollector(async ({ post, rows }) => {
      for (const body of [{ hook_event_name: 'Stop' }, { hook_event_name: 'Stop', session_id: null }])
        expect((await post('/events', body)).status).toBe(200);
      expect((await rows()).map(({ session_id }) => session_id)).toEqual(['unknown', 'unknown']);
    }));

  test('[C07] is stored with the headers that tell of its sender, cut and without control characters', () =>
    withCollector(async ({ post, rows }) => {
      await post('/events', HELLO, {
        'X-Hook-Event': 'SessionStart',
        'X-Session-Name': `tab\there${'x'.repeat(300)}`,
        'X-Client-Version': '1.0.0',
        'X-Environment': 'development',
        'User-Agent': 'claude-code-hook/1.0',
      });
      const [row] = await rows();
      expect(row?.meta).toEqual({
        hook_event: 'SessionStart',
        session_name: `tabhere${'x'.repeat(249)}`,
        client_version: '1.0.0',
        environment: 'development',
        user_agent: 'claude-code-hook/1.0',
      });
    }));

  test('[C08] may have any name', () =>
    withCollector(async ({ post, rows }) => {
      for (const hook_event_name of [
        'AssistantResponse',
        'ToolUse',
        'zzz',
        '<img src=x onerror=alert(1)>',
        '__proto__',
      ])
        expect((await post('/events', { hook_event_name, session_id: 's' })).status).toBe(200);
      expect((await rows()).map(({ kind }) => kind)).toEqual(Array.from({ length: 5 }, () => 'other' as const));
    }));

  test('is dated now where its time cannot be read, and says so', () =>
    withCollector(async ({ post, rows }) => {
      const before = Date.now();
      await post('/events', { ...HELLO, timestamp: 'yesterday' });
      await post('/events', { ...TYPED, timestamp: { seconds: 1 } });
      const [hook, typed] = await rows();
      for (const row of [hook, typed]) {
        expect(row?.flags).toEqual(['timestamp']);
        expect(Date.parse(row?.timestamp ?? '')).toBeGreaterThanOrEqual(before);
      }
      expect(typed?.extra).toEqual({ timestamp: { seconds: 1 } });
      expect(hook?.data).toMatchObject({ timestamp: 'yesterday' });
    }));
});

describe('a typed event', () => {
  test('[C12] is accepted with 202', () =>
    withCollector(async ({ post, rows }) => {
      const answer = await post('/events', TYPED);
      expect([answer.status, await answer.json()]).toEqual([202, { accepted: 1, message: 'Events accepted' }]);
      expect(await rows()).toMatchObject([{ ...TYPED, kind: 'session.started', data: {}, workflow_id: null }]);
    }));

  test('[C13][C20] has its places, one line each in the file, and what has none beside them', () =>
    withCollector(async ({ post, lines }) => {
      const body = {
        ...TYPED,
        workflow_id: 'workflow-456',
        phase_id: 7,
        milestone_id: 'm',
        data: { model: 'claude-sonnet-4-5-20250929' },
        timestamp: '2025-11-23T10:00:00.123456+02:00',
        more: { a: 1 },
      };
      expect((await post('/events', body)).status).toBe(202);
      const [line = {}] = lines();
      expect(line).toMatchObject({
        event_type: 'session_started',
        session_id: 'test-123',
        workflow_id: 'workflow-456',
        phase_id: '7',
        milestone_id: 'm',
        data: body.data,
        timestamp: '2025-11-23T08:00:00.123Z',
        extra: { more: { a: 1 } },
      });
      expect(Object.keys(line).slice(0, 8)).toEqual([
        ...['event_id', 'event_type', 'session_id', 'workflow_id', 'phase_id', 'milestone_id', 'data', 'timestamp'],
      ]);
      expect(line.event_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    }));

  test('[C05] keeps every key that has no place, also those that objects have by themselves', () =>
    withCollector(async ({ post, rows }) => {
      const own = '"__proto__":{"a":1},"constructor":2,"prototype":3,"toString":4,"hasOwnProperty":5,"valueOf":{"b":6}';
      expect((await post('/events', `{"event_type":"x",${own}}`)).status).toBe(202);
      const [row] = await rows();
      expect(JSON.stringify(row?.extra)).toBe(`{${own}}`);
    }));

  test('[C14] without a type is refused, and nothing is stored', () =>
    withCollector(async (opened) => {
      for (const body of [{}, { session_id: 's' }, { hook: {} }, { hook: [] }]) {
        const answer = await opened.post('/events', body);
        expect([answer.status, await answer.text()]).toEqual([
          422,
          '{"error":{"code":"invalid_event","path":"event_type"}}',
        ]);
      }
      await nothingStored(opened);
    }));

  test('[C14] whose parts are no names is refused with the place of the first', () =>
    withCollector(async (opened) => {
      const cases = [
        [{ event_type: '' }, 'event_type'],
        [{ event_type: 5 }, 'event_type'],
        [{ event_type: 'x'.repeat(257) }, 'event_type'],
        [{ ...TYPED, session_id: { a: 1 } }, 'session_id'],
        [{ ...TYPED, workflow_id: 'x'.repeat(257) }, 'workflow_id'],
        [{ ...TYPED, event_id: 'x'.repeat(129) }, 'event_id'],
        [{ ...TYPED, event_id: 17 }, 'event_id'],
        [{ hook_event_name: ['Stop'] }, 'hook_event_name'],
        [null, ''],
        [5, ''],
        ['text', ''],
        [[TYPED], ''],
      ] as const;
      for (const [body, path] of cases) {
        const answer = await opened.post('/events', JSON.stringify(body));
        expect([answer.status, await answer.json()]).toEqual([422, { error: { code: 'invalid_event', path } }]);
      }
      await nothingStored(opened);
    }));

  test('[C17] may have any name of up to 128 characters', () =>
    withCollector(async ({ post, rows }) => {
      const names = ['not-a-uuid', 'x'.repeat(128), '🙂', 'a\'b"c'];
      for (const event_id of names) expect((await post('/events', { ...TYPED, event_id })).status).toBe(202);
      expect((await rows()).map(({ event_id }) => event_id)).toEqual(names);
      for (const { id } of await rows()) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5/);
    }));

  test('[C18] that comes again is answered the same, is one row, and counts as a duplicate', () =>
    withCollector(async ({ post, rows, request }) => {
      const named = { ...TYPED, event_id: 'e-1', timestamp: '2025-11-23T10:00:00Z' };
      const twice = async (body: unknown, headers: Record<string, string> = {}): Promise<void> => {
        for (let time = 0; time < 2; time += 1) {
          const answer = await post('/events', body, headers);
          expect([answer.status, await answer.json()]).toEqual([202, { accepted: 1, message: 'Events accepted' }]);
        }
      };
      await twice(named);
      await twice({ ...TYPED, event_id: 'e-2' });
      await twice(TYPED, { 'Idempotency-Key': 'k-1' });
      expect(await rows()).toHaveLength(3);
      const text = await (await request('GET', '/metrics')).text();
      expect(text).toContain('\nhooks_events_duplicates_total 3\n');
      expect(text).toContain('\nhooks_events_stored_total 3\n');
      expect(text).toContain('\nhooks_events_received_total{form="typed"} 6\n');
      await post('/events', { ...named, timestamp: '2025-11-23T10:00:01Z' });
      expect(await rows()).toHaveLength(4);
    }));

  test('[C18] with an Idempotency-Key is known again though its time differs', () =>
    withCollector(async ({ post, rows }) => {
      for (const second of ['01', '02']) {
        const body = { ...TYPED, timestamp: `2025-11-23T10:00:${second}Z` };
        expect((await post('/events', body, { 'Idempotency-Key': 'one request' })).status).toBe(202);
      }
      expect(await rows()).toHaveLength(1);
    }));

  test('[C18] with an Idempotency-Key that another sender has used is another one', () =>
    withCollector(async ({ post, rows, key }) => {
      for (const own of [key(), key()])
        for (let time = 0; time < 2; time += 1)
          expect((await post('/events', TYPED, { 'Idempotency-Key': '1', 'x-api-key': own })).status).toBe(202);
      expect(await rows()).toHaveLength(2);
    }));

  test('[C18] with an Idempotency-Key that is empty or too long is refused', () =>
    withCollector(async (opened) => {
      for (const name of ['', 'x'.repeat(121)]) {
        const answer = await opened.post('/events', TYPED, { 'Idempotency-Key': name });
        expect([answer.status, await answer.json()]).toEqual([
          422,
          { error: { code: 'invalid_event', path: 'Idempotency-Key' } },
        ]);
      }
      await nothingStored(opened);
    }));
});

describe('a batch', () => {
  test('[C15] is accepted whole, in its order', () =>
    withCollector(async ({ post, rows }) => {
      const answer = await post('/events/batch', [TYPED, { ...HELLO, session_id: 'test-123' }]);
      expect([answer.status, await answer.text()]).toEqual([202, '{"accepted":2,"message":"Events accepted"}']);
      const stored = await rows();
      expect(stored.map(({ event_type }) => event_type)).toEqual(['session_started', 'test_event']);
      const many = Array.from({ length: 5_000 }, (_, index) => ({ ...TYPED, data: { index } }));
      expect((await post('/events/batch', many)).status).toBe(202);
      expect((await rows()).slice(2).map(({ data }) => (data as { index: number }).index)).toEqual(
        many.map(({ data }) => data.index),
      );
    }));

  test('[C15] that is empty is accepted', () =>
    withCollector(async ({ post, rows }) => {
      const answer = await post('/events/batch', []);
      expect([answer.status, await answer.text()]).toEqual([202, '{"accepted":0,"message":"No events to store"}']);
      expect(await rows()).toEqual([]);
    }));

  test('[C25] with one bad event of ten is refused with its place, and nothing is stored', () =>
    withCollector(async (opened) => {
      const ten = Array.from({ length: 10 }, (_, index) => (index === 3 ? { session_id: 's' } : TYPED));
      const answer = await opened.post('/events/batch', ten);
      expect(answer.status).toBe(422);
      expect(await answer.json()).toEqual({
        error: { code: 'invalid_event', path: 'event_type', rejected: [{ index: 3, path: 'event_type' }] },
      });
      await nothingStored(opened);
    }));

  test('[C25] with ?partial=1 stores the others', () =>
    withCollector(async ({ post, rows }) => {
      const ten = Array.from({ length: 10 }, (_, index) => (index === 3 ? { session_id: 's' } : TYPED));
      const answer = await post('/events/batch?partial=1', ten);
      expect([answer.status, await answer.json()]).toEqual([
        207,
        { accepted: 9, rejected: [{ index: 3, path: 'event_type' }], message: 'Some events rejected' },
      ]);
      expect(await rows()).toHaveLength(9);
      const none = await post('/events/batch?partial=1', [{}]);
      expect([none.status, ((await none.json()) as { accepted: number }).accepted]).toEqual([207, 0]);
    }));

  test('that is no list is refused', () =>
    withCollector(async (opened) => {
      for (const body of [TYPED, null, 'x', 5])
        expect((await opened.post('/events/batch', JSON.stringify(body))).status).toBe(422);
      await nothingStored(opened);
    }));

  test('[C18] of one Idempotency-Key is stored once', () =>
    withCollector(async ({ post, rows }) => {
      for (let time = 0; time < 2; time += 1)
        expect((await post('/events/batch', [TYPED, TYPED], { 'Idempotency-Key': 'b' })).status).toBe(202);
      expect(await rows()).toHaveLength(2);
    }));
});

describe('a sender', () => {
  test('[C03] with a wrong key or none is refused before its body is read', () =>
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

  test('[C03] whose body never comes hears at once that its key is wrong', () =>
    withCollector(async ({ request }) => {
      const body = new ReadableStream({ pull: () => new Promise(() => {}) });
      expect((await request('POST', '/events', { key: 'wrong', body })).status).toBe(401);
    }));

  test('[C44] shows its key in any of three headers', () =>
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

  test('[C04] of broken JSON is told so, and nothing is stored', () =>
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

  test('[C23] of more than 1 MiB for one event, or 8 MiB or 5000 events for a batch, gets 413', () =>
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

  test('[C23] of more than 64 levels gets 422', () =>
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

  test('[C23] of anything but plain JSON gets 415', () =>
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

  test('[C11][C23] of an unknown path gets 404, of an unknown method 405 with those that there are', () =>
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

  test('[C24] is told to come again when more waits than the store can take, and nothing of it is lost', () => {
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

  test('[C24] is told to come again when the bodies of all hold too much memory, which is free again after each', () => {
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

  test('[C24] with a rate gets 429 above it, and hears when to come again', () =>
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

describe("an agent's http hook", () => {
  test('[C33] is stored with its agent, and decides nothing', () =>
    withCollector(async ({ post, rows }) => {
      const input = {
        hook_event_name: 'PermissionRequest',
        session_id: 's',
        cwd: '/home/dev/shop',
        tool_name: 'Bash',
        tool_input: { command: 'ls' },
      };
      for (const agent of ['claude', 'codex', 'cursor', 'gemini', 'opencode']) {
        const answer = await post(`/hooks/${agent}`, input);
        expect([answer.status, await answer.text()]).toEqual([200, '{}']);
      }
      expect(await rows()).toMatchObject(
        ['claude', 'codex', 'cursor', 'gemini', 'opencode'].map((agent) => ({
          ...{ agent, kind: 'tool.requested', tool: 'Bash', project: 'shop', src: 'http', data: input },
        })),
      );
    }));
});

describe('a reader', () => {
  test('[C10] gets the newest 50 first unless it asks for more; all are stored', () =>
    withCollector(async ({ post, request, rows }) => {
      await post(
        '/events/batch',
        Array.from({ length: 120 }, (_, index) => ({ ...TYPED, data: index })),
      );
      const numbers = async (query: string): Promise<unknown[]> => {
        const body = (await (await request('GET', `/events${query}`)).json()) as {
          events: { data: unknown }[];
          total: number;
        };
        expect(body.total).toBe(120);
        return body.events.map(({ data }) => data);
      };
      expect(await numbers('')).toEqual(Array.from({ length: 50 }, (_, index) => 119 - index));
      expect(await numbers('?limit=2')).toEqual([119, 118]);
      expect(await numbers('?limit=0')).toEqual([]);
      expect(await numbers('?limit=1000')).toHaveLength(120);
      expect(await rows()).toHaveLength(120);
    }));

  test('finds by every field, and is told which one it cannot read', () =>
    withCollector(async ({ post, request }) => {
      await post('/events', { ...HELLO, hook_event_name: 'PreToolUse', tool_name: 'Bash' });
      await post('/events', TYPED, { 'X-Project': 'other' });
      const types = async (query: string): Promise<string[]> => {
        const body = (await (await request('GET', `/events?${query}`)).json()) as { events: { event_type: string }[] };
        return body.events.map(({ event_type }) => event_type);
      };
      const hook = ['PreToolUse'];
      const cases = [
        'session=test-session-123',
        'kind=tool.requested',
        'kind=tool.',
        'type=PreToolUse',
        'agent=claude',
        'project=test',
        'tool=Bash',
        'text=hello%20FROM',
        'to=2025-11-24',
        'from=1763892000&to=1763892001000',
        'from=2025-11-23T10:00:00Z&to=2025-11-23T10:00:00.001Z',
      ];
      for (const query of cases) expect([query, await types(query)]).toEqual([query, hook]);
      expect(await types('session=')).toHaveLength(2);
      expect(await types('unknown=1')).toHaveLength(2);
      for (const query of [
        'to=2025-11-23T10:00:00Z',
        'session=%00',
        'text=%00',
        "session=' or 1=1 --",
        'kind=approval.',
      ])
        expect([query, await types(query)]).toEqual([query, []]);
      for (const [query, path] of [
        ['from=yesterday', 'from'],
        ['limit=x', 'limit'],
        ['limit=1001', 'limit'],
        ['limit=-1', 'limit'],
        ['before=1e3', 'before'],
        [`text=${'x'.repeat(257)}`, 'text'],
        ['after=9999999999999999', 'after'],
      ] as const) {
        const answer = await request('GET', `/events?${query}`);
        expect([answer.status, await answer.json()]).toMatchObject([422, { error: { code: 'invalid_query', path } }]);
      }
    }));

  test('turns pages without gaps or repetition', () =>
    withCollector(async ({ post, request }) => {
      await post(
        '/events/batch',
        Array.from({ length: 25 }, (_, index) => ({ ...TYPED, data: index })),
      );
      const seen: unknown[] = [];
      let before = '';
      for (;;) {
        const { events } = (await (await request('GET', `/events?limit=10${before}`)).json()) as {
          events: { data: unknown; seq: number }[];
        };
        seen.push(...events.map(({ data }) => data));
        if (events.length < 10) break;
        before = `&before=${events.at(-1)?.seq}`;
      }
      expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => 24 - index));
    }));

  test('whose key is for sending only, or for reading only, gets 403 for the other', () =>
    withCollector(async ({ key, request, rows }) => {
      const [sender, reader, admin] = [
        key({ scopes: ['ingest'] }),
        key({ scopes: ['read'] }),
        key({ scopes: ['admin'] }),
      ];
      const json = { body: JSON.stringify(TYPED), headers: { 'content-type': 'application/json' } };
      for (const path of ['/events', '/export', '/', '/waiting', '/sessions', '/insights', '/live'])
        expect([path, (await request('GET', path, { key: sender })).status]).toEqual([path, 403]);
      for (const path of ['/events', '/events/batch', '/hooks/claude'])
        expect((await request('POST', path, { key: reader, ...json })).status).toBe(403);
      expect((await request('POST', '/events', { key: admin, ...json })).status).toBe(403);
      expect(await rows()).toEqual([]);
    }));

  test('whose key is bound to a project sees that one only, everywhere, and sends as it', () =>
    withCollector(async ({ key, request, rows }) => {
      const own = key({ project: 'mine' });
      const json = (body: unknown, headers = {}): RequestInit => ({
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      });
      await request('POST', '/events', json({ ...TYPED, session_id: 'theirs' }, { 'X-Project': 'theirs' }));
      await request('POST', '/events', {
        key: own,
        ...json({ ...HELLO, project: 'theirs' }, { 'X-Project': 'theirs' }),
      });
      await request('POST', '/events', {
        key: own,
        ...json({ ...TYPED, project: 'theirs', data: { cwd: '/x/theirs' } }),
      });
      expect((await rows()).map(({ project }) => project)).toEqual(['theirs', 'mine', 'mine']);
      for (const query of ['', '?project=theirs', '?session=theirs', '?project=mine&project=theirs']) {
        const { events } = (await (await request('GET', `/events${query}`, { key: own })).json()) as {
          events: { project: string }[];
        };
        expect(events.filter(({ project }) => project !== 'mine')).toEqual([]);
        for (const form of ['csv', 'json']) {
          const text = await (
            await request('GET', `/export${query}${query === '' ? '?' : '&'}format=${form}`, { key: own })
          ).text();
          expect(text).not.toContain('"session_id":"theirs"');
          expect(text).not.toMatch(/,theirs,/);
        }
      }
      for (const path of ['/', '/waiting', '/sessions', '/sessions/theirs', '/insights', '/live'])
        expect([path, (await request('GET', path, { key: own })).status]).toEqual([path, 403]);
    }));
});

describe('an export', () => {
  test('[C74] is JSON or a table that no spreadsheet runs', () =>
    withCollector(async ({ post, request }) => {
      await post('/events', {
        event_type: '=cmd|calc!A1',
        session_id: '@sum, "x"',
        data: { a: 1 },
        timestamp: '2025-11-23T10:00:00Z',
        event_id: '+1',
      });
      const csv = await request('GET', '/export?format=csv');
      expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
      expect(csv.headers.get('content-disposition')).toBe('attachment; filename="events.csv"');
      expect(await csv.text()).toBe(
        'event_id,timestamp,event_type,kind,session_id,agent,project,host,tool,src,workflow_id,phase_id,milestone_id,approval_id,data\r\n' +
          `'+1,2025-11-23T10:00:00.000Z,'=cmd|calc!A1,other,"'@sum, ""x""",,,,,api,,,,,"{""a"":1}"\r\n`,
      );
      const json = await request('GET', '/export');
      expect(await json.json()).toMatchObject([{ event_id: '+1' }]);
      expect((await request('GET', '/export?format=xml')).status).toBe(422);
      expect(await (await request('GET', '/export?session=none')).json()).toEqual([]);
    }));

  test('of many pages is whole and in order', () =>
    withCollector(async ({ post, request }) => {
      const all = Array.from({ length: 2_500 }, (_, index) => ({ ...TYPED, data: index }));
      await post('/events/batch', all);
      const events = (await (await request('GET', '/export')).json()) as { data: number }[];
      expect(events.map(({ data }) => data)).toEqual(all.map(({ data }) => data));
      expect((await (await request('GET', '/export?format=csv')).text()).split('\r\n')).toHaveLength(2_502);
    }));

  test('of a store that cannot be read is refused with 503, not begun', () => {
    let isBroken = false;
    return withCollector(
      async ({ request }) => {
        isBroken = true;
        for (const path of ['/export', '/export?format=csv', '/events'])
          expect((await request('GET', path)).status).toBe(503);
        isBroken = false;
        expect((await request('GET', '/export')).status).toBe(200);
      },
      {
        wrap: (store) => ({
          ...store,
          find: (...given) => (isBroken ? Promise.reject(new Error('gone')) : store.find(...given)),
        }),
      },
    );
  });
});

describe('a probe', () => {
  test('[C09] hears how it is, without a key', () =>
    withCollector(async ({ request, post }) => {
      await post('/events', TYPED);
      const answer = await request('GET', '/health', { key: null });
      expect(answer.status).toBe(200);
      const text = await answer.text();
      expect(text).toMatch(
        /^\{"status":"healthy","events_count":1,"uptime_seconds":\d+,"storage":"jsonl","version":"1\.2\.3"\}$/,
      );
      expect(answer.headers.get('x-server-version')).toBe('1.2.3');
      expect((await request('HEAD', '/health', { key: null })).status).toBe(200);
    }));

  test('[C75] hears which part cannot be used', () => {
    let reason: string | undefined;
    let isBroken = false;
    return withCollector(
      async ({ request, post }) => {
        const said = async (path: string): Promise<unknown> => {
          const answer = await request('GET', path, { key: null });
          return [answer.status, await answer.json()];
        };
        expect(await said('/health/live')).toEqual([200, { status: 'alive' }]);
        expect(await said('/health/ready')).toEqual([200, { status: 'ready' }]);
        reason = 'invalid_auth';
        expect(await said('/health/ready')).toEqual([503, { status: 'not ready', unusable: ['slack'] }]);
        expect(await said('/health')).toMatchObject([200, { status: 'healthy' }]);
        isBroken = true;
        expect((await post('/events', TYPED)).status).toBe(503);
        expect(await said('/health/ready')).toEqual([503, { status: 'not ready', unusable: ['store', 'slack'] }]);
        expect(await said('/health')).toMatchObject([
          503,
          { status: 'unhealthy', storage: 'jsonl', troubles: ['store', 'slack'] },
        ]);
        expect(await said('/health/live')).toEqual([200, { status: 'alive' }]);
        isBroken = false;
        reason = undefined;
        expect((await post('/events', TYPED)).status).toBe(202);
        expect(await said('/health')).toMatchObject([200, { status: 'healthy' }]);
      },
      {
        slack: () => ({ isConnected: reason === undefined, reason }),
        wrap: (store) => ({
          ...store,
          append: (events) => (isBroken ? Promise.reject(new Error('gone')) : store.append(events)),
        }),
      },
    );
  });

  test('[C76][C77] reads metrics as text or JSON, with few series whatever is sent', () =>
    withCollector(
      async ({ request, post }) => {
        for (let index = 0; index < 50; index += 1) {
          await post('/events', { hook_event_name: `Event${index}`, session_id: `session-${index}` });
          await request('GET', `/nothing-${index}`);
          await request(`M${index}`, '/events');
        }
        const answer = await request('GET', '/metrics', { key: null });
        expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
        const text = await answer.text();
        for (const name of [
          'hooks_events_received_total',
          'hooks_events_stored_total',
          'hooks_storage_errors_total',
          'hooks_uptime_seconds',
          'csh_approvals_total',
          'csh_approval_wait_seconds',
          'csh_pending',
          'csh_slack_connected',
          'csh_ingest_batch_seconds',
          'csh_queue_depth',
          'csh_pending_expired_total',
        ])
          expect(text).toContain(`# TYPE ${name} `);
        expect(text).toContain('\nhooks_events_received_total{form="hook"} 50\n');
        expect(text).toContain('\nhooks_events_stored_total 50\n');
        expect(text).toContain('\ncsh_slack_connected 1\n');
        expect(text).not.toMatch(/session-\d/);
        expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length).toBeLessThan(100);
        expect((await (await request('GET', '/metrics/prometheus')).text()).startsWith('# HELP')).toBe(true);
        const json = (await (await request('GET', '/metrics', { headers: { accept: 'application/json' } })).json()) as {
          name: string;
        }[];
        expect(json.map(({ name }) => name)).toContain('hooks_events_stored_total');
      },
      { slack: () => ({ isConnected: true }) },
    ));

  test('[C76] needs a key for metrics where others can connect', () =>
    withCollector(
      async ({ request }) => {
        for (const path of ['/metrics', '/metrics/prometheus']) {
          expect((await request('GET', path, { key: null })).status).toBe(401);
          expect((await request('GET', path)).status).toBe(200);
        }
      },
      { isLocal: false },
    ));
});

describe('the door', () => {
  test('[C79] takes addresses, localhost and names that it was told, and answers 421 to others', () =>
    withCollector(
      async ({ request }) => {
        for (const host of [
          '127.0.0.1',
          '127.0.0.1:3030',
          'localhost',
          'LOCALHOST:80',
          '[::1]:3030',
          '10.1.2.3',
          'hooks.example.com',
          'Hooks.Example.com:443',
          'exact:81',
        ])
          expect([host, (await request('GET', '/health', { headers: { host } })).status]).toEqual([host, 200]);
        for (const host of [
          'evil.example',
          'localhost.evil.example',
          '127.0.0.1.evil.example',
          'hooks.example.com.evil',
          'exact',
          'exact:82',
          '',
          ':3030',
          'a@127.0.0.1',
        ]) {
          const answer = await request('GET', '/health', { headers: { host } });
          expect([host, answer.status]).toEqual([host, 421]);
          expect(answer.headers.get('x-server-version')).toBe('1.2.3');
        }
      },
      { hosts: ['hooks.example.com', 'exact:81'] },
    ));

  test('[C79] lets no page of elsewhere ask or send, and says to none that it may', () =>
    withCollector(async (opened) => {
      for (const origin of [
        'https://evil.example',
        'null',
        'http://127.0.0.1:9999',
        'http://localhost:3030',
        'file://',
      ])
        for (const [method, path] of [
          ['POST', '/events'],
          ['GET', '/events'],
          ['GET', '/'],
          ['POST', '/login'],
          ['POST', '/logout'],
          ['OPTIONS', '/events'],
          ['GET', '/live'],
        ] as const) {
          const answer = await opened.request(method, path, {
            headers: { origin, 'content-type': 'application/json' },
          });
          expect([origin, method, path, answer.status]).toEqual([origin, method, path, 403]);
          expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
        }
      expect((await opened.request('GET', '/events', { headers: { origin: 'http://127.0.0.1:3030' } })).status).toBe(
        200,
      );
      await nothingStored(opened);
    }));

  test('[C78] knows a key as soon as it is made, and no longer than a second after it is revoked', () => {
    let now = 0;
    return withCollector(
      async ({ key, request, keysPath }) => {
        await request('GET', '/events');
        const own = key();
        expect((await request('GET', '/events', { key: own })).status).toBe(200);
        revokeKey(keysPath, own.slice(4, 12), Date.now());
        now += 999;
        expect((await request('GET', '/events', { key: own })).status).toBe(401);
      },
      { elapsed: () => now },
    );
  });

  test('answers 503 for as long as its keys cannot be trusted, at every request', () =>
    withCollector(async ({ key, request, keysPath }) => {
      const own = key();
      chmodSync(keysPath, 0o644);
      for (let time = 0; time < 3; time += 1) expect((await request('GET', '/events', { key: own })).status).toBe(503);
      chmodSync(keysPath, 0o600);
      expect((await request('GET', '/events', { key: own })).status).toBe(200);
    }));

  test('asks for no key where it was told so, and lets nobody tell of approvals then', () =>
    withCollector(
      async ({ request, rows }) => {
        const body = JSON.stringify({ event_type: 'approval.decided', approval_id: 'a', data: { outcome: 'allowed' } });
        const sent = await request('POST', '/events', {
          key: null,
          body,
          headers: { 'content-type': 'application/json' },
        });
        expect(sent.status).toBe(202);
        expect((await request('GET', '/events', { key: null })).status).toBe(200);
        const [row] = await rows();
        expect(row).toMatchObject({ kind: 'other', src: 'api' });
        expect(row?.approval_id).toBeUndefined();
      },
      { isKeyed: false },
    ));
});

describe('a browser', () => {
  const form = (fields: Record<string, string>): RequestInit => ({
    body: new URLSearchParams(fields).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'http://127.0.0.1:3030' },
  });
  const cookieOf = (answer: Response): string => (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';

  test('is asked for a key, and gets a cookie that can only look', () =>
    withCollector(async ({ request, key, rows }) => {
      const asked = await request('GET', '/waiting', { key: null, headers: { accept: 'text/html' } });
      expect([asked.status, asked.headers.get('content-type')]).toEqual([401, 'text/html; charset=utf-8']);
      expect(asked.headers.get('content-security-policy')).toContain("default-src 'none'");
      const own = key();
      const wrong = await request('POST', '/login', { key: null, ...form({ key: 'wrong', after: '/waiting' }) });
      expect([wrong.status, wrong.headers.get('set-cookie')]).toEqual([401, null]);
      const right = await request('POST', '/login', { key: null, ...form({ key: ` ${own} `, after: '/waiting' }) });
      expect([right.status, right.headers.get('location')]).toEqual([303, '/waiting']);
      expect(right.headers.get('set-cookie')).toMatch(
        /^csh_session=[\w-]{22}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax$/,
      );
      const cookie = cookieOf(right);
      expect(cookie).not.toContain(own);
      expect((await request('GET', '/', { key: null, headers: { cookie } })).status).toBe(200);
      expect((await request('GET', '/events', { key: null, headers: { cookie: `a=b; ${cookie}` } })).status).toBe(200);
      const sent = await request('POST', '/events', {
        key: null,
        body: JSON.stringify(TYPED),
        headers: { cookie, 'content-type': 'application/json' },
      });
      expect(sent.status).toBe(403);
      const out = await request('POST', '/logout', { key: null, ...form({}), headers: { cookie } });
      expect([out.status, out.headers.get('set-cookie')]).toEqual([
        303,
        'csh_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax',
      ]);
      expect((await request('GET', '/events', { key: null, headers: { cookie } })).status).toBe(401);
      expect(await rows()).toEqual([]);
    }));

  test('is logged out when its key is revoked, and no key that may not read logs in', () => {
    let now = 0;
    return withCollector(
      async ({ request, key, keysPath }) => {
        const sender = await request('POST', '/login', { key: null, ...form({ key: key({ scopes: ['ingest'] }) }) });
        expect(sender.status).toBe(401);
        const own = key();
        const cookie = cookieOf(await request('POST', '/login', { key: null, ...form({ key: own }) }));
        revokeKey(keysPath, own.slice(4, 12), Date.now());
        now += 999;
        expect((await request('GET', '/events', { key: null, headers: { cookie } })).status).toBe(401);
      },
      { elapsed: () => now },
    );
  });

  test('is led nowhere else', () =>
    withCollector(async ({ request, key }) => {
      const own = key();
      for (const after of [
        '//evil.example',
        'https://evil.example',
        '/\\evil.example',
        'javascript:alert(1)',
        '/a\r\nSet-Cookie: x=y',
        '',
      ])
        expect(
          (await request('POST', '/login', { key: null, ...form({ key: own, after }) })).headers.get('location'),
        ).toBe('/');
      expect(
        (await request('POST', '/login', { key: null, ...form({ key: own, after: 'x'.repeat(5_000) }) })).status,
      ).toBe(401);
    }));

  test('[C71] gets every page under a policy that runs nothing of what is shown', () =>
    withCollector(async ({ request, post }) => {
      const evil = '</pre><script>alert(1)</script><img src=x onerror=alert(1)>';
      await post('/events', {
        hook_event_name: '<img src=x onerror=alert(1)>',
        session_id: evil,
        cwd: evil,
        context: evil,
      });
      for (const path of [
        '/',
        '/waiting',
        '/sessions',
        `/sessions/${encodeURIComponent(evil)}`,
        '/insights',
        `/?q=${encodeURIComponent(evil)}`,
      ]) {
        const answer = await request('GET', path);
        expect([path, answer.status]).toEqual([path, 200]);
        const policy = answer.headers.get('content-security-policy');
        expect(policy).toBe(
          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'",
        );
        const html = await answer.text();
        expect(html).not.toContain('<img src=x');
        expect(html).not.toContain('<script>alert');
      }
    }));
});

describe('events of approvals', () => {
  const DECIDED = {
    event_type: 'approval.decided',
    event_id: 'approval.decided:r1',
    timestamp: '2026-11-21T10:00:09.000Z',
    approval_id: 'r1',
    session_id: 's',
    agent: 'claude',
    project: 'shop',
    host: 'laptop',
    tool: 'Bash',
    data: { outcome: 'allowed', by: 'U1' },
  };
  const REQUESTED = {
    ...DECIDED,
    event_type: 'approval.requested',
    event_id: 'approval.requested:r1',
    timestamp: '2026-11-21T10:00:00.000Z',
    data: { input: {} },
  };
  const json = (body: unknown): RequestInit => ({
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });

  test('are taken as such from a key with admin only', () =>
    withCollector(async ({ request, key, rows }) => {
      const admin = key({ scopes: ['ingest', 'admin'] });
      expect((await request('POST', '/events', json(DECIDED))).status).toBe(202);
      expect(
        (await request('POST', '/events', { key: admin, ...json({ ...DECIDED, event_id: 'other' }) })).status,
      ).toBe(202);
      const [forged, real] = await rows();
      expect(forged).toMatchObject({
        kind: 'other',
        src: 'api',
        agent: null,
        host: null,
        extra: { approval_id: 'r1', agent: 'claude' },
      });
      expect(forged?.approval_id).toBeUndefined();
      expect(real).toMatchObject({
        kind: 'approval.decided',
        src: 'approval',
        approval_id: 'r1',
        agent: 'claude',
        project: 'shop',
        host: 'laptop',
        tool: 'Bash',
      });
      expect(real?.extra).toBeUndefined();
    }));

  test('cannot be kept out by a forged event of the same name that came before', () =>
    withCollector(async ({ request, key, rows }) => {
      const admin = key({ scopes: ['ingest', 'admin'] });
      const headers = { 'content-type': 'application/json', 'x-project': 'shop' };
      expect((await request('POST', '/events', { body: JSON.stringify(DECIDED), headers })).status).toBe(202);
      const { timestamp: _, ...undated } = DECIDED;
      expect((await request('POST', '/events', { body: JSON.stringify(undated), headers })).status).toBe(202);
      expect((await request('POST', '/events', { key: admin, ...json(DECIDED) })).status).toBe(202);
      expect((await rows()).filter(({ kind }) => kind === 'approval.decided')).toHaveLength(1);
    }));

  test('count once, though they come twice', () =>
    withCollector(async ({ request, key }) => {
      const admin = key({ scopes: ['ingest', 'admin'] });
      for (const body of [REQUESTED, DECIDED, REQUESTED, DECIDED])
        expect((await request('POST', '/events', { key: admin, ...json(body) })).status).toBe(202);
      const text = await (await request('GET', '/metrics')).text();
      expect(text).toContain('\ncsh_approvals_total{outcome="allowed",agent="claude"} 1\n');
      expect(text).toContain('\ncsh_approval_wait_seconds_sum 9\n');
      expect(text).toContain('\ncsh_approval_wait_seconds_count 1\n');
    }));

  test('with data that is no text where a text belongs do no harm', () =>
    withCollector(async ({ request, key, rows, post }) => {
      const admin = key({ scopes: ['ingest', 'admin'] });
      const odd = { toString: 1, valueOf: 1 };
      for (const [index, data] of [
        { outcome: odd },
        { outcome: null },
        null,
        [odd],
        'x',
        { input: odd, expires_at: odd, approvers: odd },
      ].entries())
        for (const event_type of ['approval.requested', 'approval.shown', 'approval.decided', 'approval.ended']) {
          const body = {
            ...DECIDED,
            event_type,
            event_id: `${event_type}-${index}`,
            approval_id: `odd-${index}`,
            data,
          };
          expect((await request('POST', '/events', { key: admin, ...json(body) })).status).toBe(202);
        }
      expect(await rows()).toHaveLength(24);
      expect((await post('/events', TYPED)).status).toBe(202);
      for (const path of ['/', '/waiting', '/insights', '/metrics'])
        expect([path, (await request('GET', path)).status]).toEqual([path, 200]);
    }));
});
