/** `--stop`: ends this user's daemon and nothing else. */
import { lstatSync, rmSync } from 'node:fs';
import { readIdentity } from '../daemon-files.ts';
import { isLocked, takeLock } from '../daemon-lock.ts';
import { AppError } from '../errors.ts';
import { identityOf } from '../process-identity.ts';
import { prepareDirectory, type RuntimePaths, runtimePaths } from '../socket.ts';
import type { Said } from '../types.ts';

/** After this a daemon that was asked to end is killed. */
const PATIENCE_MS = 2_000;
/** A daemon that starts or ends has no valid identity for a moment. */
const SETTLING_MS = 500;
const POLL_MS = 10;

/** Idempotent. Throws AppError('not-stopped' | 'socket-dir') when a daemon is left that must not be signalled. */
export async function runStop(env: Readonly<Record<string, string | undefined>>): Promise<Said> {
  const paths = runtimePaths(env);
  if (lstatSync(paths.dir, { throwIfNoEntry: false }) === undefined) return said('No daemon is running.');
  prepareDirectory(paths.dir);
  const pid = await findDaemon(paths);
  if (pid === undefined) return said('No daemon is running.');
  signal(pid, 'SIGTERM');
  if (await hasEnded(paths, pid)) return said(`Stopped the daemon (process ${pid}).`);
  // The identity is checked again: in two seconds the id may have gone to another process.
  if (identifiedDaemon(paths) === pid) signal(pid, 'SIGKILL');
  if (await hasEnded(paths, pid)) return said(`Killed the daemon (process ${pid}): it did not end by itself.`);
  throw new AppError('not-stopped', `The daemon (process ${pid}) did not end`);
}

/** Undefined when none runs. One that starts or ends just now is waited for: its identity comes or its lock goes. */
async function findDaemon(paths: RuntimePaths): Promise<number | undefined> {
  const until = performance.now() + SETTLING_MS;
  for (;;) {
    if (!isLocked(paths.lock)) {
      removeLeftovers(paths);
      return undefined;
    }
    const pid = identifiedDaemon(paths);
    if (pid !== undefined) return pid;
    if (performance.now() >= until) {
      throw new AppError('not-stopped', `A daemon is running, but ${paths.identity} does not say which process it is`);
    }
    await Bun.sleep(POLL_MS);
  }
}

/** The process that wrote server.json, only if it still is that one: same id, start time and executable. */
function identifiedDaemon({ identity }: RuntimePaths): number | undefined {
  const kept = readIdentity(identity);
  const running = kept === undefined || kept.pid <= 1 ? undefined : identityOf(kept.pid);
  if (running === undefined || running.startTime !== kept?.startTime) return undefined;
  return running.exe === '' || running.exe === kept.exe ? kept.pid : undefined;
}

/** Whether this daemon is gone; another one that has come up meanwhile is left alone. */
async function hasEnded(paths: RuntimePaths, pid: number): Promise<boolean> {
  const until = performance.now() + PATIENCE_MS;
  while (isLocked(paths.lock) && identifiedDaemon(paths) === pid) {
    if (performance.now() >= until) return false;
    await Bun.sleep(POLL_MS);
  }
  removeLeftovers(paths);
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It ended by itself meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Under the lock, so that a daemon that starts just now keeps its files. */
function removeLeftovers({ lock, socket, pid, identity, failure }: RuntimePaths): void {
  const held = takeLock(lock);
  if (held === undefined) return;
  for (const path of [socket, pid, identity, failure]) rmSync(path, { force: true, recursive: true });
  held.release();
}

function said(text: string): Said {
  return { stdout: `${text}\n`, stderr: '', exitCode: 0 };
}
