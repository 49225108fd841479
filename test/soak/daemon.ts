/** What can be seen of a daemon from outside. Asks the program itself where it can, so that no path has to be known here. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { TestBench } from '../e2e/bench.ts';
import { rssOf } from '../e2e/processes.ts';

const LOOK_MS = 10;

export interface Seen {
  readonly pid: number;
  readonly pending: number;
  readonly slack: string;
}

/** What `--status` says; undefined when no daemon runs. */
export async function statusOf({ run }: TestBench): Promise<Seen | undefined> {
  const { stdout } = await run(['--status']);
  const [, pid] = /^daemon: .* process (\d+)/m.exec(stdout) ?? [];
  const [, pending = 'none'] = /^pending: +(\S+)/m.exec(stdout) ?? [];
  const [, slack = ''] = /^slack: +(\S+)/m.exec(stdout) ?? [];
  if (pid === undefined) return undefined;
  return { pid: Number(pid), pending: pending === 'none' ? 0 : Number(pending), slack };
}

/** Throws when no daemon runs. */
export async function daemonOf(bench: TestBench): Promise<number> {
  const seen = await statusOf(bench);
  if (seen === undefined) throw new Error('Expected a daemon, there is none');
  return seen.pid;
}

/** Resident memory of a process, in MB. */
export function rssMbOf(pid: number): number {
  return rssOf(pid) / 1_048_576;
}

/** How many descriptors a process has open. The daemon hides which ones from its own user, but the kernel (6.2+) tells the number as a size. */
export function descriptorsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return statSync(`/proc/${pid}/fd`).size;
  }
}

/** How many sockets listen at a path, also those whose name another has taken since: each is a daemon that has won the lock. */
function listenersAt(path: string): number {
  const ACCEPTS = '00010000';
  return readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .filter((line) => line.endsWith(` ${path}`) && line.split(/\s+/)[3] === ACCEPTS).length;
}

/** Looks again and again how many sockets listen at a path; `stop` ends that and tells the most that there were. */
export function watchListeners(path: string): { stop(): number } {
  let most = 0;
  const look = (): void => {
    most = Math.max(most, listenersAt(path));
  };
  const timer = setInterval(look, LOOK_MS);
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return most;
    },
  };
}

/** The most memory that a process ever had, in MB. */
export function peakOf(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
