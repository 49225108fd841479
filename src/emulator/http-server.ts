/** The TCP side: one port on 127.0.0.1 for the Web API, Socket Mode and the page, which can also refuse to be there. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface HttpReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** 'hang' = never an answer, 'drop' = TCP ends without one; a function takes the response over (event streams). */
export type HttpOutcome = HttpReply | 'hang' | 'drop' | ((response: ServerResponse) => void);

export interface HttpServer {
  port(): number;
  /** Closes the port and every HTTP connection, or takes the same port again. WebSockets stay as they are. */
  refuse(refused: boolean): Promise<void>;
  stop(): Promise<void>;
}

const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Listens on 127.0.0.1. `upgrade` gets WebSocket handshakes with the bare socket. */
export async function createHttpServer(
  port: number,
  handle: (request: HttpRequest) => Promise<HttpOutcome>,
  upgrade: (path: string, key: string, socket: Duplex, head: Buffer) => void,
): Promise<HttpServer> {
  const sockets = new Set<Socket>();
  const webSockets = new Set<Duplex>();
  let taken = port;
  let server = await listen(taken);
  let refused = false;

  async function listen(wanted: number): Promise<Server> {
    const created = createServer((request, response) => {
      answer(request, response).catch((error: unknown) => {
        console.error('emulator:', error);
        if (!response.headersSent) response.writeHead(500);
        response.end();
      });
    });
    // Slow tests and debuggers must not lose connections to a timeout of ours.
    created.requestTimeout = 0;
    created.headersTimeout = 0;
    created.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    created.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      webSockets.add(socket);
      socket.on('close', () => webSockets.delete(socket));
      upgrade(request.url ?? '/', String(request.headers['sec-websocket-key'] ?? ''), socket, head);
    });
    await new Promise<void>((resolve, reject) => {
      created.once('error', reject);
      created.listen(wanted, '127.0.0.1', resolve);
    });
    const address = created.address();
    if (address === null || typeof address === 'string') throw new Error('Expected a TCP address');
    taken = address.port;
    return created;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const body = await readBody(request);
    const outcome = await handle({
      method: request.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body,
    });
    if (outcome === 'hang') return;
    if (outcome === 'drop') {
      request.socket.destroy();
    } else if (typeof outcome === 'function') {
      outcome(response);
    } else {
      response.writeHead(outcome.status, outcome.headers);
      response.end(outcome.body);
    }
  }

  /** Nothing listens any more when this returns; the callback of `close` would also wait for the WebSockets. */
  function close(): void {
    server.close();
    for (const socket of sockets) if (!webSockets.has(socket)) socket.destroy();
  }

  return {
    port: () => taken,
    refuse: async (value) => {
      if (value === refused) return;
      refused = value;
      if (refused) close();
      else server = await listen(taken);
    },
    stop: async () => {
      for (const socket of webSockets) socket.destroy();
      if (!refused) close();
    },
  };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error('Request body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
