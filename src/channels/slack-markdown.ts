/** The small parts of Markdown: its tokens, and lines and tables of text with every word of them kept. */
import type { RichTextText } from '@slack/types';
import MarkdownIt, { type Token } from 'markdown-it';
import { encodeInline } from './visible.ts';

export type { Token };

export type Style = NonNullable<RichTextText['style']>;

/** Some text of one style. */
export interface Piece {
  readonly text: string;
  readonly style: Style;
  /** What the Markdown has in its place, when that is not the text. */
  readonly source?: string;
  /** The text is encoded already. */
  readonly isEncoded?: true;
}

/** No style; the same object everywhere, so that comparing is quick. */
export const PLAIN: Style = {};
const TASK = /^\[([ xX])\]\s/;
/** A number that a list of Slack's can show. Slack does not say how far it counts; steps of a plan have no longer ones. */
export const NUMBER = /^[1-9]\d{0,4}$/;
const EMPHASIS = /^(?:em|strong|s)_(?:open|close)$/;
/** What goes on with the word that emphasis stands in. */
const IN_NAME_BEFORE = /[\p{L}\p{N}_*~$@=:.-]$/u;
const IN_NAME_AFTER = /^(?:[\p{L}\p{N}_*~$@=]|[:.-]+[\p{L}\p{N}_*])/u;
/** Wider cells do not move the next column. */
const MAX_COLUMN = 40;
const MIN_COLUMN = 3;
/**
 * CommonMark with GitHub's tables and strikethrough. Without link references: a definition is text that would not be
 * seen. Addresses stay as they are written.
 */
const parser = new MarkdownIt({ html: true, linkify: false, typographer: false }).disable('reference');
parser.normalizeLink = (url) => url;
parser.normalizeLinkText = (url) => url;

/** Text with one layer of character references (`&lt;`) and backslash escapes taken off. */
export const unescapeMarkdown: (text: string) => string = parser.utils.unescapeAll;

/** The parser's tokens; beyond 100 levels it drops what is there. */
export function parseMarkdown(markdown: string): readonly Token[] {
  return parser.parse(markdown, {});
}

/**
 * Whether a sign of emphasis, which is not shown, could belong to a path or the name of a file: it touches a slash, or
 * stands inside of what reads as one word, as in `./*build*` and `__init__.py`.
 */
export function hidesPathSigns(tokens: readonly Token[]): boolean {
  return tokens.some(({ children }) => {
    if (children === null) return false;
    return hidesPathSigns(children) || children.some((token, index) => isPathSign(children, token, index));
  });
}

function isPathSign(line: readonly Token[], { type }: Token, index: number): boolean {
  const isOpening = /^(?:em|strong|s)_open$/.test(type);
  if (!isOpening && !EMPHASIS.test(type)) return false;
  const before = textBeside(line, index, -1);
  const after = textBeside(line, index, 1);
  if (/[/\\]$/.test(before) || /^[/\\]/.test(after)) return true;
  return isOpening ? IN_NAME_BEFORE.test(before) || /^\.\w/.test(after) : IN_NAME_AFTER.test(after);
}

/** The text right beside a sign of emphasis, past other such signs; none where code or a link begins or ends. */
function textBeside(line: readonly Token[], index: number, step: 1 | -1): string {
  let at = index + step;
  while (EMPHASIS.test(line[at]?.type ?? '') || (line[at]?.type === 'text' && line[at]?.content === '')) at += step;
  return line[at]?.type === 'text' ? (line[at]?.content ?? '') : '';
}

/** The ordered lists whose items all have the first one's number, which in Markdown means: count from there. */
export function lazyLists(tokens: readonly Token[]): ReadonlySet<Token> {
  const lazy = new Set<Token>();
  const open: { list: Token; numbers: string[] }[] = [];
  for (const token of tokens) {
    if (token.type.endsWith('_list_open')) open.push({ list: token, numbers: [] });
    if (token.type === 'list_item_open') open.at(-1)?.numbers.push(token.info);
    if (!token.type.endsWith('_list_close')) continue;
    const { list, numbers } = open.pop() ?? { numbers: [] };
    const [first = ''] = numbers;
    if (list !== undefined && NUMBER.test(first) && numbers.length > 1 && numbers.every((number) => number === first))
      lazy.add(list);
  }
  return lazy;
}

/** A line of text, which has other lines in it where it breaks. A task's brackets become a box. */
export function readLine(token: Token, base: Style, newline: string, mayBeTask: boolean): readonly Piece[] {
  const pieces = readInline(token.children ?? [], base, newline);
  return mayBeTask && TASK.test(token.content) ? withBox(pieces) : pieces;
}

/** A cell of a table on one line, encoded. */
export function readCell(token: Token): string {
  return encodeInline(
    readInline(token.children ?? [], PLAIN, ' ')
      .map(({ text }) => text)
      .join(''),
  );
}

/** Encoded cells with the columns one below the other, the first row above a line. */
export function layOutTable(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_cell, column) =>
    rows.reduce((most, row) => Math.max(most, Math.min(MAX_COLUMN, Bun.stringWidth(row[column] ?? ''))), MIN_COLUMN),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - Bun.stringWidth(cell))))
      .join(' | ')
      .trimEnd();
  return [line(head), widths.map((width) => '-'.repeat(width)).join('-|-'), ...rows.slice(1).map(line)].join('\n');
}

/** Puts a piece behind the others, or into the last one when nothing tells them apart. */
export function add(pieces: Piece[], piece: Piece): void {
  if (piece.text === '') return;
  const last = pieces.at(-1);
  const isSame =
    last !== undefined &&
    last.source === undefined &&
    piece.source === undefined &&
    (last.style === piece.style || JSON.stringify(last.style) === JSON.stringify(piece.style));
  if (isSame) pieces[pieces.length - 1] = { ...piece, text: last.text + piece.text };
  else pieces.push(piece);
}

/** Text with its styles. Links and images show where they lead, and their titles. */
function readInline(tokens: readonly Token[], base: Style, newline: string): readonly Piece[] {
  const pieces: Piece[] = [];
  const styles: Style[] = [base];
  const targets: (readonly Piece[])[] = [];
  for (const token of tokens) {
    const style = styles.at(-1) ?? base;
    const more = STYLES[token.type];
    if (more !== undefined) styles.push({ ...style, ...more });
    else if (/^(?:em|strong|s)_close$/.test(token.type)) styles.pop();
    else if (token.type === 'softbreak' || token.type === 'hardbreak') add(pieces, { text: newline, style: PLAIN });
    else if (token.type === 'link_open') targets.push(token.markup === 'autolink' ? [] : target(token, 'href', style));
    else if (token.type === 'link_close') for (const piece of targets.pop() ?? []) add(pieces, piece);
    else if (token.type === 'image') {
      const inside = readInline(token.children ?? [], style, newline);
      for (const piece of [...inside, ...target(token, 'src', style)]) add(pieces, piece);
    } else add(pieces, { text: token.content, style: CODE.has(token.type) ? { ...style, code: true } : style });
  }
  return pieces;
}

const STYLES: Readonly<Record<string, Style>> = {
  em_open: { italic: true },
  strong_open: { bold: true },
  s_open: { strike: true },
};
const CODE: ReadonlySet<string> = new Set(['code_inline', 'html_inline']);

/** A task's line with a box instead of its brackets. */
function withBox(pieces: readonly Piece[]): readonly Piece[] {
  const [first, ...rest] = pieces;
  const mark = TASK.exec(first?.text ?? '')?.[1];
  if (first === undefined || mark === undefined) return pieces;
  const text = first.text.replace(TASK, '');
  return [
    { text: mark === ' ' ? '☐ ' : '☑ ', style: PLAIN, source: mark },
    ...(text === '' ? [] : [{ ...first, text }]),
    ...rest,
  ];
}

/** ` (address "title")` */
function target(token: Token, attribute: string, style: Style): readonly Piece[] {
  const title = token.attrGet('title');
  return [
    { text: ' (', style },
    { text: String(token.attrGet(attribute) ?? ''), style: { ...style, code: true } },
    { text: title === null ? ')' : ` "${title}")`, style },
  ];
}
