/** One request of a long run: asked by a process or over the socket, perhaps killed, and how it ended. */
import { payload, type TestBench } from '../e2e/bench.ts';
import type { Button } from './cards.ts';
import { decisionOf, type Ending, endingOf } from './hooks.ts';
import { askAsPeer } from './peer.ts';
import { passed } from './soak.ts';
import { isProcess, type Trouble, troubleOf } from './troubles.ts';

export interface Asked {
  readonly index: number;
  readonly trouble: Trouble | undefined;
  /** What its approver has pressed so far. */
  readonly pressed: Set<Button>;
  /** Undefined while it waits. `silent`: nothing came in all that time; `twice`: more than one answer. */
  ending: Ending | 'silent' | 'twice' | undefined;
}

/** Several tries of a call that hangs for 8 s, and then some. */
const ANSWER_MS = 120_000;
/** A second answer would come at once. */
const TWICE_MS = 20;
/** From before the hook is connected to after most cards are shown. */
const KILL_WITHIN_MS = 300;

/** Asks, and resolves when it has ended. */
export async function ask(bench: TestBench, asked: Asked): Promise<void> {
  const input = payload('PreToolUse.Bash', {
    tool_input: { command: `echo ${markOf(asked.index)}`, description: 'One of many' },
  });
  asked.ending = isProcess(asked.index) ? await askByProcess(bench, asked.index, input) : await askByPeer(bench, input);
}

/** What a request's card and record are known by. */
function markOf(index: number): string {
  return `request-${index}-end`;
}

/** The number in a text that has a mark. */
export function indexIn(text: string): number {
  return Number(/request-(\d+)-end/.exec(text)?.[1]);
}

async function askByProcess(bench: TestBench, index: number, input: unknown): Promise<Asked['ending']> {
  const hook = bench.hook(input);
  const trouble = troubleOf(index);
  const signal = trouble === 'hook-sigkill' ? 'SIGKILL' : trouble === 'hook-sigterm' ? 'SIGTERM' : undefined;
  if (signal !== undefined) void passed(Math.random() * KILL_WITHIN_MS).then(() => hook.kill(signal));
  const ran = await Promise.race([hook.ended, passed(ANSWER_MS)]);
  return ran === undefined ? 'silent' : endingOf(ran);
}

async function askByPeer(bench: TestBench, input: Record<string, unknown>): Promise<Asked['ending']> {
  const peer = await askAsPeer(bench, input).catch(() => undefined);
  // A hook would say so.
  if (peer === undefined) return 'failed';
  const line = await Promise.race([peer.first, passed(ANSWER_MS)]);
  await passed(TWICE_MS);
  peer.close();
  if (line === undefined) return 'silent';
  if (peer.lines.length > 1) return 'twice';
  const said = decisionOf(line);
  return said === 'allow' || said === 'deny' ? said : said === 'ask' ? 'failed' : 'wrong';
}
