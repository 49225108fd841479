/** `--stop`: ends this user's daemon and nothing else. */
import { lstatSync, readFileSync, rmSync } from 'node:fs';
import { isLocked } from '../daemon-lock.ts';
import { AppError } from '../errors.ts';
import { type DaemonIdentity, identityOf } from '../process-identity.ts';
import { prepareDirectory, type RuntimePaths, runtimePaths } from '../socket.ts';
import type { Said } from '../types.ts';

/** After this a daemon that was asked to end is killed. */
const PATIENCE_MS = 2_000;
const POLL_MS = 10;

/** Idempotent. Throws AppError('not-stopped' | 'socket-dir') when a daemon is left that must not be signalled. */
export async function runStop(env: Readonly<Record<string, string | undefined>>): Promise<Said> {
  const paths = runtimePaths(env);
  if (lstatSync(paths.dir, { throwIfNoEntry: false }) === undefined) return said('No daemon is running.');
  prepareDirectory(paths.dir);
  if (!isLocked(paths.lock)) {
    removeLeftovers(paths);
    return said('No daemon is running.');
  }
  const pid = daemonPid(paths);
  process.kill(pid, 'SIGTERM');
  if (!(await isFreed(paths.lock))) {
    // The identity is checked again: in two seconds the id may have gone to another process.
    if (daemonPid(paths) === pid) process.kill(pid, 'SIGKILL');
    if (!(await isFreed(paths.lock))) throw new AppError('not-stopped', `The daemon (process ${pid}) did not end`);
    removeLeftovers(paths);
    return said(`Killed the daemon (process ${pid}): it did not end by itself.`);
  }
  removeLeftovers(paths);
  return said(`Stopped the daemon (process ${pid}).`);
}

/** The process that holds the lock, only if it is the one that wrote server.json: same id, start time and executable. */
function daemonPid({ identity }: RuntimePaths): number {
  let kept: DaemonIdentity;
  try {
    kept = JSON.parse(readFileSync(identity, 'utf8')) as DaemonIdentity;
  } catch (error) {
    throw new AppError('not-stopped', `A daemon is running, but ${identity} does not say which process it is`, {
      cause: error,
    });
  }
  const running = Number.isSafeInteger(kept.pid) && kept.pid > 1 ? identityOf(kept.pid) : undefined;
  if (running === undefined || running.startTime !== kept.startTime || running.exe !== kept.exe) {
    throw new AppError('not-stopped', `A daemon is running, but process ${kept.pid} is not it`);
  }
  return kept.pid;
}

async function isFreed(lock: string): Promise<boolean> {
  const until = performance.now() + PATIENCE_MS;
  while (isLocked(lock)) {
    if (performance.now() >= until) return false;
    await Bun.sleep(POLL_MS);
  }
  return true;
}

function removeLeftovers({ socket, pid, identity, failure }: RuntimePaths): void {
  for (const path of [socket, pid, identity, failure]) rmSync(path, { force: true, recursive: true });
}

function said(text: string): Said {
  return { stdout: `${text}\n`, stderr: '', exitCode: 0 };
}
