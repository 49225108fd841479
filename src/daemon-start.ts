/** Starting a daemon and connecting to it. Loaded only when none is running. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  type Connection,
  type ConnectionEvents,
  type LaunchOptions,
  type Meeting,
  meet,
  SERVER_ENV,
  type Wanted,
} from './daemon.ts';
import { freshFailure } from './daemon-files.ts';
import { takeLock } from './daemon-lock.ts';
import { AppError, ERRORS, knownCode } from './errors.ts';
import type { Patience } from './patience.ts';

/** The file descriptor on which a launched daemon reports how its start went. Absent: it was started by hand, in the foreground. */
export const READY_ENV = '__CLAUDE_SLACK_READY_FD__';
/** Set in a daemon that is to take the place of the one that runs: of an outdated one, or of any. */
export const TAKE_OVER_ENV = '__CLAUDE_SLACK_TAKE_OVER__';
export const FROM_OUTDATED = '1';
export const FROM_ANY = 'any';

const READY_FD = 3;
const RETRY_CONNECT_MS = 4;
/** How long a client leaves it to another one to start a daemon; that one may have been stopped. */
const TURN_MS = 600;
/** Many that wait for their turn must leave the processor to the daemon. */
const MAX_PAUSE_MS = 32;
/** A daemon that is going away frees the lock within a moment; then ours must try again. */
const RETRY_LAUNCH_MS = 150;
/** How a launched daemon says that it listens, that another one has the lock, or why it cannot start. One JSON line. */
export type Readiness =
  | { readonly state: 'listening' }
  | { readonly state: 'busy' }
  | { readonly state: 'failed'; readonly code: string; readonly message: string; readonly hint: string };

const KILLED = {
  state: 'failed',
  code: 'daemon-start',
  message: 'The daemon ended before it could listen',
  hint: ERRORS['daemon-start'].hint,
} as const satisfies Readiness;

/**
 * The parameters and errors are those of connectOrStart.
 * @param isOutdated one runs that has to make room
 * @param from which daemons a new one makes go
 */
export async function startAndConnect(
  wanted: Wanted,
  launchWith: LaunchOptions,
  left: Patience,
  events: ConnectionEvents,
  isOutdated: boolean,
  from = FROM_OUTDATED,
): Promise<Connection> {
  const { starting } = wanted.paths;
  const turnUntil = performance.now() + Math.min(left(), TURN_MS);
  let isTakeOver = isOutdated;
  let mayDie = true;
  let pauseMs = RETRY_CONNECT_MS;
  while (left() > 0) {
    const turn = takeTurn(starting);
    if (turn === undefined && performance.now() < turnUntil) {
      await Bun.sleep(pauseMs);
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
      const meeting = await meet(wanted, left, events);
      if (meeting.state === 'ready') return meeting.connection;
      isTakeOver = meeting.state === 'outdated';
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
    isTakeOver = meeting.state === 'outdated';
  }
  throwFreshFailure(wanted);
  throw new AppError('daemon-timeout', 'Expected the daemon to listen in time, got no connection');
}

/** Why a daemon of this app could not start a moment ago. */
function throwFreshFailure({ paths, app }: Wanted): void {
  const failure = freshFailure(paths.failure, app);
  if (failure !== undefined) throw startError(failure);
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

function readReadiness(text: string): Readiness {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'state' in value) return value as Readiness;
  } catch {
    // Falls through: a daemon that died before its first word says nothing.
  }
  return KILLED;
}

/** The command that runs this program again, compiled or from source. */
export function selfCommand(): readonly string[] {
  const isCompiled = Bun.main.startsWith('/$bunfs/');
  // From source, Bun would read bunfig.toml and .env of the working directory; the daemon's is `/`, but say it anyway.
  return isCompiled ? [process.execPath] : [process.execPath, '--no-env-file', '--config=/dev/null', Bun.main];
}

function startError(failure: { readonly code: string; readonly message: string; readonly hint: string }): AppError {
  return new AppError(knownCode(failure.code, 'daemon-start'), String(failure.message), { hint: String(failure.hint) });
}
