/** Claude Code's http hooks, posted to the daemon itself: no process for a call. */
import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import recorded from '../fixtures/claude-code/http-hook-request.PreToolUse.json' with { type: 'json' };
import {
  hasButtons,
  payload,
  type RunOptions,
  TEST_BINARY,
  type TestBench,
  textOf,
  withBench,
  writeConfig,
} from './bench.ts';

/** A test build takes any port that is free. */
const RUN: RunOptions = { command: [TEST_BINARY], env: { CSH_HTTP_ANY_PORT: '1' } };
const PORT = '8787';

interface Door {
  readonly url: string;
  readonly port: number;
  readonly token: string;
  /** As Claude Code does. */
  post(body: unknown, init?: RequestInit): Promise<Response>;
}

const statusOf = async (bench: TestBench): Promise<string> => (await bench.run(['--status'], RUN)).stdout;

/** Ensures the daemon as a SessionStart hook does, again when the machine had no time for it, and reads where it listens. */
async function openDoor(bench: TestBench, args: readonly string[] = ['--http', PORT]): Promise<Door> {
  for (let left = 5; left > 0; left -= 1) {
    const said = await bench.hook(payload('SessionStart.startup'), { ...RUN, args: ['ensure', ...args] }).ended;
    expect(said).toMatchObject({ stdout: '', stderr: '', exitCode: 0 });
    const [, url = '', file = ''] = /^http: +(http:\S+) \(token in (.+)\)$/m.exec(await statusOf(bench)) ?? [];
    if (url === '') continue;
    const token = readFileSync(file, 'utf8').trim();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const post = (body: unknown, init: RequestInit = {}): Promise<Response> =>
      fetch(url, {
        method: 'POST',
        body: JSON.stringify(body),
        ...init,
        headers: { ...sentBy(token), ...init.headers },
      });
    return { url, port: Number(new URL(url).port), token, post };
  }
  throw new Error(`Expected a daemon that listens for HTTP, got ${bench.log()}`);
}

/** The headers that Claude Code was seen to send; those of the connection are up to fetch(). */
function sentBy(token: string): Record<string, string> {
  const { Accept, 'Content-Type': type, 'User-Agent': agent } = recorded.headers;
  return { Accept, 'Content-Type': type, 'User-Agent': agent, Authorization: `Bearer ${token}` };
}

const cardOf = (bench: TestBench, body: Record<string, unknown>): Promise<EmulatedMessage> =>
  bench.slack.waitForMessage((message) => hasButtons(message) && textOf(message).includes(commandOf(body)), 20_000);
const commandOf = ({ tool_input: input }: Record<string, unknown>): string => (input as { command: string }).command;

describe('a hook that is posted', () => {
  test('is held until Approve, and answered as Claude Code reads it', () =>
    withBench(async (bench) => {
      const { post, port } = await openDoor(bench);
      expect(await statusOf(bench)).toContain(`events:   http://127.0.0.1:${port}/ (for a browser; `);
      const response = post(recorded.body);
      await bench.press(await cardOf(bench, recorded.body), 'csh_approve');
      const answer = await response;
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json']);
      expect(await answer.json()).toEqual({
        hookSpecificOutput: {
          hookEventName: 'PreToolUse',
          permissionDecision: 'allow',
          permissionDecisionReason: expect.stringMatching(/^Approved by .+ in Slack$/),
          updatedInput: recorded.body.tool_input,
        },
      });
      expect(bench.decisions()).toMatchObject([{ type: 'asked' }, { type: 'ended', kind: 'allowed' }]);
    }));

  test('is denied by Deny', () =>
    withBench(async (bench) => {
      const { post } = await openDoor(bench);
      const response = post(recorded.body);
      await bench.press(await cardOf(bench, recorded.body), 'csh_deny');
      const { hookSpecificOutput } = (await (await response).json()) as typeof PRE_ANSWER;
      expect(hookSpecificOutput.permissionDecision).toBe('deny');
    }));

  test('is withdrawn when Claude Code hangs up, and a later press on its card hears so', () =>
    withBench(async (bench) => {
      const { post } = await openDoor(bench);
      const esc = new AbortController();
      const response = post(recorded.body, { signal: esc.signal }).catch(() => 'gone');
      const card = await cardOf(bench, recorded.body);
      esc.abort();
      expect(await response).toBe('gone');
      const isOver = ({ type, kind }: Record<string, unknown>): boolean => type === 'ended' && kind === 'withdrawn';
      await bench.until(() => bench.decisions().some(isOver), 'the withdrawal');
      await bench.until(
        () => !bench.slack.messages().some(({ ts, blocks }) => ts === card.ts && hasButtons({ ...card, blocks })),
        'its card to say so',
      );
    }));

  test('[X84] with a wrong token or none is refused, and nothing is asked', () =>
    withBench(async (bench) => {
      const { post, url } = await openDoor(bench);
      for (const Authorization of ['Bearer wrong', `Bearer ${'0'.repeat(64)}`])
        expect((await post(recorded.body, { headers: { Authorization } })).status).toBe(401);
      expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401);
      expect((await post(recorded.body, { headers: { Origin: 'https://evil.example' } })).status).toBe(403);
      expect((await post(recorded.body, { headers: { Host: 'evil.example' } })).status).toBe(403);
      expect(bench.audit()).toEqual([]);
      expect(bench.slack.calls('chat.postMessage')).toEqual([]);
    }));

  test('is closed by the event that tells that it ran, which asks nothing', () =>
    withBench(async (bench) => {
      const { post } = await openDoor(bench);
      const asked = payload('PermissionRequest.Bash');
      const response = post(asked);
      await cardOf(bench, asked);
      const ran = await post({
        ...asked,
        hook_event_name: 'PostToolUse',
        tool_response: { stdout: 'ok' },
        duration_ms: 5,
      });
      expect(ran.status).toBe(204);
      expect([(await response).status, await (await response).text()]).toEqual([204, '']);
      expect(bench.decisions()).toMatchObject([{ type: 'asked' }, { type: 'ended', kind: 'elsewhere' }]);
    }));

  test('gets the failure answer when another daemon takes over, which keeps the port and the token', () =>
    withBench(async (bench) => {
      const older = { ...RUN, env: { ...RUN.env, CSH_VERSION: '0.0.9' } };
      writeConfig(bench, { http: Number(PORT) });
      await bench.hook('', { ...older, args: ['ensure'] }).ended;
      const [, , before = ''] = /^http: +(http:\S+) \(token in (.+)\)$/m.exec(await statusOf(bench)) ?? [];
      const first = readFileSync(before, 'utf8').trim();
      const [, url = ''] = /^http: +(\S+)/m.exec(await statusOf(bench)) ?? [];
      const response = fetch(url, { method: 'POST', body: JSON.stringify(recorded.body), headers: sentBy(first) });
      await cardOf(bench, recorded.body);
      const { token } = await openDoor(bench, []);
      const { hookSpecificOutput } = (await (await response).json()) as typeof PRE_ANSWER;
      expect(hookSpecificOutput.permissionDecision).toBe('ask');
      expect(token).toBe(first);
      expect(bench.decisions()).toMatchObject([{ type: 'asked' }, { type: 'ended', kind: 'withdrawn' }]);
    }));

  test('gets the failure answer from --stop', () =>
    withBench(async (bench) => {
      const { post, url } = await openDoor(bench);
      const response = post(recorded.body);
      await cardOf(bench, recorded.body);
      await bench.run(['--stop'], RUN);
      const { hookSpecificOutput } = (await (await response).json()) as typeof PRE_ANSWER;
      expect(hookSpecificOutput.permissionDecision).toBe('ask');
      expect(await fetch(url).catch(() => 'refused')).toBe('refused');
    }));
});

const PRE_ANSWER = { hookSpecificOutput: { permissionDecision: '' } };

describe('the daemon', () => {
  test('[X84] listens on 127.0.0.1 and nowhere else, and on no port unless it is told to', () =>
    withBench(async (bench) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), RUN);
      expect(await statusOf(bench)).not.toContain('http: ');
      const [pid = 0] = bench.daemons();
      if (IS_ROOT) expect(portsOf(pid)).toEqual([]);
      const { port, post } = await openDoor(bench);
      const [next = 0] = bench.daemons();
      const hex = port.toString(16).toUpperCase().padStart(4, '0');
      expect(listening().filter(({ local }) => local.endsWith(`:${hex}`))).toMatchObject([
        { local: `0100007F:${hex}` },
      ]);
      if (IS_ROOT) expect(portsOf(next)).toEqual([`0100007F:${hex}`]);
      // It has made room for the one with the port, and its request is still there.
      expect(next).not.toBe(pid);
      // A press that nobody is connected to hear is lost: the next card tells that the new one is.
      const response = post(recorded.body);
      await bench.press(await cardOf(bench, recorded.body), 'csh_deny');
      await bench.press(card, 'csh_approve');
      expect((await hook.ended).stdout).toContain('"allow"');
      expect((await response).status).toBe(200);
    }));

  test('whose port something else has says so, asks for other hooks all the same, and opens it once it is free', () =>
    withBench(async (bench) => {
      const other = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() });
      const run: RunOptions = { args: ['--http', String(other.port)] };
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), run);
      const status = async (): Promise<string> => (await bench.run(['--status'])).stdout;
      expect(await status()).toContain(`http:     http://127.0.0.1:${other.port}/hooks/claude not open: `);
      await other.stop(true);
      while (!(await status()).includes('/hooks/claude (token in ')) await Promise.resolve();
      await bench.press(card, 'csh_approve');
      expect((await hook.ended).stdout).toContain('"allow"');
    }));

  test('stays, however long nothing is asked, because nothing else would start it', () =>
    withBench(async (bench) => {
      await openDoor(bench, ['--http', PORT, '--idle', '50ms']);
      const [pid = 0] = bench.daemons();
      const since = Date.now();
      await bench.until(() => Date.now() - since > 400, 'eight times the idle time');
      expect(bench.daemons()).toEqual([pid]);
    }));

  test('[X84] decides nothing by any route: after all of them the request is pending as before', () =>
    withBench(async (bench) => {
      const { post, url, port, token } = await openDoor(bench);
      const response = post(recorded.body);
      const card = await cardOf(bench, recorded.body);
      await bench.until(() => bench.audit().some(({ type }) => type === 'posted'), 'its record');
      const [{ id = '' } = {}] = bench.decisions();
      const paths = [
        '/',
        '/hooks/claude',
        '/hooks/slack',
        '/approve',
        '/answer',
        '/allow',
        '/status',
        '/stop',
        '/api/decide',
      ];
      const bodies = [
        { id, decision: 'allow' },
        {
          type: 'block_actions',
          user: { id: bench.slack.user.id },
          actions: [{ action_id: 'csh_approve', value: id }],
        },
        { claude_slack_hook: { type: 'outcome', outcome: { kind: 'allowed', by: 'U1', via: 'Slack', at: 1 }, id } },
        { claude_slack_hook: { type: 'retire' } },
        { ...payload('Notification.permission_prompt'), id, behavior: 'allow' },
      ];
      const targets = [...paths, ...paths.map((path) => `${path}/${id}/approve`), `/hooks/claude?approve=${id}`];
      for (const path of targets) {
        for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD']) {
          for (const body of method === 'GET' || method === 'HEAD' ? [undefined] : bodies) {
            const said = await fetch(`http://127.0.0.1:${port}${path}`, {
              ...{ method, headers: sentBy(token) },
              ...(body === undefined ? {} : { body: JSON.stringify(body) }),
            });
            expect(await said.text()).not.toMatch(/allow"|approve"|nonce/);
          }
        }
      }
      expect(bench.decisions()).toMatchObject([{ type: 'asked' }]);
      expect(bench.daemons()).toHaveLength(1);
      await bench.press(card, 'csh_deny');
      expect((await response).url).toBe(url);
      expect(bench.decisions()).toMatchObject([{ type: 'asked' }, { type: 'ended', kind: 'denied' }]);
    }));
});

/** The daemon is not dumpable: its descriptors show to root only. */
const IS_ROOT = process.getuid?.() === 0;

/** All TCP sockets of this machine that listen, with their addresses as the kernel writes them. */
function listening(): readonly { readonly local: string; readonly inode: string }[] {
  const LISTEN = '0A';
  const files = ['/proc/net/tcp', '/proc/net/tcp6'].filter((file) => existsSync(file));
  return files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line) => {
        const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
        return state === LISTEN ? [{ local, inode }] : [];
      }),
  );
}

/** Those of one process. */
function portsOf(pid: number): readonly string[] {
  const own = new Set(socketsOf(pid));
  return listening().flatMap(({ local, inode }) => (own.has(inode) ? [local] : []));
}

/** Inodes of its sockets. */
function socketsOf(pid: number): readonly string[] {
  const dir = `/proc/${pid}/fd`;
  return readdirSync(dir).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${dir}/${fd}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });
}

describe('ensure', () => {
  test('leaves a daemon alone that has the port, and starts none twice', () =>
    withBench(async (bench) => {
      await openDoor(bench);
      const before = bench.daemons();
      await Promise.all([openDoor(bench), openDoor(bench), openDoor(bench)]);
      expect(bench.daemons()).toEqual(before);
    }));

  test('says nothing and exits with 0 whatever is wrong; the log has it', () =>
    withBench(async (bench) => {
      const wrong: RunOptions[] = [
        { args: ['ensure'], env: { SLACK_BOT_TOKEN: '' } },
        { args: ['ensure', '--http', '0'] },
        { args: ['ensure', '--config', '/etc'] },
      ];
      for (const run of wrong) {
        const said = await bench.hook(payload('SessionStart.startup'), run).ended;
        expect(said).toMatchObject({ stdout: '', stderr: '', exitCode: 0 });
      }
      for (const code of ['missing-config', 'bad-config']) expect(bench.log()).toContain(`(${code})`);
      expect(bench.daemons()).toEqual([]);
    }));
});
