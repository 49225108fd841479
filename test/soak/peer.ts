/** A program on the daemon's socket that is not our client: it speaks the plain form, or nothing at all. */
import { socketOf, type TestBench } from '../e2e/bench.ts';

export interface Peer {
  /** Lines that have come, oldest first. */
  readonly lines: readonly string[];
  /** The first line; undefined when the connection ends without one. */
  readonly first: Promise<string | undefined>;
  /** The daemon closed the connection, or we did; in milliseconds since it was opened. */
  readonly closed: Promise<number>;
  /** Bytes that the kernel has taken from us. */
  sent(): number;
  /** Queues bytes; resolves when the kernel has all of them or the connection is gone. */
  send(bytes: Uint8Array): Promise<void>;
  /** Stops reading for good. */
  ignore(): void;
  close(): void;
  /** Cuts the connection at once, whatever is still queued. */
  cut(): void;
}

/** Connects to the bench's daemon. Rejects when nobody listens. */
export async function connectPeer(bench: TestBench): Promise<Peer> {
  const openedAt = performance.now();
  const lines: string[] = [];
  const first = Promise.withResolvers<string | undefined>();
  const closed = Promise.withResolvers<number>();
  let text = '';
  let unsent: Uint8Array = new Uint8Array();
  let taken = 0;
  let onSent = (): void => {};
  const gone = (): void => {
    closed.resolve(performance.now() - openedAt);
    first.resolve(undefined);
    onSent();
  };
  const flush = (): void => {
    const written = unsent.byteLength === 0 ? 0 : Math.max(0, socket.write(unsent));
    taken += written;
    unsent = unsent.subarray(written);
    if (unsent.byteLength === 0) onSent();
  };
  const socket = await Bun.connect({
    unix: socketOf(bench),
    socket: {
      data: (_socket, chunk) => {
        const parts = (text + chunk.toString()).split('\n');
        text = parts.pop() ?? '';
        lines.push(...parts);
        if (lines[0] !== undefined) first.resolve(lines[0]);
      },
      drain: flush,
      close: gone,
      error: gone,
    },
  });
  return {
    lines,
    first: first.promise,
    closed: closed.promise,
    sent: () => taken,
    send: (bytes) => {
      unsent = unsent.byteLength === 0 ? bytes : Buffer.concat([unsent, bytes]);
      const sent = new Promise<void>((resolve) => {
        onSent = resolve;
      });
      flush();
      return Promise.race([sent, closed.promise.then(() => {})]);
    },
    ignore: () => socket.pause(),
    close: () => socket.end(),
    cut: () => socket.terminate(),
  };
}

/** Connects, sends one hook input, and resolves with the connection. */
export async function askAsPeer(bench: TestBench, input: Readonly<Record<string, unknown>>): Promise<Peer> {
  const peer = await connectPeer(bench);
  await peer.send(Buffer.from(`${JSON.stringify(input)}\n`));
  return peer;
}
