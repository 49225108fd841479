import { describe, expect, test } from 'bun:test';
import { patienceUntil } from '../src/patience.ts';

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

  test('knows a process that waits for its turn from one that does not', async () => {
    // As many that only calculate as there are processors, at a higher priority than what they calculate beside.
    const program = `
      const { patienceUntil } = await import(${JSON.stringify(new URL('../src/patience.ts', import.meta.url).pathname)});
      const startedAt = performance.now();
      while (performance.now() - startedAt < 300);
      console.log(patienceUntil(0)() > 0);`;
    const busy = Array.from({ length: 4 * navigator.hardwareConcurrency }, () =>
      Bun.spawn([process.execPath, '-e', 'for (;;);'], { stdout: 'ignore', stderr: 'ignore' }),
    );
    try {
      const starved = Bun.spawn([process.execPath, '-e', program], { stdout: 'pipe' });
      expect(await starved.stdout.text()).toBe('true\n');
    } finally {
      for (const child of busy) child.kill('SIGKILL');
    }
  });
});
