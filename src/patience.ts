/** How long a hook goes on trying to reach a daemon: a fixed time, and longer while the machine has no time for it. */
import { readSmallFile } from './file-status.ts';

/** How many milliseconds are left; zero or less once it is over. */
export type Patience = () => number;

/** However starved we are, somebody waits for us: no longer than this beyond the usual time, in milliseconds. */
const MOST_MORE_MS = 6_000;
/** How much longer each time that we find ourselves starved. */
const MORE_MS = 250;

export interface PatienceOptions {
  readonly now?: () => number;
  readonly isStarved?: () => boolean;
}

/** @param end when it is over on a machine that has time for us, on the clock of performance.now() */
export function patienceUntil(
  end: number,
  { now = () => performance.now(), isStarved = isProcessStarved }: PatienceOptions = {},
): Patience {
  let until = end;
  return () => {
    const time = now();
    if (time < until) return until - time;
    if (time < end + MOST_MORE_MS && isStarved()) until = time + MORE_MS;
    return until - time;
  };
}

/**
 * Whether this process has waited for a processor at least half as long as it had one: then the daemon has, too. Linux tells
 * in nanoseconds (schedstat: time on a processor, time in the queue, slices); elsewhere the load of the last minute must do.
 */
function isProcessStarved(): boolean {
  const [ran, queued] = (readSmallFile('/proc/self/schedstat') ?? '').split(' ').map(Number);
  if (ran !== undefined && queued !== undefined) return queued > ran / 2;
  const [load = 0] = process.getBuiltinModule('node:os').loadavg();
  return load > 2 * navigator.hardwareConcurrency;
}
