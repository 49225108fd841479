/** "Allow for 30 min…": the modal that gives a permission for a time, and what comes back from it. */
import type { InputBlock, ModalView } from '@slack/types';
import type { ApprovalRequest, Candidate } from '../types.ts';
import { code, richText, section, shorten, text } from './slack-elements.ts';
import {
  answerOf,
  type Filled,
  type FormOrigin,
  type FormResult,
  formView,
  INPUT_ACTION,
  plain,
} from './slack-form.ts';
import { chosenRule, type Mask, ruleChoice } from './slack-form-always.ts';
import { encodeInline } from './visible.ts';
import { WORDS } from './wording.ts';
import { FORMS, forMinutes } from './wording-forms.ts';

export const GRANT_VIEW = 'csh_grant';
const RULE_BLOCK = 'csh_grant_rule';
const TIME_BLOCK = 'csh_grant_time';
/** What can be chosen; a working morning at most. */
const MINUTES = [5, 15, 30, 60, 240];
const DEFAULT_MINUTES = 30;
const MINUTE_MS = 60_000;
const MAX_TOOL = 80;

/** The modal. Without a rule that can be offered it says so and has nothing to send. */
export function renderGrantForm(
  origin: FormOrigin,
  request: Pick<ApprovalRequest, 'input'>,
  candidates: readonly Candidate[],
  mask: Mask,
): ModalView {
  const choice = ruleChoice(RULE_BLOCK, candidates, mask);
  if (choice === undefined)
    return formView(GRANT_VIEW, origin, { title: FORMS.grantTitle, close: FORMS.close }, [
      richText([section([text(FORMS.noCandidates)])]),
    ]);
  const [before, after] = FORMS.grantIntro;
  const tool = code(shorten(mask(encodeInline(request.input.tool_name ?? '')) || WORDS.unknownTool, MAX_TOOL));
  return formView(GRANT_VIEW, origin, { title: FORMS.grantTitle, submit: FORMS.allow }, [
    richText([section([text(before), ...tool, text(after), text(FORMS.grantMeaning), text(FORMS.grantPlace)])]),
    choice.list,
    choice.input,
    timeInput(),
  ]);
}

/** An approval with the grant. `candidates` are those of now: a rule is never taken from the modal itself. */
export function readGrantForm(filled: Filled, candidates: readonly Candidate[]): FormResult {
  const candidate = chosenRule(filled, RULE_BLOCK, candidates);
  const [chosen] = filled.chosen(TIME_BLOCK);
  const minutes = MINUTES.find((offered) => String(offered) === chosen);
  if (candidate === undefined) return { errors: { [RULE_BLOCK]: FORMS.noRule } };
  if (minutes === undefined) return { errors: { [TIME_BLOCK]: FORMS.noDuration } };
  const { rule, text: words } = candidate;
  const grant = { rule, text: words, forMs: minutes * MINUTE_MS };
  return { answer: answerOf(filled, { decision: 'allow', grant }) };
}

function timeInput(): InputBlock {
  const optionOf = (minutes: number) => ({ text: plain(forMinutes(minutes)), value: String(minutes) });
  return {
    type: 'input',
    block_id: TIME_BLOCK,
    label: plain(FORMS.durationLabel),
    element: {
      type: 'static_select',
      action_id: INPUT_ACTION,
      options: MINUTES.map(optionOf),
      initial_option: optionOf(DEFAULT_MINUTES),
    },
  };
}
