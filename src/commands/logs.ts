/** `logs`: what the daemon has written down, for people or as it is, and on as it writes. */
import { AppError } from '../errors.ts';
import { escapeHidden } from '../policy/call.ts';
import { statePaths } from '../state.ts';
import type { Said } from '../types.ts';
import { prettyLine, readLogLine } from './log-line.ts';
import { createLogTail } from './log-tail.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Flags = Readonly<Record<string, string | true>>;

export interface LogsOptions {
  readonly env: Environment;
  readonly print: (text: string) => void;
  /** Resolves when it is time to look for new lines; false ends it. */
  readonly wait: () => Promise<boolean>;
}

const DEFAULT_LINES = 100;
const MAX_LINES = 1_000_000;

/** With `follow` it resolves only when nobody reads any more or `wait` says so. Throws AppError('usage') for `lines` that are no number. */
export async function runLogs(flags: Flags, { env, print, wait }: LogsOptions): Promise<Said> {
  const show = flags.json === true ? rawLine : prettyLine;
  const count = countOf(flags.lines);
  const { log } = statePaths(env);
  const tail = createLogTail(log);
  try {
    const lines = tail.read();
    const shown = (count === 0 ? [] : lines.slice(-count)).map(show).join('');
    if (flags.follow !== true)
      return { stdout: shown, stderr: lines.length === 0 ? `No log yet at ${log}\n` : '', exitCode: 0 };
    print(shown);
    while (await wait()) for (const line of tail.read()) print(show(line));
  } catch (error) {
    // Whoever read has seen enough.
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  } finally {
    tail.close();
  }
  return { stdout: '', stderr: '', exitCode: 0 };
}

/** The record as it was written; what is none becomes one, so that each line is JSON. */
function rawLine(line: string): string {
  return `${escapeHidden(readLogLine(line) === undefined ? JSON.stringify({ msg: line }) : line)}\n`;
}

function countOf(text: string | true | undefined): number {
  const count = Number(text ?? DEFAULT_LINES);
  if (Number.isInteger(count) && count >= 0 && count <= MAX_LINES) return count;
  throw new AppError('usage', `Expected --lines to be a number from 0 to ${MAX_LINES}, got ${JSON.stringify(text)}`);
}
