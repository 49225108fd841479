/** What a daemon leaves behind when it dies, and that the next one goes on with it. */
import { describe, expect, test } from 'bun:test';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import { type Hook, hasButtons, payload, type TestBench, textOf, withBench } from './bench.ts';

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
