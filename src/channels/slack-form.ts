/** What all our modals have in common: where they came from, what came back, and the answer that it is. */
import type { ModalView, PlainTextElement } from '@slack/types';
import type { Answer } from '../types.ts';
import { field } from './slack-errors.ts';
import { readButtonValue } from './slack-values.ts';
import { WORDS } from './wording.ts';

/** Every input of ours has this name; its block tells which one it is. */
export const INPUT_ACTION = 'csh_input';
/** plain_text_input (Block Kit reference). */
export const MAX_INPUT = 3000;

/** The button that a modal was opened with. */
export interface FormOrigin {
  readonly value: string;
  readonly channel: string;
  readonly message: string;
}

/** A submitted modal of this daemon's: whose answer it is and what was entered. */
export interface Filled {
  readonly requestId: string;
  readonly nonce: string;
  readonly by: string;
  readonly conversation: string;
  readonly message: string;
  /** When it was received, milliseconds since the epoch. */
  readonly at: number;
  /** The text in a block's input; undefined when it is empty or absent. */
  text(blockId: string): string | undefined;
  /** The values of the chosen options of a block's checkboxes, radio buttons or menu. */
  chosen(blockId: string): readonly string[];
}

/** What a submission came to: an answer, or what the person must change, by block id. */
export type FormResult = { readonly answer: Answer } | { readonly errors: Readonly<Record<string, string>> };

/** The frame of a modal. `submit` absent: it has nothing to send. Titles and buttons: at most 24 characters (Block Kit reference). */
export function formView(
  callbackId: string,
  origin: FormOrigin,
  words: { readonly title: string; readonly submit?: string; readonly close?: string },
  blocks: ModalView['blocks'],
): ModalView {
  const { value, channel, message } = origin;
  return {
    type: 'modal',
    callback_id: callbackId,
    // Comes back with the submission; only Slack and this app see it.
    private_metadata: JSON.stringify({ value, channel, message }),
    title: plain(words.title),
    ...(words.submit === undefined ? {} : { submit: plain(words.submit) }),
    close: plain(words.close ?? WORDS.cancel),
    blocks,
  };
}

export function plain(text: string): PlainTextElement {
  return { type: 'plain_text', text, emoji: false };
}

/** A submission; undefined when it is not one of this daemon's. */
export function readForm(body: unknown, instanceId: string, at: number): Filled | undefined {
  const view = field(body, 'view');
  const by = field(field(body, 'user'), 'id');
  const metadata = parse(field(view, 'private_metadata'));
  const [value, conversation, message] = ['value', 'channel', 'message'].map((name) => field(metadata, name));
  const parts = typeof value === 'string' ? readButtonValue(value) : undefined;
  if (parts?.instanceId !== instanceId || typeof by !== 'string') return undefined;
  if (typeof conversation !== 'string' || typeof message !== 'string') return undefined;
  const { requestId, nonce } = parts;
  const input = (blockId: string): unknown =>
    field(field(field(field(view, 'state'), 'values'), blockId), INPUT_ACTION);
  return {
    ...{ requestId, nonce, by, conversation, message, at },
    text: (blockId) => {
      const entered = field(input(blockId), 'value');
      return typeof entered === 'string' && entered !== '' ? entered : undefined;
    },
    chosen: (blockId) => {
      const element = input(blockId);
      const many = field(element, 'selected_options');
      const options = Array.isArray(many) ? many : [field(element, 'selected_option')];
      return options.map((option) => field(option, 'value')).filter((item): item is string => typeof item === 'string');
    },
  };
}

/** The answer that a submission is, with what it decides. */
export function answerOf(filled: Filled, decides: Pick<Answer, 'decision'> & Partial<Answer>): Answer {
  const { requestId, nonce, by, conversation, message, at } = filled;
  return { ...{ requestId, nonce, by, conversation, message, at }, ...decides };
}

function parse(text: unknown): unknown {
  try {
    return JSON.parse(typeof text === 'string' ? text : '');
  } catch {
    return undefined;
  }
}
