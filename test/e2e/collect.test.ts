/** `collect` and `keys` as processes: what people type, what scripts send, and what breaks around them. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CERTIFICATE, PRIVATE_KEY } from '../collector/webhooks-certificate.ts';
import { createPostgresCluster, type PostgresCluster } from '../store/postgres-cluster.ts';
import { type CollectProcess, DEMO_KEY, post, until, wire, withMachine } from './collectors.ts';
import { rssOf } from './processes.ts';

const TYPED = { event_type: 'session_started', session_id: 'test-123' };
const HELLO = {
  hook_event_name: 'test_event',
  session_id: 'test-session-123',
  timestamp: '2025-11-23T10:00:00.000Z',
  cwd: '/test',
  context: { message: 'Hello from curl!' },
};
const KEYS_FILE = '.local/state/claude-slack-hook/keys.json';

const curl = async (...args: readonly string[]): Promise<string> => {
  const child = Bun.spawn(['curl', '-s', '-m', '10', '--noproxy', '*', ...args], { stdout: 'pipe' });
  return child.stdout.text();
};
const keyOf = ({ stdout }: { readonly stdout: string }): string => stdout.trim();
const healthOf = async ({ url }: Pick<CollectProcess, 'url'>): Promise<{ status: string; events_count: number }> =>
  (await fetch(`${url}/health`)).json() as Promise<{ status: string; events_count: number }>;

describe('collect', () => {
  test("[C01][C02][C03][C09] answers the first collector's own curl lines", () =>
    withMachine(async ({ collect, lines }) => {
      const { url } = await collect();
      const head = ['-X', 'POST', `${url}/events`, '-H', 'Content-Type: application/json'];
      expect(await curl(...head, '-H', `X-API-Key: ${DEMO_KEY}`, '-d', JSON.stringify(HELLO))).toBe(
        '{"success":true,"message":"Event received","accepted":1,"total_events":1}',
      );
      const shown = await curl(
        '-v',
        '--stderr',
        '-',
        ...head,
        '-H',
        `X-API-Key: ${DEMO_KEY}`,
        '-d',
        JSON.stringify(HELLO),
      );
      expect(shown).toMatch(/^< X-Server-Version: \d+\.\d+\.\d+\r?$/m);
      expect(shown).toMatch(/^< X-Events-Count: 2\r?$/m);
      const refused = await curl('-w', '%{http_code}', ...head, '-H', 'X-API-Key: wrong-key', '-d', '{...}');
      expect(refused).toBe('{"success":false,"error":"Invalid API key"}401');
      expect(await curl(`${url}/health`)).toMatch(
        /^\{"status":"healthy","events_count":2,"uptime_seconds":\d+,"storage":"jsonl","version":"\d+\.\d+\.\d+"\}$/,
      );
      expect(lines()).toMatchObject([{ data: HELLO }, { data: HELLO }]);
    }));

  test("[C12][C13][C14][C15] answers the other collector's keyless curl lines with HOOK_AUTH=off", () =>
    withMachine(async ({ collect, lines }) => {
      const { url, stdout } = await collect([], { HOOK_AUTH: 'off' });
      expect(stdout()).toContain('HOOK_AUTH=off: everybody on this machine may send and read\n');
      const send = (path: string, body: string): Promise<string> =>
        curl('-w', '%{http_code}', '-X', 'POST', `${url}${path}`, '-H', 'Content-Type: application/json', '-d', body);
      expect(await send('/events', '{"event_type": "session_started", "session_id": "test-123"}')).toBe(
        '{"accepted":1,"message":"Events accepted"}202',
      );
      const full =
        '{"event_type":"session_started","session_id":"session-123","workflow_id":"workflow-456","data":{"model":"claude-sonnet-4-5-20250929"}}';
      expect(await send('/events', full)).toBe('{"accepted":1,"message":"Events accepted"}202');
      const two = `[${full},{"event_type":"tool_execution_started","session_id":"session-123"}]`;
      expect(await send('/events/batch', two)).toBe('{"accepted":2,"message":"Events accepted"}202');
      expect(await send('/events/batch', '[]')).toBe('{"accepted":0,"message":"No events to store"}202');
      expect(await send('/events', '{}')).toBe('{"error":{"code":"invalid_event","path":"event_type"}}422');
      expect(lines().map(({ event_type }) => event_type)).toEqual([
        ...['session_started', 'session_started', 'session_started', 'tool_execution_started'],
      ]);
      expect(JSON.parse(await curl(`${url}/events`))).toMatchObject({ total: 4 });
    }));

  test('[C19] says in one line what it needs for postgres, and ends with 78', () =>
    withMachine(async ({ run }) => {
      for (const env of [
        { STORAGE_TYPE: 'postgres' },
        { STORAGE_TYPE: 'mysql' },
        { PORT: 'x' },
        { HOOK_AUTH: 'no' },
        { LOG_LEVEL: 'loud' },
      ]) {
        const { exitCode, stderr, stdout } = await run(['collect'], env);
        expect([exitCode, stdout]).toEqual([78, '']);
        expect(stderr.split('\n')[0]).toMatch(/^claude-slack-hook: Expected [A-Z_]+ /);
      }
      const { stderr } = await run(['collect'], { STORAGE_TYPE: 'postgres' });
      expect(stderr).toContain('Expected DATABASE_URL for STORAGE_TYPE=postgres, got none\n');
    }));

  test('[C19] takes its settings from the environment, and makes the directory of its file', () =>
    withMachine(async ({ collect, home, lines }) => {
      const env = {
        HOOK_API_KEY: DEMO_KEY,
        JSONL_PATH: 'a/b/c.jsonl',
        STORAGE_TYPE: 'auto',
        LOG_LEVEL: 'INFO',
        HOST: '127.0.0.1',
        PORT: '1',
      };
      const collector = await collect([], env);
      expect((await post(`${collector.url}/events`, TYPED)).status).toBe(202);
      expect(lines('a/b/c.jsonl')).toMatchObject([TYPED]);
      expect(statSync(join(home, 'work/a/b/c.jsonl')).mode & 0o077).toBe(0);
      const ended = await collector.stop();
      expect(ended.exitCode).toBe(0);
      expect(ended.stderr).toContain('"stopped"');
      expect(ended.stderr).not.toContain(DEMO_KEY);
    }));

  test('[C78] makes a key where there is none, shows it once, and keeps only its hash', () =>
    withMachine(async ({ collect, home }) => {
      const first = await collect([], {});
      const [, key = ''] = /^Key, shown this once: (csh_[0-9a-f]{8}_[\w-]{43})$/m.exec(first.stdout()) ?? [];
      expect((await post(`${first.url}/events`, TYPED, { 'x-api-key': key })).status).toBe(202);
      const kept = readFileSync(join(home, KEYS_FILE), 'utf8');
      expect(kept).not.toContain(key.slice(13));
      expect(statSync(join(home, KEYS_FILE)).mode & 0o777).toBe(0o600);
      const { stderr } = await first.stop();
      expect(stderr).not.toContain(key);
      const second = await collect([], {});
      expect(second.stdout()).not.toContain('csh_');
      expect((await fetch(`${second.url}/events`, { headers: { 'x-api-key': key } })).status).toBe(200);
    }));

  test('[C78] makes no key that nobody sees when it cannot listen', () =>
    withMachine(async ({ collect, run, home }) => {
      const other = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() });
      try {
        const { exitCode, stderr } = await run(['collect', '--port', String(other.port)]);
        expect(exitCode).toBe(78);
        expect(stderr).toContain(`Cannot listen on 127.0.0.1:${other.port}`);
      } finally {
        await other.stop(true);
      }
      expect(existsSync(join(home, KEYS_FILE))).toBe(false);
      expect((await collect([], {})).stdout()).toContain('Key, shown this once: csh_');
    }));

  test('does not share its file with a second one, which says so', () =>
    withMachine(async ({ collect, run }) => {
      const { url } = await collect();
      const second = await run(['collect', '--port', '0'], { HOOK_API_KEY: DEMO_KEY });
      expect(second.exitCode).toBe(75);
      expect(second.stderr).toContain('Another process writes');
      expect(second.stderr).toContain('code: store-busy\n');
      expect((await post(`${url}/events`, TYPED)).status).toBe(202);
    }));

  test('[C79] refuses to listen for others without keys, TLS, or a proxy that it is told of', () =>
    withMachine(async ({ run, collect }) => {
      const cases: readonly (readonly [readonly string[], Record<string, string>, string])[] = [
        [['--host', '0.0.0.0'], {}, 'Expected a key to listen on 0.0.0.0'],
        [['--host', '0.0.0.0'], { HOOK_AUTH: 'off' }, 'Expected keys, not HOOK_AUTH=off, to listen on 0.0.0.0'],
        [['--host', '::'], { HOOK_API_KEY: DEMO_KEY }, 'Expected a key of your own'],
        [['--host', '0.0.0.0', '--behind-proxy'], { HOOK_API_KEY: DEMO_KEY }, 'Expected a key of your own'],
        [['--host', '0.0.0.0'], { HOOK_API_KEY: 'a-long-random-key' }, 'Expected TLS or a proxy that has it'],
        [['--behind-proxy'], { HOOK_AUTH: 'off' }, 'Expected keys, not HOOK_AUTH=off,'],
        [[], { HOOK_API_KEY: DEMO_KEY, BEHIND_PROXY: '1' }, 'Expected a key of your own'],
      ];
      for (const [args, env, said] of cases) {
        const { exitCode, stderr } = await run(['collect', '--port', '0', ...args], env);
        expect([args, exitCode]).toEqual([args, 78]);
        expect(stderr).toContain(said);
      }
      const proxied = await collect(['--behind-proxy'], { HOOK_API_KEY: 'a-long-random-key' });
      expect((await fetch(`${proxied.url}/metrics`)).status).toBe(401);
      const wrong = await fetch(`${proxied.url}/health`, { headers: { host: 'evil.example' } });
      expect([wrong.status, wrong.headers.get('access-control-allow-origin')]).toEqual([421, null]);
    }));

  test('[C83] on SIGTERM under load is gone within 5 s, and has stored what it said that it has', () =>
    withMachine(async ({ collect, lines }) => {
      const collector = await collect();
      const load = startLoad(collector.url, 8);
      await until(() => load.acked() > 500, 'some load');
      const ended = await collector.stop();
      const acked = await load.stop();
      expect(ended.exitCode).toBe(0);
      expect(ended.tookMs).toBeLessThan(5_000);
      const stored = new Set(lines().map(({ event_id }) => String(event_id)));
      expect(acked.filter((id) => !stored.has(id))).toEqual([]);
    }));

  test('[C83] on SIGTERM waits for nobody who watches, or who does not come to an end', () =>
    withMachine(async ({ collect }) => {
      const collector = await collect();
      const live = await fetch(`${collector.url}/live`, { headers: { 'x-api-key': DEMO_KEY } });
      expect(live.headers.get('content-type')).toStartWith('text/event-stream');
      const watching = live.text().catch(() => 'cut');
      const { socket, closed } = await wire(collector.port);
      socket.write(
        `POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${DEMO_KEY}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{`,
      );
      expect((await post(`${collector.url}/events`, TYPED)).status).toBe(202);
      const ended = await collector.stop();
      await Promise.all([watching, closed]);
      expect(ended.exitCode).toBe(0);
      // Whoever hangs up is no error of ours.
      expect(ended.stderr).not.toContain('"level":50');
      expect(ended.tookMs).toBeLessThan(5_000);
    }));

  test('[C79] with a certificate speaks TLS, on any address, and its cookies go nowhere else', () =>
    withMachine(async ({ collect, run, home }) => {
      const [cert, key] = [join(home, 'cert.pem'), join(home, 'key.pem')];
      writeFileSync(cert, CERTIFICATE);
      writeFileSync(key, PRIVATE_KEY);
      const args = ['--host', '0.0.0.0', '--tls-cert', cert, '--tls-key', key];
      const { port, url, stop } = await collect(args, { HOOK_API_KEY: 'a-long-random-key' });
      expect(url).toStartWith('https://');
      const base = `https://127.0.0.1:${port}`;
      const tls = { rejectUnauthorized: false };
      expect((await fetch(`${base}/health`, { tls })).status).toBe(200);
      expect((await fetch(`${base}/metrics`, { tls })).status).toBe(401);
      const answer = await fetch(`${base}/login`, {
        ...{ method: 'POST', redirect: 'manual', tls },
        body: new URLSearchParams({ key: 'a-long-random-key' }),
      });
      expect(answer.headers.get('set-cookie')).toEndWith('; HttpOnly; SameSite=Lax; Secure');
      expect((await fetch(`http://127.0.0.1:${port}/health`).catch(() => ({ status: 0 }))).status).not.toBe(200);
      await stop();
      writeFileSync(key, 'no key');
      for (const wrong of [key, join(home, 'nothing.pem')]) {
        const { exitCode, stderr } = await run(['collect', '--port', '0', '--tls-cert', cert, '--tls-key', wrong]);
        expect([wrong, exitCode]).toEqual([wrong, 78]);
        expect(stderr).not.toContain('no key\n');
      }
    }));

  test('[C20][C22] killed under load by eight writers has every event that it has acknowledged, on lines that parse', () =>
    withMachine(async ({ collect, lines }) => {
      const collector = await collect();
      const load = startLoad(collector.url, 8);
      await until(() => load.acked() > 500, 'some load');
      await collector.stop('SIGKILL');
      const acked = await load.stop();
      const again = await collect();
      const stored = new Set(lines().map(({ event_id }) => String(event_id)));
      expect(acked.filter((id) => !stored.has(id))).toEqual([]);
      expect((await healthOf(again)).events_count).toBe(lines().length);
      for (const line of lines())
        expect(Object.keys(line)).toEqual(
          expect.arrayContaining([
            ...['event_id', 'event_type', 'session_id', 'workflow_id', 'phase_id', 'milestone_id', 'data', 'timestamp'],
          ]),
        );
    }));

  test('[C18] knows an event again after a restart', () =>
    withMachine(async ({ collect, lines }) => {
      const bodies = [
        { ...TYPED, event_id: 'a', timestamp: '2025-11-23T10:00:00Z' },
        { ...TYPED, event_id: 'b' },
      ];
      for (let start = 0; start < 2; start += 1) {
        const collector = await collect();
        for (const body of bodies) expect((await post(`${collector.url}/events`, body)).status).toBe(202);
        expect((await post(`${collector.url}/events`, TYPED, { 'idempotency-key': 'c' })).status).toBe(202);
        expect((await healthOf(collector)).events_count).toBe(3);
        await collector.stop(start === 0 ? 'SIGTERM' : 'SIGINT');
      }
      expect(lines()).toHaveLength(3);
    }));
});

describe('keys', () => {
  test('[C78] are made, listed and revoked while the collector runs', () =>
    withMachine(async ({ collect, run, home }) => {
      const { url, stderr } = await collect();
      const made = await run(['keys', 'create', '--name', 'build server', '--project', 'shop', '--rate', '1000']);
      expect(made).toMatchObject({ exitCode: 0 });
      const key = keyOf(made);
      const [, id = ''] = /^csh_([0-9a-f]{8})_[\w-]{43}$/.exec(key) ?? [];
      expect(made.stderr).toBe(`Key ${id} (ingest, read); it is shown this once and kept nowhere.\n`);
      expect((await post(`${url}/events`, TYPED, { 'x-api-key': key })).status).toBe(202);
      const { events } = (await (await fetch(`${url}/events`, { headers: { 'x-api-key': key } })).json()) as {
        events: object[];
      };
      expect(events).toMatchObject([{ project: 'shop' }]);

      const listed = (await run(['keys', 'list'])).stdout;
      expect(listed).toContain(`${id}  ingest,read  project shop  1000 events/s  since `);
      expect(listed).toContain('build server');
      const { keys } = JSON.parse((await run(['keys', 'list', '--json'])).stdout);
      expect(keys).toEqual([
        {
          id,
          name: 'build server',
          scopes: ['ingest', 'read'],
          project: 'shop',
          rate: 1000,
          createdAt: expect.any(String),
        },
      ]);
      expect(readFileSync(join(home, KEYS_FILE), 'utf8')).not.toContain(key.slice(13));

      expect(await run(['keys', 'revoke', id])).toMatchObject({ exitCode: 0, stdout: `Key ${id} is revoked.\n` });
      const from = performance.now();
      await until(
        async () => (await post(`${url}/events`, TYPED, { 'x-api-key': key })).status === 401,
        'the key to go',
      );
      expect(performance.now() - from).toBeLessThan(1_500);
      expect((await run(['keys', 'list'])).stdout).toContain('revoked ');
      for (const args of [
        ['revoke', id],
        ['revoke'],
        ['create', '--scope', 'decide'],
        ['create', '--rate', '0'],
        ['nothing'],
      ])
        expect([args, (await run(['keys', ...args])).exitCode]).toEqual([args, 64]);
      expect(stderr()).not.toContain(key);
    }));

  test('[C78] of many processes at once are all there', () =>
    withMachine(async ({ run }) => {
      const made = await Promise.all(Array.from({ length: 12 }, () => run(['keys', 'create'])));
      expect(made.map(({ exitCode }) => exitCode)).toEqual(Array.from({ length: 12 }, () => 0));
      const { keys } = JSON.parse((await run(['keys', 'list', '--json'])).stdout) as { keys: { id: string }[] };
      expect(keys.map(({ id }) => id).sort()).toEqual(made.map((each) => keyOf(each).slice(4, 12)).sort());
    }));

  test('log a browser in, whose cookie can only look', () =>
    withMachine(async ({ collect, run }) => {
      const { url } = await collect();
      const key = keyOf(await run(['keys', 'create']));
      const page = await curl('-w', '%{http_code}', '-H', 'Accept: text/html', `${url}/`);
      expect(page).toContain('action="/login"');
      expect(page.endsWith('401')).toBe(true);
      const answer = await fetch(`${url}/login`, {
        method: 'POST',
        redirect: 'manual',
        headers: { origin: url, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ key, after: '/sessions' }),
      });
      expect([answer.status, answer.headers.get('location')]).toEqual([303, '/sessions']);
      const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
      expect((await fetch(`${url}/sessions`, { headers: { cookie } })).status).toBe(200);
      const sent = await fetch(`${url}/events`, {
        method: 'POST',
        headers: { cookie, 'content-type': 'application/json' },
        body: '{}',
      });
      expect(sent.status).toBe(403);
      const elsewhere = await fetch(`${url}/login`, {
        method: 'POST',
        headers: { origin: 'https://evil.example' },
        body: new URLSearchParams({ key }),
      });
      expect([elsewhere.status, elsewhere.headers.get('set-cookie')]).toEqual([403, null]);
    }));
});

describe('whoever holds connections without saying anything whole', () => {
  const HEAD = `POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${DEMO_KEY}\r\nContent-Type: application/json\r\n`;

  test(
    'is hung up on, and others are served meanwhile',
    () =>
      withMachine(async ({ collect }) => {
        const { url, port, pid } = await collect();
        const drips: Timer[] = [];
        const open = async (text: string, isDripping = false): Promise<Promise<void>> => {
          const { socket, closed } = await wire(port);
          socket.write(text);
          if (isDripping) drips.push(setInterval(() => socket.write('x'), 200));
          return closed;
        };
        try {
          const all = await Promise.all(
            Array.from({ length: 40 }, () => [
              open(''),
              open('POST /events HTTP/1.1\r\nHost: 127.'),
              open('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ', true),
              open(`${HEAD}Content-Length: 100000\r\n\r\n{`),
              open(`${HEAD}Content-Length: 100000\r\n\r\n{`, true),
              open(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":`, false),
            ]).flat(),
          );
          let isOver = false;
          const gone = Promise.all(all).then(() => {
            isOver = true;
          });
          while (!isOver) {
            const from = performance.now();
            expect((await post(`${url}/events`, TYPED)).status).toBe(202);
            expect(performance.now() - from).toBeLessThan(3_000);
            await until(() => isOver || performance.now() - from > 500, 'a moment');
          }
          await gone;
          expect(rssOf(pid)).toBeLessThan(400 * 1024 * 1024);
        } finally {
          for (const drip of drips) clearInterval(drip);
        }
      }),
    90_000,
  );
});

describe('what is no proper request', () => {
  const talk = async (port: number, text: string): Promise<string> => {
    const { socket, received, closed } = await wire(port);
    socket.write(text, 'latin1');
    const isSaid = (): boolean => /^HTTP\/1\.1 \d{3} [\s\S]*\r\n\r\n/.test(received());
    await Promise.race([closed, until(isSaid, `an answer to ${JSON.stringify(text.slice(0, 60))}`)]);
    await until(() => true, '');
    socket.destroy();
    return received();
  };
  const statusIn = (text: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
  const AUTH = `Host: 127.0.0.1\r\nX-API-Key: ${DEMO_KEY}\r\nContent-Type: application/json\r\n`;

  test('gets a clear status or is hung up on, stores nothing, and leaves the others alone', () =>
    withMachine(async ({ collect }) => {
      const collector = await collect();
      const { port, url } = collector;
      const body = JSON.stringify(TYPED);
      const cases: readonly (readonly [string, readonly number[]])[] = [
        ['\0\0\0\0\r\n\r\n', [0, 400]],
        ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', [0, 400]],
        ['GET\r\n\r\n', [0, 400]],
        ['GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n', [0, 400, 505]],
        ['GET /health HTTP/1.1\r\n\r\n', [400, 421]],
        [`POST /events HTTP/1.1\r\n${AUTH}Content-Length: abc\r\n\r\n${body}`, [0, 400]],
        [`POST /events HTTP/1.1\r\n${AUTH}Content-Length: -5\r\n\r\n${body}`, [0, 400]],
        [`POST /events HTTP/1.1\r\n${AUTH}Content-Length: 99999999999999999999\r\n\r\n${body}`, [0, 400, 413]],
        [`POST /events HTTP/1.1\r\n${AUTH}Content-Length: 5\r\nContent-Length: 6\r\n\r\n${body}`, [0, 400]],
        [`POST /events HTTP/1.1\r\n${AUTH}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, [0, 400]],
        [`POST /events HTTP/1.1\r\n${AUTH}Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n`, [0, 400]],
        [`POST /events HTTP/1.1\r\n${AUTH}Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08`, [415]],
        [`POST /events HTTP/1.1\r\n${AUTH}Content-Length: 0\r\n\r\n`, [400]],
        [`CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n`, [0, 400, 404, 405, 421]],
        [`TRACE /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, [0, 400, 404, 405]],
        [
          'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
          [200, 400, 426],
        ],
        ['GET http://evil.example/health HTTP/1.1\r\nHost: evil.example\r\n\r\n', [0, 400, 421]],
        ['GET /health HTTP/1.1\r\nHost: a b\r\n\r\n', [0, 400, 421]],
        ['GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n', [0, 400, 421]],
        [`GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, [0, 400, 404, 414, 431]],
        [`GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n${'X-A: b\r\n'.repeat(5_000)}\r\n`, [0, 400, 431]],
        [`GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ${'b'.repeat(1_000_000)}\r\n\r\n`, [0, 400, 431]],
        ['GET /%zz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', [400, 404]],
        ['GET /sessions/%00%ff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', [401]],
        ['GET //evil.example/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', [400, 404, 421]],
        ['GET /assets/../../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', [400, 404]],
      ];
      for (const [text, statuses] of cases) {
        const status = statusIn(await talk(port, text));
        if (!statuses.includes(status))
          throw new Error(`Expected ${statuses} to ${JSON.stringify(text.slice(0, 150))}, got ${status}`);
      }
      expect(await healthOf(collector)).toMatchObject({ status: 'healthy', events_count: 0 });
      expect((await post(`${url}/events`, TYPED)).status).toBe(202);
    }));

  test('[C23] of more than its limit in chunks gets 413, and what follows on its connection is not taken for a request', () =>
    withMachine(async ({ collect, lines }) => {
      const { port, url } = await collect();
      const inner = `POST /events HTTP/1.1\r\n${AUTH}Content-Length: ${JSON.stringify(TYPED).length}\r\n\r\n${JSON.stringify(TYPED)}`;
      const rest = `${'x'.repeat(1024 * 1024)}${inner}`;
      for (const path of ['/events', '/hooks/claude', '/login']) {
        const chunk = `${rest.length.toString(16)}\r\n${rest}\r\n`;
        const text = `POST ${path} HTTP/1.1\r\n${AUTH}Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
        expect([path, statusIn(await talk(port, text))]).toEqual([path, path === '/login' ? 401 : 413]);
        const stated = `POST ${path} HTTP/1.1\r\n${AUTH}Content-Length: ${rest.length}\r\n\r\n${rest}`;
        expect([path, statusIn(await talk(port, stated))]).toEqual([path, path === '/login' ? 401 : 413]);
      }
      // Refused by its head, with a body that looks like a request.
      const refused = await talk(
        port,
        `POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
      );
      expect(refused.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 401']);
      expect((await post(`${url}/events`, { ...TYPED, session_id: 'the only one' })).status).toBe(202);
      expect(lines()).toMatchObject([{ session_id: 'the only one' }]);
    }));

  test('[C23] that is a bomb of gzip is not unpacked', () =>
    withMachine(async ({ collect }) => {
      const collector = await collect();
      const bomb = Bun.gzipSync(new Uint8Array(64 * 1024 * 1024));
      const before = rssOf(collector.pid);
      for (let time = 0; time < 20; time += 1)
        for (const path of ['/events', '/events/batch', '/hooks/claude', '/login']) {
          const answer = await fetch(`${collector.url}${path}`, {
            method: 'POST',
            body: bomb,
            headers: { 'content-type': 'application/json', 'content-encoding': 'gzip', 'x-api-key': DEMO_KEY },
          });
          expect([path, answer.status]).toEqual([path, path === '/login' ? 401 : 415]);
        }
      expect(rssOf(collector.pid) - before).toBeLessThan(150 * 1024 * 1024);
      expect((await healthOf(collector)).events_count).toBe(0);
    }));

  test('and several of them before an answer are answered in their order, or hung up on with none of them acknowledged', () =>
    withMachine(async ({ collect, lines }) => {
      const { port } = await collect();
      const good = `POST /events HTTP/1.1\r\n${AUTH}Content-Length: ${JSON.stringify(TYPED).length}\r\n\r\n${JSON.stringify(TYPED)}`;
      const quick = 'GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
      for (const [text, count] of [
        [quick.repeat(5), 5],
        [`${good}${good}${quick}${good}`, 4],
      ] as const) {
        const { socket, received, closed } = await wire(port);
        socket.write(text);
        const statuses = (): readonly string[] => received().match(/HTTP\/1\.1 \d{3}/g) ?? [];
        await Promise.race([closed, until(() => statuses().length === count, 'as many answers')]);
        socket.destroy();
        expect(statuses().filter((line) => line.endsWith('202')).length).toBeLessThanOrEqual(lines().length);
      }
    }));
});

describe('collect with PostgreSQL', () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await createPostgresCluster();
  }, 240_000);
  afterAll(async () => {
    await cluster?.remove();
  });
  const settings = (database: string): Record<string, string> => ({
    HOOK_API_KEY: DEMO_KEY,
    DATABASE_URL: cluster.createDatabase(database),
  });
  const rowsIn = (database: string): readonly string[] =>
    cluster
      .psql(database, 'select event_id from hook_events')
      .split('\n')
      .filter((line) => line !== '');

  test('[C13][C18][C19] stores there, tells nobody the password, and knows an event again', () =>
    withMachine(async ({ collect }) => {
      const collector = await collect([], settings('plain'));
      const { url } = collector;
      expect(collector.stdout()).toContain('Stored in PostgreSQL\n');
      const body = {
        ...TYPED,
        workflow_id: 'workflow-456',
        data: { model: 'm', text: 'a\0b\ud800\t"\\\u2028🙂' },
        event_id: 'x',
      };
      for (let time = 0; time < 2; time += 1) expect((await post(`${url}/events`, body)).status).toBe(202);
      const { events, total } = (await (
        await fetch(`${url}/events`, { headers: { 'x-api-key': DEMO_KEY } })
      ).json()) as {
        events: Record<string, unknown>[];
        total: number;
      };
      expect(total).toBe(1);
      expect(events).toMatchObject([
        {
          ...TYPED,
          workflow_id: 'workflow-456',
          data: { model: 'm', text: 'a\ufffdb\ufffd\t"\\\u2028🙂' },
          flags: ['text'],
        },
      ]);
      for (const query of [
        'session=%00',
        'text=%00',
        'text=%25',
        'kind=%00',
        'limit=0',
        "type=' or ''='",
        'project=%F0%9F%99%82',
      ])
        expect([query, (await fetch(`${url}/events?${query}`, { headers: { 'x-api-key': DEMO_KEY } })).status]).toEqual(
          [query, 200],
        );
      for (const path of ['/?q=%00', '/sessions', '/?session=%00&project=%00'])
        expect([path, (await fetch(`${url}${path}`, { headers: { 'x-api-key': DEMO_KEY } })).status]).toEqual([
          path,
          200,
        ]);
      const ended = await collector.stop();
      expect(`${ended.stdout}${ended.stderr}`).not.toContain(cluster.password);
    }));

  test('[C22] killed under load has every event that it has acknowledged', () =>
    withMachine(async ({ collect }) => {
      const collector = await collect([], settings('killed'));
      const load = startLoad(collector.url, 8);
      await until(() => load.acked() > 500, 'some load');
      await collector.stop('SIGKILL');
      const acked = await load.stop();
      const stored = new Set(rowsIn('killed'));
      expect(acked.filter((id) => !stored.has(id))).toEqual([]);
    }));

  test(
    '[C75][C83] says within seconds that it is stopped, and that it is back; loses nothing that it has taken; ends in time',
    () =>
      withMachine(async ({ collect }) => {
        const collector = await collect([], settings('stopped'));
        const statusOf = async (path: string): Promise<number> => (await fetch(`${collector.url}${path}`)).status;
        expect(await statusOf('/health')).toBe(200);
        const load = startLoad(collector.url, 4);
        await until(() => load.acked() > 200, 'some load');
        await cluster.stop();
        await until(async () => (await statusOf('/health')) === 503, 'the outage to be told', 10_000);
        expect(await statusOf('/health/ready')).toBe(503);
        expect(await statusOf('/health/live')).toBe(200);
        expect(await healthOf(collector)).toMatchObject({ status: 'unhealthy', storage: 'postgres' });
        const refused = await post(`${collector.url}/events`, TYPED);
        expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
        await cluster.start();
        await until(async () => (await statusOf('/health')) === 200, 'its return to be told', 10_000);
        await until(async () => (await post(`${collector.url}/events`, TYPED)).status === 202, 'events to be taken');
        const acked = await load.stop();
        const stored = new Set(rowsIn('stopped'));
        expect(acked.filter((id) => !stored.has(id))).toEqual([]);
        await cluster.stop();
        const waiting = post(`${collector.url}/events`, TYPED).catch(() => undefined);
        const ended = await collector.stop();
        await waiting;
        await cluster.start();
        expect(ended.exitCode).toBe(0);
        expect(ended.tookMs).toBeLessThan(5_000);
      }),
    120_000,
  );
});

interface Load {
  readonly acked: () => number;
  /** Stops it; resolves with the names of the events that were acknowledged. */
  stop(): Promise<readonly string[]>;
}

/** Writers that send batches and single events as fast as they are answered. */
function startLoad(url: string, writers: number): Load {
  const acked: string[] = [];
  let isOver = false;
  const write = async (writer: number): Promise<void> => {
    for (let round = 0; !isOver; round += 1) {
      const batch = Array.from({ length: round % 2 === 0 ? 1 : 50 }, (_, index) => ({
        ...{ ...TYPED, session_id: `writer-${writer}`, event_id: `${writer}-${round}-${index}` },
        data: { text: 'tab\there "quoted" \\ line\nend \u2028 🙂', round },
      }));
      const [single] = batch;
      const answer = await (batch.length === 1
        ? post(`${url}/events`, single)
        : post(`${url}/events/batch`, batch)
      ).catch(() => undefined);
      if (answer?.status === 202) acked.push(...batch.map(({ event_id }) => event_id));
      if (answer === undefined) return;
    }
  };
  const all = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  return {
    acked: () => acked.length,
    stop: async () => {
      isOver = true;
      await all;
      return acked;
    },
  };
}
