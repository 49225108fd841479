/** Installing into files and taking it back. Each file is changed whole or not at all. */
import { rmSync } from 'node:fs';
import { hashOf, type Ledger } from './ledger.ts';
import { readSettingsFile, removeDirectories, replaceSettingsFile } from './settings-file.ts';

/** What becomes of one file. */
export interface FileChange {
  readonly path: string;
  /** Undefined where there is no file. */
  readonly before: string | undefined;
  /** Undefined where there is to be none. */
  readonly after: string | undefined;
  /** Permission bits instead of those that it has. */
  readonly mode?: number;
}

export function isChange({ before, after }: FileChange): boolean {
  return before !== after;
}

/** What installing would do. `edit` gets an empty text for a file that is not there. Throws AppError('bad-settings'). */
export function planChange(path: string, edit: (text: string) => string): FileChange {
  const before = readSettingsFile(path)?.text;
  return { path, before, after: edit(before ?? '') };
}

/** All of them or none. Throws AppError('bad-settings'); then everything is as it was. */
export function install(changes: readonly FileChange[], ledger: Ledger): void {
  const undo: (() => void)[] = [];
  try {
    for (const change of changes) undo.push(installOne(change, ledger));
  } catch (error) {
    for (const step of undo.toReversed()) step();
    throw error;
  }
}

/** Returns what takes it back. */
function installOne({ path, before, after, mode }: FileChange, ledger: Ledger): () => void {
  if (after === undefined || before === after) return () => {};
  const file = readSettingsFile(path);
  const known = ledger.find(path);
  // What we wrote ourselves is not what there was before us.
  const isOurs = known !== undefined && before !== undefined && hashOf(before) === known.after;
  const original = isOurs ? known.before : file;
  const made = replaceSettingsFile(path, after, mode ?? file?.mode);
  ledger.keep({
    path,
    after: hashOf(after),
    made: isOurs ? known.made : made,
    ...(original === undefined ? {} : { before: original }),
  });
  return () => {
    if (file === undefined) rmSync(path, { force: true });
    else replaceSettingsFile(path, file.text, file.mode);
    removeDirectories(made);
    if (known === undefined) ledger.drop(path);
    else ledger.keep(known);
  };
}

/**
 * What uninstalling would do to a file: what there was before, byte for byte, where nobody has changed it since; else `edit`
 * takes ours out of it. Undefined where there is nothing to do.
 */
export function planRemoval(path: string, ledger: Ledger, edit: (text: string) => string): FileChange | undefined {
  const file = readSettingsFile(path);
  if (file === undefined) return undefined;
  const known = ledger.find(path);
  const isUntouched = known !== undefined && hashOf(file.text) === known.after;
  const change = { path, before: file.text, after: isUntouched ? known.before?.text : edit(file.text) };
  return isChange(change) ? change : undefined;
}

/** Throws AppError('bad-settings'); then nothing has changed. */
export function uninstall({ path, after }: FileChange, ledger: Ledger): void {
  const known = ledger.find(path);
  if (after === undefined) rmSync(path, { force: true });
  else replaceSettingsFile(path, after, known?.before?.mode ?? readSettingsFile(path)?.mode);
  removeDirectories(known?.made ?? []);
  ledger.drop(path);
}
