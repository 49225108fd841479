import { describe, expect, test } from 'bun:test';
import { createDelivery, type Delivered, headerText } from '../../src/sender/delivery.ts';
import type { Entry } from '../../src/sender/event.ts';
import { resolveTarget } from '../../src/sender/target.ts';

const ENTRY: Entry = {
  at: 0,
  id: 'e1',
  project: 'größe 100%',
  environment: 'production',
  event: { hook_event_name: 'Stop', session_name: 'a\r\nX-Evil: 1', event_id: 'e1' },
};
const SIGNAL = new AbortController().signal;

type Call = { readonly url: string; readonly init: RequestInit };

function delivery(answer: (call: Call) => Promise<Response>, env = { HOOK_API_KEY: 'k' }, flag?: string) {
  const calls: Call[] = [];
  const made = createDelivery({
    target: resolveTarget({ flag, config: {}, env }),
    version: '1.2.3',
    now: () => 0,
    fetch: (url, init) => {
      calls.push({ url, init });
      return answer({ url, init });
    },
  });
  return { ...made, calls };
}

const answers =
  (status: number, headers = {}) =>
  async (): Promise<Response> =>
    new Response('', { status, headers });
const told = (status: number, headers = {}): Promise<Delivered> =>
  delivery(answers(status, headers)).one(ENTRY, SIGNAL, false);

describe('a request', () => {
  test('says who sends what, in headers that nobody can break out of', async () => {
    const { one, calls } = delivery(answers(200));
    expect(await one(ENTRY, SIGNAL, false)).toEqual({ state: 'sent' });
    expect(calls).toHaveLength(1);
    expect(calls[0]?.url).toBe('http://127.0.0.1:3030/events');
    expect(calls[0]?.init).toMatchObject({ method: 'POST', redirect: 'manual', body: JSON.stringify(ENTRY.event) });
    expect(calls[0]?.init.headers).toEqual({
      'Content-Type': 'application/json',
      'User-Agent': 'claude-slack-hook/1.2.3',
      'X-Client-Version': '1.2.3',
      'X-Environment': 'production',
      'X-Project': 'gr%C3%B6%C3%9Fe 100%25',
      'X-API-Key': 'k',
      'X-Hook-Event': 'Stop',
      'X-Session-Name': 'a%0D%0AX-Evil: 1',
      'Idempotency-Key': 'e1',
    });
  });

  test('of a replay says so, and many go in one', async () => {
    const { one, many, calls } = delivery(answers(202));
    await one(ENTRY, SIGNAL, true);
    await many([ENTRY, { ...ENTRY, event: { x: 2 } }], SIGNAL);
    expect(new Headers(calls[0]?.init.headers).get('X-Replayed')).toBe('1');
    expect(new Headers(calls[1]?.init.headers).get('X-Replayed')).toBe('1');
    expect(calls[1]).toMatchObject({
      url: 'http://127.0.0.1:3030/events/batch',
      init: { body: JSON.stringify([ENTRY.event, { x: 2 }]) },
    });
  });

  test('has no key where there is none', async () => {
    const { one, calls } = delivery(answers(200), { HOOK_API_KEY: '' });
    await one(ENTRY, SIGNAL, false);
    expect(new Headers(calls[0]?.init.headers).has('X-API-Key')).toBe(false);
  });

  test('tries the other address of this machine, and no other of another one', async () => {
    const refuse = async ({ url }: Call): Promise<Response> => {
      if (url.includes('[::1]')) return new Response('');
      throw Object.assign(new Error('refused'), { code: 'ConnectionRefused' });
    };
    expect(await delivery(refuse).one(ENTRY, SIGNAL, false)).toEqual({ state: 'sent' });
    const other = delivery(refuse, undefined, 'http://x.test/events');
    expect(await other.one(ENTRY, SIGNAL, false)).toEqual({
      state: 'later',
      isSlow: false,
      reason: 'Expected http://x.test/events to answer, got ConnectionRefused',
    });
    expect(other.calls).toHaveLength(1);
  });
});

describe('an answer', () => {
  test.each([408, 429, 500, 502, 503, 504])('of %d is tried again', async (status) => {
    expect(await told(status)).toMatchObject({ state: 'later', isSlow: false });
  });

  test.each([301, 307, 400, 401, 403, 404, 409, 413, 415, 422])('of %d is not', async (status) => {
    expect(await told(status, { Location: 'http://x.test' })).toMatchObject({ state: 'refused', status });
  });

  test('that does not come in time is slow', async () => {
    const { one } = delivery(async () => Promise.reject(new DOMException('', 'AbortError')));
    expect(await one(ENTRY, AbortSignal.abort(), false)).toMatchObject({ state: 'later', isSlow: true });
  });

  test('may say how long to wait, within an hour', async () => {
    expect(await told(429, { 'Retry-After': '7' })).toMatchObject({ retryAfterMs: 7_000 });
    expect(await told(200, { 'Retry-After': '7' })).toEqual({ state: 'sent' });
    expect(await told(429, { 'Retry-After': '999999999' })).toMatchObject({ retryAfterMs: 3_600_000 });
  });
});

test('a header is at most 256 characters, never ends within one, and can be read back', () => {
  const text = headerText('é'.repeat(300));
  expect(text.length).toBeLessThanOrEqual(256);
  expect(decodeURIComponent(text)).toMatch(/^é+$/);
  expect(headerText('\ud800')).toBe('%EF%BF%BD');
});
