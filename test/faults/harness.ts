/**
 * What the tests of this folder share. The ids in front of their names are those of docs/promises.md: each test proves a
 * case with the compiled program, Slack's own libraries in its daemon, and the strict local Slack.
 */
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import { BINARY, type Hook, hasButtons, payload, type RunOptions, type TestBench } from '../e2e/bench.ts';

/** Bounds of the cases are asserted with so much room: they guard against hangs, also where two cores have much to do. */
export const ROOM = 5;

export const decisionOf = (stdout: string): unknown => JSON.parse(stdout).hookSpecificOutput.permissionDecision;
/** What a PreToolUse is told when nobody has decided, and why. */
export const reasonOf = (stdout: string): string => JSON.parse(stdout).hookSpecificOutput.permissionDecisionReason;

/** The message of a card once it has no buttons. */
export function closedCard({ slack }: TestBench, { ts }: EmulatedMessage, boundMs?: number): Promise<EmulatedMessage> {
  return slack.waitForMessage((message) => message.ts === ts && !hasButtons(message), boundMs);
}

/** Lets so many at a time have the processor: of tests that mostly wait, more than a few at once only keep each other waiting. */
export function turns(count: number): <T>(body: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let left = count;
  return async (body) => {
    if (left > 0) left -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await body();
    } finally {
      const next = waiting.shift();
      if (next === undefined) left += 1;
      else next();
    }
  };
}

/** Asks so often, and resolves when every card is on record: it can be seen a moment before. */
export async function askMany(bench: TestBench, count: number, run?: RunOptions) {
  const pending = [];
  const posted = (): number => bench.audit().filter(({ type }) => type === 'posted').length;
  const before = posted();
  while (pending.length < count) pending.push(await bench.ask(payload('PreToolUse.Bash'), run));
  await bench.until(() => posted() - before >= count, 'the cards to be on record');
  return pending;
}

/** Presses this button once on every card that there is and comes, until it is told to stop. */
export function answerAll({ slack, press }: TestBench, button: 'csh_approve' | 'csh_deny'): () => void {
  const seen = new Set<string>();
  const timer = setInterval(() => {
    for (const card of slack.messages().filter((message) => !seen.has(message.ts) && hasButtons(message))) {
      seen.add(card.ts);
      press(card, button).catch(() => seen.delete(card.ts));
    }
  }, 10);
  return () => clearInterval(timer);
}

/** Starts so many hooks at one instant: shells wait behind a gate until all of them are there. */
export async function herd(bench: TestBench, count: number, run: (index: number) => RunOptions = () => ({})) {
  const dir = mkdtempSync(join(bench.home, 'herd-'));
  const gate = join(dir, 'gate');
  mkdirSync(join(dir, 'here'));
  if (Bun.spawnSync(['mkfifo', gate]).exitCode !== 0) throw new Error('Expected to make a gate');
  const wait = ': > "$0/here/$$"; : < "$0/gate"; exec "$1"';
  const hooks: Hook[] = Array.from({ length: count }, (_, index) =>
    bench.hook(payload('PreToolUse.Bash'), { ...run(index), command: ['/bin/sh', '-c', wait, dir, BINARY] }),
  );
  await bench.until(() => readdirSync(join(dir, 'here')).length === count, 'all to be at the gate');
  const opened = openSync(gate, 'r+');
  void Promise.all(hooks.map(({ ended }) => ended)).finally(() => closeSync(opened));
  return hooks;
}

/** Looks every 20 ms how many daemons there are that have listened, and how many connections to Slack; the most of both. */
export function watch(bench: TestBench): () => { readonly daemons: number; readonly connections: number } {
  let daemons = 0;
  let connections = 0;
  const look = (): void => {
    const named = [...bench.log().matchAll(/"pid":(\d+).*"daemon listening"/g)].map(([, pid]) => Number(pid));
    daemons = Math.max(daemons, named.filter(isAlive).length);
    connections = Math.max(connections, bench.slack.connections());
  };
  const timer = setInterval(look, 20);
  return () => {
    look();
    clearInterval(timer);
    return { daemons, connections };
  };
}

export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** The processes below one by parent ids, whatever their session, as agents find whom to signal. */
export function descendants(root: number): readonly number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return [[Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])] as const];
      } catch {
        return [];
      }
    });
  const below = (pid: number): readonly number[] =>
    parents.filter(([, parent]) => parent === pid).flatMap(([child]) => [child, ...below(child)]);
  return below(root);
}

/** Signals those that are still there. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}
