/** Tells others of events: a POST for each event that a rule matches, in the background, in order for each rule. */
import { lookup } from 'node:dns/promises';
import type { EventRecord } from '../events.ts';
import { retryAfterOf } from '../retry-after.ts';
import { isPublicAddress, literalOf } from './webhooks-addresses.ts';
import { isMatch, type WebhookRule } from './webhooks-rules.ts';
import { createRender, type Render } from './webhooks-template.ts';

export interface WebhooksOptions {
  readonly rules: readonly WebhookRule[];
  readonly logger: { warn(details: object, message: string): void };
  readonly now?: () => number;
  readonly fetch?: (url: string, init: BunFetchRequestInit) => Promise<Response>;
  /** All addresses of a name. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
  /** Resolves after so many ms, or when it is aborted. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Of one rule, how many may wait. */
  readonly maxWaiting?: number;
  readonly timeoutMs?: number;
}

export interface WebhookStatus {
  /** The place in the list, from 0; the address is a secret. */
  readonly rule: number;
  readonly host: string;
  readonly sent: number;
  /** Not taken after all tries. */
  readonly failed: number;
  /** Not tried: too many waited. */
  readonly dropped: number;
  readonly waiting: number;
}

export interface Webhooks {
  /** To be called when the events are stored. Returns at once. */
  offer(events: readonly EventRecord[]): void;
  status(): readonly WebhookStatus[];
  /** Gives what waits this long, in ms, and takes nothing more. */
  stop(graceMs?: number): Promise<void>;
}

/**
 * Past a proxy of the environment, which would read the address: a daemon's may come from a project. The types do not know that
 * false means none (Bun 1.4.5).
 */
const DIRECT = { proxy: false } as unknown as BunFetchRequestInit;
const MAX_WAITING = 1_000;
const TIMEOUT_MS = 10_000;
/** Before the second and the third try, less a chance; or as long as the target asks, within half a minute. */
const BACKOFF_MS: readonly number[] = [1_000, 4_000];
const MAX_RETRY_AFTER_MS = 30_000;
const GRACE_MS = 5_000;

interface Line {
  readonly index: number;
  readonly rule: WebhookRule;
  readonly url: URL;
  readonly render: Render;
  readonly bodies: string[];
  running: Promise<void> | undefined;
  sent: number;
  failed: number;
  dropped: number;
  /** Said once until it works again. */
  isTold: boolean;
}

type Told =
  | { readonly isTaken: true }
  | { readonly isTaken: false; readonly isFinal: boolean; readonly reason: string; readonly retryAfterMs?: number };

export function createWebhooks(options: WebhooksOptions): Webhooks {
  const { logger, now = Date.now, resolve = resolveAll, wait = sleep } = options;
  const { fetch: send = fetch, maxWaiting = MAX_WAITING, timeoutMs = TIMEOUT_MS } = options;
  const ending = new AbortController();
  let isEnding = false;
  const lines = options.rules.map((rule, index): Line => {
    const url = new URL(rule.url);
    const counts = { sent: 0, failed: 0, dropped: 0, isTold: false };
    return { index, rule, url, render: createRender(rule.template, url), bodies: [], running: undefined, ...counts };
  });

  const tell = (line: Line, reason: string): void => {
    if (!line.isTold)
      logger.warn({ rule: line.index, host: line.url.host, failed: line.failed, dropped: line.dropped }, reason);
    line.isTold = true;
  };

  const post = async ({ rule, url }: Line, body: string, tries: number): Promise<Told> => {
    const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const place = await within(signal, rule.allowPrivate ? Promise.resolve(url) : placeOf(url, resolve, tries));
      if (typeof place === 'string') return { isTaken: false, isFinal: true, reason: place };
      const response = await send(place.href, {
        ...{ method: 'POST', body, signal, redirect: 'manual', keepalive: false },
        ...(url.protocol === 'http:' ? DIRECT : {}),
        ...{ headers: { 'Content-Type': 'application/json', 'User-Agent': 'claude-slack-hook', Host: url.host } },
        // The certificate is that of the name, although the connection goes to the address that was looked at.
        ...(url.protocol === 'https:' && literalOf(url) === undefined ? { tls: { serverName: url.hostname } } : {}),
      });
      void response.body?.cancel().catch(() => {});
      return meaningOf(response, now());
    } catch (error) {
      // What the runtime says may hold the address.
      const code: unknown = Object(error).code;
      const why = signal.aborted ? 'no answer in time' : typeof code === 'string' ? code : 'no connection';
      return { isTaken: false, isFinal: false, reason: why };
    }
  };

  const deliver = async (line: Line, body: string): Promise<void> => {
    for (let tries = 0; ; tries += 1) {
      const told = await post(line, body, tries);
      if (told.isTaken) {
        line.sent += 1;
        line.isTold = false;
        return;
      }
      const backoff = BACKOFF_MS[tries];
      if (told.isFinal || backoff === undefined || ending.signal.aborted) {
        line.failed += 1;
        tell(line, `Expected the webhook to take an event, got ${told.reason}`);
        return;
      }
      await wait(told.retryAfterMs ?? backoff * (0.5 + Math.random() / 2), ending.signal);
    }
  };

  const run = async (line: Line): Promise<void> => {
    // Whoever offers goes on first.
    await null;
    for (let body = line.bodies.shift(); body !== undefined; body = line.bodies.shift()) await deliver(line, body);
    line.running = undefined;
  };

  const put = (line: Line, event: EventRecord): void => {
    if (line.bodies.length >= maxWaiting) {
      line.dropped += 1;
      tell(line, `Expected the webhook to keep up, got more than ${maxWaiting} events that wait`);
      return;
    }
    line.bodies.push(line.render(event));
    line.running ??= run(line);
  };

  return {
    offer: (events) => {
      if (isEnding) return;
      for (const line of lines) for (const event of events) if (isMatch(line.rule, event)) put(line, event);
    },
    status: () =>
      lines.map(({ index, url, sent, failed, dropped, bodies, running }) => ({
        ...{ rule: index, host: url.host, sent, failed, dropped },
        waiting: bodies.length + (running === undefined ? 0 : 1),
      })),
    stop: async (graceMs = GRACE_MS) => {
      isEnding = true;
      const all = Promise.all(lines.map(({ running }) => running));
      const timer = setTimeout(() => {
        for (const line of lines) line.dropped += line.bodies.splice(0).length;
        ending.abort();
      }, graceMs);
      await all;
      clearTimeout(timer);
    },
  };
}

/**
 * The URL to connect to: the name is resolved once, every address of it must be public, and the connection goes to one of those
 * that were looked at, whatever the name means a moment later. A text says why it goes nowhere.
 */
async function placeOf(
  url: URL,
  resolve: (hostname: string) => Promise<readonly string[]>,
  tries: number,
): Promise<URL | string> {
  const literal = literalOf(url);
  const addresses = literal === undefined ? await resolve(url.hostname) : [literal];
  const [first] = addresses;
  if (first === undefined || !addresses.every(isPublicAddress))
    return 'an address that is not public; allowPrivate in the rule permits it';
  // One of IPv4 and IPv6 may lead nowhere from here: the second try takes the other.
  const other = addresses.find((address) => address.includes(':') !== first.includes(':'));
  const address = tries === 1 && other !== undefined ? other : first;
  const pinned = new URL(url);
  pinned.hostname = address.includes(':') ? `[${address}]` : address;
  return pinned;
}

async function resolveAll(hostname: string): Promise<readonly string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}

function meaningOf({ status, headers }: Response, now: number): Told {
  if (status >= 200 && status < 300) return { isTaken: true };
  const isFinal = status !== 408 && status !== 429 && status < 500;
  const retryAfterMs = retryAfterOf(headers.get('Retry-After'), now, MAX_RETRY_AFTER_MS);
  const reason = `status ${status}`;
  return { isTaken: false, isFinal, reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** Rejects when the signal comes first. */
async function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const onAbort = (): void => late.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  return Promise.race([work, late.promise]).finally(() => signal.removeEventListener('abort', onAbort));
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, ms);
  signal.addEventListener('abort', () => over.resolve(), { once: true });
  if (signal.aborted) over.resolve();
  await over.promise;
  clearTimeout(timer);
}
