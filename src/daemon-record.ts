/**
 * What the daemon of a Slack app leaves for its clients: where it listens, wherever TMPDIR points for each of them, and a
 * key that nobody else can read. Who knows the key is ours: a daemon proves it before it is sent anything.
 */
import { readSmallFile } from './file-status.ts';
import { ownFileExists } from './socket.ts';

export interface DaemonRecord {
  /** Path of the Unix socket. */
  readonly socket: string;
  /** 256 random bits, hex. Made once for each app, and kept: buttons of requests that outlive a daemon are made of it. */
  readonly key: string;
}

/** Undefined when there is none that can be used. Throws AppError('state-dir') when somebody else could have written it. */
export function readRecord(path: string): DaemonRecord | undefined {
  if (!ownFileExists(path)) return undefined;
  try {
    const { socket, key } = JSON.parse(readSmallFile(path) ?? '') as Partial<DaemonRecord>;
    if (typeof socket !== 'string' || !socket.startsWith('/')) return undefined;
    return typeof key === 'string' && /^[0-9a-f]{64}$/.test(key) ? { socket, key } : undefined;
  } catch {
    return undefined;
  }
}

/** What only somebody with the key can say about a text: HMAC-SHA256, hex. `about` keeps one use from standing in for another. */
export function proofOf(key: string, about: 'daemon' | 'nonce', text: string): string {
  return new Bun.CryptoHasher('sha256', key).update(`${about} ${text}`).digest('hex');
}
