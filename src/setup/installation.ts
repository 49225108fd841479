/** Installing into files and taking it back. Each file is changed whole or not at all. */
import { AppError, attempt } from '../errors.ts';
import { hashOf, type Ledger } from './ledger.ts';
import {
  readSettingsFile,
  removeDirectories,
  removeSettingsFile,
  replaceSettingsFile,
  type SettingsFile,
} from './settings-file.ts';

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

/** All of them or none. Throws AppError('bad-settings' | 'state-dir'); then everything is as it was. */
export function install(changes: readonly FileChange[], ledger: Ledger): void {
  const undo: (() => void)[] = [];
  try {
    for (const change of changes) undo.push(installOne(change, ledger));
  } catch (error) {
    // What stands in the way of one must not keep the others as they are now.
    for (const step of undo.toReversed()) attempt(step);
    throw error;
  }
}

/** Returns what takes it back. */
function installOne({ path, before, after, mode }: FileChange, ledger: Ledger): () => void {
  if (after === undefined || before === after) return () => {};
  const file = readUnchanged(path, before);
  const known = ledger.find(path);
  // What we wrote ourselves is not what there was before us.
  const isOurs = known !== undefined && before !== undefined && hashOf(before) === known.after;
  const original = isOurs ? known.before : file;
  const made = replaceSettingsFile(path, after, mode ?? file?.mode);
  const undo = (): void => {
    if (file === undefined) removeSettingsFile(path);
    else replaceSettingsFile(path, file.text, file.mode);
    removeDirectories(made);
    if (known === undefined) ledger.drop(path);
    else ledger.keep(known);
  };
  try {
    ledger.keep({
      path,
      after: hashOf(after),
      // Somebody may have changed the file since, but the directories are still ours.
      made: [...(known?.made ?? []), ...made],
      ...(original === undefined ? {} : { before: original }),
    });
  } catch (error) {
    attempt(undo);
    throw error;
  }
  return undo;
}

/** A person may take their time to agree, and somebody else may write meanwhile. Throws AppError('bad-settings'). */
function readUnchanged(path: string, before: string | undefined): SettingsFile | undefined {
  const file = readSettingsFile(path);
  if (file?.text !== before)
    throw new AppError('bad-settings', `Expected ${path} to be as it was shown, got one that was changed meanwhile`, {
      hint: 'Run it again: it shows what it would change now.',
    });
  return file;
}

/**
 * What uninstalling would do to a file: what there was before, byte for byte, where nobody has changed it since; else `edit`
 * takes ours out of it. Undefined where there is nothing to do.
 * @param edit the text without ours; undefined when nothing of anybody else's is left
 */
export function planRemoval(
  path: string,
  ledger: Ledger,
  edit: (text: string) => string | undefined,
): FileChange | undefined {
  const file = readSettingsFile(path);
  if (file === undefined) return undefined;
  const known = ledger.find(path);
  const isUntouched = known !== undefined && hashOf(file.text) === known.after;
  // There may have been hooks of ours before, written by hand or by a setup whose record is lost.
  const original = isUntouched ? known.before : file;
  const after = original === undefined ? undefined : edit(original.text);
  // A file that was changed may hold what only its new mode keeps from others.
  const mode = isUntouched ? original?.mode : undefined;
  const change = { path, before: file.text, after, ...(mode === undefined ? {} : { mode }) };
  return isChange(change) ? change : undefined;
}

/** Throws AppError('bad-settings'), with nothing changed, or AppError('state-dir'), with ours taken out but still on record. */
export function uninstall({ path, before, after, mode }: FileChange, ledger: Ledger): void {
  const file = readUnchanged(path, before);
  const known = ledger.find(path);
  if (after === undefined) removeSettingsFile(path);
  else replaceSettingsFile(path, after, mode ?? file?.mode);
  removeDirectories(known?.made ?? []);
  ledger.drop(path);
}
