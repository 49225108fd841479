/** The client's half of the daemon's life: connect to it, or start it and connect. Loads nothing that a warm call does not need. */
import { type DaemonRecord, proofOf, readRecord } from './daemon-record.ts';
import { AppError } from './errors.ts';
import type { Patience } from './patience.ts';
import { isTrustedPeer } from './peer-uid.ts';
import { encodeHello, readReply } from './protocol.ts';
import { createLineReader, socketExists } from './socket.ts';
import type { AppPaths } from './state.ts';
import { VERSION } from './version.ts';

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
  onLine(line: string): void;
  /** What comes is no text of lines. */
  onBroken(error: AppError): void;
  onClose(): void;
}

/** Of who only wants to know that the daemon is there. */
export const IGNORED: ConnectionEvents = { onLine: () => {}, onBroken: () => {}, onClose: () => {} };

/** Whose daemon is looked for. */
export interface Wanted {
  readonly paths: AppPaths;
  /** Fingerprint of what it goes by; see `appFingerprint`. */
  readonly app: string;
}

export interface Effort {
  /** How long to try. */
  readonly left: Patience;
  /** We have lost a daemon to another one: a daemon with other settings is not asked to make room again, or two would take turns for ever. */
  readonly isBack: boolean;
}

/** What became of looking for a daemon. `outdated`: it is older than we are, or goes by other tokens or another config file. */
export type Meeting =
  | { readonly state: 'ready'; readonly connection: Connection }
  | { readonly state: 'absent' }
  | { readonly state: 'outdated'; readonly hasOtherSettings: boolean };

/** A daemon that has only just come up loads its libraries while a hundred hooks connect: whom we have reached gets this long in any case. */
const PROOF_MS = 1_500;
/** An answer may hold a whole input, of up to 64 MiB. */
const MAX_REPLY_BYTES = 128 * 1024 * 1024;

/**
 * A short, non-reversible name of what decides whom a daemon asks, to compare two processes' settings without showing them:
 * the tokens, and the file whose rules it goes by.
 */
export function appFingerprint({
  botToken,
  appToken,
  apiUrl,
  configFile,
}: Readonly<Record<'botToken' | 'appToken' | 'apiUrl' | 'configFile', string>>): string {
  return fingerprint([botToken, appToken, apiUrl, configFile]);
}

/** A name of the Slack app itself, which stays when its tokens are renewed. */
export function appKey(appToken: string, apiUrl: string): string {
  return fingerprint([appOfToken(appToken) ?? appToken, apiUrl]);
}

/** The id of the Slack app: an app-level token is `xapp-1-<app id>-…`. */
export function appOfToken(appToken: string): string | undefined {
  return /^xapp-\d+-([A-Z0-9]+)-/.exec(appToken)?.[1];
}

function fingerprint(texts: readonly string[]): string {
  return new Bun.CryptoHasher('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 16);
}

/**
 * Connects to the app's daemon and starts one when there is none. Exactly one comes up however many clients do this at once.
 * Throws AppError('socket-dir' | 'state-dir' | 'daemon-start' | 'daemon-timeout' | 'daemon-mismatch' | whatever stopped the daemon from starting).
 * @param launchWith arguments and the whole environment of a daemon, asked for when one has to be started
 */
export async function connectOrStart(
  wanted: Wanted,
  launchWith: () => Promise<LaunchOptions>,
  effort: Effort,
  events: ConnectionEvents,
): Promise<Connection> {
  const meeting = await meet(wanted, effort.left, events);
  if (meeting.state === 'ready') return meeting.connection;
  const { startAndConnect } = await import('./daemon-start.ts');
  return startAndConnect(wanted, await launchWith(), effort, events, meeting);
}

/** Connects to the app's daemon and has it prove that it is ours, in that order: until then it is told nothing. Throws as `connectOrStart` does. */
export async function meet({ paths, app }: Wanted, left: Patience, events: ConnectionEvents): Promise<Meeting> {
  const record = readRecord(paths.record);
  if (record === undefined) return { state: 'absent' };
  const first = Promise.withResolvers<string | undefined>();
  let isMet = false;
  const connection = await tryConnect(record.socket, {
    onLine: (line) => (isMet ? events.onLine(line) : first.resolve(line)),
    onBroken: (error) => (isMet ? events.onBroken(error) : first.reject(error)),
    onClose: () => (isMet ? events.onClose() : first.resolve(undefined)),
  });
  if (connection === undefined) return { state: 'absent' };
  const hung = new AppError('daemon-timeout', 'The daemon has hung: it took the connection and said nothing');
  const wait = (ms: number): Timer =>
    setTimeout(() => {
      const more = left();
      if (more > 0) timer = wait(more);
      else first.reject(hung);
    }, ms);
  let timer = wait(Math.max(PROOF_MS, left()));
  try {
    const challenge = crypto.randomUUID();
    connection.send(encodeHello(challenge));
    const line = await first.promise;
    if (line === undefined) return { state: 'absent' };
    const lack = judgeHello(line, record, challenge, app);
    isMet = lack === undefined;
    return lack === undefined ? { state: 'ready', connection } : { state: 'outdated', ...lack };
  } finally {
    clearTimeout(timer);
    if (!isMet) connection.close();
  }
}

/** Undefined when it will do; else what it lacks. */
function judgeHello(
  line: string,
  { socket, key }: DaemonRecord,
  challenge: string,
  app: string,
): { readonly hasOtherSettings: boolean } | undefined {
  const hello = readReply(line);
  // It does not know of hellos.
  if (hello.type !== 'hello') return { hasOtherSettings: false };
  if (hello.proof !== proofOf(key, 'daemon', challenge)) {
    throw new AppError('socket-dir', `Expected the daemon at ${socket} to know the key of this app, got a wrong proof`);
  }
  const isOlder = hello.version !== VERSION && Bun.semver.order(hello.version, VERSION) < 0;
  const hasOtherSettings = hello.app !== app;
  return isOlder || hasOtherSettings ? { hasOtherSettings } : undefined;
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
    const read = createLineReader(MAX_REPLY_BYTES, events.onLine, events.onBroken);
    const socket = await Bun.connect({
      unix: path,
      socket: {
        data: (_socket, chunk) => read(chunk),
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
