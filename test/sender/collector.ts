/** A collector of the test's own: it keeps events apart by their id and time, as the real one does, and does what it is told. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Received {
  readonly path: string;
  readonly headers: Headers;
  readonly body: unknown;
}

export interface TestCollector {
  readonly url: string;
  readonly port: number;
  readonly requests: Received[];
  /** Events that it has stored, in the order of their arrival. */
  readonly rows: Record<string, unknown>[];
  duplicates: number;
  /** What it does instead of storing; undefined: it stores. */
  answer: ((request: Received) => Response | Promise<Response> | undefined) | undefined;
  stop(): Promise<void>;
}

/** @param port in which it comes up again; 0 for any */
export function startCollector(port = 0): TestCollector {
  const known = new Set<string>();
  const server = Bun.serve({
    port,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      const received = {
        path: pathname,
        headers: request.headers,
        body: (await request.json().catch(() => null)) as unknown,
      };
      collector.requests.push(received);
      const own = await collector.answer?.(received);
      if (own !== undefined) return own;
      const events = (pathname.endsWith('/batch') ? received.body : [received.body]) as Record<string, unknown>[];
      for (const event of events) {
        const identity = `${event.event_id} ${event.timestamp}`;
        if (known.has(identity)) collector.duplicates += 1;
        else collector.rows.push(event);
        known.add(identity);
      }
      return Response.json({ success: true, accepted: events.length });
    },
  });
  const collector: TestCollector = {
    url: `http://localhost:${server.port}/events`,
    port: server.port ?? 0,
    requests: [],
    rows: [],
    duplicates: 0,
    answer: undefined,
    stop: () => server.stop(true),
  };
  return collector;
}

/** A directory that is gone at the end. */
export async function withDirectory(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'csh-send-'));
  try {
    await body(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Resolves when `test` is true; the bound guards against hangs. */
export async function until(test: () => boolean, what: string, boundMs = 10_000): Promise<void> {
  const bound = performance.now() + boundMs;
  while (!test()) {
    if (performance.now() > bound) throw new Error(`Waited ${boundMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
