/** "Edit & approve…": the modal with the arguments of a tool call, and the input that comes back from it. */
import type { InputBlock, ModalView } from '@slack/types';
import type { ApprovalRequest, ToolInput } from '../types.ts';
import { bold, code, type RichTextPart, richText, section, shorten, text } from './slack-elements.ts';
import { jsonField, otherField, own } from './slack-field.ts';
import { fieldsOf } from './slack-fields.ts';
import {
  answerOf,
  type Filled,
  type FormOrigin,
  type FormResult,
  formView,
  INPUT_ACTION,
  MAX_INPUT,
  plain,
} from './slack-form.ts';
import { countHidden, decodeVisible, encodeInline } from './visible.ts';
import { LABELS, WORDS } from './wording.ts';
import { FORMS, hiddenEntered, type KINDS, lockedLong, wrongKind } from './wording-forms.ts';

export const EDIT_VIEW = 'csh_edit';

/** What masks secrets in a text that goes into an input, and puts them back. */
export interface EditMasker {
  mask(text: string): { readonly text: string };
  /** Undefined when a marker in the text is not one of this masker's. */
  restore(text: string): string | undefined;
}

/** More arguments than this are no form that a person can read. */
const MAX_FIELDS = 20;
/** Longer texts get a larger input. */
const MAX_SINGLE_LINE = 80;
/** Labels may have 2,000 characters (Block Kit reference); a name that long is not one that a person can check. */
const MAX_LABEL = 80;
const MAX_COMMENT = 300;
/** What the call is about; the first of these comes first. */
const MAIN_KEYS = ['command', 'plan', 'file_path', 'notebook_path', 'url', 'query', 'prompt'];
const LARGE_KEY = /^(?:command|content|prompt|plan|.*_string)$/;
/** Where no text at all has a meaning: an empty file, or a piece that is taken out. */
const MAY_BE_EMPTY = new Set(['content', 'new_string', 'new_source']);
const MARK = '⟦';

/** One argument that can be edited. */
interface Editable {
  readonly key: string;
  readonly blockId: string;
  /** Encoded and masked. */
  readonly label: string;
  readonly value: unknown;
  /** The value as text, and the same with its secrets masked: what the input holds at first. */
  readonly raw: string;
  readonly masked: string;
}

interface Locked {
  readonly label: string;
  readonly why: string;
}

interface Plan {
  readonly editable: readonly Editable[];
  readonly locked: readonly Locked[];
  /** The agent's own words about the call. */
  readonly comment: string | undefined;
}

/** The modal; undefined when no argument can be edited, or there are more than 20. */
export function renderEditForm(
  origin: FormOrigin,
  request: Pick<ApprovalRequest, 'input'>,
  masker: EditMasker,
): ModalView | undefined {
  const { editable, locked, comment } = planOf(request, masker);
  if (editable.length === 0 || editable.length + locked.length > MAX_FIELDS) return undefined;
  const shown = (value: string, limit: number): string => shorten(masker.mask(encodeInline(value)).text, limit);
  const tool = shown(request.input.tool_name ?? '', MAX_LABEL);
  const notes: RichTextPart[] = [
    ...(editable.some(({ raw, masked }) => raw !== masked) ? [section([text(FORMS.editSecrets)])] : []),
    ...locked.map(({ label, why }) =>
      section([text(FORMS.locked), ...code(shorten(label, MAX_LABEL)), text(`, ${why}`)]),
    ),
    ...(comment === undefined || comment === ''
      ? []
      : [section([bold(LABELS.ownWords), text(': '), ...code(shown(comment, MAX_COMMENT))])]),
  ];
  return formView(EDIT_VIEW, origin, { title: FORMS.editTitle, submit: WORDS.approve }, [
    richText([section([text(FORMS.editIntro), ...(tool === '' ? [text(WORDS.unknownTool)] : code(tool))])]),
    ...editable.map((entry, index) => inputOf(entry, index === 0)),
    ...(notes.length > 0 ? [richText(notes)] : []),
  ]);
}

/** An approval: a plain one when nothing was changed, else with the whole input in its first order. Errors by block id. */
export function readEditForm(filled: Filled, request: Pick<ApprovalRequest, 'input'>, masker: EditMasker): FormResult {
  const read = planOf(request, masker).editable.map((entry) => ({ entry, result: readEntry(filled, entry, masker) }));
  const errors = read.flatMap(({ entry, result }) =>
    'error' in result ? [[entry.blockId, result.error] as const] : [],
  );
  if (errors.length > 0) return { errors: Object.fromEntries(errors) };
  const changed = new Map(
    read.flatMap(({ entry, result }) =>
      'value' in result && result.value !== entry.value ? [[entry.key, result.value] as const] : [],
    ),
  );
  if (changed.size === 0) return { answer: answerOf(filled, { decision: 'allow' }) };
  const entries = Object.entries(request.input.tool_input ?? {});
  const updatedInput: ToolInput = Object.fromEntries(
    entries.map(([key, value]) => [key, changed.has(key) ? changed.get(key) : value]),
  );
  return { answer: answerOf(filled, { decision: 'allow', updatedInput }) };
}

/** What can be edited, in the order of the modal. The same for the same request and masker. */
function planOf({ input }: Pick<ApprovalRequest, 'input'>, masker: EditMasker): Plan {
  const toolInput = input.tool_input ?? {};
  const comment = commentOf(input);
  const entries = Object.entries(toolInput).map(([key, value], index) => entryOf(key, value, index, masker));
  const isComment = (key: string): boolean => comment !== undefined && key === 'description';
  const main = MAIN_KEYS.find((key) => Object.hasOwn(toolInput, key));
  const given = entries.filter(({ key }) => !isComment(key));
  return {
    editable: given
      .flatMap(({ key, editable }) => (editable === undefined ? [] : [{ key, editable }]))
      .toSorted((a, b) => Number(b.key === main) - Number(a.key === main))
      .map(({ editable }) => editable),
    locked: given.flatMap(({ locked }) => (locked === undefined ? [] : [locked])),
    comment,
  };
}

/** Undefined when there are none, when they are an argument as any other, or all there is. */
function commentOf(input: ApprovalRequest['input']): string | undefined {
  const toolInput = input.tool_input ?? {};
  const comment = own(toolInput, 'description');
  if (typeof comment !== 'string' || Object.keys(toolInput).length === 1) return undefined;
  return fieldsOf(input).some(({ isComment }) => isComment === true) ? comment : undefined;
}

function entryOf(key: string, value: unknown, index: number, masker: EditMasker) {
  const label = masker.mask(otherField(key, '').label).text;
  const raw = textOf(value);
  if (raw === undefined) return { key, locked: { label, why: FORMS.lockedWhy.unsayable } };
  const masked = masker.mask(raw).text;
  const why = label.length > MAX_LABEL ? FORMS.lockedWhy.name : lockOf(raw, masked, masker);
  if (why !== undefined) return { key, locked: { label, why } };
  return { key, editable: { key, blockId: `csh_edit_${index}`, label, value, raw, masked } };
}

/** Why a text cannot be edited; undefined when it can. */
function lockOf(raw: string, masked: string, masker: EditMasker): string | undefined {
  if (masked.length > MAX_INPUT) return lockedLong(raw.length, MAX_INPUT);
  // Line ends of Windows among them: an input may give them back changed.
  if (/(?![\n\t])\p{Cc}/u.test(raw)) return FORMS.lockedWhy.control;
  if (countHidden(raw) > 0) return FORMS.lockedWhy.hidden;
  if (raw !== '' && raw.trim() === '') return FORMS.lockedWhy.blank;
  // It could be read as a marker of ours, which stands for something else.
  if (raw.includes(MARK)) return FORMS.lockedWhy.marks;
  return masker.restore(masked) === raw ? undefined : FORMS.lockedWhy.marks;
}

/** A string is its own text, every other value is JSON; undefined when JSON has no words for it. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const { whole, shown } = jsonField('', value);
  return whole ? decodeVisible(shown) : undefined;
}

function inputOf(entry: Editable, isFirst: boolean): InputBlock {
  const { key, blockId, label, value, raw, masked } = entry;
  const isLarge = LARGE_KEY.test(key) || masked.length > MAX_SINGLE_LINE || /[\n\t]/.test(raw);
  return {
    type: 'input',
    block_id: blockId,
    label: plain(label),
    ...(typeof value === 'string' ? {} : { hint: plain(FORMS.jsonHint) }),
    ...(mayBeEmpty(entry) ? { optional: true } : {}),
    element: {
      type: 'plain_text_input',
      action_id: INPUT_ACTION,
      multiline: isLarge,
      max_length: MAX_INPUT,
      ...(masked === '' ? {} : { initial_value: masked }),
      ...(isFirst ? { focus_on_load: true } : {}),
    },
  };
}

function mayBeEmpty({ key, value }: Editable): boolean {
  return value === '' || (typeof value === 'string' && MAY_BE_EMPTY.has(key));
}

/** The value that was entered; the very one of before when its text is the same. */
function readEntry(
  filled: Filled,
  entry: Editable,
  masker: EditMasker,
): { readonly value: unknown } | { readonly error: string } {
  const entered = (filled.text(entry.blockId) ?? '').replaceAll(/\r\n?/g, '\n');
  if (entered === entry.masked) return { value: entry.value };
  const hidden = countHidden(entered);
  if (hidden > 0) return { error: hiddenEntered(hidden) };
  if (entered.trim() === '' && !mayBeEmpty(entry)) return { error: FORMS.emptied };
  const restored = masker.restore(entered);
  if (restored === undefined) return { error: FORMS.brokenMarker };
  return typeof entry.value === 'string' ? { value: restored } : readJson(restored, entry.value);
}

function readJson(entered: string, before: unknown): { readonly value: unknown } | { readonly error: string } {
  const value = parse(entered);
  // JSON can say numbers that no number holds; they would be written as null.
  if (value === undefined || textOf(value) === undefined) return { error: FORMS.notJson };
  if (kindOf(value) !== kindOf(before)) return { error: wrongKind(kindOf(before)) };
  return { value: JSON.stringify(value) === JSON.stringify(before) ? before : value };
}

function kindOf(value: unknown): keyof typeof KINDS {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  const kind = typeof value;
  return kind === 'boolean' || kind === 'number' || kind === 'string' ? kind : 'object';
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
