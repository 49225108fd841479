/** What people are told when an answer of theirs did not count. Names nobody and nothing. */
import type { Verdict } from '../types.ts';

/** What a person is told of an answer; undefined when it counts, because the message itself says so. */
export function noticeOf(verdict: Verdict): string | undefined {
  return verdict === 'accepted' || verdict === 'pending' || verdict === 'counted' ? undefined : NOTICES[verdict];
}

/** What a person who pressed a button is told when the press did not count. Names nobody and nothing. */
export const NOTICES: Readonly<Record<Exclude<Verdict, 'accepted' | 'pending' | 'counted'>, string>> & {
  readonly elsewhere: string;
  readonly unreadable: string;
  readonly duplicate: string;
  readonly noForm: string;
  readonly noEdit: string;
  readonly noRule: string;
  readonly noGrant: string;
  readonly nothingWaits: string;
  readonly manyWait: string;
  readonly useButtons: string;
} = {
  'not-approver': 'Nothing was decided: only the people whom this request was sent to may answer it.',
  'already-decided': 'Nothing was changed: this request has already been answered. The first answer counts.',
  expired: 'Nothing was decided: this request has expired.',
  closed: 'Nothing was decided: this request is over, the agent no longer waits for it.',
  'unknown-request': 'Nothing was decided: this request is over, nobody waits for it any more.',
  forged: 'Nothing was decided: this button does not belong to this message.',
  'already-approved': 'Nothing was changed: you have approved this; somebody else must, too.',
  'not-offered': 'Nothing was decided: this request cannot be answered that way. Use its buttons.',
  'ruled-out': 'Nothing was approved: a rule of the config file forbids what you wrote, or asks two people about it.',
  misconfigured:
    'Nothing was decided: the config file, which says who may answer, cannot be read. Run claude-slack-hook --status.',
  'not-shown': 'Nothing was approved: not everything was shown here. Use “Show all”, or answer at the terminal.',
  elsewhere:
    'Nothing was decided: Slack sent this click to another machine or daemon than the one that asked. Press again; if it goes on, give every machine a Slack app of its own.',
  unreadable: 'Nothing was decided: this button could not be read.',
  duplicate: 'Nothing was decided: this is a second copy of the request. Answer on the other message.',
  noGrant: 'Nothing was changed: this permission has ended already, or is not yours to end.',
  nothingWaits: 'Nothing was decided: nothing waits for an answer in this thread.',
  manyWait:
    'Nothing was decided: more than one request waits in this thread, or did a moment ago. React to the message with 👍 or 👎, or press its buttons.',
  useButtons:
    'Nothing was decided: this message is about several requests, or about one that has moved. Use the buttons.',
  noForm: 'Nothing was decided: Slack did not open the form. Press again, or press Deny.',
  noEdit: 'Nothing was decided: nothing in this request can be edited here. Press Approve or Deny.',
  noRule: 'Nothing was decided: no lasting rule fits this request. Press Approve, or allow it for a while.',
};

/** After a press that was meant for several requests. */
export function manyAnswered(counted: number, notCounted: number): string {
  return `${counted} approved; ${notCounted} not, because ${notCounted === 1 ? 'it was' : 'they were'} over or changed.`;
}

/** To a press on "More…" in a list. */
export const HAS_OWN_CARD = 'Nothing was decided: this request has a message of its own, further down.';
