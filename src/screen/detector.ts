/** What the detectors of a screen lock have in common: what they answer, and how they run a program. */

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What one detector found. `yes` and `no` are about the lock itself. `unlikely` is a no that some lockers make without
 * meaning it, so that it needs a second one. `unknown`: there was nobody to ask.
 */
export interface Finding {
  readonly detector: string;
  readonly verdict: 'yes' | 'no' | 'unlikely' | 'unknown';
  /** A few words for people, on one line. */
  readonly reason: string;
}

export interface Detector {
  readonly name: string;
  /** Looks once. Ends everything that it started when `signal` aborts; a rejection counts as unknown. */
  look(signal: AbortSignal): Promise<Finding>;
}

/** How a program ended: `exitCode` is null when a signal ended it. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
}

/** Runs a program to its end. Rejects when it cannot be started; on abort it and its children are killed. */
export type Run = (
  command: readonly [string, ...string[]],
  options: { readonly env: Environment; readonly signal: AbortSignal; readonly wantsOutput: boolean },
) => Promise<Ended>;

/** ioreg prints about 20 KB; more than this is not what we asked for. */
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/**
 * Runs a program in `/`, so that nothing in the project directory has a say, and in a session of its own, so that it can
 * be killed together with what it started.
 */
export const run: Run = async (command, { env, signal, wantsOutput }) => {
  const child = Bun.spawn([...command], {
    cwd: '/',
    env: { ...env },
    stdin: 'ignore',
    stdout: wantsOutput ? 'pipe' : 'ignore',
    stderr: 'ignore',
    detached: true,
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  const kill = (): void => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  };
  if (signal.aborted) kill();
  signal.addEventListener('abort', kill);
  try {
    const stdout = child.stdout === undefined ? '' : await new Response(child.stdout).text();
    await child.exited;
    return { exitCode: child.exitCode, stdout };
  } finally {
    signal.removeEventListener('abort', kill);
  }
};

/** The first of the absolute directories in PATH that holds `name`; the current directory is never looked into. */
export function findProgram(name: string, env: Environment): string | undefined {
  const directories = (env.PATH ?? '').split(':').filter((directory) => directory.startsWith('/'));
  return Bun.which(name, { PATH: directories.join(':'), cwd: '/' }) ?? undefined;
}
