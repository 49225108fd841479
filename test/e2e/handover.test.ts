/** One daemon makes room for another: of a newer version, with renewed tokens, with another config file. */
import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { payload, repeat, TEST_BINARY, type TestBench, textOf, withBench, writeConfig } from './bench.ts';
import { askMany, closedCard, decisionOf } from './cards.ts';

/** The most connections to Slack that there are at once, looked at every few milliseconds until it is asked for. */
function watchConnections(bench: TestBench): () => number {
  let most = 0;
  const stop = repeat(bench, 1, () => {
    most = Math.max(most, bench.slack.connections());
  });
  return () => {
    stop();
    return most;
  };
}

describe('a running daemon', () => {
  test('[S14] makes room for a newer one; what is pending is answered on the messages that are there', () =>
    withBench(async (bench) => {
      const older = await askMany(bench, 3, { command: [TEST_BINARY], env: { CSH_VERSION: '0.0.9' } });
      const [before] = bench.daemons();
      expect((await bench.run(['--status'])).stdout).toContain('version 0.0.9');
      const most = watchConnections(bench);
      const newer = await bench.ask(payload('PreToolUse.Bash'));
      await bench.until(() => bench.daemons().length === 1, 'the older one to be gone');
      expect(bench.daemons()).not.toContain(before ?? 0);
      for (const { card } of [...older, newer]) await bench.press(card, 'csh_approve');
      for (const { hook } of [...older, newer]) expect(decisionOf((await hook.ended).stdout)).toBe('allow');
      expect(most()).toBe(1);
      // One card for each, and the first message of each thread.
      expect(bench.slack.calls('chat.postMessage')).toHaveLength(8);
      expect((await bench.run(['--status'])).stdout).not.toContain('version 0.0.9');
    }));

  test('is good enough for an older hook', () =>
    withBench(async (bench) => {
      const [first] = await askMany(bench, 1);
      const before = bench.daemons();
      const older = await bench.ask(payload('PreToolUse.Bash'), {
        command: [TEST_BINARY],
        env: { CSH_VERSION: '0.0.9' },
      });
      expect(bench.daemons()).toEqual(before);
      for (const each of [first, older]) if (each !== undefined) await bench.press(each.card, 'csh_deny');
      expect(decisionOf((await older.hook.ended).stdout)).toBe('deny');
    }));

  test('makes room when the tokens in the config file are renewed, and its hooks go on with the new ones', () =>
    withBench(async (bench) => {
      const { SLACK_BOT_TOKEN: botToken, SLACK_APP_TOKEN: appToken, SLACK_USER_ID: userId } = bench.env;
      const env = { SLACK_BOT_TOKEN: '', SLACK_APP_TOKEN: '', SLACK_USER_ID: '' };
      writeConfig(bench, { botToken, appToken, userId });
      const [first] = await askMany(bench, 1, { env });
      writeConfig(bench, { botToken, appToken: bench.slack.newAppToken(), userId });
      const most = watchConnections(bench);
      const second = await bench.ask(payload('PreToolUse.Bash'), { env });
      await bench.until(() => bench.daemons().length === 1, 'the older one to be gone');
      for (const each of [first, second]) if (each !== undefined) await bench.press(each.card, 'csh_approve');
      expect(decisionOf((await second.hook.ended).stdout)).toBe('allow');
      expect(decisionOf((await first?.hook.ended)?.stdout ?? '')).toBe('allow');
      expect(most()).toBe(1);
    }));

  test(
    'is not taken back by a hook that still has the older tokens: that one is told, and the newer one is answered',
    () =>
      withBench(async (bench) => {
        const [older] = await askMany(bench, 1);
        const opened = bench.slack.connectionsEver();
        const newer = await bench.ask(payload('PreToolUse.Bash'), {
          env: { SLACK_APP_TOKEN: bench.slack.newAppToken() },
        });
        const told = await older?.hook.ended;
        expect(decisionOf(told?.stdout ?? '')).toBe('ask');
        expect(told?.stderr).toEndWith('code: daemon-mismatch\n');
        await bench.press(newer.card, 'csh_approve');
        expect(decisionOf((await newer.hook.ended).stdout)).toBe('allow');
        expect(bench.slack.connectionsEver() - opened).toBe(1);
        if (older === undefined) throw new Error('Expected a request');
        expect(textOf(await closedCard(bench, older.card, 15_000))).not.toContain('Approved');
      }),
    30_000,
  );

  test('stays where it is when the other tokens do not work', () =>
    withBench(async (bench) => {
      const [pending] = await askMany(bench, 1);
      const before = bench.daemons();
      const { stdout, stderr } = await bench.hook(payload('PreToolUse.Bash'), {
        env: { SLACK_BOT_TOKEN: 'xoxb-of-somebody-else' },
      }).ended;
      expect(decisionOf(stdout)).toBe('ask');
      expect(stderr).toEndWith('code: slack-auth\n');
      await bench.until(() => bench.daemons().length === 1, 'the other one to be gone');
      expect(bench.daemons()).toEqual(before);
      if (pending !== undefined) await bench.press(pending.card, 'csh_approve');
      expect(decisionOf((await pending?.hook.ended)?.stdout ?? '')).toBe('allow');
    }));

  test('decides nothing by another config file than that of the hook that asks', () =>
    withBench(async (bench) => {
      // A project that sets XDG_CONFIG_HOME for its hooks has started the daemon, with rules of its own.
      const evil = join(bench.home, 'project/.conf');
      writeConfig(bench, { rules: [{ decision: 'allow', tool: 'Bash', argument: 'ls' }] }, 0o600, evil);
      const ls = payload('PreToolUse.Bash', { tool_input: { command: 'ls' } });
      const first = await bench.hook(ls, { env: { XDG_CONFIG_HOME: evil } }).ended;
      expect(decisionOf(first.stdout)).toBe('allow');
      const { hook, card } = await bench.ask(ls);
      await bench.press(card, 'csh_deny');
      expect(decisionOf((await hook.ended).stdout)).toBe('deny');
      expect(textOf(await closedCard(bench, card))).toContain('Denied');
    }));
});
