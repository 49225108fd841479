/** One event, or a list of them, as an HTTP request, and what its answer means. */
import { retryAfterOf } from '../retry-after.ts';
import { type Entry, eventNameOf } from './event.ts';
import { addressesOf, type Target } from './target.ts';

export type Delivered =
  | { readonly state: 'sent' }
  /** Trying again would not help. */
  | { readonly state: 'refused'; readonly status: number; readonly reason: string }
  /** It may be taken later. `isSlow`: who waits for it, waits long. */
  | { readonly state: 'later'; readonly reason: string; readonly isSlow: boolean; readonly retryAfterMs?: number };

export interface DeliveryOptions {
  readonly target: Target;
  readonly version: string;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly now: () => number;
}

export interface Delivery {
  readonly target: Target;
  /** Sends one. Never rejects. */
  one(entry: Entry, signal: AbortSignal, isReplay: boolean): Promise<Delivered>;
  /** Sends some of the same project and environment in one request, where the target takes that. Never rejects. */
  many(entries: readonly Entry[], signal: AbortSignal): Promise<Delivered>;
}

/** A server that asks for a longer wait is asked again after this time. */
const MAX_RETRY_AFTER_MS = 3_600_000;
const MAX_HEADER = 256;

export function createDelivery({ target, version, fetch, now }: DeliveryOptions): Delivery {
  const common = ({ project, environment }: Entry): Record<string, string> => ({
    'Content-Type': 'application/json',
    'User-Agent': `claude-slack-hook/${version}`,
    'X-Client-Version': version,
    'X-Environment': headerText(environment),
    ...(project === undefined ? {} : { 'X-Project': headerText(project) }),
    ...(target.key === undefined ? {} : { 'X-API-Key': target.key }),
  });

  const post = async (
    url: URL,
    body: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Delivered> => {
    let reason = '';
    for (const address of addressesOf(url)) {
      try {
        // A redirect would take the key somewhere else.
        const init: RequestInit = { method: 'POST', body, headers, signal, redirect: 'manual' };
        const response = await fetch(address, init);
        void response.body?.cancel().catch(() => {});
        return meaningOf(response, target.shown, now());
      } catch (error) {
        if (signal.aborted)
          return { state: 'later', isSlow: true, reason: `Expected an answer from ${target.shown} in time, got none` };
        reason = `Expected ${target.shown} to answer, got ${codeOf(error)}`;
      }
    }
    return { state: 'later', isSlow: false, reason };
  };

  return {
    target,
    one: (entry, signal, isReplay) =>
      post(
        target.url,
        JSON.stringify(entry.event),
        {
          ...common(entry),
          'X-Hook-Event': headerText(eventNameOf(entry.event) ?? 'unknown'),
          'X-Session-Name': headerText(sessionNameOf(entry)),
          'Idempotency-Key': headerText(entry.id),
          ...(isReplay ? { 'X-Replayed': '1' } : {}),
        },
        signal,
      ),
    many: async (entries, signal) => {
      const [first] = entries;
      if (first === undefined) return { state: 'sent' };
      const body = JSON.stringify(entries.map(({ event }) => event));
      return post(target.batchUrl ?? target.url, body, { ...common(first), 'X-Replayed': '1' }, signal);
    },
  };
}

/** 408, 429 and all of 5xx pass; what else is not 2xx stays as it is. */
function meaningOf({ status, headers }: Response, shown: string, now: number): Delivered {
  if (status >= 200 && status < 300) return { state: 'sent' };
  const reason = `Expected ${shown} to take the event, got status ${status}`;
  if (status !== 408 && status !== 429 && status < 500) return { state: 'refused', status, reason };
  const retryAfterMs = retryAfterOf(headers.get('Retry-After'), now, MAX_RETRY_AFTER_MS);
  return { state: 'later', isSlow: false, reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** Text of an agent or a person as a header: what is not plain ASCII, and the percent sign itself, as percent-encoded UTF-8. */
export function headerText(text: string): string {
  let kept = '';
  for (const char of text) {
    const next = /[\x20-\x24\x26-\x7e]/.test(char) ? char : encodeURIComponent(char.toWellFormed());
    if (kept.length + next.length > MAX_HEADER) break;
    kept += next;
  }
  return kept.trim();
}

function sessionNameOf({ event }: Entry): string {
  return typeof event.session_name === 'string' && event.session_name !== '' ? event.session_name : 'unknown';
}

function codeOf(error: unknown): string {
  const code: unknown = Object(error).code;
  return typeof code === 'string' ? code : error instanceof Error ? error.name : 'an error';
}
