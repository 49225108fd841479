/** What `doctor` finds out about the daemon and its places, without starting one and without changing a file. */
import { accessSync, constants, lstatSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isLocked } from '../daemon-lock.ts';
import { readRecord } from '../daemon-record.ts';
import type { AuditFacts, DaemonFacts, RunningDaemon, StartFailureFacts } from '../doctor/daemon.ts';
import { own } from '../doctor/outside.ts';
import { AppError, toAppError } from '../errors.ts';
import { readSmallFile } from '../file-status.ts';
import { type DaemonStatus, isObject } from '../protocol.ts';
import { runtimePaths, socketExists } from '../socket.ts';
import { type AppPaths, statePaths } from '../state.ts';
import { segmentsOf } from '../store/segments.ts';
import { verifyLog } from '../store/verify.ts';
import { VERSION } from '../version.ts';
import { askDaemon } from './status.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Verifying reads some 250 MB a second: a quarter of one. */
const MAX_AUDIT_BYTES = 64 * 1024 * 1024;
/** An older failure says nothing about now. */
const FAILURE_MS = 24 * 60 * 60_000;

/** The app's daemon; an error when its files are not ours alone. */
export async function statusOf(
  app: AppPaths | undefined,
  env: Environment,
): Promise<DaemonStatus | 'not-running' | 'silent' | AppError> {
  try {
    return await askDaemon(app, env);
  } catch (error) {
    return toAppError(error);
  }
}

export function daemonFacts(
  app: AppPaths | undefined,
  env: Environment,
  status: DaemonStatus | 'not-running' | 'silent' | AppError,
  now = Date.now(),
): DaemonFacts {
  return {
    version: VERSION,
    isOlder: (version) => Bun.semver.order(version, VERSION) < 0,
    running:
      typeof status === 'object' && !(status instanceof AppError)
        ? { pid: status.pid, version: String(status.version), pending: listLength(status.pending), ...httpOf(status) }
        : status,
    isLocked: app === undefined ? undefined : inStateDir(() => isLocked(app.lock)),
    socketDir: inStateDir(() => socketDirOf(app, env)),
    stateDir: inStateDir(() => stateDirOf(statePaths(env).dir)),
    audit: inStateDir(() => auditOf(statePaths(env).audit)),
    lastFailure: app === undefined ? undefined : lastFailure(app.failure, now),
  };
}

/** A daemon of another version may send something else. */
function listLength(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

function httpOf({ http }: DaemonStatus): Pick<RunningDaemon, 'http'> {
  const port = own(http, 'port');
  const trouble = own(http, 'trouble');
  if (typeof port !== 'number') return {};
  return { http: { port, ...(typeof trouble === 'string' ? { trouble } : {}) } };
}

function socketDirOf(app: AppPaths | undefined, env: Environment): { path: string; isUsable: boolean } {
  const recorded = app === undefined ? undefined : readRecord(app.record)?.socket;
  const usual = runtimePaths(env);
  const socket = recorded !== undefined && socketExists(recorded) ? recorded : usual?.socket;
  if (socket === undefined) return { path: env.TMPDIR ?? '', isUsable: false };
  const path = dirname(socket);
  // Checks the folder as well; there need be none yet.
  socketExists(socket);
  const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  return { path, isUsable: canWrite(isThere ? path : dirname(path)) };
}

function stateDirOf(path: string): { path: string; freeBytes: number | undefined } {
  const nearest = nearestOf(path);
  const status = statSync(nearest);
  const uid = process.getuid?.();
  if (!status.isDirectory())
    throw new AppError('state-dir', `Expected ${nearest} to be a directory, got something else`);
  if (nearest === path && uid !== undefined && status.uid !== uid)
    throw new AppError('state-dir', `Expected ${path} to belong to uid ${uid}, got uid ${status.uid}`);
  if (!canWrite(nearest)) throw new AppError('state-dir', `Expected ${nearest} to be writable, got a refusal`);
  return { path, freeBytes: freeOf(nearest) };
}

/** The folder itself, or the closest one above it that there is. */
function nearestOf(path: string): string {
  for (let at = path; ; at = dirname(at)) {
    if (at === '/' || lstatSync(at, { throwIfNoEntry: false }) !== undefined) return at;
  }
}

function freeOf(path: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

function canWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function auditOf(path: string): AuditFacts {
  const files = [...segmentsOf(path).map((segment) => segment.path), path];
  const bytes = files.reduce((sum, file) => sum + (lstatSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
  if (bytes > MAX_AUDIT_BYTES) return { bytes, records: undefined, finding: undefined };
  const { records, findings } = verifyLog(path);
  const [first] = findings;
  const finding = first === undefined ? undefined : `${first.file}, line ${first.line}: ${first.kind}: ${first.what}`;
  return { bytes, records, finding };
}

function lastFailure(path: string, now: number): StartFailureFacts | undefined {
  try {
    const kept: unknown = JSON.parse(readSmallFile(path) ?? 'null');
    if (!isObject(kept)) return undefined;
    const [message, hint, at] = [own(kept, 'message'), own(kept, 'hint'), own(kept, 'at')];
    if (typeof message !== 'string' || typeof hint !== 'string' || typeof at !== 'number') return undefined;
    const agoMs = now - at;
    return agoMs >= 0 && agoMs < FAILURE_MS ? { message, hint, agoMs } : undefined;
  } catch {
    return undefined;
  }
}

/** What the system refuses here is about our places. */
function inStateDir<T>(work: () => T): T | AppError {
  try {
    return work();
  } catch (error) {
    if (error instanceof AppError) return error;
    return new AppError('state-dir', (error as Error).message, { cause: error });
  }
}
