/** Who may do what: hosts, origins, keys, browsers, and those who tell of approvals. */
import { describe, expect, test } from 'bun:test';
import { chmodSync } from 'node:fs';
import { revokeKey } from '../../src/collector/keys.ts';
import { nothingStored, TYPED, withCollector } from './opened.ts';

describe('the door', () => {
  test('takes addresses, localhost and names that it was told, and answers 421 to others', () =>
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

  test('lets no page of elsewhere ask or send, and says to none that it may', () =>
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

  test('knows a key as soon as it is made, and no longer than a second after it is revoked', () => {
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

  test('gets every page under a policy that runs nothing of what is shown', () =>
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
