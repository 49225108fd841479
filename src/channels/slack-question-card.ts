/** Layout of questions that are answered in Slack: every word of them, and below each what it is answered with. */
import type { ActionsBlock, Button, Checkboxes, KnownBlock, PlainTextOption, RichTextBlock } from '@slack/types';
import {
  bold,
  box,
  code,
  costOfBlocks,
  type RichTextPart,
  richText,
  section,
  shorten,
  text,
} from './slack-elements.ts';
import { plain } from './slack-form.ts';
import { type Draft, entryOf, otherAction, pickAction, tickAction } from './slack-question-answers.ts';
import type { Option, Question } from './slack-questions.ts';
import { encodeInline, encodeVisible } from './visible.ts';
import { choose, questionLabel } from './wording.ts';
import { CHOSEN, otherChosen, otherSpoken, QUESTION_WORDS } from './wording-questions.ts';

/** Longer names of options are cut: buttons and checkboxes hold 75 characters (Block Kit reference), number and mark included. */
const MAX_NAME = 60;

/** Makes encoded text fit to be shown. */
type Mask = (shown: string) => string;

/**
 * The questions with their buttons and checkboxes, as the draft says. `value` is what every button carries; Slack
 * gives checkboxes none, so their presses are told by the message.
 */
export function questionBlocks(questions: readonly Question[], draft: Draft, value: string, mask: Mask): KnownBlock[] {
  const texts = questionTexts(questions, mask);
  return texts.flatMap((block, index) => [block, ...controls(questions, index, draft, value, mask)]);
}

/** The questions alone, one block each: for a card without buttons. */
export function questionTexts(questions: readonly Question[], mask: Mask): RichTextBlock[] {
  return questions.map(({ text: asked, header, isMany, options }, index) => {
    const which = questions.length === 1 ? '' : `${questionLabel(index, questions.length)} · `;
    const name = inPieces(mask(encodeInline(header)), bold);
    const title = [...asText(which), ...name, text(`${name.length === 0 ? '' : ' · '}${choose(isMany)}`)];
    return richText([
      section(title),
      section(inPieces(mask(encodeInline(asked)), bold)),
      ...options.flatMap((option, at) => optionLines(option, at, mask)),
    ]);
  });
}

/** What `questionBlocks` cost at most, whatever will be chosen; see `costOfBlocks`. */
export function costOfQuestions(questions: readonly Question[], mask: Mask): number {
  // A quote costs two, and nothing costs more.
  const all = questions.map(({ options }) => ({ chosen: [...options.keys()], other: '"'.repeat(MAX_NAME) }));
  return costOfBlocks(questionBlocks(questions, all, '', mask));
}

/** Encoded text in elements that are not too long; none for no text. */
export function inPieces(shown: string, element: typeof text): ReturnType<typeof text>[] {
  return code(shown).map((piece) => element(piece.text));
}

/** `1. label — description`; the label is bold, so that nothing in it passes for a description. */
function optionLines({ label, description, preview = '' }: Option, index: number, mask: Mask): RichTextPart[] {
  const told = description === '' ? [] : [text(' — '), ...asText(mask(encodeInline(description)))];
  // Nothing but line breaks would be an empty box.
  const encode = preview.trim() === '' ? encodeInline : encodeVisible;
  return [
    section([text(`${index + 1}. `), ...inPieces(mask(encodeInline(label)), bold), ...told]),
    ...box(mask(encode(preview))),
  ];
}

function controls(
  questions: readonly Question[],
  index: number,
  draft: Draft,
  value: string,
  mask: Mask,
): ActionsBlock[] {
  const question = questions[index];
  if (question === undefined) return [];
  const { chosen, other } = entryOf(draft, index);
  const own: Button = {
    ...button(otherAction(index), otherName(other, mask), value, other !== undefined),
    accessibility_label: otherSpoken(index, questions.length),
  };
  const names = question.options.map(({ label }, at) => optionName(label, at, mask));
  const given = question.isMany
    ? [checkboxes(index, names, chosen)]
    : names.map((name, at) => {
        const isChosen = chosen.includes(at);
        return button(pickAction(index, at), `${isChosen ? CHOSEN : ''}${name}`, value, isChosen);
      });
  return [{ type: 'actions', block_id: `csh_question_${index}`, elements: [...given, own] }];
}

function checkboxes(question: number, names: readonly string[], chosen: readonly number[]): Checkboxes {
  const options = names.map((name, index): PlainTextOption => ({ text: plain(name), value: String(index) }));
  const initial = options.filter((_option, index) => chosen.includes(index));
  return {
    type: 'checkboxes',
    action_id: tickAction(question),
    options,
    // Slack refuses an empty list.
    ...(initial.length === 0 ? {} : { initial_options: initial }),
  };
}

function button(actionId: string, name: string, value: string, isChosen: boolean): Button {
  return {
    type: 'button',
    action_id: actionId,
    text: plain(name),
    value,
    ...(isChosen ? { style: 'primary' as const } : {}),
  };
}

/** Begins with the number, so that no name passes for another button of the card. */
function optionName(label: string, index: number, mask: Mask): string {
  return `${index + 1}. ${shorten(mask(encodeInline(label)), MAX_NAME)}`;
}

function otherName(other: string | undefined, mask: Mask): string {
  return other === undefined ? QUESTION_WORDS.other : otherChosen(shorten(mask(encodeInline(other)), MAX_NAME));
}

function asText(shown: string): ReturnType<typeof text>[] {
  return inPieces(shown, text);
}
