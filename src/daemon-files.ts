/** The small files of a daemon: who it is, where it listens, and why the last start failed. */
import { randomBytes } from 'node:crypto';
import { lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type DaemonRecord, readRecord } from './daemon-record.ts';
import { AppError, knownCode } from './errors.ts';
import { type DaemonIdentity, identityOf } from './process-identity.ts';
import type { RuntimePaths } from './socket.ts';
import type { AppPaths } from './state.ts';
import { VERSION } from './version.ts';

/** What failure.json holds. `app` is the fingerprint of the tokens that failed: others may work. */
export interface StartFailure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly app: string;
}

/** A start that failed is not tried again for this long: agents call hooks many times a minute, and Slack counts the tries. */
const FAILURE_KEPT_MS = 30_000;

/** PID for other programs, and for `--stop` what tells this process from a later one with the same id. */
export function writeIdentity({ pid, identity }: RuntimePaths, startedAt: number): void {
  const own: DaemonIdentity = { pid: process.pid, ...identityOf(process.pid), startedAt, version: VERSION };
  writeAtomically(pid, `${process.pid}\n`);
  writeAtomically(identity, `${JSON.stringify(own)}\n`);
}

/** Tells the app's clients where to find us. Returns what it wrote: the key is the one that is there, or a new one. */
export function writeRecord(path: string, socket: string): DaemonRecord {
  const record = { socket, key: readRecord(path)?.key ?? randomBytes(32).toString('hex') };
  writeAtomically(path, `${JSON.stringify(record)}\n`);
  return record;
}

/** Who wrote server.json; undefined when there is no such file or it says nothing usable. */
export function readIdentity(path: string): DaemonIdentity | undefined {
  try {
    const kept = JSON.parse(read(path) ?? 'null') as DaemonIdentity | null;
    return kept !== null && Number.isSafeInteger(kept.pid) ? kept : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the PID files still say who we are. */
export function isIdentified({ pid, identity }: RuntimePaths): boolean {
  return read(pid)?.trim() === String(process.pid) && readIdentity(identity)?.pid === process.pid;
}

/** Removes the PID files unless another daemon has put its own there. */
export function removeIdentity({ pid, identity }: RuntimePaths): void {
  if (read(pid)?.trim() !== String(process.pid)) return;
  for (const path of [pid, identity]) rmSync(path, { force: true });
}

export function keepFailure(path: string, failure: StartFailure): void {
  try {
    writeAtomically(path, JSON.stringify(failure));
  } catch {
    // It only spares Slack a few tries.
  }
}

/** The failure of a recent start with the same tokens. */
export function freshFailure(path: string, app: string): StartFailure | undefined {
  try {
    const failure = JSON.parse(read(path) ?? 'null') as StartFailure | null;
    const age = Date.now() - (failure?.at ?? 0);
    return failure?.app === app && age >= 0 && age < FAILURE_KEPT_MS ? failure : undefined;
  } catch {
    return undefined;
  }
}

/** Throws why a daemon with these tokens could not start a moment ago. */
export function throwFreshFailure({
  paths,
  app,
}: {
  readonly paths: Pick<AppPaths, 'failure'>;
  readonly app: string;
}): void {
  const failure = freshFailure(paths.failure, app);
  if (failure !== undefined) throw startError(failure);
}

/** As it was when it was written down or sent, by a daemon that may be of another version. */
export function startError({ code, message, hint }: Pick<StartFailure, 'code' | 'message' | 'hint'>): AppError {
  return new AppError(knownCode(String(code), 'daemon-start'), String(message), { hint: String(hint) });
}

/** Rename replaces a symbolic link instead of following it. Throws AppError('state-dir'), such as for a full disk. */
function writeAtomically(path: string, text: string): void {
  const temporary = `${path}.${process.pid}`;
  try {
    rmSync(temporary, { force: true, recursive: true });
    writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) rmSync(path, { recursive: true });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new AppError('state-dir', `Cannot write ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function read(path: string): string | undefined {
  // A FIFO in its place would block the reader for ever.
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  return readFileSync(path, 'utf8');
}
