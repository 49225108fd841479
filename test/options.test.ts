import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../src/errors.ts';
import { helpText, optionsTable, VERB_HELP } from '../src/help.ts';
import { OPTIONS } from '../src/options.ts';
import { failurePolicy, resolveSettings } from '../src/settings.ts';
import { parseArgv, VERB_TABLE, type VerbName } from '../src/verbs.ts';

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
}

describe('the command line', () => {
  test('takes a value after a space and after an equals sign, long and short', () => {
    expect(parseArgv(['--user-id', 'U123']).flags).toEqual({ 'user-id': 'U123' });
    expect(parseArgv(['--user-id=U123']).flags).toEqual({ 'user-id': 'U123' });
    expect(parseArgv(['-u', 'U123']).flags).toEqual({ 'user-id': 'U123' });
  });

  test('keeps a token that looks like a number or holds an equals sign as it is', () => {
    expect(parseArgv(['--bot-token=xoxb-1=2', '-a', '0123']).flags).toEqual({
      'bot-token': 'xoxb-1=2',
      'app-token': '0123',
    });
  });

  test('without a mode flag is the hook', () => {
    expect(parseArgv([]).mode).toBe('hook');
    expect(parseArgv(['--only-screen-lock']).mode).toBe('hook');
  });

  test('knows its modes and the verb demo', () => {
    expect(
      ['--test', '--stop', '--status', '--help', '-h', '--version', '-v'].map((flag) => parseArgv([flag]).mode),
    ).toEqual(['test', 'stop', 'status', 'help', 'help', 'version', 'version']);
    expect(parseArgv(['demo', '--auto', '--port', '8080'])).toEqual({
      mode: 'demo',
      flags: { auto: true, port: '8080' },
    });
  });

  test('takes the test of a rule as a verb of two words, and nothing else after the first', () => {
    expect(parseArgv(['rules', 'test'])).toEqual({ mode: 'rules', flags: {}, word: 'test' });
    expect(parseArgv(['daemon']).mode).toBe('daemon');
  });

  test('takes the history with its filters, and its check without them', () => {
    expect(parseArgv(['history', '--since', '2h', '--tool', 'mcp__*', '--json'])).toEqual({
      mode: 'history',
      flags: { since: '2h', tool: 'mcp__*', json: true },
    });
    expect(parseArgv(['history', 'verify'])).toEqual({ mode: 'verify', flags: {}, word: 'verify' });
  });

  test('takes what looks after the daemon as verbs, and as the flags that there were before', () => {
    expect(['status', 'stop', 'restart', 'logs', 'man'].map((verb) => parseArgv([verb]).mode)).toEqual([
      ...(['status', 'stop', 'restart', 'logs', 'man'] as const),
    ]);
    expect(parseArgv(['status', '--json'])).toEqual({ mode: 'status', flags: { json: true } });
    expect(parseArgv(['--status', '--json'])).toEqual({ mode: 'status', flags: { status: true, json: true } });
    expect(parseArgv(['restart', '--idle', '2h']).flags).toEqual({ idle: '2h' });
    expect(parseArgv(['stop', '--stop']).mode).toBe('stop');
  });

  test('takes the letters of a verb behind that verb only', () => {
    expect(parseArgv(['logs', '-f', '-n', '5', '--json'])).toEqual({
      mode: 'logs',
      flags: { follow: true, lines: '5', json: true },
    });
    expect(codeOf(() => parseArgv(['-f']))).toBe('usage: Unknown option "-f"');
  });

  test('takes the shell behind completion', () => {
    expect(parseArgv(['completion', 'fish'])).toEqual({ mode: 'completion', flags: {}, word: 'fish' });
  });

  test('shows the help of every verb', () => {
    for (const verb of ['logs', 'status', 'completion', 'rules']) expect(parseArgv([verb, '--help']).mode).toBe('help');
    expect(parseArgv(['history', 'verify', '-h']).mode).toBe('help');
  });

  test('only tells of an event with --observe, which stays the hook', () => {
    expect(parseArgv(['--observe'])).toEqual({ mode: 'hook', flags: { observe: true } });
  });

  test('turns --no-wait into a switch', () => {
    expect(parseArgv(['--test', '--no-wait']).flags).toEqual({ test: true, 'no-wait': true });
  });

  test.each([
    [['--bot-tokn', 'x'], 'Unknown option "--bot-tokn"; did you mean --bot-token?'],
    [['--bottoken=x'], 'Unknown option "--bottoken"'],
    [['-x'], 'Unknown option "-x"'],
    [['-uU123'], 'Unknown option "-uU123"'],
    [['--auto'], 'Unknown option "--auto"'],
    [['--user-id'], 'Expected a value for --user-id, got none'],
    [['--user-id='], 'Expected a value for --user-id, got none'],
    [['--user-id', '--stop'], 'Expected a value for --user-id, got none'],
    [['--stop=yes'], 'Expected --stop without a value, got "yes"'],
    [['--stop', 'now'], 'Unexpected argument "now"'],
    [['halt'], 'Unexpected argument "halt"'],
    [['stop', 'now'], 'Unexpected argument "now"'],
    [['stop', '--json'], 'Unknown option "--json"'],
    [['--json'], 'Unknown option "--json"'],
    [['status', '--stop'], 'Expected one of status and --stop, got both'],
    [['demo', '--version'], 'Expected one of demo and --version, got both'],
    [['completion'], 'Expected "completion bash|zsh|fish", got "completion "'],
    [['completion', 'tcsh'], 'Expected "completion bash|zsh|fish", got "completion tcsh"'],
    [['-u', 'U1', '-u', 'U2'], 'Expected --user-id once, got it 2 times'],
    [['--stop', '--status'], 'Expected one of --stop and --status, got both'],
    [['--no-stop'], 'Unknown option "--no-stop"'],
    [['--observe=yes'], 'Expected --observe without a value, got "yes"'],
    [['rules'], 'Expected "rules test", got "rules "'],
    [['rules', 'check'], 'Expected "rules test", got "rules check"'],
    [['rules', 'test', 'x'], 'Unexpected argument "x"'],
    [['history', 'verify', '--json'], 'Unknown option "--json"'],
    [['history', 'list'], 'Unexpected argument "list"'],
    [['verify'], 'Unexpected argument "verify"'],
    [['--threads'], 'Expected a value for --threads, got none'],
  ])('refuses %j', (argv, message) => {
    expect(codeOf(() => parseArgv(argv))).toStartWith(`usage: ${message}`);
  });
});

describe('settings', () => {
  let home: string;
  let file: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'csh-options-'));
    mkdirSync(join(home, '.config/claude-slack-hook'), { recursive: true });
    file = join(home, '.config/claude-slack-hook/config.json');
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));
  const write = (text: string, mode = 0o600): void => {
    writeFileSync(file, text);
    chmodSync(file, mode);
  };

  test('come from the flag before the file before the environment before the default', () => {
    write(JSON.stringify({ botToken: 'xoxb-file', userId: 'UFILE', appToken: 'xapp-file', deadline: '10s' }));
    const env = { HOME: home, SLACK_USER_ID: 'UENV', SLACK_BOT_TOKEN: 'xoxb-env' };
    const settings = resolveSettings({ 'bot-token': 'xoxb-flag' }, env);
    expect(settings).toMatchObject({
      botToken: 'xoxb-flag',
      approvers: ['UFILE'],
      appToken: 'xapp-file',
      deadlineMs: 10_000,
      idleMs: 1_800_000,
    });
  });

  test('of a daemon come from the environment that its hook has made for it, before the file', () => {
    write(JSON.stringify({ botToken: 'xoxb-file' }));
    expect(resolveSettings({}, { HOME: home, SLACK_BOT_TOKEN: 'xoxb-env' }, true).botToken).toBe('xoxb-env');
  });

  test('come from the file that --config names, by an absolute path only', () => {
    const other = join(home, 'other.json');
    writeFileSync(other, '{"userId":"UOTHER"}', { mode: 0o600 });
    expect(resolveSettings({ config: other }, { HOME: home })).toMatchObject({
      approvers: ['UOTHER'],
      configFile: other,
    });
    expect(codeOf(() => resolveSettings({ config: 'other.json' }, { HOME: home }))).toStartWith(
      'usage: Expected --config',
    );
    expect(failurePolicy({ config: 'other.json' }, { HOME: home })).toBe('deny');
  });

  test('give the largest input in bytes, from a number or a size', () => {
    const max = (text: string) => resolveSettings({ 'max-input': text }, { HOME: home }).maxInputBytes;
    expect([max('65536'), max('512k'), max('2M')]).toEqual([65_536, 524_288, 2_097_152]);
    for (const text of ['1', '65m', '1g', '-1', 'x'])
      expect(codeOf(() => max(text))).toStartWith('usage: Expected --max-input to be a size');
  });

  test('have the documented defaults', () => {
    expect(resolveSettings({}, { HOME: home })).toMatchObject({
      botToken: undefined,
      approvers: [],
      logLevel: 'info',
      onFailure: 'ask',
      deadlineMs: 570_000,
      idleMs: 1_800_000,
      threads: true,
      broadcast: true,
      stopReplyMs: undefined,
      isConfigAsked: false,
      onlyScreenLock: false,
      apiUrl: 'https://slack.com/api/',
    });
  });

  test('treat an empty environment variable as unset', () => {
    expect(resolveSettings({}, { HOME: home, SLACK_BOT_TOKEN: '' }).botToken).toBeUndefined();
  });

  test('take several approvers as a list in the file or separated by commas', () => {
    write(JSON.stringify({ userId: ['U111', 'U222'] }));
    expect(resolveSettings({}, { HOME: home }).approvers).toEqual(['U111', 'U222']);
    expect(resolveSettings({ 'user-id': 'U333, U444,U333' }, { HOME: home }).approvers).toEqual(['U333', 'U444']);
  });

  test('tell whether the config file says who is asked, which the daemon then looks up again', () => {
    const isAsked = (flags: Record<string, string>, env: Record<string, string>) =>
      resolveSettings(flags, { HOME: home, ...env }).isConfigAsked;
    expect(isAsked({}, {})).toBe(false);
    for (const text of ['{"userId":"U111"}', '{"approvers":[{"project":"/x","userId":["U111"]}]}']) {
      write(text);
      expect(isAsked({}, {})).toBe(true);
      expect(isAsked({}, { SLACK_USER_ID: '' })).toBe(true);
      expect(isAsked({}, { SLACK_USER_ID: 'U222' })).toBe(true);
      expect(isAsked({ 'user-id': 'U222' }, {})).toBe(false);
    }
  });

  test('leave to the daemon what only the daemon understands of the config file', () => {
    write('{"rules":5,"approvers":{},"secondApprover":"x","mask":[1],"auditKeepDays":"x","userId":"U111"}');
    expect(resolveSettings({}, { HOME: home }).approvers).toEqual(['U111']);
  });

  test('read threads, broadcast and how long a stop waits for a reply', () => {
    write('{"threads":"off","broadcast":"off","stopReply":"10m"}');
    const from = { HOME: home };
    expect(resolveSettings({}, from)).toMatchObject({ threads: false, broadcast: false, stopReplyMs: 600_000 });
    expect(resolveSettings({ threads: 'on', 'stop-reply': '5s' }, from)).toMatchObject({
      ...{ threads: true, broadcast: false, stopReplyMs: 5_000 },
    });
  });

  test.each([0o640, 0o604, 0o660, 0o644])('refuse a config file of mode 0%o that others can read', (mode) => {
    write('{}', mode);
    expect(codeOf(() => resolveSettings({}, { HOME: home }))).toStartWith('config-mode: Expected mode 0600');
  });

  test.each([
    ['not json', 'bad-config: Expected'],
    ['[]', 'bad-config: Expected'],
    ['{"botTokn":"x"}', 'bad-config: Unknown key "botTokn"'],
    ['{"botToken":5}', 'bad-config: Expected botToken'],
    ['{"onlyScreenLock":"yes"}', 'bad-config: Expected onlyScreenLock'],
    ['{"threads":true}', 'bad-config: Expected threads'],
    ['{"threads":"yes"}', 'bad-config: Expected threads'],
    ['{"stopReply":"soon"}', 'bad-config: Expected stopReply'],
    ['{"userId":[]}', 'bad-config: Expected userId'],
    ['{"userId":" , "}', 'bad-config: Expected userId'],
  ])('refuse the config file %s', (text, message) => {
    write(text);
    expect(codeOf(() => resolveSettings({}, { HOME: home }))).toStartWith(message);
  });

  test('ignore a relative XDG_CONFIG_HOME, which would depend on the project directory', () => {
    expect(resolveSettings({}, { HOME: home, XDG_CONFIG_HOME: 'conf' }).configFile).toBe(file);
  });

  test('read times with and without a unit', () => {
    const idle = (text: string): number => resolveSettings({ idle: text }, { HOME: home }).idleMs;
    expect(['90', '90s', '2m', '500ms', '1h', '1.5s'].map(idle)).toEqual([
      90_000, 90_000, 120_000, 500, 3_600_000, 1500,
    ]);
  });

  test.each([
    [{ idle: 'soon' }, 'usage: Expected --idle to be a time'],
    [{ idle: '0' }, 'usage: Expected --idle to be a time'],
    [{ deadline: '9999h' }, 'usage: Expected --deadline to be a time'],
    [{ 'on-failure': 'allow' }, 'usage: Expected --on-failure to be one of ask, deny, got "allow"'],
    [{ threads: 'yes' }, 'usage: Expected --threads to be one of on, off, got "yes"'],
    [{ broadcast: 'no' }, 'usage: Expected --broadcast to be one of on, off, got "no"'],
    [{ 'stop-reply': '0s' }, 'usage: Expected --stop-reply to be a time'],
    [{ 'log-level': 'loud' }, 'usage: Expected --log-level to be one of'],
    [{ 'user-id': 'dana' }, 'usage: Expected --user-id to be a Slack user id'],
    [{ 'user-id': ',' }, 'usage: Expected --user-id to name at least one Slack user id'],
    [{ 'api-url': 'ftp://x' }, 'usage: Expected --api-url to be an http(s) URL'],
  ])('refuse %j', (flags, message) => {
    expect(codeOf(() => resolveSettings(flags, { HOME: home }))).toStartWith(message);
  });
});

describe('the address of the Web API', () => {
  const from = (url: string) => codeOf(() => resolveSettings({}, { HOME: '/nonexistent', SLACK_API_URL: url }));

  test('comes from the environment only when it is Slack or this machine: a project can set variables', () => {
    for (const url of [
      'https://slack.com/api/',
      'https://files.slack.com/api',
      'http://127.0.0.1:8080/api/',
      'http://localhost:1/',
      'http://[::1]:1/',
    ]) {
      expect(from(url)).toBe('no error');
    }
    for (const url of [
      'https://evil.example/api/',
      'http://slack.com/api/',
      'https://slack.com.evil.example/',
      'http://127.0.0.1.evil.example/',
      'https://evilslack.com/',
    ]) {
      expect(from(url)).toStartWith('bad-config: Expected SLACK_API_URL');
    }
  });

  test('may be any in a flag', () => {
    expect(resolveSettings({ 'api-url': 'https://gateway.example/slack' }, { HOME: '/nonexistent' }).apiUrl).toBe(
      'https://gateway.example/slack/',
    );
  });
});

describe('the failure policy when settings cannot be had', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'csh-policy-'));
    mkdirSync(join(home, '.config/claude-slack-hook'), { recursive: true });
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  test.each([
    [undefined, {}, 'ask'],
    ['{"onFailure":"deny","unknown":1}', {}, 'deny'],
    ['{"onFailure":"ask"}', {}, 'ask'],
    ['{"userId":"U123"}', {}, 'ask'],
    ['{"onFailure":"deny"', {}, 'deny'],
    ['{"onFailure":"deny"}', { 'on-failure': 'ask' }, 'ask'],
    [undefined, { 'on-failure': 'deny' }, 'deny'],
  ] as const)('with the file %s and the flags %j is %s%s', (text, flags, policy) => {
    if (text !== undefined) writeFileSync(join(home, '.config/claude-slack-hook/config.json'), text, { mode: 0o600 });
    expect(failurePolicy(flags, { HOME: home })).toBe(policy);
  });
});

describe('the table of options', () => {
  test('is what --help shows', () => {
    for (const option of OPTIONS) expect(helpText()).toContain(`--${option.flag}`);
  });

  test('has words for every flag of every verb, and for no other', () => {
    for (const [name, { switches, values }] of Object.entries(VERB_TABLE)) {
      const { options = {}, usage } = VERB_HELP[name as VerbName];
      expect(Object.keys(options).sort()).toEqual([...switches, ...values].sort());
      for (const flag of switches) expect(options[flag]?.value).toBeUndefined();
      for (const flag of values) expect(options[flag]?.value).toBeString();
      expect(helpText()).toContain(`claude-slack-hook ${usage[0]?.split('\n')[0]}`);
    }
  });

  test('is the one in the README', () => {
    expect(readFileSync(new URL('../README.md', import.meta.url), 'utf8')).toContain(optionsTable());
  });
});
