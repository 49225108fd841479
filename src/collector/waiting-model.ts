/** Who waits, as the Waiting page shows it: made once for the page and for everybody who follows it. */
import type { Approval, ApprovalOutcome, ShownCard } from './approval.ts';
import type { Icon, Tone } from './markup.ts';
import { linked, shortId } from './row-model.ts';
import { clipLine } from './shown-text.ts';
import { clock, iso, spanWords } from './times.ts';
import type { WaitingPicture } from './waiting.ts';

export interface WaitingCard {
  readonly id: string;
  readonly tool: string;
  readonly call: string;
  /** Agent, project, host; each where known. */
  readonly about: readonly string[];
  readonly session: { readonly name: string; readonly href?: string };
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly at: string;
  readonly time: string;
  readonly expires?: { readonly ms: number; readonly at: string; readonly time: string };
  readonly approvers: string;
  /** Whether a message in Slack shows it. */
  readonly isShown: boolean;
  /** Those messages whose address is known. */
  readonly links: readonly Required<ShownCard>[];
  readonly end?: { readonly word: string; readonly tone: Tone; readonly icon: Icon; readonly text: string };
}

export interface WaitingModel {
  readonly waiting: readonly WaitingCard[];
  /** Those that wait and are not among the cards. */
  readonly more: number;
  readonly lost: readonly WaitingCard[];
  readonly finished: readonly WaitingCard[];
}

const MAX_CARDS = 50;
const MAX_LOST = 20;
const MAX_FINISHED = 10;
const CALL = 400;
const NAME = 80;

/** @param now milliseconds since the epoch */
export function waitingModel({ waiting, lost, finished }: WaitingPicture, now: number): WaitingModel {
  const cards = (approvals: readonly Approval[], limit: number): readonly WaitingCard[] =>
    approvals.slice(0, limit).map((approval) => waitingCard(approval, now));
  return {
    waiting: cards(waiting, MAX_CARDS),
    more: Math.max(0, waiting.length - MAX_CARDS),
    lost: cards(lost, MAX_LOST),
    finished: cards(finished, MAX_FINISHED),
  };
}

export function waitingCard(approval: Approval, now: number): WaitingCard {
  const { id, tool, call, agent, project, host, session, since, expiresAt, cards, end } = approval;
  const name = (value: string): string => clipLine(value, NAME);
  return {
    ...{ id, tool: name(tool ?? 'A tool'), call: clipLine(call, CALL) },
    about: [agent, project, host].filter((part) => part !== null).map(name),
    session: { name: name(shortId(session)), ...linked(session) },
    ...{ since, at: iso(since), time: clock(since, now) },
    ...(expiresAt === undefined ? {} : { expires: expiry(expiresAt, now) }),
    approvers: approversOf(approval),
    isShown: cards.length > 0,
    links: cards.flatMap(({ approver, link }) => (link === undefined ? [] : [{ approver: name(approver), link }])),
    ...(end === undefined ? {} : { end: { ...endLook(end.outcome), text: endText(approval) } }),
  };
}

function expiry(ms: number, now: number): NonNullable<WaitingCard['expires']> {
  // Beyond what a date can be, a sender's number is no time.
  const sane = Math.min(Math.max(ms, 0), 8.64e15);
  return { ms: sane, at: iso(sane), time: clock(sane, now) };
}

/** Names of people as Slack knows them; how many of them must agree, where more than one. */
function approversOf({ approvers, needed }: Approval): string {
  const names = approvers.map((name) => clipLine(name, NAME)).join(', ');
  if (names === '') return 'not known';
  return needed > 1 ? `${needed} of ${names}` : names;
}

const ENDS: Readonly<Record<ApprovalOutcome, { readonly word: string; readonly tone: Tone; readonly icon: Icon }>> = {
  allowed: { word: 'Allowed', tone: 'good', icon: 'check' },
  denied: { word: 'Denied', tone: 'bad', icon: 'cross' },
  expired: { word: 'Expired', tone: 'wait', icon: 'clock' },
  withdrawn: { word: 'Withdrawn', tone: 'plain', icon: 'out' },
  elsewhere: { word: 'Answered at the agent', tone: 'plain', icon: 'out' },
  unknown: { word: 'End not known', tone: 'plain', icon: 'dot' },
  stopped: { word: 'Stopped', tone: 'plain', icon: 'out' },
  undeliverable: { word: 'Not delivered', tone: 'bad', icon: 'cross' },
};

function endLook(outcome: ApprovalOutcome) {
  return ENDS[outcome];
}

/** `by U1 and U2 after 1 min 5 s: reason`, or without the span; of what nobody was asked: `by the rule …`. */
export function endText({ end, since, isRequestKnown }: Approval, hasSpan = true): string {
  if (end === undefined) return '';
  const people = [end.by, ...(end.also ?? [])].filter((name) => name !== undefined);
  const by = end.rule === undefined ? people.join(' and ') : `the rule ${end.rule}`;
  const after =
    hasSpan && isRequestKnown && end.rule === undefined ? `after ${spanWords(Math.max(0, end.at - since))}` : '';
  const said = [by === '' ? '' : `by ${by}`, after].filter((part) => part !== '').join(' ');
  return clipLine([said, end.reason ?? ''].filter((part) => part !== '').join(': '), CALL);
}
