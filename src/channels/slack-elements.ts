/** Small pieces of Block Kit. There is no mrkdwn here on purpose: rich text shows what it is given, letter by letter. */
import type { HeaderBlock, RichTextBlock, RichTextElement, RichTextText } from '@slack/types';
import { costOf } from './slack-fit.ts';
import { cutBefore } from './visible.ts';

/** What one text element may hold; rich text has no documented limit, section text has this one. */
const MAX_ELEMENT = 3_000;

export type RichTextPart = RichTextBlock['elements'][number];

export function header(title: string): HeaderBlock {
  return { type: 'header', text: { type: 'plain_text', text: title, emoji: false } };
}

export function richText(elements: RichTextPart[]): RichTextBlock {
  return { type: 'rich_text', elements };
}

export function section(elements: RichTextElement[]): RichTextPart {
  return { type: 'rich_text_section', elements };
}

/** A box with encoded text in it; none for no text, because Slack refuses empty elements. */
export function box(shown: string): RichTextPart[] {
  return shown === '' ? [] : [{ type: 'rich_text_preformatted', elements: pieces(shown).map(text) }];
}

/** Encoded text in a line of other text. */
export function code(shown: string): RichTextText[] {
  return pieces(shown).map((piece) => ({ ...text(piece), style: { code: true } }));
}

export function text(content: string): RichTextText {
  return { type: 'text', text: content };
}

export function bold(content: string): RichTextText {
  return { ...text(content), style: { bold: true } };
}

export function italic(content: string): RichTextText {
  return { ...text(content), style: { italic: true } };
}

/** Encoded text cut at the end, with an ellipsis, to at most `limit` characters. */
export function shorten(shown: string, limit: number): string {
  return shown.length <= limit ? shown : `${shown.slice(0, cutBefore(shown, limit - 1))}…`;
}

/** What all texts in some blocks cost together; see `costOf`. */
export function costOfBlocks(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return Object.entries(value).reduce(
    (sum, [key, item]) => sum + (key === 'text' && typeof item === 'string' ? costOf(item) : costOfBlocks(item)),
    0,
  );
}

function pieces(shown: string): string[] {
  const cut: string[] = [];
  for (let start = 0; start < shown.length; ) {
    const end = cutBefore(shown, start + MAX_ELEMENT);
    cut.push(shown.slice(start, end));
    start = end;
  }
  return cut;
}
