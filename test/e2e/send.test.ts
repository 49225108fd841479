import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CERTIFICATE, PRIVATE_KEY } from '../collector/webhooks-certificate.ts';
import { startCollector, type TestCollector } from '../sender/collector.ts';
import { BINARY, payload, type Ran, ROOM, stateOf, type TestBench, withBench, writeConfig } from './bench.ts';
import { signalAll } from './processes.ts';

const GO_ON = '{"continue":true}\n';
const KEY = 'collector-key-4711';

interface Sending {
  readonly bench: TestBench;
  readonly collector: TestCollector;
  /** Runs `send` with an event, against the collector if `env` says nothing else. */
  send(event: unknown, args?: readonly string[], env?: Readonly<Record<string, string | undefined>>): Promise<Ran>;
  /** The collector goes, or comes again at its port. */
  down(): Promise<void>;
  up(): TestCollector;
}

async function withCollector(body: (sending: Sending) => Promise<void>): Promise<void> {
  await withBench(async (bench) => {
    let collector = startCollector();
    const { url, port } = collector;
    const own = { HOOK_BACKEND_URL: url, HOOK_API_KEY: KEY };
    try {
      await body({
        bench,
        collector,
        send: (event, args = [], env = {}) =>
          bench.hook(event, { args: ['send', ...args], env: { ...own, ...env } }).ended,
        down: () => collector.stop(),
        up: () => {
          collector = startCollector(port);
          return collector;
        },
      });
    } finally {
      await collector.stop();
    }
  });
}

/** All that the spool has written, and who may read it. */
function spooled(bench: TestBench): { readonly events: readonly Record<string, unknown>[]; readonly text: string } {
  const dir = join(stateOf(bench), 'spool');
  let text = '';
  try {
    for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()) {
      const stat = statSync(join(dir, name));
      expect(stat.mode & 0o077).toBe(0);
      if (stat.isFile() && name.endsWith('.jsonl')) text += readFileSync(join(dir, name), 'utf8');
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return { text, events: text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line).event])) };
}

const numbers = (rows: readonly Record<string, unknown>[]): unknown[] => rows.map(({ n }) => n);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const event = (n: number): Record<string, unknown> => payload('UserPromptSubmit', { n });

describe('send', () => {
  test('posts the event as it is, with what is missing, and lets the agent go on', () =>
    withCollector(async ({ send, collector }) => {
      const input = payload('PreToolUse.Bash', { cwd: '/home/dana/demo' });
      expect(await send(input)).toMatchObject({ stdout: GO_ON, stderr: '', exitCode: 0 });
      const [{ headers, path } = { headers: new Headers(), path: '' }] = collector.requests;
      expect(path).toBe('/events');
      expect(collector.rows).toEqual([
        {
          ...input,
          ...{ event_id: expect.any(String), timestamp: expect.any(String), session_name: 'demo' },
          custom_metadata: expect.objectContaining({ platform: process.platform }),
        },
      ]);
      expect(headers.get('x-api-key')).toBe(KEY);
      expect(headers.get('x-hook-event')).toBe('PreToolUse');
      expect(headers.get('x-session-name')).toBe('demo');
      expect(headers.get('x-project')).toBe('demo');
      expect(headers.get('x-environment')).toBe('development');
      expect(headers.get('x-client-version')).toMatch(/^\d+\.\d+\.\d+$/);
      expect(headers.get('user-agent')).toMatch(/^claude-slack-hook\/\d/);
      expect(headers.get('idempotency-key')).toBe(String(collector.rows[0]?.event_id));
      expect(headers.has('x-replayed')).toBe(false);
    }));

  test('adds nothing but an identity with --no-enrich, and names the project that it is given', () =>
    withCollector(async ({ send, collector }) => {
      await send({ hook_event_name: 'x' }, ['--no-enrich', '--project', 'shop']);
      expect(Object.keys(collector.rows[0] ?? {}).sort()).toEqual(['event_id', 'hook_event_name', 'timestamp']);
      expect(collector.requests[0]?.headers.get('x-project')).toBe('shop');
    }));

  test('sends only what is wanted, and lets the agent go on in any case', () =>
    withCollector(async ({ send, collector }) => {
      const args = ['--events', 'SessionStart,PreToolUse', '--tools', 'Write,mcp__*'];
      for (const [name, tool] of [
        ['Stop', undefined],
        ['PreToolUse', 'Bash'],
        ['PreToolUse', 'mcp__github__search'],
        ['SessionStart', undefined],
      ])
        expect(await send({ hook_event_name: name, tool_name: tool }, args)).toMatchObject({
          stdout: GO_ON,
          stderr: '',
        });
      expect(collector.rows.map((row) => row.tool_name ?? row.hook_event_name)).toEqual([
        'mcp__github__search',
        'SessionStart',
      ]);
    }));

  test('goes to this machine directly, whatever proxy the environment names', () =>
    withCollector(async ({ send, collector }) => {
      const proxy = 'http://127.0.0.1:9';
      await send({ hook_event_name: 'x' }, [], { HTTP_PROXY: proxy, http_proxy: proxy });
      expect(collector.rows).toHaveLength(1);
    }));
});

describe('an agent', () => {
  const event = { hook_event_name: 'PreToolUse' };
  test.each<[string, unknown, Readonly<Record<string, string>>, string]>([
    ['there is no collector', event, { HOOK_BACKEND_URL: 'http://localhost:9/events' }, 'collector-unreachable'],
    ['there is no such host', event, { HOOK_BACKEND_URL: 'http://nowhere.invalid/events' }, 'collector-unreachable'],
    ['the URL is none', event, { HOOK_BACKEND_URL: 'nonsense' }, 'bad-config'],
    ['the input is not JSON', 'not JSON', {}, 'bad-input'],
    ['there is no input', '', {}, 'bad-input'],
    ['the input is a list', '[]', {}, 'bad-input'],
    ['the input is 20 MB', `{"x":"${'x'.repeat(20_000_000)}"}`, {}, 'input-too-large'],
    ['the home is none', event, { HOME: 'relative', HOOK_BACKEND_URL: 'http://localhost:9/' }, 'bad-config'],
  ])('goes on where %s', (_name, input, env, code) =>
    withCollector(async ({ send }) => {
      const ran = await send(input, [], env);
      expect(ran).toMatchObject({ stdout: GO_ON, exitCode: 0 });
      expect(ran.stderr).toMatch(/^claude-slack-hook: [^\n]+ \([a-z-]+\)\n$/);
      expect(ran.stderr).toContain(`(${code})`);
      expect(ran.tookMs).toBeLessThan(5_000 * ROOM);
    }),
  );

  test.each([
    [401, 'collector-refused', 0],
    [413, 'collector-refused', 0],
    [422, 'collector-refused', 0],
    [302, 'collector-refused', 0],
    [408, 'collector-unreachable', 1],
    [429, 'collector-unreachable', 1],
    [500, 'collector-unreachable', 1],
  ])('goes on where the collector answers %d, and the event waits only where that helps', (status, code, kept) =>
    withCollector(async ({ bench, send, collector }) => {
      collector.answer = () => new Response('', { status, headers: { Location: 'http://localhost:9/' } });
      const ran = await send(event);
      expect(ran).toMatchObject({ stdout: GO_ON, exitCode: 0 });
      expect(ran.stderr).toMatch(new RegExp(`^claude-slack-hook: [^\\n]+${status}[^\\n]+ \\(${code}\\)\\n$`));
      expect(spooled(bench).events).toHaveLength(kept);
    }),
  );

  test('goes on in time where the collector does not answer', () =>
    withCollector(async ({ bench, send, collector }) => {
      collector.answer = () => new Promise(() => {});
      const env = { HOOK_TIMEOUT_MS: '800' };
      const ran = await send(event, [], env);
      expect(ran).toMatchObject({ stdout: GO_ON, exitCode: 0 });
      expect(ran.stderr).toContain('in time, got none; the event waits (collector-unreachable)');
      expect(ran.tookMs).toBeLessThan(800 + 1_000 * ROOM);
      expect(collector.requests).toHaveLength(1);
      expect(spooled(bench).events).toHaveLength(1);
    }));

  test('does not wait for a collector that asked for time', () =>
    withCollector(async ({ bench, send, collector }) => {
      collector.answer = () => new Response('', { status: 429, headers: { 'Retry-After': '60' } });
      await send(event);
      expect((await send(event)).stderr).toContain('left alone for a while');
      expect(collector.requests).toHaveLength(1);
      expect(spooled(bench).events).toHaveLength(2);
    }));

  test('goes on in time where its own input never ends', () =>
    withCollector(async ({ bench, collector }) => {
      const startedAt = performance.now();
      const child = Bun.spawn([BINARY, 'send'], {
        ...{ cwd: bench.home, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' },
        env: { ...bench.env, HOOK_BACKEND_URL: collector.url, HOOK_TIMEOUT_MS: '600' },
      });
      child.stdin.write('{"hook_event_name":');
      child.stdin.flush();
      expect([await child.exited, await child.stdout.text()]).toEqual([0, GO_ON]);
      expect(await child.stderr.text()).toEndWith('(bad-input)\n');
      expect(performance.now() - startedAt).toBeLessThan(600 + 1_000 * ROOM);
    }));

  test('that ends the hook while it waits loses no event', () =>
    withCollector(async ({ bench, collector }) => {
      collector.answer = () => new Promise(() => {});
      const env = { HOOK_BACKEND_URL: collector.url };
      const hook = bench.hook(event, { args: ['send'], env });
      await bench.until(() => collector.requests.length === 1, 'the request');
      hook.kill('SIGTERM');
      expect(await hook.ended).toMatchObject({ stdout: GO_ON, exitCode: 0 });
      expect(spooled(bench).events).toEqual([expect.objectContaining(event)]);
    }));

  test('is not asked and not blocked by a typo', () =>
    withCollector(async ({ send, collector }) => {
      const ran = await send(payload('PreToolUse.Bash'), ['--event', 'x']);
      expect(ran).toMatchObject({ stdout: GO_ON, exitCode: 0 });
      expect(ran.stderr).toEndWith('code: usage\n');
      expect(collector.requests).toEqual([]);
    }));
});

describe('events of a time without a collector', () => {
  test(
    'are all there, once and in order, after the next one that it takes',
    () =>
      withCollector(async ({ bench, send, down, up }) => {
        await down();
        for (const n of upTo(100)) expect(await send(event(n))).toMatchObject({ stdout: GO_ON, exitCode: 0 });
        const { events, text } = spooled(bench);
        expect(numbers(events)).toEqual(upTo(100));
        expect(text).not.toContain(KEY);
        const collector = up();
        await send(event(100));
        await bench.until(() => collector.rows.length === 101, 'all rows');
        expect(numbers(collector.rows)).toEqual([100, ...upTo(100)]);
        expect(collector.duplicates).toBe(0);
        // As they were told to the agent's hook, with the same ids.
        expect(collector.rows.slice(1)).toEqual([...events]);
        for (const { headers, path } of collector.requests)
          expect(headers.get('x-replayed')).toBe(path === '/events' ? null : '1');
        await bench.until(() => spooled(bench).text === '', 'an empty spool');
      }),
    60_000,
  );

  test(
    'are sent once by ten hooks that find them at the same time',
    () =>
      withCollector(async ({ bench, send, down, up }) => {
        await down();
        await Promise.all(upTo(30).map((n) => send(event(n))));
        expect(numbers(spooled(bench).events).sort()).toEqual(upTo(30).sort());
        const collector = up();
        await Promise.all(upTo(10).map((n) => send(event(100 + n))));
        await bench.until(() => collector.rows.length >= 40 && spooled(bench).text === '', 'all rows');
        expect(collector.rows).toHaveLength(40);
        expect(collector.duplicates).toBe(0);
      }),
    60_000,
  );

  test(
    'survive a sender that is killed in the middle: they come again as the same events',
    () =>
      withCollector(async ({ bench, send, down, up }) => {
        await down();
        for (const n of upTo(5)) await send(event(n));
        const collector = up();
        const stuck = Promise.withResolvers<Response>();
        collector.answer = ({ body }) => {
          collector.rows.push(...(body as Record<string, unknown>[]));
          return stuck.promise;
        };
        const env = { HOOK_BACKEND_URL: collector.url, HOOK_API_KEY: KEY };
        const replay = bench.hook('', { args: ['send', '--replay'], env });
        await bench.until(() => collector.rows.length === 5, 'the first delivery');
        signalAll([replay.pid], 'SIGKILL');
        await replay.ended;
        stuck.resolve(new Response(''));
        expect(numbers(spooled(bench).events)).toEqual(upTo(5));
        collector.answer = undefined;
        const again = await bench.run(['send', '--replay'], { env });
        expect(again).toMatchObject({ stdout: '5 sent, 0 refused, 0 waiting, 0 dropped so far\n', exitCode: 0 });
        expect(collector.rows.slice(5)).toEqual(collector.rows.slice(0, 5));
      }),
    60_000,
  );
});

describe('the key of the config file', () => {
  const configured = (bench: TestBench, url: string): void =>
    writeConfig(bench, { send: { url, apiKey: 'config-key-0815' } });

  test('goes to the address of the config file, which comes before that of the environment', () =>
    withCollector(async ({ bench, send, collector }) => {
      configured(bench, collector.url);
      await send({ x: 1 }, [], { HOOK_BACKEND_URL: 'http://localhost:9/events', HOOK_API_KEY: undefined });
      expect(collector.requests[0]?.headers.get('x-api-key')).toBe('config-key-0815');
      // The file stays one that the other verbs can read.
      expect((await bench.run(['status'])).stderr).not.toContain('bad-config');
    }));

  test('does not go to an address that a project’s environment or hook names', () =>
    withCollector(async ({ bench, send, collector }) => {
      configured(bench, 'https://collector.example.test/events');
      await send({ x: 1 }, ['--url', collector.url], { HOOK_API_KEY: undefined });
      await send({ x: 1 }, ['--url', collector.url]);
      writeConfig(bench, { send: { apiKey: 'config-key-0815' } });
      await send({ x: 1 }, [], { HOOK_API_KEY: undefined });
      expect(collector.requests.map(({ headers }) => headers.get('x-api-key'))).toEqual([null, KEY, null]);
    }));

  test('goes past a proxy that the environment names, where the proxy could read it', () =>
    withCollector(async ({ bench, send, collector }) => {
      // As a collector on another machine, without a name for it: the test's proxy would be asked for the whole URL.
      const proxy = `http://127.0.0.1:${collector.port}`;
      configured(bench, 'http://192.0.2.1:3030/events');
      const env = { HTTP_PROXY: proxy, http_proxy: proxy, HOOK_TIMEOUT_MS: '400' };
      expect((await send({ x: 1 }, [], env)).stderr).toContain('(collector-unreachable)');
      expect(collector.requests).toEqual([]);
    }));

  test('asks for a certificate that is good, whatever the environment says', () =>
    withCollector(async ({ bench, send }) => {
      const heard: (string | null)[] = [];
      const server = Bun.serve({
        ...{ port: 0, hostname: '127.0.0.1', tls: { key: PRIVATE_KEY, cert: CERTIFICATE } },
        fetch: ({ headers }) => {
          heard.push(headers.get('x-api-key'));
          return new Response('');
        },
      });
      bench.atEnd(() => void server.stop(true));
      const url = `https://localhost:${server.port}/events`;
      const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0', HOOK_BACKEND_URL: url };
      await send({ x: 1 }, [], env);
      configured(bench, url);
      expect((await send({ x: 1 }, [], env)).stderr).toContain('(collector-unreachable)');
      expect(heard).toEqual([KEY]);
    }));

  test('counts only in a file that is this user’s alone', () =>
    withCollector(async ({ bench, send, collector }) => {
      writeConfig(bench, { send: { url: collector.url, apiKey: 'config-key-0815' } }, 0o644);
      expect((await send({ x: 1 })).stderr).toContain('(config-mode)');
      expect(collector.requests).toEqual([]);
    }));
});
