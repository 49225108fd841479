/** `collect` and `keys` as processes: what people type, and what scripts send. */
import { describe, expect, test } from 'bun:test';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CERTIFICATE, PRIVATE_KEY } from '../collector/webhooks-certificate.ts';
import { DEMO_KEY, healthOf, post, startLoad, TYPED, until, wire, withMachine } from './collectors.ts';

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

describe('collect', () => {
  test("answers the first collector's own curl lines", () =>
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

  test("answers the other collector's keyless curl lines with HOOK_AUTH=off", () =>
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

  test('says in one line what it needs for postgres, and ends with 78', () =>
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

  test('takes its settings from the environment, and makes the directory of its file', () =>
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

  test('makes a key where there is none, shows it once, and keeps only its hash', () =>
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

  test('makes no key that nobody sees when it cannot listen', () =>
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

  test('refuses to listen for others without keys, TLS, or a proxy that it is told of', () =>
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

  test('on SIGTERM under load is gone within 5 s, and has stored what it said that it has', () =>
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

  test('on SIGTERM waits for nobody who watches, or who does not come to an end', () =>
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

  test('with a certificate speaks TLS, on any address, and its cookies go nowhere else', () =>
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

  test('killed under load by eight writers has every event that it has acknowledged, on lines that parse', () =>
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

  test('knows an event again after a restart', () =>
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
  test('are made, listed and revoked while the collector runs', () =>
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

  test('of many processes at once are all there', () =>
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
