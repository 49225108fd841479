/** Processes that end while something waits for them; see harness.ts about the ids. Others of these cases are in test/e2e. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, readdirSync } from 'node:fs';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import { hasButtons, payload, ROOM, socketOf, type TestBench, textOf, withBench } from '../e2e/bench.ts';
import { askMany, closedCard, decisionOf, type Pending, reasonOf } from '../e2e/cards.ts';

setDefaultTimeout(60_000);

/** Four that stop their agent, and one with a prompt of its own. */
async function fivePending(bench: TestBench): Promise<readonly Pending[]> {
  return [...(await askMany(bench, 4)), await bench.ask(payload('PermissionRequest.Bash'))];
}

/** Each hook has its failure answer within a second of `since`, and each card says what happened. */
async function expectStopped(bench: TestBench, pending: readonly Pending[], since: number): Promise<void> {
  const outputs = await Promise.all(pending.map(({ hook }) => hook.ended));
  expect(performance.now() - since).toBeLessThan(1_000 * ROOM);
  for (const { stdout, exitCode } of outputs.slice(0, 4)) {
    expect({ decision: decisionOf(stdout), exitCode }).toEqual({ decision: 'ask', exitCode: 0 });
    expect(reasonOf(stdout)).toContain('The daemon was stopped.');
  }
  expect(outputs[4]).toMatchObject({ stdout: '', exitCode: 0 });
  const ends = bench.audit().filter(({ type }) => type === 'ended');
  expect(ends.map(({ kind }) => kind)).toEqual(Array(5).fill('stopped'));
}

async function expectClosed(bench: TestBench, pending: readonly Pending[]): Promise<void> {
  for (const { card } of pending) expect(textOf(await closedCard(bench, card))).toContain('Stopped – not approved');
}

describe('a daemon that is told to stop while five requests wait', () => {
  test('[P20] by --stop answers them, closes their cards, and is gone with its files', () =>
    withBench(async (bench) => {
      const pending = await fivePending(bench);
      const startedAt = performance.now();
      const stopped = await bench.run(['--stop']);
      expect(stopped).toMatchObject({ exitCode: 0, stderr: '' });
      expect(stopped.tookMs).toBeLessThan(2_000 * ROOM);
      expect(bench.daemons()).toEqual([]);
      expect(readdirSync(bench.socketDir)).toEqual(['server.lock']);
      await expectStopped(bench, pending, startedAt);
      await expectClosed(bench, pending);
      // None of them has come back and started another one.
      expect(bench.daemons()).toEqual([]);
      expect(bench.log().match(/daemon listening/g)).toHaveLength(1);
    }));

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('[P20] by %s does the same, with exit code 0', (signal) =>
    withBench(async (bench) => {
      const daemon = bench.hook('', { args: ['daemon'], env: { __CLAUDE_SLACK_SERVER__: '1' } });
      await bench.until(() => existsSync(socketOf(bench)), 'the daemon to listen');
      const pending = await fivePending(bench);
      daemon.kill(signal);
      const signalledAt = performance.now();
      await expectStopped(bench, pending, signalledAt);
      expect(await daemon.ended).toMatchObject({ exitCode: 0, stdout: '' });
      expect(performance.now() - signalledAt).toBeLessThan(2_000 * ROOM);
      expect(readdirSync(bench.socketDir)).toEqual(['server.lock']);
      await expectClosed(bench, pending);
    }),
  );

  test('[P20] does not wait for a Slack that takes no edits', () =>
    withBench(async (bench) => {
      const pending = await fivePending(bench);
      const mend = bench.slack.fault('chat.update', { kind: 'hang' }, Number.POSITIVE_INFINITY);
      const startedAt = performance.now();
      const stopped = await bench.run(['--stop']);
      expect(stopped).toMatchObject({ exitCode: 0, stderr: '' });
      expect(stopped.stdout).toStartWith('Stopped the daemon');
      expect(stopped.tookMs).toBeLessThan(2_000 * ROOM);
      await expectStopped(bench, pending, startedAt);
      // The next daemon closes what this one could not.
      mend();
      const next = await bench.ask(payload('PreToolUse.Bash'));
      await expectClosed(bench, pending);
      await bench.press(next.card, 'csh_deny');
      expect(decisionOf((await next.hook.ended).stdout)).toBe('deny');
    }));
});

describe('a hook that dies before Slack has answered the post of its card', () => {
  const alone = { args: ['--threads', 'off'] };

  test.each([
    ['is there already', 'before'],
    ['comes after that', 'after'],
  ] as const)(
    '[P25] leaves a card that is closed as soon as it is there, and never says allowed, when it %s',
    (_when, effect) =>
      withBench(async (bench) => {
        const { slack } = bench;
        slack.fault('chat.postMessage', { kind: 'delay', ms: 1_500, effect });
        const hook = bench.hook(payload('PreToolUse.Bash'), alone);
        await slack.waitForCall(({ method }) => method === 'chat.postMessage');
        const early = effect === 'before' ? await slack.waitForMessage(hasButtons) : undefined;
        hook.kill('SIGKILL');
        await hook.ended;
        await bench.until(() => bench.decisions().at(-1)?.kind === 'withdrawn', 'the withdrawal');
        // Whoever sees it in this moment presses in vain, and hears so.
        if (early !== undefined) await bench.press(early, 'csh_approve');
        else expect(slack.messages()).toEqual([]);
        // The press may have taken the buttons a moment before.
        const isWithdrawn = ({ text }: EmulatedMessage): boolean => text.startsWith('Withdrawn');
        const card = await slack.waitForMessage(isWithdrawn, 1_500 + 1_000 * ROOM);
        expect(hasButtons(card)).toBe(false);
        if (early !== undefined) expect(card.ts).toBe(early.ts);
        if (early !== undefined) await slack.waitForMessage(({ ephemeralFor }) => ephemeralFor === slack.user.id);
        expect(JSON.stringify(slack.calls('chat.update'))).not.toContain('Approved');
        const ends = bench.audit().filter(({ type }) => type === 'ended');
        expect(ends).toMatchObject([{ kind: 'withdrawn' }]);
      }),
  );
});
