/** Starting a daemon and connecting to it. Loaded only when none is running. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  type Connection,
  type ConnectionEvents,
  type Effort,
  IGNORED,
  type LaunchOptions,
  type Meeting,
  meet,
  SERVER_ENV,
  type Wanted,
} from './daemon.ts';
import { startError, throwFreshFailure } from './daemon-files.ts';
import { takeLock } from './daemon-lock.ts';
import { AppError } from './errors.ts';
import type { Patience } from './patience.ts';
import {
  FROM_ANY,
  FROM_OUTDATED,
  KILLED,
  READY_ENV,
  type Readiness,
  readReadiness,
  TAKE_OVER_ENV,
} from './readiness.ts';

const READY_FD = 3;
const RETRY_CONNECT_MS = 4;
/** How long a client leaves it to another one to start a daemon; that one may have been stopped. */
const TURN_MS = 600;
/** Many that wait for their turn must leave the processor to the daemon. */
const MAX_PAUSE_MS = 32;
/** A daemon that is going away frees the lock within a moment; then ours must try again. */
const RETRY_LAUNCH_MS = 150;

/**
 * The parameters and errors are those of connectOrStart.
 * @param found what it found
 * @param from which daemons a new one makes go
 */
export async function startAndConnect(
  wanted: Wanted,
  launchWith: LaunchOptions,
  { left, isBack }: Effort,
  events: ConnectionEvents,
  found: Unready,
  from = FROM_OUTDATED,
): Promise<Connection> {
  const { starting } = wanted.paths;
  const turnUntil = performance.now() + Math.min(left(), TURN_MS);
  let isTakeOver = mustMakeRoom(found, isBack);
  let mayDie = true;
  let pauseMs = RETRY_CONNECT_MS;
  while (left() > 0) {
    const turn = takeTurn(starting);
    if (turn === undefined && performance.now() < turnUntil) {
      await Bun.sleep(pauseMs);
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
      const meeting = await meet(wanted, left, events);
      if (meeting.state === 'ready') return meeting.connection;
      isTakeOver = mustMakeRoom(meeting, isBack);
      continue;
    }
    throwFreshFailure(wanted);
    const readiness = await launch(launchWith, left, isTakeOver ? from : undefined).finally(() => turn?.release());
    if (readiness.state === 'failed') {
      // One that was killed on its way has said nothing; it says more when it cannot start.
      if (readiness !== KILLED || !mayDie) throw startError(readiness);
      mayDie = false;
      continue;
    }
    const again = readiness.state === 'listening' ? Number.POSITIVE_INFINITY : performance.now() + RETRY_LAUNCH_MS;
    const meeting = await meetUntil(wanted, again, left, events);
    if (meeting.state === 'ready') return meeting.connection;
    isTakeOver = mustMakeRoom(meeting, isBack);
  }
  throwFreshFailure(wanted);
  throw new AppError('daemon-timeout', 'Expected the daemon to listen in time, got no connection');
}

/** Starts a daemon in the place of whichever runs. Throws as `connectOrStart` does. */
export async function replaceDaemon(wanted: Wanted, launchWith: LaunchOptions, effort: Effort): Promise<void> {
  // It may well do, but it is to make room all the same.
  const found = { state: 'outdated', hasOtherSettings: false } as const;
  (await startAndConnect(wanted, launchWith, effort, IGNORED, found, FROM_ANY)).close();
}

type Unready = Exclude<Meeting, { readonly state: 'ready' }>;

/** Throws AppError('daemon-mismatch') where somebody else's settings have just won. */
function mustMakeRoom(meeting: Unready, isBack: boolean): boolean {
  if (meeting.state === 'absent') return false;
  if (isBack && meeting.hasOtherSettings)
    throw new AppError(
      'daemon-mismatch',
      'A daemon with other tokens or another config file came while this request waited',
    );
  return true;
}

/**
 * A hundred clients that find no daemon at once would start a hundred, and leave the one that wins no time to come up.
 * Undefined while another client has the turn; where there can be no lock, nobody waits for one.
 */
function takeTurn(path: string): { release(): void } | undefined {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return takeLock(path);
  } catch {
    // The daemon says what is wrong with the directory.
    return { release: () => {} };
  }
}

async function meetUntil(wanted: Wanted, until: number, left: Patience, events: ConnectionEvents): Promise<Meeting> {
  for (;;) {
    const meeting = await meet(wanted, left, events);
    if (meeting.state !== 'absent' || performance.now() >= until || left() <= 0) return meeting;
    // It may have listened, and failed before we could connect.
    throwFreshFailure(wanted);
    await Bun.sleep(RETRY_CONNECT_MS);
  }
}

/**
 * Starts a daemon that outlives us and everything that kills us: the shell in between exits at once, so the daemon's
 * parent is init, and it leaves our session by itself. A merely detached child dies with the hook: agents send SIGTERM
 * to every descendant by parent pid, across sessions.
 */
async function launch({ args, env }: LaunchOptions, left: Patience, from: string | undefined): Promise<Readiness> {
  const child = Bun.spawn(
    ['/bin/sh', '-c', '"$0" "$@" </dev/null >/dev/null 2>&1 &', ...selfCommand(), 'daemon', ...args],
    {
      cwd: '/',
      env: {
        ...env,
        ...(from === undefined ? {} : { [TAKE_OVER_ENV]: from }),
        ...{ [SERVER_ENV]: '1', [READY_ENV]: String(READY_FD) },
      },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      detached: true,
    },
  );
  const fd: unknown = child.stdio[READY_FD];
  if (typeof fd !== 'number') throw new AppError('daemon-start', 'Expected a pipe to the new daemon, got none');
  const reader = Bun.file(fd).stream().getReader();
  const first = await Promise.race([reader.read(), end(left)]);
  if (first === undefined)
    throw new AppError('daemon-timeout', 'Expected the daemon to start in time, got no word from it');
  return readReadiness(first.value === undefined ? '' : new TextDecoder().decode(first.value));
}

async function end(left: Patience): Promise<undefined> {
  for (let ms = left(); ms > 0; ms = left()) await Bun.sleep(ms);
}

/** The command that runs this program again, compiled or from source. */
export function selfCommand(): readonly string[] {
  const isCompiled = Bun.main.startsWith('/$bunfs/');
  // From source, Bun would read bunfig.toml and .env of the working directory; the daemon's is `/`, but say it anyway.
  return isCompiled ? [process.execPath] : [process.execPath, '--no-env-file', '--config=/dev/null', Bun.main];
}
