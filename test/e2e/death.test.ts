/** Who notices whose death: the daemon's, the hook's own long stop, the agent's. And that nobody is taken for dead who lives. */
import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BEAT_MS, encodeRequest, type Reply, readReply } from '../../src/protocol.ts';
import { SILENCE_MS } from '../../src/waiting.ts';
import { BINARY, hasButtons, passed, payload, ROOM, socketOf, type TestBench, textOf, withBench } from './bench.ts';
import { closedCard, decisionOf } from './cards.ts';

describe.concurrent('a daemon', () => {
  test(
    '[P21] that hangs is noticed, and its card is closed when it goes on',
    () =>
      withBench(async (bench) => {
        const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
        const [daemon = 0] = bench.daemons();
        // Older than the watch, so that what is noticed is the silence of a daemon that was alive.
        await passed(bench, BEAT_MS);
        process.kill(daemon, 'SIGSTOP');
        const stoppedAt = performance.now();
        const { stdout, stderr, exitCode } = await hook.ended;
        // After 5 s of the hook's own time, as test/waiting.test.ts proves on a clock of its own; this tells them from a deadline.
        expect(performance.now() - stoppedAt).toBeLessThan(15_000);
        expect(decisionOf(stdout)).toBe('ask');
        expect(stderr).toContain('code: daemon-timeout');
        expect(exitCode).toBe(0);
        process.kill(daemon, 'SIGCONT');
        expect(textOf(await closedCard(bench, card))).toContain('no longer waits');
      }),
    40_000,
  );

  test(
    'that hangs before it has read the request is noticed too',
    () =>
      withBench(async (bench) => {
        const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
        const [daemon = 0] = bench.daemons();
        process.kill(daemon, 'SIGSTOP');
        const { stdout, tookMs } = await bench.hook(payload('PreToolUse.Bash')).ended;
        expect(decisionOf(stdout)).toBe('ask');
        // 1.5 s, or 7.5 s where the hook gets no processor.
        expect(tookMs).toBeLessThan(10_000);
        process.kill(daemon, 'SIGCONT');
        await bench.press(card, 'csh_deny');
        await hook.ended;
        await closedCard(bench, card);
      }),
    40_000,
  );

  test(
    'that was stopped itself for longer than that goes on waiting',
    () =>
      withBench(async (bench) => {
        const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
        await passed(bench, 500);
        hook.kill('SIGSTOP');
        await passed(bench, SILENCE_MS + 500);
        hook.kill('SIGCONT');
        await passed(bench, 500);
        await bench.press(card, 'csh_approve');
        expect(decisionOf((await hook.ended).stdout)).toBe('allow');
      }),
    40_000,
  );
});

/** A program that runs a shell command for ever, as an agent runs a hook: in a session of its own. The command finds the program as $0, its input as $1 and further files behind it. */
function startAgent(bench: TestBench, command: string, stdout: 'pipe' | 'inherit', ...files: readonly string[]) {
  const shell = ['/bin/sh', '-c', command, BINARY, ...files];
  const script = `Bun.spawn(${JSON.stringify(shell)}, { stdout: ${JSON.stringify(stdout)}, stdin: 'ignore', stderr: 'ignore', detached: true }); setInterval(() => {}, 1e6);`;
  return Bun.spawn([process.execPath, '-e', script], {
    env: { ...bench.env, BUN_OPTIONS: '' },
    cwd: bench.home,
    stdout: 'pipe',
    stderr: 'inherit',
  });
}

function writeInput(bench: TestBench, event: string): string {
  const path = join(bench.home, 'input.json');
  writeFileSync(path, JSON.stringify(payload(event)));
  return path;
}

describe('a hook whose agent is killed', () => {
  test.each([
    ['and read its output itself', 'pipe', '"$0" < "$1"; echo $? > "$2"', 'PreToolUse.Bash', '2'],
    [
      'while somebody else still holds the output',
      'inherit',
      '{ "$0" < "$1"; echo $? > "$2"; } | cat; exit',
      'PreToolUse.Bash',
      '2',
    ],
    ['at a PermissionRequest', 'inherit', '"$0" < "$1"; echo $? > "$2"', 'PermissionRequest.Bash', '0'],
    [
      'behind a script of its own',
      'inherit',
      `bash -c '"$0" < "$1"; exit $?' "$0" "$1"; echo $? > "$2"`,
      'PreToolUse.Bash',
      '2',
    ],
  ] as const)(
    '[P24] %s ends within 2 s as if it had been stopped, and its card says so',
    (_how, stdout, command, event, code) =>
      withBench(async (bench) => {
        const input = writeInput(bench, event);
        const ended = join(bench.home, 'ended');
        const agent = startAgent(bench, command, stdout, input, ended);
        const card = await bench.slack.waitForMessage(hasButtons);
        agent.kill('SIGKILL');
        const killedAt = performance.now();
        await bench.until(
          () => existsSync(ended) && readFileSync(ended, 'utf8') !== '',
          'the hook to end',
          2_000 * ROOM,
        );
        expect(performance.now() - killedAt).toBeLessThan(2_000 * ROOM);
        expect(readFileSync(ended, 'utf8')).toBe(`${code}\n`);
        expect(textOf(await closedCard(bench, card))).toContain('no longer waits');
      }),
    40_000,
  );

  test(
    'that ran it without a shell is noticed as well',
    () =>
      withBench(async (bench) => {
        const input = writeInput(bench, 'PreToolUse.Bash');
        const agent = startAgent(bench, 'exec "$0" < "$1"', 'inherit', input);
        const card = await bench.slack.waitForMessage(hasButtons);
        agent.kill('SIGKILL');
        const killedAt = performance.now();
        expect(textOf(await closedCard(bench, card))).toContain('no longer waits');
        expect(performance.now() - killedAt).toBeLessThan(2_500 * ROOM);
      }),
    40_000,
  );
});

describe.concurrent('a hook that a person runs', () => {
  const LOOKS_MS = 3_500;
  /** Commands whose own parents all end at once, or are killed; the hook's output comes to $2. */
  const WAYS: readonly (readonly [how: string, command: string])[] = [
    ['in the background of a shell that has ended', '("$0" < "$1" | cat > "$2") & exit 0'],
    ['in the background of a shell that ends later', '("$0" < "$1" | cat > "$2") & sleep 1; exit 0'],
    ['with nohup', 'nohup "$0" < "$1" > "$2" 2> /dev/null & exit 0'],
    ['with setsid', 'setsid "$0" < "$1" > "$2" & exit 0'],
    ['with setsid and a pipe', `setsid sh -c '"$0" < "$1" | cat > "$2"' "$0" "$1" "$2" & exit 0`],
    ['into a file, by a shell that waits', '"$0" < "$1" > "$2"; exit 0'],
    ['in a pipe', 'cat "$1" | "$0" | cat > "$2" & exit 0'],
  ];

  test.each(WAYS)(
    '%s is not taken for one that lost its agent',
    (_how, command) =>
      withBench(async (bench) => {
        const out = join(bench.home, 'out');
        const input = writeInput(bench, 'PreToolUse.Bash');
        const agent = startAgent(bench, command, 'inherit', input, out);
        const card = await bench.slack.waitForMessage(hasButtons);
        agent.kill('SIGKILL');
        await passed(bench, LOOKS_MS);
        await bench.press(card, 'csh_approve');
        await bench.until(() => existsSync(out) && readFileSync(out, 'utf8').includes('\n'), 'the answer');
        expect(decisionOf(readFileSync(out, 'utf8'))).toBe('allow');
      }),
    40_000,
  );

  test.skipIf(Bun.which('script') === null)(
    'in a terminal that is closed goes on when it was detached from it (with script of util-linux only)',
    () =>
      withBench(async (bench) => {
        const out = join(bench.home, 'out');
        const input = writeInput(bench, 'PreToolUse.Bash');
        // `script` takes one string for its shell: what it is about comes as variables.
        const inner = `bash -c 'setsid sh -c "\\"\\$HOOK\\" < \\"\\$INPUT\\" | cat > \\"\\$OUTPUT\\""; exit'`;
        const terminal = Bun.spawn(['script', '-qec', inner, '/dev/null'], {
          env: { ...bench.env, HOOK: BINARY, INPUT: input, OUTPUT: out },
          stdin: 'pipe',
          stdout: 'ignore',
          stderr: 'ignore',
        });
        bench.atEnd(() => terminal.kill('SIGKILL'));
        const card = await bench.slack.waitForMessage(hasButtons);
        terminal.kill('SIGKILL');
        await passed(bench, LOOKS_MS);
        await bench.press(card, 'csh_approve');
        await bench.until(() => existsSync(out) && readFileSync(out, 'utf8').includes('\n'), 'the answer');
        expect(decisionOf(readFileSync(out, 'utf8'))).toBe('allow');
      }),
    40_000,
  );
});

describe('a busy daemon', () => {
  test(
    'with 200 large requests at once is never silent for long',
    () =>
      withBench(async (bench) => {
        const first = await bench.ask(payload('PreToolUse.Bash'));
        const status = await bench.run(['--status']);
        expect(status.exitCode).toBe(0);
        const gaps: number[] = [];
        let waiting = 0;
        const sockets = await Promise.all(
          Array.from({ length: 200 }, async (_, index) => {
            let heardAt: number | undefined;
            let beats = 0;
            const input = payload('PreToolUse.Bash', { tool_input: { command: `: ${index} ${'y'.repeat(200_000)}` } });
            const note = {
              protocol: 1,
              agent: 'claude',
              approvers: [],
              waitMs: 60_000,
              app: appOf(bench),
              beats: true,
            } as const;
            let unsent: Uint8Array = Buffer.from(encodeRequest(JSON.stringify(input), note));
            return Bun.connect({
              unix: socketOf(bench),
              socket: {
                open: (socket) => {
                  unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
                },
                drain: (socket) => {
                  unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
                },
                data: (_socket, chunk) => {
                  const reply: Reply = readReply(chunk.toString().split('\n')[0] ?? '');
                  if (reply.type === 'beat') beats += 1;
                  if (beats === 1) waiting += 1;
                  const now = performance.now();
                  // Before the first one this process may have been busy with sending.
                  if (heardAt !== undefined) gaps.push(now - heardAt);
                  heardAt = now;
                },
              },
            });
          }),
        );
        await bench.until(() => waiting === 200, 'all to wait', 20_000);
        await passed(bench, 2 * BEAT_MS);
        expect(gaps.length).toBeGreaterThanOrEqual(200);
        expect(Math.max(...gaps)).toBeLessThan(SILENCE_MS);
        for (const socket of sockets) socket.end();
        first.hook.kill('SIGKILL');
        await first.hook.ended;
      }),
    60_000,
  );
});

describe('a daemon of 256 descriptors', () => {
  test(
    '[I71] serves a hook at once while 1,000 connections do nothing',
    () =>
      withBench(async (bench) => {
        const limited = ['/bin/sh', '-c', 'ulimit -n 256; exec "$0"', BINARY];
        const first = await bench.ask(payload('PreToolUse.Bash'), { command: limited });
        const [daemon = 0] = bench.daemons();
        expect(readFileSync(`/proc/${daemon}/limits`, 'utf8')).toMatch(/^Max open files +256 +256 /m);
        let opened = 0;
        const idle: Bun.Socket[] = [];
        while (opened < 1_000) {
          const batch = await Promise.allSettled(
            Array.from({ length: 50 }, () =>
              Bun.connect({
                unix: socketOf(bench),
                allowHalfOpen: true,
                socket: { data: () => {} },
              }),
            ),
          );
          for (const result of batch) if (result.status === 'fulfilled') idle.push(result.value);
          opened = idle.length;
        }
        const startedAt = performance.now();
        const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
        expect(performance.now() - startedAt).toBeLessThan(500 * ROOM);
        await bench.press(card, 'csh_approve');
        expect(decisionOf((await hook.ended).stdout)).toBe('allow');
        // Nor has the one that waits been closed for want of room.
        await bench.press(first.card, 'csh_deny');
        expect(decisionOf((await first.hook.ended).stdout)).toBe('deny');
        if (process.getuid?.() === 0) expect(readdirSync(`/proc/${daemon}/fd`).length).toBeLessThan(256);
        for (const socket of idle) socket.terminate();
      }),
    30_000,
  );
});

/** The name of the bench's Slack app, as its clients tell it. */
function appOf({ env, home }: TestBench): string {
  const parts = [
    env.SLACK_BOT_TOKEN,
    env.SLACK_APP_TOKEN,
    env.SLACK_API_URL,
    join(home, '.config/claude-slack-hook/config.json'),
  ];
  return new Bun.CryptoHasher('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}
