/** "Other…": the modal for an answer in the person's own words, and what comes back from it. */
import type { ModalView } from '@slack/types';
import { bold, richText, section } from './slack-elements.ts';
import { type Filled, type FormOrigin, formView, INPUT_ACTION, MAX_INPUT, plain } from './slack-form.ts';
import { inPieces } from './slack-question-card.ts';
import { MAX_QUESTIONS, type Question } from './slack-questions.ts';
import { countHidden, encodeInline } from './visible.ts';
import { answerTooLong, hiddenInAnswer, QUESTION_WORDS } from './wording-questions.ts';

export const OTHER_VIEW = 'csh_other';
const DROP = 'drop';

/** What the person wrote, word for word; `text` undefined: they take back what they wrote before. Or what to change, by block id. */
export type OtherResult =
  | { readonly question: number; readonly text: string | undefined }
  | { readonly errors: Readonly<Record<string, string>> };

/** `index` is the question's place, `present` the answer that was given before. `mask` sees encoded text. */
export function renderOtherForm(
  origin: FormOrigin,
  index: number,
  question: Pick<Question, 'text'>,
  present: string | undefined,
  mask: (shown: string) => string,
): ModalView {
  const words = { title: QUESTION_WORDS.otherTitle, submit: QUESTION_WORDS.otherSubmit };
  const asked = inPieces(mask(encodeInline(question.text)), bold);
  const drop = {
    type: 'input',
    block_id: dropBlock(index),
    optional: true,
    label: plain(QUESTION_WORDS.dropLabel),
    element: {
      type: 'checkboxes',
      action_id: INPUT_ACTION,
      options: [{ text: plain(QUESTION_WORDS.dropOption), value: DROP }],
    },
  } as const;
  return formView(OTHER_VIEW, origin, words, [
    richText([section(asked)]),
    {
      type: 'input',
      block_id: otherBlock(index),
      label: plain(QUESTION_WORDS.otherLabel),
      hint: plain(QUESTION_WORDS.otherHint),
      element: {
        type: 'plain_text_input',
        action_id: INPUT_ACTION,
        multiline: true,
        max_length: MAX_INPUT,
        focus_on_load: true,
        ...(present === undefined ? {} : { initial_value: present }),
      },
    },
    ...(present === undefined ? [] : [drop]),
  ]);
}

export function readOtherForm(filled: Filled): OtherResult {
  const places = [...Array(MAX_QUESTIONS).keys()];
  const dropped = places.find((index) => filled.chosen(dropBlock(index)).includes(DROP));
  if (dropped !== undefined) return { question: dropped, text: undefined };
  // Without any text Slack does not let the form go, so that the first place stands for a case that people cannot reach.
  const question = places.find((index) => filled.text(otherBlock(index)) !== undefined) ?? 0;
  const text = (filled.text(otherBlock(question)) ?? '').trim();
  const error = problemOf(text);
  return error === undefined ? { question, text } : { errors: { [otherBlock(question)]: error } };
}

function problemOf(text: string): string | undefined {
  if (text === '') return QUESTION_WORDS.noOther;
  if (text.length > MAX_INPUT) return answerTooLong(text.length, MAX_INPUT);
  const hidden = countHidden(text);
  return hidden === 0 ? undefined : hiddenInAnswer(hidden);
}

function otherBlock(index: number): string {
  return `csh_other_${index}`;
}

function dropBlock(index: number): string {
  return `csh_other_drop_${index}`;
}
