import { describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { AGENTS } from '../src/agents/agent.ts';
import { WITNESSES } from '../src/agents/evidence.ts';
import { type Clients, type ClientsOptions, createClients } from '../src/clients.ts';
import { createHttpDesk, type HttpDesk, type HttpDeskOptions } from '../src/http-desk.ts';
import { createHttpListener, type HttpListener, type HttpListenerOptions } from '../src/http-listener.ts';
import { resolveSettings, type Settings } from '../src/settings.ts';
import type { ApprovalRequest, Evidence, Outcome } from '../src/types.ts';
import recorded from './fixtures/claude-code/http-hook-request.PreToolUse.json' with { type: 'json' };
import permission from './fixtures/claude-code/PermissionRequest.Bash.json' with { type: 'json' };
import post from './fixtures/claude-code/PostToolUse.Bash.json' with { type: 'json' };
import failure from './fixtures/claude-code/PostToolUseFailure.Bash.in-subagent.json' with { type: 'json' };
import stop from './fixtures/claude-code/Stop.json' with { type: 'json' };

const TOKEN = 'f'.repeat(64);
const PRE = recorded.body;
const allowed: Outcome = { kind: 'allowed', by: 'U1', via: 'Slack', at: 1 };
const denied: Outcome = { kind: 'denied', by: 'U1', via: 'Slack', reason: 'not today', at: 1 };
const expired: Outcome = { kind: 'expired', reason: 'Nobody answered.', at: 1 };

interface Office {
  readonly port: number;
  readonly clients: Clients;
  readonly desk: HttpDesk;
  readonly listener: HttpListener;
  readonly asked: ApprovalRequest[];
  readonly observed: Evidence[];
  readonly withdrawn: string[];
  readonly retired: true[];
  /** The next request that is asked for. */
  next(): Promise<ApprovalRequest>;
  /** Sends a hook input with the token. */
  post(body: unknown, init?: RequestInit): Promise<Response>;
}

interface Changes {
  readonly clients?: Partial<ClientsOptions>;
  readonly settings?: Partial<Settings>;
  readonly listener?: Partial<HttpListenerOptions>;
  readonly desk?: Partial<HttpDeskOptions>;
}

async function withOffice(body: (office: Office) => Promise<void>, changes: Changes = {}): Promise<void> {
  const asked: ApprovalRequest[] = [];
  const observed: Evidence[] = [];
  const withdrawn: string[] = [];
  const retired: true[] = [];
  let tell: (request: ApprovalRequest) => void = () => {};
  const clients = createClients({
    ...{ agents: AGENTS, recognise: () => 'claude', witnesses: WITNESSES, app: 'app' },
    ...{ approvers: ['U1'], waitMs: 60_000, repliesInARow: () => 0, nonceOf: (id) => id },
    status: () => ({
      ...{ pid: 1, version: 'the version', startedAt: 1, pending: [], grants: [] },
      ...{ slack: { state: 'connected', connections: 1 }, apiUrl: '', logFile: '', auditFile: '' },
    }),
    policy: { approversFor: () => undefined, needed: () => 1, rule: () => undefined, restricts: () => false },
    greet: (proof) => ({ proof: `proof of ${proof}`, version: '0', app: 'app' }),
    retire: () => retired.push(true),
    ask: (request) => {
      asked.push(request);
      tell(request);
    },
    away: () => {},
    withdraw: (id) => withdrawn.push(id),
    observe: (evidence) => observed.push(evidence),
    ...{ onChange: () => {}, logger: { warn: () => {} } },
    ...changes.clients,
  });
  const home = mkdtempSync(join(tmpdir(), 'csh-http-'));
  const settings = { ...resolveSettings({ config: join(home, 'none.json') }, { HOME: home }), ...changes.settings };
  const desk = createHttpDesk({
    clients,
    agent: AGENTS.claude,
    app: 'app',
    token: TOKEN,
    settings,
    mustAsk: async () => changes.settings?.onlyScreenLock !== true,
    ...changes.desk,
  });
  const listener = await createHttpListener({
    ...{ port: 0, token: TOKEN, maxInputBytes: 64 * 1024, answer: desk.answer, logger: { warn: () => {} } },
    ...changes.listener,
  });
  const port = listener.port();
  const send = (content: unknown, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/hooks/claude`, {
      method: 'POST',
      body: typeof content === 'string' ? content : JSON.stringify(content),
      ...init,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}`, ...init.headers },
    });
  const next = (): Promise<ApprovalRequest> =>
    new Promise((resolve) => {
      tell = resolve;
    });
  try {
    await body({ port, clients, desk, listener, asked, observed, withdrawn, retired, next, post: send });
  } finally {
    desk.close();
    await listener.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Posts, and has it decided as soon as it is asked for. */
async function decide(office: Office, body: unknown, outcome: Outcome): Promise<Response> {
  const request = office.next();
  const response = office.post(body);
  office.clients.onOutcome((await request).id, outcome);
  return response;
}

interface Said {
  readonly error: { readonly code: string };
  readonly hookSpecificOutput: Readonly<Record<string, unknown>>;
}
const jsonOf = async (response: Response): Promise<Said> => (await response.json()) as Said;
const decisionOf = async (response: Response): Promise<unknown> =>
  (await jsonOf(response)).hookSpecificOutput.permissionDecision;

/** Says this much and nothing more, and resolves with all that comes until the other side has closed. */
async function talk(port: number, text: string): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.write(text);
  let heard = '';
  try {
    for await (const chunk of socket) heard += chunk;
  } catch {
    // Hung up on.
  }
  return heard;
}
const head = (port: number, more = ''): string =>
  `POST /hooks/claude HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n${more}`;

describe('a hook input that is posted', () => {
  test('is held until somebody decides, and answered in the agent’s own words', () =>
    withOffice(async (office) => {
      const response = await decide(office, PRE, allowed);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('application/json');
      expect(await response.json()).toEqual({
        hookSpecificOutput: {
          hookEventName: 'PreToolUse',
          permissionDecision: 'allow',
          permissionDecisionReason: 'Approved by U1 in Slack',
          updatedInput: PRE.tool_input,
        },
      });
      const [asked] = office.asked;
      expect(asked).toMatchObject({ agent: 'claude', input: PRE, approvers: ['U1'], secrets: [] });
      const refused = await jsonOf(await decide(office, permission, denied));
      expect(refused.hookSpecificOutput.decision).toEqual({
        behavior: 'deny',
        message: expect.stringContaining('not today'),
      });
    }));

  test('is the agent’s that the path names, whatever its fields look like', () =>
    withOffice(async (office) => {
      expect(await decisionOf(await decide(office, { ...PRE, turn_id: 't' }, denied))).toBe('deny');
    }));

  test('is counted as what has come in, whether it is taken or not', () => {
    let bytes = 0;
    const onRead = (more: number): void => {
      bytes += more;
    };
    return withOffice(
      async (office) => {
        await office.post('x'.repeat(100_000));
        expect(bytes).toBe(100_000);
      },
      { listener: { onRead } },
    );
  });

  test('waits as long as the daemon’s own deadline', () =>
    withOffice(
      async (office) => {
        await decide(office, PRE, denied);
        const [{ askedAt, expiresAt } = { askedAt: 0, expiresAt: 0 }] = office.asked;
        expect(expiresAt - askedAt).toBe(42_000);
      },
      { settings: { deadlineMs: 42_000 } },
    ));

  test('has the token masked that the agent knows from its environment', () =>
    withOffice(async (office) => {
      await decide(office, { ...PRE, tool_input: { command: `echo ${TOKEN}` } }, denied);
      expect(office.asked[0]?.secrets).toEqual([TOKEN]);
    }));

  test('that nobody answered is told so, as the failure policy says', () =>
    withOffice(async (office) => {
      expect(await decisionOf(await decide(office, PRE, expired))).toBe('ask');
      const bypassed = { ...PRE, permission_mode: 'bypassPermissions' };
      expect(await decisionOf(await decide(office, bypassed, expired))).toBe('deny');
      const dialog = await decide(office, permission, expired);
      expect([dialog.status, await dialog.text()]).toEqual([204, '']);
    }));

  test('is withdrawn when its client hangs up, and only then', () =>
    withOffice(async (office) => {
      const [leaving, request] = [new AbortController(), office.next()];
      const response = office.post(PRE, { signal: leaving.signal }).catch(() => 'gone');
      const { id } = await request;
      expect(office.clients.waiting()).toBe(1);
      const withdrawn = Promise.withResolvers<void>();
      office.withdrawn.push = (...ids) => {
        withdrawn.resolve();
        return Array.prototype.push.apply(office.withdrawn, ids);
      };
      leaving.abort();
      await withdrawn.promise;
      expect(office.withdrawn).toEqual([id]);
      expect(await response).toBe('gone');
      expect(office.clients.waiting()).toBe(0);
      await decide(office, PRE, denied);
      expect(office.withdrawn).toEqual([id]);
    }));

  test('is withdrawn and gets the failure answer when another daemon takes over', () =>
    withOffice(async (office) => {
      const request = office.next();
      const response = office.post(PRE);
      const { id } = await request;
      office.desk.close();
      expect(await decisionOf(await response)).toBe('ask');
      expect(office.withdrawn).toEqual([id]);
    }));
});

describe('an event that asks nothing', () => {
  test('is taken note of and answered with nothing', () =>
    withOffice(async (office) => {
      for (const event of [post, stop]) {
        const response = await office.post(event);
        expect([response.status, await response.text()]).toEqual([204, '']);
      }
      expect(office.observed.map(({ kind }) => kind)).toEqual(['elsewhere', 'unknown']);
      expect(office.asked).toEqual([]);
    }));

  test('of a failure is told without the token that stands in it', () =>
    withOffice(async (office) => {
      await office.post({ ...failure, error: `curl: ${TOKEN} is wrong` });
      expect(office.observed[0]?.run).toMatchObject({ isOk: false, error: 'curl: [masked] is wrong' });
    }));
});

describe('the record of what is posted', () => {
  const HEARD = Promise.withResolvers<void>();

  test('holds up an agent that only tells no longer than a moment, however long a store takes', () =>
    withOffice(
      async ({ post: send }) => {
        const from = performance.now();
        expect((await send(post)).status).toBe(204);
        expect(performance.now() - from).toBeGreaterThanOrEqual(25);
      },
      { desk: { heard: () => HEARD.promise, recordMs: 30 } },
    ));

  test('holds up nobody who waits for what an event tells', async () => {
    const store = Promise.withResolvers<void>();
    const told = Promise.withResolvers<string>();
    await withOffice(
      async ({ post: send }) => {
        const answer = send(post).then(({ status }) => status);
        expect(await Promise.race([told.promise, answer])).toBe('elsewhere');
        store.resolve();
        expect(await answer).toBe(204);
      },
      {
        desk: { heard: () => store.promise, recordMs: 600_000 },
        clients: { observe: ({ kind }) => told.resolve(kind) },
      },
    );
  });

  test('holds up no question at all', () =>
    withOffice(
      async ({ post: send, next, clients }) => {
        const asked = next();
        const answer = send(PRE);
        clients.onOutcome((await asked).id, allowed);
        expect((await answer).status).toBe(200);
      },
      { desk: { heard: () => HEARD.promise, recordMs: 600_000 } },
    ));
});

describe('what is no hook', () => {
  const others = {
    others: async (request: Request) =>
      new Response(request.url.endsWith('/open') ? 'ok' : 'no', {
        status: request.url.includes('health') || request.headers.has('x-api-key') ? 200 : 401,
      }),
  };
  const get = (port: number, path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers });

  test('is answered by its own rules, and the hooks by theirs', () =>
    withOffice(
      async ({ port }) => {
        expect((await get(port, '/health')).status).toBe(200);
        expect((await get(port, '/events')).status).toBe(401);
        expect((await get(port, '/events', { 'x-api-key': 'k' })).status).toBe(200);
        for (const path of ['/hooks/claude', '/hooks/claude?a=b'])
          expect((await get(port, path, { 'x-api-key': 'k' })).status).toBe(401);
      },
      { listener: others },
    ));

  test('[X84] leaves a connection a stranger that has shown no key, and hangs up on the oldest of too many of those', () =>
    withOffice(
      async ({ port }) => {
        const say = async (
          head: string,
        ): Promise<{ readonly closed: Promise<void>; readonly isClosed: () => boolean }> => {
          const socket = net.connect({ port, host: '127.0.0.1' });
          let isClosed = false;
          const heard = new Promise<void>((resolve) => socket.once('data', () => resolve()));
          const closed = new Promise<void>((resolve) =>
            socket.on('close', () => {
              isClosed = true;
              resolve();
            }),
          );
          socket.on('error', () => {});
          socket.write(head);
          await heard;
          return { closed, isClosed: () => isClosed };
        };
        const line = `HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`;
        const known = await say(`GET /events ${line}X-API-Key: k\r\n\r\n`);
        const stranger = await say(`GET /health ${line}\r\n`);
        for (let more = 0; more < 64; more += 1) await say(`GET /health ${line}\r\n`);
        await stranger.closed;
        expect(known.isClosed()).toBe(false);
      },
      { listener: others },
    ));
});

describe('a request that cannot be asked about', () => {
  test('has a status that says why, and JSON that says more', () =>
    withOffice(async (office) => {
      const statuses = [];
      for (const body of [
        '',
        '{',
        '[]',
        '"x"',
        '{}',
        JSON.stringify({ ...PRE, session_id: 1, hook_event_name: 'Stop' }),
      ]) {
        const response = await office.post(body);
        statuses.push(response.status);
        expect((await jsonOf(response)).error.code).toBe('bad-input');
      }
      expect(statuses).toEqual([400, 400, 400, 400, 400, 400]);
      expect((await office.post({ ...post, tool_response: 'x'.repeat(70_000) })).status).toBe(413);
      expect(office.asked).toEqual([]);
    }));

  test('is a PreToolUse that must not run unasked: it gets the failure answer in place of a status', () =>
    withOffice(async (office) => {
      const large = { ...PRE, tool_input: { command: `rm -r x #${'x'.repeat(200_000)}` } };
      expect(await decisionOf(await office.post(large))).toBe('ask');
      expect(await decisionOf(await office.post({ ...large, permission_mode: 'bypassPermissions' }))).toBe('deny');
      const deep = `${JSON.stringify(PRE).slice(0, -1)},"x":${'['.repeat(30_000)}`;
      expect(await decisionOf(await office.post(deep))).toBe('ask');
      expect(await decisionOf(await office.post({ ...PRE, tool_input: 'rm' }))).toBe('ask');
      expect(await decisionOf(await office.post({ ...PRE, claude_slack_hook: { approvers: ['U2'] } }))).toBe('ask');
      expect(office.asked).toEqual([]);
    }));

  test('is one too many: 429 with the time to wait, or the failure answer', () =>
    withOffice(async (office) => {
      const body = JSON.stringify(permission);
      const sized = `Authorization: Bearer ${TOKEN}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
      // fetch() has no more than 256 connections at once.
      const held = [];
      for (let count = 0; count < 500; count += 1) {
        const request = office.next();
        held.push(talk(office.port, `${head(office.port, sized)}\r\n${body}`));
        await request;
      }
      const more = await office.post(permission);
      expect([more.status, more.headers.get('retry-after')]).toEqual([429, '5']);
      expect(await decisionOf(await office.post(PRE))).toBe('ask');
      office.desk.close();
      for (const heard of await Promise.all(held)) expect(heard).toStartWith('HTTP/1.1 503 ');
    }));

  test('finds Slack down, or the daemon about to stop: 503, or the failure answer', () =>
    withOffice(async (office) => {
      const down: Outcome = { kind: 'undeliverable', reason: 'Slack is down', code: 'slack-unreachable', at: 1 };
      const response = await decide(office, permission, down);
      expect([response.status, (await jsonOf(response)).error.code]).toEqual([503, 'slack-unreachable']);
      const { hookSpecificOutput } = await jsonOf(await decide(office, PRE, down));
      expect(hookSpecificOutput.permissionDecision).toBe('ask');
      expect(hookSpecificOutput.permissionDecisionReason).toContain('Slack is down');
      office.clients.refuseNew();
      expect((await office.post(permission)).status).toBe(503);
    }));

  test('leaves no trace when the client is gone before it was whole', () =>
    withOffice(
      async (office) => {
        await talk(
          office.port,
          `${head(office.port, `Authorization: Bearer ${TOKEN}\r\nContent-Length: 900\r\n`)}\r\n{"hook_`,
        );
        expect(office.asked).toEqual([]);
      },
      { listener: { headMs: 100, requestMs: 100 } },
    ));

  test('is not for a screen that is not locked', () =>
    withOffice(async (office) => expect((await office.post(permission)).status).toBe(204), {
      settings: { onlyScreenLock: true },
    }));
});

describe('the door', () => {
  test('[X84] refuses a wrong token before the body has come', () =>
    withOffice(async ({ port, asked }) => {
      const heard = await talk(port, `${head(port, 'Authorization: Bearer no\r\nContent-Length: 5000\r\n')}\r\n`);
      expect(heard).toStartWith('HTTP/1.1 401 ');
      expect(heard.toLowerCase()).toContain('www-authenticate: bearer');
      expect(JSON.parse(heard.slice(heard.indexOf('\r\n\r\n'))).error.message).not.toContain(TOKEN);
      expect(asked).toEqual([]);
    }));

  test('closes each connection after its answer: one that is kept could end while the next request is on its way', () =>
    withOffice(async ({ port, post: send }) => {
      expect((await send(stop)).headers.get('connection')).toBe('close');
      expect(await talk(port, `${head(port, 'Connection: keep-alive\r\n')}\r\n`)).toStartWith('HTTP/1.1 401 ');
    }));

  test('takes as long for an answer as a person does, whatever the time for a request', () =>
    withOffice(
      async (office) => {
        const request = office.next();
        const response = office.post(PRE);
        const { id } = await request;
        // Each of them is hung up on after that time.
        for (let times = 0; times < 3; times += 1) await talk(office.port, head(office.port));
        office.clients.onOutcome(id, denied);
        expect((await response).status).toBe(200);
      },
      { listener: { headMs: 60, requestMs: 60 } },
    ));

  test('[X84] hangs up on who says nothing, or the head or the body drop by drop', () =>
    withOffice(
      async ({ port, asked }) => {
        const starts = [
          '',
          'POST /hooks',
          head(port),
          `${head(port, `Authorization: Bearer ${TOKEN}\r\nContent-Length: 99\r\n`)}\r\n{`,
        ];
        const ends = starts.map((start) => {
          const socket = net.connect({ port, host: '127.0.0.1' });
          socket.on('error', () => {});
          socket.write(start);
          const drip = setInterval(() => socket.write('x'), 20);
          socket.resume();
          return new Promise<void>((resolve) => socket.on('close', () => resolve(clearInterval(drip))));
        });
        await Promise.all(ends);
        expect(asked).toEqual([]);
      },
      { listener: { headMs: 150, requestMs: 150 } },
    ));

  test('hangs up on the oldest of too many that have not shown the token, and not on those that wait', () =>
    withOffice(async (office) => {
      const request = office.next();
      const response = office.post(PRE);
      const { id } = await request;
      const strangers = Array.from({ length: 70 }, () => talk(office.port, head(office.port)));
      expect(await Promise.race(strangers)).toBe('');
      expect((await office.post(stop)).status).toBe(204);
      office.clients.onOutcome(id, denied);
      expect((await response).status).toBe(200);
    }));

  test('takes nobody for known who got what everybody gets', async () => {
    const OPEN = ['/health', '/nothing', 'http://127.0.0.1/health', '/soon'];
    const others = (request: Request): Response =>
      new URL(request.url).pathname === '/live'
        ? new Response(new ReadableStream(), { headers: { 'Content-Type': 'text/event-stream' } })
        : new Response('', {
            status: request.url.endsWith('/health') ? 200 : request.url.endsWith('/soon') ? 503 : 404,
          });
    const listener = await createHttpListener({ ...NOBODY, port: 0, others });
    const connected = (path: string): Promise<net.Socket> =>
      new Promise((resolve) => {
        const socket = net.connect({ port: listener.port(), host: '127.0.0.1' });
        socket.on('error', () => {});
        socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
        for (const event of ['data', 'close']) socket.once(event, () => resolve(socket));
      });
    const known = await connected('/live');
    const first = await connected('/health');
    const gone = new Promise<string>((resolve) => first.on('close', () => resolve('gone')));
    const strangers = Array.from({ length: 70 }, (_, number) => connected(OPEN[number % OPEN.length] ?? ''));
    const all = Promise.all(strangers).then(async () => {
      // The end of a connection is heard of after what others were answered.
      for (let more = 0; more < 3; more += 1) await connected('/nothing');
      return 'all of them are kept';
    });
    expect(await Promise.race([gone, all])).toBe('gone');
    expect(known.closed).toBe(false);
    known.destroy();
    await listener.stop();
  });

  test('takes no head of any size', () =>
    withOffice(async ({ port, asked }) => {
      expect(await talk(port, head(port, `X: ${'x'.repeat(200_000)}\r\n\r\n`))).not.toContain(' 200 ');
      expect(await talk(port, head(port, `${'X: y\r\n'.repeat(50_000)}\r\n`))).not.toContain(' 200 ');
      expect(asked).toEqual([]);
    }));

  test('whose port is taken is opened as soon as that is free', async () => {
    const first = await createHttpListener({ ...NOBODY, port: 0 });
    const second = await createHttpListener({ ...NOBODY, port: first.port(), retryMs: 5 });
    expect(second.trouble()).toContain('in use');
    await first.stop();
    while (second.trouble() !== undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    expect((await fetch(`http://127.0.0.1:${second.port()}/`)).status).toBe(401);
    await second.stop();
  });
});

const NOBODY = {
  ...{ token: TOKEN, maxInputBytes: 1_024, logger: { warn: () => {} } },
  answer: async () => ({ status: 204 }),
};

describe('whatever is sent, with the token or without', () => {
  const key = 'claude_slack_hook';
  const commands = [
    { [key]: { type: 'retire' } },
    { [key]: { type: 'status' } },
    { [key]: { type: 'hello', challenge: 'x' } },
    { ...PRE, [key]: { type: 'event', agent: 'claude' } },
    { ...PRE, [key]: { type: 'outcome', outcome: allowed } },
    { ...PRE, [key]: { protocol: 1, agent: 'claude', approvers: ['U0EVIL'], waitMs: 1, app: 'app' } },
    { type: 'block_actions', user: { id: 'U1' }, actions: [{ action_id: 'csh_approve', value: 'nonce' }] },
    { hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'allow' } },
    { kind: 'allowed', by: 'U1', via: 'Slack', at: 1 },
    PRE,
    { ...PRE, decision: 'allow', outcome: allowed, approvers: ['U0EVIL'] },
    { ...post, decision: 'allow' },
  ];
  const path = fc.oneof(
    { weight: 6, arbitrary: fc.constant('/hooks/claude') },
    fc.constantFrom(
      ...[
        '/',
        '/approve',
        '/deny',
        '/answer',
        '/status',
        '/stop',
        '/retire',
        '/hooks/codex',
        '/hooks/slack',
        '/slack/actions',
      ],
      ...['/hooks/claude/approve', '/hooks/claude?decision=allow', '/hooks/claude/1/allow', '/events', '/api/outcome'],
    ),
    fc.webPath().filter((text) => text.startsWith('/')),
  );
  const method = fc.oneof(
    { weight: 4, arbitrary: fc.constant('POST') },
    fc.constantFrom('GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
  );
  const command = fc.constantFrom(...commands.map((given) => JSON.stringify(given)));
  const body = fc.oneof({ weight: 4, arbitrary: command }, fc.json(), fc.string());

  test('[X84] no path, method or body decides anything, names who is asked, or commands the daemon', async () => {
    // Nobody decides: each request ends as soon as it is asked for.
    const clients: { current?: Clients } = {};
    const asked: ApprovalRequest[] = [];
    const ask = (request: ApprovalRequest): void => {
      asked.push(request);
      queueMicrotask(() => clients.current?.onOutcome(request.id, expired));
    };
    await withOffice(
      async (office) => {
        clients.current = office.clients;
        await fc.assert(
          fc.asyncProperty(path, method, body, fc.boolean(), async (where, how, what, knows) => {
            const before = asked.length;
            const response = await fetch(`http://127.0.0.1:${office.port}${where}`, {
              method: how,
              ...(how === 'GET' || how === 'HEAD' ? {} : { body: what }),
              headers: { 'content-type': 'application/json', ...(knows ? { authorization: `Bearer ${TOKEN}` } : {}) },
            });
            const text = await response.text();
            expect(text).not.toMatch(/"allow"|"approve"|proof of|the version/);
            if (!knows) expect([401, 400]).toContain(response.status);
            if (!knows || how !== 'POST' || where.split('?')[0] !== '/hooks/claude') expect(asked.length).toBe(before);
            for (const request of asked) expect(request).toMatchObject({ agent: 'claude', approvers: ['U1'] });
            expect(office.retired).toEqual([]);
            expect(office.clients.waiting()).toBe(0);
          }),
          { numRuns: 600 },
        );
        // How many of them are whole requests is up to chance; without any this would prove nothing.
        expect(asked.length).toBeGreaterThan(0);
      },
      { clients: { ask } },
    );
  }, 60_000);

  test('there is one place in the sources that answers HTTP, and it knows of no outcome but the daemon’s', () => {
    const desk = readFileSync(new URL('../src/http-desk.ts', import.meta.url), 'utf8');
    expect(desk).not.toMatch(/'allowed'|'denied'|onOutcome/);
  });
});
