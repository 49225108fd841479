/** What a daemon leaves behind when it dies, and that the next one goes on with it. */
import { describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import { type Hook, hasButtons, payload, TEST_BINARY, type TestBench, textOf, withBench } from './bench.ts';
import { askMany, closedCard, decisionOf, press, pressUntil } from './cards.ts';
import { signalAll } from './processes.ts';

function killDaemon({ daemons }: TestBench): void {
  signalAll(daemons(), 'SIGKILL');
}

/** Kills the daemon, and resolves when another one is connected to Slack: the connection of the first may seem to live a moment longer. */
async function replaceDaemon(bench: TestBench): Promise<void> {
  const before = bench.slack.connectionsEver();
  killDaemon(bench);
  await bench.until(() => bench.slack.connectionsEver() > before, 'a new connection to Slack');
  await bench.until(() => bench.slack.connections() === 1, 'the old one to be gone');
}

describe('a daemon that is killed', () => {
  test('[P18] loses nothing: presses on the messages that are there answer every hook, and no card is posted again', () =>
    withBench(async (bench) => {
      const pending = await askMany(bench, 5);
      const posts = bench.slack.calls('chat.postMessage').length;
      await replaceDaemon(bench);
      const again = (): number => bench.log().split('request asked again').length - 1;
      await bench.until(() => again() === 5, 'all to wait at a new daemon', 3_000);
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
  await pressUntil(
    bench,
    () =>
      bench.slack
        .messages()
        .filter(hasButtons)
        .map((card) => ({ card })),
    // A press without a connection is Slack's to warn about.
    ({ card }) => bench.press(card, 'csh_approve').catch(() => {}),
    () => outputs.length === hooks.length,
  );
  return outputs;
}

/** What must hold whatever happened: one end for each request, no allow that is not on record, no button left, an unbroken log. */
async function expectTruth(bench: TestBench, outputs: readonly string[]): Promise<void> {
  // A card that was posted in the moment of death is on no record: there is another one, and a press here says so.
  const posted = new Set(bench.audit().map(({ message }) => message));
  for (const copy of bench.slack
    .messages()
    .filter(({ ts }) => !posted.has(ts))
    .filter(hasButtons))
    await press(bench, copy, 'csh_approve');
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
    '[P29] at %s loses no request and allows nothing that is not on record',
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
    '[P29] while it stops has answered, and the next one closes its cards',
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

describe('the next daemon', () => {
  test('waits for Slack with what was shown already, when Slack is away just then', () =>
    withBench(async (bench) => {
      const [pending] = await askMany(bench, 1);
      const before = bench.daemons();
      await bench.slack.refuse(true);
      killDaemon(bench);
      await bench.until(() => bench.daemons().some((pid) => !before.includes(pid)), 'a new daemon');
      const log = (): string => bench.log().slice(bench.log().lastIndexOf('daemon listening'));
      await bench.until(() => log().includes('request asked again'), 'the hook to come back');
      await bench.slack.refuse(false);
      await bench.slack.waitForConnections(1);
      if (pending === undefined) throw new Error('expected a request');
      await bench.press(pending.card, 'csh_approve');
      expect(decisionOf((await pending.hook.ended).stdout)).toBe('allow');
    }));

  test('goes on with a list of requests in one message, row by row', () =>
    withBench(async (bench) => {
      const session_id = 'one-session';
      const first = await bench.ask(payload('PreToolUse.Bash', { session_id }));
      const others = [1, 2].map((number) =>
        bench.hook(payload('PreToolUse.Bash', { session_id, tool_input: { command: `echo ${number}` } })),
      );
      const list = await bench.slack.waitForMessage(({ text }) => text.startsWith('3 requests wait'));
      await bench.until(() => bench.audit().filter(({ message }) => message === list.ts).length === 3, 'its record');
      const posts = bench.slack.calls('chat.postMessage').length;
      await replaceDaemon(bench);
      const rowsOf = ({ blocks }: EmulatedMessage): readonly string[] =>
        blocks.map(({ block_id }) => String(block_id)).filter((id) => id.startsWith('csh_row_'));
      const current = (): EmulatedMessage => bench.slack.messages().find(({ ts }) => ts === list.ts) ?? list;
      for (const waiting of [3, 2, 1]) {
        const [blockId = ''] = rowsOf(current());
        await bench.slack.click({ channel: list.channel, ts: list.ts, actionId: 'csh_approve', blockId });
        await bench.slack.waitForMessage((message) => message.ts === list.ts && rowsOf(message).length < waiting);
      }
      for (const hook of [first.hook, ...others]) expect(decisionOf((await hook.ended).stdout)).toBe('allow');
      expect(bench.slack.calls('chat.postMessage')).toHaveLength(posts);
    }));

  test(
    'closes the cards of hooks that died with the daemon, and says why',
    () =>
      withBench(async (bench) => {
        const [pending] = await askMany(bench, 1);
        if (pending === undefined) throw new Error('expected a request');
        killDaemon(bench);
        pending.hook.kill('SIGKILL');
        const next = await bench.ask(payload('PreToolUse.Bash'));
        // Until then its hook could have come back.
        expect(textOf(await closedCard(bench, pending.card))).toContain('no longer waits');
        await bench.press(next.card, 'csh_deny');
        await next.hook.ended;
        expect(bench.audit().filter(({ type, kind }) => type === 'ended' && kind === 'withdrawn')).toHaveLength(1);
      }),
    30_000,
  );

  test('does not run another input than the one that was approved, when a mask stands in what is on record', () =>
    withBench(async (bench) => {
      const run = {
        command: [TEST_BINARY],
        env: { CSH_CRASH_AT: 'audit-before-reply', CSH_CRASH_MARK: join(bench.home, 'crashed') },
      };
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), run);
      await bench.slack.click({ channel: card.channel, ts: card.ts, actionId: 'csh_edit' });
      const view = await bench.slack.waitForView(() => true);
      const value = `echo xoxb-1234567890-${'a'.repeat(24)}`;
      await bench.slack.submitView({
        viewId: view.id,
        values: { csh_edit_0: { csh_input: { type: 'plain_text_input', value } } },
      });
      const { stdout, stderr } = await hook.ended;
      expect(decisionOf(stdout)).toBe('ask');
      expect(stderr).toContain('code: audit');
      expect(bench.audit().find(({ type }) => type === 'ended')).toMatchObject({ kind: 'allowed', masked: true });
    }));
});
