/** What happened in quiet hours, as one message to one person. */
import { createMasker, type SecretRule } from '../secrets.ts';
import type { NightItem } from '../types.ts';
import { harmlessText } from './slack-blocks.ts';
import type { SlackCalls } from './slack-calls.ts';
import type { Looks } from './slack-editor.ts';
import { code, header, italic, type RichTextPart, richText, section, shorten, text } from './slack-elements.ts';
import { encodeMasked } from './slack-mask.ts';
import { moment } from './slack-outcome.ts';
import { earlierLines, nightEnd, nightTitle } from './wording-session.ts';

export interface NightOptions {
  readonly calls: SlackCalls;
  readonly now: () => number;
  /** The user's own rules for what is secret; throws when they cannot be read. */
  readonly maskRules: () => readonly SecretRule[];
}

const POST_MS = 60_000;
const ITEMS_SHOWN = 20;
const MAX_CALL = 120;

/** Returns what posts the message into the conversation with one person. */
export function createNightMessages({ calls, now, maskRules }: NightOptions) {
  return async (approver: string, items: readonly NightItem[]): Promise<void> => {
    const looks = renderNight(items, maskRules());
    await calls.call(
      'post',
      'chat.postMessage',
      { channel: approver, ...looks, mrkdwn: false, unfurl_links: false, unfurl_media: false },
      'tell what happened in quiet hours',
      { deadline: now() + POST_MS, spacedBy: approver },
    );
  };
}

/** The latest last; of many only those. */
export function renderNight(items: readonly NightItem[], rules: readonly SecretRule[]): Pick<Looks, 'text' | 'blocks'> {
  const masker = createMasker({ known: [], rules });
  const encoded = (words: string, atMost: number): string => shorten(masker.mask(encodeMasked(words)).text, atMost);
  const title = nightTitle(items.length);
  const shown = items.slice(-ITEMS_SHOWN);
  const lines = shown.map(({ at, tool, call, kind, rule }) =>
    section([
      moment(at, '{time}'),
      text(' '),
      ...code(encoded(call === '' ? tool : `${tool}: ${call}`, MAX_CALL) || '?'),
      text(` ${nightEnd(kind, rule !== undefined)}\n`),
    ]),
  );
  const left = items.length - shown.length;
  const earlier: RichTextPart[] = left === 0 ? [] : [section([italic(`${earlierLines(left)}\n`)])];
  return { text: harmlessText(title), blocks: [header(title), richText([...earlier, ...lines])] };
}
