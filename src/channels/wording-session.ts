/** The sentences of a session's thread: its first message, lists, permissions and its end. Nothing here may hold text of an agent. */
import type { Grant, Outcome, SessionSummary } from '../types.ts';
import { amount, waited } from './wording.ts';

/** The first line of a session's thread; both are encoded already. */
export function sessionText(agent: string, project: string): string {
  return project === '' ? `${agent} session` : `${agent} in ${project}`;
}

/** How a session went, after `WORDS.sessionEnded`. */
export function summaryLine(summary: SessionSummary): string {
  const { asked, approved, denied, elsewhere, unanswered, automatic, waitedMs } = summary;
  const parts = [
    amount(asked, 'request'),
    ...(approved > 0 ? [`${approved} approved`] : []),
    ...(denied > 0 ? [`${denied} denied`] : []),
    ...(elsewhere > 0 ? [`${elsewhere} answered at the terminal`] : []),
    ...(unanswered > 0 ? [`${unanswered} without an answer`] : []),
    ...(automatic > 0 ? [`${automatic} decided without asking`] : []),
    `waited ${waited(waitedMs)} for people`,
  ];
  return `${parts.join(', ')}.`;
}

export function automaticTitle(count: number): string {
  return `Decided without asking: ${amount(count, 'call')}`;
}

export function earlierLines(count: number): string {
  return `… ${amount(count, 'earlier call')}`;
}

export function batchTitle(open: number, moved: number, all: number): string {
  if (open > 1) return `${open} requests wait together`;
  if (open === 1) return '1 request waits';
  return `${amount(all, 'request')}, ${moved === 0 ? 'none waiting' : `${moved === all ? '' : `${moved} `}continued below`}`;
}

export function approveAll(count: number): string {
  return `Approve all shown (${count})`;
}

/** `danger` is a reason in our own words. */
export function notInAll(row: number, danger: string): string {
  return `“Approve all” leaves out ${row}: ${danger}.`;
}

/** The first line of a grant's message. */
export function grantTitle(isOver: boolean): string {
  return isOver ? 'Permission ended' : 'Allowed without asking';
}

const GRANT_ENDS: Readonly<Record<NonNullable<Grant['ended']>['how'], string>> = {
  expired: 'It has expired.',
  revoked: 'Revoked by ',
  stopped: 'It ended with the daemon.',
};

export function grantEnd(how: NonNullable<Grant['ended']>['how']): string {
  return GRANT_ENDS[how];
}

export function timeLeft(ms: number): string {
  return ` (${Math.max(1, Math.ceil(ms / 60_000))} min left)`;
}

export function grantUses(count: number): string {
  return count === 0 ? 'Not used yet.' : `Used ${count === 1 ? 'once' : `${count.toLocaleString('en')} times`}:`;
}

/** The first line of what is told after quiet hours. */
export function nightTitle(count: number): string {
  return `In quiet hours: ${amount(count, 'request')}`;
}

const NIGHT_ENDS: Readonly<Record<Outcome['kind'], string>> = {
  allowed: 'approved',
  denied: 'denied',
  expired: 'nobody was asked',
  withdrawn: 'the agent did not wait',
  elsewhere: 'answered at the terminal',
  unknown: 'outcome unknown',
  stopped: 'the daemon was stopped',
  undeliverable: 'not delivered',
};

export function nightEnd(kind: Outcome['kind'], isAutomatic: boolean): string {
  return `${NIGHT_ENDS[kind]}${isAutomatic ? ' without asking' : ''}`;
}
