/**
 * What the disk adds to a card: the file that a tool changes, as it is now, and the git branch. Only read, never waited
 * for long, and never a reason to fail. Nothing in it decides anything: the tool input is shown in full without it.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { HookInput } from '../types.ts';
import { own } from './slack-field.ts';
import { pause } from './slack-timing.ts';

export type FileOnDisk =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'missing' | 'link' | 'special' | 'large' | 'binary' | 'private' | 'unreadable' };

/** Reads a regular file of at most `maxBytes` bytes, without following a link at its end. Never rejects. */
export type ReadFile = (path: string, maxBytes: number) => Promise<FileOnDisk>;

export interface Surroundings {
  /** Absent when the tool changes no file, or the file was not looked at. */
  readonly file?: FileOnDisk;
  /** A branch, or the start of a commit's hash. */
  readonly branch?: string;
}

export type LookAround = (input: HookInput) => Promise<Surroundings>;

const MAX_FILE = 1_000_000;
const MAX_GIT_FILE = 4_096;
/** Directories that are looked at upward for a repository. */
const MAX_DEPTH = 40;
/** A local file takes under a millisecond; a network that hangs must not hold a request. */
const LOOK_MS = 300;
/** Looks that a dead network may hold at a time; each keeps a thread. */
const MAX_STUCK = 2;
const HASH_SHOWN = 8;

/** The keys that name the file of a tool. */
const FILE_KEYS: ReadonlyMap<string, string> = new Map([
  ['Write', 'file_path'],
  ['Edit', 'file_path'],
  ['MultiEdit', 'file_path'],
  ['NotebookEdit', 'notebook_path'],
]);

/** Files whose present content is nobody's business in a chat. */
const PRIVATE =
  /(^|\/)(\.env[^/]*|\.netrc|\.npmrc|\.pypirc|\.pgpass|\.git-credentials|id_[a-z0-9]+|credentials[^/]*|secrets?[^/]*|[^/]+\.(pem|key|p12|pfx|kdbx|tfstate))$|(^|\/)(\.ssh|\.aws|\.gnupg|\.kube|\.docker)\//i;

/** Looks at most `lookMs` milliseconds; what is not known by then is left out. */
export function createLookAround(read: ReadFile = readFile, lookMs = LOOK_MS): LookAround {
  let stuck = 0;
  return async (input) => {
    if (stuck >= MAX_STUCK) return {};
    const found: { file?: FileOnDisk; branch?: string } = {};
    const looks = Promise.all([
      readChanged(input, read).then((file) => {
        if (file !== undefined) found.file = file;
      }),
      readBranch(input.cwd, read).then((branch) => {
        if (branch !== undefined) found.branch = branch;
      }),
    ]).catch(() => {});
    stuck += 1;
    void looks.finally(() => {
      stuck -= 1;
    });
    const seen = new AbortController();
    await Promise.race([looks, pause(lookMs, seen.signal)]);
    seen.abort();
    return { ...found };
  };
}

async function readChanged(input: HookInput, read: ReadFile): Promise<FileOnDisk | undefined> {
  const key = FILE_KEYS.get(input.tool_name ?? '');
  const path = key === undefined ? undefined : own(input.tool_input ?? {}, key);
  if (typeof path !== 'string' || !isAbsolute(path)) return undefined;
  const real = await realpath(path).catch(() => path);
  return PRIVATE.test(path) || PRIVATE.test(real) ? { kind: 'private' } : await read(path, MAX_FILE);
}

/** The branch of the repository that `cwd` is in, from its files alone: no git is run in a directory that nobody vouches for. */
export async function readBranch(cwd: string, read: ReadFile): Promise<string | undefined> {
  if (!isAbsolute(cwd)) return undefined;
  let folder = resolve(cwd);
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    const head = await readHead(join(folder, '.git'), read);
    if (head !== undefined) return branchOf(head);
    if (folder === dirname(folder)) return undefined;
    folder = dirname(folder);
  }
  return undefined;
}

/** HEAD of a repository, or of a worktree whose `.git` is a file that names its directory. */
async function readHead(git: string, read: ReadFile): Promise<string | undefined> {
  const own = await read(join(git, 'HEAD'), MAX_GIT_FILE);
  if (own.kind === 'text') return own.text;
  const pointer = await read(git, MAX_GIT_FILE);
  const target = pointer.kind === 'text' ? /^gitdir: (.+)$/m.exec(pointer.text)?.[1] : undefined;
  if (target === undefined) return undefined;
  const head = await read(join(resolve(dirname(git), target), 'HEAD'), MAX_GIT_FILE);
  return head.kind === 'text' ? head.text : undefined;
}

function branchOf(head: string): string | undefined {
  const line = head.trim();
  const branch = /^ref: refs\/heads\/(.+)$/.exec(line)?.[1];
  return branch ?? (/^[0-9a-f]{40,64}$/.test(line) ? line.slice(0, HASH_SHOWN) : undefined);
}

/** The name of a directory's last part, as people call a project. */
export function projectName(cwd: string): string {
  return basename(cwd);
}

export const readFile: ReadFile = async (path, maxBytes) => {
  let handle: FileHandle | undefined;
  try {
    // O_NONBLOCK: to open a pipe without a writer would otherwise wait for one.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY);
    const status = await handle.stat();
    if (!status.isFile()) return { kind: 'special' };
    if (status.size > maxBytes) return { kind: 'large' };
    const buffer = new Uint8Array(maxBytes + 1);
    const length = await fill(handle, buffer);
    return length > maxBytes ? { kind: 'large' } : toText(buffer.subarray(0, length));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ELOOP' || code === 'EMLINK') return { kind: 'link' };
    return { kind: code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'unreadable' };
  } finally {
    await handle?.close().catch(() => {});
  }
};

/** A file may grow while it is read, and one of size 0 (in /proc) may have content. */
async function fill(handle: FileHandle, buffer: Uint8Array): Promise<number> {
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}

function toText(bytes: Uint8Array): FileOnDisk {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes('\0') ? { kind: 'binary' } : { kind: 'text', text };
  } catch {
    return { kind: 'binary' };
  }
}
