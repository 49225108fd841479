/** One approval, put together from its events in whatever order they come. */
import type { EventRecord } from '../events.ts';
import type { AgentName } from '../types.ts';
import { callLine } from './call-line.ts';
import { type Fields, fieldsOf, numberOf, textOf, textsOf } from './fields.ts';

export type ApprovalOutcome =
  | 'allowed'
  | 'denied'
  | 'expired'
  | 'withdrawn'
  | 'elsewhere'
  | 'unknown'
  | 'stopped'
  | 'undeliverable';

/** A message that was shown to somebody. */
export interface ShownCard {
  readonly approver: string;
  /** The message in Slack; always https. */
  readonly link?: string;
}

export interface ApprovalEnd {
  readonly outcome: ApprovalOutcome;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly by?: string;
  readonly also?: readonly string[];
  readonly via?: string;
  /** What decided without asking anybody. */
  readonly rule?: string;
  readonly reason?: string;
}

/** What is known of one approval. Times in milliseconds since the epoch. */
export interface Approval {
  readonly id: string;
  readonly session: string;
  readonly agent: AgentName | null;
  readonly project: string | null;
  readonly host: string | null;
  readonly tool: string | null;
  /** The time of its first event; of the request, once that is known. */
  readonly since: number;
  readonly isRequestKnown: boolean;
  /** The call in one line, not encoded, at most `MAX_CALL` characters. */
  readonly call: string;
  readonly toolUseId?: string;
  readonly approvers: readonly string[];
  readonly needed: number;
  readonly expiresAt?: number;
  readonly cards: readonly ShownCard[];
  readonly end?: ApprovalEnd;
}

/** So that a thousand approvals stay small. */
const MAX_CALL = 500;
const MAX_APPROVERS = 20;
const MAX_REASON = 500;

const OUTCOMES: ReadonlySet<string> = new Set<ApprovalOutcome>([
  ...(['allowed', 'denied', 'expired', 'withdrawn'] as const),
  ...(['elsewhere', 'unknown', 'stopped', 'undeliverable'] as const),
]);

/** An approval with what one more event says of it. Undefined for an event that is not about an approval. */
export function foldApproval(before: Approval | undefined, event: EventRecord): Approval | undefined {
  const { approval_id: id, kind } = event;
  if (id === undefined || !kind.startsWith('approval.')) return before;
  const at = Date.parse(event.timestamp);
  const base = before ?? begun(id, event, at);
  const data = fieldsOf(event.data);
  if (kind === 'approval.requested') return requested(base, event, data, at);
  const known = base.isRequestKnown ? base : { ...base, since: Math.min(base.since, at) };
  if (kind === 'approval.shown') return shown(known, data);
  return ended(known, data, at, kind === 'approval.decided');
}

function begun(id: string, event: EventRecord, at: number): Approval {
  return {
    ...{ id, session: event.session_id, agent: event.agent, project: event.project, host: event.host },
    ...{ tool: event.tool, since: at, isRequestKnown: false, call: '', approvers: [], needed: 1, cards: [] },
  };
}

function requested(base: Approval, event: EventRecord, data: Fields, at: number): Approval {
  const input = fieldsOf(data.input);
  const expiresAt = numberOf(data, 'expires_at');
  const toolUseId = textOf(input, 'tool_use_id');
  return {
    ...base,
    ...{ session: event.session_id, agent: event.agent, project: event.project, host: event.host, tool: event.tool },
    ...{ since: at, isRequestKnown: true, call: callLine(input.tool_input).slice(0, MAX_CALL) },
    ...{ approvers: textsOf(data, 'approvers', MAX_APPROVERS), needed: Math.max(1, numberOf(data, 'needed') ?? 1) },
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(toolUseId === undefined ? {} : { toolUseId }),
  };
}

function shown(base: Approval, data: Fields): Approval {
  const link = httpsLink(data.link);
  const card = { approver: textOf(data, 'approver') ?? 'somebody', ...(link === undefined ? {} : { link }) };
  const others = base.cards.filter(({ approver, link: at }) => approver !== card.approver || at !== card.link);
  // Sorted, so that the order in which the events come makes no difference.
  const cards = [...others, card].sort((one, two) => orderOf(one).localeCompare(orderOf(two)));
  return { ...base, cards: cards.slice(0, MAX_APPROVERS) };
}

function orderOf({ approver, link = '' }: ShownCard): string {
  return `${approver} ${link}`;
}

/** A decision counts before every other end; among ends alike the first. */
function ended(base: Approval, data: Fields, at: number, isDecision: boolean): Approval {
  const outcome = textOf(data, 'outcome') ?? '';
  const end: ApprovalEnd = {
    outcome: OUTCOMES.has(outcome) && isDecided(outcome) === isDecision ? (outcome as ApprovalOutcome) : 'unknown',
    at,
    ...optional('by', textOf(data, 'by')),
    ...optional('via', textOf(data, 'via')),
    ...optional('rule', textOf(data, 'rule')),
    ...optional('reason', textOf(data, 'reason')?.slice(0, MAX_REASON)),
    ...(Array.isArray(data.also) ? { also: textsOf(data, 'also', MAX_APPROVERS) } : {}),
  };
  return base.end === undefined || isBefore(end, base.end) ? { ...base, end } : base;
}

function isBefore(one: ApprovalEnd, two: ApprovalEnd): boolean {
  const [first, second] = [rank(one), rank(two)];
  if (first !== second) return first < second;
  return one.at !== two.at ? one.at < two.at : JSON.stringify(one) < JSON.stringify(two);
}

function rank({ outcome }: ApprovalEnd): number {
  if (isDecided(outcome)) return 0;
  return outcome === 'unknown' ? 2 : 1;
}

function isDecided(outcome: string): boolean {
  return outcome === 'allowed' || outcome === 'denied';
}

function optional<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: string });
}

/** A link that a page may have: any other scheme could run code. */
export function httpsLink(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > 2000) return undefined;
  const url = URL.parse(value);
  return url?.protocol === 'https:' && url.username === '' && url.password === '' ? url.href : undefined;
}
