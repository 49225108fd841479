/** Many processes at one instant: each waits in a shell for a pipe to be opened for writing, and becomes the program then. */
import { closeSync, constants, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestBench } from '../e2e/bench.ts';
import { passed } from './soak.ts';

export interface Barrier {
  /** The command that waits; `stdin` is the file that the program reads. */
  command(program: readonly string[], stdin?: string): readonly string[];
  /** Resolves when so many wait. */
  full(count: number): Promise<void>;
  /** Lets them all go. */
  open(): void;
}

const GATHER_MS = 60_000;
/** From the word that it is there to its waiting. */
const SETTLE_MS = 200;

/** A new barrier in the bench's home, with names of its own. */
export function createBarrier(bench: TestBench, name: string): Barrier {
  const gate = join(bench.home, `${name}.gate`);
  const there = join(bench.home, `${name}.there`);
  if (Bun.spawnSync(['mkfifo', gate]).exitCode !== 0) throw new Error(`Expected to make the pipe ${gate}`);
  const arrived = (): number => (existsSync(there) ? readFileSync(there, 'utf8').length : 0);
  return {
    // Opening a pipe blocks until its other side is opened: the kernel wakes all of them at once.
    command: (program, stdin = '/dev/null') => [
      ...['/bin/sh', '-c', 'printf x >> "$0"; : < "$1"; stdin=$2; shift 2; exec "$@" < "$stdin"'],
      ...[there, gate, stdin, ...program],
    ],
    full: async (count) => {
      await bench.until(() => arrived() === count, `${count} to wait`, GATHER_MS);
      await passed(SETTLE_MS);
    },
    open: () => closeSync(openSync(gate, constants.O_WRONLY)),
  };
}
