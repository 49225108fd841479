/** Starting daemons: one of them, whatever starts at once, dies or cannot be reached; see harness.ts about the ids. */
import { describe, expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { appKey } from '../../src/daemon.ts';
import { takeLock } from '../../src/daemon-lock.ts';
import { appPaths } from '../../src/state.ts';
import { BINARY, type Hook, payload, type TestBench, textOf, withBench } from '../e2e/bench.ts';
import { answerAll, closedCard, decisionOf, descendants, herd, ROOM, reasonOf, signalAll, watch } from './harness.ts';

interface Herd {
  readonly hooks: readonly Hook[];
  /** Whether some may get no processor within the 1.5 s that each of them has. */
  readonly isCrowded: boolean;
}

const atOnce =
  (count: number) =>
  async (bench: TestBench): Promise<Herd> => ({
    hooks: await herd(bench, count),
    isCrowded: false,
  });

/** One daemon at any time, one connection, a card for each hook, and each answered by one press. */
async function expectOneDaemon(bench: TestBench, start: (bench: TestBench) => Promise<Herd>): Promise<void> {
  const { slack } = bench;
  const connections = slack.connectionsEver();
  const posts = slack.calls('chat.postMessage').length;
  const most = watch(bench);
  const { hooks, isCrowded } = await start(bench);
  const stop = answerAll(bench, 'csh_deny');
  const outputs = await Promise.all(hooks.map(({ ended }) => ended));
  stop();
  const denied = outputs.filter(({ stdout }) => decisionOf(stdout) === 'deny');
  const late = outputs.filter(({ stderr }) => stderr.endsWith('code: daemon-timeout\n'));
  expect(denied.length + late.length).toBe(hooks.length);
  if (!isCrowded) expect(late).toEqual([]);
  expect(most()).toEqual({ daemons: 1, connections: 1 });
  expect(slack.connectionsEver() - connections).toBe(1);
  // A card each, and the first message of each session's thread.
  expect(slack.calls('chat.postMessage').length - posts).toBe(2 * denied.length);
  await bench.until(() => bench.daemons().length === 1, 'those that came too late to be gone');
}

async function killDaemon(bench: TestBench): Promise<void> {
  const { hook } = await bench.ask(payload('PreToolUse.Bash'));
  hook.kill('SIGKILL');
  await hook.ended;
  signalAll(bench.daemons(), 'SIGKILL');
  await bench.until(() => bench.daemons().length === 0, 'the daemon to be gone');
}

describe('hooks that start at one instant', () => {
  test('[S1] 20 of them without a daemon have one, 20 rounds in a row', async () => {
    for (let round = 0; round < 20; round += 1) await withBench((bench) => expectOneDaemon(bench, atOnce(20)));
  }, 180_000);

  test(
    '[S2] 20 of them after a daemon that was killed and left its files have one, three rounds in a row',
    () =>
      withBench(async (bench) => {
        for (let round = 0; round < 3; round += 1) {
          await killDaemon(bench);
          expect(await Bun.file(join(bench.socketDir, 'server.pid')).exists()).toBe(true);
          await expectOneDaemon(bench, atOnce(20));
          expect(await bench.run(['--stop'])).toMatchObject({ exitCode: 0 });
        }
      }),
    60_000,
  );

  test(
    '[S3] 20 of them have one while it takes Slack 3 s to connect it',
    () =>
      withBench(async (bench) => {
        bench.slack.fault('apps.connections.open', { kind: 'delay', ms: 3_000 });
        await expectOneDaemon(bench, atOnce(20));
      }),
    60_000,
  );

  test(
    '[S4] a hundred of them have one',
    () =>
      withBench((bench) =>
        expectOneDaemon(bench, async () => {
          const startedAt = performance.now();
          const hooks = Array.from({ length: 100 }, () => bench.hook(payload('PreToolUse.Bash')));
          // It takes two idle cores a third of that to start them.
          return { hooks, isCrowded: performance.now() - startedAt > 1_000 };
        }),
      ),
    60_000,
  );
});

/** As agents run a hook: a shell in between, and the input in a file. */
function asAgent(bench: TestBench): { readonly command: readonly string[] } {
  const input = join(bench.home, `${crypto.randomUUID()}.json`);
  writeFileSync(input, JSON.stringify(payload('PreToolUse.Bash')));
  return { command: ['/bin/sh', '-c', '"$0" < "$1"; exit $?', BINARY, input] };
}

describe('an agent that kills the whole tree of the hook that started the daemon', () => {
  test.each(['SIGTERM', 'SIGKILL'] as const)(
    '[S6] with %s leaves the daemon and every other hook as they were',
    (signal) =>
      withBench(async (bench) => {
        const first = await bench.ask('', asAgent(bench));
        const others = [
          await bench.ask(payload('PreToolUse.Bash')),
          await bench.ask(payload('PermissionRequest.Bash')),
        ];
        const daemons = bench.daemons();
        const tree = descendants(first.hook.pid);
        expect(tree).not.toEqual([]);
        signalAll([...tree, first.hook.pid], signal);
        await first.hook.ended;
        expect(textOf(await closedCard(bench, first.card))).toContain('Withdrawn');
        for (const { card } of others) await bench.press(card, 'csh_approve');
        for (const { hook } of others) expect((await hook.ended).stdout).toContain('"allow"');
        expect(bench.daemons()).toEqual(daemons);
        expect(daemons).toHaveLength(1);
      }),
    20_000,
  );

  test(
    '[S6] while that one is just starting it leaves the others a daemon',
    () =>
      withBench(async (bench) => {
        for (let round = 0; round < 5; round += 1) {
          const first = bench.hook('', asAgent(bench));
          const others = [1, 2].map(() => bench.hook(payload('PreToolUse.Bash')));
          // The hook below the shell, and below that what it starts a daemon with.
          await bench.until(
            () => descendants(first.pid).length > 1 || bench.daemons().length > 0,
            'a daemon on its way',
          );
          signalAll([...descendants(first.pid), first.pid], 'SIGTERM');
          await first.ended;
          const stop = answerAll(bench, 'csh_approve');
          for (const hook of others) expect(decisionOf((await hook.ended).stdout)).toBe('allow');
          stop();
          await bench.until(() => bench.daemons().length === 1, 'one daemon');
          await bench.run(['--stop']);
        }
      }),
    60_000,
  );
});

test('a hook that was stopped while it started a daemon holds up no other', () =>
  withBench(async (bench) => {
    const { starting } = appPaths(bench.env, appKey(bench.slack.appToken, bench.slack.apiUrl));
    mkdirSync(dirname(starting), { recursive: true, mode: 0o700 });
    const turn = takeLock(starting);
    const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
    await bench.press(card, 'csh_approve');
    expect(decisionOf((await hook.ended).stdout)).toBe('allow');
    expect(turn?.isCurrent()).toBe(true);
    turn?.release();
  }));

test('[S8] the agent sees the end of a hook at once, though the daemon that it started lives on', () =>
  withBench(async (bench) => {
    for (const event of ['PreToolUse.Bash', 'PermissionRequest.Bash']) {
      const { hook, card } = await bench.ask(payload(event));
      await bench.press(card, 'csh_approve');
      const { stdout, lingeredMs } = await hook.ended;
      expect(stdout).toContain('"allow"');
      expect(lingeredMs).toBeLessThan(100 * ROOM);
      expect(bench.daemons()).toHaveLength(1);
      await bench.run(['--stop']);
    }
  }));

describe('a daemon that cannot start', () => {
  const failed = async (bench: TestBench, { ended }: Hook, code: string): Promise<void> => {
    const { stdout, stderr, exitCode, tookMs } = await ended;
    expect(decisionOf(stdout)).toBe('ask');
    expect(exitCode).toBe(0);
    expect(stderr).toEndWith(`code: ${code}\n`);
    expect(reasonOf(stdout)).toContain(stderr.split('\n')[0]?.replace('claude-slack-hook: ', '') ?? '');
    expect(tookMs).toBeLessThan(1_500 * ROOM);
    expect(bench.slack.messages()).toEqual([]);
  };
  const tries = ({ slack }: TestBench): number => slack.calls('auth.test').length;

  test.each(['bot', 'app'] as const)(
    '[S9] because the %s token is refused gives the reason ten times in a row, tries once, and leaves nothing running',
    (token) =>
      withBench(async (bench) => {
        bench.slack.revoke(token, true);
        for (let count = 0; count < 10; count += 1) {
          const hook = bench.hook(payload('PreToolUse.Bash'));
          await failed(bench, hook, 'slack-auth');
          expect((await hook.ended).stdout).toContain('invalid_auth');
        }
        await bench.until(() => bench.daemons().length === 0, 'no daemon to be left');
        expect(tries(bench)).toBe(1);
        expect(bench.slack.calls('apps.connections.open').length).toBeLessThanOrEqual(1);
      }),
    60_000,
  );

  test(
    '[S9] is tried once by ten hooks at one instant',
    () =>
      withBench(async (bench) => {
        bench.slack.revoke('bot', true);
        for (const hook of await herd(bench, 10)) await failed(bench, hook, 'slack-auth');
        await bench.until(() => bench.daemons().length === 0, 'no daemon to be left');
        expect(tries(bench)).toBe(1);
      }),
    30_000,
  );

  test(
    '[S9] with tokens that do not work is tried once, too, beside one that runs with others',
    () =>
      withBench(async (bench) => {
        const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
        const daemons = bench.daemons();
        for (let count = 0; count < 10; count += 1) {
          const env = { SLACK_BOT_TOKEN: 'xoxb-1-2-wrong' };
          const { stdout, stderr } = await bench.hook(payload('PreToolUse.Bash'), { env }).ended;
          expect(decisionOf(stdout)).toBe('ask');
          expect(stderr).toEndWith('code: slack-auth\n');
        }
        expect(bench.slack.calls('auth.test').filter(({ tokenKind }) => tokenKind !== 'bot')).toHaveLength(1);
        await bench.until(() => bench.daemons().length === 1, 'the others to be gone');
        expect(bench.daemons()).toEqual(daemons);
        await bench.press(card, 'csh_approve');
        expect(decisionOf((await hook.ended).stdout)).toBe('allow');
      }),
    30_000,
  );

  test(
    '[S10] because Slack cannot be reached gives the reason, and leaves nothing running',
    () =>
      withBench(async (bench) => {
        await bench.slack.refuse(true);
        await failed(bench, bench.hook(payload('PreToolUse.Bash')), 'slack-unreachable');
        await bench.until(() => bench.daemons().length === 0, 'no daemon to be left');
        const { stdout, exitCode, tookMs } = await bench.hook(payload('PermissionRequest.Bash')).ended;
        expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 0 });
        expect(tookMs).toBeLessThan(1_500 * ROOM);
        expect(bench.daemons()).toEqual([]);
      }),
    20_000,
  );
});
