/** What runs instead of what was asked, as diffs. */
import { isObject } from '../protocol.ts';
import type { Masker } from '../secrets.ts';
import type { ApprovalRequest, Decided, ToolInput } from '../types.ts';
import { diffField } from './slack-diff.ts';
import { type Field, jsonField, own, textField } from './slack-field.ts';
import { type FittedField, fitFields } from './slack-fit.ts';
import { maskField } from './slack-mask.ts';
import { questionsOf } from './slack-questions.ts';
import { encodeInline } from './visible.ts';
import { answerLabel, editedLabel } from './wording-ended.ts';

/** Beside the call itself, which the card goes on showing. */
const BUDGET = 2_000;

/** One field for each value that the person changed, or each question with its answer. */
export function changedFields(
  { input, offers }: ApprovalRequest,
  { updatedInput }: Decided,
  masker: Masker,
): readonly FittedField[] {
  if (updatedInput === undefined) return [];
  const asked = input.tool_input ?? {};
  const fields =
    offers.form === 'questions'
      ? answerFields(asked, updatedInput)
      : Object.keys(updatedInput)
          .filter((key) => !Bun.deepEquals(own(asked, key), updatedInput[key]))
          .map((key) => changedField(key, own(asked, key), updatedInput[key]));
  const mask = (shown: string): string => masker.mask(shown).text;
  return fitFields(
    fields.map((field) => maskField(field, mask)),
    BUDGET,
  );
}

function answerFields(asked: ToolInput, answered: ToolInput): readonly Field[] {
  const answers = own(answered, 'answers');
  return (questionsOf(asked) ?? []).map(({ text }, index, questions) => {
    const answer = isObject(answers) ? own(answers, text) : undefined;
    return textField(answerLabel(index, questions.length), typeof answer === 'string' ? answer : '', 'line');
  });
}

function changedField(key: string, before: unknown, after: unknown): Field {
  const label = editedLabel(encodeInline(key));
  if (typeof before !== 'string' || typeof after !== 'string') return jsonField(label, after);
  return diffField(label, before, after);
}
