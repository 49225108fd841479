/** What senders send, and what is stored of it: in either form, one at a time or in batches. */
import { describe, expect, test } from 'bun:test';
import { HELLO, nothingStored, TYPED, withCollector } from './opened.ts';

describe('an event of a hook', () => {
  test('is answered as the first collector of them did, with the same headers', () =>
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

  test('keeps every key and value, whatever its name', () =>
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

  test('that is wrapped is found inside, and kept as it was', () =>
    withCollector(async ({ post, rows }) => {
      const body = { hook: { hook_event_name: 'Stop', session_id: 'inner', x: 1 }, sent_by: 'me' };
      expect((await post('/events', body)).status).toBe(200);
      expect(await rows()).toMatchObject([{ event_type: 'Stop', session_id: 'inner', data: body }]);
    }));

  test('that is wrapped may have its session beside it', () =>
    withCollector(async ({ post, rows }) => {
      expect((await post('/events', { session_id: 'outer', hook: { hook_event_name: 'Stop' } })).status).toBe(200);
      expect(await rows()).toMatchObject([{ session_id: 'outer' }]);
    }));

  test('without a session is stored under "unknown"', () =>
    withCollector(async ({ post, rows }) => {
      for (const body of [{ hook_event_name: 'Stop' }, { hook_event_name: 'Stop', session_id: null }])
        expect((await post('/events', body)).status).toBe(200);
      expect((await rows()).map(({ session_id }) => session_id)).toEqual(['unknown', 'unknown']);
    }));

  test('is stored with the headers that tell of its sender, cut and without control characters', () =>
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

  test('may have any name', () =>
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
  test('is accepted with 202', () =>
    withCollector(async ({ post, rows }) => {
      const answer = await post('/events', TYPED);
      expect([answer.status, await answer.json()]).toEqual([202, { accepted: 1, message: 'Events accepted' }]);
      expect(await rows()).toMatchObject([{ ...TYPED, kind: 'session.started', data: {}, workflow_id: null }]);
    }));

  test('has its places, one line each in the file, and what has none beside them', () =>
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

  test('keeps every key that has no place, also those that objects have by themselves', () =>
    withCollector(async ({ post, rows }) => {
      const own = '"__proto__":{"a":1},"constructor":2,"prototype":3,"toString":4,"hasOwnProperty":5,"valueOf":{"b":6}';
      expect((await post('/events', `{"event_type":"x",${own}}`)).status).toBe(202);
      const [row] = await rows();
      expect(JSON.stringify(row?.extra)).toBe(`{${own}}`);
    }));

  test('without a type is refused, and nothing is stored', () =>
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

  test('whose parts are no names is refused with the place of the first', () =>
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

  test('may have any name of up to 128 characters', () =>
    withCollector(async ({ post, rows }) => {
      const names = ['not-a-uuid', 'x'.repeat(128), '🙂', 'a\'b"c'];
      for (const event_id of names) expect((await post('/events', { ...TYPED, event_id })).status).toBe(202);
      expect((await rows()).map(({ event_id }) => event_id)).toEqual(names);
      for (const { id } of await rows()) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5/);
    }));

  test('that comes again is answered the same, is one row, and counts as a duplicate', () =>
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

  test('with an Idempotency-Key is known again though its time differs', () =>
    withCollector(async ({ post, rows }) => {
      for (const second of ['01', '02']) {
        const body = { ...TYPED, timestamp: `2025-11-23T10:00:${second}Z` };
        expect((await post('/events', body, { 'Idempotency-Key': 'one request' })).status).toBe(202);
      }
      expect(await rows()).toHaveLength(1);
    }));

  test('with an Idempotency-Key that another sender has used is another one', () =>
    withCollector(async ({ post, rows, key }) => {
      for (const own of [key(), key()])
        for (let time = 0; time < 2; time += 1)
          expect((await post('/events', TYPED, { 'Idempotency-Key': '1', 'x-api-key': own })).status).toBe(202);
      expect(await rows()).toHaveLength(2);
    }));

  test('with an Idempotency-Key that is empty or too long is refused', () =>
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
  test('is accepted whole, in its order', () =>
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

  test('that is empty is accepted', () =>
    withCollector(async ({ post, rows }) => {
      const answer = await post('/events/batch', []);
      expect([answer.status, await answer.text()]).toEqual([202, '{"accepted":0,"message":"No events to store"}']);
      expect(await rows()).toEqual([]);
    }));

  test('with one bad event of ten is refused with its place, and nothing is stored', () =>
    withCollector(async (opened) => {
      const ten = Array.from({ length: 10 }, (_, index) => (index === 3 ? { session_id: 's' } : TYPED));
      const answer = await opened.post('/events/batch', ten);
      expect(answer.status).toBe(422);
      expect(await answer.json()).toEqual({
        error: { code: 'invalid_event', path: 'event_type', rejected: [{ index: 3, path: 'event_type' }] },
      });
      await nothingStored(opened);
    }));

  test('with ?partial=1 stores the others', () =>
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

  test('of one Idempotency-Key is stored once', () =>
    withCollector(async ({ post, rows }) => {
      for (let time = 0; time < 2; time += 1)
        expect((await post('/events/batch', [TYPED, TYPED], { 'Idempotency-Key': 'b' })).status).toBe(202);
      expect(await rows()).toHaveLength(2);
    }));
});

describe("an agent's http hook", () => {
  test('is stored with its agent, and decides nothing', () =>
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
