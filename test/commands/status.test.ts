import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runStatus } from '../../src/commands/status.ts';
import { VISIBLE_TOKENS } from '../../src/misused.ts';
import type { DaemonStatus } from '../../src/protocol.ts';
import { encodeReply } from '../../src/protocol-daemon.ts';
import { resolveSettings } from '../../src/settings.ts';
import type { Said } from '../../src/types.ts';

const MINUTE_MS = 60_000;

describe('status', () => {
  let home: string;
  let stop = (): void => {};
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'csh-status-'));
  });
  afterEach(() => {
    stop();
    stop = () => {};
    rmSync(home, { recursive: true, force: true });
  });
  const status = (flags: Readonly<Record<string, string>> = {}, isJson = false): Promise<Said> => {
    const env = { HOME: home, TMPDIR: home };
    return runStatus(resolveSettings({ 'lock-command': 'exit 1', ...flags }, env), env, isJson);
  };
  /** A daemon that answers everything with this. */
  const listen = (answer: string): void => {
    const dir = join(home, 'claude-slack-approval');
    mkdirSync(dir, { mode: 0o700 });
    const listener = Bun.listen({
      unix: join(dir, 'approval.sock'),
      socket: { data: (peer) => void peer.write(answer) },
    });
    chmodSync(join(dir, 'approval.sock'), 0o600);
    stop = () => listener.stop(true);
  };
  const running = (): DaemonStatus => ({
    ...{ pid: 42, version: '1.2.3', startedAt: Date.now() - 10 * MINUTE_MS },
    pending: [{ id: 'r1', tool: 'Bash', askedAt: Date.now() - 5 * MINUTE_MS }],
    slack: { state: 'connected', connections: 1 },
    grants: [{ id: 'g1', rule: 'Bash(make *)', by: 'U1', until: Date.now() + 20 * MINUTE_MS }],
    ...{ apiUrl: 'https://slack.com/api/', logFile: '/log', auditFile: '/audit' },
  });
  const log = (...lines: readonly Readonly<Record<string, unknown>>[]): void => {
    const folder = join(home, '.local/state/claude-slack-hook');
    mkdirSync(folder, { recursive: true });
    const records = lines.map((fields) => JSON.stringify({ level: 40, time: Date.now(), msg: 'x', ...fields }));
    writeFileSync(join(folder, 'daemon.log'), `${records.join('\n')}\n`);
  };

  test('warns of tokens that everybody can see, whether or not a daemon runs or answers', async () => {
    expect((await status()).stdout).not.toContain(VISIBLE_TOKENS);
    // Another way to look for the daemon than by the app of an app token.
    const flags = { 'bot-token': 'xoxb-seen' };
    expect((await status(flags)).stdout).toContain(`warning:  ${VISIBLE_TOKENS}\n`);
    listen('\n');
    const silent = await status(flags);
    expect(silent.stdout).toContain(`warning:  ${VISIBLE_TOKENS}\n`);
    expect(silent).toMatchObject({ exitCode: 75, stderr: expect.stringContaining('code: daemon-timeout') });
  });

  test('shows uptime, version, what waits for how long and which permissions are left', async () => {
    listen(encodeReply({ type: 'status', status: running() }));
    const { stdout, exitCode } = await status();
    expect(stdout).toContain('daemon:   running, process 42, version 1.2.3, up 10 min\nslack:    connected\n');
    expect(stdout).toContain('pending:  1\n          Bash for 5 min (r1)\n');
    expect(stdout).toContain('grant:    Bash(make *) by U1, for 20 min more\n');
    expect(stdout).toContain('screen:   unlocked (lock-command');
    expect(exitCode).toBe(0);
  });

  test('shows the last warnings and errors of the log, each on a line of its own', async () => {
    log(
      { msg: 'gone' },
      { msg: 'one' },
      { msg: 'two', level: 50 },
      { msg: 'fine', level: 30 },
      { msg: 'three\n\u001b' },
    );
    const { stdout } = await status();
    const problems = stdout.split('\n').filter((line) => line.startsWith('problem:'));
    expect(problems.map((line) => /one|two|three|fine|gone/.exec(line)?.[0])).toEqual(['one', 'two', 'three']);
    expect(problems[1]).toContain(' error two');
    expect(stdout).not.toContain('\u001b');
  });

  test('cuts a problem that would fill the screen', async () => {
    log({ msg: `begin ${'x'.repeat(5_000)}` });
    expect((await status()).stdout).toMatch(/^problem: {2}.{199}…$/m);
  });

  test('with --json says the same in one document', async () => {
    log({ msg: 'careful', tool: '\u202e' });
    listen(encodeReply({ type: 'status', status: running() }));
    const { stdout } = await status({ 'bot-token': 'xoxb-seen' }, true);
    expect(stdout).not.toContain('\u202e');
    const said = JSON.parse(stdout);
    expect(said).toMatchObject({
      ...{ daemon: 'running', pid: 42, version: '1.2.3', slack: { state: 'connected' }, warnings: [VISIBLE_TOKENS] },
      pending: [{ id: 'r1', tool: 'Bash' }],
      grants: [{ rule: 'Bash(make *)' }],
      problems: [{ msg: 'careful', level: 40 }],
      screen: { state: 'unlocked' },
    });
    expect(said.upMs).toBeGreaterThanOrEqual(10 * MINUTE_MS);
    expect(said.pending[0].waitedMs).toBeGreaterThanOrEqual(5 * MINUTE_MS);
  });

  test('with --json says so when no daemon runs', async () => {
    const { stdout, exitCode } = await status({}, true);
    expect(JSON.parse(stdout)).toMatchObject({ daemon: 'not-running', problems: [], warnings: [] });
    expect(exitCode).toBe(0);
  });
});
