/** The collector's own port, on Bun's server. */
import { AppError } from '../errors.ts';

export interface ServeOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** See `IDLE_SECONDS`. */
  readonly idleSeconds?: number;
}

export interface Serving {
  readonly url: string;
  readonly port: number;
  /** Takes no new requests; resolves when those that are there are answered, or after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** The largest batch. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;
/** Seconds in which a connection says nothing, or a head or body does not come to its end. Measured on Bun 1.4.5: a body 4 s, a head 12 s for 4. */
const IDLE_SECONDS = 10;

/** Throws AppError('bad-config') for a place that cannot be listened on. */
export function serve({ host, port, tls, fetch, idleSeconds = IDLE_SECONDS }: ServeOptions): Serving {
  try {
    const server = Bun.serve({
      hostname: host,
      port,
      idleTimeout: idleSeconds,
      maxRequestBodySize: MAX_BODY_BYTES,
      ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } }),
      fetch: async (request, own) => {
        const answer = await fetch(request);
        // A page's stream of events is quiet for longer than that; whoever is refused one must not stay for ever.
        if (answer.headers.get('content-type')?.startsWith('text/event-stream') === true) own.timeout(request, 0);
        return answer;
      },
      error: () =>
        Response.json({ error: { code: 'error', message: 'The request could not be answered' } }, { status: 500 }),
    });
    return {
      url: server.url.href.replace(/\/$/, ''),
      port: server.port ?? port,
      stop: async (graceMs) => {
        await Promise.race([server.stop(), Bun.sleep(graceMs)]);
        await server.stop(true);
      },
    };
  } catch (error) {
    throw new AppError('bad-config', `Cannot listen on ${host}:${port}: ${(error as Error).message}`, { cause: error });
  }
}
