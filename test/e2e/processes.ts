/** Processes as /proc tells of them. Who is signalled is known by its own environment or id, never by name. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What a daemon finds in its environment; see SERVER_ENV in src/daemon.ts. */
const DAEMON = '__CLAUDE_SLACK_SERVER__=1';

function allProcesses(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** The entries of a process's environment; none when it is another user's, hides them, or has gone. */
function environmentOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** Daemons that were started with this home, and that do not hide their environment from us. */
export function daemonsOf(home: string): readonly number[] {
  return allProcesses().filter((pid) => {
    const env = environmentOf(pid);
    return env.includes(`HOME=${home}`) && env.includes(DAEMON) && !isShell(pid);
  });
}

/** What only becomes a daemon. */
function isShell(pid: number): boolean {
  try {
    const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
    return readlinkSync(`/proc/${pid}/exe`) === '/bin/sh' || /^(sh|dash|bash)$/.test(name);
  } catch {
    return true;
  }
}

/** Kills every process of this home that does not hide its environment. Daemons last: hooks would start another one. */
export function killProcessesOf(home: string): void {
  for (const isLast of [false, true])
    for (const pid of allProcesses()) {
      const env = environmentOf(pid);
      if (env.includes(`HOME=${home}`) && (isLast || !env.includes(DAEMON))) signalAll([pid], 'SIGKILL');
    }
}

/** Alive, and not a later process with the same id: what a daemon was started with ends in its verb and flags. */
export function isDaemon(pid: number): boolean {
  try {
    return pid > 1 && isAlive(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes('daemon');
  } catch {
    return false;
  }
}

export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Signals those that are still there. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** The processes below one by parent ids, whatever their session, as agents find whom to signal. */
export function descendants(root: number): readonly number[] {
  const parents = allProcesses().flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return [[pid, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])] as const];
    } catch {
      return [];
    }
  });
  const below = (pid: number): readonly number[] =>
    parents.filter(([, parent]) => parent === pid).flatMap(([child]) => [child, ...below(child)]);
  return below(root);
}

/** Resident memory of a process, in bytes. */
export function rssOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/**
 * Runs what nobody may signal beside `body`, gone at its end.
 * @param body gets their ids, and what fails when one of them has ended; that is looked at in the end, too
 */
export async function withBystanders(
  commands: readonly (readonly string[])[],
  body: (pids: readonly number[], expectAlive: () => void) => Promise<void>,
): Promise<void> {
  const children = commands.map((command) =>
    Bun.spawn([...command], { stdin: 'pipe', stdout: 'ignore', stderr: 'ignore' }),
  );
  const expectAlive = (): void => {
    const gone = children.filter(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null);
    if (gone.length > 0) throw new Error(`Expected all to live, got ${gone.map(({ signalCode }) => signalCode)}`);
  };
  try {
    await body(
      children.map(({ pid }) => pid),
      expectAlive,
    );
    expectAlive();
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map(({ exited }) => exited));
  }
}
