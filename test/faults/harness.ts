/**
 * What the tests of this folder share. The ids in front of their names are those of docs/promises.md: each test proves a
 * case with the compiled program, Slack's own libraries in its daemon, and the strict local Slack.
 */
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BINARY, type Hook, hasButtons, payload, type RunOptions, repeat, type TestBench } from '../e2e/bench.ts';
import type { Button } from '../e2e/cards.ts';
import { isAlive } from '../e2e/processes.ts';

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

/** Presses this button once on every card that there is and comes, until it is told to stop. */
export function answerAll(bench: TestBench, button: Button): () => void {
  const { slack, press } = bench;
  const seen = new Set<string>();
  return repeat(bench, 10, () => {
    for (const card of slack.messages().filter((message) => !seen.has(message.ts) && hasButtons(message))) {
      seen.add(card.ts);
      press(card, button).catch(() => seen.delete(card.ts));
    }
  });
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
  const stop = repeat(bench, 20, look);
  return () => {
    look();
    stop();
    return { daemons, connections };
  };
}
