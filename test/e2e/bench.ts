/** One user's machine for a test: a home of its own, a local Slack, and the compiled program. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmulator } from '../../src/emulator/emulator.ts';
import type { EmulatedMessage, Emulator, EmulatorOptions } from '../../src/emulator/emulator-types.ts';
import { linesOf, segmentsOf } from '../../src/store/segments.ts';
import { daemonsOf, isDaemon, killProcessesOf, signalAll } from './processes.ts';

const ROOT = join(import.meta.dir, '../..');
export const BINARY = join(ROOT, 'dist/bin/claude-slack-hook');
/** The same program as a test build; see src/test-build.ts. */
export const TEST_BINARY = join(ROOT, 'dist/test/claude-slack-hook');
/** Bounds of the cases are asserted with so much room: they guard against hangs, also where two cores have much to do. */
export const ROOM = 5;
/** Longer than a test has to wait for any card: Slack itself may be slow in it. */
const CARD_MS = 20_000;
const FIXTURES = join(ROOT, 'test/fixtures/claude-code');

/** A payload recorded from Claude Code, with changes of the top level; of a session of its own, because those of one session that wait together share a message. */
export function payload(name: string, change: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { ...JSON.parse(readFileSync(`${FIXTURES}/${name}.json`, 'utf8')), session_id: randomUUID(), ...change };
}

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  readonly tookMs: number;
  /** From the end of the process to the end of what it has written: longer where something else holds its output. */
  readonly lingeredMs: number;
}

/** A hook gives up when it has not reached a daemon 1.5 s after its start: on a busy machine it may have got no processor. */
export function isLate({ stderr, tookMs }: Ran): boolean {
  return tookMs >= 1_500 && stderr.endsWith('code: daemon-timeout\n');
}

export interface Hook {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ran>;
}

export interface RunOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly command?: readonly string[];
}

export interface TestBench {
  readonly home: string;
  readonly socketDir: string;
  readonly slack: Emulator;
  readonly env: Readonly<Record<string, string>>;
  /** Starts the program with this stdin. */
  hook(stdin: unknown, options?: RunOptions): Hook;
  run(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Starts a hook, again when it was late, and resolves with its card. */
  ask(stdin: unknown, options?: RunOptions): Promise<{ readonly hook: Hook; readonly card: EmulatedMessage }>;
  press(card: EmulatedMessage, button: 'csh_approve' | 'csh_deny', userId?: string): Promise<unknown>;
  /** Daemons of this home that are alive. */
  daemons(): readonly number[];
  /** Resolves when `test` is true; checked at every turn of the event loop, with a bound that guards against hangs. */
  until(test: () => boolean, what: string, boundMs?: number): Promise<void>;
  /** Has this done when the bench is taken away, however its test ends. */
  atEnd(undo: () => void): void;
  readonly log: () => string;
  readonly audit: () => readonly Record<string, unknown>[];
  /** The same without how far requests have come. */
  readonly decisions: () => readonly Record<string, unknown>[];
}

/** Runs `body` on a fresh bench and takes everything away again: daemon, Slack, files. */
export async function withBench(
  body: (bench: TestBench) => Promise<void>,
  options: EmulatorOptions = {},
): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'csh-e2e-'));
  mkdirSync(join(home, 'project'));
  const slack = await createEmulator(options);
  const env = {
    PATH: '/usr/bin:/bin',
    HOME: home,
    TMPDIR: home,
    SLACK_API_URL: slack.apiUrl,
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_APP_TOKEN: slack.appToken,
    SLACK_USER_ID: slack.user.id,
  };
  const running = new Set<Bun.Subprocess>();
  const undos: (() => void)[] = [];
  const start = (stdin: unknown, run: RunOptions = {}): Hook => {
    const startedAt = performance.now();
    const child = Bun.spawn([...(run.command ?? [BINARY]), ...(run.args ?? [])], {
      cwd: run.cwd ?? join(home, 'project'),
      env: { ...env, ...run.env },
      stdin: new Blob([typeof stdin === 'string' || stdin instanceof Uint8Array ? stdin : JSON.stringify(stdin)]),
      stdout: 'pipe',
      stderr: 'pipe',
    });
    running.add(child);
    void child.exited.then(() => running.delete(child));
    const ended = (async (): Promise<Ran> => {
      const exited = child.exited.then((exitCode) => ({ exitCode, exitedAt: performance.now() }));
      const [stdout, stderr, { exitCode, exitedAt }] = await Promise.all([
        child.stdout.text(),
        child.stderr.text(),
        exited,
      ]);
      const now = performance.now();
      return { stdout, stderr, exitCode, tookMs: now - startedAt, lingeredMs: now - exitedAt };
    })();
    return { pid: child.pid, kill: (signal) => child.kill(signal), ended };
  };
  // A daemon hides its environment from all but root as soon as it has named itself in its log.
  const daemons = (): readonly number[] => {
    const named = [...read('.local/state/claude-slack-hook/daemon.log').matchAll(/"pid":(\d+).*"daemon listening"/g)];
    const pids = [Number(read('claude-slack-approval/server.pid')), ...named.map(([, pid]) => Number(pid))];
    return [...new Set([...daemonsOf(home), ...pids.filter(isDaemon)])];
  };
  const until = async (test: () => boolean, what: string, boundMs = 10_000): Promise<void> => {
    const bound = performance.now() + boundMs;
    while (!test()) {
      if (performance.now() > bound) throw new Error(`Waited ${boundMs} ms for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const read = (path: string): string => {
    try {
      // A pipe in its place would be waited for.
      return statSync(join(home, path)).isFile() ? readFileSync(join(home, path), 'utf8') : '';
    } catch {
      return '';
    }
  };
  const bench: TestBench = {
    home,
    socketDir: join(home, 'claude-slack-approval'),
    slack,
    env,
    hook: start,
    run: (args, run = {}) => start('', { ...run, args }).ended,
    ask: async (stdin, run) => {
      for (let left = 5; ; left -= 1) {
        const known = new Set(slack.messages().map(({ ts }) => ts));
        const hook = start(stdin, run);
        const shown = slack.waitForMessage((message) => !known.has(message.ts) && hasButtons(message), CARD_MS);
        const first = await Promise.race([shown, hook.ended]);
        if ('ts' in first) return { hook, card: first };
        shown.catch(() => {});
        if (left === 1 || !isLate(first)) throw new Error(`Expected a card, got the end of the hook: ${first.stderr}`);
      }
    },
    press: (card, button, userId) =>
      slack.click({
        channel: card.channel,
        ts: card.ts,
        actionId: button,
        ...(userId === undefined ? {} : { userId }),
      }),
    daemons,
    until,
    atEnd: (undo) => void undos.push(undo),
    log: () => read('.local/state/claude-slack-hook/daemon.log'),
    audit: () => {
      const path = join(stateOf({ home }), 'audit.jsonl');
      const lines = [...segmentsOf(path).map((full) => full.path), path].flatMap((file) => [...linesOf(file)]);
      return lines.map(({ bytes }) => JSON.parse(bytes.toString()));
    },
    decisions: () => bench.audit().filter(({ type }) => !['posted', 'delivered', 'closed'].includes(String(type))),
  };
  try {
    await body(bench);
  } catch (error) {
    // What a failing test needs to be understood on another machine.
    console.error(`daemon.log:\n${bench.log()}`);
    throw error;
  } finally {
    // Hooks first: they would start another daemon.
    for (const child of running) child.kill('SIGKILL');
    await Promise.all([...running].map(({ exited }) => exited));
    killProcessesOf(home);
    signalAll(daemons(), 'SIGKILL');
    for (const undo of undos) undo();
    await slack.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Where the daemon of a bench listens. */
export function socketOf({ socketDir }: TestBench): string {
  return join(socketDir, 'approval.sock');
}

/** Where a bench's daemons keep their log, the audit log and what they know of each app. */
export function stateOf({ home }: Pick<TestBench, 'home'>): string {
  return join(home, '.local/state/claude-slack-hook');
}

/** Resolves when `ms` have passed for the processes around us. */
export function passed({ until }: TestBench, ms: number): Promise<void> {
  const from = performance.now();
  return until(() => performance.now() - from >= ms, `${ms} ms to pass`, ms + 5_000);
}

/** Does this every `ms` until the bench is taken away. Returns what ends it before. */
export function repeat({ atEnd }: TestBench, ms: number, body: () => void): () => void {
  const timer = setInterval(body, ms);
  const stop = (): void => clearInterval(timer);
  atEnd(stop);
  return stop;
}

export function hasButtons({ blocks }: EmulatedMessage): boolean {
  return blocks.some((block) => block.type === 'actions');
}

/** All text of a message, as one string. */
export function textOf({ blocks }: Pick<EmulatedMessage, 'blocks'>): string {
  const texts: string[] = [];
  JSON.stringify(blocks, (key, value: unknown) => {
    if ((key === 'text' || key === 'user_id') && typeof value === 'string') texts.push(value);
    return value;
  });
  return texts.join('\n');
}

/** @param configHome in place of ~/.config */
export function writeConfig(bench: TestBench, config: unknown, mode = 0o600, configHome?: string): void {
  const folder = join(configHome ?? join(bench.home, '.config'), 'claude-slack-hook');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config), { mode });
}
