/** The daemon as a collector: what agents do and what people decide, in one record; and that record in another collector. */
import { describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import type { EventRecord } from '../../src/events.ts';
import {
  hasButtons,
  payload,
  type RunOptions,
  stateOf,
  TEST_BINARY,
  type TestBench,
  textOf,
  withBench,
  writeConfig,
} from './bench.ts';
import { DEMO_KEY, until, wire, withMachine } from './collectors.ts';
import { signalAll } from './processes.ts';

/** A test build takes any port that is free. */
const RUN: RunOptions = { command: [TEST_BINARY], env: { CSH_HTTP_ANY_PORT: '1' } };
const JSON_TYPE = { 'content-type': 'application/json' };

interface Door {
  readonly url: string;
  readonly port: number;
  readonly token: string;
  /** As Claude Code's http hook does. */
  hook(body: unknown): Promise<Response>;
  /** With a key of this user's. */
  events(query?: string): Promise<readonly EventRecord[]>;
}

async function openDoor(bench: TestBench, args: readonly string[] = ['--http', '8787'], run = RUN): Promise<Door> {
  for (let left = 5; left > 0; left -= 1) {
    await bench.hook(payload('SessionStart.startup'), { ...run, args: ['ensure', ...args] }).ended;
    const status = (await bench.run(['--status'], run)).stdout;
    const [, address = '', file = ''] = /^http: +(http:\S+) \(token in (.+)\)$/m.exec(status) ?? [];
    if (address === '') continue;
    const token = readFileSync(file, 'utf8').trim();
    const url = new URL(address).origin;
    const key = (await bench.run(['keys', 'create'], run)).stdout.trim();
    return {
      ...{ url, port: Number(new URL(address).port), token },
      hook: (body) =>
        fetch(address, {
          method: 'POST',
          body: JSON.stringify(body),
          headers: { ...JSON_TYPE, authorization: `Bearer ${token}` },
        }),
      events: async (query = '') => {
        const answer = await fetch(`${url}/events?limit=1000&${query}`, { headers: { 'x-api-key': key } });
        if (answer.status !== 200) return [];
        const { events } = (await answer.json()) as { events: EventRecord[] };
        return events.toReversed();
      },
    };
  }
  throw new Error(`Expected a daemon that listens for HTTP, got ${bench.log()}`);
}

const cardOf = (bench: TestBench, body: Record<string, unknown>): Promise<EmulatedMessage> =>
  bench.slack.waitForMessage((message) => hasButtons(message) && textOf(message).includes(commandOf(body)), 20_000);
const commandOf = ({ tool_input: input }: Record<string, unknown>): string => (input as { command: string }).command;
const kindsOf = (events: readonly EventRecord[]): readonly string[] => events.map(({ kind }) => kind);
const bash = (command: string, name = 'PreToolUse.Bash'): Record<string, unknown> =>
  payload(name, { tool_input: { command, description: 'test' } });
const WHOLE = ['tool.requested', 'approval.requested', 'approval.shown', 'approval.decided'];

describe('the record of a daemon with a port', () => {
  test('has a call, its request, its card and its decision, under one session', () =>
    withBench(async (bench) => {
      const { hook, events } = await openDoor(bench);
      const asked = bash('echo one');
      const answer = hook(asked);
      await bench.press(await cardOf(bench, asked), 'csh_approve');
      expect((await answer).status).toBe(200);
      const ran = payload('PostToolUse.Bash', { session_id: asked.session_id });
      expect((await hook(ran)).status).toBe(204);
      const query = `session=${asked.session_id}`;
      await until(async () => (await events(query)).length === 5, 'the events');
      const stored = await events(query);
      expect(kindsOf(stored).toSorted()).toEqual([...WHOLE, 'tool.completed'].toSorted());
      const of = (kind: string): EventRecord | undefined => stored.find((event) => event.kind === kind);
      expect(of('tool.requested')).toMatchObject({ src: 'http', agent: 'claude', tool: 'Bash', data: asked });
      expect(of('tool.completed')?.data).toMatchObject({ tool_response: ran.tool_response as object });
      const requested = of('approval.requested');
      expect(requested).toMatchObject({ src: 'approval', tool: 'Bash', agent: 'claude' });
      for (const kind of WHOLE.slice(1)) expect(of(kind)?.approval_id).toBe(requested?.approval_id ?? '');
      expect(of('approval.decided')?.data).toMatchObject({ outcome: 'allowed', by: bench.slack.user.id });
      const page = await fetch(`http://127.0.0.1:${new URL((await openDoor(bench)).url).port}/health`);
      expect(await page.json()).toMatchObject({ status: 'healthy', storage: 'jsonl' });
    }));

  test('has the events of hook commands too, and no secret in any of them', () =>
    withBench(async (bench) => {
      const { events, hook } = await openDoor(bench);
      const secret = 'ghp_0123456789abcdefghijklmnopqrstuvwxyzAB';
      const own = 'correct-horse-battery-staple-9';
      const asked = bash(`curl -H 'Authorization: token ${secret}' https://x.example; echo ${own}`);
      const { hook: command, card } = await bench.ask(asked, { ...RUN, env: { ...RUN.env, DEPLOY_TOKEN: own } });
      await bench.press(card, 'csh_deny');
      await command.ended;
      const told = payload('PostToolUse.Bash', { session_id: asked.session_id, tool_response: { stdout: secret } });
      expect((await hook(told)).status).toBe(204);
      const query = `session=${asked.session_id}`;
      await until(async () => (await events(query)).length >= 5, 'the events');
      const stored = await events(query);
      expect(stored.filter(({ kind }) => kind === 'approval.decided')).toMatchObject([{ data: { outcome: 'denied' } }]);
      expect(stored.find(({ kind }) => kind === 'tool.requested')).toMatchObject({ src: 'socket' });
      const text = readFileSync(join(stateOf(bench), 'events/events.jsonl'), 'utf8');
      for (const hidden of [secret, own]) expect(text).not.toContain(hidden);
      expect(text).toContain('https://x.example');
    }));

  test('takes events with the token and shows none, and no request over it decides or changes anything', () =>
    withBench(async (bench) => {
      const { url, token, hook, events } = await openDoor(bench);
      const asked = bash('echo undecided');
      let isAnswered = false;
      const answer = hook(asked).finally(() => {
        isAnswered = true;
      });
      const card = await cardOf(bench, asked);
      const [request] = JSON.parse((await bench.run(['status', '--json'], RUN)).stdout).pending ?? [];
      const bearer = { ...JSON_TYPE, authorization: `Bearer ${token}` };
      for (const path of ['/events', '/export', '/', '/waiting', '/live', '/sessions'])
        expect([path, (await fetch(`${url}${path}`, { headers: bearer })).status]).toEqual([path, 403]);
      const forged = [
        { event_type: 'approval.decided', approval_id: request?.id, data: { outcome: 'allowed', by: 'U1' } },
        { event_type: 'approval.ended', approval_id: request?.id, data: { outcome: 'withdrawn' } },
        { hook_event_name: 'approval.decided', session_id: asked.session_id, data: { outcome: 'allowed' } },
        { ...asked, hook_event_name: 'PostToolUse' },
        { ...asked, claude_slack_hook: { type: 'outcome', outcome: { kind: 'allowed' } } },
        { claude_slack_hook: { type: 'retire' }, hook_event_name: 'x' },
      ];
      for (const body of forged)
        for (const path of ['/events', '/hooks/codex', '/hooks/opencode'])
          expect([200, 202, 422]).toContain(
            (await fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body), headers: bearer })).status,
          );
      for (const path of [
        '/waiting',
        `/waiting/${request?.id}`,
        `/approvals/${request?.id}`,
        `/approve/${request?.id}`,
        '/stop',
        '/retire',
        '/slack/actions',
      ])
        for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
          expect([404, 405]).toContain(
            (await fetch(`${url}${path}`, { method, headers: bearer, body: '{"decision":"allow"}' })).status,
          );
      const [still] = JSON.parse((await bench.run(['status', '--json'], RUN)).stdout).pending ?? [];
      expect(still).toEqual({ ...request, waitedMs: expect.any(Number) });
      expect(isAnswered).toBe(false);
      const { length } = (await events()).filter(
        ({ kind }) => kind === 'approval.decided' || kind === 'approval.ended',
      );
      expect(length).toBe(0);
      await bench.press(card, 'csh_deny');
      expect(JSON.stringify(await (await answer).json())).toContain('"deny"');
    }));

  test('whatever is asked over HTTP, with the token or a key for everything, what waits still waits', () =>
    withBench(async (bench) => {
      const { url, token, hook } = await openDoor(bench);
      const admin = (await bench.run(['keys', 'create', '--scope', 'ingest,read,admin'], RUN)).stdout.trim();
      const asked = bash('echo still here');
      const answer = hook(asked);
      const card = await cardOf(bench, asked);
      const pending = async (): Promise<readonly { readonly id: string }[]> =>
        JSON.parse((await bench.run(['status', '--json'], RUN)).stdout).pending;
      const [request = { id: '' }] = await pending();
      const calls = bench.slack.calls('chat.postMessage').length;
      const told = (type: string): unknown => ({
        ...{
          event_type: type,
          event_id: `${type}:${request.id}`,
          approval_id: request.id,
          session_id: asked.session_id,
        },
        data: { outcome: 'allowed', by: bench.slack.user.id },
      });
      const bodies = [
        ...['approval.requested', 'approval.shown', 'approval.decided', 'approval.ended'].map(told),
        ...[
          { decision: 'allow', id: request.id },
          [told('approval.decided')],
          null,
          asked,
          { claude_slack_hook: { type: 'stop' } },
        ],
      ];
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'),
          fc.constantFrom(
            ...[
              '/events',
              '/events/batch',
              '/hooks/codex',
              '/hooks/cursor',
              '/hooks/gemini',
              '/hooks/opencode',
              '/waiting',
            ],
            ...['/', '/sessions', '/export', '/login', '/logout', '/metrics', '/health', `/approvals/${request.id}`],
            ...[
              `/waiting/${request.id}`,
              `/hooks/claude/${request.id}`,
              '/hooks/claude/',
              '/HOOKS/claude',
              '//hooks/claude',
            ],
          ),
          fc.constantFrom(admin, token, 'wrong'),
          fc.oneof(
            fc.constantFrom(...bodies),
            fc.json().map((json) => JSON.parse(json)),
          ),
          async (method, path, key, body) => {
            const init = method === 'GET' || method === 'HEAD' ? {} : { body: JSON.stringify(body) };
            const headers = { ...JSON_TYPE, 'x-api-key': key };
            const { status } = await fetch(`${url}${path}`, { method, headers, redirect: 'manual', ...init });
            expect([200, 202, 303, 400, 401, 403, 404, 405, 415, 421, 422]).toContain(status);
          },
        ),
        { numRuns: 400, endOnFailure: true },
      );
      expect((await pending()).map(({ id }) => id)).toEqual([request.id]);
      expect(bench.decisions()).toMatchObject([{ type: 'asked' }]);
      expect(bench.slack.calls('chat.postMessage')).toHaveLength(calls);
      await bench.press(card, 'csh_deny');
      expect(JSON.stringify(await (await answer).json())).toContain('"deny"');
      expect(bench.decisions()).toMatchObject([{ type: 'asked' }, { type: 'ended', kind: 'denied' }]);
    }));

  test('of a daemon that is killed while somebody is asked goes on in the next, nothing twice and nothing lost', () =>
    withBench(async (bench) => {
      await openDoor(bench);
      const asked = bash('echo survives');
      const { hook, card } = await bench.ask(asked, { ...RUN, args: ['--http', '8787'] });
      await bench.until(() => bench.audit().some(({ type }) => type === 'posted'), 'its card on record');
      const before = bench.slack.connectionsEver();
      signalAll(bench.daemons(), 'SIGKILL');
      await bench.until(() => bench.slack.connectionsEver() > before, 'a new connection to Slack', 20_000);
      await bench.until(() => bench.slack.connections() === 1, 'the old one to be gone', 20_000);
      const { events } = await openDoor(bench);
      const query = `session=${asked.session_id}`;
      await until(async () => (await events(query)).length >= 3, 'the events');
      await bench.press(card, 'csh_approve');
      expect((await hook.ended).stdout).toContain('"allow"');
      await until(async () => kindsOf(await events(query)).includes('approval.decided'), 'the decision');
      const kinds = kindsOf(await events(query));
      expect(kinds.toSorted()).toEqual(WHOLE.toSorted());
      const names = (await events(query)).map(({ id }) => id);
      expect(new Set(names).size).toBe(names.length);
    }));

  test('is not there while another process has its file, and approvals go on all the same', () =>
    withMachine((machine) =>
      withBench(async (bench) => {
        const path = join(stateOf(bench), 'events/events.jsonl');
        const other = await machine.collect(['--jsonl-path', path]);
        const { hook, url, events } = await openDoor(bench);
        const asked = bash('echo busy');
        const answer = hook(asked);
        await bench.press(await cardOf(bench, asked), 'csh_approve');
        expect((await answer).status).toBe(200);
        expect((await hook(payload('PostToolUse.Bash', { session_id: asked.session_id }))).status).toBe(204);
        const health = await fetch(`${url}/health`);
        expect([health.status, health.headers.get('retry-after')]).toEqual([503, '1']);
        await other.stop();
        await until(async () => (await events(`session=${asked.session_id}`)).length === 5, 'what was held');
      }),
    ));

  test('is missing where its section of the config file is wrong, and approvals go on all the same', () =>
    withBench(async (bench) => {
      writeConfig(bench, { collector: { jsonlPath: 'relative.jsonl' } });
      const { hook, url } = await openDoor(bench);
      const asked = bash('echo wrong');
      const answer = hook(asked);
      await bench.press(await cardOf(bench, asked), 'csh_approve');
      expect((await answer).status).toBe(200);
      expect((await fetch(`${url}/health`)).status).toBe(401);
      expect(bench.log()).toContain('absolute path');
    }));
});

describe('the port of a daemon', () => {
  test(
    'hangs up on those who say nothing whole, and answers others and approvals meanwhile',
    () =>
      withBench(async (bench) => {
        const { port, hook, url, token } = await openDoor(bench);
        const head = `POST /events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-API-Key: ${token}\r\nContent-Type: application/json\r\n`;
        const health = `GET /health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
        const drips: Timer[] = [];
        const open = async (text: string, isDripping = false): Promise<Promise<void>> => {
          const { socket, closed } = await wire(port);
          socket.write(text);
          if (isDripping) drips.push(setInterval(() => socket.write('x'), 200));
          return closed;
        };
        const asked = bash('echo loris');
        const answer = hook(asked);
        const card = await cardOf(bench, asked);
        const gone = Promise.all(
          Array.from({ length: 10 }, () => [
            open(''),
            open('POST /events HTTP/1.1\r\nHost: 127.'),
            open(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-Slow: `, true),
            open(`${head}Content-Length: 100000\r\n\r\n{`),
            open(`${head}Content-Length: 100000\r\n\r\n{`, true),
            open(`${health}GET / HTTP/1.1\r\nX-Slow: `, true),
            open(health),
          ]).flat(),
        );
        let isOver = false;
        const all = gone.then(() => {
          isOver = true;
        });
        const from = performance.now();
        expect((await fetch(`${url}/health`)).status).toBe(200);
        await bench.press(card, 'csh_approve');
        expect((await answer).status).toBe(200);
        await until(() => isOver, 'them to be hung up on', 40_000);
        await all;
        for (const drip of drips) clearInterval(drip);
        expect(performance.now() - from).toBeLessThan(40_000);
      }),
    90_000,
  );

  test('answers what is no proper request with a clear status or hangs up, and stores nothing of it', () =>
    withBench(async (bench) => {
      const { port, token, events } = await openDoor(bench);
      const auth = `Host: 127.0.0.1:${port}\r\nX-API-Key: ${token}\r\nContent-Type: application/json\r\n`;
      const body = '{"event_type":"x"}';
      const cases: readonly (readonly [string, readonly number[]])[] = [
        ['\0\0\r\n\r\n', [0, 400]],
        ['GET /health HTTP/1.1\r\n\r\n', [0, 400, 421]],
        ['GET /health HTTP/1.1\r\nHost: a b\r\n\r\n', [0, 400, 421]],
        ['GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n', [421]],
        ['GET http://evil.example/health HTTP/1.1\r\nHost: evil.example\r\n\r\n', [0, 400, 421]],
        [`GET /%zz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`, [400, 404]],
        [`GET //x HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`, [400, 404, 421]],
        [`GET /health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-A: ${'b'.repeat(100_000)}\r\n\r\n`, [0, 400, 431]],
        [`POST /events HTTP/1.1\r\n${auth}Content-Length: abc\r\n\r\n${body}`, [0, 400]],
        [`POST /events HTTP/1.1\r\n${auth}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, [0, 400]],
        [`POST /events HTTP/1.1\r\n${auth}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, [0, 400]],
        [`POST /events HTTP/1.1\r\n${auth}Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08`, [415]],
        [`POST /events HTTP/1.1\r\n${auth}Content-Length: 2000000\r\n\r\n${'x'.repeat(2_000_000)}`, [0, 413]],
        [`TRACE /events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`, [0, 400, 404, 405]],
        [`CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n`, [0, 400, 405, 421]],
      ];
      for (const [text, statuses] of cases) {
        const { socket, received, closed } = await wire(port);
        socket.write(text, 'latin1');
        await Promise.race([closed, until(() => received().includes('\r\n\r\n'), JSON.stringify(text.slice(0, 60)))]);
        socket.destroy();
        const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(received())?.[1] ?? 0);
        if (!statuses.includes(status))
          throw new Error(`Expected ${statuses} to ${JSON.stringify(text.slice(0, 99))}, got ${status}`);
      }
      expect((await events('src=api')).filter(({ src }) => src === 'api')).toEqual([]);
      expect(bench.log()).not.toContain('"level":50');
    }));

  test('serves a hundred senders at once, and cuts none of them off', () =>
    withBench(async (bench) => {
      const { url, token, events } = await openDoor(bench);
      const statuses = await Promise.all(
        Array.from({ length: 100 }, async (_, sender) => {
          const answers: number[] = [];
          for (let round = 0; round < 5; round += 1)
            answers.push(
              await fetch(`${url}/events`, {
                method: 'POST',
                body: JSON.stringify({ event_type: 'load', session_id: 'load', event_id: `${sender}-${round}` }),
                headers: { ...JSON_TYPE, authorization: `Bearer ${token}` },
              }).then(
                ({ status }) => status,
                () => 0,
              ),
            );
          return answers;
        }),
      );
      expect(statuses.flat().filter((status) => status !== 202)).toEqual([]);
      expect(await events('session=load')).toHaveLength(500);
    }));
});

describe('a daemon that sends', () => {
  const decide = async (bench: TestBench, command: string): Promise<Record<string, unknown>> => {
    const asked = bash(command);
    const { hook, card } = await bench.ask(asked, RUN);
    await bench.press(card, 'csh_approve');
    expect((await hook.ended).stdout).toContain('"allow"');
    return asked;
  };
  for (const [scopes, isTrusted] of [
    ['ingest,admin', true],
    ['ingest', false],
  ] as const)
    test(`has its approvals ${isTrusted ? 'as such' : 'as nothing special'} in a collector with a key for ${scopes}`, () =>
      withMachine((machine) =>
        withBench(async (bench) => {
          const { url } = await machine.collect();
          const apiKey = (await machine.run(['keys', 'create', '--scope', scopes])).stdout.trim();
          writeConfig(bench, { send: { url: `${url}/events`, apiKey } });
          const asked = await decide(bench, 'echo sent');
          const events = async (): Promise<readonly EventRecord[]> => {
            const answer = await fetch(`${url}/events?session=${asked.session_id}`, {
              headers: { 'x-api-key': DEMO_KEY },
            });
            return ((await answer.json()) as { events: EventRecord[] }).events;
          };
          await until(async () => (await events()).length === 3, 'the approval there', 30_000);
          const types = ['approval.decided', 'approval.requested', 'approval.shown'];
          const stored = await events();
          expect(stored.map(({ event_type }) => event_type).sort()).toEqual(types);
          expect(kindsOf(stored).toSorted()).toEqual(isTrusted ? types : ['other', 'other', 'other']);
          for (const event of stored) expect(event.approval_id !== undefined).toBe(isTrusted);
          const metrics = await (await fetch(`${url}/metrics`)).text();
          expect(metrics.includes('csh_approvals_total{outcome="allowed",agent="claude"} 1')).toBe(isTrusted);
          expect(existsSync(join(stateOf(bench), 'events'))).toBe(false);
        }),
      ));
});
