/** Any request at all: a clear status, nothing lost, nothing polluted, and no approval made, changed or answered. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { withCollector } from './opened.ts';

/** What the documentation names; 500 is not among them, and 503 only for a store that is away or too much at once. */
const STATUSES = new Set([200, 202, 207, 303, 400, 401, 403, 404, 405, 413, 415, 421, 422, 429]);

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'PROPFIND'] as const;
const PATHS = [
  ...['/events', '/events/batch', '/hooks/claude', '/hooks/codex', '/hooks/cursor', '/hooks/gemini', '/hooks/opencode'],
  ...['/login', '/logout', '/', '/waiting', '/sessions', '/sessions/x', '/insights', '/live', '/assets/x', '/export'],
  ...[
    '/health',
    '/health/live',
    '/health/ready',
    '/metrics',
    '/metrics/prometheus',
    '/approvals',
    '/waiting/x/approve',
  ],
] as const;

const ODD_KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'then',
  '',
] as const;
const KEYS = [
  ...[
    'event_type',
    'hook_event_name',
    'session_id',
    'event_id',
    'timestamp',
    'data',
    'hook',
    'cwd',
    'tool_name',
    'kind',
  ],
  ...[
    'workflow_id',
    'approval_id',
    'agent',
    'project',
    'host',
    'tool',
    'src',
    'seq',
    'id',
    'custom_metadata',
    'outcome',
  ],
] as const;
const TYPES = [
  ...['approval.requested', 'approval.shown', 'approval.decided', 'approval.ended', 'approval.', 'PreToolUse', 'Stop'],
  ...['session_started', 'session.started', '__proto__', 'constructor', '\0', '\ud800', '\u2028', 'x'.repeat(300)],
] as const;

const text = fc.oneof(
  fc.constantFrom(...TYPES),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme-composite', maxLength: 20 }),
  fc.constantFrom('2026-11-21T10:00:00Z', '\udc00', 'x'.repeat(5_000)),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    fc.double(),
    fc.constantFrom(null, true, false, 0, -1, 1e21, 1_795_000_000_000),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.oneof(fc.constantFrom(...KEYS, ...ODD_KEYS), text), tie('value')), { maxLength: 5 })
      .map(objectOf),
  ),
}));
const eventLike = fc
  .tuple(
    fc.constantFrom('event_type', 'hook_event_name'),
    text,
    fc.array(fc.tuple(fc.oneof(fc.constantFrom(...KEYS, ...ODD_KEYS), text), value), { maxLength: 6 }),
  )
  .map(([key, type, more]) => objectOf([...more, [key, type]]));
const body = fc.oneof(
  { weight: 4, arbitrary: eventLike.map(jsonOf) },
  { weight: 2, arbitrary: fc.array(eventLike, { maxLength: 6 }).map(jsonOf) },
  { weight: 2, arbitrary: fc.array(fc.oneof(eventLike, value), { maxLength: 6 }).map(jsonOf) },
  { weight: 2, arbitrary: value.map(jsonOf) },
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.uint8Array({ maxLength: 60 }),
  fc
    .integer({ min: 1, max: 90 })
    .map((levels) => `{"event_type":"x","data":${'['.repeat(levels)}${']'.repeat(levels)}}`),
  fc.constant('{"event_type":"first","event_type":"approval.decided","session_id":"a","session_id":"b"}'),
  fc.constant('x'.repeat(1_100_000)),
);
const header = fc.string({ unit: 'grapheme-ascii', maxLength: 30 }).map((said) => said.trim());
const oddHeaders = fc.record(
  {
    'content-type': fc.oneof(
      { weight: 6, arbitrary: fc.constant('application/json') },
      fc.constantFrom('text/plain', 'application/json; charset=utf-8', 'application/x-www-form-urlencoded', ''),
    ),
    'content-encoding': fc.constantFrom('gzip', 'identity', 'br'),
    'idempotency-key': fc.oneof(header, fc.constantFrom('again', '__proto__')),
    'x-project': header,
    'x-session-name': header,
    'user-agent': header,
    accept: fc.constantFrom('text/html', 'application/json', '*/*'),
    origin: fc.constantFrom('http://127.0.0.1:3030', 'https://evil.example', 'null'),
    host: fc.constantFrom('127.0.0.1:3030', 'localhost', 'evil.example', ''),
    cookie: header.map((said) => `csh_session=${said}`),
    authorization: header.map((said) => `Bearer ${said}`),
    'last-event-id': header,
  },
  { requiredKeys: ['content-type'] },
);
const headers = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Record<string, string>>({ 'content-type': 'application/json' }) },
  {
    weight: 1,
    arbitrary: oddHeaders.map((given) => ({ ...given, host: '127.0.0.1:3030', origin: 'http://127.0.0.1:3030' })),
  },
  { weight: 2, arbitrary: oddHeaders },
);
const query = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  fc
    .array(
      fc.tuple(
        fc.constantFrom(
          'partial',
          'limit',
          'from',
          'to',
          'before',
          'after',
          'kind',
          'session',
          'q',
          'text',
          'format',
          '__proto__',
        ),
        fc.oneof(text, fc.constantFrom('1', '0', '-1', '2026-11-21', 'csv', '99999999999999999999')),
      ),
      { maxLength: 4 },
    )
    .map(
      (pairs) => `?${new URLSearchParams(pairs.map(([name, said]): [string, string] => [name, said.toWellFormed()]))}`,
    ),
);

function objectOf(entries: readonly (readonly [string, unknown])[]): unknown {
  // Defined, not assigned: `__proto__` is a key like any other here.
  return Object.fromEntries(entries);
}

function jsonOf(given: unknown): string {
  return JSON.stringify(given) ?? 'null';
}

interface Answered {
  readonly status: number;
  /** Events that it says it has taken. */
  readonly accepted: number;
}

const answeredBy = async (answer: Response, method: string, path: string): Promise<Answered> => {
  const { status } = answer;
  if (path === '/live' || method === 'HEAD') {
    await answer.body?.cancel();
    return { status, accepted: 0 };
  }
  const said = await answer.text();
  if (method !== 'POST' || ![200, 202, 207].includes(status)) return { status, accepted: 0 };
  const { accepted = 1 } = JSON.parse(said) as { accepted?: number };
  return { status, accepted };
};

describe('any request', () => {
  test(
    'gets a documented status, and what was accepted is stored, and nothing of it is an approval',
    () =>
      withCollector(async ({ request, key, rows, logged }) => {
        const keys = [
          key(),
          key({ scopes: ['ingest'] }),
          key({ scopes: ['read'] }),
          key({ project: 'mine' }),
          'wrong',
          null,
        ];
        const seen = new Set<number>();
        let accepted = 0;
        await fc.assert(
          fc.asyncProperty(
            fc.oneof({ weight: 2, arbitrary: fc.constant('POST') }, fc.constantFrom(...METHODS)),
            fc.oneof(
              { weight: 3, arbitrary: fc.constantFrom('/events', '/events/batch', '/hooks/claude') },
              fc.constantFrom(...PATHS),
            ),
            query,
            headers,
            body,
            fc.integer({ min: 0, max: keys.length + 2 }),
            async (method, path, search, given, sent, which) => {
              const init = method === 'GET' || method === 'HEAD' ? {} : { body: sent as string };
              const shown = keys[which] === undefined ? keys[0] : keys[which];
              const answer = await request(method, `${path}${search}`, {
                ...init,
                headers: given,
                key: shown as string | null,
              });
              const result = await answeredBy(answer, method, path);
              accepted += result.accepted;
              seen.add(result.status);
              if (!STATUSES.has(result.status)) throw new Error(`Expected a documented status, got ${result.status}`);
              expect(answer.headers.get('access-control-allow-origin')).toBeNull();
            },
          ),
          { numRuns: 4_000, endOnFailure: true },
        );
        const stored = await rows();
        const metrics = await (await request('GET', '/metrics')).text();
        const duplicates = Number(/^hooks_events_duplicates_total (\d+)$/m.exec(metrics)?.[1]);
        expect(stored.length + duplicates).toBe(accepted);
        expect(stored.length).toBeGreaterThan(100);
        for (const status of [200, 202, 400, 401, 403, 404, 405, 413, 415, 421, 422])
          expect([status, seen.has(status)]).toEqual([status, true]);
        expect(logged).toEqual([]);
        for (const event of stored) {
          expect(event.src).not.toBe('approval');
          expect(event.kind.startsWith('approval.')).toBe(false);
          expect(event.approval_id).toBeUndefined();
          expect(JSON.stringify(event)).not.toMatch(/\\u0000|\\ud[89a-f]/i);
        }
        expect(metrics).toContain('\ncsh_pending 0\n');
        expect(metrics).not.toMatch(/^csh_approvals_total\{.*\} [1-9]/m);
        const clean: Record<string, unknown> = {};
        for (const name of [...KEYS, 'a']) expect(clean[name]).toBeUndefined();
      }),
    120_000,
  );

  test('whose keys come twice is understood by the last of them', () =>
    withCollector(async ({ post, rows }) => {
      await post('/events', '{"event_type":"first","event_type":"second","session_id":"a","session_id":"b"}');
      expect(await rows()).toMatchObject([{ event_type: 'second', session_id: 'b' }]);
    }));

  test(
    'of a megabyte, many times over, leaves no more memory behind than a few of them',
    () =>
      withCollector(async ({ post }) => {
        const texts = ['x'.repeat(1_000_000), '\\u0000'.repeat(170_000), '\\\\'.repeat(499_000), '🙂'.repeat(250_000)];
        const rss = (): number => {
          Bun.gc(true);
          return process.memoryUsage.rss();
        };
        const send = async (times: number): Promise<void> => {
          for (let time = 0; time < times; time += 1)
            for (const data of texts)
              expect((await post('/events', `{"event_type":"x","data":"${data}"}`)).status).toBe(202);
        };
        await send(6);
        const before = rss();
        await send(30);
        expect(rss() - before).toBeLessThan(150 * 1024 * 1024);
      }),
    60_000,
  );
});
