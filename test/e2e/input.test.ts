import { describe, expect, test } from 'bun:test';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { BINARY, hasButtons, payload, withBench, writeConfig } from './bench.ts';

const oversized = `${JSON.stringify(payload('PreToolUse.Bash')).slice(0, -1)},"x":"${'x'.repeat(1024 * 1024)}"}`;

describe('bad input', () => {
  test.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['text', 'hello'],
    ['an array', '[]'],
    ['an object without an event', '{"tool_name":"Bash"}'],
    ['two documents without an event', '{}{}'],
    ['invalid UTF-8', new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])],
  ])('of %s blocks with one line on stderr and starts no daemon', (_name, stdin) =>
    withBench(async ({ hook, daemons }) => {
      const ran = await hook(stdin).ended;
      expect(ran).toMatchObject({ stdout: '', exitCode: 2 });
      expect(ran.stderr).toMatch(/^claude-slack-hook: [^\n]+\n$/);
      expect(daemons()).toEqual([]);
    }),
  );

  test.each<[string, string]>([
    ['cut off', JSON.stringify(payload('PreToolUse.Bash')).slice(0, -20)],
    ['doubled', JSON.stringify(payload('PreToolUse.Bash')).repeat(2)],
    ['of the wrong types', JSON.stringify(payload('PreToolUse.Bash', { tool_input: 'ls' }))],
    ['without a tool', JSON.stringify(payload('PreToolUse.Bash', { tool_name: undefined }))],
    ['over 1 MiB', oversized],
  ])('in a PreToolUse that is %s asks at the terminal and starts no daemon', (_name, stdin) =>
    withBench(async ({ hook, daemons }) => {
      const ran = await hook(stdin).ended;
      expect(JSON.parse(ran.stdout).hookSpecificOutput).toMatchObject({
        hookEventName: 'PreToolUse',
        permissionDecision: 'ask',
      });
      expect(ran.exitCode).toBe(0);
      expect(daemons()).toEqual([]);
    }),
  );

  test('in a PreToolUse under bypassPermissions, or with --on-failure deny, denies', () =>
    withBench(async ({ hook }) => {
      const bypassing = payload('PreToolUse.Bash', { permission_mode: 'bypassPermissions', tool_input: 'ls' });
      const broken = payload('PreToolUse.Bash', { tool_input: 'ls' });
      expect((await hook(bypassing).ended).stdout).toContain('"permissionDecision":"deny"');
      expect((await hook(broken, { args: ['--on-failure', 'deny'] }).ended).stdout).toContain(
        '"permissionDecision":"deny"',
      );
    }));

  test('in a PermissionRequest leaves the dialog on the screen', () =>
    withBench(async ({ hook }) => {
      expect(await hook(payload('PermissionRequest.Bash', { tool_input: 5 })).ended).toMatchObject({
        stdout: '',
        exitCode: 0,
      });
    }));

  test('of 2 MB is asked when the settings allow it, and one of 2 kB refused when they do not', () =>
    withBench(async (bench) => {
      const large = payload('PreToolUse.Bash', { tool_input: { command: `: ${'x'.repeat(2_000_000)}` } });
      writeConfig(bench, { maxInput: '3m' });
      const { hook, card } = await bench.ask(large);
      await bench.press(card, 'csh_deny');
      expect((await hook.ended).stdout).toContain('"deny"');
      const medium = payload('PreToolUse.Bash', { tool_input: { command: `: ${'x'.repeat(2_000)}` } });
      const { stderr } = await bench.hook(medium, { args: ['--max-input', '1k'] }).ended;
      expect(stderr).toEndWith('code: input-too-large\n');
    }));

  test('of 50 MB is refused without reading it whole', () =>
    withBench(async ({ hook }) => {
      const ran = await hook(`{"hook_event_name":"PreToolUse","x":"${'x'.repeat(50_000_000)}"}`).ended;
      expect(JSON.parse(ran.stdout).hookSpecificOutput.permissionDecision).toBe('ask');
    }));
});

describe('a wrong command line', () => {
  test('is explained in three lines with exit code 64', () =>
    withBench(async ({ run }) => {
      const { stdout, stderr, exitCode } = await run(['--bot-tokn', 'x']);
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 64 });
      expect(stderr).toMatch(/^claude-slack-hook: Unknown option "--bot-tokn".*\nhint: .*--help.*\ncode: usage\n$/);
    }));

  test('does not open the gate: a PreToolUse still gets its failure answer', () =>
    withBench(async ({ hook }) => {
      const ran = await hook(payload('PreToolUse.Bash'), { args: ['--only-screen-lok', '--on-failure', 'deny'] }).ended;
      expect(ran.stdout).toContain('"permissionDecision":"deny"');
      expect(ran.exitCode).toBe(64);
    }));
});

describe('wrong settings', () => {
  test.each([
    ['no tokens', { SLACK_BOT_TOKEN: '' }, 'missing-config'],
    ['no approver', { SLACK_USER_ID: '' }, 'missing-config'],
    ['a user id that is none', { SLACK_USER_ID: 'dana' }, 'bad-config'],
  ])('such as %s ask at the terminal with the reason and start no daemon', (_name, env, code) =>
    withBench(async ({ hook, daemons }) => {
      const ran = await hook(payload('PreToolUse.Bash'), { env }).ended;
      expect(JSON.parse(ran.stdout).hookSpecificOutput.permissionDecision).toBe('ask');
      expect(ran.stderr).toEndWith(`code: ${code}\n`);
      expect(ran.exitCode).toBe(0);
      expect(daemons()).toEqual([]);
    }),
  );

  test('such as a config file that others can read are refused', () =>
    withBench(async (bench) => {
      writeConfig(bench, { onFailure: 'deny' }, 0o644);
      const ran = await bench.hook(payload('PermissionRequest.Bash')).ended;
      expect(ran).toMatchObject({ stdout: '', exitCode: 0 });
      expect(ran.stderr).toEndWith('code: config-mode\n');
    }));

  test('such as a socket directory that others can enter, or a link in its place, are refused and nothing is sent', () =>
    withBench(async (bench) => {
      mkdirSync(bench.socketDir);
      chmodSync(bench.socketDir, 0o777);
      const open = await bench.hook(payload('PermissionRequest.Bash')).ended;
      expect(open.stderr).toContain(`chmod 700 ${bench.socketDir}`);
      const elsewhere = join(bench.home, 'elsewhere');
      mkdirSync(elsewhere);
      symlinkSync(bench.socketDir, join(elsewhere, 'claude-slack-approval'));
      const linked = await bench.hook(payload('PermissionRequest.Bash'), { env: { TMPDIR: elsewhere } }).ended;
      expect(linked.stderr).toEndWith('code: socket-dir\n');
      // A daemon that was begun finds the same, and ends.
      await bench.until(() => bench.daemons().length === 0, 'no daemon');
      expect(bench.slack.calls()).toEqual([]);
    }));

  test('tokens from the config file work, and never appear in the log', () =>
    withBench(async (bench) => {
      const { botToken, appToken, user } = bench.slack;
      writeConfig(bench, { botToken, appToken, userId: user.id, logLevel: 'trace' });
      const env = { SLACK_BOT_TOKEN: undefined, SLACK_APP_TOKEN: undefined, SLACK_USER_ID: undefined };
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), { env });
      await bench.press(card, 'csh_approve');
      expect((await hook.ended).stdout).toContain('"allow"');
      await bench.run(['--stop']);
      for (const token of [botToken, appToken]) {
        const secret = token.slice(token.lastIndexOf('-') + 1);
        for (let at = 0; at + 8 <= secret.length; at += 1) expect(bench.log()).not.toContain(secret.slice(at, at + 8));
      }
      expect(JSON.stringify(bench.audit())).not.toContain(botToken);
    }));
});

describe('an environment that a project’s agent settings have set', () => {
  test.each([{ __CLAUDE_SLACK_SERVER__: '1' }, { __CLAUDE_SLACK_SERVER__: '1', __CLAUDE_SLACK_READY_FD__: '1' }])(
    'such as %j does not turn the hook into a daemon',
    (env) =>
      withBench(async ({ ask, press }) => {
        const { hook, card } = await ask(payload('PreToolUse.Bash'), { env });
        await press(card, 'csh_deny');
        expect((await hook.ended).stdout).toContain('"deny"');
      }),
  );

  test('such as another address of the Web API gets no token', () =>
    withBench(async ({ hook, daemons }) => {
      const ran = await hook(payload('PreToolUse.Bash'), { env: { SLACK_API_URL: 'http://192.0.2.1/api/' } }).ended;
      expect(ran.stderr).toEndWith('code: bad-config\n');
      expect(daemons()).toEqual([]);
    }));
});

describe('the failure policy of the config file', () => {
  test('holds for input that is broken or too large, for other mistakes in the file, and for a wrong flag', () =>
    withBench(async (bench) => {
      writeConfig(bench, { onFailure: 'deny' });
      expect((await bench.hook(oversized).ended).stdout).toContain('"permissionDecision":"deny"');
      expect((await bench.hook(payload('PreToolUse.Bash'), { args: ['--typo'] }).ended).stdout).toContain(
        '"permissionDecision":"deny"',
      );
      writeConfig(bench, { onFailure: 'deny', unknown: 1 });
      expect((await bench.hook(payload('PreToolUse.Bash')).ended).stdout).toContain('"permissionDecision":"deny"');
    }));

  test('a flag with a wrong value keeps the exit code of a wrong command line, beside the failure answer', () =>
    withBench(async ({ hook }) => {
      const ran = await hook(payload('PreToolUse.Bash'), { args: ['--deadline=soon'] }).ended;
      expect(ran).toMatchObject({ exitCode: 64 });
      expect(JSON.parse(ran.stdout).hookSpecificOutput.permissionDecision).toBe('ask');
    }));
});

describe('a decision that cannot be written', () => {
  test('blocks a PreToolUse instead of passing for none', () =>
    withBench(async (bench) => {
      const hook = bench.hook(payload('PreToolUse.Bash'), {
        command: ['/bin/sh', '-c', 'exec "$0" >/dev/full', BINARY],
      });
      await bench.press(await bench.slack.waitForMessage(hasButtons), 'csh_deny');
      expect(await hook.ended).toMatchObject({ exitCode: 2 });
    }));
});

describe('--only-screen-lock', () => {
  const args = ['--only-screen-lock', '--lock-command'];

  test('does nothing at all while the screen is not locked', () =>
    withBench(async (bench) => {
      expect(await bench.hook(payload('PreToolUse.Bash'), { args: [...args, 'exit 1'] }).ended).toMatchObject({
        stdout: '',
        stderr: '',
        exitCode: 0,
      });
      expect(bench.daemons()).toEqual([]);
      expect(bench.log()).toBe('');
    }));

  test('asks while it is locked', () =>
    withBench(async ({ ask, press }) => {
      const { hook, card } = await ask(payload('PreToolUse.Bash'), { args: [...args, 'exit 0'] });
      await press(card, 'csh_deny');
      expect((await hook.ended).stdout).toContain('"deny"');
    }));

  test('asks in an unknown state where the terminal would not: under bypassPermissions and with --on-failure deny', () =>
    withBench(async ({ ask, press }) => {
      const bypassing = payload('PreToolUse.Bash', { permission_mode: 'bypassPermissions' });
      for (const [input, more] of [
        [bypassing, []],
        [payload('PreToolUse.Bash'), ['--on-failure', 'deny']],
      ] as const) {
        const { hook, card } = await ask(input, { args: [...args, 'exit 9', ...more] });
        await press(card, 'csh_deny');
        expect((await hook.ended).stdout).toContain('"deny"');
      }
    }));

  test('takes an unknown state for not locked and says why in the log', () =>
    withBench(async (bench) => {
      expect(await bench.hook(payload('PreToolUse.Bash'), { args: [...args, 'exit 3'] }).ended).toMatchObject({
        stdout: '',
        exitCode: 0,
      });
      expect(bench.log()).toMatch(/screen lock unknown \(.+\)/);
      expect(bench.log().trimEnd().split('\n')).toHaveLength(1);
      expect(bench.daemons()).toEqual([]);
    }));
});
