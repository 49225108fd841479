/**
 * Two texts as a unified diff with nothing left out: the lines with ' ' and '-' are the old text, those with ' ' and '+'
 * the new one, to the last character. `\` after a line says that it has no line break.
 */
import { type Change, diffLines } from 'diff';
import type { Field } from './slack-field.ts';
import { countHidden, decodeVisible, encodeVisible } from './visible.ts';
import { changed, NO_LINE_BREAK, notChanged } from './wording.ts';

/** Diffing takes time with the square of this; texts that differ in more lines are shown as one replaced by the other. */
const MAX_EDITS = 300;
/** Texts longer than this are never shown whole, and a card has no room for the hunks of more edits than these. */
const LONG = 20_000;
const MAX_EDITS_OF_LONG = 100;
/** Unchanged lines next to changed ones in the brief form. */
const CONTEXT = 3;

interface Group {
  readonly sign: ' ' | '-' | '+';
  readonly value: string;
  readonly lines: readonly string[];
}

/** A field that shows both texts. Its brief form leaves out unchanged lines. */
export function diffField(label: string, oldText: string, newText: string): Field {
  const groups = changesOf(oldText, newText).map(toGroup);
  const shown = groups.flatMap(({ lines }) => lines).join('\n');
  const count = (sign: Group['sign']): number =>
    groups.reduce((sum, { sign: its, value }) => sum + (its === sign ? countLines(value) : 0), 0);
  return {
    label,
    note: changed(count('-'), count('+')),
    shown,
    brief: groups.flatMap(toBrief).join('\n'),
    style: 'box',
    length: oldText.length + newText.length,
    hidden: groups.reduce((sum, { value }) => sum + countHidden(value), 0),
    whole: true,
    isDiff: true,
  };
}

/** Lines of a text; an unfinished last one counts. */
export function countLines(text: string): number {
  if (text === '') return 0;
  let lines = text.endsWith('\n') ? 0 : 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

type Part = Pick<Change, 'value' | 'added' | 'removed'>;

/** Without the lines that both start and end with, most diffs are small. */
function changesOf(oldText: string, newText: string): readonly Part[] {
  const start = commonStart(oldText, newText);
  const end = commonEnd(oldText.slice(start), newText.slice(start));
  const same = (value: string): Part => ({ value, added: false, removed: false });
  return [
    same(oldText.slice(0, start)),
    ...diffOf(oldText.slice(start, oldText.length - end), newText.slice(start, newText.length - end)),
    same(oldText.slice(oldText.length - end)),
  ].filter(({ value }) => value !== '');
}

function diffOf(oldText: string, newText: string): readonly Part[] {
  const isLong = oldText.length + newText.length > LONG;
  const changes = diffLines(oldText, newText, { maxEditLength: isLong ? MAX_EDITS_OF_LONG : MAX_EDITS });
  const side = (without: 'added' | 'removed'): string =>
    (changes ?? []).map((change) => (change[without] ? '' : change.value)).join('');
  // What a person approves must not rest on the library alone.
  if (changes !== undefined && side('added') === oldText && side('removed') === newText) return changes;
  return [
    { value: oldText, added: false, removed: true },
    { value: newText, added: true, removed: false },
  ];
}

/** Length of the whole lines that both texts start with. */
function commonStart(a: string, b: string): number {
  let same = 0;
  while (same < a.length && same < b.length && a.charCodeAt(same) === b.charCodeAt(same)) same += 1;
  if (same === 0 || (same === a.length && same === b.length)) return same;
  return a.lastIndexOf('\n', same - 1) + 1;
}

/** Length of the whole lines that both texts end with. */
function commonEnd(a: string, b: string): number {
  let same = 0;
  const isSame = (): boolean => a.charCodeAt(a.length - 1 - same) === b.charCodeAt(b.length - 1 - same);
  while (same < a.length && same < b.length && isSame()) same += 1;
  const line = a.indexOf('\n', a.length - same);
  return line < 0 ? 0 : a.length - line - 1;
}

/** A run of line breaks stays within its group, so that it can be counted like everywhere else. */
function toGroup({ value, added, removed }: Part): Group {
  const sign = added ? '+' : removed ? '-' : ' ';
  const isEnded = value.endsWith('\n');
  const lines = encodeVisible(isEnded ? value.slice(0, -1) : value)
    .split('\n')
    .map((line) => sign + line);
  return { sign, value, lines: isEnded ? lines : [...lines, NO_LINE_BREAK] };
}

function toBrief({ sign, lines }: Group, index: number, groups: readonly Group[]): readonly string[] {
  const first = index === 0 ? 0 : CONTEXT;
  const last = index === groups.length - 1 ? 0 : CONTEXT;
  if (sign !== ' ' || lines.length <= first + last + 1) return lines;
  const gone = lines.slice(first, lines.length - last);
  const count = countLines(decodeVisible(gone.filter((line) => line !== NO_LINE_BREAK).join('\n')));
  return [...lines.slice(0, first), notChanged(count), ...lines.slice(lines.length - last)];
}
