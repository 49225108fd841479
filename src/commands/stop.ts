/** `--stop`: ends this user's daemon and nothing else. */
import { lstatSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { appKey } from '../daemon.ts';
import { readIdentity } from '../daemon-files.ts';
import { isLocked, takeLock } from '../daemon-lock.ts';
import { readRecord } from '../daemon-record.ts';
import { AppError } from '../errors.ts';
import { identityOf } from '../process-identity.ts';
import type { Settings } from '../settings.ts';
import { prepareDirectory, type RuntimePaths, runtimePaths, runtimePathsIn } from '../socket.ts';
import { type AppPaths, appPaths, appPathsIn, statePaths } from '../state.ts';
import type { Said } from '../types.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** After this a daemon that was asked to end is killed. */
const PATIENCE_MS = 2_000;
/** A daemon that starts or ends has no valid identity for a moment; one that lost it writes it anew within half a second. */
const SETTLING_MS = 1_500;
const POLL_MS = 10;

/**
 * Ends the daemon of the app that the settings name; without such an app every daemon of this user. Idempotent.
 * Throws AppError('not-stopped' | 'state-dir' | 'socket-dir') when a daemon is left that must not be signalled.
 */
export async function runStop(settings: Settings | undefined, env: Environment): Promise<Said> {
  const results = await Promise.all(appsOf(settings, env).map((app) => stopDaemon(app, env)));
  const ended = results.filter((result) => result !== undefined);
  return said(ended.length === 0 ? 'No daemon is running.' : ended.join('\n'));
}

function appsOf(settings: Settings | undefined, env: Environment): readonly AppPaths[] {
  if (settings?.appToken !== undefined) return [appPaths(env, appKey(settings.appToken, settings.apiUrl))];
  const { apps } = statePaths(env);
  try {
    return readdirSync(apps).map((name) => appPathsIn(join(apps, name)));
  } catch {
    return [];
  }
}

/** What became of it, in words; undefined when none ran. */
async function stopDaemon(app: AppPaths, env: Environment): Promise<string | undefined> {
  if (lstatSync(app.dir, { throwIfNoEntry: false }) === undefined) return undefined;
  prepareDirectory(app.dir, 'state-dir');
  const pid = await findDaemon(app);
  if (pid === undefined) {
    removeLeftovers(app, env);
    return undefined;
  }
  const { startTime } = identityOf(pid) ?? {};
  signal(pid, 'SIGTERM');
  if (await hasEnded(app, pid, startTime, env)) return `Stopped the daemon (process ${pid}).`;
  // The identity is checked again: in two seconds the id may have gone to another process.
  if (identifiedDaemon(app) === pid) {
    writeFileSync(app.stopped, '', { mode: 0o600 });
    signal(pid, 'SIGKILL');
  }
  if (await hasEnded(app, pid, startTime, env)) return `Killed the daemon (process ${pid}): it did not end by itself.`;
  throw new AppError('not-stopped', `The daemon (process ${pid}) did not end`);
}

/** Undefined when none runs. One that starts or ends just now is waited for: its identity comes or its lock goes. */
async function findDaemon(app: AppPaths): Promise<number | undefined> {
  const until = performance.now() + SETTLING_MS;
  for (;;) {
    if (!isLocked(app.lock)) return undefined;
    const pid = identifiedDaemon(app);
    if (pid !== undefined) return pid;
    if (performance.now() >= until) {
      const identity = placeOf(app)?.identity ?? app.record;
      throw new AppError('not-stopped', `A daemon is running, but ${identity} does not say which process it is`);
    }
    await Bun.sleep(POLL_MS);
  }
}

/** Where the app's daemon listens, or has listened. */
function placeOf({ record }: AppPaths): RuntimePaths | undefined {
  const socket = readRecord(record)?.socket;
  return socket === undefined ? undefined : runtimePathsIn(dirname(socket));
}

/** The process that wrote server.json, only if it still is that one: same id, start time and executable. */
function identifiedDaemon(app: AppPaths): number | undefined {
  const place = placeOf(app);
  const kept = place === undefined ? undefined : readIdentity(place.identity);
  const running = kept === undefined || kept.pid <= 1 ? undefined : identityOf(kept.pid);
  if (running === undefined || running.startTime !== kept?.startTime) return undefined;
  return running.exe === '' || running.exe === kept.exe ? kept.pid : undefined;
}

/** Whether this process is gone, and not only its files; another daemon that has come up meanwhile is left alone. */
async function hasEnded(app: AppPaths, pid: number, startTime: string | undefined, env: Environment): Promise<boolean> {
  const until = performance.now() + PATIENCE_MS;
  while (startTime !== undefined && identityOf(pid)?.startTime === startTime) {
    if (performance.now() >= until) return false;
    await Bun.sleep(POLL_MS);
  }
  removeLeftovers(app, env);
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

/** Under the locks, so that a daemon that starts just now keeps its files. */
function removeLeftovers(app: AppPaths, env: Environment): void {
  const held = takeLock(app.lock);
  if (held === undefined) return;
  rmSync(app.failure, { force: true, recursive: true });
  for (const place of [placeOf(app), runtimePaths(env)]) if (place !== undefined) clear(place);
  held.release();
}

function clear({ dir, lock, socket, pid, identity }: RuntimePaths): void {
  if (lstatSync(dir, { throwIfNoEntry: false }) === undefined) return;
  prepareDirectory(dir);
  const held = takeLock(lock);
  if (held === undefined) return;
  for (const path of [socket, pid, identity]) rmSync(path, { force: true, recursive: true });
  held.release();
}

function said(text: string): Said {
  return { stdout: `${text}\n`, stderr: '', exitCode: 0 };
}
