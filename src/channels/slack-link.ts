/**
 * One Socket Mode connection. The SDK opens it, pings it and sends on it; the frames are read here, because the SDK
 * closes at once where Slack announces a close, and rejects unhandled on frames that it does not expect.
 */
import { SocketModeClient } from '@slack/socket-mode';
import { AppError } from '../errors.ts';
import { field, readFailure, type SlackFailure } from './slack-errors.ts';
import { type ChannelLogger, createSdkLogger } from './slack-logger.ts';
import { pause, type SlackTiming } from './slack-timing.ts';

/** A delivery that Slack wants acknowledged within three seconds. */
export interface Envelope {
  readonly id: string;
  /** interactive, events_api, slash_commands … */
  readonly type: string;
  readonly body: Record<string, unknown> | undefined;
  readonly retryNum?: number;
  readonly retryReason?: string;
  /** Rejects when the connection is gone. */
  ack(payload?: unknown): Promise<void>;
}

/** What Slack says when a connection is ready. */
export interface Hello {
  /** Connections of this app, whoever holds them. */
  readonly numConnections: number;
  readonly appId?: string;
}

export interface LinkEvents {
  onEnvelope(envelope: Envelope): void;
  /** Slack announces that it will close this connection, or does so now. */
  onDisconnect(reason: string): void;
}

export interface Link {
  readonly hello: Hello;
  /** False from the beginning of a close, from either side, or when Slack stopped answering pings. */
  isOpen(): boolean;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly gone: Promise<void>;
  /** Closes it; TCP is cut when the other side takes its time. Never rejects. */
  end(): Promise<void>;
}

export interface LinkOptions {
  readonly appToken: string;
  readonly apiUrl: string;
  readonly logger: ChannelLogger;
  readonly timing: SlackTiming;
}

/** WebSocket.readyState of a usable connection. */
const OPEN = 1;

/** Opens a connection and resolves after Slack's hello. Rejects with a SlackFailure; `signal` breaks it off. */
export function openLink(options: LinkOptions, events: LinkEvents, signal: AbortSignal): Promise<Link> {
  const { timing } = options;
  const ending = new AbortController();
  const client = createClient(options, ending.signal);
  const opened = Promise.withResolvers<Link>();
  const gone = Promise.withResolvers<void>();
  let isReady = false;
  let isOver = false;

  const end = async (): Promise<void> => {
    if (!isOver) {
      isOver = true;
      ending.abort();
      const cut = rawSocket(client);
      // The SDK's promise may hang for half a minute on a peer that does not answer; `gone` and the cut end the wait.
      client.disconnect().catch(() => {});
      await Promise.race([gone.promise, pause(timing.closeMs)]);
      cut?.();
      gone.resolve();
    }
    await gone.promise;
  };
  const fail = (failure: SlackFailure): void => {
    if (isReady) return;
    opened.reject(failure);
    void end();
  };
  const failWith = (message: string): void =>
    fail({ kind: 'transient', uncertain: false, error: new AppError('slack-unreachable', message) });

  const link = (hello: Hello): Link => ({
    hello,
    isOpen: () => !isOver && client.websocket?.readyState === OPEN,
    gone: gone.promise,
    end,
  });

  const readHello = client.listeners('ws_message');
  client.removeAllListeners('ws_message');
  client.on('ws_message', (data: unknown, isBinary: unknown) => {
    const frame = isBinary === true ? undefined : readFrame(data);
    if (frame === undefined) return;
    if (frame.type === 'hello') {
      for (const listener of readHello) listener(data, false);
      isReady = true;
      opened.resolve(link(helloOf(frame)));
    } else if (frame.type === 'disconnect') {
      const reason = typeof frame.reason === 'string' ? frame.reason : 'unknown';
      events.onDisconnect(reason);
      failWith(`Slack closed the connection before it was ready (${reason.slice(0, 40)})`);
    } else if (typeof frame.envelope_id === 'string' && typeof frame.type === 'string') {
      events.onEnvelope(envelopeOf(client, frame.envelope_id, frame.type, frame));
    }
  });
  client.on('disconnected', () => {
    failWith('The WebSocket to Slack closed before it was ready');
    gone.resolve();
  });
  client.on('error', () => {
    failWith('The WebSocket to Slack could not be opened or broke');
  });

  const timer = setTimeout(() => failWith('Slack did not say hello in time'), timing.helloMs);
  const onAbort = (): void => failWith('The connection is no longer wanted');
  if (signal.aborted) onAbort();
  else {
    signal.addEventListener('abort', onAbort);
    client.start().catch((error: unknown) => fail(readFailure(error, 'open a connection')));
  }
  return opened.promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  });
}

function createClient({ appToken, apiUrl, logger, timing }: LinkOptions, ending: AbortSignal): SocketModeClient {
  return new SocketModeClient({
    appToken,
    autoReconnectEnabled: false,
    clientPingTimeout: timing.pongMs,
    logger: createSdkLogger(logger),
    clientOptions: {
      slackApiUrl: apiUrl,
      timeout: timing.callMs,
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      // Otherwise a ticket that comes late would open a connection that nobody wants any more.
      fetch: (url, init) =>
        fetch(url, { ...init, signal: init?.signal == null ? ending : AbortSignal.any([init.signal, ending]) }),
    },
  });
}

/** A frame as Slack sends them: a JSON object with a type. */
function readFrame(data: unknown): Record<string, unknown> | undefined {
  try {
    return asRecord(JSON.parse(typeof data === 'string' ? data : ''));
  } catch {
    return undefined;
  }
}

function helloOf(frame: Record<string, unknown>): Hello {
  const appId = field(frame.connection_info, 'app_id');
  return {
    numConnections: typeof frame.num_connections === 'number' ? frame.num_connections : 1,
    ...(typeof appId === 'string' ? { appId } : {}),
  };
}

function envelopeOf(client: SocketModeClient, id: string, type: string, frame: Record<string, unknown>): Envelope {
  return {
    id,
    type,
    body: asRecord(frame.payload),
    ...(typeof frame.retry_attempt === 'number' ? { retryNum: frame.retry_attempt } : {}),
    ...(typeof frame.retry_reason === 'string' ? { retryReason: frame.retry_reason } : {}),
    ack: async (payload) => {
      await send(client, id, payload);
    },
  };
}

/** `send` is private in the SDK's types; the SDK's own `ack` exists only behind the frame handler that we do not use. */
async function send(client: SocketModeClient, id: string, payload: unknown): Promise<void> {
  const method = field(client, 'send');
  if (typeof method !== 'function') throw new AppError('internal', 'Expected the Socket Mode client to have `send`');
  await Reflect.apply(method, client, [id, payload]);
}

/** Cuts TCP. Bun's WebSocket can do that and keeps half-open connections for good otherwise; undici's cannot and need not. */
function rawSocket(client: SocketModeClient): (() => void) | undefined {
  const socket = field(client.websocket, 'websocket');
  const terminate = field(socket, 'terminate');
  return typeof terminate === 'function' ? () => Reflect.apply(terminate, socket, []) : undefined;
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}
