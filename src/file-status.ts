/**
 * lstat, and the reading of small files, for the hook's path. node:fs costs every call 1 ms and 6 MB, measured; statx(2),
 * open(2) and read(2) through bun:ffi a third of that. Where they cannot be had (macOS, another libc, no JIT) node:fs is
 * loaded after all.
 */
import { dlopen, read } from 'bun:ffi';

/** What a path is, never what it points to. */
export interface FileStatus {
  readonly kind: 'file' | 'directory' | 'socket' | 'other';
  readonly uid: number;
  /** The twelve permission bits. */
  readonly mode: number;
}

/** Undefined when there is nothing. Throws what lstat throws for everything else. */
export function fileStatus(path: string): FileStatus | undefined {
  native ??= loadNative();
  return native.status(path);
}

/** A file of less than 64 kB as text; undefined when it is larger or cannot be read. A symbolic link in its place is not followed, a pipe is not waited for. */
export function readSmallFile(path: string): string | undefined {
  native ??= loadNative();
  return native.read(path);
}

interface Native {
  status(path: string): FileStatus | undefined;
  read(path: string): string | undefined;
}

let native: Native | undefined;

const SMALL_BYTES = 65_536;

// statx(2): the layout of its buffer is the same on every Linux architecture.
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const STATX_TYPE_MODE_UID = 0x1 | 0x2 | 0x8;
const UID_OFFSET = 20;
const MODE_OFFSET = 28;
const BUFFER_BYTES = 256;
// errno(3), Linux
const ENOENT = 2;
const ENOTDIR = 20;

// open(2), Linux; O_NOFOLLOW is another number on ARM.
const O_NOFOLLOW = process.arch === 'arm64' ? 0o100000 : 0o400000;
const O_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;

// inode(7)
const S_IFMT = 0o170000;
const S_IFSOCK = 0o140000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;

const VIA_NODE: Native = { status: viaNode, read: readViaNode };

function loadNative(): Native {
  if (process.platform !== 'linux') return VIA_NODE;
  try {
    const { symbols } = dlopen('libc.so.6', {
      statx: { args: ['i32', 'ptr', 'i32', 'u32', 'ptr'], returns: 'i32' },
      open: { args: ['ptr', 'i32'], returns: 'i32' },
      read: { args: ['i32', 'ptr', 'u64'], returns: 'i64' },
      close: { args: ['i32'], returns: 'i32' },
      __errno_location: { args: [], returns: 'ptr' },
    });
    const buffer = Buffer.alloc(BUFFER_BYTES);
    return {
      status: (path) => {
        if (path.includes('\0')) return viaNode(path);
        const name = Buffer.from(`${path}\0`);
        if (symbols.statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE_MODE_UID, buffer) === 0) {
          return statusOf(buffer.readUInt16LE(MODE_OFFSET), buffer.readUInt32LE(UID_OFFSET));
        }
        const location = symbols.__errno_location();
        const errno = location === null ? 0 : read.i32(location);
        // Anything else (no permission, an old kernel) is node:fs's to tell.
        return errno === ENOENT || errno === ENOTDIR ? undefined : viaNode(path);
      },
      read: (path) => {
        const fd = path.includes('\0') ? -1 : symbols.open(Buffer.from(`${path}\0`), O_NOFOLLOW | O_NONBLOCK_CLOEXEC);
        if (fd < 0) return undefined;
        const bytes = Buffer.allocUnsafe(SMALL_BYTES);
        const length = Number(symbols.read(fd, bytes, SMALL_BYTES));
        symbols.close(fd);
        return textOf(bytes, length);
      },
    };
  } catch {
    return VIA_NODE;
  }
}

function textOf(bytes: Buffer, length: number): string | undefined {
  return length < 0 || length === bytes.length ? undefined : bytes.toString('utf8', 0, length);
}

function readViaNode(path: string): string | undefined {
  const { closeSync, constants, openSync, readSync } = process.getBuiltinModule('node:fs');
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const bytes = Buffer.allocUnsafe(SMALL_BYTES);
    return textOf(bytes, readSync(fd, bytes, 0, SMALL_BYTES, null));
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function viaNode(path: string): FileStatus | undefined {
  const { lstatSync } = process.getBuiltinModule('node:fs');
  let stat: ReturnType<typeof lstatSync>;
  try {
    stat = lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
  return stat === undefined ? undefined : statusOf(stat.mode, stat.uid);
}

function statusOf(mode: number, uid: number): FileStatus {
  return { kind: kindOf(mode & S_IFMT), uid, mode: mode & 0o7777 };
}

function kindOf(type: number): FileStatus['kind'] {
  if (type === S_IFREG) return 'file';
  if (type === S_IFDIR) return 'directory';
  return type === S_IFSOCK ? 'socket' : 'other';
}
