/** Making texts fit: the small ones stay whole, the large ones lose their middle, and what is lost is counted. */
import type { Field } from './slack-fields.ts';
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
  const costs = fields.map((field) => costOf(field.shown)).sort((a, b) => a - b);
  let left = budget;
  let share = Number.POSITIVE_INFINITY;
  for (const [index, cost] of costs.entries()) {
    share = Math.floor(left / (costs.length - index));
    if (cost > share) break;
    left -= cost;
    share = Number.POSITIVE_INFINITY;
  }
  return fields.map((field) => (costOf(field.shown) <= share ? field : cutMiddle(field, Math.max(0, share))));
}

/** Keeps the head and the tail: what is dangerous likes to stand at the end. */
function cutMiddle(field: Field, budget: number): FittedField {
  const { shown } = field;
  const half = Math.floor(budget / 2);
  const headEnd = cutBefore(
    shown,
    affordable(half, (count) => shown.slice(0, count)),
  );
  const tailLength = affordable(half, (count) => shown.slice(shown.length - count));
  const tailStart = Math.max(headEnd, cutAfter(shown, shown.length - tailLength));
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

/** How many characters of a text, which costs more than `budget` as a whole, can be taken for it. */
function affordable(budget: number, take: (count: number) => string): number {
  let count = budget;
  while (count > 0 && costOf(take(count)) > budget) count = Math.floor(count * 0.9);
  return count;
}
