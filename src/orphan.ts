/**
 * Whether the agent that waits for us is gone. Nobody signals a hook whose agent was killed (SIGKILL, the OOM killer),
 * so we look. Two signs count: nobody can read our answer any more, or the agent has disappeared above us while the
 * shell in between still waits. Whatever is not certain counts as no sign: a hook run by hand must never give up.
 */
import { readSmallFile } from './file-status.ts';
import { openLibc } from './libc.ts';

// poll(2); the two bits are the same on Linux and macOS, and reported unasked.
const POLLERR = 0x8;
const POLLHUP = 0x10;
const STDOUT = 1;
// lseek(2)
const SEEK_CUR = 1;

/** Between the agent and us stands at most the shell that it ran, and perhaps a script. */
const MAX_LINKS = 8;
const SHELLS = new Set('sh bash dash ash zsh ksh mksh fish busybox csh tcsh rbash nu pwsh elvish xonsh'.split(' '));
/** These end, or hand over to what they started, by design. */
const DETACHERS = new Set(['setsid', 'nohup', 'daemonize', 'start-stop-daem']);

export interface OrphanCheck {
  isOrphaned(): boolean;
}

function open() {
  return openLibc({
    poll: { args: ['ptr', 'u32', 'i32'], returns: 'i32' },
    isatty: { args: ['i32'], returns: 'i32' },
    lseek: { args: ['i32', 'i64', 'i32'], returns: 'i64' },
    getppid: { args: [], returns: 'i32' },
    getsid: { args: ['i32'], returns: 'i32' },
  });
}
type Libc = NonNullable<ReturnType<typeof open>>;

/** Remembers who has started us; undefined where there is nothing to watch: stdout is a file or a terminal, which both outlive every reader. */
export function createOrphanCheck(): OrphanCheck | undefined {
  const libc = open();
  if (libc === undefined || libc.isatty(STDOUT) === 1 || Number(libc.lseek(STDOUT, 0, SEEK_CUR)) !== -1)
    return undefined;
  const hasLostAgent = process.platform === 'linux' ? watchChain(libc) : watchParent(libc);
  return { isOrphaned: () => isUnread(libc) || hasLostAgent() };
}

/** The other end of our stdout, a pipe or a socket, is closed. A half-closed one may still be read. */
function isUnread(libc: Libc): boolean {
  // struct pollfd {int fd; short events; short revents}
  const entry = new Int32Array([STDOUT, 0]);
  if (libc.poll(entry, 1, 0) !== 1) return false;
  return (((entry[1] ?? 0) >> 16) & (POLLERR | POLLHUP)) !== 0;
}

/** Without /proc: a session that was made for us alone has lost the process that made it. */
function watchParent(libc: Libc): () => boolean {
  const isWatched = libc.getppid() !== 1 && libc.getsid(0) === process.pid;
  return () => isWatched && libc.getppid() === 1;
}

/**
 * A process's parent changes only by the parent's death, at once, even while that is a zombie, and never back: so it
 * tells more than a process id, which may be given to another one. The last link must break while all others hold: a
 * shell that is gone has put us into the background.
 */
function watchChain({ getppid }: Libc): () => boolean {
  let chain = chainToAgent(process.pid, getppid(), readStat);
  return () => {
    if (chain === undefined) return false;
    const [agent, ...others] = chain.toReversed();
    const parentOf = (pid: number): number | undefined => (pid === process.pid ? getppid() : readStat(pid)?.parent);
    const holds = others.slice(1).every((pid, index) => parentOf(pid) === others[index]);
    if (!holds) chain = undefined;
    const parent = holds && others[0] !== undefined ? parentOf(others[0]) : undefined;
    return parent !== undefined && parent !== agent;
  };
}

function readStat(pid: number): ProcessStat | undefined {
  const text = readSmallFile(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

export interface ProcessStat {
  readonly name: string;
  readonly parent: number;
  /** 0 without a controlling terminal. */
  readonly terminal: number;
}

/** Process ids from ours up to the first that is no shell. Undefined when that is not clear, or when a person has typed this. */
export function chainToAgent(
  pid: number,
  parent: number,
  readStat: (pid: number) => ProcessStat | undefined,
): readonly number[] | undefined {
  const chain = [pid];
  for (let next = parent; chain.length <= MAX_LINKS; ) {
    const stat = next <= 1 ? undefined : readStat(next);
    if (stat === undefined || DETACHERS.has(stat.name)) return undefined;
    chain.push(next);
    if (!SHELLS.has(stat.name)) return chain;
    // An agent's shell has no terminal; a person's has, and may be left behind by what it has started.
    if (stat.terminal !== 0) return undefined;
    next = stat.parent;
  }
  return undefined;
}

/** The fields of /proc/PID/stat, proc(5); the name may hold spaces and parentheses. */
export function parseStat(text: string): ProcessStat | undefined {
  const end = text.lastIndexOf(')');
  const [, parent, , , terminal] = text.slice(end + 2).split(' ');
  if (end === -1 || parent === undefined || terminal === undefined) return undefined;
  return { name: text.slice(text.indexOf('(') + 1, end), parent: Number(parent), terminal: Number(terminal) };
}
