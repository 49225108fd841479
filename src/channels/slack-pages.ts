/** "Show all": the whole of a request in a modal, page by page. */
import type { ActionsBlock, ModalView, RichTextBlock } from '@slack/types';
import {
  bold,
  box,
  code,
  costOfBlocks,
  italic,
  type RichTextPart,
  richText,
  section,
  shorten,
  text,
} from './slack-elements.ts';
import type { Field } from './slack-field.ts';
import { costOf } from './slack-fit.ts';
import { answerOf, type Filled, type FormOrigin, type FormResult, formView, plain } from './slack-form.ts';
import { cutAfter, cutBefore, decodeVisible } from './visible.ts';
import { hiddenWarning, length, WORDS } from './wording.ts';
import { everything, FORMS, pageTitle } from './wording-forms.ts';

export const PAGES_VIEW = 'csh_pages';
const PAGES_NAV_BLOCK = 'csh_pages_nav';
const PAGE_BACK_ACTION = 'csh_page_back';
export const PAGE_NEXT_ACTION = 'csh_page_next';

/** What a card may cost, less the buttons and the last page's lines; see slack-blocks.ts for the number. */
const PAGE_BUDGET = 8_500;
/** A modal has 100 blocks (Block Kit reference); some are for the buttons and the last page's lines. */
const MAX_BLOCKS = 90;
/** A text that does not fit starts on a page only when this much of it does. */
const MIN_ROOM = 1_500;
/** How far back from the end of a page a line's end is looked for. */
const NEAR = 1_000;
const MAX_LABEL = 80;
const MAX_REMARK = 300;
/** Between a label and a text on the same line. */
const COLON = 2;

/** Masks secrets in text that is encoded already. */
type Mask = (shown: string) => string;

/** A part of a field's text, or of its name when that is too long for a label. */
export interface PagePart {
  /** The index of the field. */
  readonly field: number;
  readonly of: 'name' | 'value';
  readonly shown: string;
}

export interface Page {
  readonly blocks: readonly RichTextBlock[];
  /** In order; all parts of a field together are its whole encoded, masked text. */
  readonly parts: readonly PagePart[];
  /** Of the fields that start on this page, as they were before encoding. */
  readonly characters: number;
  readonly lines: number;
  /** False when a value on this page could not be turned into text. */
  readonly isWhole: boolean;
}

/** A text on its way to the pages. */
interface Item extends Omit<PagePart, 'shown'> {
  readonly label: string;
  readonly shown: string;
  readonly source: Field;
}

/** All fields in full, on at least one page. A page costs at most 9,000 (see `costOf`) and has at most 90 blocks. */
export function pagesOf(fields: readonly Field[], mask: Mask): readonly Page[] {
  const pages: Page[] = [];
  let page = emptyPage();
  let room = PAGE_BUDGET;
  const turn = (): void => {
    pages.push(page);
    page = emptyPage();
    room = PAGE_BUDGET;
  };
  for (const item of fields.flatMap((field, index) => itemsOf(field, index, mask))) {
    let start = 0;
    do {
      const frame = costOfBlocks(partBlock(item, '', start, mask)) + COLON;
      if (isFull(page, room - frame, item.shown, start)) turn();
      const end = endOfPart(item.shown, start, room - frame);
      room -= frame + costOf(item.shown.slice(start, end));
      page = withPart(page, item, start, end, mask);
      start = end;
    } while (start < item.shown.length);
  }
  if (page.blocks.length > 0 || pages.length === 0) turn();
  return pages;
}

/**
 * One page; an index beyond the pages is the nearest one. `canApprove`: whether the person has seen all pages; the last
 * one can then be submitted, which approves. `digest`: of the request.
 */
export function renderPage(
  origin: FormOrigin,
  pages: readonly Page[],
  index: number,
  canApprove: boolean,
  digest: string,
): ModalView {
  const last = Math.max(0, pages.length - 1);
  const at = Math.min(Math.max(0, index), last);
  const blocks = pages[at]?.blocks ?? [];
  const isWhole = pages.every((page) => page.isWhole);
  const submit = at === last && canApprove && isWhole ? { submit: WORDS.approve } : {};
  return formView(PAGES_VIEW, origin, { title: pageTitle(at + 1, last + 1), close: FORMS.close, ...submit }, [
    ...(blocks.length > 0 ? blocks : [richText([section([text(WORDS.noInput)])])]),
    ...(at === last ? [ending(pages, canApprove, isWhole, digest)] : []),
    ...navigation(at, last),
  ]);
}

/** The approval that the submission of a last page is. */
export function readPagesForm(filled: Filled): FormResult {
  return { answer: answerOf(filled, { decision: 'allow' }) };
}

function emptyPage(): Page {
  return { blocks: [], parts: [], characters: 0, lines: 0, isWhole: true };
}

/** A name that is too long for a label is a text of its own. */
function itemsOf(field: Field, index: number, mask: Mask): Item[] {
  const label = mask(field.label);
  const value: Item = { field: index, of: 'value', label, shown: mask(field.shown), source: field };
  if (label.length <= MAX_LABEL) return [value];
  const name = {
    label: FORMS.longName,
    shown: label,
    style: 'box',
    length: label.length,
    hidden: 0,
    whole: true,
  } as const;
  return [{ field: index, of: 'name', label: name.label, shown: label, source: name }, value];
}

/** Whether what is left of a text belongs on the next page. */
function isFull(page: Page, room: number, shown: string, start: number): boolean {
  if (page.blocks.length === 0) return false;
  if (page.blocks.length >= MAX_BLOCKS) return true;
  if (room >= MIN_ROOM) return false;
  const isShort = shown.length - start <= room;
  return !isShort || costOf(shown.slice(start)) > room;
}

function withPart(page: Page, item: Item, start: number, end: number, mask: Mask): Page {
  const { field, of, source } = item;
  const shown = item.shown.slice(start, end);
  const isStart = of === 'value' && start === 0;
  return {
    blocks: [...page.blocks, partBlock(item, shown, start, mask)],
    parts: [...page.parts, { field, of, shown }],
    characters: page.characters + (isStart ? source.length : 0),
    lines: page.lines + (isStart ? countLines(source.shown) : 0),
    isWhole: page.isWhole && source.whole,
  };
}

/** A label, a part of the text, and what is to be said about it. */
function partBlock(item: Item, shown: string, start: number, mask: Mask): RichTextBlock {
  const { source } = item;
  const label = [
    bold(shorten(item.label, MAX_LABEL)),
    ...(source.note === undefined ? [] : [text(` (${source.note})`)]),
    text(` · ${start === 0 ? length(source.length) : FORMS.continued}`),
  ];
  const notes: RichTextPart[] = [
    ...(start === 0 && source.hidden > 0 ? [section([bold(hiddenWarning(source.hidden))])] : []),
    ...(start === 0 && source.remark !== undefined
      ? [section([italic(shorten(mask(source.remark), MAX_REMARK))])]
      : []),
  ];
  if (item.shown === '') return richText([section([...label, text(': '), italic(WORDS.empty)]), ...notes]);
  if (source.style === 'line' && shown === item.shown && !shown.includes('\n'))
    return richText([section([...label, text(': '), ...code(shown)]), ...notes]);
  return richText([section(label), ...notes, ...box(shown)]);
}

/** Where a part of an encoded text ends that costs no more than `room`: at a line's end where one is near. */
function endOfPart(shown: string, start: number, room: number): number {
  const count = affordable(shown, start, room);
  if (start + count >= shown.length) return shown.length;
  // A window with room for what stands across its cut: looking through all of a large text each time would take long.
  const near = shown.slice(start, start + count + PAGE_BUDGET);
  const cut = cutBefore(near, count);
  const lineEnd = near.lastIndexOf('\n', cut - 1) + 1;
  if (lineEnd > 0 && lineEnd >= cut - NEAR) return start + lineEnd;
  return start + (cut > 0 ? cut : Math.max(1, cutAfter(near, Math.max(1, count))));
}

/** How many characters can be taken for `room`. */
function affordable(shown: string, start: number, room: number): number {
  let count = Math.max(0, Math.min(room, shown.length - start));
  for (let cost = costAt(shown, start, count); cost > room; cost = costAt(shown, start, count)) {
    count = Math.min(count - 1, Math.floor((count * room) / cost));
  }
  return count;
}

function costAt(shown: string, start: number, count: number): number {
  return costOf(shown.slice(start, start + count));
}

function countLines(shown: string): number {
  if (shown === '') return 0;
  const plainText = decodeVisible(shown);
  let count = 1;
  for (let at = plainText.indexOf('\n'); at >= 0; at = plainText.indexOf('\n', at + 1)) count++;
  return count;
}

function ending(pages: readonly Page[], canApprove: boolean, isWhole: boolean, digest: string): RichTextBlock {
  if (!isWhole) return richText([section([bold(FORMS.notWhole)])]);
  if (!canApprove) return richText([section([text(FORMS.notAllSeen)])]);
  const sum = (count: (page: Page) => number): number => pages.reduce((total, page) => total + count(page), 0);
  const words = everything(
    sum(({ characters }) => characters),
    sum(({ lines }) => lines),
  );
  return richText([section([text(words), ...code(digest)])]);
}

/** Buttons that carry the page they lead to; the modal itself knows whose request it is. */
function navigation(at: number, last: number): ActionsBlock[] {
  const button = (actionId: string, label: string, page: number) =>
    ({ type: 'button', action_id: actionId, text: plain(label), value: String(page) }) as const;
  const elements = [
    ...(at > 0 ? [button(PAGE_BACK_ACTION, FORMS.back, at - 1)] : []),
    ...(at < last ? [button(PAGE_NEXT_ACTION, FORMS.next, at + 1)] : []),
  ];
  return elements.length === 0 ? [] : [{ type: 'actions', block_id: PAGES_NAV_BLOCK, elements }];
}
