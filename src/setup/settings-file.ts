/** Files of other programs: read with bounds, replaced whole or not at all. */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '../errors.ts';

/** Nobody writes so many settings by hand, in bytes. */
const MAX_BYTES = 8 * 1024 * 1024;

/** What is there; `undefined` where nothing is. */
export interface SettingsFile {
  readonly text: string;
  /** The twelve permission bits. */
  readonly mode: number;
}

/** Follows links, as the file's own program does. Throws AppError('bad-settings') for what is no readable text file of ordinary size. */
export function readSettingsFile(path: string): SettingsFile | undefined {
  let fd: number | undefined;
  try {
    // A pipe in its place would be waited for.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw bad(path, 'to be a file');
    if (stat.size > MAX_BYTES) throw bad(path, `to have at most ${MAX_BYTES} bytes, got ${stat.size}`);
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(fd));
    return { text, mode: stat.mode & 0o7777 };
  } catch (error) {
    if (error instanceof AppError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !isDangling(path)) return undefined;
    throw bad(path, `to be readable as UTF-8: ${message}`);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** A link to nothing: whatever is written there, its owner may not mean it. */
function isDangling(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/**
 * Replaces the file in one step, with its mode, where a link leads; makes its directories. On disk before it returns.
 * Throws AppError('bad-settings') and leaves everything as it was.
 * @returns the directories that were made, outermost first
 */
export function replaceSettingsFile(path: string, text: string, mode = 0o600): readonly string[] {
  const made = makeDirectories(dirname(path));
  try {
    const target = existsSync(path) ? realpathSync(path) : path;
    const temporary = `${target}.${randomUUID()}`;
    const fd = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
    try {
      try {
        writeFileSync(fd, text);
        fchmodSync(fd, mode);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(temporary, target);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    return made;
  } catch (error) {
    removeDirectories(made);
    throw bad(path, `to be writable: ${(error as Error).message}`);
  }
}

/** Throws AppError('bad-settings'), with nothing changed. */
export function removeSettingsFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw bad(path, `to be removable: ${(error as Error).message}`);
  }
}

function makeDirectories(path: string): readonly string[] {
  if (existsSync(path)) return [];
  const above = makeDirectories(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    removeDirectories(above);
    throw bad(path, `to be a directory that can be made: ${(error as Error).message}`);
  }
  return [...above, path];
}

/**
 * Throws AppError('bad-settings') for a file of a project that is not in it: a repository may hold links to this user's own files,
 * and who sets a project up means the project.
 */
export function checkInside(path: string, project: string): void {
  let there = path;
  while (lstatSync(there, { throwIfNoEntry: false }) === undefined) there = dirname(there);
  const [real, root] = [realPath(there), realPath(project)];
  if (real !== root && !real?.startsWith(`${root}/`))
    throw bad(path, 'to be in the project, got a link that leads out of it');
}

/** Undefined for a link to nothing. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** Those that are empty. */
export function removeDirectories(paths: readonly string[]): void {
  for (const path of paths.toReversed()) {
    try {
      rmdirSync(path);
    } catch {
      // Somebody has put something there since.
    }
  }
}

function bad(path: string, expected: string): AppError {
  return new AppError('bad-settings', `Expected ${path} ${expected}`);
}
