/** Tools that change a file, as diffs: against what they say they replace, or against the file on disk. */
import { isObject } from '../protocol.ts';
import { countLines, diffField } from './slack-diff.ts';
import { type Around, type Field, own, type ToolInput, textField } from './slack-field.ts';
import type { FileOnDisk } from './slack-surroundings.ts';
import { cutBefore, encodeInline } from './visible.ts';
import { changeLabel, FROM_DISK, LABELS, lines, placeOf, WORDS } from './wording.ts';

/** Lines of the file above and below a change. */
const CONTEXT = 3;
const MAX_CONTEXT_LINE = 120;
/** More edits are shown as JSON. */
const MAX_EDITS = 12;

interface Edit {
  readonly oldText: string;
  readonly newText: string;
  /** `replace_all`, where the label has to say it. */
  readonly isEverywhere: boolean | undefined;
}

/** Fields, and the keys of the tool input that they show completely. */
export interface Shown {
  readonly fields: readonly Field[];
  readonly keys: readonly string[];
}

const NOTHING: Shown = { fields: [], keys: [] };

export function editFields(toolInput: ToolInput, file: FileOnDisk | undefined): Shown {
  const edit = toEdit({ old_string: own(toolInput, 'old_string'), new_string: own(toolInput, 'new_string') });
  return edit === undefined ? NOTHING : { fields: changeFields([edit], file), keys: ['old_string', 'new_string'] };
}

export function multiEditFields(toolInput: ToolInput, file: FileOnDisk | undefined): Shown {
  const given = own(toolInput, 'edits');
  const edits = Array.isArray(given) ? given.map(toEdit) : [];
  if (edits.length === 0 || edits.length > MAX_EDITS) return NOTHING;
  const known = edits.filter((edit) => edit !== undefined);
  return known.length < edits.length ? NOTHING : { fields: changeFields(known, file), keys: ['edits'] };
}

export function writeFields(toolInput: ToolInput, file: FileOnDisk | undefined): Shown {
  const content = own(toolInput, 'content');
  if (typeof content !== 'string') return NOTHING;
  const plain: Field = { ...textField(LABELS.content, content, 'box'), note: lines(countLines(content)) };
  return { fields: [againstDisk(plain, content, file)], keys: ['content'] };
}

export function notebookFields(toolInput: ToolInput, file: FileOnDisk | undefined): Shown {
  const source = own(toolInput, 'new_source');
  if (typeof source !== 'string') return NOTHING;
  const mode = own(toolInput, 'edit_mode') ?? 'replace';
  const plain: Field = { ...textField(LABELS.cell, source, 'box'), note: lines(countLines(source)) };
  const cell = file?.kind === 'text' ? cellSource(file.text, own(toolInput, 'cell_id')) : undefined;
  const field = (): Field => {
    if (mode === 'insert') return { ...plain, remark: WORDS.newCell };
    if (file?.kind === 'text' && cell === undefined) return { ...plain, remark: WORDS.noCell };
    return againstDisk(plain, source, cell === undefined ? file : { kind: 'text', text: cell });
  };
  return { fields: [field()], keys: ['new_source'] };
}

/** An edit whose every key is known and shown. */
function toEdit(value: unknown): Edit | undefined {
  if (!isObject(value)) return undefined;
  const { old_string: oldText, new_string: newText, replace_all: isEverywhere, ...more } = value;
  if (typeof oldText !== 'string' || typeof newText !== 'string') return undefined;
  if (isEverywhere !== undefined && typeof isEverywhere !== 'boolean') return undefined;
  return Object.keys(more).length > 0 ? undefined : { oldText, newText, isEverywhere };
}

/** One field for each edit, each of them placed in the file as the edits before it leave it. */
function changeFields(edits: readonly Edit[], file: FileOnDisk | undefined): readonly Field[] {
  let text = file?.kind === 'text' ? file.text : undefined;
  return edits.map((edit, index) => {
    const label = changeLabel(index, edits.length, edit.isEverywhere);
    const field = diffField(label, edit.oldText, edit.newText);
    // Only an edit of nothing makes a file; any other has nothing to change there.
    if (file?.kind === 'missing' && edit.oldText !== '') return { ...field, remark: WORDS.noFile };
    if (text === undefined) return { ...field, ...remarkOn(file) };
    const at = edit.oldText === '' ? -1 : text.indexOf(edit.oldText);
    const count = at < 0 ? 0 : text.split(edit.oldText).length - 1;
    const placed = { ...field, remark: placeOf(count, at < 0 ? 0 : countLines(text.slice(0, at + 1))) };
    const around = count === 1 ? linesAround(text, at, at + edit.oldText.length) : undefined;
    if (count > 0) text = replaced(text, edit, at);
    return around === undefined || field.shown === '' ? placed : { ...placed, around };
  });
}

function replaced(text: string, { oldText, newText, isEverywhere }: Edit, at: number): string {
  if (isEverywhere === true) return text.split(oldText).join(newText);
  return text.slice(0, at) + newText + text.slice(at + oldText.length);
}

function linesAround(text: string, start: number, end: number): Around {
  const above = text
    .slice(0, start)
    .split('\n')
    .slice(-CONTEXT - 1);
  const rest = text.endsWith('\n') ? text.slice(end, -1) : text.slice(end);
  const below = rest.split('\n', CONTEXT + 1);
  // A change between whole lines has an empty rest of a line on that side.
  const before = above.at(-1) === '' ? above.slice(0, -1) : above.slice(-CONTEXT);
  const after = below[0] === '' ? below.slice(1) : below.slice(0, CONTEXT);
  return { above: before.map(fromDisk).join('\n'), below: after.map(fromDisk).join('\n') };
}

function fromDisk(line: string): string {
  const shown = encodeInline(line.slice(0, 2 * MAX_CONTEXT_LINE));
  const cut = cutBefore(shown, MAX_CONTEXT_LINE);
  return `${FROM_DISK}${shown.slice(0, cut)}${cut < shown.length || line.length > 2 * MAX_CONTEXT_LINE ? '…' : ''}`;
}

/** A diff whose ' ' and '+' lines are the content; the content itself where the diff is too long. */
function againstDisk(plain: Field, content: string, file: FileOnDisk | undefined): Field {
  if (file === undefined) return plain;
  if (file.kind !== 'text') return { ...plain, ...remarkOn(file) };
  if (file.text === content) return { ...plain, remark: WORDS.sameAsDisk };
  const diff = diffField(plain.label, file.text, content);
  if (diff.shown === '' || content === '') return { ...plain, remark: WORDS.replacesDisk };
  return {
    ...diff,
    remark: WORDS.diffAgainstDisk,
    instead: { ...plain, remark: WORDS.replacesDisk },
  };
}

function remarkOn(file: FileOnDisk | undefined): Pick<Field, 'remark'> {
  return file === undefined || file.kind === 'text' ? {} : { remark: WORDS.disk[file.kind] };
}

function cellSource(notebook: string, id: unknown): string | undefined {
  try {
    const parsed: unknown = JSON.parse(notebook);
    const cells = isObject(parsed) && Array.isArray(parsed.cells) ? parsed.cells : [];
    const source = cells.find((cell) => isObject(cell) && typeof id === 'string' && cell.id === id)?.source;
    return Array.isArray(source) ? source.join('') : typeof source === 'string' ? source : undefined;
  } catch {
    return undefined;
  }
}
