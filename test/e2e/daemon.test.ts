import { describe, expect, test } from 'bun:test';
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { BINARY, hasButtons, payload, stateOf, type TestBench, textOf, withBench } from './bench.ts';
import { closedCard } from './cards.ts';
import { withBystanders } from './processes.ts';

describe('one daemon', () => {
  test('replaces one that was killed and left its files', () =>
    withBench(async (bench) => {
      const first = await bench.ask(payload('PreToolUse.Bash'));
      await bench.press(first.card, 'csh_deny');
      await first.hook.ended;
      for (const pid of bench.daemons()) process.kill(pid, 'SIGKILL');
      const hooks = Array.from({ length: 5 }, () => bench.hook(payload('PermissionRequest.Bash')));
      const seen = new Set([first.card.ts]);
      for (let count = 0; count < 5; count += 1) {
        const card = await bench.slack.waitForMessage((message) => !seen.has(message.ts) && hasButtons(message));
        seen.add(card.ts);
        await bench.press(card, 'csh_deny');
      }
      for (const hook of hooks) expect((await hook.ended).stdout).toContain('"deny"');
      expect(bench.daemons()).toHaveLength(1);
    }));

  test('[S7] has no parent, session, directory, descriptors or environment of the hook, and no secret in its arguments', () =>
    withBench(async (bench) => {
      const pipe = join(bench.home, 'pipe');
      expect(Bun.spawnSync(['mkfifo', pipe]).exitCode).toBe(0);
      const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), {
        command: ['/bin/sh', '-c', 'exec 5>"$0" 9>"$0"; exec "$1"', pipe, BINARY],
        env: { ANTHROPIC_API_KEY: 'sk-ant-secret', LD_DEBUG_OUTPUT: '/x' },
      });
      const [pid] = bench.daemons();
      const [, parent = 0, , session] = statOf(pid ?? 0);
      // Init, or a process above us that takes orphans in.
      expect([1, ...ancestors(process.pid)]).toContain(parent);
      expect(session).toBe(pid ?? 0);
      expect(readFileSync(`/proc/${pid}/limits`, 'utf8')).toMatch(/^Max core file size +0 +0 /m);
      expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toMatch(/xoxb|xapp/);
      // While the hook has the pipe nothing can be read from it; without it that is its end.
      expect(() => readSync(reader, Buffer.alloc(1))).toThrow('EAGAIN');
      await bench.press(card, 'csh_deny');
      await hook.ended;
      expect(readSync(reader, Buffer.alloc(1))).toBe(0);
      closeSync(reader);
      expect(bench.daemons()).toEqual([pid ?? 0]);
      // It hides the rest from its own user.
      if (process.getuid?.() !== 0) {
        expect(() => readFileSync(`/proc/${pid}/environ`)).toThrow('EACCES');
        return;
      }
      expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/');
      for (const fd of [0, 1, 2]) expect(readlinkSync(`/proc/${pid}/fd/${fd}`)).toBe('/dev/null');
      // Nor the lock of the hook that started it.
      const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      expect(open.filter((path) => path.endsWith('/starting') || path === pipe)).toEqual([]);
      const names = readFileSync(`/proc/${pid}/environ`, 'utf8')
        .split('\0')
        .filter(Boolean)
        .map((entry) => entry.split('=')[0]);
      expect(names.toSorted()).toEqual([
        'HOME',
        'PATH',
        'PWD',
        'SLACK_API_URL',
        'SLACK_APP_TOKEN',
        'SLACK_BOT_TOKEN',
        'SLACK_USER_ID',
        'TMPDIR',
        '__CLAUDE_SLACK_READY_FD__',
        '__CLAUDE_SLACK_SERVER__',
      ]);
    }));

  test('keeps its files private and names itself in the PID file', () =>
    withBench(async (bench) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      expect(statSync(bench.socketDir).mode & 0o777).toBe(0o700);
      for (const name of readdirSync(bench.socketDir))
        expect(lstatSync(join(bench.socketDir, name)).mode & 0o077).toBe(0);
      expect(readFileSync(join(bench.socketDir, 'server.pid'), 'utf8')).toBe(`${bench.daemons()[0]}\n`);
      expect(statSync(join(stateOf(bench), 'daemon.log')).mode & 0o777).toBe(0o600);
      await bench.press(card, 'csh_deny');
      await hook.ended;
    }));

  test('[S16] ends when idle and removes its files, never with a request pending, and the next hook starts another', () =>
    withBench(async (bench) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), { args: ['--idle', '200ms'] });
      const first = bench.daemons();
      const { hook: other, card: second } = await bench.ask(payload('PreToolUse.Bash'));
      await bench.press(card, 'csh_deny');
      await hook.ended;
      const askedAt = Date.now();
      await bench.until(() => Date.now() - askedAt > 400, 'twice the idle time');
      expect(bench.daemons()).toEqual(first);
      await bench.press(second, 'csh_deny');
      await other.ended;
      await bench.until(() => bench.daemons().length === 0, 'the daemon to end');
      expect(readdirSync(bench.socketDir)).toEqual(['server.lock']);
      const next = await bench.ask(payload('PreToolUse.Bash'));
      expect(bench.daemons()).toHaveLength(1);
      expect(bench.daemons()).not.toEqual(first);
      await bench.press(next.card, 'csh_deny');
      expect((await next.hook.ended).stdout).toContain('"deny"');
    }));

  test.each([
    ['socket file', 'approval.sock'],
    ['directory', ''],
  ])(
    '[P27] listens again when its %s is removed, in time for the next hook, and no second one comes up',
    (_what, name) =>
      withBench(async (bench) => {
        const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
        const daemons = bench.daemons();
        rmSync(join(bench.socketDir, name), { recursive: true });
        // It gives up 1.5 s after its start.
        const second = await bench.ask(payload('PreToolUse.Bash'));
        await bench.until(() => bench.daemons().length === 1, 'one daemon', 6_000);
        expect(bench.daemons()).toEqual(daemons);
        for (const each of [card, second.card]) await bench.press(each, 'csh_approve');
        expect((await hook.ended).stdout).toContain('"allow"');
        expect((await second.hook.ended).stdout).toContain('"allow"');
        expect(bench.slack.connectionsEver()).toBe(1);
      }),
  );

  test.each(['1', '0', '-1', 'garbage', ''])('ignores a PID file that says %j', (text) =>
    withBench(async (bench) => {
      mkdirSync(bench.socketDir, { mode: 0o700 });
      for (const name of ['server.pid', 'server.json']) writeFileSync(join(bench.socketDir, name), text);
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      await bench.press(card, 'csh_deny');
      expect((await hook.ended).stdout).toContain('"deny"');
    }),
  );

  test('leaves the target of a symbolic link in its place alone', () =>
    withBench(async (bench) => {
      mkdirSync(bench.socketDir, { mode: 0o700 });
      const target = join(bench.home, 'precious');
      writeFileSync(target, 'keep');
      for (const name of ['server.pid', 'server.json', 'approval.sock'])
        symlinkSync(target, join(bench.socketDir, name));
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      await bench.press(card, 'csh_deny');
      expect((await hook.ended).stdout).toContain('"deny"');
      expect(readFileSync(target, 'utf8')).toBe('keep');
    }));
});

describe('a daemon that cannot start', () => {
  test('is tried again with other tokens', () =>
    withBench(async (bench) => {
      await bench.hook(payload('PreToolUse.Bash'), { env: { SLACK_BOT_TOKEN: 'xoxb-1-2-wrong' } }).ended;
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      await bench.press(card, 'csh_deny');
      expect((await hook.ended).stdout).toContain('"deny"');
    }));

  test('because Slack is slow is waited for', () =>
    withBench(async (bench) => {
      bench.slack.fault('apps.connections.open', { kind: 'delay', ms: 2_000 });
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      await bench.press(card, 'csh_deny');
      expect((await hook.ended).stdout).toContain('"deny"');
    }));
});

describe('--stop', () => {
  test('ends the daemon, answers its clients, closes their cards and can be said again', () =>
    withBench(async (bench) => {
      const asked = [await bench.ask(payload('PreToolUse.Bash')), await bench.ask(payload('PermissionRequest.Bash'))];
      const stopped = await bench.run(['--stop']);
      expect(stopped).toMatchObject({ exitCode: 0, stderr: '' });
      expect(stopped.stdout).toMatch(/^Stopped the daemon/);
      expect(bench.daemons()).toEqual([]);
      const [pre, request] = await Promise.all(asked.map(({ hook }) => hook.ended));
      expect(JSON.parse(pre?.stdout ?? '').hookSpecificOutput.permissionDecision).toBe('ask');
      expect(request).toMatchObject({ stdout: '', exitCode: 0 });
      for (const { card } of asked) {
        const closed = await closedCard(bench, card);
        expect(textOf(closed)).toMatch(/stopped.*not approved/i);
      }
      expect(readdirSync(bench.socketDir)).toEqual(['server.lock']);
      expect(await bench.run(['--stop'])).toMatchObject({ stdout: 'No daemon is running.\n', exitCode: 0 });
    }));

  test('said many times at once, while hooks start daemons, always ends well', () =>
    withBench(async (bench) => {
      for (let round = 0; round < 5; round += 1) {
        const hook = bench.hook(payload('PermissionRequest.Bash'));
        const stops = await Promise.all([1, 2, 3].map(() => bench.run(['--stop'])));
        for (const { exitCode, stderr } of stops) expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
        await bench.run(['--stop']);
        hook.kill('SIGKILL');
        await hook.ended;
      }
    }));

  test('does not hang on an identity file that is a pipe', () =>
    withBench(async (bench) => {
      await bench.ask(payload('PermissionRequest.Bash'));
      rmSync(join(bench.socketDir, 'server.json'));
      expect(Bun.spawnSync(['mkfifo', join(bench.socketDir, 'server.json')]).exitCode).toBe(0);
      // The daemon puts its own in its place.
      expect(await bench.run(['--stop'])).toMatchObject({ exitCode: 0 });
      expect(bench.daemons()).toEqual([]);
    }));

  test('without any daemon ever says so', () =>
    withBench(async (bench) => {
      expect(await bench.run(['--stop'])).toMatchObject({ stdout: 'No daemon is running.\n', stderr: '', exitCode: 0 });
    }));

  test('kills a daemon that hangs', () =>
    withBench(async (bench) => {
      await bench.ask(payload('PermissionRequest.Bash'));
      const [pid] = bench.daemons();
      process.kill(pid ?? 0, 'SIGSTOP');
      const stopped = await bench.run(['--stop']);
      expect(stopped).toMatchObject({ exitCode: 0 });
      expect(stopped.stdout).toMatch(/^Killed the daemon/);
      await bench.until(() => bench.daemons().length === 0, 'the daemon to end');
    }));

  test('spares every process that only has the name in its command line, and other homes’ daemons', () =>
    withBench(async (other) => {
      await other.ask(payload('PermissionRequest.Bash'));
      await withBench(async (bench) => {
        await bench.ask(payload('PermissionRequest.Bash'));
        await withBystanders([['tail', '-f', join(stateOf(bench), 'daemon.log')]], async () => {
          await bench.run(['--stop']);
          expect(other.daemons()).toHaveLength(1);
        });
      });
    }));

  test('signals nobody when the identity file names another process', () =>
    withBench(async (bench) => {
      await bench.ask(payload('PermissionRequest.Bash'));
      const path = join(bench.socketDir, 'server.json');
      await withBystanders([['sleep', '60']], async ([bystander]) => {
        writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), pid: bystander }));
        for (const pid of bench.daemons()) process.kill(pid, 'SIGSTOP');
        const { exitCode, stderr } = await bench.run(['--stop']);
        expect(exitCode).toBe(69);
        expect(stderr).toContain('code: not-stopped');
        for (const pid of bench.daemons()) process.kill(pid, 'SIGCONT');
        // One that has not hung says again who it is.
        expect(await bench.run(['--stop'])).toMatchObject({ exitCode: 0 });
      });
    }));
});

describe('--status', () => {
  test('without a daemon says so and starts none', () =>
    withBench(async (bench) => {
      const { stdout, exitCode } = await bench.run(['--status']);
      expect(stdout).toMatch(/^daemon: {3}not running/);
      expect(stdout).toMatch(/screen: {3}(locked|unlocked|unknown) \(/);
      expect(exitCode).toBe(0);
      expect(bench.daemons()).toEqual([]);
    }));

  test('shows the daemon, its connection, the API address that is not Slack’s and what is pending', () =>
    withBench(async (bench) => {
      await bench.ask(payload('PermissionRequest.Bash'));
      const { stdout, exitCode } = await bench.run(['--status']);
      expect(stdout).toContain(`process ${bench.daemons()[0]}`);
      expect(stdout).toContain('slack:    connected');
      expect(stdout).toContain(`${bench.slack.apiUrl} (not Slack's own address)`);
      expect(stdout).toMatch(/pending: {2}1\n {10}Bash for \d+ s/);
      expect(exitCode).toBe(0);
    }));

  test('warns of tokens that everybody can see', () =>
    withBench(async (bench) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      expect((await bench.run(['--status'])).stdout).not.toContain('warning:');
      const { stdout } = await bench.run(['--status', '--bot-token', bench.env.SLACK_BOT_TOKEN ?? '']);
      expect(stdout).toContain('warning:  Tokens given as flags show in ps');
      await bench.press(card, 'csh_deny');
      await hook.ended;
    }));

  test('cannot be forged by the name of a tool', () =>
    withBench(async (bench) => {
      await bench.ask(payload('PermissionRequest.Bash', { tool_name: 'x\u001b[2J\npending:  none' }));
      const { stdout } = await bench.run(['--status']);
      expect(stdout).not.toContain('\u001b');
      expect(stdout.match(/^pending:/gm)).toHaveLength(1);
    }));

  test('says when a daemon does not answer', () =>
    withBench(async (bench) => {
      await bench.ask(payload('PermissionRequest.Bash'));
      for (const pid of bench.daemons()) process.kill(pid, 'SIGSTOP');
      expect(await bench.run(['--status'])).toMatchObject({ exitCode: 75 });
    }));
});

describe('from source', () => {
  test('the program does the same, its daemon included', () =>
    withBench(async (bench) => {
      const source = join(import.meta.dir, '../../src/index.ts');
      const command = [process.execPath, '--no-env-file', '--config=/dev/null', 'run', source];
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), { command });
      await bench.press(card, 'csh_approve');
      expect((await hook.ended).stdout).toContain('"allow"');
      expect(bench.daemons()).toHaveLength(1);
      expect(await bench.run(['--stop'], { command })).toMatchObject({ exitCode: 0 });
      expect(bench.daemons()).toEqual([]);
    }));
});

/** The fields of /proc/PID/stat behind the name: state, parent, process group, session and so on. */
function statOf(pid: number): readonly number[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
}

function ancestors(pid: number): readonly number[] {
  const [, parent = 0] = statOf(pid);
  return parent <= 1 ? [] : [parent, ...ancestors(parent)];
}

describe('Slack on a bad day', () => {
  test(
    'a token that is revoked ends what is pending with the reason, and the daemon recovers when it works again',
    () =>
      withBench(async (bench) => {
        const first = await bench.ask(payload('PreToolUse.Bash'));
        bench.slack.revoke('bot', true);
        // Any call finds out; here it is the post of a second request.
        const second = bench.hook(payload('PreToolUse.Bash'));
        for (const hook of [first.hook, second]) expect((await hook.ended).stdout).toContain('invalid_auth');
        expect((await bench.run(['--status'])).stdout).toContain('slack:    down (Slack refused');
        bench.slack.revoke('bot', false);
        const [daemon] = bench.daemons();
        await bench.until(() => bench.slack.calls('auth.test').length > 0, 'a probe');
        let asked: Awaited<ReturnType<TestBench['ask']>> | undefined;
        while (asked === undefined) {
          const hook = bench.hook(payload('PreToolUse.Bash'));
          const card = await Promise.race([
            bench.slack.waitForMessage(({ ts, blocks }) => ts !== first.card.ts && hasButtons({ blocks } as never)),
            hook.ended,
          ]);
          if ('ts' in card) asked = { hook, card };
        }
        await bench.press(asked.card, 'csh_approve');
        expect((await asked.hook.ended).stdout).toContain('"allow"');
        expect(bench.daemons()).toEqual([daemon ?? 0]);
      }),
    40_000,
  );

  test('a 429 delays the request that it was said to, and no other', () =>
    withBench(async (bench) => {
      const warm = await bench.ask(payload('PreToolUse.Bash'));
      // The first message of its thread, which is tried once, and its card.
      bench.slack.fault('chat.postMessage', { kind: 'rate-limit', seconds: 2 }, 2);
      const slow = bench.hook(payload('PermissionRequest.Edit'));
      const refused = () => bench.slack.calls('chat.postMessage').filter(({ response }) => response.ok !== true);
      await bench.until(() => refused().length === 2, 'both to be refused');
      const quick = await bench.ask(payload('PreToolUse.Edit'));
      await bench.press(quick.card, 'csh_deny');
      await quick.hook.ended;
      // Answered while the other is still not even shown.
      const others = bench.slack.messages().filter(({ ts }) => ![warm.card.ts, quick.card.ts].includes(ts));
      expect(others.filter(hasButtons)).toEqual([]);
      const late = await bench.slack.waitForMessage(
        (message) => ![warm.card.ts, quick.card.ts].includes(message.ts) && hasButtons(message),
      );
      await bench.press(late, 'csh_deny');
      expect((await slow.ended).stdout).toContain('"deny"');
    }));

  test('a connection that drops or is refreshed loses no request, and clicks after it count', () =>
    withBench(async (bench) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      bench.slack.dropConnections();
      await bench.slack.waitForConnections(1, 1_000);
      bench.slack.disconnect('refresh_requested');
      await bench.until(() => bench.slack.connectionsEver() >= 3, 'the new connection');
      await bench.slack.waitForConnections(1);
      await bench.press(card, 'csh_approve');
      expect((await hook.ended).stdout).toContain('"allow"');
    }));
});
