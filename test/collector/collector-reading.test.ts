/** What readers and probes get. */
import { describe, expect, test } from 'bun:test';
import { HELLO, TYPED, withCollector } from './opened.ts';

describe('a reader', () => {
  test('gets the newest 50 first unless it asks for more; all are stored', () =>
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
  test('is JSON or a table that no spreadsheet runs', () =>
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
  test('hears how it is, without a key', () =>
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

  test('hears which part cannot be used', () => {
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

  test('reads metrics as text or JSON, with few series whatever is sent', () =>
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

  test('needs a key for metrics where others can connect', () =>
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
