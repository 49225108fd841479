/** The collector as a function from a request to an answer: door, routes and pages put together. What listens calls it. */
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { oneLine } from '../errors.ts';
import type { EventFilter, EventRecord, EventStore } from '../events.ts';
import type { Logger } from '../logger.ts';
import type { AgentName } from '../types.ts';
import {
  FORBIDDEN,
  INVALID_KEY,
  invalidQuery,
  NO_STORE,
  NOT_FOUND,
  type Trouble,
  WRONG_HOST,
  WRONG_ORIGIN,
  wrongMethod,
} from './answers.ts';
import { createDoor } from './door.ts';
import { createSequence } from './event-identity.ts';
import { shownStore } from './event-pieces.ts';
import { exportOf, listOf } from './export.ts';
import { createHealth, type SlackView } from './health.ts';
import { createIngest } from './ingest.ts';
import { createIngestRoutes, type Done } from './ingest-routes.ts';
import type { KeyRing, Principal, Scope } from './keys.ts';
import { createLive } from './live.ts';
import { createLogin } from './login.ts';
import { createMetrics } from './metrics.ts';
import { loginPage } from './page-login.ts';
import { createPages, PAGE_POLICY } from './pages.ts';
import { readQuery, searchable } from './queries.ts';
import { createRateLimit } from './rate-limit.ts';
import { readWaiting } from './waiting.ts';
import { createWebhooks } from './webhooks.ts';
import type { WebhookRule } from './webhooks-rules.ts';

export interface CollectorOptions {
  readonly store: EventStore;
  readonly keys: KeyRing;
  /** See `DoorOptions`. */
  readonly isKeyed: boolean;
  readonly hosts: readonly string[];
  /** Whether only this machine can connect: then metrics need no key. */
  readonly isLocal: boolean;
  /** Whether the browser comes over TLS. */
  readonly isSecure: boolean;
  /** Events a second for each key that has no rate of its own. */
  readonly rate?: number | undefined;
  readonly version: string;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Of the daemon that it runs in. */
  readonly slack?: (() => SlackView) | undefined;
  readonly webhooks: readonly WebhookRule[];
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** See `RECOUNT_MS`. */
  readonly recountMs?: number;
}

export interface Collector {
  /** Never rejects. */
  fetch(request: Request): Response | Promise<Response>;
  /** Takes events of this process, and numbers them anew; resolves when they are on disk, rejects with what is in the way. */
  record(events: readonly EventRecord[]): Promise<void>;
  /** Ends the answers that would never end by themselves. */
  hangUp(): void;
  /** Waits for what is being written, and closes the store. */
  stop(): Promise<void>;
}

interface Variables {
  principal: Principal;
}
type Handler = (context: Context<{ Variables: Variables }>) => Response | Promise<Response>;

const AGENTS = ['claude', 'codex', 'cursor', 'gemini', 'opencode'] as const satisfies readonly AgentName[];
const PAGES = ['/', '/waiting', '/sessions', '/sessions/*', '/insights', '/live'];
/** What there is, and the methods it takes; HEAD goes with GET. */
const ROUTES = [
  [/^\/events$/, 'GET, HEAD, POST'],
  [/^\/(events\/batch|hooks\/(claude|codex|cursor|gemini|opencode))$/, 'POST'],
  [/^\/(login|logout)$/, 'POST'],
  [/^\/(|waiting|sessions|sessions\/[^/]+|insights|live|assets\/[^/]+)$/, 'GET, HEAD'],
  [/^\/(export|health|health\/live|health\/ready|metrics|metrics\/prometheus)$/, 'GET, HEAD'],
] as const;
/** How often events are counted anew: old ones are deleted, and others write to the same database. */
const RECOUNT_MS = 600_000;
/** With what answers may take, all ends within the 5 s that whoever stops a service allows it. */
const WEBHOOK_GRACE_MS = 1_500;

const SECURITY = {
  'Content-Security-Policy': PAGE_POLICY,
  'X-Content-Type-Options': 'nosniff',
  // With no-referrer a browser would say of our own form that it comes from nowhere.
  'Referrer-Policy': 'same-origin',
  'Cache-Control': 'no-store',
} as const;

/** Rejects with AppError('store') when the store cannot be read. */
export async function createCollector(options: CollectorOptions): Promise<Collector> {
  const { store, keys, isKeyed, hosts, isLocal, isSecure, rate, version, logger, slack, now = Date.now } = options;
  const startedAt = performance.now();
  const [newest] = await store.find({}, 1);
  const nextSeq = createSequence(now, newest?.seq);
  let total = await store.count();

  const asked = searchable(store);
  const shown = shownStore(asked);
  const waiting = await readWaiting(shown, now());
  const live = createLive({ store: shown, waiting, now });
  const health = await createHealth({ store, slack });
  const recount = async (): Promise<void> => {
    const before = total;
    const counted = await store.count().catch(() => before);
    total += counted - before;
  };
  const recounting = setInterval(() => void recount(), options.recountMs ?? RECOUNT_MS);
  const metrics = createMetrics({
    uptimeMs: () => performance.now() - startedAt,
    depth: () => ingest.depth(),
    pending: () => waiting.count(now()),
    isSlackConnected: slack === undefined ? undefined : () => slack().isConnected,
  });
  const ingest = createIngest({
    store,
    parallel: store.kind === 'postgres' ? 2 : 1,
    onFlush: (flush) => {
      total += flush.stored;
      metrics.flushed(flush);
      health.note(flush.error);
    },
    onStored: (events) => {
      const approvals = events.filter(({ kind }) => kind.startsWith('approval.'));
      for (const event of approvals) {
        const isOver = waiting.find(event.approval_id ?? '')?.end !== undefined;
        waiting.add([event]);
        // One that comes a second time has ended once.
        if (isOver || (event.kind !== 'approval.decided' && event.kind !== 'approval.ended')) continue;
        const known = waiting.find(event.approval_id ?? '');
        const isAsked = known?.isRequestKnown === true && known.end !== undefined;
        metrics.approval(event, isAsked ? known.end.at - known.since : undefined);
      }
      live.publish(events);
      webhooks.offer(events);
    },
    onError: (error) => logger.error({ err: error }, 'nobody told of events that are stored'),
  });
  const webhooks = createWebhooks({ rules: options.webhooks, logger, now });
  const rateLimit = createRateLimit(() => performance.now());
  const routes = createIngestRoutes({ ingest, metrics, rateLimit, rate, nextSeq, now, total: () => total, logger });
  const door = createDoor({ keys, isKeyed, hosts, now });

  const counts = (): Record<string, string> => ({ 'X-Server-Version': version, 'X-Events-Count': String(total) });
  const answer = ({ status, body, ...rest }: Trouble | Done): Response => {
    if ('reason' in rest) metrics.refused(rest.reason);
    const own = 'headers' in rest ? rest.headers : undefined;
    return Response.json(body, { status, headers: { ...counts(), 'Cache-Control': 'no-store', ...own } });
  };
  const needs =
    (scope: Scope): MiddlewareHandler<{ Variables: Variables }> =>
    async (context, next) => {
      const principal = door.principalOf(context.req.raw.headers);
      if (principal === undefined) {
        const isBrowser = context.req.method === 'GET' && context.req.header('accept')?.includes('text/html') === true;
        return isBrowser ? login.ask(context.req.url) : answer(INVALID_KEY);
      }
      if (!principal.scopes.has(scope)) return answer(FORBIDDEN);
      context.set('principal', principal);
      await next();
      return undefined;
    };

  /** Pages show all projects. */
  const unbound: MiddlewareHandler<{ Variables: Variables }> = async ({ get }, next) => {
    if (get('principal').project !== undefined) return answer(FORBIDDEN);
    await next();
    return undefined;
  };
  const app = new Hono<{ Variables: Variables }>();
  const login = createLogin({
    ...{ door, isSecure },
    page: (after, isWrong) =>
      new Response(loginPage(after, isWrong, version), {
        status: 401,
        headers: { ...SECURITY, 'Content-Type': 'text/html; charset=utf-8' },
      }),
  });
  const on = (method: 'GET' | 'POST', path: string, scope: Scope | undefined, handler: Handler): void => {
    if (scope === undefined) app.on(method, path, handler);
    else app.on(method, path, needs(scope), handler);
  };

  on('POST', '/events', 'ingest', async ({ req, get }) => answer(await routes.single(req.raw, get('principal'))));
  on('POST', '/events/batch', 'ingest', async ({ req, get }) =>
    answer(await routes.batch(req.raw, get('principal'), req.query('partial') === '1')),
  );
  for (const agent of AGENTS)
    on('POST', `/hooks/${agent}`, 'ingest', async ({ req, get }) =>
      answer(await routes.hook(req.raw, get('principal'), agent)),
    );
  on('GET', '/events', 'read', async ({ req, get }) => {
    const query = readQuery(new URL(req.url));
    if (!query.ok) return answer(invalidQuery(query.path, query.message));
    const events = await listOf(asked, boundTo(get('principal'), query.filter), query.limit, total);
    return new Response(events, { headers: { ...counts(), ...SECURITY, 'Content-Type': 'application/json' } });
  });
  on('GET', '/export', 'read', async ({ req, get }) => {
    const url = new URL(req.url);
    const query = readQuery(url);
    if (!query.ok) return answer(invalidQuery(query.path, query.message));
    const form = url.searchParams.get('format') ?? 'json';
    if (form !== 'json' && form !== 'csv') return answer(invalidQuery('format', 'Expected json or csv'));
    const type = form === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/json';
    const headers = { 'Content-Type': type, 'Content-Disposition': `attachment; filename="events.${form}"` };
    const events = await exportOf(asked, boundTo(get('principal'), query.filter), form);
    return new Response(events, { headers: { ...counts(), ...SECURITY, ...headers } });
  });
  on('GET', '/health', undefined, () => {
    const troubles = health.troubles();
    const isHealthy = troubles.store === undefined;
    const body = {
      status: isHealthy ? 'healthy' : 'unhealthy',
      events_count: total,
      uptime_seconds: Math.floor((performance.now() - startedAt) / 1000),
      storage: store.kind,
      version,
      ...(Object.keys(troubles).length === 0 ? {} : { troubles: Object.keys(troubles) }),
    };
    return Response.json(body, { status: isHealthy ? 200 : 503, headers: counts() });
  });
  on('GET', '/health/live', undefined, () => Response.json({ status: 'alive' }, { headers: counts() }));
  on('GET', '/health/ready', undefined, () => {
    const parts = Object.keys(health.troubles());
    const body = parts.length === 0 ? { status: 'ready' } : { status: 'not ready', unusable: parts };
    return Response.json(body, { status: parts.length === 0 ? 200 : 503, headers: counts() });
  });
  for (const path of ['/metrics', '/metrics/prometheus'])
    on('GET', path, isLocal ? undefined : 'read', async ({ req }) => {
      const isJson = path === '/metrics' && req.header('accept')?.startsWith('application/json') === true;
      if (isJson) return Response.json(await metrics.json(), { headers: counts() });
      return new Response(await metrics.text(), { headers: { ...counts(), 'Content-Type': metrics.contentType } });
    });
  app.route('/', login.app);
  for (const path of PAGES) app.on('GET', path, needs('read'), unbound);
  const onError = (error: unknown): void => logger.error({ err: error }, 'page not made');
  app.route('/', createPages({ store: shown, waiting, live, now, version, isKeyed, onError }));
  app.notFound(({ req }) => {
    const allowed = ROUTES.filter(([path]) => path.test(req.path)).map(([, methods]) => methods);
    const [first] = allowed;
    return answer(first === undefined ? NOT_FOUND : wrongMethod(first));
  });
  app.onError((error) => {
    logger.error({ err: error }, 'request not answered');
    return answer({ ...NO_STORE, reason: 'error' });
  });

  return {
    fetch: (request) => {
      const why = door.judge(request.headers);
      if (why !== undefined) return answer(why === 'host' ? WRONG_HOST : WRONG_ORIGIN);
      return app.fetch(request);
    },
    record: async (events) => {
      const numbered = events.map((event) => ({ ...event, seq: nextSeq() }));
      // They have no request that was measured, and may be as large as a hook's input.
      const bytes = numbered.reduce((sum, event) => sum + JSON.stringify(event).length, 0);
      const isTaken = await ingest.offer(numbered, bytes);
      if (!isTaken) throw new Error(oneLine('More events wait than the store can take'));
    },
    hangUp: live.stop,
    stop: async () => {
      clearInterval(recounting);
      live.stop();
      health.stop();
      await webhooks.stop(WEBHOOK_GRACE_MS);
      await ingest.idle();
      await store.close();
    },
  };
}

/** What a key that is bound to a project may see. */
function boundTo({ project }: Principal, filter: EventFilter): EventFilter {
  return project === undefined ? filter : { ...filter, project };
}
