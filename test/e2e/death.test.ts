/** Who notices whose death: the daemon's, the hook's own long stop, the agent's. And that nobody is taken for dead who lives. */
import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import { BEAT_MS, encodeRequest, type Reply, readReply } from '../../src/protocol.ts';
import { SILENCE_MS } from '../../src/waiting.ts';
import { BINARY, hasButtons, payload, type TestBench, textOf, withBench } from './bench.ts';

async function closedCard({ slack }: TestBench, { ts }: EmulatedMessage): Promise<string> {
  return textOf(await slack.waitForMessage((message) => message.ts === ts && !hasButtons(message)));
}

const decisionOf = (stdout: string): unknown => JSON.parse(stdout).hookSpecificOutput.permissionDecision;

/** Resolves when `ms` have passed for the processes around us. */
const passed = ({ until }: TestBench, ms: number): Promise<void> => {
  const from = performance.now();
  return until(() => performance.now() - from >= ms, `${ms} ms to pass`, ms + 5_000);
};

describe.concurrent('a daemon', () => {
  test(
    '[P21] that hangs is noticed within 5.5 s, and its card is closed when it goes on',
    () =>
      withBench(async (bench) => {
        const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
        const [daemon = 0] = bench.daemons();
        // Older than the watch, so that what is noticed is the silence of a daemon that was alive.
        await passed(bench, BEAT_MS);
        process.kill(daemon, 'SIGSTOP');
        const stoppedAt = performance.now();
        const { stdout, stderr, exitCode } = await hook.ended;
        expect(performance.now() - stoppedAt).toBeLessThan(5_500);
        expect(decisionOf(stdout)).toBe('ask');
        expect(stderr).toContain('code: daemon-timeout');
        expect(exitCode).toBe(0);
        process.kill(daemon, 'SIGCONT');
        expect(await closedCard(bench, card)).toContain('no longer waits');
      }),
    20_000,
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
        expect(tookMs).toBeLessThan(2_500);
        process.kill(daemon, 'SIGCONT');
        await bench.press(card, 'csh_deny');
        await hook.ended;
        await closedCard(bench, card);
      }),
    20_000,
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
    20_000,
  );
});

/** A program that runs a shell command for ever, as an agent runs a hook: in a session of its own. */
function startAgent(bench: TestBench, command: string, stdout: 'pipe' | 'inherit') {
  const script = `Bun.spawn(['/bin/sh', '-c', ${JSON.stringify(command)}], { stdout: ${JSON.stringify(stdout)}, stdin: 'ignore', stderr: 'ignore', detached: true }); setInterval(() => {}, 1e6);`;
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
    ['and read its output itself', 'pipe', `BINARY < INPUT`, 'PreToolUse.Bash', '2'],
    ['while somebody else still holds the output', 'inherit', `BINARY < INPUT | cat; exit`, 'PreToolUse.Bash', '2'],
    ['at a PermissionRequest', 'inherit', `BINARY < INPUT`, 'PermissionRequest.Bash', '0'],
    ['behind a script of its own', 'inherit', `bash -c 'BINARY < INPUT; exit $?'`, 'PreToolUse.Bash', '2'],
  ] as const)(
    '[P24] %s ends within 2 s as if it had been stopped, and its card says so',
    (_how, stdout, run, event, code) =>
      withBench(async (bench) => {
        const input = writeInput(bench, event);
        const ended = join(bench.home, 'ended');
        const command = run.replace('BINARY', BINARY).replace('INPUT', input);
        const wrapped = command.includes('| cat')
          ? `{ ${BINARY} < ${input}; echo $? > ${ended}; } | cat; exit`
          : `${command}; echo $? > ${ended}`;
        const agent = startAgent(bench, wrapped, stdout);
        const card = await bench.slack.waitForMessage(hasButtons);
        agent.kill('SIGKILL');
        const killedAt = performance.now();
        await bench.until(() => existsSync(ended) && readFileSync(ended, 'utf8') !== '', 'the hook to end', 5_000);
        expect(performance.now() - killedAt).toBeLessThan(2_000);
        expect(readFileSync(ended, 'utf8')).toBe(`${code}\n`);
        expect(await closedCard(bench, card)).toContain('no longer waits');
      }),
    20_000,
  );

  test(
    'that ran it without a shell is noticed as well',
    () =>
      withBench(async (bench) => {
        const input = writeInput(bench, 'PreToolUse.Bash');
        const agent = startAgent(bench, `exec ${BINARY} < ${input}`, 'inherit');
        const card = await bench.slack.waitForMessage(hasButtons);
        agent.kill('SIGKILL');
        const killedAt = performance.now();
        expect(await closedCard(bench, card)).toContain('no longer waits');
        expect(performance.now() - killedAt).toBeLessThan(2_500);
      }),
    20_000,
  );
});

describe.concurrent('a hook that a person runs', () => {
  const LOOKS_MS = 3_500;
  /** Commands whose own parents all end at once, or are killed; the hook's output comes to OUT. */
  const WAYS: readonly (readonly [how: string, command: string])[] = [
    ['in the background of a shell that has ended', '(BINARY < INPUT | cat > OUT) & exit 0'],
    ['in the background of a shell that ends later', '(BINARY < INPUT | cat > OUT) & sleep 1; exit 0'],
    ['with nohup', 'nohup BINARY < INPUT > OUT 2> /dev/null & exit 0'],
    ['with setsid', 'setsid BINARY < INPUT > OUT & exit 0'],
    ['with setsid and a pipe', 'setsid sh -c "BINARY < INPUT | cat > OUT" & exit 0'],
    ['into a file, by a shell that waits', 'BINARY < INPUT > OUT; exit 0'],
    ['in a pipe', 'cat INPUT | BINARY | cat > OUT & exit 0'],
  ];

  test.each(WAYS)(
    '%s is not taken for one that lost its agent',
    (_how, command) =>
      withBench(async (bench) => {
        const out = join(bench.home, 'out');
        const input = writeInput(bench, 'PreToolUse.Bash');
        const filled = command.replaceAll('BINARY', BINARY).replaceAll('INPUT', input).replaceAll('OUT', out);
        const agent = startAgent(bench, filled, 'inherit');
        const card = await bench.slack.waitForMessage(hasButtons);
        agent.kill('SIGKILL');
        await passed(bench, LOOKS_MS);
        await bench.press(card, 'csh_approve');
        await bench.until(() => existsSync(out) && readFileSync(out, 'utf8').includes('\n'), 'the answer');
        expect(decisionOf(readFileSync(out, 'utf8'))).toBe('allow');
      }),
    20_000,
  );

  test(
    'in a terminal that is closed goes on when it was detached from it',
    () =>
      withBench(async (bench) => {
        const out = join(bench.home, 'out');
        const input = writeInput(bench, 'PreToolUse.Bash');
        const inner = `setsid sh -c "${BINARY} < ${input} | cat > ${out}"; exit`;
        const terminal = Bun.spawn(['script', '-qec', `bash -c '${inner}'`, '/dev/null'], {
          env: bench.env,
          stdin: 'pipe',
          stdout: 'ignore',
          stderr: 'ignore',
        });
        const card = await bench.slack.waitForMessage(hasButtons);
        terminal.kill('SIGKILL');
        await passed(bench, LOOKS_MS);
        await bench.press(card, 'csh_approve');
        await bench.until(() => existsSync(out) && readFileSync(out, 'utf8').includes('\n'), 'the answer');
        expect(decisionOf(readFileSync(out, 'utf8'))).toBe('allow');
      }),
    20_000,
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
            let heardAt = performance.now();
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
              unix: join(bench.socketDir, 'approval.sock'),
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
                  gaps.push(performance.now() - heardAt);
                  heardAt = performance.now();
                },
              },
            });
          }),
        );
        await bench.until(() => waiting === 200, 'all to wait', 20_000);
        await passed(bench, 2 * BEAT_MS);
        expect(gaps.length).toBeGreaterThan(400);
        expect(Math.max(...gaps)).toBeLessThan(SILENCE_MS - 1_000);
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
                unix: join(bench.socketDir, 'approval.sock'),
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
        expect(performance.now() - startedAt).toBeLessThan(500);
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
