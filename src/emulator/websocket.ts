/**
 * The server side of RFC 6455 on a bare TCP socket. Ready-made servers answer pings and closes by themselves;
 * the emulator has to be able not to.
 */
import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';

export interface WebSocketHandlers {
  onText(text: string): void;
  /** The peer is gone or the closing handshake has begun: no message can arrive after this. Called once. */
  onClose(): void;
}

export interface RawWebSocket {
  send(text: string): void;
  ping(): void;
  /** Starts the closing handshake; TCP ends `lingerMs` after the peer's answer. */
  close(code: number): void;
  /** Cuts TCP at once, without a close frame. */
  terminate(): void;
  /** While frozen nothing is read, written or answered, and TCP stays open. */
  freeze(frozen: boolean): void;
  /** Milliseconds since the epoch of the last frame from the peer. */
  lastSeenAt(): number;
}

const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
/** How long the peer may take to answer a close frame. */
const CLOSE_TIMEOUT_MS = 5_000;
const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** Answers the upgrade request and takes the socket over. */
export function acceptWebSocket(
  socket: Duplex,
  head: Buffer,
  key: string,
  lingerMs: number,
  handlers: WebSocketHandlers,
): RawWebSocket {
  let unread: Buffer = head;
  let fragments: Buffer[] = [];
  let frozen = false;
  let held: Buffer[] = [];
  let closeSent = false;
  let gone = false;
  let seenAt = Date.now();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const goneNow = () => {
    if (gone) return;
    gone = true;
    handlers.onClose();
  };
  const write = (bytes: Buffer) => {
    if (socket.destroyed) return;
    if (frozen) held.push(bytes);
    else socket.write(bytes);
  };
  const endIn = (ms: number, end: () => void) => {
    clearTimeout(timer);
    timer = setTimeout(end, ms);
    timer.unref();
  };

  function read(): void {
    while (!frozen && !socket.destroyed) {
      const frame = takeFrame(unread);
      if (frame === 'incomplete') return;
      if (frame === 'invalid') {
        socket.destroy();
        return;
      }
      unread = frame.rest;
      seenAt = Date.now();
      onFrame(frame.opcode, frame.fin, frame.payload);
    }
  }

  function onFrame(opcode: number, fin: boolean, payload: Buffer): void {
    if (opcode === OPCODE.ping) write(encodeFrame(OPCODE.pong, payload));
    else if (opcode === OPCODE.close) onCloseFrame(payload);
    else if (opcode === OPCODE.text || opcode === OPCODE.continuation) {
      fragments.push(payload);
      if (!fin) return;
      const text = Buffer.concat(fragments).toString('utf8');
      fragments = [];
      if (!gone) handlers.onText(text);
    }
  }

  function onCloseFrame(payload: Buffer): void {
    if (!closeSent) write(encodeFrame(OPCODE.close, payload.subarray(0, 2)));
    closeSent = true;
    goneNow();
    endTcp();
  }

  /** The server ends TCP first (RFC 6455, 7.1.1); real Slack takes its time. */
  function endTcp(): void {
    if (lingerMs > 0) endIn(lingerMs, () => socket.destroy());
    else socket.end();
  }

  socket.on('data', (bytes: Buffer) => {
    unread = unread.length === 0 ? bytes : Buffer.concat([unread, bytes]);
    read();
  });
  socket.on('error', () => socket.destroy());
  socket.on('end', () => {
    if (frozen) return;
    goneNow();
    endTcp();
  });
  socket.on('close', () => {
    clearTimeout(timer);
    goneNow();
  });
  socket.write(handshake(key));
  if (head.length > 0) queueMicrotask(read);

  return {
    send: (text) => write(encodeFrame(OPCODE.text, Buffer.from(text))),
    ping: () => write(encodeFrame(OPCODE.ping, Buffer.from(`Ping from the emulator ${Date.now()}`))),
    close: (code) => {
      if (closeSent || socket.destroyed) return;
      const reason = Buffer.alloc(2);
      reason.writeUInt16BE(code);
      write(encodeFrame(OPCODE.close, reason));
      closeSent = true;
      goneNow();
      endIn(CLOSE_TIMEOUT_MS, () => socket.destroy());
    },
    terminate: () => {
      socket.destroy();
      goneNow();
    },
    freeze: (value) => {
      frozen = value;
      if (frozen || socket.destroyed) return;
      for (const bytes of held) socket.write(bytes);
      held = [];
      read();
      if (socket.readableEnded) endTcp();
    },
    lastSeenAt: () => seenAt,
  };
}

function handshake(key: string): string {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

interface Frame {
  readonly fin: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
  readonly rest: Buffer;
}

function takeFrame(bytes: Buffer): Frame | 'incomplete' | 'invalid' {
  if (bytes.length < 2) return 'incomplete';
  const first = bytes.readUInt8(0);
  const second = bytes.readUInt8(1);
  // A client must mask what it sends (RFC 6455, 5.1).
  if ((second & 0x80) === 0) return 'invalid';
  const short = second & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + lengthBytes + 4;
  if (bytes.length < start) return 'incomplete';
  const length =
    lengthBytes === 2 ? bytes.readUInt16BE(2) : lengthBytes === 8 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (length > MAX_FRAME_BYTES) return 'invalid';
  if (bytes.length < start + length) return 'incomplete';
  const mask = bytes.subarray(start - 4, start);
  const payload = Buffer.from(bytes.subarray(start, start + length));
  for (let index = 0; index < payload.length; index++) {
    payload[index] = (payload[index] ?? 0) ^ (mask[index % 4] ?? 0);
  }
  return { fin: (first & 0x80) !== 0, opcode: first & 0x0f, payload, rest: bytes.subarray(start + length) };
}

function encodeFrame(opcode: number, payload: Buffer): Buffer {
  const first = 0x80 | opcode;
  if (payload.length < 126) return Buffer.concat([Buffer.from([first, payload.length]), payload]);
  const long = payload.length > 0xffff;
  const header = Buffer.alloc(long ? 10 : 4);
  header.writeUInt8(first, 0);
  header.writeUInt8(long ? 127 : 126, 1);
  if (long) header.writeBigUInt64BE(BigInt(payload.length), 2);
  else header.writeUInt16BE(payload.length, 2);
  return Buffer.concat([header, payload]);
}
