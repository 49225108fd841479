/** How long people kept agents waiting, and what they answered: numbers from approvals that have ended. */
import type { Approval, ApprovalOutcome } from './approval.ts';

/** Waits in milliseconds; null where nobody waited. */
export interface WaitNumbers {
  /** How many waits the other numbers are of. */
  readonly waits: number;
  readonly median: number | null;
  readonly p95: number | null;
  readonly total: number;
  readonly allowed: number;
  readonly denied: number;
  readonly expired: number;
  /** Every other end: withdrawn, answered at the agent's own prompt, stopped, … */
  readonly other: number;
}

export interface InsightRow extends WaitNumbers {
  readonly name: string;
}

export interface Insights {
  readonly all: WaitNumbers;
  /** Decided by a rule or a grant, without asking anybody. */
  readonly unasked: number;
  readonly outcomes: Readonly<Record<ApprovalOutcome, number>>;
  /** Most time waited first. */
  readonly tools: readonly InsightRow[];
  readonly projects: readonly InsightRow[];
  readonly approvers: readonly InsightRow[];
  /** By the hour of the day of this machine's zone in which the question was put: 24 rows. */
  readonly hours: readonly InsightRow[];
}

/** Rows of a table; more of them are added up as the last one. */
const MAX_ROWS = 20;
export const THE_REST = 'all others';
export const UNNAMED = '(none)';

/** Ends after which it is known how long the agent stood still. */
const WAITED: ReadonlySet<ApprovalOutcome> = new Set([
  ...(['allowed', 'denied', 'expired'] as const),
  ...(['withdrawn', 'elsewhere', 'stopped'] as const),
]);

/** Approvals without an end are left out. */
export function insightsOf(approvals: readonly Approval[]): Insights {
  const ended = approvals.filter(({ end }) => end !== undefined);
  const asked = ended.filter(({ end }) => end?.rule === undefined);
  return {
    all: numbersOf(asked),
    unasked: ended.length - asked.length,
    outcomes: outcomesOf(asked),
    tools: table(asked, ({ tool }) => tool ?? UNNAMED),
    projects: table(asked, ({ project }) => project ?? UNNAMED),
    approvers: table(
      asked.filter(({ end }) => end?.by !== undefined),
      ({ end }) => end?.by ?? UNNAMED,
    ),
    hours: hoursOf(asked),
  };
}

function outcomesOf(approvals: readonly Approval[]): Readonly<Record<ApprovalOutcome, number>> {
  const counts: Record<ApprovalOutcome, number> = {
    ...{ allowed: 0, denied: 0, expired: 0, withdrawn: 0, elsewhere: 0, unknown: 0, stopped: 0, undeliverable: 0 },
  };
  for (const { end } of approvals) if (end !== undefined) counts[end.outcome] += 1;
  return counts;
}

/** Exported for the tables' sake: the same numbers of any part of the approvals. */
export function numbersOf(approvals: readonly Approval[]): WaitNumbers {
  const waits = approvals.flatMap(waitOf).sort((one, two) => one - two);
  const count = (outcome: ApprovalOutcome): number => approvals.filter(({ end }) => end?.outcome === outcome).length;
  const [allowed, denied, expired] = [count('allowed'), count('denied'), count('expired')];
  return {
    waits: waits.length,
    median: quantile(waits, 0.5),
    p95: quantile(waits, 0.95),
    total: waits.reduce((sum, wait) => sum + wait, 0),
    ...{ allowed, denied, expired, other: approvals.length - allowed - denied - expired },
  };
}

/** Of an approval whose request is not known nobody can say how long it waited. */
function waitOf({ end, since, isRequestKnown }: Approval): readonly number[] {
  return end === undefined || !isRequestKnown || !WAITED.has(end.outcome) ? [] : [Math.max(0, end.at - since)];
}

/** By nearest rank: always one of the waits. */
function quantile(sorted: readonly number[], part: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? null;
}

function table(approvals: readonly Approval[], nameOf: (approval: Approval) => string): readonly InsightRow[] {
  const groups = [...Map.groupBy(approvals, nameOf)]
    .map(([name, group]) => ({ name, group, numbers: numbersOf(group) }))
    .sort((one, two) => two.numbers.total - one.numbers.total || two.group.length - one.group.length);
  const rows = groups.slice(0, MAX_ROWS).map(({ name, numbers }) => ({ name, ...numbers }));
  const rest = groups.slice(MAX_ROWS).flatMap(({ group }) => group);
  return rest.length === 0 ? rows : [...rows, { name: THE_REST, ...numbersOf(rest) }];
}

function hoursOf(approvals: readonly Approval[]): readonly InsightRow[] {
  const byHour = Map.groupBy(approvals, ({ since }) => new Date(since).getHours());
  return Array.from({ length: 24 }, (_, hour) => ({
    name: `${String(hour).padStart(2, '0')}:00`,
    ...numbersOf(byHour.get(hour) ?? []),
  }));
}
