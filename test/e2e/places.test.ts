/** Where daemons listen and are found: whatever TMPDIR says, one for each Slack app, and nobody else's. */
import { describe, expect, test } from 'bun:test';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createEmulator } from '../../src/emulator/emulator.ts';
import { hasButtons, payload, type RunOptions, stateOf, type TestBench, withBench } from './bench.ts';
import { decisionOf } from './cards.ts';

/** Where the daemon of the bench's app says that it listens. */
function listensAt(bench: TestBench): string {
  const apps = join(stateOf(bench), 'apps');
  const [app = ''] = readdirSync(apps);
  return JSON.parse(readFileSync(join(apps, app, 'daemon.json'), 'utf8')).socket;
}

async function approve(bench: TestBench, run: RunOptions): Promise<void> {
  const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), run);
  await bench.press(card, 'csh_approve');
  const { stdout, stderr } = await hook.ended;
  expect(stderr).toBe('');
  expect(decisionOf(stdout)).toBe('allow');
}

describe('TMPDIR', () => {
  test.each([
    ['unset', undefined],
    ['empty', ''],
    ['relative', 'tmp'],
    ['missing', '/nonexistent'],
    ['below a file', '/etc/passwd'],
    ['of 60 bytes', `/tmp/${'x'.repeat(55)}`],
    ['of 104 bytes', `/tmp/${'x'.repeat(99)}`],
    ['of 120 bytes', `/tmp/${'x'.repeat(115)}`],
    ['of 300 bytes', `/tmp/${'x'.repeat(295)}`],
  ])('[X76] that is %s has the request asked all the same, through a private directory', (_name, TMPDIR) =>
    withBench(async (bench) => {
      await approve(bench, { env: { TMPDIR } });
      const socket = listensAt(bench);
      expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700);
      expect(Buffer.byteLength(socket)).toBeLessThan(104);
      await bench.run(['--stop'], { env: { TMPDIR } });
      expect(existsSync(socket)).toBe(false);
      rmSync(dirname(socket), { recursive: true });
    }),
  );

  test.each(['with spaces', 'ünï cödé 名', 'new\nline', '$(touch x)'])('[X76] that is called %j works', (name) =>
    withBench(async (bench) => {
      const TMPDIR = join(bench.home, name);
      mkdirSync(TMPDIR);
      await approve(bench, { env: { TMPDIR } });
      expect(listensAt(bench)).toBe(join(TMPDIR, 'claude-slack-approval/approval.sock'));
    }),
  );

  test('[S11] that differs from hook to hook makes no second daemon of the same app, and every first press counts', () =>
    withBench(async (bench) => {
      const other = join(bench.home, 'other');
      mkdirSync(other);
      const hooks = Array.from({ length: 20 }, (_, index) =>
        bench.hook(payload('PreToolUse.Bash'), index % 2 === 0 ? {} : { env: { TMPDIR: other } }),
      );
      const seen = new Set<string>();
      while (seen.size < hooks.length) {
        const card = await bench.slack.waitForMessage((message) => !seen.has(message.ts) && hasButtons(message));
        seen.add(card.ts);
        await bench.press(card, 'csh_approve');
      }
      for (const hook of hooks) expect(decisionOf((await hook.ended).stdout)).toBe('allow');
      expect(bench.slack.connectionsEver()).toBe(1);
      expect(bench.daemons()).toHaveLength(1);
    }));
});

describe('two Slack apps', () => {
  test('[S12] have a daemon each, in the same TMPDIR, and --stop ends only its own', () =>
    withBench(async (bench) => {
      const second = await createEmulator();
      try {
        const env = {
          ...{ SLACK_API_URL: second.apiUrl, SLACK_BOT_TOKEN: second.botToken, SLACK_APP_TOKEN: second.appToken },
          SLACK_USER_ID: second.user.id,
        };
        const first = await bench.ask(payload('PreToolUse.Bash'));
        const hook = bench.hook(payload('PreToolUse.Bash'), { env });
        const card = await second.waitForMessage(hasButtons);
        expect(bench.daemons()).toHaveLength(2);
        expect([bench.slack.connectionsEver(), second.connectionsEver()]).toEqual([1, 1]);
        expect((await bench.run(['--status'], { env })).stdout).toContain('pending:  1');
        await second.click({ channel: card.channel, ts: card.ts, actionId: 'csh_deny' });
        expect(decisionOf((await hook.ended).stdout)).toBe('deny');
        await bench.until(() => bench.audit().some(({ type }) => type === 'closed'), 'its end');
        expect((await bench.run(['--stop'], { env })).stdout).toContain('Stopped the daemon');
        expect(bench.daemons()).toHaveLength(1);
        await bench.press(first.card, 'csh_approve');
        expect(decisionOf((await first.hook.ended).stdout)).toBe('allow');
        // Neither has seen anything of the other: a card, and the first message of its thread.
        for (const { calls } of [bench.slack, second]) expect(calls('chat.postMessage')).toHaveLength(2);
        // Both have written into one log, and it is one chain.
        expect(bench.audit().filter(({ type }) => type === 'gap')).toEqual([]);
        expect((await bench.run(['history', 'verify'])).exitCode).toBe(0);
      } finally {
        await second.stop();
      }
    }));
});

describe('the record of a daemon', () => {
  test('that others can read is refused with the fix, and nothing is sent', () =>
    withBench(async (bench) => {
      await approve(bench, {});
      const apps = join(stateOf(bench), 'apps');
      const record = join(apps, readdirSync(apps)[0] ?? '', 'daemon.json');
      chmodSync(record, 0o644);
      const posts = bench.slack.calls('chat.postMessage').length;
      const { stdout, stderr } = await bench.hook(payload('PreToolUse.Bash')).ended;
      expect(decisionOf(stdout)).toBe('ask');
      expect(stderr).toContain(`chmod 600 ${record}`);
      expect(stderr).toEndWith('code: state-dir\n');
      expect(bench.slack.calls('chat.postMessage')).toHaveLength(posts);
    }));
});
