/** Socket Mode: tickets, the open connections, and envelopes that go to one of them and want an ack. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { EmulatedAck } from './emulator-types.ts';
import { isRecord, parseJson } from './json.ts';
import { acceptWebSocket, type RawWebSocket } from './websocket.ts';
import type { Workspace } from './workspace.ts';

/** Slack's limit of open WebSockets for one app. */
const MAX_CONNECTIONS = 10;
/** Real Slack pings about every ten seconds. */
const PING_EVERY_MS = 10_000;
/** Three unanswered pings: the peer is taken for dead. */
const DEAD_AFTER_MS = 3 * PING_EVERY_MS + 5_000;
/** Slack announces a routine refresh about ten seconds ahead. */
const WARNING_MS = 10_000;
const TICKET_LIFE_MS = 30_000;

export type DisconnectReason = 'warning' | 'refresh_requested' | 'link_disabled' | 'too_many_websockets';

/** What became of one envelope. */
export interface Delivery {
  readonly delivery: 'acked' | 'no-connection' | 'not-acked';
  readonly envelopeId?: string;
  readonly ackPayload?: unknown;
}

interface Connection {
  readonly socket: RawWebSocket;
  /** False until hello was sent, and again from the start of its end. */
  open: boolean;
  frozen: boolean;
}

interface Pending {
  readonly connection: Connection;
  settle(delivery: Delivery): void;
}

export interface SocketMode {
  /** A single-use ticket: the last part of the path that apps.connections.open hands out. */
  newTicket(): string;
  /** Takes over an upgrade request; false when the ticket is unknown, used or old. */
  accept(ticket: string, socket: Duplex, head: Buffer, key: string): boolean;
  /** Sends `{envelope_id, ...envelope}` to one open connection and waits for its ack. */
  deliver(envelope: Record<string, unknown>): Promise<Delivery>;
  count(): number;
  ever(): number;
  acks(): readonly EmulatedAck[];
  setForeign(count: number): void;
  disconnect(reason: DisconnectReason): void;
  drop(): void;
  freeze(frozen: boolean): void;
  duplicate(times: number): void;
  sendFrame(frame: string, connection?: number): void;
}

export interface SocketModeOptions {
  readonly ackTimeoutMs: number;
  readonly tcpLingerMs: number;
}

/** Creates the connection side of the emulator. */
export function createSocketMode(workspace: Workspace, options: SocketModeOptions): SocketMode {
  const tickets = new Map<string, number>();
  const connections = new Set<Connection>();
  const pending = new Map<string, Pending>();
  const acks: EmulatedAck[] = [];
  let foreign = 0;
  let ever = 0;
  let turn = 0;
  let duplicates = 0;

  const live = () => [...connections].filter((connection) => connection.open);
  const working = () => live().filter((connection) => !connection.frozen);

  function accept(ticket: string, socket: Duplex, head: Buffer, key: string): boolean {
    const issuedAt = tickets.get(ticket);
    tickets.delete(ticket);
    if (issuedAt === undefined || Date.now() - issuedAt > TICKET_LIFE_MS) return false;
    const raw = acceptWebSocket(socket, head, key, options.tcpLingerMs, {
      onText: (text) => onFrame(text),
      onClose: () => onClose(connection, pinger),
    });
    const connection: Connection = { socket: raw, open: false, frozen: false };
    connections.add(connection);
    const pinger = setInterval(() => {
      if (Date.now() - raw.lastSeenAt() > DEAD_AFTER_MS && !connection.frozen) raw.terminate();
      else raw.ping();
    }, PING_EVERY_MS);
    pinger.unref();
    greet(connection);
    return true;
  }

  function greet(connection: Connection): void {
    if (live().length + foreign >= MAX_CONNECTIONS) {
      goodbye(connection, 'too_many_websockets');
      return;
    }
    connection.open = true;
    ever += 1;
    connection.socket.send(
      JSON.stringify({
        type: 'hello',
        num_connections: live().length + foreign,
        debug_info: { host: 'emulator', build_number: 1, approximate_connection_time: 18_060 },
        connection_info: { app_id: workspace.appId },
      }),
    );
    workspace.changes.notify();
  }

  function onClose(connection: Connection, pinger: ReturnType<typeof setInterval>): void {
    clearInterval(pinger);
    connection.open = false;
    connections.delete(connection);
    for (const waiting of [...pending.values()]) {
      if (waiting.connection === connection) waiting.settle({ delivery: 'not-acked' });
    }
    workspace.changes.notify();
  }

  function onFrame(text: string): void {
    const frame = parseJson(text);
    if (!isRecord(frame) || typeof frame.envelope_id !== 'string') return;
    acks.push({ envelopeId: frame.envelope_id, at: Date.now() });
    workspace.changes.notify();
    pending
      .get(frame.envelope_id)
      ?.settle({ delivery: 'acked', ...('payload' in frame ? { ackPayload: frame.payload } : {}) });
  }

  function deliver(envelope: Record<string, unknown>): Promise<Delivery> {
    const connection = nextConnection();
    if (connection === undefined) return Promise.resolve({ delivery: 'no-connection' });
    const envelopeId = randomUUID();
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle({ delivery: 'not-acked' }), options.ackTimeoutMs);
      const settle = (delivery: Delivery) => {
        clearTimeout(timer);
        pending.delete(envelopeId);
        resolve({ ...delivery, envelopeId });
      };
      pending.set(envelopeId, { connection, settle });
      const frame = JSON.stringify({ envelope_id: envelopeId, ...envelope });
      connection.socket.send(frame);
      if (duplicates <= 0) return;
      duplicates -= 1;
      (nextConnection() ?? connection).socket.send(frame);
    });
  }

  /** Round robin. A frozen connection gets something only when there is no other: tests would be a matter of luck otherwise. */
  function nextConnection(): Connection | undefined {
    const candidates = working().length > 0 ? working() : live();
    turn += 1;
    return candidates[turn % candidates.length];
  }

  function goodbye(connection: Connection, reason: DisconnectReason): void {
    connection.socket.send(JSON.stringify({ type: 'disconnect', reason, debug_info: { host: 'emulator' } }));
    if (reason === 'warning') {
      setTimeout(() => connection.socket.close(1000), WARNING_MS).unref();
      return;
    }
    connection.open = false;
    connection.socket.close(1000);
  }

  return {
    newTicket: () => {
      const ticket = randomBytes(16).toString('hex');
      tickets.set(ticket, Date.now());
      return ticket;
    },
    accept,
    deliver,
    count: () => working().length,
    ever: () => ever,
    acks: () => acks,
    setForeign: (count) => {
      foreign = count;
    },
    disconnect: (reason) => {
      for (const connection of live()) goodbye(connection, reason);
      workspace.changes.notify();
    },
    drop: () => {
      for (const connection of [...connections]) connection.socket.terminate();
    },
    freeze: (frozen) => {
      for (const connection of [...connections]) {
        connection.frozen = frozen;
        connection.socket.freeze(frozen);
      }
      workspace.changes.notify();
    },
    duplicate: (times) => {
      duplicates = times;
    },
    sendFrame: (frame, index) => {
      const open = live();
      const connection = open.at(index ?? -1);
      if (connection === undefined) {
        throw new Error(`Expected an open connection ${index ?? '(the newest)'}, there are ${open.length}`);
      }
      connection.socket.send(frame);
    },
  };
}
