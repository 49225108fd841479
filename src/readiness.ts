/** What a launched daemon tells the client that launched it: one JSON line on a pipe. */
import { closeSync, writeSync } from 'node:fs';
import { ERRORS } from './errors.ts';

/** The file descriptor on which a launched daemon reports how its start went. Absent: it was started by hand, in the foreground. */
export const READY_ENV = '__CLAUDE_SLACK_READY_FD__';
/** Set in a daemon that is to take the place of the one that runs: of an outdated one, or of any. */
export const TAKE_OVER_ENV = '__CLAUDE_SLACK_TAKE_OVER__';
export const FROM_OUTDATED = '1';
export const FROM_ANY = 'any';

/** How a launched daemon says that it listens, that another one has the lock, or why it cannot start. One JSON line. */
export type Readiness =
  | { readonly state: 'listening' }
  | { readonly state: 'busy' }
  | { readonly state: 'failed'; readonly code: string; readonly message: string; readonly hint: string };

export const KILLED = {
  state: 'failed',
  code: 'daemon-start',
  message: 'The daemon ended before it could listen',
  hint: ERRORS['daemon-start'].hint,
} as const satisfies Readiness;

export type Report = (readiness: Readiness) => void;

/** Undefined in the foreground: nobody waits for the news. Only the first report is sent. */
export function createReport(readyFd: string | undefined): Report | undefined {
  if (readyFd === undefined) return undefined;
  let isReported = false;
  return (readiness) => {
    if (isReported) return;
    isReported = true;
    try {
      writeSync(Number(readyFd), `${JSON.stringify(readiness)}\n`);
      closeSync(Number(readyFd));
    } catch {
      // The client that launched us is gone; others may come.
    }
  };
}

/** What was read from the pipe. */
export function readReadiness(text: string): Readiness {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'state' in value) return value as Readiness;
  } catch {
    // Falls through: a daemon that died before its first word says nothing.
  }
  return KILLED;
}
