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
  /** Held with flock for as long as the daemon lives. */
  readonly lock: string;
  /** Why the last start failed, so that a failing start is not tried again at every tool call. */
  readonly failure: string;
}

/** sun_path holds 104 bytes on macOS and 108 on Linux, the final NUL included (unix(7), unix(4)). */
const MAX_SOCKET_PATH_BYTES = 103;

/** `$TMPDIR/claude-slack-approval`, or /tmp in place of an unset TMPDIR. Throws AppError('socket-dir') for a path that cannot work. */
export function runtimePaths(env: Readonly<Record<string, string | undefined>>): RuntimePaths {
  const base = env.TMPDIR === undefined || env.TMPDIR === '' ? '/tmp' : env.TMPDIR;
  if (!base.startsWith('/')) {
    throw new AppError('socket-dir', `Expected TMPDIR to be an absolute path, got ${JSON.stringify(base)}`);
  }
  const dir = `${base.replace(/\/+$/, '')}/claude-slack-approval`;
  const socket = `${dir}/approval.sock`;
  if (Buffer.byteLength(socket) > MAX_SOCKET_PATH_BYTES) {
    throw new AppError(
      'socket-dir',
      `Expected a socket path of at most ${MAX_SOCKET_PATH_BYTES} bytes, got ${socket}`,
      {
        hint: 'Point TMPDIR at a shorter directory.',
      },
    );
  }
  return {
    dir,
    socket,
    pid: `${dir}/server.pid`,
    identity: `${dir}/server.json`,
    lock: `${dir}/server.lock`,
    failure: `${dir}/failure.json`,
  };
}

/**
 * Creates the directory when it is missing and checks that nobody else can have put anything into it.
 * Throws AppError('socket-dir') otherwise.
 */
export function prepareDirectory(dir: string): void {
  if (!isOwn(dir, 'directory')) {
    makeDirectory(dir);
    isOwn(dir, 'directory');
  }
}

/** True when the socket is there and ours. Throws AppError('socket-dir') when it is somebody else's or no socket. */
export function socketExists(path: string): boolean {
  return isOwn(path, 'socket');
}

function makeDirectory(dir: string): void {
  try {
    process.getBuiltinModule('node:fs').mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw new AppError('socket-dir', `Cannot create ${dir}: ${(error as Error).message}`, {
      cause: error,
      hint: 'Point TMPDIR at a directory that exists and that you may write to.',
    });
  }
}

/** False when there is nothing. A symbolic link is neither a directory nor a socket. */
function isOwn(path: string, kind: FileStatus['kind']): boolean {
  const status = statusOf(path);
  if (status === undefined) return false;
  if (status.kind !== kind) throw new AppError('socket-dir', `Expected ${path} to be a ${kind}, got something else`);
  const uid = process.getuid?.();
  if (uid !== undefined && status.uid !== uid) {
    throw new AppError('socket-dir', `Expected ${path} to belong to uid ${uid}, got uid ${status.uid}`);
  }
  if ((status.mode & 0o077) !== 0) {
    const wanted = kind === 'directory' ? '700' : '600';
    throw new AppError('socket-dir', `Expected mode 0${wanted} for ${path}, got 0${status.mode.toString(8)}`, {
      hint: `Run: chmod ${wanted} ${path}`,
    });
  }
  return true;
}

function statusOf(path: string): FileStatus | undefined {
  try {
    return fileStatus(path);
  } catch (error) {
    throw new AppError('socket-dir', `Cannot look at ${path}: ${(error as Error).message}`, { cause: error });
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
