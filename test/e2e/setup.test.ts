/** `setup` as a newcomer runs it, with the compiled program and a local Slack. */
import { describe, expect, test } from 'bun:test';
import { copyFileSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'jsonc-parser';
import { BINARY, payload, TEST_BINARY, type TestBench, withBench } from './bench.ts';
import { decisionOf } from './cards.ts';

const EVERY = ['--agent', 'claude,codex,cursor,claude,gemini,opencode'];
const NO_SETTINGS = { SLACK_BOT_TOKEN: '', SLACK_APP_TOKEN: '', SLACK_USER_ID: '' };

/** What stands in the home directory, but for what a daemon writes. */
function treeOf({ home }: TestBench): Readonly<Record<string, string>> {
  const names = readdirSync(home, { recursive: true, encoding: 'utf8' }).filter(
    (name) => !/^(\.local|claude-slack-approval)/.test(name),
  );
  return Object.fromEntries(
    names.map((name) => [name, lstatSync(join(home, name)).isFile() ? readFileSync(join(home, name), 'utf8') : '/']),
  );
}

const configOf = ({ home }: TestBench): string => join(home, '.config/claude-slack-hook/config.json');

describe('setup without questions', () => {
  test('writes tokens, person and the hooks of every agent once, and what it wrote asks in Slack', () =>
    withBench(async (bench) => {
      const first = await bench.run(['setup', '--yes', ...EVERY]);
      expect(first).toMatchObject({ exitCode: 0, stderr: '' });
      expect(first.stdout).toContain('trust each of them');
      expect(first.stdout).toContain('✓');
      expect(statSync(configOf(bench)).mode & 0o777).toBe(0o600);
      expect(JSON.parse(readFileSync(configOf(bench), 'utf8'))).toEqual({
        ...{ botToken: bench.slack.botToken, appToken: bench.slack.appToken, userId: bench.slack.user.id },
      });
      expect(first.stdout).not.toContain(bench.slack.botToken.slice(10));
      const written = treeOf(bench);
      const again = await bench.run(['setup', '--yes', ...EVERY]);
      expect(again.exitCode).toBe(0);
      expect(again.stdout).not.toContain('+++');
      expect(treeOf(bench)).toEqual(written);

      const { hooks } = parse(written['.claude/settings.json'] ?? '');
      const { command } = hooks.PermissionRequest[0].hooks[0];
      const run = { command: ['/bin/sh', '-c', command], env: NO_SETTINGS };
      const { hook, card } = await bench.ask(payload('PermissionRequest.Bash'), run);
      await bench.press(card, 'csh_approve');
      expect(JSON.parse((await hook.ended).stdout).hookSpecificOutput.decision.behavior).toBe('allow');
    }));

  test('is undone by setup uninstall, byte for byte, and a dry run of either writes nothing', () =>
    withBench(async (bench) => {
      mkdirSync(join(bench.home, '.claude'));
      mkdirSync(join(bench.home, '.gemini'));
      writeFileSync(join(bench.home, '.claude/settings.json'), '{ // mine\n\t"hooks": {\n\t},\n}');
      writeFileSync(join(bench.home, '.gemini/settings.json'), '{"a":[1,2]}\r\n');
      const before = treeOf(bench);
      const dry = await bench.run(['setup', '--dry-run', ...EVERY]);
      expect(dry).toMatchObject({ exitCode: 0, stderr: '' });
      expect(dry.stdout).toContain('+++ ');
      expect(treeOf(bench)).toEqual(before);
      expect(bench.slack.calls()).toEqual([]);

      await bench.run(['setup', '--yes', ...EVERY]);
      const installed = treeOf(bench);
      const narrower = await bench.run(['setup', 'uninstall', '--scope', 'local']);
      expect(narrower.stderr).toEndWith('code: usage\n');
      expect((await bench.run(['setup', 'uninstall', '--dry-run'])).stdout).toContain('Nothing was written');
      expect(treeOf(bench)).toEqual(installed);
      expect(await bench.run(['setup', 'uninstall'])).toMatchObject({ exitCode: 0, stderr: '' });
      // Tokens and person stay: they are no hooks.
      const rest = Object.entries(treeOf(bench)).filter(([name]) => !name.startsWith('.config'));
      expect(Object.fromEntries(rest)).toEqual(before);
      expect((await bench.run(['setup', 'uninstall'])).stdout).toContain('There is no hook');
    }));

  test('takes the agents that are found on the machine, each scope where it belongs, and the mode', () =>
    withBench(async (bench) => {
      mkdirSync(join(bench.home, '.claude'));
      const project = join(bench.home, 'project');
      const args = ['setup', '--yes', '--scope', 'local', '--mode', 'every-call'];
      expect(await bench.run(args, { cwd: project })).toMatchObject({ exitCode: 0 });
      const tree = treeOf(bench);
      expect(
        Object.keys(tree)
          .filter((name) => name.endsWith('.json'))
          .toSorted(),
      ).toEqual(['.config/claude-slack-hook/config.json', 'project/.claude/settings.local.json']);
      expect(parse(tree['project/.claude/settings.local.json'] ?? '').hooks.PreToolUse[0].matcher).toContain('Bash');
    }));

  test('with --transport http has Claude Code post to the daemon, with a token that only this user can read', () =>
    withBench(async (bench) => {
      mkdirSync(join(bench.home, '.claude'));
      const path = join(bench.home, '.claude/settings.json');
      writeFileSync(path, '{}\n', { mode: 0o644 });
      const args = ['setup', '--yes', '--agent', 'claude', '--transport', 'http', '--mode', 'every-call'];
      const ran = await bench.run(args);
      expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const { hooks } = parse(readFileSync(path, 'utf8'));
      const [{ url, headers }] = hooks.PreToolUse[0].hooks;
      expect(url).toBe('http://127.0.0.1:8787/hooks/claude');
      expect(headers.Authorization).toMatch(/^Bearer [0-9a-f]{64}$/);
      expect(ran.stdout).not.toContain(headers.Authorization);
      expect(hooks).not.toHaveProperty('PermissionRequest');
      expect(hooks.SessionStart[0].hooks[0].command).toBe(`${BINARY} ensure --http 8787`);
      expect(JSON.parse(readFileSync(configOf(bench), 'utf8')).http).toBe(8787);
      const again = await bench.run(args);
      expect(again.stdout).not.toContain('+++');
      await bench.run(['setup', 'uninstall']);
      expect(readFileSync(path, 'utf8')).toBe('{}\n');
      expect(statSync(path).mode & 0o777).toBe(0o644);
    }));

  test('with --transport http has Claude Code wait longer than the deadline, and ask about MCP, too', () =>
    withBench(async (bench) => {
      const args = ['setup', '--yes', '--agent', 'claude', '--transport', 'http', '--mode', 'every-call'];
      mkdirSync(join(configOf(bench), '..'), { recursive: true });
      writeFileSync(configOf(bench), '{ "deadline": "20m" }\n', { mode: 0o600 });
      const before = treeOf(bench);
      const dry = await bench.run([...args, '--dry-run']);
      expect(dry.stdout).toContain('"http": 8787');
      expect(treeOf(bench)).toEqual(before);
      expect(await bench.run(args)).toMatchObject({ exitCode: 0, stderr: '' });
      const { hooks } = parse(readFileSync(join(bench.home, '.claude/settings.json'), 'utf8'));
      expect(hooks.PreToolUse[0].hooks[0].timeout).toBe(1230);
      expect(hooks.PreToolUse[0].matcher).toContain('mcp__.*');
      expect((await bench.run([...args, '--dry-run'])).stdout).toContain('Nothing would change');
    }));

  test('writes hooks where CLAUDE_CONFIG_DIR has Claude Code look, where doctor finds them', () =>
    withBench(async (bench) => {
      const env = { CLAUDE_CONFIG_DIR: join(bench.home, 'elsewhere') };
      const ran = await bench.run(['setup', '--yes', '--agent', 'claude'], { env });
      expect(ran.stdout).toContain('as ~/elsewhere/settings.json says');
      expect(Object.keys(treeOf(bench))).not.toContain('.claude');
      // Also where the variable is no longer set.
      expect((await bench.run(['setup', 'uninstall'])).stdout).toContain('Taken out of 1 files');
      expect(Object.keys(treeOf(bench))).not.toContain('elsewhere');
    }));

  test('needs no person beside those whom the config file names, and adds none', () =>
    withBench(async (bench) => {
      const { botToken, appToken, user } = bench.slack;
      const config = { botToken, appToken, approvers: [{ project: '~/**', userId: user.id }] };
      mkdirSync(join(configOf(bench), '..'), { recursive: true });
      writeFileSync(configOf(bench), JSON.stringify(config), { mode: 0o600 });
      const ran = await bench.run(['setup', '--yes', '--agent', 'claude'], { env: NO_SETTINGS });
      expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
      expect(JSON.parse(readFileSync(configOf(bench), 'utf8'))).toEqual(config);
    }));

  test('goes on to its end when nobody reads what it says, and so does setup uninstall', () =>
    withBench(async (bench) => {
      mkdirSync(join(bench.home, '.claude'));
      const run = async (words: string) => {
        const command = ['/bin/sh', '-c', `{ ${BINARY} ${words}; echo "$?" >&2; } | true`];
        const { stderr } = await bench.run([], { command });
        return stderr;
      };
      expect(await run('setup --yes --agent claude')).toBe('0\n');
      expect(treeOf(bench)['.claude/settings.json']).toContain('PermissionRequest');
      expect(await run('setup uninstall')).toBe('0\n');
      expect(treeOf(bench)).not.toHaveProperty(['.claude/settings.json']);
    }));

  test('is done by the program under its own name only: by another one no later set-up would know its hooks', () =>
    withBench(async (bench) => {
      const renamed = join(bench.home, 'csh');
      copyFileSync(BINARY, renamed);
      const before = treeOf(bench);
      const ran = await bench.run(['setup', '--yes', '--agent', 'claude'], { command: [renamed] });
      expect(ran.stderr).toEndWith('code: usage\n');
      expect(treeOf(bench)).toEqual(before);
    }));

  test.each<[string, readonly string[], Record<string, string>, string]>([
    ['an agent that there is not', ['--agent', 'clippy'], {}, 'usage'],
    ['a scope that there is not', ['--scope', 'galaxy'], {}, 'usage'],
    ['a mode that there is not', ['--mode', 'loud'], {}, 'usage'],
    ['an unknown flag', ['--frce'], {}, 'usage'],
    ['a transport that there is not', ['--transport', 'pigeon'], {}, 'usage'],
    ['a token in a shared file', ['--transport', 'http', '--scope', 'project'], {}, 'usage'],
    ['no tokens', [], NO_SETTINGS, 'missing-config'],
    ['no person', [], { SLACK_USER_ID: '' }, 'missing-config'],
    ['swapped tokens', ['--bot-token', 'xapp-1-A-2-x', '--app-token', 'xoxb-1-2-x'], {}, 'bad-token'],
    ['a user token', ['--bot-token', 'xoxp-1-2-x'], {}, 'bad-token'],
    ['a bot token that Slack refuses', ['--bot-token', 'xoxb-1-2-nobody'], {}, 'slack-auth'],
    ['an app token that Slack refuses', ['--app-token', 'xapp-1-A0-2-nobody'], {}, 'slack-auth'],
    ['a person that is none', ['--user-id', 'bob'], {}, 'usage'],
    ['a person whom Slack does not know', ['--user-id', 'U0NOBODY00'], {}, 'slack-config'],
    ['a port that is none', ['--transport', 'http', '--http', '99999'], {}, 'bad-config'],
  ])('with %s says so in one line and changes nothing', (_what, args, env, code) =>
    withBench(async (bench) => {
      mkdirSync(join(bench.home, '.claude'));
      const before = treeOf(bench);
      const ran = await bench.run(['setup', '--yes', ...args], { env });
      expect(ran.stderr).toMatch(/^claude-slack-hook: [^\n]+\nhint: [^\n]+\ncode: [\w-]+\n$/);
      expect(ran.stderr).toEndWith(`code: ${code}\n`);
      expect(ran.exitCode).toBeGreaterThan(2);
      expect(treeOf(bench)).toEqual(before);
    }),
  );

  test('writes no hook at all when one file cannot be read', () =>
    withBench(async (bench) => {
      for (const [folder, text] of [
        ['.claude', '{}\n'],
        ['.gemini', '{ "hooks": '],
      ] as const) {
        mkdirSync(join(bench.home, folder));
        writeFileSync(join(bench.home, folder, 'settings.json'), text);
      }
      const ran = await bench.run(['setup', '--yes', '--agent', 'claude,gemini']);
      expect(ran.stderr).toEndWith('code: bad-settings\n');
      expect(readFileSync(join(bench.home, '.claude/settings.json'), 'utf8')).toBe('{}\n');
      expect(Object.keys(treeOf(bench))).not.toContain('.config');
    }));
});

describe('setup on a machine with a keyring', () => {
  /** What `secret-tool` of libsecret does, with files. */
  function keyringIn({ home }: TestBench): { readonly env: Record<string, string>; readonly folder: string } {
    const folder = join(home, '.keyring');
    const tool = join(home, 'secret-tool');
    mkdirSync(folder);
    const script = [
      '#!/bin/sh',
      `for last; do :; done; file="${folder}/$last"`,
      'case $1 in',
      '  store) cat > "$file" ;;',
      '  lookup) [ -f "$file" ] && cat "$file" ;;',
      'esac',
    ];
    writeFileSync(tool, `${script.join('\n')}\n`, { mode: 0o755 });
    return { folder, env: { CSH_SECRET_TOOL: tool } };
  }
  const command = [TEST_BINARY];

  test('puts the tokens there and references into the file; hooks, the daemon and doctor find them', () =>
    withBench(async (bench) => {
      const { env, folder } = keyringIn(bench);
      const { botToken, appToken } = bench.slack;
      const ran = await bench.run(['setup', '--yes', '--agent', 'claude'], { command, env });
      expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
      const config = readFileSync(configOf(bench), 'utf8');
      expect(config).not.toContain(botToken);
      expect(config).not.toContain(appToken);
      expect(JSON.parse(config).botToken).toMatch(/^xoxb-keychain-[0-9a-f]{16}$/);
      expect(readdirSync(folder)).toHaveLength(2);

      const run = { command, env: { ...NO_SETTINGS, ...env } };
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), run);
      await bench.press(card, 'csh_approve');
      expect(decisionOf((await hook.ended).stdout)).toBe('allow');
      const doctor = await bench.run(['doctor', '--quick'], run);
      expect(doctor.stdout).toContain('✓ bot token');
      const again = await bench.run(['setup', '--yes', '--agent', 'claude'], run);
      expect(again.exitCode).toBe(0);
      expect(readFileSync(configOf(bench), 'utf8')).toBe(config);
    }));

  test('whose tokens are gone or others says so, and nothing is asked', () =>
    withBench(async (bench) => {
      const { env, folder } = keyringIn(bench);
      await bench.run(['setup', '--yes', '--agent', 'claude'], { command, env });
      const run = { command, env: { ...NO_SETTINGS, ...env } };
      const posts = bench.slack.calls('chat.postMessage').length;
      for (const name of readdirSync(folder)) writeFileSync(join(folder, name), `xoxb-of-somebody-${'e'.repeat(9)}`);
      const other = await bench.hook(payload('PreToolUse.Bash'), run).ended;
      expect(decisionOf(other.stdout)).toBe('ask');
      expect(other.stderr).toEndWith('code: keychain\n');
      expect(bench.slack.calls('chat.postMessage')).toHaveLength(posts);
    }));

  test('that does not keep what it is given, or with --no-keychain, has the tokens in the private file', () =>
    withBench(async (bench) => {
      const { env } = keyringIn(bench);
      const args = ['setup', '--yes', '--agent', 'claude', '--no-keychain'];
      expect(await bench.run(args, { command, env })).toMatchObject({ exitCode: 0 });
      expect(JSON.parse(readFileSync(configOf(bench), 'utf8')).botToken).toBe(bench.slack.botToken);
      const broken = { CSH_SECRET_TOOL: '/bin/false' };
      expect(await bench.run(args.slice(0, -1), { command, env: broken })).toMatchObject({ exitCode: 0 });
      expect(JSON.parse(readFileSync(configOf(bench), 'utf8')).botToken).toBe(bench.slack.botToken);
      expect(statSync(configOf(bench)).mode & 0o777).toBe(0o600);
    }));
});

describe('setup at a terminal', () => {
  test(
    'goes from nothing to an approved call: app, tokens, the person by a button in Slack, agents',
    () =>
      withBench(async (bench) => {
        mkdirSync(join(bench.home, '.claude'));
        const terminal = openTerminal(bench, ['setup', '--no-open']);
        const { slack } = bench;
        await terminal.shows('https://api.slack.com/apps?new_app=1&manifest_yaml=');
        await terminal.shows('Bot token');
        terminal.type('xoxp-not-this-one\r');
        await terminal.shows('starts with xoxb-');
        terminal.type('\x7f'.repeat(30));
        terminal.type(`${slack.botToken}\r`);
        await terminal.shows('App-level token');
        terminal.type(`${slack.appToken}\r`);
        await terminal.shows('This is me');
        const [, code = ''] = /Code: (\d+)/.exec(terminal.text()) ?? [];
        await slack.openMessages();
        const greeting = await slack.waitForMessage(({ text }) => text.includes('setting up claude-slack-hook'));
        expect(greeting.text).toContain(`code ${code},`);
        await slack.click({ channel: greeting.channel, ts: greeting.ts, actionId: 'csh_me' });
        await terminal.shows('Ask ');
        expect(terminal.text()).toContain(slack.user.id);
        terminal.type('y');
        await terminal.shows('Which agents shall ask?');
        terminal.type('\r');
        await terminal.shows('When are you asked?');
        terminal.type('\r');
        await terminal.shows('Write these hooks?');
        terminal.type('y');
        expect(await terminal.exited).toBe(0);
        expect(terminal.text()).toContain('setup uninstall takes the hooks out.');
        // The doctor has seen the tokens, the person and the hooks.
        expect(terminal.text()).toContain('✓');
        // A secret is never on the screen.
        for (const token of [slack.botToken, slack.appToken]) expect(terminal.text()).not.toContain(token.slice(8));
        expect(JSON.parse(readFileSync(configOf(bench), 'utf8')).userId).toBe(slack.user.id);

        const { hooks } = parse(treeOf(bench)['.claude/settings.json'] ?? '');
        const { command } = hooks.PermissionRequest[0].hooks[0];
        expect(command).toBe(BINARY);
        const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), { env: NO_SETTINGS });
        await bench.press(card, 'csh_approve');
        expect(decisionOf((await hook.ended).stdout)).toBe('allow');
      }),
    60_000,
  );

  test('keeps what somebody has written into the settings before the answer, and a no writes nothing', () =>
    withBench(async (bench) => {
      mkdirSync(join(bench.home, '.claude'));
      const path = join(bench.home, '.claude/settings.json');
      const { botToken, appToken, user } = bench.slack;
      mkdirSync(join(configOf(bench), '..'), { recursive: true });
      writeFileSync(configOf(bench), JSON.stringify({ botToken, appToken, userId: user.id }), { mode: 0o600 });
      const before = treeOf(bench);
      const args = ['setup', '--agent', 'claude', '--mode', 'dialog', '--transport', 'http', '--no-keychain'];
      const refused = openTerminal(bench, args);
      await refused.shows('Write these hooks?');
      refused.type('n');
      expect(await refused.exited).toBe(75);
      expect(treeOf(bench)).toEqual(before);

      const asked = openTerminal(bench, args);
      await asked.shows('Write these hooks?');
      writeFileSync(path, '{ "model": "opus" }\n');
      asked.type('y');
      expect(await asked.exited).toBe(78);
      expect(asked.text()).toContain('changed meanwhile');
      expect(readFileSync(path, 'utf8')).toBe('{ "model": "opus" }\n');
    }));

  test.each([
    ['Ctrl-C', '\x03'],
    ['Ctrl-D', '\x04'],
    ['Esc', '\x1b'],
  ])('that is broken off with %s changes nothing, and says so', (_key, typed) =>
    withBench(async (bench) => {
      const before = treeOf(bench);
      const terminal = openTerminal(bench, ['setup', '--no-open']);
      await terminal.shows('Bot token');
      terminal.type(typed);
      expect(await terminal.exited).toBe(75);
      expect(terminal.text()).toContain('code: stopped');
      // The cursor is there again.
      expect(terminal.text().lastIndexOf('\x1b[?25h')).toBeGreaterThan(terminal.text().lastIndexOf('\x1b[?25l'));
      expect(treeOf(bench)).toEqual(before);
    }),
  );
});

/** The program at a terminal of its own. */
function openTerminal(bench: TestBench, args: readonly string[]) {
  let text = '';
  let seen = 0;
  const child = Bun.spawn([BINARY, ...args], {
    cwd: join(bench.home, 'project'),
    env: { ...bench.env, ...NO_SETTINGS, TERM: 'xterm-256color' },
    terminal: {
      ...{ cols: 200, rows: 60 },
      data: (_terminal, chunk) => {
        text += Buffer.from(chunk).toString();
      },
    },
  });
  return {
    /** Everything that was on the screen. */
    text: () => text,
    /** Resolves when this stands there, behind what was waited for before. */
    shows: async (wanted: string): Promise<void> => {
      await bench.until(
        () => text.indexOf(wanted, seen) >= 0,
        `“${wanted}” on the screen, which shows ${text.slice(-500)}`,
        20_000,
      );
      seen = text.indexOf(wanted, seen) + wanted.length;
    },
    type: (keys: string) => child.terminal?.write(keys),
    exited: child.exited,
  };
}
