/**
 * The other side of D-Bus, for tests: an encoder and a decoder of their own (sharing the product's would hide its mistakes),
 * a bus that answers by a function, and a service that serves the same function on a real dbus-daemon.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A value with its signature, for a place of type `v`. */
export interface Variant {
  readonly signature: string;
  readonly value: unknown;
}

export interface Call {
  readonly type: number;
  readonly flags: number;
  readonly serial: number;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly destination: string;
  readonly sender: string;
  readonly args: readonly (string | number)[];
}

export type Answer =
  | { readonly signature: string; readonly values: readonly unknown[] }
  | { readonly error: string }
  | { readonly raw: Uint8Array }
  | 'silence';

export type Serve = (call: Call) => Answer;

export const NOBODY: Answer = { error: 'org.freedesktop.DBus.Error.ServiceUnknown' };

const SIZES: Record<string, number> = { y: 1, n: 2, q: 2, b: 4, i: 4, u: 4, h: 4, x: 8, t: 8, d: 8 };
const ALIGN: Record<string, number> = { ...SIZES, s: 4, o: 4, a: 4, '(': 8, '{': 8, g: 1, v: 1 };

/** The bytes of values, as if they began at an offset that is a multiple of 8. */
export function encode(signature: string, values: readonly unknown[], isLittle = true): Buffer {
  let out = Buffer.alloc(0);
  const add = (bytes: Uint8Array): void => {
    out = Buffer.concat([out, bytes]);
  };
  const pad = (to: number): void => add(Buffer.alloc((to - (out.length % to)) % to));
  const fixed = (code: string, value: unknown): void => {
    const bytes = Buffer.alloc(SIZES[code] ?? 0);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (code === 'y') view.setUint8(0, Number(value));
    else if (code === 'n') view.setInt16(0, Number(value), isLittle);
    else if (code === 'q') view.setUint16(0, Number(value), isLittle);
    else if (code === 'i') view.setInt32(0, Number(value), isLittle);
    else if (code === 'x') view.setBigInt64(0, BigInt(value as bigint), isLittle);
    else if (code === 't') view.setBigUint64(0, BigInt(value as bigint), isLittle);
    else if (code === 'd') view.setFloat64(0, Number(value), isLittle);
    else view.setUint32(0, Number(value), isLittle);
    add(bytes);
  };
  const put = (type: string, value: unknown): void => {
    const code = type[0] ?? '';
    pad(ALIGN[code] ?? 1);
    if (SIZES[code] !== undefined) fixed(code, value);
    else if (code === 's' || code === 'o') {
      fixed('u', Buffer.byteLength(String(value)));
      add(Buffer.from(`${value}\0`));
    } else if (code === 'g') {
      add(Buffer.of(String(value).length));
      add(Buffer.from(`${value}\0`));
    } else if (code === 'v') {
      const variant = value as Variant;
      put('g', variant.signature);
      put(variant.signature, variant.value);
    } else if (code === 'a') putArray(type.slice(1), value as unknown[]);
    else {
      split(type.slice(1, -1)).forEach((inner, at) => {
        put(inner, (value as unknown[])[at]);
      });
    }
  };
  const putArray = (element: string, items: readonly unknown[]): void => {
    const lengthAt = out.length;
    fixed('u', 0);
    pad(ALIGN[element[0] ?? ''] ?? 1);
    const start = out.length;
    for (const item of items) put(element, item);
    if (isLittle) out.writeUInt32LE(out.length - start, lengthAt);
    else out.writeUInt32BE(out.length - start, lengthAt);
  };
  split(signature).forEach((type, at) => {
    put(type, values[at]);
  });
  return out;
}

/** A signature's complete types. */
function split(signature: string): string[] {
  const types: string[] = [];
  let start = 0;
  let depth = 0;
  for (let at = 0; at < signature.length; at += 1) {
    const char = signature[at] ?? '';
    if ('({'.includes(char)) depth += 1;
    if (')}'.includes(char)) depth -= 1;
    if (depth > 0 || char === 'a') continue;
    types.push(signature.slice(start, at + 1));
    start = at + 1;
  }
  return types;
}

export interface Outgoing {
  readonly type: number;
  readonly serial?: number;
  readonly fields: readonly (readonly [number, string, unknown])[];
  readonly signature?: string;
  readonly values?: readonly unknown[];
  readonly flags?: number;
}

export function encodeMessage(
  { type, serial = 1, fields, signature = '', values = [], flags = 0 }: Outgoing,
  isLittle = true,
): Buffer {
  const body = encode(signature, values, isLittle);
  const all = signature === '' ? fields : [...fields, [8, 'g', signature] as const];
  const entries = all.map(([code, type, value]) => [code, { signature: type, value }]);
  const order = isLittle ? 0x6c : 0x42;
  const head = encode('yyyyuua(yv)', [order, type, flags, 1, body.length, serial, entries], isLittle);
  return Buffer.concat([head, Buffer.alloc((8 - (head.length % 8)) % 8), body]);
}

export function encodeReply(call: Call, answer: Exclude<Answer, 'silence'>, destination?: string): Buffer {
  const to = destination === undefined ? [] : [[6, 's', destination] as const];
  if ('raw' in answer) return Buffer.from(answer.raw);
  if ('error' in answer)
    return encodeMessage({ type: 3, flags: 1, fields: [[4, 's', answer.error], [5, 'u', call.serial], ...to] });
  const { signature, values } = answer;
  return encodeMessage({ type: 2, flags: 1, fields: [[5, 'u', call.serial], ...to], signature, values });
}

/** The first message of `bytes`, if it is complete; knows only the types that method calls and their headers use. */
function decode(bytes: Buffer): { call: Call; size: number } | undefined {
  if (bytes.length < 16) return undefined;
  const bodyLength = bytes.readUInt32LE(4);
  const fieldsEnd = 16 + bytes.readUInt32LE(12);
  const bodyAt = Math.ceil(fieldsEnd / 8) * 8;
  if (bytes.length < bodyAt + bodyLength) return undefined;
  const fields: Record<number, string | number> = {};
  let at = 16;
  const value = (type: string, base: number): string | number => {
    if (type === 'g') {
      const length = bytes[at] ?? 0;
      at += length + 2;
      return bytes.toString('utf8', at - length - 1, at - 1);
    }
    at = base + Math.ceil((at - base) / 4) * 4;
    const number = bytes.readUInt32LE(at);
    at += 4;
    if (type === 'u') return number;
    at += number + 1;
    return bytes.toString('utf8', at - number - 1, at - 1);
  };
  while (at < fieldsEnd) {
    at = Math.ceil(at / 8) * 8;
    const code = bytes[at] ?? 0;
    const type = String.fromCharCode(bytes[at + 2] ?? 0);
    at += 4;
    fields[code] = value(type, 0);
  }
  at = bodyAt;
  const call: Call = {
    type: bytes[1] ?? 0,
    flags: bytes[2] ?? 0,
    serial: bytes.readUInt32LE(8),
    path: String(fields[1] ?? ''),
    interface: String(fields[2] ?? ''),
    member: String(fields[3] ?? ''),
    destination: String(fields[6] ?? ''),
    sender: String(fields[7] ?? ''),
    args: [],
  };
  // Replies and signals of the real bus have bodies with other types; nobody looks at them.
  const args = call.type === 1 ? [...String(fields[8] ?? '')].map((type) => value(type, bodyAt)) : [];
  return { call: { ...call, args }, size: bodyAt + bodyLength };
}

/** Cuts a stream into messages. */
function createDecoder(onCall: (call: Call) => void): (bytes: Uint8Array) => void {
  let rest = Buffer.alloc(0);
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (let next = decode(rest); next !== undefined; next = decode(rest)) {
      rest = rest.subarray(next.size);
      onCall(next.call);
    }
  };
}

export interface FakeBus extends AsyncDisposable {
  /** For DBUS_SESSION_BUS_ADDRESS or DBUS_SYSTEM_BUS_ADDRESS. */
  readonly address: string;
  readonly calls: readonly Call[];
  /** The lines of the login, without the NUL before the first. */
  readonly authLines: readonly string[];
  /** Resolves when a client has gone. */
  readonly whenLeft: Promise<void>;
}

export interface FakeBusOptions {
  readonly serve?: Serve;
  /** What is sent for the AUTH line; null for silence. */
  readonly auth?: string | null;
  /** Sent right after the login's OK, before any answer. */
  readonly afterAuth?: Uint8Array;
  /** Listens here in place of a socket in a new directory; a leading NUL is the abstract namespace. */
  readonly unix?: string;
  /** Sends everything in pieces of this many bytes. */
  readonly pieceBytes?: number;
}

const GUID = '0123456789abcdef0123456789abcdef';

/** A message bus with one talking client at a time, or a peer that only pretends to be one. */
export function createFakeBus(options: FakeBusOptions = {}): FakeBus {
  const { serve = () => NOBODY, auth = `OK ${GUID}\r\n`, afterAuth, pieceBytes = Number.POSITIVE_INFINITY } = options;
  const directory = mkdtempSync(join(tmpdir(), 'dbus-'));
  const unix = options.unix ?? join(directory, 'bus');
  const calls: Call[] = [];
  const authLines: string[] = [];
  const left = Promise.withResolvers<void>();
  const server = Bun.listen<{ receive(bytes: Uint8Array): void; flush(): void }>({
    unix,
    socket: {
      open(socket) {
        let unsent = Buffer.alloc(0);
        const flush = (): void => {
          while (unsent.length > 0) {
            const written = socket.write(unsent.subarray(0, pieceBytes));
            if (written <= 0) return;
            unsent = unsent.subarray(written);
          }
        };
        const send = (bytes: Uint8Array): void => {
          unsent = Buffer.concat([unsent, bytes]);
          flush();
        };
        const messages = createDecoder((call) => {
          calls.push(call);
          const hello: Answer = { signature: 's', values: [':1.1'] };
          const answer = call.member === 'Hello' ? hello : serve(call);
          if (answer !== 'silence') send(encodeReply(call, answer));
        });
        let login = '';
        let isOpen = false;
        const receive = (bytes: Uint8Array): void => {
          if (isOpen) {
            messages(bytes);
            return;
          }
          login += Buffer.from(bytes).toString('latin1');
          for (let end = login.indexOf('\r\n'); end !== -1 && !isOpen; end = login.indexOf('\r\n')) {
            const line = login.slice(0, end).replace(/^\0/, '');
            login = login.slice(end + 2);
            authLines.push(line);
            if (line.startsWith('AUTH ') && auth !== null)
              send(Buffer.concat([Buffer.from(auth, 'latin1'), afterAuth ?? Buffer.alloc(0)]));
            if (line === 'BEGIN') isOpen = true;
          }
          if (isOpen) messages(Buffer.from(login, 'latin1'));
        };
        socket.data = { receive, flush };
      },
      data: (socket, bytes) => socket.data.receive(bytes),
      drain: (socket) => socket.data.flush(),
      close: () => left.resolve(),
      error: () => left.resolve(),
    },
  });
  const address = unix.startsWith('\0') ? `unix:abstract=${unix.slice(1)}` : `unix:path=${unix}`;
  return {
    address,
    calls,
    authLines,
    whenLeft: left.promise,
    async [Symbol.asyncDispose]() {
      server.stop(true);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Connects to a real bus, takes names on it and serves. Resolves when all names are ours. */
export async function createService(path: string, names: readonly string[], serve: Serve): Promise<Disposable> {
  const ready = Promise.withResolvers<void>();
  let serial = 0;
  let owned = 0;
  const call = (member: string, signature: string, values: readonly unknown[]): Buffer => {
    serial += 1;
    const bus = 'org.freedesktop.DBus';
    const fields = [
      [1, 'o', '/org/freedesktop/DBus'],
      [2, 's', bus],
      [3, 's', member],
      [6, 's', bus],
    ] as const;
    return encodeMessage({ type: 1, serial, fields, signature, values });
  };
  let isOpen = false;
  const messages = createDecoder((message) => {
    if (message.type === 3) ready.reject(new Error('the bus refused'));
    // The answers to Hello and to each RequestName.
    if (message.type === 2) owned += 1;
    if (owned === names.length + 1) ready.resolve();
    if (message.type !== 1) return;
    const answer = serve(message);
    if (answer !== 'silence') socket.write(encodeReply(message, answer, message.sender));
  });
  const socket = await Bun.connect({
    unix: path,
    socket: {
      data(opened, bytes) {
        if (isOpen) return messages(bytes);
        if (!bytes.toString().startsWith('OK ')) return ready.reject(new Error(bytes.toString()));
        isOpen = true;
        opened.write('BEGIN\r\n');
        opened.write(
          Buffer.concat([call('Hello', '', []), ...names.map((name) => call('RequestName', 'su', [name, 4]))]),
        );
      },
    },
  });
  socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(process.getuid?.())).toString('hex')}\r\n`);
  await ready.promise;
  return { [Symbol.dispose]: () => socket.terminate() };
}

/** A property dictionary, a{sv}, from values that are strings, booleans or variants. */
export function dictionary(properties: Readonly<Record<string, string | boolean | Variant>>): readonly unknown[] {
  return Object.entries(properties).map(([name, value]) => {
    if (typeof value === 'string') return [name, { signature: 's', value }];
    if (typeof value === 'boolean') return [name, { signature: 'b', value: value ? 1 : 0 }];
    return [name, value];
  });
}
