/** A program that is connected to a daemon's socket and does there what it likes. */
import { once } from 'node:events';
import { connect } from 'node:net';

export interface PlainPeer {
  /** Resolves when the kernel has taken all of it, or the connection is gone. */
  send(bytes: string | Uint8Array): Promise<void>;
  /** Says that nothing more comes; what the daemon says still arrives. */
  end(): void;
  /** What has been received. */
  text(): string;
  /** Resolves with what was received as soon as it passes the test; rejects when the connection is closed before. */
  received(test: (text: string) => boolean): Promise<string>;
  /** Resolves when the daemon says nothing more. */
  readonly closed: Promise<void>;
  isClosed(): boolean;
  destroy(): void;
}

export async function connectPlain(path: string): Promise<PlainPeer> {
  // Its own half stays open when the daemon ends: a program that pays no attention.
  const socket = connect({ path, allowHalfOpen: true });
  const closed = Promise.withResolvers<void>();
  const waiters = new Set<() => void>();
  let text = '';
  let isClosed = false;
  const over = (): void => {
    isClosed = true;
    closed.resolve();
    for (const waiter of waiters) waiter();
  };
  socket.on('data', (chunk) => {
    text += chunk.toString();
    for (const waiter of waiters) waiter();
  });
  for (const event of ['end', 'close', 'error'] as const) socket.on(event, over);
  await Promise.race([once(socket, 'connect'), closed.promise]);
  return {
    send: (bytes) =>
      Promise.race([new Promise<void>((resolve) => void socket.write(bytes, () => resolve())), closed.promise]),
    end: () => void socket.end(),
    text: () => text,
    received: (test) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const isThere = test(text);
          if (!isThere && !isClosed) return;
          waiters.delete(look);
          if (isThere) resolve(text);
          else reject(new Error(`The connection was closed after ${JSON.stringify(text.slice(-500))}`));
        };
        waiters.add(look);
        look();
      }),
    closed: closed.promise,
    isClosed: () => isClosed,
    destroy: () => void socket.destroy(),
  };
}
