/** Where a daemon listens: a directory of this user's that no other daemon uses. */
import { mkdirSync } from 'node:fs';
import { isIdentified, writeIdentity, writeRecord } from './daemon-files.ts';
import { type Lock, takeLock } from './daemon-lock.ts';
import { AppError } from './errors.ts';
import type { Listener } from './listener.ts';
import type { Logger } from './logger.ts';
import { otherRuntimePaths, prepareDirectory, type RuntimePaths, runtimePaths } from './socket.ts';
import type { AppPaths, StatePaths } from './state.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Place {
  readonly paths: RuntimePaths;
  readonly lock: Lock;
}

/** How often the daemon looks whether its files are still where clients look for them. */
const SELF_CHECK_MS = 500;
/** A TMPDIR in which nothing can be made is no sign of an attack: there is another place. */
const UNUSABLE: ReadonlySet<unknown> = new Set(
  'ENOENT ENOTDIR EACCES EPERM EROFS ENOSPC EDQUOT ENAMETOOLONG ELOOP'.split(' '),
);

/** Makes the app's own directory, where its lock and its record are. Throws AppError('state-dir'). */
export function prepareAppDirectory({ dir, apps }: StatePaths, app: AppPaths): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new AppError('state-dir', `Cannot create ${dir}: ${(error as Error).message}`, { cause: error });
  }
  prepareDirectory(apps, 'state-dir');
  prepareDirectory(app.dir, 'state-dir');
}

/**
 * Takes `$TMPDIR/claude-slack-approval` and writes into it who we are; or a short directory elsewhere when that cannot be, or the daemon of another app is in it.
 * Throws AppError('socket-dir') for a directory that somebody else could have put something into.
 */
export function claimPlace(env: Environment, key: string, startedAt: number): Place {
  const usual = claimUsual(env, startedAt);
  if (usual !== undefined) return usual;
  const paths = otherRuntimePaths(env, key);
  prepareDirectory(paths.dir);
  const lock = takeLock(paths.lock);
  if (lock === undefined) throw new AppError('daemon-start', `Another daemon uses ${paths.dir}`);
  writeIdentity(paths, startedAt);
  return { paths, lock };
}

function claimUsual(env: Environment, startedAt: number): Place | undefined {
  const paths = runtimePaths(env);
  if (paths === undefined) return undefined;
  let lock: Lock | undefined;
  try {
    prepareDirectory(paths.dir);
    lock = takeLock(paths.lock);
    if (lock === undefined) return undefined;
    writeIdentity(paths, startedAt);
    return { paths, lock };
  } catch (error) {
    lock?.release();
    if (error instanceof AppError && UNUSABLE.has((error.cause as NodeJS.ErrnoException | undefined)?.code))
      return undefined;
    throw error;
  }
}

interface WatchOptions {
  readonly place: Place;
  readonly app: AppPaths;
  /** The app's. */
  readonly lock: Lock;
  readonly listener: Pick<Listener, 'isReachable' | 'relisten'>;
  readonly startedAt: number;
  readonly logger: Pick<Logger, 'warn'>;
  readonly onReplaced: () => void;
}

/**
 * Whoever empties the directory takes the socket from the clients: listen again. With the app's lock gone another daemon
 * may already run, and then this one must not.
 */
export function watchPlace({ place, app, lock, listener, startedAt, logger, onReplaced }: WatchOptions): () => void {
  const { paths } = place;
  let held = place.lock;
  const timer = setInterval(() => {
    try {
      if (!lock.isCurrent()) return onReplaced();
      if (listener.isReachable()) {
        // Without them --stop does not know whom to stop.
        if (!isIdentified(paths)) writeIdentity(paths, startedAt);
        return;
      }
      logger.warn({ socket: paths.socket }, 'socket file is gone; listening again');
      prepareDirectory(paths.dir);
      if (!held.isCurrent()) {
        const lock = takeLock(paths.lock);
        // The daemon of another app has come to live here: ours finds another place when it starts again.
        if (lock === undefined) return onReplaced();
        held = lock;
      }
      listener.relisten();
      writeIdentity(paths, startedAt);
      writeRecord(app.record, paths.socket);
    } catch (error) {
      logger.warn({ err: error }, 'cannot listen again');
    }
  }, SELF_CHECK_MS);
  return () => clearInterval(timer);
}
