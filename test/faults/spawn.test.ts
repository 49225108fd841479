/** Starting daemons: one of them, whatever starts at once, dies or cannot be reached; see harness.ts about the ids. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { appKey } from '../../src/daemon.ts';
import { takeLock } from '../../src/daemon-lock.ts';
import { appPaths } from '../../src/state.ts';
import {
  BINARY,
  type Hook,
  isLate,
  payload,
  type Ran,
  ROOM,
  socketOf,
  type TestBench,
  textOf,
  withBench,
} from '../e2e/bench.ts';
import { closedCard, decisionOf, reasonOf } from '../e2e/cards.ts';
import { descendants, signalAll } from '../e2e/processes.ts';
import { answerAll, herd, watch } from './harness.ts';

setDefaultTimeout(300_000);

/**
 * One daemon at any time, one connection, a card for each hook, and each answered by one press. False when the machine had no
 * time for all of them: then the round is to be repeated.
 */
async function haveOneDaemon(
  bench: TestBench,
  start: (bench: TestBench) => Promise<readonly Hook[]>,
): Promise<boolean> {
  const { slack } = bench;
  const before = { connections: slack.connectionsEver(), posts: slack.calls('chat.postMessage').length };
  const most = watch(bench);
  const hooks = await start(bench);
  const stop = answerAll(bench, 'csh_deny');
  const outputs = await Promise.all(hooks.map(({ ended }) => ended));
  stop();
  const inTime = outputs.filter((ran) => !isLate(ran));
  expect(inTime.map(({ stdout }) => decisionOf(stdout))).toEqual(inTime.map(() => 'deny'));
  const { daemons, connections } = most();
  expect(daemons).toBeLessThanOrEqual(1);
  expect(connections).toBeLessThanOrEqual(1);
  expect(slack.connectionsEver() - before.connections).toBeLessThanOrEqual(1);
  // A card each, and the first message of each session's thread.
  expect(slack.calls('chat.postMessage').length - before.posts).toBe(2 * inTime.length);
  await bench.until(() => bench.daemons().length <= 1, 'those that came too late to be gone');
  const wasInTime = inTime.length === hooks.length;
  if (wasInTime) expect(bench.daemons()).toHaveLength(1);
  return wasInTime;
}

/** So many rounds that are true. */
async function rounds(count: number, round: () => Promise<boolean>): Promise<void> {
  let done = 0;
  for (let tries = 0; done < count; tries += 1) {
    if (tries > 5 + 3 * count)
      throw new Error(`Expected a machine with time for ${count} rounds, got ${done} of ${tries}`);
    if (await round()) done += 1;
  }
}

/** A round on a machine of its own. */
async function onBench(body: (bench: TestBench) => Promise<boolean>): Promise<boolean> {
  let isDone = false;
  await withBench(async (bench) => {
    isDone = await body(bench);
  });
  return isDone;
}

const twenty = (bench: TestBench) => herd(bench, 20);
/** As fast as one process starts them; it is Slack as well, which must not stop meanwhile. */
async function hundred(bench: TestBench): Promise<readonly Hook[]> {
  const hooks: Hook[] = [];
  while (hooks.length < 100) {
    hooks.push(bench.hook(payload('PreToolUse.Bash')));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return hooks;
}

async function killDaemon(bench: TestBench): Promise<void> {
  const { hook } = await bench.ask(payload('PreToolUse.Bash'));
  hook.kill('SIGKILL');
  await hook.ended;
  signalAll(bench.daemons(), 'SIGKILL');
  await bench.until(() => bench.daemons().length === 0, 'the daemon to be gone');
}

describe('hooks that start at one instant', () => {
  test('[S1] 20 of them without a daemon have one, 20 rounds in a row', () =>
    rounds(20, () => onBench((bench) => haveOneDaemon(bench, twenty))));

  test('[S2] 20 of them after a daemon that was killed and left its files have one, three rounds in a row', () =>
    withBench((bench) =>
      rounds(3, async () => {
        await killDaemon(bench);
        expect(existsSync(join(bench.socketDir, 'server.pid'))).toBe(true);
        expect(existsSync(socketOf(bench))).toBe(true);
        const hasOne = await haveOneDaemon(bench, twenty);
        expect(await bench.run(['--stop'])).toMatchObject({ exitCode: 0 });
        return hasOne;
      }),
    ));

  test('[S3] 20 of them have one while it takes Slack 3 s to connect it', () =>
    rounds(1, () =>
      onBench((bench) => {
        bench.slack.fault('apps.connections.open', { kind: 'delay', ms: 3_000 });
        return haveOneDaemon(bench, twenty);
      }),
    ));

  test('[S4] a hundred of them have one', () => rounds(1, () => onBench((bench) => haveOneDaemon(bench, hundred))));
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
  );

  test('[S6] while that one is just starting it leaves the others a daemon', () =>
    withBench((bench) =>
      rounds(5, async () => {
        const first = bench.hook('', asAgent(bench));
        const others = [1, 2].map(() => bench.hook(payload('PreToolUse.Bash')));
        // The hook below the shell, and below that what it starts a daemon with.
        const isStarting = (): boolean => descendants(first.pid).length > 1 || bench.daemons().length > 0;
        await bench.until(isStarting, 'a daemon on its way');
        signalAll([...descendants(first.pid), first.pid], 'SIGTERM');
        await first.ended;
        const stop = answerAll(bench, 'csh_approve');
        const inTime = (await Promise.all(others.map(({ ended }) => ended))).filter((ran) => !isLate(ran));
        stop();
        for (const { stdout } of inTime) expect(decisionOf(stdout)).toBe('allow');
        if (inTime.length === 2) await bench.until(() => bench.daemons().length === 1, 'one daemon');
        await bench.run(['--stop']);
        return inTime.length === 2;
      }),
    ));
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
  const expectFailed = (bench: TestBench, { stdout, stderr, exitCode, tookMs }: Ran, code: string): void => {
    expect(decisionOf(stdout)).toBe('ask');
    expect(exitCode).toBe(0);
    expect(stderr).toEndWith(`code: ${code}\n`);
    expect(reasonOf(stdout)).toContain(stderr.split('\n')[0]?.replace('claude-slack-hook: ', '') ?? '');
    expect(tookMs).toBeLessThan(1_500 * ROOM);
    expect(bench.slack.messages()).toEqual([]);
  };
  const tries = ({ slack }: TestBench): number => slack.calls('auth.test').length;
  const noneLeft = (bench: TestBench): Promise<void> =>
    bench.until(() => bench.daemons().length === 0, 'no daemon to be left');

  test.each(['bot', 'app'] as const)(
    '[S9] because the %s token is refused gives the reason ten times in a row, tries once, and leaves nothing running',
    (token) =>
      withBench(async (bench) => {
        bench.slack.revoke(token, true);
        await rounds(10, async () => {
          const ran = await bench.hook(payload('PreToolUse.Bash')).ended;
          if (isLate(ran)) return false;
          expectFailed(bench, ran, 'slack-auth');
          expect(ran.stdout).toContain('invalid_auth');
          return true;
        });
        await noneLeft(bench);
        expect(tries(bench)).toBe(1);
        expect(bench.slack.calls('apps.connections.open').length).toBeLessThanOrEqual(1);
      }),
  );

  test('[S9] is tried once by ten hooks at one instant', () =>
    rounds(1, () =>
      onBench(async (bench) => {
        bench.slack.revoke('bot', true);
        const outputs = await Promise.all((await herd(bench, 10)).map(({ ended }) => ended));
        const inTime = outputs.filter((ran) => !isLate(ran));
        for (const ran of inTime) expectFailed(bench, ran, 'slack-auth');
        await noneLeft(bench);
        expect(tries(bench)).toBe(1);
        return inTime.length === 10;
      }),
    ));

  test('[S9] with tokens that do not work is tried once, too, beside one that runs with others', () =>
    withBench(async (bench) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      const daemons = bench.daemons();
      await rounds(10, async () => {
        const env = { SLACK_BOT_TOKEN: 'xoxb-1-2-wrong' };
        const ran = await bench.hook(payload('PreToolUse.Bash'), { env }).ended;
        expect(decisionOf(ran.stdout)).toBe('ask');
        if (!isLate(ran)) expect(ran.stderr).toEndWith('code: slack-auth\n');
        return !isLate(ran);
      });
      expect(bench.slack.calls('auth.test').filter(({ tokenKind }) => tokenKind !== 'bot')).toHaveLength(1);
      await bench.until(() => bench.daemons().length === 1, 'the others to be gone');
      expect(bench.daemons()).toEqual(daemons);
      await bench.press(card, 'csh_approve');
      expect(decisionOf((await hook.ended).stdout)).toBe('allow');
    }));

  test('[S10] because Slack cannot be reached gives the reason, and leaves nothing running', () =>
    rounds(1, () =>
      onBench(async (bench) => {
        await bench.slack.refuse(true);
        const ran = await bench.hook(payload('PreToolUse.Bash')).ended;
        await noneLeft(bench);
        if (isLate(ran)) return false;
        expectFailed(bench, ran, 'slack-unreachable');
        const { stdout, exitCode, tookMs } = await bench.hook(payload('PermissionRequest.Bash')).ended;
        expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 0 });
        expect(tookMs).toBeLessThan(1_500 * ROOM);
        expect(bench.daemons()).toEqual([]);
        return true;
      }),
    ));
});
