/** Where the daemon and its clients meet: paths, the checks of the directory, and newline-delimited framing. */
import { AppError } from './errors.ts';
import { type FileStatus, fileStatus } from './file-status.ts';

export interface RuntimePaths {
  readonly dir: string;
  /** The Unix socket. */
  readonly socket: string;
  /** The daemon's process id, one decimal line, as other programs expect it. */
  readonly pid: string;
  /** Which process that is (start time, executable), so that `--stop` never signals another one. */
  readonly identity: string;
  /** Held with flock by the daemon that uses this directory. */
  readonly lock: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** sun_path holds 104 bytes on macOS and 108 on Linux, the final NUL included (unix(7), unix(4)). */
const MAX_SOCKET_PATH_BYTES = 103;

/** `$TMPDIR/claude-slack-approval`, or /tmp in place of an unset TMPDIR. Undefined for a TMPDIR in which no socket can be. */
export function runtimePaths(env: Environment): RuntimePaths | undefined {
  const base = env.TMPDIR === undefined || env.TMPDIR === '' ? '/tmp' : env.TMPDIR;
  const paths = runtimePathsIn(`${base.replace(/\/+$/, '')}/claude-slack-approval`);
  const isUsable = base.startsWith('/') && Buffer.byteLength(paths.socket) <= MAX_SOCKET_PATH_BYTES;
  return isUsable ? paths : undefined;
}

/**
 * Where a daemon listens when it cannot in `$TMPDIR`: a short directory of this user's, and one of the app in it.
 * Throws AppError('socket-dir') when somebody else owns it.
 * @param key see `appKey`
 */
export function otherRuntimePaths(env: Environment, key: string): RuntimePaths {
  const { XDG_RUNTIME_DIR: runtime } = env;
  const isPrivate = runtime?.startsWith('/') === true && runtime.length < 50 && isPrivateDirectory(runtime);
  const base = isPrivate ? `${runtime}/claude-slack-hook` : `/tmp/claude-slack-hook-${process.getuid?.() ?? 0}`;
  prepareDirectory(base);
  return runtimePathsIn(`${base}/${key}`);
}

export function runtimePathsIn(dir: string): RuntimePaths {
  return {
    dir,
    socket: `${dir}/approval.sock`,
    pid: `${dir}/server.pid`,
    identity: `${dir}/server.json`,
    lock: `${dir}/server.lock`,
  };
}

/** Which of the two kinds of our directories a failure is about: TMPDIR or XDG_STATE_HOME helps. */
type Code = 'socket-dir' | 'state-dir';

/**
 * Creates the directory when it is missing and checks that nobody else can have put anything into it.
 * Throws AppError(code) otherwise; its cause is the system's error when there is no directory and none can be made.
 */
export function prepareDirectory(dir: string, code: Code = 'socket-dir'): void {
  if (isOwn(dir, 'directory', code)) return;
  makeDirectory(dir, code);
  isOwn(dir, 'directory', code);
}

/** True when the socket is there and ours, in a directory of ours. Throws AppError('socket-dir') when either is somebody else's or something else. */
export function socketExists(path: string): boolean {
  return isOwn(path.slice(0, path.lastIndexOf('/')), 'directory') && isOwn(path, 'socket');
}

/** True when the file is there and nobody else can read it. Throws AppError('state-dir') otherwise. */
export function ownFileExists(path: string): boolean {
  return isOwn(path, 'file', 'state-dir');
}

function isPrivateDirectory(path: string): boolean {
  try {
    return isOwn(path, 'directory');
  } catch {
    return false;
  }
}

function makeDirectory(dir: string, code: Code): void {
  try {
    process.getBuiltinModule('node:fs').mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw new AppError(code, `Cannot create ${dir}: ${(error as Error).message}`, { cause: error });
  }
}

/** False when there is nothing. A symbolic link is none of the kinds. */
function isOwn(path: string, kind: FileStatus['kind'], code: Code = 'socket-dir'): boolean {
  const status = statusOf(path, code);
  if (status === undefined) return false;
  if (status.kind !== kind) throw new AppError(code, `Expected ${path} to be a ${kind}, got something else`);
  const uid = process.getuid?.();
  if (uid !== undefined && status.uid !== uid) {
    throw new AppError(code, `Expected ${path} to belong to uid ${uid}, got uid ${status.uid}`);
  }
  if ((status.mode & 0o077) !== 0) {
    const wanted = kind === 'directory' ? '700' : '600';
    throw new AppError(code, `Expected mode 0${wanted} for ${path}, got 0${status.mode.toString(8)}`, {
      hint: `Run: chmod ${wanted} ${path}`,
    });
  }
  return true;
}

function statusOf(path: string, code: Code): FileStatus | undefined {
  try {
    return fileStatus(path);
  } catch (error) {
    throw new AppError(code, `Cannot look at ${path}: ${(error as Error).message}`, { cause: error });
  }
}

const NEWLINE = 0x0a;

/**
 * Cuts a byte stream into lines. Every chunking of a stream gives the same lines; a line that is not UTF-8 or longer
 * than `maxBytes` ends the stream with AppError('protocol' | 'input-too-large'), after which bytes are ignored.
 */
export function createLineReader(
  maxBytes: number,
  onLine: (line: string) => void,
  onError: (error: AppError) => void,
): (chunk: Uint8Array) => void {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  let ended = false;

  const fail = (error: AppError): void => {
    ended = true;
    kept = [];
    onError(error);
  };
  const keep = (part: Uint8Array): boolean => {
    keptBytes += part.byteLength;
    if (keptBytes > maxBytes) {
      fail(new AppError('input-too-large', `Expected lines of at most ${maxBytes} bytes, got more`));
      return false;
    }
    // A copy (Buffer.slice is none): the runtime may reuse the memory after the callback.
    kept.push(new Uint8Array(part));
    return true;
  };
  const flush = (): boolean => {
    const bytes = kept.length === 1 && kept[0] !== undefined ? kept[0] : Buffer.concat(kept);
    kept = [];
    keptBytes = 0;
    let line: string;
    try {
      line = decoder.decode(bytes);
    } catch (error) {
      fail(new AppError('protocol', 'Expected UTF-8, got other bytes', { cause: error }));
      return false;
    }
    if (line.trim() !== '') onLine(line);
    return !ended;
  };

  return (chunk) => {
    let from = 0;
    while (!ended) {
      const at = chunk.indexOf(NEWLINE, from);
      if (at === -1) {
        if (from < chunk.byteLength) keep(chunk.subarray(from));
        return;
      }
      if (!keep(chunk.subarray(from, at)) || !flush()) return;
      from = at + 1;
    }
  };
}
