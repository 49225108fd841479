import { describe, expect, test } from 'bun:test';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BINARY, payload, type TestBench, withBench, writeConfig } from './bench.ts';

const OBSERVERS = ['PostToolUse', 'PostToolUseFailure', 'Stop', 'SessionEnd', 'UserPromptSubmit'];
/** The bench sets these; what a config file is for is to say it instead. */
const NO_VARIABLES = { SLACK_BOT_TOKEN: '', SLACK_APP_TOKEN: '', SLACK_USER_ID: '', SLACK_API_URL: '' };
const CONFIG = '.config/claude-slack-hook/config.json';

interface Answer {
  readonly ok: boolean;
  readonly checks: readonly {
    readonly id: string;
    readonly state: string;
    readonly what: string;
    readonly fix?: string;
    readonly details?: readonly string[];
  }[];
}

/** A config file that says everything, and hooks as the README has them. */
function setUp(bench: TestBench, config: object = {}, hook: object = {}): void {
  const { botToken, appToken, apiUrl, user } = bench.slack;
  writeConfig(bench, { botToken, appToken, apiUrl, userId: user.id, ...config });
  writeHooks(join(bench.home, '.claude/settings.json'), hook);
}

function writeHooks(path: string, hook: object = {}): void {
  const asking = [{ matcher: 'Bash', hooks: [{ type: 'command', command: BINARY, timeout: 600, ...hook }] }];
  const told = [{ hooks: [{ type: 'command', command: `${BINARY} --observe` }] }];
  mkdirSync(join(path, '..'), { recursive: true });
  const hooks = { PreToolUse: asking, ...Object.fromEntries(OBSERVERS.map((event) => [event, told])) };
  writeFileSync(path, `// as they should be\n${JSON.stringify({ hooks })}`);
}

async function examine(bench: TestBench, args: readonly string[] = ['--quick']) {
  const ran = await bench.run(['doctor', '--json', ...args], { env: NO_VARIABLES });
  const answer = JSON.parse(ran.stdout) as Answer;
  const bad = answer.checks
    .filter(({ state }) => state === 'warn' || state === 'fail')
    .map(({ id, state }) => `${id} ${state}`);
  return { ...ran, answer, bad, check: (id: string) => answer.checks.find((check) => check.id === id) };
}

/** Only where Slack is emulated. */
const EMULATED = 'api-url warn';

describe.concurrent('doctor', () => {
  test(
    'finds nothing wrong where nothing is, holds a connection, starts no daemon and writes no file',
    () =>
      withBench(async (bench) => {
        setUp(bench);
        const { stdout, stderr, exitCode } = await bench.run(['doctor'], { env: NO_VARIABLES });
        expect(stderr).toBe('');
        const odd = stdout.split('\n').filter((line) => /^[!✗ ]/.test(line));
        expect(odd.map((line) => line.replace(/http[^,]+/, 'URL'))).toEqual([
          "! Slack: the API address is URL, not Slack's own",
          '  fix: Unless that is meant, remove apiUrl or SLACK_API_URL.',
        ]);
        expect(stdout).toContain('✓ Socket Mode: a connection held for 8 s, 1 open\n');
        expect(stdout).toContain('✓ one app: both tokens are of A');
        expect(stdout).toContain('✓ Messages tab: on\n');
        expect(stdout).toEndWith('0 to mend, 1 to look at.\n');
        expect(exitCode).toBe(0);
        expect([bench.slack.connections(), bench.slack.connectionsEver(), bench.daemons()]).toEqual([0, 1, []]);
        const notes = bench.slack.messages().map(({ ephemeralFor }) => ephemeralFor);
        expect(notes).toEqual([bench.slack.user.id]);
        expect(bench.log()).toBe('');
      }),
    30_000,
  );

  test('prints one JSON document, with and without trouble', () =>
    withBench(async (bench) => {
      setUp(bench);
      const { answer, bad, exitCode, stdout } = await examine(bench);
      expect([answer.ok, exitCode, bad]).toEqual([true, 0, [EMULATED]]);
      for (const { id, state, what, fix } of answer.checks) {
        expect([typeof id, typeof what]).toEqual(['string', 'string']);
        expect(['ok', 'warn', 'fail', 'skipped']).toContain(state);
        expect(fix !== undefined).toBe(state === 'warn' || state === 'fail');
      }
      expect(stdout).not.toContain(bench.slack.botToken);
      expect(stdout).not.toContain(bench.slack.appToken);
      chmodSync(join(bench.home, CONFIG), 0o644);
      const second = await examine(bench);
      expect([second.answer.ok, second.exitCode]).toEqual([false, 77]);
      expect(second.check('config')).toMatchObject({
        state: 'fail',
        fix: `Run: chmod 600 ${join(bench.home, CONFIG)}`,
      });
    }));

  test.each<[string, object, string, number]>([
    ['a wrong bot token', { botToken: 'xoxb-1-2-wrong' }, 'bot-token', 77],
    ['a wrong app token', { appToken: 'xapp-1-A1-2-wrong' }, 'app-token', 77],
    ['swapped tokens', { botToken: 'xapp-1', appToken: 'xoxb-1' }, 'tokens', 78],
    ['a rotating token', { botToken: 'xoxe.xoxb-1-2' }, 'tokens', 78],
    ['a user token', { botToken: 'xoxp-1-2' }, 'tokens', 78],
    ['an approver who is not there', { userId: 'U0NOBODY' }, 'approver', 78],
    ['a rule that cannot be understood', { rules: [{ decision: 'perhaps' }] }, 'policy', 78],
    ['a port that is none', { http: '0' }, 'config', 78],
    ['a setting that cannot be understood', { deadline: 'soon' }, 'config', 78],
  ])('names the fix for %s', (_name, config, id, exit) =>
    withBench(async (bench) => {
      setUp(bench, config);
      const { check, exitCode } = await examine(bench);
      expect(check(id)?.state).toBe('fail');
      expect(check(id)?.fix).not.toBe('');
      expect(exitCode).toBe(exit);
    }),
  );

  test.each<[string, Parameters<typeof withBench>[1], string, number]>([
    ['a missing scope', { scopes: ['im:write'] }, 'scopes', 77],
    ['a Messages tab that is off', { messagesTabEnabled: false }, 'messages-tab', 78],
    ['Socket Mode that is off', { socketModeEnabled: false }, 'app-token', 78],
  ])('names the fix for %s', (_name, options, id, exit) =>
    withBench(async (bench) => {
      setUp(bench);
      const { check, bad, exitCode } = await examine(bench);
      expect(bad.filter((each) => each.endsWith('fail'))).toEqual([`${id} fail`]);
      expect(check(id)?.fix).not.toBe('');
      expect(exitCode).toBe(exit);
    }, options),
  );

  test('finds tokens of two apps, where Slack tells', () =>
    withBench(async (bench) => {
      setUp(bench);
      bench.slack.fault('bots.info', { kind: 'status', status: 200, body: '{"ok":true,"bot":{"app_id":"A0OTHER"}}' });
      const { check, exitCode } = await examine(bench);
      expect(check('one-app')?.what).toContain(`the bot token is of A0OTHER, the app token of ${bench.slack.appId}`);
      expect(exitCode).toBe(78);
    }));

  test('says what it could not ask without the scopes for it', () =>
    withBench(
      async (bench) => {
        setUp(bench);
        const { check, bad } = await examine(bench);
        const states = ['one-app', 'messages-tab', 'approver'].map((id) => check(id)?.state);
        expect(states).toEqual(['skipped', 'skipped', 'skipped']);
        expect(bench.slack.messages()).toEqual([]);
        expect(bad).toEqual([EMULATED]);
      },
      { scopes: ['chat:write'] },
    ));

  test('finds a timeout that is too short and hooks that are there twice', () =>
    withBench(async (bench) => {
      setUp(bench, {}, { timeout: 60 });
      writeHooks(join(bench.home, 'project/.claude/settings.json'));
      const { bad, check, exitCode } = await examine(bench);
      expect(bad).toEqual([EMULATED, 'claude-timeout fail', 'claude-duplicates warn']);
      expect(check('claude-timeout')?.fix).toContain('"timeout": 600');
      expect(check('claude-duplicates')?.what).toContain('~/.claude/settings.json and ~/project/.claude/settings.json');
      expect(exitCode).toBe(69);
    }));

  test('is content with what setup has installed, but for what only the agents can tell', () =>
    withBench(async (bench) => {
      const { botToken, appToken, apiUrl, user } = bench.slack;
      writeConfig(bench, { botToken, appToken, apiUrl, userId: user.id });
      const agents = ['--agent', 'claude,codex,cursor,gemini,opencode'];
      const installed = await bench.run(['setup', '--yes', ...agents], { env: NO_VARIABLES });
      expect(installed.exitCode).toBe(0);
      const { bad, check } = await examine(bench);
      expect(bad).toEqual([EMULATED, 'claude-auto-mode warn', 'codex-trust warn']);
      for (const agent of ['claude', 'codex', 'cursor', 'gemini', 'opencode']) expect(check(agent)?.state).toBe('ok');
    }));

  test('goes on where settings are no files, and shows nothing that a terminal acts on', () =>
    withBench(async (bench) => {
      setUp(bench);
      mkdirSync(join(bench.home, '.codex/hooks.json'), { recursive: true });
      mkdirSync(join(bench.home, '.gemini'));
      const command = `claude-slack-hook \u001b[2J\u202e${bench.slack.botToken}`;
      writeFileSync(
        join(bench.home, '.gemini/settings.json'),
        JSON.stringify({
          hooks: { 'Before\u001b[31mTool': 7, BeforeTool: [{ hooks: [{ command, timeout: 600_000 }] }] },
        }),
      );
      const { bad, stdout } = await examine(bench);
      expect(bad).toEqual([EMULATED, 'codex-settings fail', 'gemini-settings warn', 'gemini-program fail']);
      const plain = await bench.run(['doctor', '--quick'], { env: NO_VARIABLES });
      for (const text of [stdout, plain.stdout]) {
        expect(text).not.toContain(bench.slack.botToken);
        for (const hidden of ['\u001b', '\u202e']) expect(text).not.toContain(hidden);
      }
    }));

  test('takes the word of the daemon that runs, and opens no connection beside it', () =>
    withBench(async (bench) => {
      setUp(bench);
      await bench.ask(payload('PermissionRequest.Bash'), { env: NO_VARIABLES });
      const { bad, check } = await examine(bench, []);
      expect(check('connection')?.what).toBe('Socket Mode: the daemon is connected');
      expect(check('daemon')?.what).toEndWith(', 1 pending');
      expect(check('lock')?.state).toBe('ok');
      expect(bad).toEqual([EMULATED]);
      expect(bench.slack.connectionsEver()).toBe(1);
    }));

  test('finds an audit log that was changed', () =>
    withBench(async (bench) => {
      setUp(bench);
      const { hook, card } = await bench.ask(payload('PermissionRequest.Bash'), { env: NO_VARIABLES });
      await bench.press(card, 'csh_approve');
      await hook.ended;
      const path = join(bench.home, '.local/state/claude-slack-hook/audit.jsonl');
      writeFileSync(path, readFileSync(path, 'utf8').replace('"tool_name":"Bash"', '"tool_name":"Bush"'));
      const { check, exitCode } = await examine(bench);
      expect(check('audit')?.what).toContain('audit log: audit.jsonl, line ');
      expect(exitCode).toBe(65);
    }));

  test('gives the reason of a start that failed', () =>
    withBench(async (bench) => {
      setUp(bench, { botToken: 'xoxb-1-2-wrong' });
      const hook = await bench.hook(payload('PermissionRequest.Bash'), { env: NO_VARIABLES }).ended;
      expect(hook.stderr).toContain('code: slack-auth');
      await bench.until(() => bench.daemons().length === 0, 'the end of the daemon');
      expect((await examine(bench)).check('last-start')?.what).toContain('invalid_auth');
    }));

  test('asks nobody where there is no config, and says that nothing runs it', () =>
    withBench(async (bench) => {
      const { bad, exitCode } = await examine(bench);
      expect(bad).toEqual(['config warn', 'tokens fail', 'hooks warn']);
      expect(exitCode).toBe(78);
      expect(bench.slack.calls()).toEqual([]);
    }));

  test('says that Slack is unreachable', () =>
    withBench(async (bench) => {
      setUp(bench);
      await bench.slack.refuse(true);
      const { bad, exitCode } = await examine(bench, []);
      expect(bad).toEqual(['bot-token fail', EMULATED, 'connection fail']);
      expect(exitCode).toBe(69);
    }));
});
