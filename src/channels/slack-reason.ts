/** "Deny with reason…": the modal that asks for it, and what comes back from it. */
import type { ModalView } from '@slack/types';
import {
  answerOf,
  type Filled,
  type FormOrigin,
  type FormResult,
  formView,
  INPUT_ACTION,
  MAX_INPUT,
  plain,
} from './slack-form.ts';
import { WORDS } from './wording.ts';

export const REASON_VIEW = 'csh_reason';
const REASON_BLOCK = 'csh_reason_text';
const STOP_BLOCK = 'csh_reason_stop';
const INTERRUPT = 'interrupt';

/** The sentences of one kind of denial. */
export interface ReasonWords {
  readonly title: string;
  readonly submit: string;
  readonly label: string;
  readonly hint: string;
}

/** `canInterrupt`: whether the agent can be told to stop its turn with this answer. */
export function renderReasonModal(origin: FormOrigin, words: ReasonWords, canInterrupt: boolean): ModalView {
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
  return formView(REASON_VIEW, origin, words, [
    {
      type: 'input',
      block_id: REASON_BLOCK,
      label: plain(words.label),
      hint: plain(words.hint),
      element: {
        type: 'plain_text_input',
        action_id: INPUT_ACTION,
        multiline: true,
        max_length: MAX_INPUT,
        focus_on_load: true,
      },
    },
    ...(canInterrupt ? [stop] : []),
  ]);
}

export function readReason(filled: Filled): FormResult {
  const reason = filled.text(REASON_BLOCK);
  if (reason === undefined || reason.trim() === '') return { errors: { [REASON_BLOCK]: WORDS.noReason } };
  const interrupt = filled.chosen(STOP_BLOCK).includes(INTERRUPT);
  return { answer: answerOf(filled, { decision: 'deny', reason, interrupt }) };
}
