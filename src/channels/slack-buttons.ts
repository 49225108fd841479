/** The buttons under a request: those that its agent can be given as an answer, and no others. */
import type { ActionsBlock, Button } from '@slack/types';
import type { ApprovalRequest } from '../types.ts';
import { plain } from './slack-form.ts';
import {
  ALWAYS_ACTION,
  APPROVE_ACTION,
  APPROVE_EDITS_ACTION,
  DECIDE_BLOCK,
  DENY_ACTION,
  DENY_REASON_ACTION,
  EDIT_ACTION,
  GRANT_ACTION,
  SHOW_ALL_ACTION,
} from './slack-values.ts';
import { WORDS } from './wording.ts';

export interface ButtonsOptions {
  /** Everything is shown here. */
  readonly complete: boolean;
  /** It can be shown page by page instead. */
  readonly canShowAll: boolean;
  /** Of questions: whether a press on an option is not the answer yet. */
  readonly needsSend: boolean;
}

export function decideBlock(request: ApprovalRequest, value: string, options: ButtonsOptions): ActionsBlock {
  return {
    type: 'actions',
    block_id: DECIDE_BLOCK,
    elements: [...buttonsOf(request, options)].map((make) => make(value)),
  };
}

type MakeButton = (value: string) => Button;

function buttonsOf(
  { offers, needed }: ApprovalRequest,
  { complete, canShowAll, needsSend }: ButtonsOptions,
): MakeButton[] {
  const { form } = offers;
  if (form === 'stop') return [REPLY, LET_STOP];
  const isAlone = complete && needed === 1;
  const showAll = canShowAll ? [SHOW_ALL] : [];
  if (form === 'questions') return [...(complete && needsSend ? [SEND] : []), DENY, DENY_REASON];
  if (form === 'plan') {
    const approve = complete ? [APPROVE_PLAN, ...(isAlone && offers.acceptEdits ? [APPROVE_EDITS] : [])] : [];
    return [...approve, ...showAll, KEEP_PLANNING];
  }
  return [
    ...(complete ? [APPROVE] : []),
    DENY,
    DENY_REASON,
    ...(isAlone && offers.edit ? [EDIT] : []),
    ...(isAlone && offers.always ? [ALWAYS] : []),
    ...(isAlone && offers.grant ? [GRANT] : []),
    ...showAll,
  ];
}

/** `spoken` is what a screen reader says; at most 75 characters (Block Kit reference). */
export function button(actionId: string, label: string, spoken: string, style?: Button['style']): MakeButton {
  return (value) => ({
    type: 'button',
    action_id: actionId,
    text: plain(label),
    ...(style === undefined ? {} : { style }),
    value,
    accessibility_label: spoken,
  });
}

const APPROVE = button(APPROVE_ACTION, WORDS.approve, WORDS.approveLabel, 'primary');
const DENY = button(DENY_ACTION, WORDS.deny, WORDS.denyLabel, 'danger');
const DENY_REASON = button(DENY_REASON_ACTION, WORDS.denyWithReason, WORDS.denyWithReasonLabel);
const EDIT = button(EDIT_ACTION, WORDS.edit, WORDS.editLabel);
const ALWAYS = button(ALWAYS_ACTION, WORDS.always, WORDS.alwaysLabel);
const GRANT = button(GRANT_ACTION, WORDS.grant, WORDS.grantLabel);
const SHOW_ALL = button(SHOW_ALL_ACTION, WORDS.showAll, WORDS.showAllLabel);
const SEND = button(APPROVE_ACTION, WORDS.send, WORDS.sendLabel, 'primary');
const APPROVE_PLAN = button(APPROVE_ACTION, WORDS.approve, WORDS.approvePlanLabel, 'primary');
const APPROVE_EDITS = button(APPROVE_EDITS_ACTION, WORDS.approveEdits, WORDS.approveEditsLabel);
const KEEP_PLANNING = button(DENY_REASON_ACTION, WORDS.keepPlanning, WORDS.keepPlanningLabel);
const REPLY = button(DENY_REASON_ACTION, WORDS.reply, WORDS.replyLabel, 'primary');
const LET_STOP = button(APPROVE_ACTION, WORDS.letStop, WORDS.letStopLabel);
