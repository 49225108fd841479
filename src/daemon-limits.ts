/** What a process asks of the kernel for itself: the daemon room for many connections, and both that nobody reads tokens out of their memory. */
import { openLibc } from './libc.ts';

// getrlimit(2)
const RLIMIT_CORE = 4;
const RLIMIT_NOFILE = process.platform === 'darwin' ? 8 : 7;
/** macOS refuses more than OPEN_MAX, whatever the hard limit says. */
const MACOS_OPEN_MAX = 10_240n;
// prctl(2)
const PR_SET_DUMPABLE = 4;
/** What a process may open where nobody can tell: the usual soft limit of macOS, the lowest there is. */
const USUAL_DESCRIPTORS = 256;

function openLimits() {
  return openLibc({
    getrlimit: { args: ['i32', 'ptr'], returns: 'i32' },
    setrlimit: { args: ['i32', 'ptr'], returns: 'i32' },
  });
}

/** Raises the number of descriptors to the hard limit and returns what it is then. */
export function raiseDescriptors(): number {
  const libc = openLimits();
  // struct rlimit {soft, hard}, 64 bits each on every platform that Bun runs on.
  const limit = new BigUint64Array(2);
  if (libc === undefined || libc.getrlimit(RLIMIT_NOFILE, limit) !== 0) return USUAL_DESCRIPTORS;
  const [soft = 0n, hard = 0n] = limit;
  const wanted = process.platform === 'darwin' && hard > MACOS_OPEN_MAX ? MACOS_OPEN_MAX : hard;
  if (wanted <= soft) return Number(soft);
  limit[0] = wanted;
  return Number(libc.setrlimit(RLIMIT_NOFILE, limit) === 0 ? wanted : soft);
}

/** No core file: it would hold the tokens. */
export function forbidCore(): void {
  openLimits()?.setrlimit(RLIMIT_CORE, new BigUint64Array(2));
}

/** No core file, and on Linux no debugger and no /proc entry that shows memory or environment to anybody but root. */
export function hideMemory(): void {
  forbidCore();
  if (process.platform !== 'linux') return;
  openLibc({ prctl: { args: ['i32', 'u64', 'u64', 'u64', 'u64'], returns: 'i32' } })?.prctl(
    PR_SET_DUMPABLE,
    0,
    0,
    0,
    0,
  );
}
