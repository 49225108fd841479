/** A line in the daemon's log from a client that ends without a daemon. Never throws, never loads the logger. */
import { appendFileSync, lstatSync, mkdirSync } from 'node:fs';
import { statePaths } from './state.ts';

/** Appends in pino's form; 30 is its level `info`. */
export function logLine(env: Readonly<Record<string, string | undefined>>, msg: string): void {
  const { dir, log } = statePaths(env);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    if (lstatSync(log, { throwIfNoEntry: false })?.isFile() === false) return;
    appendFileSync(log, `${JSON.stringify({ level: 30, time: Date.now(), pid: process.pid, msg })}\n`, { mode: 0o600 });
  } catch {
    // A log that cannot be written must not cost the hook its answer.
  }
}
