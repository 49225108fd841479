/** The verbs that look after the daemon, with the real program. */
import { describe, expect, test } from 'bun:test';
import { payload, TEST_BINARY, type TestBench, withBench, writeConfig } from './bench.ts';
import { decisionOf } from './cards.ts';

/** A request that is on record as shown. */
async function pendingWith(bench: TestBench, run: Parameters<TestBench['ask']>[1]) {
  const asked = await bench.ask(payload('PreToolUse.Bash'), run);
  await bench.until(() => bench.audit().some(({ type }) => type === 'posted'), 'its record');
  return asked;
}

describe('restart', () => {
  test('puts another daemon in the place of one that would do, and its requests are answered on their messages', () =>
    withBench(async (bench) => {
      const { hook, card } = await pendingWith(bench, {});
      const [before] = bench.daemons();
      const { stdout, stderr, exitCode } = await bench.run(['restart']);
      expect([stderr, exitCode]).toEqual(['', 0]);
      await bench.until(() => bench.daemons().length === 1, 'the older one to be gone');
      const [after] = bench.daemons();
      expect(after).not.toBe(before);
      expect(stdout).toMatch(
        new RegExp(`^The daemon \\(process ${before}, .*\\) made room for another one \\(process ${after}, `),
      );
      expect(stdout).toContain('\n1 pending request goes on.\nSlack: connected.\n');
      await bench.press(card, 'csh_approve');
      expect(decisionOf((await hook.ended).stdout)).toBe('allow');
      expect(bench.slack.calls('chat.postMessage')).toHaveLength(2);
    }));

  test('replaces an older version, and takes the options that it is given', () =>
    withBench(async (bench) => {
      const { hook, card } = await pendingWith(bench, { command: [TEST_BINARY], env: { CSH_VERSION: '0.0.9' } });
      expect((await bench.run(['restart', '--log-level', 'debug'])).stdout).toContain('version 0.0.9) made room');
      await bench.until(() => bench.log().includes('"level":20'), 'a line for debugging');
      await bench.press(card, 'csh_deny');
      expect(decisionOf((await hook.ended).stdout)).toBe('deny');
    }));

  test('starts one where none runs', () =>
    withBench(async (bench) => {
      const { stdout, exitCode } = await bench.run(['restart']);
      expect(stdout).toMatch(
        /^No daemon was running; started one \(process \d+, version .*\)\.\nSlack: connected\.\n$/,
      );
      expect(exitCode).toBe(0);
      expect(bench.daemons()).toHaveLength(1);
    }));

  test('says what Slack has against the tokens, and forgets it when it is run again', () =>
    withBench(async (bench) => {
      bench.slack.revoke('bot', true);
      const refused = await bench.run(['restart']);
      expect(refused).toMatchObject({ stdout: '', exitCode: 77 });
      expect(refused.stderr).toEndWith('code: slack-auth\n');
      bench.slack.revoke('bot', false);
      expect(await bench.run(['restart'])).toMatchObject({ exitCode: 0 });
    }));

  test('leaves the daemon where it is when the other tokens do not work', () =>
    withBench(async (bench) => {
      const { hook, card } = await pendingWith(bench, {});
      const before = bench.daemons();
      writeConfig(bench, { botToken: 'xoxb-of-somebody-else' });
      const { stderr } = await bench.run(['restart']);
      expect(stderr).toEndWith('code: slack-auth\n');
      await bench.until(() => bench.daemons().length === 1, 'the other one to be gone');
      expect(bench.daemons()).toEqual(before);
      writeConfig(bench, {});
      await bench.press(card, 'csh_approve');
      expect(decisionOf((await hook.ended).stdout)).toBe('allow');
    }));

  test('does not pass over a daemon that has hung', () =>
    withBench(async (bench) => {
      await pendingWith(bench, {});
      const [daemon = 0] = bench.daemons();
      process.kill(daemon, 'SIGSTOP');
      const { stdout, stderr } = await bench.run(['restart']);
      expect(stdout).toBe('');
      expect(stderr).toContain('code: daemon-timeout');
    }));
});

describe('status, stop and logs', () => {
  test('are verbs that do what the flags do', () =>
    withBench(async (bench) => {
      const { hook } = await pendingWith(bench, {});
      const verb = await bench.run(['status']);
      expect(verb.stdout).toContain('slack:    connected');
      const [daemon] = bench.daemons();
      expect(JSON.parse((await bench.run(['status', '--json'])).stdout)).toMatchObject({
        ...{ daemon: 'running', pid: daemon, slack: { state: 'connected' }, pending: [{ tool: 'Bash' }] },
      });
      const log = await bench.run(['logs']);
      expect(log.stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d info {2}daemon listening version=/m);
      const raw = (await bench.run(['logs', '--json', '-n', '1'])).stdout.trim();
      expect(bench.log()).toContain(raw);
      expect((await bench.run(['stop'])).stdout).toBe(`Stopped the daemon (process ${daemon}).\n`);
      expect(decisionOf((await hook.ended).stdout)).toBe('ask');
      expect((await bench.run(['status'])).stdout).toStartWith('daemon:   not running');
    }));

  test('logs -f goes on with what the daemon writes', () =>
    withBench(async (bench) => {
      const following = Bun.spawn([TEST_BINARY, 'logs', '-f'], { env: bench.env, stdout: 'pipe' });
      let seen = '';
      const reading = (async () => {
        for await (const chunk of following.stdout) seen += new TextDecoder().decode(chunk);
      })();
      await bench.run(['restart']);
      await bench.run(['stop']);
      await bench.until(() => /daemon listening.*daemon stopping reason=SIGTERM/s.test(seen), 'both lines');
      following.kill();
      await reading;
    }));
});
