/** The audit log as a file of JSON lines: append-only, mode 0600, on disk before `append` returns. */
import { closeSync, fchmodSync, fstatSync, fsyncSync, lstatSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '../errors.ts';
import type { Store, StoreRecord } from '../types.ts';

/** Opens on first use, so that a full disk at start does not keep the daemon from answering "no record, no allow". */
export function createJsonlStore(path: string): Store {
  let fd: number | undefined;
  let inode = 0;

  const open = (): number => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const opened = openSync(path, 'a+', 0o600);
    const stat = fstatSync(opened);
    if (stat.isFile()) fchmodSync(opened, 0o600);
    inode = stat.ino;
    return opened;
  };
  const close = (): void => {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  };

  const append = (record: StoreRecord): void => {
    try {
      // A log that somebody moved away goes on in a new file of the same name.
      if (fd !== undefined && lstatSync(path, { throwIfNoEntry: false })?.ino !== inode) close();
      fd ??= open();
      const line = Buffer.from(`${JSON.stringify(record)}\n`);
      let written = 0;
      while (written < line.length) written += writeSync(fd, line, written);
      fsyncSync(fd);
    } catch (error) {
      close();
      throw new AppError('audit', `Cannot write ${path}: ${(error as Error).message}`, { cause: error });
    }
  };
  return { append, close };
}
