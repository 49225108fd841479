/**
 * Text that cannot hide anything. What a person would not see, or would see in another order, is written out as
 * `⟦U+202E⟧`; long runs of blank space are counted. Reversible: what is shown is exactly what will run.
 */

/** The only character that starts an escape; as text of its own it is escaped too. */
const MARK = '⟦';
const MARK_END = '⟧';

/** A run of spaces up to this length is ordinary indentation; a longer one can push text out of sight. */
const PLAIN_SPACES = 8;
/** More line breaks than this in a row can push text out of sight. */
const PLAIN_NEWLINES = 3;

/**
 * Everything without a glyph of its own: control, format (bidi, zero-width, tags), surrogate, private and unassigned
 * code points, separators, variation selectors, and letters that are drawn empty (Hangul fillers, Braille blank).
 */
const HIDDEN = '(?![\\n\\t ])[\\p{C}\\p{Z}\\p{Default_Ignorable_Code_Point}\\p{Variation_Selector}\\u2800]';

const SPECIAL = new RegExp(
  `\\n{${PLAIN_NEWLINES + 1},}| {${PLAIN_SPACES + 1},}| +(?=\\n|$)|\\t+|${MARK}|${HIDDEN}`,
  'gu',
);
const HIDDEN_ONLY = new RegExp(HIDDEN, 'gu');
const ESCAPE = /⟦(?:U\+([0-9A-F]{4,6})|(?:(\d+) )?(space|tab|newline)s?)⟧/g;
const BLANKS: Readonly<Record<string, string>> = { space: ' ', tab: '\t', newline: '\n' };

/** `SPECIAL` as far as it concerns the text of `ASCII_ONLY`: most texts, in a tenth of the time. */
const SPECIAL_ASCII = new RegExp(`\\n{${PLAIN_NEWLINES + 1},}| {${PLAIN_SPACES + 1},}| +(?=\\n|$)|\\t+`, 'g');
const ASCII_ONLY = /^[\n\t\x20-\x7e]*$/;

/** Alphabets with letters that look like those of another one. */
const ALPHABETS = ['Latin', 'Cyrillic', 'Greek', 'Armenian', 'Cherokee', 'Coptic', 'Georgian', 'Lisu', 'Deseret'].map(
  (name) => new RegExp(`\\p{Script_Extensions=${name}}`, 'u'),
);
/** Letters that only look like another alphabet's: fullwidth and mathematical ones. */
const LOOK_ALIKES = /[\uff21-\uff3a\uff41-\uff5a\u{1d400}-\u{1d7ff}]/u;
const WORD = /[\p{L}\p{M}\p{N}_]+/gu;
const ASCII_LETTER = /[a-zA-Z]/;

/** Makes everything visible, line breaks excepted. `decodeVisible` gives the very same text back. */
export function encodeVisible(text: string): string {
  return text.replace(ASCII_ONLY.test(text) ? SPECIAL_ASCII : SPECIAL, (found) => {
    if (found.startsWith(' ')) return run(found.length, 'space');
    if (found.startsWith('\n')) return run(found.length, 'newline');
    if (found.startsWith('\t')) return found.length === 1 ? `${MARK}tab${MARK_END}` : run(found.length, 'tab');
    return codePoint(found);
  });
}

/** As `encodeVisible`, on one line: no line break can pass for the start of another label. */
export function encodeInline(text: string): string {
  return encodeVisible(text).replace(/\n+/g, (found) => run(found.length, 'newline'));
}

/** The text that `encodeVisible` or `encodeInline` was given. */
export function decodeVisible(shown: string): string {
  return shown.replace(
    ESCAPE,
    (_escape, hex: string | undefined, count: string | undefined, blank: string | undefined) =>
      hex === undefined
        ? (BLANKS[blank ?? ''] ?? '').repeat(Number(count ?? 1))
        : String.fromCodePoint(Number.parseInt(hex, 16)),
  );
}

/** How many characters are invisible or change the direction of the text. Spaces, tabs and line breaks do not count. */
export function countHidden(text: string): number {
  if (ASCII_ONLY.test(text)) return 0;
  return text.match(HIDDEN_ONLY)?.length ?? 0;
}

/** The words that are written in letters of more than one alphabet, each once, at most `limit`. */
export function mixedWords(text: string, limit: number): readonly string[] {
  if (ASCII_ONLY.test(text)) return [];
  const found = new Set<string>();
  for (const [word] of text.matchAll(WORD)) {
    if (found.size >= limit) break;
    if (!ASCII_ONLY.test(word) && isMixed(word)) found.add(word);
  }
  return [...found];
}

/** A word with every letter that is not ASCII written out. */
export function spellOut(word: string): string {
  return [...word].map((letter) => (ASCII_ONLY.test(letter) ? letter : codePoint(letter))).join('');
}

function isMixed(word: string): boolean {
  if (ASCII_LETTER.test(word) && LOOK_ALIKES.test(word)) return true;
  return (
    ALPHABETS.filter((alphabet) => [...word].some((letter) => /\p{L}/u.test(letter) && alphabet.test(letter))).length >
    1
  );
}

/** A place at or before `position` where encoded text can be cut without splitting an escape or a surrogate pair. */
export function cutBefore(shown: string, position: number): number {
  if (position <= 0) return 0;
  if (position >= shown.length) return shown.length;
  const mark = shown.lastIndexOf(MARK, position - 1);
  if (mark >= 0 && shown.indexOf(MARK_END, mark) >= position) return mark;
  return isHighSurrogate(shown, position - 1) ? position - 1 : position;
}

/** As `cutBefore`, at or after `position`. */
export function cutAfter(shown: string, position: number): number {
  if (position <= 0) return 0;
  if (position >= shown.length) return shown.length;
  const mark = shown.lastIndexOf(MARK, position - 1);
  const end = mark < 0 ? -1 : shown.indexOf(MARK_END, mark);
  if (end >= position) return end + 1;
  return isHighSurrogate(shown, position - 1) ? position + 1 : position;
}

/** Encoded text has no lone surrogates: a high one always has its low one behind it. */
function isHighSurrogate(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return unit >= 0xd800 && unit <= 0xdbff;
}

function run(length: number, name: string): string {
  return `${MARK}${length} ${name}${length === 1 ? '' : 's'}${MARK_END}`;
}

function codePoint(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `${MARK}U+${hex}${MARK_END}`;
}
