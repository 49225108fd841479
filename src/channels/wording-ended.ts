/** The sentences of a request's end: who decided, what runs instead, and how the run went. Nothing here may hold text of an agent. */
import type { ApprovalRequest, Outcome, PermissionScope } from '../types.ts';
import { AGENTS, amount, waited } from './wording.ts';

/** Where a rule of the agent's own is kept. */
export const SCOPES: Readonly<Record<PermissionScope, string>> = {
  session: 'in this session',
  localSettings: 'in this project, for you',
  projectSettings: 'in this project, for everybody',
  userSettings: 'in all your projects',
};

const ENDED: Readonly<Record<Outcome['kind'], string>> = {
  allowed: 'Approved',
  denied: 'Denied',
  expired: 'Expired – not approved',
  withdrawn: 'Withdrawn – not answered in Slack',
  elsewhere: 'Answered at the terminal',
  unknown: 'Outcome unknown',
  stopped: 'Stopped – not approved',
  undeliverable: 'Not delivered – not approved',
};

/** The first line of a closed card. */
export function endedTitle(
  kind: Outcome['kind'],
  tool: string,
  { agent, offers: { form } }: Pick<ApprovalRequest, 'agent' | 'offers'>,
  isEdited = false,
): string {
  if (isEdited) return `Approved with changes: ${tool}`;
  if (form === 'stop') return kind === 'denied' ? 'Sent on with a reply' : `${AGENTS[agent]} has stopped`;
  if (form === 'questions' && kind === 'allowed') return 'Answered';
  if (form === 'plan') return `${kind === 'denied' ? 'Keep planning' : ENDED[kind]}: plan`;
  return `${ENDED[kind]}: ${tool}`;
}

/** What stands before the person who answered a stop. */
export function stopWords(kind: 'allowed' | 'denied'): string {
  return kind === 'allowed' ? 'Left to stop by ' : 'Reply by ';
}

/** Before the rule that decided without asking. */
export function ruledBy(isPolicy: boolean): string {
  return isPolicy ? 'by ' : 'under the grant ';
}

export const alsoRuled = ' of ';

/** Whole minutes or hours, as they are offered. */
export function grantGiven(forMs: number): string {
  const minutes = Math.round(forMs / 60_000);
  const time = minutes % 60 === 0 ? amount(minutes / 60, 'hour') : amount(minutes, 'minute');
  return `Allowed without asking for ${time}: `;
}

/** Between the rules that are shown and where they hold. */
export function moreRules(count: number): string {
  return `and ${amount(count, 'more rule')} `;
}

export function runOk(isCommand: boolean, isBackground: boolean, tookMs: number | undefined): string {
  if (isBackground) return 'Started in the background.';
  return `${isCommand ? 'Ran: exit 0' : 'Done'}${tookMs === undefined ? '' : ` in ${took(tookMs)}`}`;
}

export function runFailed(tookMs: number | undefined): string {
  return `Failed${tookMs === undefined ? '' : ` after ${took(tookMs)}`}:`;
}

/** What a command took: `0.1 s`, `4.1 s`, then as people wait. */
function took(ms: number): string {
  return ms < 60_000 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : waited(ms);
}

/** `key` is encoded already. */
export function editedLabel(key: string): string {
  return `Runs instead: ${key}`;
}

export function answerLabel(index: number, count: number): string {
  return count === 1 ? 'Answer' : `Answer ${index + 1}`;
}

/** What stands before the person who decided. */
export function decidedBy(kind: 'allowed' | 'denied'): string {
  return kind === 'allowed' ? 'Approved by ' : 'Denied by ';
}
