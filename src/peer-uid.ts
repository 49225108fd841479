/** Who is at the other end of a Unix socket. The directory's mode lets nobody else in; this is the second lock. */
import { openLibc } from './libc.ts';

// getsockopt(2), unix(7): struct ucred {pid, uid, gid}. macOS, unix(4): struct xucred {version, uid, groups}.
const [LEVEL, OPTION, BYTES] = process.platform === 'darwin' ? [0, 1, 76] : [1, 17, 12];
const UID_OFFSET = 4;

function load(): (fd: number) => number | undefined {
  const libc = openLibc({ getsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'ptr'], returns: 'i32' } });
  if (libc === undefined) return () => undefined;
  return (fd) => {
    const credentials = new Uint32Array(BYTES / 4);
    const length = new Uint32Array([BYTES]);
    return libc.getsockopt(fd, LEVEL, OPTION, credentials, length) === 0 ? credentials[UID_OFFSET / 4] : undefined;
  };
}

let lookUp: ReturnType<typeof load> | undefined;

/** The uid at the other end; undefined where the kernel does not say. */
export function peerUid(fd: number): number | undefined {
  lookUp ??= load();
  return lookUp(fd);
}

/** True for ourselves and root, who may do anything anyway, and where nobody can tell: there the directory's mode decides. */
export function isTrustedPeer(socket: object): boolean {
  // Bun's sockets have it, its types do not.
  const fd: unknown = 'fd' in socket ? socket.fd : undefined;
  const uid = typeof fd === 'number' && fd >= 0 ? peerUid(fd) : undefined;
  return uid === undefined || uid === 0 || uid === process.getuid?.();
}
