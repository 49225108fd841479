/** The parts that a plan is made of, read from the tokens of its Markdown: text, boxes and lists. */
import {
  add,
  layOutTable,
  lazyLists,
  NUMBER,
  type Piece,
  PLAIN,
  readCell,
  readLine,
  type Token,
} from './slack-markdown.ts';

/** Lines of text, or a box with text that keeps its blanks. */
interface Prose {
  readonly kind: 'prose' | 'box';
  readonly isQuoted: boolean;
  readonly pieces: Piece[];
}

/** One item of a list. */
export interface Item {
  readonly pieces: Piece[];
  /** The number in the Markdown, where that is not the item's. */
  readonly number?: string;
}

/** Items of one depth that follow one another; what stands between two items ends a list. */
export interface List {
  readonly kind: 'list';
  readonly isOrdered: boolean;
  readonly isQuoted: boolean;
  /** How many lists it is in. */
  readonly depth: number;
  /** The number of the first item. */
  readonly first: number;
  readonly items: Item[];
}

/** A part of a plan, as plain text. */
export type Part = Prose | List;

/** A list that is being read. */
interface OpenList {
  readonly isOrdered: boolean;
  readonly isLazy: boolean;
  /** How many of its items have been read. */
  read: number;
}

const RULE: Piece = { text: '———', style: PLAIN, source: '' };

/** Takes the tokens of a whole text; of what comes back only tables are encoded. */
export function readParts(tokens: readonly Token[]): readonly Part[] {
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
