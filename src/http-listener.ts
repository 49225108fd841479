/**
 * The daemon's HTTP port, on 127.0.0.1 only. node:http and not Bun.serve: that one gives a head 12 s, with an idleTimeout of 4
 * as of 10 (measured on Bun 1.4.5), and does not tell of connections, so that strangers could not be counted.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { readBody } from './http-body.ts';
import type { HttpAnswer } from './http-desk.ts';
import { HTTP_PATH, judgeHead } from './http-door.ts';
import type { Logger } from './logger.ts';
import type { Document } from './stdin.ts';

export interface HttpListenerOptions {
  /** 0 for any that is free. */
  readonly port: number;
  readonly token: string;
  /** The largest hook input, in bytes. */
  readonly maxInputBytes: number;
  /** Told how many bytes have come as bodies. */
  readonly onRead?: (bytes: number) => void;
  /** See `HttpDesk`. */
  readonly answer: (document: Document, gone: AbortSignal) => Promise<HttpAnswer>;
  /** Answers everything but hooks; by its own rules for who may ask. */
  readonly others?: ((request: Request) => Response | Promise<Response>) | undefined;
  readonly logger: Pick<Logger, 'warn'>;
  /** How long a head may take, in milliseconds; 5 s if not said otherwise. */
  readonly headMs?: number;
  /** The same for the whole request; 10 s. An answer takes as long as it takes. */
  readonly requestMs?: number;
  /** How long until a port that could not be had is tried again; 1 s. */
  readonly retryMs?: number;
}

export interface HttpListener {
  /** Where it listens, or wants to. */
  port(): number;
  /** Why it does not; undefined while it does. */
  trouble(): string | undefined;
  /** Takes no new connections. Resolves when the answers that are due have gone out, or a moment later. */
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const HEAD_MS = 5_000;
const REQUEST_MS = 10_000;
const RETRY_MS = 1_000;
const MAX_HEAD_BYTES = 16 * 1024;
/** More connections than this that have not shown the token, and the oldest of them goes. */
const MAX_STRANGERS = 64;
const LAST_ANSWERS_MS = 300;

/** Resolves when it listens or has found out that it cannot yet; then it goes on trying. */
export async function createHttpListener(options: HttpListenerOptions): Promise<HttpListener> {
  const { port, logger, headMs = HEAD_MS, requestMs = REQUEST_MS, retryMs = RETRY_MS } = options;
  const strangers = createStrangers();
  const { others } = options;
  const handOver =
    others === undefined
      ? undefined
      : getRequestListener(
          async (request, { incoming }) => {
            const answer = await others(request);
            // Whoever was let in has shown a key, and is a stranger no more; everybody gets these.
            if (answer.ok && !OPEN_TO_ALL.test(URL.parse(request.url)?.pathname ?? '/health'))
              strangers.trust(incoming.socket as Socket);
            return answer;
          },
          { overrideGlobalObjects: false },
        );
  const server = createServer({
    ...{ headersTimeout: headMs, requestTimeout: requestMs, maxHeaderSize: MAX_HEAD_BYTES },
    connectionsCheckingInterval: Math.min(RETRY_MS, headMs),
  });
  server.on('connection', strangers.add);
  server.on('request', (request, response) => {
    if (handOver === undefined || isHook(request)) {
      void serve(request, response, portOf(server, port), options, strangers);
      return;
    }
    for (const stream of [request, response]) stream.on('error', () => {});
    // Without a key it is answered before its body is read, so that only those with one can make us wait.
    if (!isLogin(request)) {
      strangers.remove(request.socket);
      response.on('close', () => strangers.back(request.socket));
    }
    void handOver(request, response);
  });
  for (const event of ['connect', 'upgrade'] as const) server.on(event, (_request, socket) => socket.destroy());

  let trouble: string | undefined;
  let retry: Timer | undefined;
  const settled = Promise.withResolvers<void>();
  const open = (): void => {
    server.listen(port, HOST);
  };
  server.on('listening', () => {
    trouble = undefined;
    settled.resolve();
  });
  server.on('error', (error: Error) => {
    if (trouble === undefined) logger.warn({ port, reason: error.message }, 'cannot listen for HTTP; trying again');
    trouble = error.message;
    retry = setTimeout(open, retryMs);
    settled.resolve();
  });
  open();
  await settled.promise;
  return {
    port: () => portOf(server, port),
    trouble: () => trouble,
    stop: async () => {
      clearTimeout(retry);
      trouble = 'stopped';
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      strangers.leave();
      await Promise.race([closed, Bun.sleep(LAST_ANSWERS_MS)]);
      server.closeAllConnections();
    },
  };
}

/** What needs no key, by its path: a request's own address may be a whole URL. */
const OPEN_TO_ALL = /^\/(?:health|metrics|assets|login|logout)(?:\/|$)/;

/** Its body is read before the key in it is known. */
function isLogin({ url = '' }: IncomingMessage): boolean {
  return url.startsWith('/login');
}

function isHook({ url = '' }: IncomingMessage): boolean {
  return url.replace(/\?.*$/s, '') === HTTP_PATH;
}

function portOf(server: Server, wanted: number): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : wanted;
}

/** Connections of whom nobody knows yet whether they have the token: whoever can reach the port could hold all descriptors. */
interface Strangers {
  add(socket: Socket): void;
  /** It is being answered, or has shown the token. */
  remove(socket: Socket): void;
  /** It has been answered; who is trusted is still no stranger. */
  back(socket: Socket): void;
  /** It has shown a key. */
  trust(socket: Socket): void;
  /** Hangs up on all of them. */
  leave(): void;
}

function createStrangers(): Strangers {
  const sockets = new Set<Socket>();
  const trusted = new WeakSet<Socket>();
  const watch = (socket: Socket): void => {
    sockets.add(socket);
    const [oldest] = sockets;
    if (sockets.size > MAX_STRANGERS) oldest?.destroy();
  };
  return {
    add: (socket) => {
      socket.on('close', () => sockets.delete(socket));
      watch(socket);
    },
    remove: (socket) => sockets.delete(socket),
    back: (socket) => {
      if (!trusted.has(socket) && !socket.destroyed) watch(socket);
    },
    trust: (socket) => trusted.add(socket),
    leave: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  port: number,
  { token, maxInputBytes, onRead, answer }: HttpListenerOptions,
  strangers: Strangers,
): Promise<void> {
  // What is wrong with a connection ends it; nothing else is to be done about it.
  for (const stream of [request, response]) stream.on('error', () => {});
  const refusal = judgeHead(request, port, token);
  if (refusal !== undefined) {
    const { status, message, headers } = refusal;
    return respond(response, {
      status,
      json: `${JSON.stringify({ error: { message } })}\n`,
      ...(headers === undefined ? {} : { headers }),
    });
  }
  strangers.remove(request.socket);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  respond(response, await answer(await readBody(request, maxInputBytes, onRead), gone.signal));
}

/** One answer, one connection: of one that is kept, the end and the next request could cross, and that one would not be asked about. */
function respond(response: ServerResponse, { status, json, headers = {} }: HttpAnswer): void {
  const type =
    json === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(json) };
  response.writeHead(status, { ...type, Connection: 'close', 'Cache-Control': 'no-store', ...headers });
  response.end(json);
}
