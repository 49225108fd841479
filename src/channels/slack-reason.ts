/** "Deny with reason…": the modal that asks for it, and what comes back from it. */
import type { ModalView } from '@slack/types';
import type { Answer } from '../types.ts';
import { readButtonValue } from './slack-blocks.ts';
import type { Click } from './slack-clicks.ts';
import { field } from './slack-errors.ts';
import { WORDS } from './wording.ts';

export const REASON_VIEW = 'csh_reason';
export const REASON_BLOCK = 'csh_reason_text';
const STOP_BLOCK = 'csh_reason_stop';
const INPUT_ACTION = 'csh_input';
const INTERRUPT = 'interrupt';
/** plain_text_input (Block Kit reference). */
const MAX_REASON = 3000;

/** `canInterrupt`: whether the agent can be told to stop its turn with this answer. */
export function renderReasonModal(click: Click, canInterrupt: boolean): ModalView {
  const { value, channel, message } = click;
  const plain = (text: string) => ({ type: 'plain_text', text, emoji: false }) as const;
  const stop = {
    type: 'input',
    block_id: STOP_BLOCK,
    optional: true,
    label: plain(WORDS.stopLabel),
    element: {
      type: 'checkboxes',
      action_id: INPUT_ACTION,
      options: [{ text: plain(WORDS.stopOption), value: INTERRUPT }],
    },
  } as const;
  return {
    type: 'modal',
    callback_id: REASON_VIEW,
    // Comes back with the submission; only Slack and this app see it.
    private_metadata: JSON.stringify({ value, channel, message }),
    title: plain(WORDS.reasonTitle),
    submit: plain(WORDS.deny),
    close: plain(WORDS.cancel),
    blocks: [
      {
        type: 'input',
        block_id: REASON_BLOCK,
        label: plain(WORDS.reasonLabel),
        hint: plain(WORDS.reasonHint),
        element: {
          type: 'plain_text_input',
          action_id: INPUT_ACTION,
          multiline: true,
          max_length: MAX_REASON,
          focus_on_load: true,
        },
      },
      ...(canInterrupt ? [stop] : []),
    ],
  };
}

/** The answer in a submission; undefined when it is not one of this daemon's. `at` is when it was received. */
export function readReason(body: unknown, instanceId: string, at: number): Answer | undefined {
  const view = field(body, 'view');
  const by = field(field(body, 'user'), 'id');
  const metadata = parse(field(view, 'private_metadata'));
  const [value, conversation, message] = ['value', 'channel', 'message'].map((name) => field(metadata, name));
  const values = field(field(view, 'state'), 'values');
  const reason = field(field(field(values, REASON_BLOCK), INPUT_ACTION), 'value');
  const parts = typeof value === 'string' ? readButtonValue(value) : undefined;
  if (parts?.instanceId !== instanceId || typeof by !== 'string' || typeof reason !== 'string') return undefined;
  if (typeof conversation !== 'string' || typeof message !== 'string' || reason.trim() === '') return undefined;
  const chosen = field(field(field(values, STOP_BLOCK), INPUT_ACTION), 'selected_options');
  const interrupt = Array.isArray(chosen) && chosen.some((option) => field(option, 'value') === INTERRUPT);
  const { requestId, nonce } = parts;
  return { requestId, nonce, decision: 'deny', reason, interrupt, by, conversation, message, at };
}

function parse(text: unknown): unknown {
  try {
    return JSON.parse(typeof text === 'string' ? text : '');
  } catch {
    return undefined;
  }
}
