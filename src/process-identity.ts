/** Telling one process from a later one with the same id: its start time and its executable. */
import { readFileSync, readlinkSync } from 'node:fs';

export interface ProcessIdentity {
  /** Opaque, compared as a whole: Linux boot ticks, elsewhere what ps prints. */
  readonly startTime: string;
  /** Empty where it is not shown: the daemon hides its memory, and Linux then hides this too from all but root. */
  readonly exe: string;
}

/** What server.json holds. */
export interface DaemonIdentity extends Partial<ProcessIdentity> {
  readonly pid: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly version: string;
}

/** Undefined when there is no such process, or it is somebody else's. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  try {
    return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
  } catch {
    return undefined;
  }
}

function fromProc(pid: number): ProcessIdentity {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // Field 22 (proc(5)); the name in field 2 may hold spaces and parentheses, so count from the last one.
  const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  return { startTime, exe: exeOf(pid) };
}

function exeOf(pid: number): string {
  try {
    // A rebuilt binary leaves its old processes with this mark.
    return readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return '';
    throw error;
  }
}

function fromPs(pid: number): ProcessIdentity | undefined {
  const { stdout, exitCode } = Bun.spawnSync(['/bin/ps', '-o', 'lstart=', '-o', 'comm=', '-p', String(pid)], {
    env: { LC_ALL: 'C' },
  });
  const line = stdout.toString().trim();
  if (exitCode !== 0 || line === '') return undefined;
  // `Fri Nov 21 05:36:00 2025 /path/to/binary`: the date has a fixed width of 24.
  return { startTime: line.slice(0, 24), exe: line.slice(24).trim() };
}
