/** Is the daemon what it should be, and can one live here? */
import { age } from '../durations.ts';
import type { AppError } from '../errors.ts';
import { type Check, fail, failure, isError, ok, skipped, warn } from './check.ts';

export interface RunningDaemon {
  readonly pid: number;
  readonly version: string;
  readonly pending: number;
  /** Where it takes requests over HTTP, and why it does not yet. */
  readonly http?: { readonly port: number; readonly trouble?: string };
}

export interface StartFailureFacts {
  readonly message: string;
  readonly hint: string;
  readonly agoMs: number;
}

/** What verifying the audit log came to. */
export interface AuditFacts {
  readonly bytes: number;
  /** Records that were read; undefined when the log is too large for a quick look. */
  readonly records: number | undefined;
  /** The first place that is not as it was written. */
  readonly finding: string | undefined;
}

export interface DaemonFacts {
  readonly version: string;
  /** True for a version that is older than ours. */
  readonly isOlder: (version: string) => boolean;
  readonly running: RunningDaemon | 'not-running' | 'silent' | AppError;
  /** Whether the app's lock is held; undefined when no app is known. */
  readonly isLocked: boolean | AppError | undefined;
  /** Where the daemon listens or would; `isUsable` is whether a socket can be there. */
  readonly socketDir: { readonly path: string; readonly isUsable: boolean } | AppError;
  readonly stateDir: { readonly path: string; readonly freeBytes: number | undefined } | AppError;
  readonly audit: AuditFacts | AppError | undefined;
  readonly lastFailure: StartFailureFacts | undefined;
}

/** A request and its answer are some kilobytes; with less than this nobody should be surprised soon. */
const MIN_FREE_BYTES = 64 * 1024 * 1024;
const STOP = 'Run claude-slack-hook --stop; the next hook call starts a new one.';

/** First the daemon, then what it needs. */
export function checkDaemon(facts: DaemonFacts): readonly Check[] {
  return [
    ...runningChecks(facts),
    ...httpChecks(facts),
    ...lockChecks(facts),
    ...failureChecks(facts),
    socketCheck(facts.socketDir),
    stateCheck(facts.stateDir),
    ...(facts.audit === undefined ? [] : [auditCheck(facts.audit)]),
  ];
}

function runningChecks({ running, version, isOlder }: DaemonFacts): readonly Check[] {
  if (isError(running)) return [failure('daemon', 'daemon', running)];
  if (running === 'not-running') return [ok('daemon', 'daemon: not running; the next hook call starts it')];
  if (running === 'silent')
    return [fail('daemon', 'daemon: one is there and does not answer', STOP, { code: 'daemon-timeout' })];
  const pending = running.pending === 0 ? '' : `, ${running.pending} pending`;
  const is = `daemon: process ${running.pid}, version ${running.version}${pending}`;
  if (running.version === version) return [ok('daemon', is)];
  if (isOlder(running.version))
    return [ok('daemon', `${is}; it makes room for version ${version} at the next hook call`)];
  return [
    warn(
      'daemon',
      `${is}, but this is version ${version}`,
      'Have the hooks run the newer program, or stop the daemon: claude-slack-hook --stop.',
    ),
  ];
}

function httpChecks({ running }: DaemonFacts): readonly Check[] {
  if (typeof running === 'string' || isError(running) || running.http === undefined) return [];
  const { port, trouble } = running.http;
  if (trouble === undefined) return [ok('http', `http: the daemon takes requests on port ${port} of 127.0.0.1`)];
  const what = `http: the daemon cannot take requests on port ${port}: ${trouble}`;
  return [fail('http', what, 'Free the port, or give another one to --http and the hooks.')];
}

function lockChecks({ running, isLocked }: DaemonFacts): readonly Check[] {
  if (isLocked === undefined || isError(running)) return [];
  if (isError(isLocked)) return [failure('lock', 'lock', isLocked)];
  const isRunning = running !== 'not-running';
  if (isLocked === isRunning) return isRunning ? [ok('lock', 'lock: held')] : [];
  return [
    isLocked
      ? warn(
          'lock',
          'lock: somebody holds it, but no daemon can be reached; one may be starting or ending',
          `Run it again in a moment. ${STOP}`,
        )
      : fail('lock', 'lock: the daemon has lost it', STOP, { code: 'daemon-gone' }),
  ];
}

/** Only while nothing runs: a daemon that came up has put an end to it. */
function failureChecks({ running, lastFailure }: DaemonFacts): readonly Check[] {
  if (lastFailure === undefined || running !== 'not-running') return [];
  const { message, hint, agoMs } = lastFailure;
  return [warn('last-start', `last start: failed ${age(agoMs)} ago: ${message}`, hint)];
}

function socketCheck(dir: DaemonFacts['socketDir']): Check {
  if (isError(dir)) return failure('socket-dir', 'socket directory', dir);
  return dir.isUsable
    ? ok('socket-dir', `socket directory: ${dir.path}, yours alone`)
    : warn(
        'socket-dir',
        `socket directory: none can be made at ${dir.path}; the daemon goes to XDG_RUNTIME_DIR or /tmp`,
        'Nothing has to be done, unless TMPDIR was meant to be used: give it a short path that you may write to.',
      );
}

function stateCheck(dir: DaemonFacts['stateDir']): Check {
  if (isError(dir)) return failure('state-dir', 'state directory', dir);
  const { path, freeBytes } = dir;
  if (freeBytes !== undefined && freeBytes < MIN_FREE_BYTES)
    return warn(
      'state-dir',
      `state directory: ${path} has ${megabytes(freeBytes)} MB left`,
      'Free disk space: without a record nothing is allowed.',
    );
  return ok('state-dir', `state directory: ${path}`);
}

function auditCheck(audit: AuditFacts | AppError): Check {
  if (isError(audit)) return failure('audit', 'audit log', audit);
  const { bytes, records, finding } = audit;
  if (finding !== undefined)
    return fail(
      'audit',
      `audit log: ${finding}`,
      'Find out who changed the audit log: claude-slack-hook history verify.',
      {
        code: 'audit-broken',
      },
    );
  if (records === undefined)
    return skipped(
      'audit',
      `audit log: ${megabytes(bytes)} MB take their time; claude-slack-hook history verify reads them`,
    );
  return ok('audit', `audit log: ${records} record${records === 1 ? '' : 's'}, as written`);
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
