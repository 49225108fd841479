import { describe, expect, test } from 'bun:test';
import { type Pulse, watchOver } from '../src/waiting.ts';

/** A watch on a clock that only moves when told to. */
function watch() {
  const heard: Pulse = { heardAt: 0 };
  const said: string[] = [];
  let now = 0;
  let orphaned = false;
  let next: { at: number; call: () => void } | undefined;
  const stop = watchOver({
    pulse: heard,
    onSilent: () => said.push(`silent ${now}`),
    onOrphan: () => said.push(`orphan ${now}`),
    orphan: { isOrphaned: () => orphaned },
    now: () => now,
    after: (ms, call) => {
      next = { at: now + ms, call };
      return () => {
        next = undefined;
      };
    },
  });
  /** Lets time pass with every timer on time. */
  const run = (until: number): void => {
    while (next !== undefined && next.at <= until) {
      const { at, call } = next;
      next = undefined;
      now = at;
      call();
    }
    now = until;
  };
  /** Time passes, and nothing runs meanwhile. */
  const sleep = (until: number): void => {
    now = until;
    const due = next;
    next = undefined;
    due?.call();
  };
  const beat = (): void => {
    heard.heardAt = now;
  };
  return { said, run, sleep, beat, stop, lose: () => (orphaned = true), isWatching: () => next !== undefined };
}

describe('a daemon', () => {
  test('that beats is never given up', () => {
    const { said, run, beat } = watch();
    for (let at = 2_000; at < 600_000; at += 2_000) {
      run(at);
      beat();
    }
    expect(said).toEqual([]);
  });

  test('is given up 5 s after its last beat, once', () => {
    const { said, run, beat } = watch();
    run(2_345);
    beat();
    run(100_000);
    expect(said).toEqual(['silent 7395']);
  });

  test('is not given up when its beat has come in the last moment', () => {
    const { said, run, beat } = watch();
    run(5_010);
    beat();
    run(10_000);
    expect(said).toEqual([]);
  });

  test('is given another 5 s when we were stopped ourselves', () => {
    const { said, run, sleep } = watch();
    run(4_500);
    sleep(3_600_000);
    expect(said).toEqual([]);
    run(3_604_900);
    expect(said).toEqual([]);
    run(3_605_100);
    expect(said).toEqual(['silent 3605050']);
  });

  test('that never beats is given up, too', () => {
    const { said, run } = watch();
    run(60_000);
    expect(said).toEqual(['silent 5050']);
  });
});

describe('a hook', () => {
  test('whose agent is gone notices within a second, whatever the daemon does', () => {
    const { said, run, lose, beat } = watch();
    run(1_500);
    beat();
    lose();
    run(60_000);
    expect(said).toEqual(['orphan 2000']);
  });

  test('that has its answer looks after nothing any more', () => {
    const { said, run, stop, lose, isWatching } = watch();
    stop();
    lose();
    run(60_000);
    expect(said).toEqual([]);
    expect(isWatching()).toBe(false);
  });
});
