/** The client's half of the daemon's life: connect to it, or start it and connect. Loads nothing that a warm call does not need. */
import { AppError, ERRORS, knownCode } from './errors.ts';
import { prepareDirectory, type RuntimePaths, socketExists } from './socket.ts';

/** Set in a process that is to be the daemon, beside the verb: an environment alone, which an agent passes on, must not turn a hook into one. */
export const SERVER_ENV = '__CLAUDE_SLACK_SERVER__';
/** The file descriptor on which a launched daemon reports how its start went. Absent: it was started by hand, in the foreground. */
export const READY_ENV = '__CLAUDE_SLACK_READY_FD__';

const READY_FD = 3;
const RETRY_CONNECT_MS = 4;
/** A daemon that is going away frees the lock within a moment; then ours must try again. */
const RETRY_LAUNCH_MS = 150;
/** How a launched daemon says that it listens, that another one has the lock, or why it cannot start. One JSON line. */
export type Readiness =
  | { readonly state: 'listening' }
  | { readonly state: 'busy' }
  | { readonly state: 'failed'; readonly code: string; readonly message: string; readonly hint: string };

export interface LaunchOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface Connection {
  send(text: string): void;
  close(): void;
}

export interface ConnectionEvents {
  onData(chunk: Uint8Array): void;
  onClose(): void;
}

/** A short, non-reversible name of the Slack app's credentials, to compare two processes' settings without showing them. */
export function appFingerprint(botToken: string, appToken: string, apiUrl: string): string {
  return new Bun.CryptoHasher('sha256')
    .update(JSON.stringify([botToken, appToken, apiUrl]))
    .digest('hex')
    .slice(0, 16);
}

/**
 * Connects to the daemon and starts one when there is none. Exactly one comes up however many clients do this at once.
 * Throws AppError('socket-dir' | 'daemon-start' | 'daemon-timeout' | whatever stopped the daemon from starting).
 * @param launchWith arguments and the whole environment of a daemon that has to be started
 * @param until when to give up, on the clock of performance.now()
 */
export async function connectOrStart(
  paths: RuntimePaths,
  launchWith: LaunchOptions,
  app: string,
  until: number,
  events: ConnectionEvents,
): Promise<Connection> {
  prepareDirectory(paths.dir);
  const running = await tryConnect(paths.socket, events);
  if (running !== undefined) return running;
  const { freshFailure } = await import('./daemon-files.ts');
  const failure = freshFailure(paths.failure, app);
  if (failure !== undefined) throw startError(failure);
  while (performance.now() < until) {
    const readiness = await launch(launchWith, until);
    if (readiness.state === 'failed') throw startError(readiness);
    const patience = readiness.state === 'listening' ? until : Math.min(until, performance.now() + RETRY_LAUNCH_MS);
    const connection = await connectUntil(paths.socket, patience, events);
    if (connection !== undefined) return connection;
  }
  throw new AppError('daemon-timeout', 'Expected the daemon to listen within 1.5 s, got no connection');
}

async function connectUntil(socket: string, until: number, events: ConnectionEvents): Promise<Connection | undefined> {
  for (;;) {
    const connection = await tryConnect(socket, events);
    if (connection !== undefined || performance.now() >= until) return connection;
    await Bun.sleep(RETRY_CONNECT_MS);
  }
}

/** Undefined when nobody listens. The connect itself is the liveness check; a PID file proves nothing. */
export async function tryConnect(path: string, events: ConnectionEvents): Promise<Connection | undefined> {
  if (!socketExists(path)) return undefined;
  try {
    let unsent: Uint8Array = new Uint8Array();
    let isOpen = false;
    const closed = (): void => {
      if (isOpen) events.onClose();
      isOpen = false;
    };
    const socket = await Bun.connect({
      unix: path,
      socket: {
        data: (_socket, chunk) => events.onData(chunk),
        drain: (open) => {
          unsent = unsent.subarray(Math.max(0, open.write(unsent)));
        },
        close: closed,
        error: closed,
      },
    });
    isOpen = true;
    return {
      send: (text) => {
        const bytes = Buffer.from(text);
        // write() takes what fits into the kernel's buffer; drain sends the rest.
        unsent = bytes.subarray(Math.max(0, socket.write(bytes)));
      },
      close: () => socket.end(),
    };
  } catch {
    return undefined;
  }
}

/**
 * Starts a daemon that outlives us and everything that kills us: the shell in between exits at once, so the daemon's
 * parent is init, and it leaves our session by itself. A merely detached child dies with the hook: agents send SIGTERM
 * to every descendant by parent pid, across sessions.
 */
async function launch({ args, env }: LaunchOptions, until: number): Promise<Readiness> {
  const child = Bun.spawn(
    ['/bin/sh', '-c', '"$0" "$@" </dev/null >/dev/null 2>&1 &', ...selfCommand(), 'daemon', ...args],
    {
      cwd: '/',
      env: { ...env, [SERVER_ENV]: '1', [READY_ENV]: String(READY_FD) },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      detached: true,
    },
  );
  const fd: unknown = child.stdio[READY_FD];
  if (typeof fd !== 'number') throw new AppError('daemon-start', 'Expected a pipe to the new daemon, got none');
  const reader = Bun.file(fd).stream().getReader();
  const late = Bun.sleep(Math.max(0, until - performance.now())).then(() => undefined);
  const first = await Promise.race([reader.read(), late]);
  if (first === undefined)
    throw new AppError('daemon-timeout', 'Expected the daemon to start within 1.5 s, got no word from it');
  return readReadiness(first.value === undefined ? '' : new TextDecoder().decode(first.value));
}

function readReadiness(text: string): Readiness {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'state' in value) return value as Readiness;
  } catch {
    // Falls through: a daemon that died before its first word says nothing.
  }
  return {
    state: 'failed',
    code: 'daemon-start',
    message: 'The daemon ended before it could listen',
    hint: ERRORS['daemon-start'].hint,
  };
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
