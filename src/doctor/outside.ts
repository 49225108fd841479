/** Texts and values that somebody else wrote: commands of hooks, settings of agents. */
import { isObject } from '../protocol.ts';
import { createMasker } from '../secrets.ts';

/** Enough of a text to recognise it, in characters. */
const SHOWN = 80;

/** For a line of the doctor: short, and without what looks like a secret. The printing escapes what is not seen. */
export function quoted(text: string): string {
  const { text: masked } = createMasker({ known: [] }).mask(text.slice(0, SHOWN * 50));
  const cut = masked.length > SHOWN ? `${masked.slice(0, SHOWN).replace(/[\uD800-\uDBFF]$/, '')}…` : masked;
  return JSON.stringify(cut);
}

/** An own property of an object; undefined for everything else. */
export function own(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** `a list`, `a string`: what a value is, for people. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** `a`, `a and b`, `a, b and 3 more`. */
export function listed(items: readonly string[], most = 3): string {
  const shown = items.slice(0, most);
  const left = items.length - shown.length;
  const parts = left > 0 ? [...shown, `${left} more`] : shown;
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
