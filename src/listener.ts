/** The daemon's Unix socket: connections in, lines out, every peer bounded in time and memory. */
import { lstatSync, rmSync } from 'node:fs';
import { isTrustedPeer } from './peer-uid.ts';
import { encodeReply } from './protocol-daemon.ts';
import { createLineReader } from './socket.ts';

/** One connection. Its identity is the object itself. */
export interface Peer {
  /** Queues what the kernel does not take at once; does nothing when the peer is gone. */
  send(line: string): void;
  /** Sends it unless something is still queued: for what is worth nothing when it comes late. */
  offer(line: string): void;
  /** Closes the connection once what was sent has gone out. */
  end(): void;
  /** A peer that waits for an outcome may be silent for as long as it likes; all others are idle until their next line. */
  setWaiting(isWaiting: boolean): void;
  /** It speaks for an agent's http hook, whose events are told of as they come in. */
  readonly isOverHttp?: true;
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
  /** What the kernel has not taken yet. */
  unsent: Uint8Array;
  /** What comes after that. */
  queued: string[];
  queuedLength: number;
  /** What has come from it and is not looked at before it has read its answers. */
  held: Uint8Array[];
  /** On the clock of performance.now(). */
  idleSince: number;
  /** Whether anything has ever come from it. */
  hasSpoken: boolean;
  isWaiting: boolean;
  isEnding: boolean;
  /** It sends nothing more, and may wait for what we send. */
  isHalfClosed: boolean;
  isGone: boolean;
}

/** A peer without a complete line holds a descriptor for no longer than this, whatever it sends meanwhile. */
const IDLE_MS = 10_000;
/** And one that says nothing at all no longer than this: a client speaks as soon as it has connected. */
const SILENT_MS = 5_000;
const SWEEP_MS = 1_000;
/** More idle peers than this, and the one that has been idle for longest goes. */
const MAX_IDLE = 256;
/** Of a low limit of descriptors so many stay free for the daemon's files and its connections to Slack. */
const RESERVED_DESCRIPTORS = 64;
/** Even then a client must have time to send its line. */
const MIN_IDLE = 16;
/** Who has not read this much of what it was answered is read no further until it has. */
const MAX_UNREAD = 1024 * 1024;
/** How often that is looked at: a short question may have a long answer. */
const SLICE_BYTES = 32 * 1024;
/** Our note beside a hook input. */
const NOTE_BYTES = 64 * 1024;

export interface ListenerOptions extends ListenerEvents {
  /** How many descriptors this process may have. */
  readonly descriptors: number;
  /** The largest hook input, in bytes. */
  readonly maxInputBytes: number;
  /** Told how many bytes come and go, about. */
  readonly onBytes?: (bytes: number) => void;
  /** How long a peer may be idle, in milliseconds; 10 s if not said otherwise. */
  readonly idleMs?: number;
  /** The same for one that has never said anything; 5 s. */
  readonly silentMs?: number;
}

/** Takes the place of whatever is at `path`: the caller holds the lock, so it belongs to a daemon that is gone. */
export function createListener(path: string, options: ListenerOptions): Listener {
  const crowd = createCrowd(options);
  let server = listen(path, options, crowd);
  let inode = inodeOf(path);
  const isReachable = (): boolean => inodeOf(path) === inode;
  return {
    isReachable,
    relisten: () => {
      server.stop(false);
      server = listen(path, options, crowd);
      inode = inodeOf(path);
    },
    stop: () => {
      const isOurs = isReachable();
      server.stop(false);
      if (isOurs) rmSync(path, { force: true });
    },
  };
}

type PeerSocket = Bun.Socket<PeerState>;

/** All connections, so that those that only hold a descriptor can be closed: after a while, or for want of room. */
interface Crowd {
  /** The peer has just come or said something, and does not wait. */
  idles(socket: PeerSocket): void;
  waits(socket: PeerSocket): void;
  leaves(socket: PeerSocket): void;
}

function createCrowd({ descriptors, idleMs = IDLE_MS, silentMs = SILENT_MS }: ListenerOptions): Crowd {
  const shortestMs = Math.min(idleMs, silentMs);
  /** In the order of how long they have been idle. */
  const idle = new Set<PeerSocket>();
  const waiting = new Set<PeerSocket>();
  let timer: Timer | undefined;
  const sweep = (): void => {
    const now = performance.now();
    for (const socket of idle) {
      const idleFor = now - socket.data.idleSince;
      if (idleFor < shortestMs) break;
      if (idleFor >= idleMs || !socket.data.hasSpoken) drop(socket);
    }
  };
  // Terminated, not ended: whatever is still queued for it, the descriptor is free at once.
  const drop = (socket: PeerSocket): void => {
    leaves(socket);
    socket.terminate();
  };
  const leaves = (socket: PeerSocket): void => {
    idle.delete(socket);
    waiting.delete(socket);
    if (idle.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
  return {
    idles: (socket) => {
      leaves(socket);
      if (socket.data.isGone) return;
      socket.data.idleSince = performance.now();
      idle.add(socket);
      timer ??= setInterval(sweep, Math.min(SWEEP_MS, shortestMs));
      const room = Math.max(MIN_IDLE, Math.min(MAX_IDLE, descriptors - RESERVED_DESCRIPTORS - waiting.size));
      for (const oldest of idle) {
        if (idle.size <= room) break;
        drop(oldest);
      }
    },
    waits: (socket) => {
      leaves(socket);
      waiting.add(socket);
    },
    leaves,
  };
}

function listen(
  path: string,
  { onLine, onGone, maxInputBytes, onBytes }: ListenerOptions,
  crowd: Crowd,
): Bun.UnixSocketListener<PeerState> {
  rmSync(path, { force: true, recursive: true });
  const gone = (socket: PeerSocket): void => {
    socket.data.isGone = true;
    crowd.leaves(socket);
    onGone(socket.data.peer);
  };
  // The socket must never be there with another mode, not for a moment: a client that sees one refuses it.
  const umask = process.umask(0o177);
  const server = Bun.listen<PeerState>({
    unix: path,
    // A client may close its writing half and still wait for the answer.
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.data = createPeerState(socket, onLine, maxInputBytes + NOTE_BYTES, crowd, onBytes);
        if (isTrustedPeer(socket)) crowd.idles(socket);
        else socket.terminate();
      },
      data: (socket, chunk) => {
        socket.data.hasSpoken = true;
        onBytes?.(chunk.byteLength);
        feed(socket, chunk);
      },
      drain: flush,
      end: halfClosed,
      close: gone,
      error: gone,
    },
  });
  process.umask(umask);
  return server;
}

function createPeerState(
  socket: PeerSocket,
  onLine: ListenerEvents['onLine'],
  maxLineBytes: number,
  crowd: Crowd,
  onBytes: ListenerOptions['onBytes'],
): PeerState {
  const peer: Peer = {
    send: (line) => {
      const isFlushed = unreadBy(socket) === 0;
      socket.data.queued.push(line);
      socket.data.queuedLength += line.length;
      onBytes?.(line.length);
      if (socket.data.isHalfClosed && !socket.data.isWaiting) socket.data.isEnding = true;
      if (isFlushed) flush(socket);
    },
    offer: (line) => {
      if (unreadBy(socket) === 0) peer.send(line);
    },
    end: () => {
      socket.data.isEnding = true;
      flush(socket);
    },
    setWaiting: (isWaiting) => {
      socket.data.isWaiting = isWaiting;
      if (isWaiting) crowd.waits(socket);
      else crowd.idles(socket);
    },
  };
  const read = createLineReader(
    maxLineBytes,
    (line) => {
      // Who is shown the door is not listened to any further.
      if (socket.data.isEnding) return;
      onLine(peer, line);
      if (!socket.data.isWaiting) crowd.idles(socket);
    },
    ({ code, message, hint }) => {
      peer.send(encodeReply({ type: 'error', code, message, hint }));
      peer.end();
    },
  );
  return {
    ...{ peer, read, unsent: new Uint8Array(), queued: [], queuedLength: 0, held: [], idleSince: 0 },
    ...{ hasSpoken: false, isWaiting: false, isEnding: false, isHalfClosed: false, isGone: false },
  };
}

function halfClosed(socket: PeerSocket): void {
  socket.data.isHalfClosed = true;
  if (!socket.data.isWaiting) socket.data.peer.end();
}

/** Reads on, slice by slice, for as long as the peer does the same. */
function feed(socket: PeerSocket, chunk: Uint8Array): void {
  const { data: state } = socket;
  for (let at = 0; at < chunk.byteLength && !state.isEnding; at += SLICE_BYTES) {
    if (state.held.length > 0 || unreadBy(socket) > MAX_UNREAD) {
      // A copy: the runtime may use the memory again.
      state.held.push(new Uint8Array(chunk.subarray(at)));
      socket.pause();
      return;
    }
    state.read(chunk.subarray(at, at + SLICE_BYTES));
  }
}

function readOn(socket: PeerSocket): void {
  const { held } = socket.data;
  socket.data.held = [];
  for (const chunk of held) feed(socket, chunk);
  if (socket.data.held.length === 0) socket.resume();
}

function flush(socket: PeerSocket): void {
  const { data: state } = socket;
  do {
    if (state.unsent.byteLength === 0) {
      state.unsent = Buffer.from(state.queued.join(''));
      Object.assign(state, { queued: [], queuedLength: 0 });
    }
    if (state.unsent.byteLength > 0) state.unsent = state.unsent.subarray(Math.max(0, socket.write(state.unsent)));
  } while (state.unsent.byteLength === 0 && state.queuedLength > 0);
  const unread = unreadBy(socket);
  if (state.held.length > 0 && unread <= MAX_UNREAD) readOn(socket);
  if (state.isEnding && unread === 0) socket.end();
}

/** About how many bytes of what was sent are still with us. */
function unreadBy({ data: { unsent, queuedLength } }: PeerSocket): number {
  return unsent.byteLength + queuedLength;
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}
