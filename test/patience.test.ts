import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { patienceUntil } from '../src/patience.ts';

/** A machine that never has time for 300 ms of work in so long is no place for tests. */
const UNSTARVED_MS = 60_000;

/** What runs a command on one processor only. */
const ONE = oneProcessor();

function oneProcessor(): readonly string[] | undefined {
  if (Bun.which('taskset') === null) return undefined;
  const [, first = '0'] = /^Cpus_allowed_list:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return ['taskset', '-c', first];
}

describe('the patience of a hook', () => {
  const at = (end: number, isStarved: boolean) => {
    const clock = { now: 0, isStarved };
    return { clock, left: patienceUntil(end, { now: () => clock.now, isStarved: () => clock.isStarved }) };
  };

  test('ends when it is said to where the machine has time for it', () => {
    const { clock, left } = at(1_500, false);
    expect(left()).toBe(1_500);
    clock.now = 1_499;
    expect(left()).toBe(1);
    clock.now = 1_500;
    expect(left()).toBe(0);
    clock.now = 9_000;
    expect(left()).toBe(-7_500);
  });

  test('goes on a little at a time while the hook itself gets no processor', () => {
    const { clock, left } = at(1_500, true);
    clock.now = 1_500;
    expect(left()).toBe(250);
    clock.now = 1_700;
    clock.isStarved = false;
    expect(left()).toBe(50);
    clock.now = 1_750;
    expect(left()).toBe(0);
  });

  test('ends at last on a machine that never has time', () => {
    const { clock, left } = at(1_500, true);
    while (left() > 0 && clock.now < 60_000) clock.now += 10;
    expect(clock.now).toBeGreaterThanOrEqual(7_500);
    expect(clock.now).toBeLessThan(8_000);
  });

  describe('on this machine', () => {
    /** Prints whether it is starved after some work. */
    const program = `
      const { patienceUntil } = await import(${JSON.stringify(join(import.meta.dir, '../src/patience.ts'))});
      const startedAt = performance.now();
      while (performance.now() - startedAt < 300);
      console.log(patienceUntil(0)() > 0);`;
    const isStarved = (on: readonly string[] = []): Promise<string> =>
      Bun.spawn([...on, process.execPath, '-e', program], { stdout: 'pipe' }).stdout.text();

    test('knows a process that waits for its turn', async () => {
      // On one processor with others that only calculate; where that cannot be, on all of them.
      const [on, count] = ONE === undefined ? [[], Math.min(4 * navigator.hardwareConcurrency, 16)] : [ONE, 4];
      const busy = Array.from({ length: count }, () =>
        Bun.spawn([...on, process.execPath, '-e', 'for (;;);'], { stdout: 'ignore', stderr: 'ignore' }),
      );
      try {
        expect(await isStarved(on)).toBe('true\n');
      } finally {
        for (const child of busy) child.kill('SIGKILL');
      }
    });

    test(
      'knows one that does not',
      async () => {
        // Others may have all processors for a while, so that the first ones wait indeed.
        const bound = performance.now() + UNSTARVED_MS;
        let said = await isStarved();
        while (said === 'true\n' && performance.now() < bound) said = await isStarved();
        expect(said).toBe('false\n');
      },
      2 * UNSTARVED_MS,
    );
  });
});
