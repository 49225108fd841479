/** What setup has changed, so that it can be taken back byte for byte: each file as it was before, and as we left it. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError, attempt } from '../errors.ts';

export interface LedgerEntry {
  readonly path: string;
  /** Absent where there was no file. */
  readonly before?: { readonly text: string; readonly mode: number };
  /** SHA-256 (hex) of what we wrote. */
  readonly after: string;
  /** Directories that were made for it, outermost first. */
  readonly made: readonly string[];
}

export interface Ledger {
  find(path: string): LedgerEntry | undefined;
  all(): readonly LedgerEntry[];
  /** On disk before it returns: an edit that is not on record could not be taken back. Throws AppError('state-dir'). */
  keep(entry: LedgerEntry): void;
  /** Throws AppError('state-dir'). */
  drop(path: string): void;
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** @param file in the state directory; holds other programs' settings, so it is this user's only */
export function openLedger(file: string): Ledger {
  let entries = readEntries(file);
  const write = (): void => {
    const temporary = `${file}.${process.pid}`;
    try {
      if (entries.length === 0) {
        rmSync(file, { force: true });
        return;
      }
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(temporary, `${JSON.stringify(entries)}\n`, { mode: 0o600, flush: true });
      renameSync(temporary, file);
    } catch (error) {
      attempt(() => rmSync(temporary, { force: true }));
      throw new AppError('state-dir', `Expected ${file} to be writable: ${(error as Error).message}`);
    }
  };
  const without = (path: string): LedgerEntry[] => entries.filter((entry) => entry.path !== path);
  return {
    find: (path) => entries.find((entry) => entry.path === path),
    all: () => entries,
    keep: (entry) => {
      entries = [...without(entry.path), entry];
      write();
    },
    drop: (path) => {
      entries = without(path);
      write();
    },
  };
}

/** A ledger that cannot be read is none: then our hooks are taken out one by one. */
function readEntries(file: string): LedgerEntry[] {
  try {
    const entries: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return Array.isArray(entries) ? entries.filter(isEntry) : [];
  } catch {
    return [];
  }
}

function isEntry(value: Partial<LedgerEntry> | null): value is LedgerEntry {
  const { path, before, after, made } = value ?? {};
  const isBefore = before === undefined || (typeof before.text === 'string' && typeof before.mode === 'number');
  return typeof path === 'string' && typeof after === 'string' && Array.isArray(made) && isBefore;
}
