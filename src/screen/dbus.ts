/** A client of a D-Bus message bus, as small as asking a few questions allows. A library costs 34 ms to import; this, 1 ms. */
import {
  DBusError,
  type DBusValue,
  ERROR,
  MAX_MESSAGE_BYTES,
  METHOD_RETURN,
  type MethodCall,
  readMessage,
  writeCall,
} from './dbus-wire.ts';

export interface Bus {
  /**
   * Calls a method and returns the values of its reply; never starts a service. Rejects with DBusError: `reply` when the
   * answer is an error (`errorName` says which), `closed` or `protocol` when the connection ended first.
   */
  call(call: MethodCall): Promise<readonly DBusValue[]>;
  /** Ends the connection at once; calls that wait are rejected. */
  close(): void;
}

export interface BusOptions {
  /** The user the bus is told we are; the kernel tells it too, so a wrong one is refused. */
  readonly uid: number;
  /** Ends the connection, or the attempt. There is no other time limit. */
  readonly signal: AbortSignal;
  /** For `unix:runtime=yes`. */
  readonly runtimeDir?: string | undefined;
}

/** "OK " and 32 hexadecimal digits, or a list of mechanisms: nothing longer is expected before the first message. */
const MAX_AUTH_LINE_BYTES = 1024;

/** A peer may not keep us busy for ever with messages that we did not ask for. */
const MAX_TOTAL_BYTES = 4 * MAX_MESSAGE_BYTES;

const HELLO: MethodCall = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
  member: 'Hello',
};

/** Connects to the first address of `addresses` that works. Rejects with the DBusError of the last one. */
export async function connectBus(addresses: string, options: BusOptions): Promise<Bus> {
  let failure = new DBusError('address', `Expected a unix: bus address, got ${JSON.stringify(addresses)}`);
  for (const path of socketPaths(addresses, options.runtimeDir)) {
    if (options.signal.aborted) throw new DBusError('closed', 'No answer in time');
    try {
      return await connectPath(path, options);
    } catch (error) {
      failure = error instanceof DBusError ? error : new DBusError('connect', String(error));
    }
  }
  throw failure;
}

/**
 * The Unix sockets in a D-Bus address list, in order; a leading NUL marks a name in the abstract namespace. Other
 * transports are left out. Source: D-Bus Specification, "Server Addresses".
 */
export function socketPaths(addresses: string, runtimeDir?: string): readonly string[] {
  const paths: string[] = [];
  for (const address of addresses.split(';')) {
    if (!address.startsWith('unix:')) continue;
    const keys = new Map(address.slice('unix:'.length).split(',').map(keyAndValue));
    const path = keys.get('path');
    const abstract = keys.get('abstract');
    if (path !== undefined && path !== '') paths.push(path);
    else if (abstract !== undefined && abstract !== '') paths.push(`\0${abstract}`);
    else if (keys.get('runtime') === 'yes' && runtimeDir !== undefined) paths.push(`${runtimeDir}/bus`);
  }
  return paths;
}

/** A path as the value of an address key, escaped. */
export function escapeAddress(path: string): string {
  return Array.from(Buffer.from(path), (byte) => {
    const char = String.fromCharCode(byte);
    return /[-0-9A-Za-z_/.\\*]/.test(char) ? char : `%${byte.toString(16).padStart(2, '0')}`;
  }).join('');
}

function keyAndValue(pair: string): readonly [string, string] {
  const at = pair.indexOf('=');
  return at === -1 ? [pair, ''] : [pair.slice(0, at), unescapeAddress(pair.slice(at + 1))];
}

/** Undoes %XX, byte by byte; what does not decode is no usable path. */
function unescapeAddress(value: string): string {
  try {
    const path = decodeURIComponent(value);
    return path.includes('\0') ? '' : path;
  } catch {
    return '';
  }
}

/** Opens one socket and logs in. Rejects with DBusError. */
async function connectPath(path: string, { uid, signal }: BusOptions): Promise<Bus> {
  let socket: Bun.Socket | undefined;
  const conversation = createConversation(uid, {
    // Less than 4 KiB in all, far below any socket buffer: a short write means a peer that does not read.
    write: (bytes) => socket?.write(bytes) === bytes.byteLength,
    hangUp: () => {
      signal.removeEventListener('abort', onAbort);
      socket?.terminate();
    },
  });
  const end = (kind: DBusError['kind'], message: string): void => conversation.end(new DBusError(kind, message));
  const onAbort = (): void => end('closed', 'No answer in time');
  const onClose = (): void => end('closed', 'The bus closed the connection');

  signal.addEventListener('abort', onAbort);
  Bun.connect({
    unix: path,
    socket: {
      open(opened) {
        socket = opened;
        if (signal.aborted) opened.terminate();
        else conversation.begin();
      },
      data: (_, bytes) => conversation.receive(bytes),
      end: onClose,
      close: onClose,
      error: onClose,
    },
  }).catch((error: unknown) => end('connect', `Cannot connect: ${codeOf(error)}`));
  await conversation.ready;
  return { call: conversation.call, close: () => end('closed', 'The connection was closed') };
}

interface Wire {
  /** Sends all of it, or returns false. */
  write(bytes: Uint8Array): boolean;
  hangUp(): void;
}

interface Conversation {
  /** Resolves when the bus has accepted us. */
  readonly ready: Promise<void>;
  /** To be called when the wire is open. */
  begin(): void;
  receive(bytes: Uint8Array): void;
  call: Bus['call'];
  /** Ends it with the error that everybody who waits gets; only the first end counts. */
  end(error: DBusError): void;
}

interface Waiting {
  readonly resolve: (values: readonly DBusValue[]) => void;
  readonly reject: (error: DBusError) => void;
}

/** Log in, then calls and their answers: what is said on a wire, without the wire. */
function createConversation(uid: number, wire: Wire): Conversation {
  const waiting = new Map<number, Waiting>();
  const login = Promise.withResolvers<void>();
  let received = Buffer.alloc(0);
  let receivedBytes = 0;
  let lastSerial = 0;
  let isLoggedIn = false;
  let ended: DBusError | undefined;

  const end = (error: DBusError): void => {
    if (ended !== undefined) return;
    ended = error;
    wire.hangUp();
    login.reject(error);
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const send = (bytes: Uint8Array): void => {
    if (!wire.write(bytes)) end(new DBusError('closed', 'The bus does not read'));
  };
  const call = (message: MethodCall): Promise<readonly DBusValue[]> => {
    if (ended !== undefined) return Promise.reject(ended);
    lastSerial += 1;
    const serial = lastSerial;
    const answer = new Promise<readonly DBusValue[]>((resolve, reject) => waiting.set(serial, { resolve, reject }));
    send(writeCall(message, serial));
    return answer;
  };
  const readLogin = (): void => {
    const lineEnd = received.indexOf('\r\n');
    if (lineEnd > MAX_AUTH_LINE_BYTES || (lineEnd === -1 && received.byteLength > MAX_AUTH_LINE_BYTES)) {
      throw new DBusError('auth', 'The bus answered the login with too long a line');
    }
    if (lineEnd === -1) return;
    const line = received.toString('latin1', 0, lineEnd);
    if (!/^OK( |$)/.test(line)) throw new DBusError('auth', `The bus refused user id ${uid}`);
    received = received.subarray(lineEnd + 2);
    isLoggedIn = true;
    send(Buffer.from('BEGIN\r\n'));
    // Hello must come first; nothing has to wait for its answer.
    call(HELLO).catch(end);
    login.resolve();
  };
  const readAnswers = (): void => {
    for (let next = readMessage(received); next !== null; next = readMessage(received)) {
      received = received.subarray(next.size);
      const { type, replySerial = 0, errorName, body } = next.message;
      const asker = waiting.get(replySerial);
      if (asker === undefined || (type !== METHOD_RETURN && type !== ERROR)) continue;
      waiting.delete(replySerial);
      if (type === METHOD_RETURN) asker.resolve(body);
      else asker.reject(new DBusError('reply', errorName ?? 'an error without a name', errorName));
    }
  };
  const receive = (bytes: Uint8Array): void => {
    if (ended !== undefined) return;
    receivedBytes += bytes.byteLength;
    try {
      if (receivedBytes > MAX_TOTAL_BYTES) throw new DBusError('protocol', 'The bus sent too much');
      received = Buffer.concat([received, bytes]);
      if (!isLoggedIn) readLogin();
      if (isLoggedIn) readAnswers();
    } catch (error) {
      end(error instanceof DBusError ? error : new DBusError('protocol', String(error)));
    }
  };
  const begin = (): void => {
    // SASL: a NUL for the credentials, then EXTERNAL with the user id's digits in hexadecimal.
    if (ended === undefined) send(Buffer.from(`\0AUTH EXTERNAL ${Buffer.from(String(uid)).toString('hex')}\r\n`));
  };
  return { ready: login.promise, begin, receive, call, end };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
