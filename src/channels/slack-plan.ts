/** A plan, which is Markdown, as Slack's rich text: only when that shows every word of it, in order. */
import type { RichTextBlock, RichTextSection, RichTextText } from '@slack/types';
import { code } from './slack-elements.ts';
import { hidesPathSigns, type Piece, PLAIN, parseMarkdown, unescapeMarkdown } from './slack-markdown.ts';
import { type Item, type List, type Part, readParts } from './slack-plan-parts.ts';
import { decodeVisible, encodeVisible } from './visible.ts';

/** Characters; several times what a message has room for. Reading takes at worst 0.2 s for this many. */
const MAX_SOURCE = 100_000;
/** Slack's own limit for the indentation of lists. */
const MAX_INDENT = 8;
/** Layers of `&amp;amp;lt;` that the comparison takes off. */
const MAX_UNESCAPES = 8;
/** White space and every character that Markdown's syntax is made of; such a one may be gone from what is shown. */
const SYNTAX = /[\s\\`*_~#>|:+=\-[\]()!<"'.&;]+/g;
/** For a list item with nothing on its line; Slack refuses empty text. */
const NOTHING: Piece = { text: '—', style: PLAIN, source: '' };

/**
 * Rich text elements for a plan. Undefined when they would not show all of it, when what looks like emphasis may belong to
 * a path, or it is too long or too deep: then its raw text has to be shown. `mask` takes encoded text and returns it with secrets replaced; it is called with the text of
 * each element, of each line or box, and of all of them.
 */
export function planElements(markdown: string, mask: (shown: string) => string): RichTextBlock['elements'] | undefined {
  if (markdown.length > MAX_SOURCE) return undefined;
  const tokens = parseMarkdown(markdown);
  if (hidesPathSigns(tokens)) return undefined;
  const parts = readParts(tokens).map((part) => changeRuns(part, encodeRun));
  if (parts.length === 0 || !isFaithful(markdown, parts)) return undefined;
  const masked = parts.map((part) => changeRuns(part, (pieces) => maskRun(pieces, mask)));
  // A secret that is spread over several parts is recognised in all of the text only.
  if (mask(textOf(parts)) !== textOf(masked)) return undefined;
  return masked.map(element);
}

/** Applies a change to all texts of a part that stand on lines of their own. */
function changeRuns(part: Part, change: (pieces: readonly Piece[]) => Piece[]): Part {
  if (part.kind !== 'list') return { ...part, pieces: change(part.pieces) };
  return { ...part, items: part.items.map((item) => ({ ...item, pieces: change(item.pieces) })) };
}

function encodeRun(pieces: readonly Piece[]): Piece[] {
  const [first = NOTHING] = pieces;
  if (pieces.length < 2) return [first.isEncoded ? first : { ...first, text: encodeVisible(first.text) }];
  const all = joined(pieces);
  const whole = encodeVisible(all);
  if (whole === all) return [...pieces];
  // Blanks at the end of a piece are ordinary ones when another piece follows.
  const texts = pieces.map(({ text }, index) =>
    index === pieces.length - 1 ? encodeVisible(text) : encodeVisible(`${text}x`).slice(0, -1),
  );
  return withTexts(pieces, texts, whole);
}

function maskRun(pieces: readonly Piece[], mask: (shown: string) => string): Piece[] {
  const texts = pieces.map(({ text }) => mask(text));
  return withTexts(pieces, texts, pieces.length === 1 ? texts.join('') : mask(joined(pieces)));
}

/** The pieces with new texts; one piece without styles when all of the text has become something else than its pieces. */
function withTexts(pieces: readonly Piece[], texts: readonly string[], whole: string): Piece[] {
  if (texts.join('') === whole) return pieces.map((piece, index) => ({ ...piece, text: texts[index] ?? '' }));
  const isOurs = pieces.some(({ source }) => source !== undefined);
  return [{ text: whole, style: PLAIN, ...(isOurs ? { source: pieces.map(sourceOf).join('\n') } : {}) }];
}

function joined(pieces: readonly Piece[]): string {
  return pieces.map(({ text }) => text).join('');
}

function textOf(parts: readonly Part[]): string {
  return parts
    .flatMap((part) => (part.kind === 'list' ? part.items : [part]).map(({ pieces }) => joined(pieces)))
    .join('\n');
}

/** Whether the parts have all words of the source in the same order, and no others. */
function isFaithful(markdown: string, parts: readonly Part[]): boolean {
  const wanted = wordsOf(markdown);
  return wanted !== undefined && wanted === wordsOf(readBack(parts));
}

/** A text without white space, without Markdown's syntax, and without the ways to write one character as several. */
function wordsOf(text: string): string | undefined {
  let plain = text;
  for (let layer = 0; layer < MAX_UNESCAPES; layer += 1) {
    const next = unescapeMarkdown(plain);
    if (next === plain) return plain.replace(SYNTAX, '');
    plain = next;
  }
  return undefined;
}

/** What encoded parts show, list numbers too. Line breaks keep pieces apart that would together be an escape. */
function readBack(parts: readonly Part[]): string {
  const numberOf = (list: List, item: Item, index: number): string =>
    list.isOrdered ? (item.number ?? String(list.first + index)) : '';
  return parts
    .flatMap((part) =>
      part.kind === 'list'
        ? part.items.flatMap((item, index) => [numberOf(part, item, index), ...item.pieces.map(sourceOf)])
        : part.pieces.map(sourceOf),
    )
    .join('\n');
}

function sourceOf({ text, source }: Piece): string {
  return source ?? decodeVisible(text);
}

function element(part: Part): RichTextBlock['elements'][number] {
  const border = part.isQuoted ? { border: 1 as const } : {};
  if (part.kind !== 'list') {
    const elements = texts(part.pieces);
    if (part.kind === 'box') return { type: 'rich_text_preformatted', elements, ...border };
    return { type: part.isQuoted ? 'rich_text_quote' : 'rich_text_section', elements };
  }
  return {
    type: 'rich_text_list',
    style: part.isOrdered ? 'ordered' : 'bullet',
    indent: Math.min(part.depth, MAX_INDENT),
    ...(part.first > 1 ? { offset: part.first - 1 } : {}),
    ...border,
    elements: part.items.map(({ pieces }): RichTextSection => ({ type: 'rich_text_section', elements: texts(pieces) })),
  };
}

/** Text elements, each no longer than Slack takes. */
function texts(pieces: readonly Piece[]): RichTextText[] {
  return pieces.flatMap(({ text, style }) =>
    code(text).map((cut) => ({
      type: 'text',
      text: cut.text,
      ...(Object.keys(style).length > 0 ? { style } : {}),
    })),
  );
}
