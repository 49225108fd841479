/** A plan, which is Markdown, as Slack's rich text: only when that shows every word of it, in order. */
import type { RichTextBlock, RichTextSection, RichTextText } from '@slack/types';
import { code } from './slack-elements.ts';
import {
  add,
  hidesPathSigns,
  layOutTable,
  lazyLists,
  NUMBER,
  type Piece,
  PLAIN,
  parseMarkdown,
  readCell,
  readLine,
  type Token,
  unescapeMarkdown,
} from './slack-markdown.ts';
import { decodeVisible, encodeVisible } from './visible.ts';

/** Lines of text, or a box with text that keeps its blanks. */
interface Prose {
  readonly kind: 'prose' | 'box';
  readonly isQuoted: boolean;
  readonly pieces: Piece[];
}

interface Item {
  readonly pieces: Piece[];
  /** The number in the Markdown, where that is not the item's. */
  readonly number?: string;
}

/** Items of one depth that follow one another; what stands between two items ends a list. */
interface List {
  readonly kind: 'list';
  readonly isOrdered: boolean;
  readonly isQuoted: boolean;
  /** How many lists it is in. */
  readonly depth: number;
  /** The number of the first item. */
  readonly first: number;
  readonly items: Item[];
}

type Part = Prose | List;

/** A list that is being read. */
interface OpenList {
  readonly isOrdered: boolean;
  readonly isLazy: boolean;
  /** How many of its items have been read. */
  read: number;
}

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
const RULE: Piece = { text: '———', style: PLAIN, source: '' };

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

function readParts(tokens: readonly Token[]): readonly Part[] {
  const lazy = lazyLists(tokens);
  const page = createPage();
  for (const token of tokens) READERS[token.type]?.(page, token, lazy.has(token));
  return page.parts;
}

type Page = ReturnType<typeof createPage>;

/** What a page does at a token; paragraphs and cells are all in the text in them. */
const READERS: Readonly<Record<string, (page: Page, token: Token, isLazy: boolean) => void>> = {
  inline: (page, token) => page.text(token),
  heading_open: (page) => page.heading(true),
  heading_close: (page) => page.heading(false),
  hr: (page) => page.rule(),
  fence: (page, { content, info }) => page.box(content, info.trim()),
  code_block: (page, { content }) => page.box(content, ''),
  html_block: (page, { content }) => page.box(content, ''),
  blockquote_open: (page) => page.quote(1),
  blockquote_close: (page) => page.quote(-1),
  bullet_list_open: (page) => page.openList(false, false),
  bullet_list_close: (page) => page.closeList(),
  ordered_list_open: (page, _token, isLazy) => page.openList(true, isLazy),
  ordered_list_close: (page) => page.closeList(),
  list_item_open: (page, { info }) => page.openItem(info),
  list_item_close: (page) => page.closeItem(),
  tr_open: (page) => page.row(),
  table_close: (page) => page.table(),
};

/** Collects the parts of a plan while its tokens come by. */
function createPage() {
  const parts: Part[] = [];
  const lists: OpenList[] = [];
  /** Where the next line of text belongs; undefined when it starts a part of its own. */
  let open: Piece[] | undefined;
  /** The first line of an item is still to come. */
  let isFreshItem = false;
  let isHeading = false;
  let isAfterHeading = false;
  let quotes = 0;
  let rows: string[][] = [];

  const end = (): void => {
    open = undefined;
    isFreshItem = false;
    isAfterHeading = false;
  };
  /** Slack has quotes of one level only. */
  const quoteMarks = (): string => '> '.repeat(Math.max(0, quotes - 1));
  const startProse = (): Piece[] => {
    const pieces: Piece[] = isHeading && parts.length > 0 ? [{ text: '\n', style: PLAIN }] : [];
    parts.push({ kind: 'prose', isQuoted: quotes > 0, pieces });
    return pieces;
  };
  const addLine = (pieces: readonly Piece[], gap: string): void => {
    if (pieces.length === 0) return;
    const isNew = open === undefined || isFreshItem;
    open ??= startProse();
    for (const text of [isNew ? '' : gap, quoteMarks()]) add(open, { text, style: PLAIN });
    for (const piece of pieces) add(open, piece);
    isFreshItem = false;
    isAfterHeading = isHeading;
  };
  const addBox = (piece: Piece): void => {
    end();
    if (piece.text !== '') parts.push({ kind: 'box', isQuoted: quotes > 0, pieces: [piece] });
  };

  return {
    parts: parts as readonly Part[],
    text(token: Token): void {
      const row = rows.at(-1);
      if (row !== undefined) {
        row.push(readCell(token));
        return;
      }
      const pieces = readLine(
        token,
        isHeading ? { bold: true } : PLAIN,
        `\n${quoteMarks()}`,
        isFreshItem && !isHeading,
      );
      addLine(pieces, lists.length > 0 || isAfterHeading ? '\n' : '\n\n');
    },
    heading(isOpen: boolean): void {
      isHeading = isOpen;
    },
    rule: () => addLine([RULE], '\n'),
    /** `info` is what stands behind the opening fence. */
    box(content: string, info: string): void {
      addLine(info === '' ? [] : [{ text: info, style: { italic: true } }], '\n');
      addBox({ text: content.replace(/\n$/, ''), style: PLAIN });
    },
    /** One level of quotes more (1) or less (-1). */
    quote(by: number): void {
      if (quotes === 0 || quotes + by === 0) end();
      quotes += by;
    },
    openList(isOrdered: boolean, isLazy: boolean): void {
      end();
      lists.push({ isOrdered, isLazy, read: 0 });
    },
    closeList(): void {
      end();
      lists.pop();
    },
    openItem(number: string): void {
      end();
      const list = lists.at(-1);
      if (list === undefined) return;
      open = addItem(parts, number, list, lists.length - 1, quotes > 0);
      list.read += 1;
      isFreshItem = true;
    },
    closeItem: end,
    row: () => void rows.push([]),
    table(): void {
      addBox({ text: layOutTable(rows), style: PLAIN, isEncoded: true });
      rows = [];
    },
  };
}

/** Starts an item, in the last list if that goes on with it. A number that Slack's lists cannot show becomes text. */
function addItem(parts: Part[], written: string, list: OpenList, depth: number, isQuoted: boolean): Piece[] {
  const isOrdered = list.isOrdered && NUMBER.test(written);
  const number = Number(written) + (list.isLazy ? list.read : 0);
  const pieces: Piece[] = list.isOrdered && !isOrdered ? [{ text: `${written}. `, style: PLAIN }] : [];
  const item: Item = { pieces, ...(list.isLazy ? { number: written } : {}) };
  const last = parts.at(-1);
  const isNext =
    last?.kind === 'list' &&
    last.isOrdered === isOrdered &&
    last.depth === depth &&
    last.isQuoted === isQuoted &&
    (!isOrdered || last.first + last.items.length === number);
  if (isNext) last.items.push(item);
  else parts.push({ kind: 'list', isOrdered, isQuoted, depth, first: isOrdered ? number : 1, items: [item] });
  return pieces;
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
