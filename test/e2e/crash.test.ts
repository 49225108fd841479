/** What a daemon leaves behind when it dies, and that the next one goes on with it. */
import { describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import { type Hook, hasButtons, payload, TEST_BINARY, type TestBench, textOf, withBench } from './bench.ts';

interface Pending {
  readonly hook: Hook;
  readonly card: EmulatedMessage;
}

async function askMany(bench: TestBench, count: number): Promise<readonly Pending[]> {
  const pending: Pending[] = [];
  while (pending.length < count) pending.push(await bench.ask(payload('PreToolUse.Bash')));
  // A card can be seen a moment before the daemon has written down where it is.
  const posted = (): number => bench.audit().filter(({ type }) => type === 'posted').length;
  await bench.until(() => posted() >= count, 'the cards to be on record');
  return pending;
}

function killDaemon({ daemons }: TestBench): void {
  for (const pid of daemons()) process.kill(pid, 'SIGKILL');
}

/** Resolves when another daemon than those is connected to Slack. */
async function newDaemon(bench: TestBench, before: readonly number[]): Promise<void> {
  await bench.until(() => bench.daemons().some((pid) => !before.includes(pid)), 'a new daemon');
  await bench.until(() => bench.slack.connections() === 1, 'a connection to Slack');
}

const decisionOf = (stdout: string): unknown => JSON.parse(stdout).hookSpecificOutput.permissionDecision;
const closedCard = ({ slack }: TestBench, { ts }: EmulatedMessage): Promise<EmulatedMessage> =>
  slack.waitForMessage((message) => message.ts === ts && !hasButtons(message));

describe('a daemon that is killed', () => {
  test('loses nothing: presses on the messages that are there answer every hook, and no card is posted again', () =>
    withBench(async (bench) => {
      const pending = await askMany(bench, 5);
      const posts = bench.slack.calls('chat.postMessage').length;
      const before = bench.daemons();
      killDaemon(bench);
      await newDaemon(bench, before);
      for (const [index, { card }] of pending.entries())
        await bench.press(card, index % 2 === 0 ? 'csh_approve' : 'csh_deny');
      for (const [index, { hook, card }] of pending.entries()) {
        expect(decisionOf((await hook.ended).stdout)).toBe(index % 2 === 0 ? 'allow' : 'deny');
        expect(textOf(await closedCard(bench, card))).toContain(index % 2 === 0 ? 'Approved' : 'Denied');
      }
      expect(bench.slack.calls('chat.postMessage')).toHaveLength(posts);
      expect(bench.daemons()).toHaveLength(1);
    }));
});

/** A person who presses Approve on whatever asks for it, again when nothing comes of it. */
async function approveAll(bench: TestBench, hooks: readonly Hook[]): Promise<readonly string[]> {
  const outputs: string[] = [];
  for (const hook of hooks) void hook.ended.then(({ stdout }) => outputs.push(stdout));
  const pressedAt = new Map<string, number>();
  const isDue = ({ ts }: EmulatedMessage): boolean => performance.now() - (pressedAt.get(ts) ?? -1e9) > 1_500;
  while (outputs.length < hooks.length) {
    for (const card of bench.slack.messages().filter((message) => hasButtons(message) && isDue(message))) {
      pressedAt.set(card.ts, performance.now());
      // A press without a connection is Slack's to warn about.
      await bench.press(card, 'csh_approve').catch(() => {});
    }
    await bench.until(
      () => outputs.length === hooks.length || bench.slack.messages().some((card) => hasButtons(card) && isDue(card)),
      'the next card or answer',
    );
  }
  return outputs;
}

/** What must hold whatever happened: one end for each request, no allow that is not on record, no button left, an unbroken log. */
async function expectTruth(bench: TestBench, outputs: readonly string[]): Promise<void> {
  await bench.until(() => !bench.slack.messages().some(hasButtons), 'every card to be closed');
  const ends = bench.audit().filter(({ type }) => type === 'ended');
  expect(new Set(ends.map(({ id }) => id)).size).toBe(ends.length);
  const allows = outputs.filter((stdout) => decisionOf(stdout) === 'allow').length;
  expect(ends.filter(({ kind }) => kind === 'allowed').length).toBeGreaterThanOrEqual(allows);
  expect(await bench.run(['history', 'verify'])).toMatchObject({ exitCode: 0 });
}

describe.concurrent('a daemon that dies', () => {
  const crashing = (bench: TestBench, at: string, more: Record<string, string> = {}) => ({
    command: [TEST_BINARY],
    env: { CSH_CRASH_AT: at, CSH_CRASH_MARK: join(bench.home, 'crashed'), ...more },
  });

  test.each([
    ['lock-held', {}],
    ['before-listen', {}],
    ['after-accept:3', {}],
    ['before-post:3', {}],
    ['after-post-before-journal:3', {}],
    ['after-journal:3', {}],
    ['click-before-audit:2', {}],
    ['audit-before-reply:2', {}],
    ['reply-half-written:2', {}],
    ['after-reply-before-edit:2', {}],
    ['during-rotate', { CSH_LOG_BYTES: '4000' }],
  ])(
    'at %s loses no request and allows nothing that is not on record',
    (point, more) =>
      withBench(async (bench) => {
        const hooks = Array.from({ length: 5 }, () =>
          bench.hook(payload('PreToolUse.Bash'), crashing(bench, point, more)),
        );
        const outputs = await approveAll(bench, hooks);
        expect(existsSync(join(bench.home, 'crashed'))).toBe(true);
        expect(outputs.map(decisionOf)).toEqual(Array(5).fill('allow'));
        await expectTruth(bench, outputs);
      }),
    60_000,
  );

  test(
    'while it stops has answered, and the next one closes its cards',
    () =>
      withBench(async (bench) => {
        const run = crashing(bench, 'during-drain');
        const hooks = Array.from({ length: 5 }, () => bench.hook(payload('PreToolUse.Bash'), run));
        await bench.until(() => bench.slack.messages().filter(hasButtons).length === 5, 'the cards');
        await bench.until(() => bench.audit().filter(({ type }) => type === 'posted').length === 5, 'their record');
        await bench.run(['--stop']);
        expect(existsSync(join(bench.home, 'crashed'))).toBe(true);
        const outputs = await Promise.all(hooks.map(async ({ ended }) => (await ended).stdout));
        expect(outputs.map(decisionOf)).toEqual(Array(5).fill('ask'));
        const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), run);
        await bench.press(card, 'csh_deny');
        await hook.ended;
        await expectTruth(bench, outputs);
      }),
    60_000,
  );
});
