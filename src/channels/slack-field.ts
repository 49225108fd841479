/** One labelled text of a card, and how texts, other values and tables become one. */
import type { RichTextPart } from './slack-elements.ts';
import { countHidden, encodeInline, encodeVisible } from './visible.ts';
import { WORDS } from './wording.ts';

/** One labelled text of a card. */
export interface Field {
  /** What it is; encoded, one line. */
  readonly label: string;
  /** Ours, next to a label that may be the agent's. */
  readonly note?: string;
  /** The encoded text; '' when the value is an empty string. */
  readonly shown: string;
  /** A box of its own, or the rest of the label's line. */
  readonly style: 'box' | 'line';
  /** Length of the value as it was, in UTF-16 units. */
  readonly length: number;
  readonly hidden: number;
  /** False when the value could not be turned into text. */
  readonly whole: boolean;
  /** What the agent says about the call, which is not the call. */
  readonly isComment?: true;
  /** Made of lines that mean nothing in part: cut between them only. */
  readonly isDiff?: true;
  /** Lines of the file on disk around a diff; dropped when they do not fit. */
  readonly around?: Around;
  /** A sentence of ours below it; anything in it that is not ours is encoded. */
  readonly remark?: string;
  /** What shows the same as completely and may be shorter. */
  readonly instead?: Field;
  /** What is cut when the whole does not fit: less, and therefore never the whole. */
  readonly brief?: string;
  /** The same as Markdown, which may be shown as what it means. */
  readonly markdown?: string;
  /** What it means, laid out: shows all that `shown` does. */
  readonly rich?: readonly RichTextPart[];
  /** What the title says already is not worth a place in a notification. */
  readonly isNamed?: true;
}

export interface Around {
  /** Encoded lines, each with its mark; '' for none. */
  readonly above: string;
  readonly below: string;
}

export type ToolInput = Readonly<Record<string, unknown>>;

/** For an empty key; no encoded text looks like this. */
const NO_NAME = '⟦⟧';
/** Longer values get a box. */
export const MAX_LINE = 80;
/** Indentation grows with the square of the depth; deeper values are written without it. */
const MAX_INDENTED_DEPTH = 40;
const MAX_DEPTH = 500;
/** Longer names do not move the other values to the right. */
const MAX_NAME_COLUMN = 24;

/** A text under a label of ours. */
export function textField(label: string, text: string, style: Field['style']): Field {
  const encode = style === 'line' || text.trim() === '' ? encodeInline : encodeVisible;
  return { label, shown: encode(text), style, length: text.length, hidden: countHidden(text), whole: true };
}

/** A value under its own key. */
export function otherField(key: string, value: unknown): Field {
  const label = encodeInline(key) || NO_NAME;
  const field =
    typeof value === 'string' ? textField(label, value, isLong(value) ? 'box' : 'line') : jsonField(label, value);
  return { ...field, hidden: field.hidden + countHidden(key) };
}

/** A value that is not text, as JSON. The note says so: otherwise the text "1" could pass for the number. */
export function jsonField(label: string, value: unknown): Field {
  const json = toJson(value);
  if (json === undefined) return { label, shown: WORDS.cannotShow, style: 'line', length: 0, hidden: 0, whole: false };
  const note = typeof value === 'object' ? 'JSON' : typeof value;
  return { ...textField(label, json, isLong(json) ? 'box' : 'line'), note };
}

/** Small values as rows `name: JSON`, each on one line; undefined when there are none. Names that are no plain words are JSON too. */
export function tableField(label: string, entries: readonly (readonly [string, unknown])[]): Field | undefined {
  if (entries.length === 0) return undefined;
  const names = entries.map(([key]) => (/^[\w.-]+$/.test(key) ? key : encodeInline(JSON.stringify(key))));
  const width = Math.min(MAX_NAME_COLUMN, Math.max(...names.map((name) => name.length)));
  const values = entries.map(([, value]) => toJson(value, 0) ?? '');
  const rows = values.map((value, index) => `${`${names[index]}:`.padEnd(width + 1)} ${encodeInline(value)}`);
  const all = [...entries.map(([key]) => key), ...values];
  return {
    label,
    shown: rows.join('\n'),
    style: 'box',
    length: all.reduce((sum, text) => sum + text.length, 0),
    hidden: all.reduce((sum, text) => sum + countHidden(text), 0),
    whole: true,
  };
}

/** Whether a value has its place in a row of a table. */
export function isSmall(value: unknown): boolean {
  if (typeof value === 'string' && isLong(value)) return false;
  const json = toJson(value, 0);
  return json !== undefined && json.length <= MAX_LINE;
}

/** The value of an own key; inherited ones do not count. */
export function own(record: ToolInput, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function isLong(text: string): boolean {
  return text.includes('\n') || text.length > MAX_LINE;
}

function toJson(value: unknown, indent = 2): string | undefined {
  if (!isSayable(value, MAX_DEPTH)) return undefined;
  return JSON.stringify(value, null, isDeeperThan(value, MAX_INDENTED_DEPTH) ? 0 : indent);
}

/** Whether JSON has words for all of a value: it would write null for 1e999, and depth takes its stack. */
function isSayable(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((item) => isSayable(item, depth - 1));
}

function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((item) => isDeeperThan(item, depth - 1));
}
