/** The daemon's Unix socket: connections in, lines out, every peer bounded in time and memory. */
import { lstatSync, rmSync } from 'node:fs';
import { MAX_MESSAGE_BYTES } from './protocol.ts';
import { encodeReply } from './protocol-daemon.ts';
import { createLineReader } from './socket.ts';

/** One connection. Its identity is the object itself. */
export interface Peer {
  /** Queues what the kernel does not take at once; does nothing when the peer is gone. */
  send(line: string): void;
  /** Closes the connection once what was sent has gone out. */
  end(): void;
  /** A peer that waits for an outcome may be silent for as long as it likes. */
  setWaiting(isWaiting: boolean): void;
}

export interface ListenerEvents {
  onLine(peer: Peer, line: string): void;
  /** The peer has closed the connection or died. */
  onGone(peer: Peer): void;
}

export interface Listener {
  /** False when the socket file was removed or replaced: clients can no longer find it. */
  isReachable(): boolean;
  /** Listens again under the same path; open connections stay. */
  relisten(): void;
  /** Stops taking connections and removes the socket file; open connections stay. */
  stop(): void;
}

interface PeerState {
  readonly peer: Peer;
  readonly read: (chunk: Uint8Array) => void;
  unsent: Uint8Array;
  isWaiting: boolean;
  isEnding: boolean;
}

/** A peer that says nothing holds a descriptor for no longer than this. */
const SILENT_PEER_SECONDS = 10;
/** A line of the client's: the largest hook input and our note beside it. */
const MAX_LINE_BYTES = MAX_MESSAGE_BYTES + 64 * 1024;

/** Takes the place of whatever is at `path`: the caller holds the lock, so it belongs to a daemon that is gone. */
export function createListener(path: string, events: ListenerEvents): Listener {
  let server = listen(path, events);
  let inode = inodeOf(path);
  const isReachable = (): boolean => inodeOf(path) === inode;
  return {
    isReachable,
    relisten: () => {
      server.stop(false);
      server = listen(path, events);
      inode = inodeOf(path);
    },
    stop: () => {
      const isOurs = isReachable();
      server.stop(false);
      if (isOurs) rmSync(path, { force: true });
    },
  };
}

function listen(path: string, { onLine, onGone }: ListenerEvents): Bun.UnixSocketListener<PeerState> {
  rmSync(path, { force: true, recursive: true });
  const gone = (socket: Bun.Socket<PeerState>): void => onGone(socket.data.peer);
  // The socket must never be there with another mode, not for a moment: a client that sees one refuses it.
  const umask = process.umask(0o177);
  const server = Bun.listen<PeerState>({
    unix: path,
    // A client may close its writing half and still wait for the answer.
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.data = createPeerState(socket, onLine);
        socket.timeout(SILENT_PEER_SECONDS);
      },
      data: (socket, chunk) => {
        if (!socket.data.isEnding) socket.data.read(chunk);
      },
      drain: flush,
      timeout: endUnlessWaiting,
      end: endUnlessWaiting,
      close: gone,
      error: gone,
    },
  });
  process.umask(umask);
  return server;
}

function createPeerState(socket: Bun.Socket<PeerState>, onLine: ListenerEvents['onLine']): PeerState {
  const peer: Peer = {
    send: (line) => {
      const state = socket.data;
      const isFlushed = state.unsent.byteLength === 0;
      state.unsent = isFlushed ? Buffer.from(line) : Buffer.concat([state.unsent, Buffer.from(line)]);
      if (isFlushed) flush(socket);
    },
    end: () => {
      socket.data.isEnding = true;
      flush(socket);
    },
    setWaiting: (isWaiting) => {
      socket.data.isWaiting = isWaiting;
      socket.timeout(isWaiting ? 0 : SILENT_PEER_SECONDS);
    },
  };
  const read = createLineReader(
    MAX_LINE_BYTES,
    (line) => onLine(peer, line),
    ({ code, message, hint }) => {
      peer.send(encodeReply({ type: 'error', code, message, hint }));
      peer.end();
    },
  );
  return { peer, read, unsent: new Uint8Array(), isWaiting: false, isEnding: false };
}

function endUnlessWaiting(socket: Bun.Socket<PeerState>): void {
  if (!socket.data.isWaiting) socket.end();
}

function flush(socket: Bun.Socket<PeerState>): void {
  const { unsent, isEnding } = socket.data;
  if (unsent.byteLength > 0) socket.data.unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
  if (isEnding && socket.data.unsent.byteLength === 0) socket.end();
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}
