/** What writing events asks of the disk. */
import { fdatasync, ftruncate } from 'node:fs';
import { promisify } from 'node:util';
import { writeAt } from './event-files.ts';

export interface EventDisk {
  /** Writes all bytes at a place of a file. */
  write(fd: number, bytes: Uint8Array, from: number): Promise<void>;
  /** Resolves when what was written is on disk. */
  sync(fd: number): Promise<void>;
  truncate(fd: number, length: number): Promise<void>;
}

/** The machine's: none of it blocks the event loop. */
export const DISK: EventDisk = { write: writeAt, sync: promisify(fdatasync), truncate: promisify(ftruncate) };
