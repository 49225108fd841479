/** The client's half of the daemon's life: connect to it, or start it and connect. Loads nothing that a warm call does not need. */
import { AppError } from './errors.ts';
import { isTrustedPeer } from './peer-uid.ts';
import { prepareDirectory, type RuntimePaths, socketExists } from './socket.ts';

/** Set in a process that is to be the daemon, beside the verb: an environment alone, which an agent passes on, must not turn a hook into one. */
export const SERVER_ENV = '__CLAUDE_SLACK_SERVER__';
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
  const { startAndConnect } = await import('./daemon-start.ts');
  return startAndConnect(paths, launchWith, app, until, events);
}

/** Undefined when nobody listens. The connect itself is the liveness check; a PID file proves nothing. Throws AppError('socket-dir') when it is another user who listens. */
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
    if (!isTrustedPeer(socket)) {
      socket.terminate();
      throw new AppError('socket-dir', `Expected ${path} to be served by ourselves, got another user`);
    }
    isOpen = true;
    return {
      send: (text) => {
        const isFlushed = unsent.byteLength === 0;
        unsent = Buffer.concat([unsent, Buffer.from(text)]);
        // write() takes what fits into the kernel's buffer; drain sends the rest.
        if (isFlushed) unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
      },
      close: () => socket.end(),
    };
  } catch (error) {
    if (error instanceof AppError) throw error;
    return undefined;
  }
}
