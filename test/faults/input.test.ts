/** Whatever comes in, on stdin and on the socket of a real daemon. `[I66]` and the like are the ids of docs/promises.md. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import { encodeHello } from '../../src/protocol.ts';
import { encodeStatusQuery } from '../../src/protocol-daemon.ts';
import {
  BINARY,
  hasButtons,
  payload,
  type Ran,
  ROOM,
  repeat,
  socketOf,
  type TestBench,
  withBench,
} from '../e2e/bench.ts';
import { answerOf, decisionOf, press } from '../e2e/cards.ts';
import { rssOf } from '../e2e/processes.ts';
import { connectPlain, type PlainPeer } from './plain-peer.ts';

setDefaultTimeout(60_000);

const FIXTURES = join(import.meta.dir, '../fixtures');
const MIB = 1024 * 1024;

/** A bench with a daemon that one request keeps alive. */
const withDaemon = (body: (bench: TestBench, pid: number, card: EmulatedMessage) => Promise<void>): Promise<void> =>
  withBench(async (bench) => {
    const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
    const [pid = 0] = bench.daemons();
    await body(bench, pid, card);
    // After all of that it is the same one, and still knows what it was asked.
    expect(bench.daemons()).toEqual([pid]);
    await press(bench, card, 'csh_approve');
    expect(await answerOf(hook)).toBe('allow');
  });

describe('stdin', () => {
  const event = JSON.stringify(payload('PreToolUse.Bash'));
  const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

  test.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['blanks', ' \n\t\n'],
    ['a byte order mark and nothing', '\uFEFF'],
    ['no JSON', 'rm -rf ~'],
    ['JSON that is no object', '"PreToolUse"'],
    ['a number', '1'],
    ['null', 'null'],
    ['a list of events', `[${event}]`],
    ['an event without a name', '{"tool_name":"Bash","tool_input":{}}'],
    ['an event whose name is a number', '{"hook_event_name":5}'],
    ['two documents without an event', '{}{}'],
    ['invalid UTF-8', new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])],
    ['a document in UTF-16', Buffer.from('\uFEFF{"hook_event_name":"PreToolUse"}', 'utf16le')],
    ['a document that is cut before its event', event.slice(0, 20)],
  ])('[I66] that holds %s blocks, in time, and starts nothing', (_name, stdin) =>
    withBench(async (bench) => {
      const ran = await bench.hook(stdin).ended;
      expect(ran).toMatchObject({ stdout: '', exitCode: 2 });
      expect(ran.stderr).toMatch(/^claude-slack-hook: [^\n]+\n$/);
      expectInTime(bench, ran);
    }),
  );

  test.each<[string, string | Uint8Array]>([
    ['cut off', event.slice(0, -20)],
    ['cut in the middle of a character', bytes(`${event.slice(0, -2)},"x":"\xe2\x82`)],
    ['doubled', event.repeat(2)],
    ['followed by something else', `${event} x`],
    ['followed by another event', event + JSON.stringify(payload('Stop'))],
    ['of the wrong types', JSON.stringify(payload('PreToolUse.Bash', { tool_input: 'ls' }))],
    ['with a list for its input', JSON.stringify(payload('PreToolUse.Bash', { tool_input: [1] }))],
    ['with a number for its tool', JSON.stringify(payload('PreToolUse.Bash', { tool_name: 7 }))],
    ['without a session', JSON.stringify(payload('PreToolUse.Bash', { session_id: undefined }))],
    ['with invalid UTF-8', bytes(`${event.slice(0, -1)},"x":"\xff"}`)],
    ['behind a byte order mark and cut off', `\uFEFF${event.slice(0, -20)}`],
    ['over 1 MiB', `${event.slice(0, -1)},"x":"${'x'.repeat(MIB)}"}`],
  ])('[I66] with an event that is %s is answered as that event fails, in time, and starts nothing', (_name, stdin) =>
    withBench(async (bench) => {
      const ran = await bench.hook(stdin).ended;
      expect(JSON.parse(ran.stdout).hookSpecificOutput).toMatchObject({
        ...{ hookEventName: 'PreToolUse', permissionDecision: 'ask' },
      });
      expect(ran.exitCode).toBe(0);
      expect(ran.stderr).toMatch(/^claude-slack-hook: .*\nhint: .*\ncode: (bad-input|input-too-large)\n$/);
      expectInTime(bench, ran);
      const denied = await bench.hook(stdin, { args: ['--on-failure', 'deny'] }).ended;
      expect(decisionOf(denied.stdout)).toBe('deny');
    }),
  );

  test('[I66] with a PermissionRequest that is broken leaves the dialog, and a Stop stays a stop', () =>
    withBench(async (bench) => {
      for (const name of ['PermissionRequest.Bash', 'Stop']) {
        const ran = await bench.hook(JSON.stringify(payload(name)).slice(0, -20)).ended;
        expect(ran).toMatchObject({ stdout: '', exitCode: 0 });
        expectInTime(bench, ran);
      }
    }));

  test('[I66] with an event behind a byte order mark is an event', () =>
    withBench(async (bench) => {
      const { hook, card } = await bench.ask(`\uFEFF${event}`);
      await press(bench, card, 'csh_deny');
      expect(await answerOf(hook)).toBe('deny');
    }));

  test.each([
    ['half an event', event.slice(0, -20), 'ask', 0],
    ['nothing', '', undefined, 2],
  ] as const)('[I66] that stays open after %s is given up after 1.5 s', (_name, text, decision, exitCode) =>
    withBench(async (bench) => {
      const startedAt = performance.now();
      const child = Bun.spawn([BINARY], {
        env: bench.env,
        cwd: bench.home,
        stdin: 'pipe',
        stdout: 'pipe',
        stderr: 'pipe',
      });
      child.stdin.write(text);
      await child.stdin.flush();
      expect(await child.exited).toBe(exitCode);
      expect(performance.now() - startedAt).toBeLessThan(1_500 * ROOM);
      const stdout = await child.stdout.text();
      expect(stdout === '' ? undefined : decisionOf(stdout)).toBe(decision);
      expect(bench.daemons()).toEqual([]);
    }),
  );

  function expectInTime({ daemons, slack }: TestBench, { tookMs }: Ran): void {
    expect(tookMs).toBeLessThan(1_500 * ROOM);
    expect(daemons()).toEqual([]);
    expect(slack.calls()).toEqual([]);
  }

  test('[I68] of 50 MB is refused at once, and costs the daemon nothing', () =>
    withDaemon(async (bench, pid) => {
      const path = join(bench.home, 'large.json');
      writeFileSync(path, `{"hook_event_name":"PreToolUse","x":"${'x'.repeat(50_000_000)}"}`);
      const before = rssOf(pid);
      const ran = await bench.hook('', { command: ['/bin/sh', '-c', 'cat "$1" | "$0"', BINARY, path] }).ended;
      expect(decisionOf(ran.stdout)).toBe('ask');
      expect(ran.stderr).toContain('code: input-too-large\n');
      expect(ran.tookMs).toBeLessThan(300 * ROOM);
      expect(rssOf(pid) - before).toBeLessThan(10 * MIB);
      expect(bench.audit().filter(({ type }) => type === 'asked')).toHaveLength(1);
    }));

  /** Events that ask, of all agents; and files that hold no event. */
  const LOUD = /PreToolUse|PermissionRequest|before(Shell|MCP)Execution|BeforeTool|http-hook|responses/;
  const quiet = readdirSync(FIXTURES)
    .flatMap((folder) => readdirSync(join(FIXTURES, folder)).map((name) => join(folder, name)))
    .filter((name) => name.endsWith('.json') && !LOUD.test(name));

  test('[I69] with an event that asks for no permission is never a card, and prints nothing', () =>
    withDaemon(async (bench, _pid, card) => {
      expect(quiet.length).toBeGreaterThan(20);
      for (const name of quiet) {
        const input = { ...JSON.parse(readFileSync(join(FIXTURES, name), 'utf8')), session_id: 'quiet' };
        expect([name, await bench.hook(input).ended]).toMatchObject([name, { stdout: '', stderr: '', exitCode: 0 }]);
      }
      expect(bench.slack.messages().filter(hasButtons)).toMatchObject([{ ts: card.ts }]);
      expect(bench.audit().filter(({ type }) => type === 'asked')).toHaveLength(1);
    }));
});

describe('the socket of a daemon', () => {
  const greeting = encodeHello('Ünï 😀 漢');
  const past = JSON.stringify(payload('PostToolUse.Bash'));
  const STREAM = Buffer.from(
    `${greeting}\n  \n${past}\n${greeting}${JSON.stringify(payload('Notification.idle_prompt'))}\n`,
  );

  /** Resolves when the daemon has read what was sent before, on whichever connection. */
  async function readBy(other: PlainPeer): Promise<void> {
    const before = other.text().length;
    await other.send(encodeStatusQuery());
    await other.received((text) => text.indexOf('\n', before) >= 0);
  }

  test('[I70] gives the same answers however a stream is split', () =>
    withDaemon(async (bench) => {
      const whole = await connectPlain(socketOf(bench));
      await whole.send(STREAM);
      const expected = await whole.received((text) => text.split('\n').length === 5);
      expect(expected.split('\n').slice(1, 4)).toEqual(['{}', expected.split('\n')[0] ?? '', '{}']);
      const clock = await connectPlain(socketOf(bench));
      for (let at = 1; at < STREAM.length; at += 1) {
        const peer = await connectPlain(socketOf(bench));
        await peer.send(STREAM.subarray(0, at));
        await readBy(clock);
        await peer.send(STREAM.subarray(at));
        expect(await peer.received((text) => text.length >= expected.length)).toBe(expected);
        peer.destroy();
      }
      const bytewise = await connectPlain(socketOf(bench));
      for (const byte of STREAM) {
        await bytewise.send(Uint8Array.of(byte));
        await readBy(clock);
      }
      expect(await bytewise.received((text) => text.length >= expected.length)).toBe(expected);
      for (const peer of [whole, clock, bytewise]) peer.destroy();
    }));

  test('[I70] serves two requests that come in one write', () =>
    withDaemon(async (bench, _pid, first) => {
      const peer = await connectPlain(socketOf(bench));
      const requests = [payload('PermissionRequest.Edit'), payload('PermissionRequest.Write')];
      await peer.send(requests.map((request) => `${JSON.stringify(request)}\n`).join(''));
      const cards: EmulatedMessage[] = [];
      while (cards.length < 2) {
        const seen = new Set([first, ...cards].map(({ ts }) => ts));
        cards.push(await bench.slack.waitForMessage((message) => !seen.has(message.ts) && hasButtons(message)));
      }
      const isEdit = (card: EmulatedMessage): boolean => card.text.startsWith('Edit');
      for (const card of cards) await press(bench, card, isEdit(card) ? 'csh_deny' : 'csh_approve');
      const lines = (await peer.received((text) => text.split('\n').length === 3)).trim().split('\n');
      const behaviors = lines.map((line) => JSON.parse(line).hookSpecificOutput.decision.behavior);
      expect(behaviors.toSorted()).toEqual(['allow', 'deny']);
      peer.destroy();
    }));

  test('[I70] answers a client that has closed its own half', () =>
    withDaemon(async (bench, _pid, first) => {
      const peer = await connectPlain(socketOf(bench));
      await peer.send(`${JSON.stringify(payload('PermissionRequest.Edit'))}\n`);
      peer.end();
      const card = await bench.slack.waitForMessage((message) => message.ts !== first.ts && hasButtons(message));
      await press(bench, card, 'csh_deny');
      expect(await peer.received((text) => text.endsWith('\n'))).toContain('"behavior":"deny"');
    }));

  test('[I70] answers garbage with one error and closes', () =>
    withDaemon(async (bench) => {
      const random = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 200 }), { numRuns: 100, seed: 70 });
      const garbage: readonly (readonly [string, string | Uint8Array])[] = [
        ['a request of HTTP', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
        ['a list', '[]\n'],
        ['half of an object', '{"hook_event_name":\n'],
        ['no UTF-8', new Uint8Array([0x7b, 0xff, 0x7d, 0x0a])],
        ['an unknown command', '{"claude_slack_hook":{"type":"approve"}}\n'],
        [
          'a note of another protocol',
          '{"hook_event_name":"PreToolUse","session_id":"s","cwd":"/","claude_slack_hook":{"protocol":99}}\n',
        ],
        [
          'an outcome, as the daemon itself would say it',
          '{"claude_slack_hook":{"type":"outcome","outcome":{"kind":"allowed","by":"U","at":1}}}\n',
        ],
      ];
      for (const [what, sent] of garbage) {
        const peer = await connectPlain(socketOf(bench));
        await peer.send(sent);
        await peer.closed;
        const lines = peer.text().trimEnd().split('\n');
        expect([what, lines.length]).toEqual([what, 1]);
        expect([what, JSON.parse(lines[0] ?? '')]).toMatchObject([what, { claude_slack_hook: { type: 'error' } }]);
        peer.destroy();
      }
      await Promise.all(
        random.map(async (sent) => {
          const peer = await connectPlain(socketOf(bench));
          await peer.send(Buffer.concat([sent, Buffer.from('x\n')]));
          await peer.received((text) => text.includes('"type":"error"'));
          peer.destroy();
        }),
      );
    }));

  test('[I70] closes what sends more than 1 MiB without a line break, and keeps nothing of it', () =>
    withDaemon(async (bench, pid) => {
      const peer = await connectPlain(socketOf(bench));
      // The input's share of a line and that of the note beside it, and one byte more.
      await peer.send(Buffer.alloc(MIB + 64 * 1024 + 1, 'x'));
      await peer.closed;
      expect(peer.text()).toContain('"code":"input-too-large"');
      peer.destroy();
      const before = rssOf(pid);
      const flood = await connectPlain(socketOf(bench));
      const chunk = Buffer.alloc(MIB, 'x');
      for (let sent = 0; sent < 64; sent += 1) await flood.send(chunk);
      await flood.closed;
      expect(rssOf(pid) - before).toBeLessThan(10 * MIB);
      flood.destroy();
    }));

  test('[I70] closes what says nothing for 5 s, and [I71] what says nothing more for 10 s, and never what waits', () =>
    withDaemon(async (bench) => {
      const startedAt = performance.now();
      const [silent, idle, dripping] = [
        await connectPlain(socketOf(bench)),
        await connectPlain(socketOf(bench)),
        await connectPlain(socketOf(bench)),
      ];
      await idle.send(encodeHello('x'));
      await idle.received((text) => text.includes('hello'));
      // Bytes that never become a line are no sign of life.
      const stop = repeat(bench, 200, () => void dripping.send('x'));
      await silent.closed;
      expect(performance.now() - startedAt).toBeWithin(5_000, 5_000 * ROOM);
      expect(idle.isClosed()).toBe(false);
      await Promise.all([idle.closed, dripping.closed]);
      stop();
      expect(performance.now() - startedAt).toBeWithin(10_000, 10_000 * ROOM);
      for (const peer of [silent, idle, dripping]) peer.destroy();
    }));

  test('[I71] takes 500 requests at once, and says clearly that the next one is too many', () =>
    withDaemon(async (bench, _pid) => {
      // Slack is so slow that no card comes: this is about the daemon.
      const quick = bench.slack.fault('*', { kind: 'hang' }, Number.POSITIVE_INFINITY);
      const peer = await connectPlain(socketOf(bench));
      const lines = Array.from({ length: 499 }, () => `${JSON.stringify(payload('PermissionRequest.Edit'))}\n`);
      await peer.send(lines.join(''));
      await pendingIs(bench, '500');
      const startedAt = performance.now();
      const { stdout, stderr } = await bench.hook(payload('PreToolUse.Bash')).ended;
      expect(performance.now() - startedAt).toBeLessThan(500 * ROOM);
      expect(decisionOf(stdout)).toBe('ask');
      expect(stderr).toMatch(/^claude-slack-hook: .*500.*\nhint: .*--stop.*\ncode: too-many\n$/);
      peer.destroy();
      await pendingIs(bench, '1');
      quick();
    }));

  /** Resolves when `--status` says so; it says nothing while the daemon writes down what has come. */
  async function pendingIs({ run }: TestBench, count: string): Promise<void> {
    for (let tries = 0; tries < 100; tries += 1)
      if ((await run(['--status'])).stdout.includes(`pending:  ${count}\n`)) return;
    throw new Error(`Expected ${count} pending requests`);
  }
});
