/** Text of agents as a page shows it: nothing in it is invisible or turns the text around, and it costs at most so many bytes. */

/**
 * Everything without a glyph of its own but line breaks and tabs: control and format characters (bidi, zero-width, tags), private and
 * unassigned ones, line separators, and letters that are drawn empty.
 */
const HIDDEN = /(?![\n\t ])[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Variation_Selector}\u2800]/gu;
const ASCII_ONLY = /^[\n\t\x20-\x7e]*$/;

/** What markup needs for a character beside one byte: `&quot;` is the longest escape. */
const ESCAPED: Readonly<Record<string, number>> = { '&': 5, '<': 4, '>': 4, '"': 6, "'": 5 };
const PLAIN = /^[^&<>"']*$/;

export interface Clipped {
  readonly text: string;
  /** Bytes of the text as markup. */
  readonly bytes: number;
  readonly isCut: boolean;
}

/** Writes out what a person would not see, as `⟦U+202E⟧`. */
export function visible(text: string): string {
  return ASCII_ONLY.test(text) ? text : text.replace(HIDDEN, codePoint);
}

/** The text as far as `limit` bytes of markup go, made visible; ends with `…` where it is cut. */
export function clip(text: string, limit: number): Clipped {
  // A character takes a byte at least, so that nothing beyond the limit needs a look.
  const beginning = text.length > limit ? text.slice(0, limit).toWellFormed() : text;
  const shown = visible(beginning);
  const isShortened = beginning.length < text.length;
  if (!isShortened && shown.length <= limit && ASCII_ONLY.test(shown) && PLAIN.test(shown))
    return { text: shown, bytes: shown.length, isCut: false };
  return cutAt(shown, limit, isShortened);
}

/** As `clip`, on one line. */
export function clipLine(text: string, limit: number): string {
  return clip(
    text
      .slice(0, limit * 2)
      .replace(/\s+/g, ' ')
      .trim(),
    limit,
  ).text;
}

function cutAt(text: string, limit: number, isShortened: boolean): Clipped {
  const parts: string[] = [];
  let bytes = 0;
  for (const character of text) {
    const cost = costOf(character);
    if (bytes + cost > limit) return { text: `${parts.join('')}…`, bytes: bytes + 3, isCut: true };
    parts.push(character);
    bytes += cost;
  }
  return { text: parts.join('') + (isShortened ? '…' : ''), bytes: bytes + (isShortened ? 3 : 0), isCut: isShortened };
}

function costOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return ESCAPED[character] ?? 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

function codePoint(character: string): string {
  return `⟦U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟧`;
}
