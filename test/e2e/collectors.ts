/** The compiled program as a collector: started, spoken to, and taken away again. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BINARY } from './bench.ts';

export const DEMO_KEY = 'demo-key-12345';
export const JSON_TYPE = { 'content-type': 'application/json' } as const;

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  readonly tookMs: number;
}

export interface CollectProcess {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** What it has said up to now. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Signals it and resolves with its end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
}

export interface Machine {
  readonly home: string;
  /** Starts a collector and resolves when it listens; throws with what it said when it does not. */
  collect(args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<CollectProcess>;
  /** Runs the program to its end. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  /** The lines of its files of events, parsed: full files first. Throws for a line that is no JSON. */
  lines(path?: string): readonly Record<string, unknown>[];
}

/** A user with a home of its own, whose processes end with the test. */
export async function withMachine(body: (machine: Machine) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'csh-collect-'));
  mkdirSync(join(home, 'work'));
  const running = new Set<Bun.Subprocess>();
  const spawn = (args: readonly string[], env: Readonly<Record<string, string>>) => {
    const startedAt = performance.now();
    const child = Bun.spawn([BINARY, ...args], {
      cwd: join(home, 'work'),
      env: { PATH: '/usr/bin:/bin', HOME: home, TMPDIR: home, ...env },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    });
    running.add(child);
    const said = { stdout: '', stderr: '' };
    const heard = Promise.withResolvers<void>();
    const read = async (name: 'stdout' | 'stderr'): Promise<void> => {
      for await (const chunk of child[name].pipeThrough(new TextDecoderStream())) {
        said[name] += chunk;
        if (said.stdout.includes('Stored in ')) heard.resolve();
      }
    };
    const reading = Promise.all([read('stdout'), read('stderr')]);
    const ended = (async (): Promise<Ended> => {
      const exitCode = await child.exited;
      const tookMs = performance.now() - startedAt;
      running.delete(child);
      await reading;
      return { ...said, exitCode, tookMs };
    })();
    return { child, said, heard: heard.promise, ended };
  };
  const lines = (path = '.agentic/analytics/events.jsonl'): readonly Record<string, unknown>[] => {
    const full = join(home, 'work', path);
    const [directory, name] = [
      join(full, '..'),
      full
        .split('/')
        .at(-1)
        ?.replace(/\.jsonl$/, '') ?? '',
    ];
    const files = readdirSync(directory).filter((file) => file.startsWith(`${name}.`) && file.endsWith('.jsonl'));
    return files.sort().flatMap((file) =>
      readFileSync(join(directory, file), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    );
  };
  try {
    await body({
      home,
      lines,
      run: (args, env = {}) => spawn(args, env).ended,
      collect: async (args = [], env = { HOOK_API_KEY: DEMO_KEY }) => {
        const { child, said, heard, ended } = spawn(['collect', '--port', '0', ...args], env);
        const first = await Promise.race([heard, ended]);
        if (first !== undefined) throw new Error(`Expected a collector, got its end: ${JSON.stringify(first)}`);
        const [, url = ''] = /^Collecting at (\S+)\/events;/m.exec(said.stdout) ?? [];
        return {
          ...{ url, port: Number(new URL(url).port), pid: child.pid },
          stdout: () => said.stdout,
          stderr: () => said.stderr,
          stop: async (signal = 'SIGTERM') => {
            const from = performance.now();
            child.kill(signal);
            const end = await ended;
            return { ...end, tookMs: performance.now() - from };
          },
        };
      },
    });
  } finally {
    for (const child of running) child.kill('SIGKILL');
    await Promise.all([...running].map(({ exited }) => exited));
    rmSync(home, { recursive: true, force: true });
  }
}

export interface Wire {
  readonly socket: Socket;
  /** Everything that came back. */
  readonly received: () => string;
  /** Resolves when the other side has hung up. */
  readonly closed: Promise<void>;
}

/** A connection that says what it likes. */
export async function wire(port: number): Promise<Wire> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve());
    socket.once('error', reject);
  });
  return { socket, received: () => text, closed };
}

/** Resolves when `test` is true; checked every few milliseconds, with a bound that guards against hangs. */
export async function until(test: () => boolean | Promise<boolean>, what: string, boundMs = 20_000): Promise<void> {
  const bound = performance.now() + boundMs;
  while (!(await test())) {
    if (performance.now() > bound) throw new Error(`Waited ${boundMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function post(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { ...JSON_TYPE, 'x-api-key': DEMO_KEY, ...headers },
  });
}

export const TYPED = { event_type: 'session_started', session_id: 'test-123' };

export const healthOf = async ({
  url,
}: Pick<CollectProcess, 'url'>): Promise<{ status: string; events_count: number }> =>
  (await fetch(`${url}/health`)).json() as Promise<{ status: string; events_count: number }>;

export interface Load {
  readonly acked: () => number;
  /** Stops it; resolves with the names of the events that were acknowledged. */
  stop(): Promise<readonly string[]>;
}

/** Writers that send batches and single events as fast as they are answered. */
export function startLoad(url: string, writers: number): Load {
  const acked: string[] = [];
  let isOver = false;
  const write = async (writer: number): Promise<void> => {
    for (let round = 0; !isOver; round += 1) {
      const batch = Array.from({ length: round % 2 === 0 ? 1 : 50 }, (_, index) => ({
        ...{ ...TYPED, session_id: `writer-${writer}`, event_id: `${writer}-${round}-${index}` },
        data: { text: 'tab\there "quoted" \\ line\nend \u2028 🙂', round },
      }));
      const [single] = batch;
      const answer = await (batch.length === 1
        ? post(`${url}/events`, single)
        : post(`${url}/events/batch`, batch)
      ).catch(() => undefined);
      if (answer?.status === 202) acked.push(...batch.map(({ event_id }) => event_id));
      if (answer === undefined) return;
    }
  };
  const all = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  return {
    acked: () => acked.length,
    stop: async () => {
      isOver = true;
      await all;
      return acked;
    },
  };
}
