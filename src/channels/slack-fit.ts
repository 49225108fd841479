/** Making texts fit: the small ones stay whole, the large ones lose their middle, and what is lost is counted. */
import type { Field } from './slack-field.ts';
import { cutAfter, cutBefore, decodeVisible } from './visible.ts';

/** A field as it will be shown. */
export interface FittedField extends Field {
  /** Set when the middle is left out; `shown` is then empty and head and tail are shown. */
  readonly cut?: {
    readonly head: string;
    readonly tail: string;
    /** What is left out, counted in the original text. */
    readonly characters: number;
    readonly lines: number;
  };
}

/** What a text costs: its length as JSON, because line breaks and quotes count double on the wire. */
export function costOf(text: string): number {
  return JSON.stringify(text).length - 2;
}

/** Cuts the largest fields until all of them together cost no more than `budget`. */
export function fitFields(fields: readonly Field[], budget: number): readonly FittedField[] {
  const costs = fields.map(costOfField);
  const sorted = costs.toSorted((a, b) => a - b);
  let left = budget;
  let share = Number.POSITIVE_INFINITY;
  for (const [index, cost] of sorted.entries()) {
    share = Math.floor(left / (sorted.length - index));
    if (cost > share) break;
    left -= cost;
    share = Number.POSITIVE_INFINITY;
  }
  return fields.map((field, index) =>
    (costs[index] ?? 0) <= share ? field : cutMiddle(field, field.brief ?? field.shown, Math.max(0, share)),
  );
}

/** The fields in a form that is as complete and fits, or else the parts of them that fit. */
export function fitSomehow(fields: readonly Field[], budgetOf: (fields: readonly Field[]) => number) {
  const best = fitFields(fields, budgetOf(fields));
  if (best.every(isUncut)) return best;
  const bare = fields.map(({ around: _around, ...field }) => field);
  const without = fitFields(bare, budgetOf(bare));
  if (without.every(isUncut) || fields.every(({ instead }) => instead === undefined)) return without;
  const lean = fields.map(({ instead, ...field }) => instead ?? field);
  const leanest = fitFields(lean, budgetOf(lean));
  return leanest.every(isUncut) ? leanest : without;
}

function isUncut(field: FittedField): boolean {
  return field.cut === undefined;
}

function costOfField({ shown, around }: Field): number {
  const more = around === undefined ? 0 : costOf(around.above) + costOf(around.below) + 4;
  return costOf(shown) + more;
}

/** Keeps the head and the tail: what is dangerous likes to stand at the end. */
function cutMiddle(field: Field, shown: string, budget: number): FittedField {
  const half = Math.floor(budget / 2);
  if (costOf(shown) <= budget) return { ...field, shown: '', cut: { head: shown, tail: '', characters: 0, lines: 0 } };
  const snap = field.isDiff === true ? snapToLines : snapToNothing;
  const headEnd = snap.before(
    shown,
    cutBefore(
      shown,
      affordable(half, (count) => shown.slice(0, count)),
    ),
  );
  const tailLength = affordable(half, (count) => shown.slice(shown.length - count));
  const tailStart = Math.max(headEnd, snap.after(shown, cutAfter(shown, shown.length - tailLength)));
  return cutBetween(field, shown, afterLines(shown, headEnd), beforeLines(shown, tailStart));
}

function cutBetween(field: Field, shown: string, headEnd: number, tailStart: number): FittedField {
  const middle = decodeVisible(shown.slice(headEnd, tailStart));
  return {
    ...field,
    shown: '',
    cut: {
      head: shown.slice(0, headEnd),
      tail: shown.slice(tailStart),
      characters: middle.length,
      lines: middle.split('\n').length - 1,
    },
  };
}

/** Nobody reads hundreds of lines on a phone to get to the buttons; the whole is in the file, or on the pages. */
const HEAD_LINES = 40;
const TAIL_LINES = 25;

/** A place after so many lines, or `end` where there are no more before it. */
function afterLines(shown: string, end: number): number {
  let at = -1;
  for (let line = 0; line < HEAD_LINES; line += 1) {
    at = shown.indexOf('\n', at + 1);
    if (at < 0 || at >= end) return end;
  }
  return at;
}

/** The beginning of the last so many lines, or `start` where there are no more after it. */
function beforeLines(shown: string, start: number): number {
  let at = shown.length;
  for (let line = 0; line < TAIL_LINES; line += 1) {
    at = shown.lastIndexOf('\n', at - 1);
    if (at < start) return start;
  }
  return at + 1;
}

/** A place in a text, moved to one where it may be cut. */
type Snap = (shown: string, position: number) => number;

const snapToNothing: { readonly before: Snap; readonly after: Snap } = {
  before: (_shown, position) => position,
  after: (_shown, position) => position,
};

/** A line without its sign could be taken for one of another side. A single line that is too long is cut all the same. */
const snapToLines: typeof snapToNothing = {
  before: (shown, position) => {
    const end = shown.lastIndexOf('\n', position);
    return end < 0 ? position : end;
  },
  after: (shown, position) => {
    const end = shown.indexOf('\n', position);
    return end < 0 ? position : end + 1;
  },
};

/** How many characters of a text, which costs more than `budget` as a whole, can be taken for it. */
function affordable(budget: number, take: (count: number) => string): number {
  let count = budget;
  while (count > 0 && costOf(take(count)) > budget) count = Math.floor(count * 0.9);
  return count;
}
