/**
 * The heart: requests in, the first valid answer wins, exactly one outcome out. Pure and synchronous: no promise, no
 * timer, no clock, no id generator; all of that comes in as events and goes out as effects. Slack's latency therefore
 * cannot reorder decisions.
 *
 * Order of one approval: ask -> posted -> answered -> [record] -> recorded -> [reply, close].
 * The record comes before the reply, and an allow whose record failed is never given.
 */
import type { Answer, ApprovalRequest, Outcome, Receipt, Verdict } from './types.ts';

/** What happened. */
export type BrokerEvent =
  | { readonly type: 'asked'; readonly request: ApprovalRequest }
  | { readonly type: 'posted'; readonly id: string; readonly receipt: Receipt; readonly at: number }
  | {
      readonly type: 'post-failed';
      readonly id: string;
      readonly reason: string;
      readonly code: string;
      readonly at: number;
    }
  | { readonly type: 'answered'; readonly answer: Answer }
  | { readonly type: 'client-gone'; readonly id: string; readonly at: number }
  /** An event of the agent shows that its own prompt was answered. */
  | { readonly type: 'answered-elsewhere'; readonly id: string; readonly reason: string; readonly at: number }
  | { readonly type: 'tick'; readonly at: number }
  /** With a `code` the requests could not be delivered; without, somebody stopped the daemon. */
  | { readonly type: 'stopping'; readonly reason: string; readonly code?: string; readonly at: number }
  | { readonly type: 'recorded'; readonly id: string; readonly ok: boolean; readonly at: number };

/** What must be done about it, in this order. */
export type BrokerEffect =
  | { readonly type: 'post'; readonly request: ApprovalRequest }
  /** Write to the audit log; then report back with `recorded`. */
  | { readonly type: 'record'; readonly request: ApprovalRequest; readonly outcome: Outcome }
  /** Tell the waiting client. */
  | { readonly type: 'reply'; readonly id: string; readonly outcome: Outcome }
  /** Make the message say how it ended. */
  | { readonly type: 'close'; readonly request: ApprovalRequest; readonly outcome: Outcome }
  /** An answer that did not count, for the audit log. */
  | { readonly type: 'refuse'; readonly answer: Answer; readonly verdict: Verdict };

/** Where a request stands. A settled one is kept for a while so that a late click can be told what happened. */
interface Entry {
  readonly request: ApprovalRequest;
  receipt: Receipt | undefined;
  /** Answers that came before the post's receipt. */
  early: Answer[];
  outcome: Outcome | undefined;
  clientGone: boolean;
}

export interface BrokerState {
  readonly entries: Map<string, Entry>;
  /** Ids of settled requests, oldest first, bounded. */
  readonly settled: string[];
}

/** Settled requests kept for late clicks; a click on an older message is told that the request is over. */
const SETTLED_KEPT = 1000;

/** Only an approver with the nonce gets here; more presses than this before the first receipt add nothing. */
const EARLY_KEPT = 16;

export function createBrokerState(): BrokerState {
  return { entries: new Map(), settled: [] };
}

/** Requests without an outcome yet, oldest first. */
export function pendingRequests(state: BrokerState): readonly ApprovalRequest[] {
  return [...state.entries.values()].filter((entry) => entry.outcome === undefined).map((entry) => entry.request);
}

/** When the next pending request expires; undefined when none is pending. */
export function nextExpiry(state: BrokerState): number | undefined {
  const times = pendingRequests(state).map((request) => request.expiresAt);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Takes one event and says what to do about it. The state is the broker's own and is changed in place. */
export function step(state: BrokerState, event: BrokerEvent): readonly BrokerEffect[] {
  switch (event.type) {
    case 'asked':
      state.entries.set(event.request.id, {
        request: event.request,
        receipt: undefined,
        early: [],
        outcome: undefined,
        clientGone: false,
      });
      return [{ type: 'post', request: event.request }];
    case 'posted':
      return onPosted(state, event);
    case 'post-failed':
      return settle(state, event.id, { kind: 'undeliverable', reason: event.reason, code: event.code, at: event.at });
    case 'answered':
      return onAnswered(state, event.answer);
    case 'client-gone': {
      const entry = state.entries.get(event.id);
      if (entry !== undefined) entry.clientGone = true;
      return settle(state, event.id, {
        kind: 'withdrawn',
        reason: 'The agent no longer waits for an answer.',
        at: event.at,
      });
    }
    case 'answered-elsewhere':
      return settle(state, event.id, { kind: 'elsewhere', reason: event.reason, at: event.at });
    case 'tick':
      return pendingRequests(state)
        .filter((request) => event.at >= request.expiresAt)
        .flatMap((request) =>
          settle(state, request.id, { kind: 'expired', reason: 'Nobody answered in time.', at: event.at }),
        );
    case 'stopping':
      return pendingRequests(state).flatMap((request) => settle(state, request.id, stoppedOutcome(event)));
    case 'recorded':
      return onRecorded(state, event);
  }
}

/** What an answer would come to; the caller shows anything but `accepted` and `pending` to the person who clicked. */
export function judge(state: BrokerState, answer: Answer): Verdict {
  const entry = state.entries.get(answer.requestId);
  if (entry === undefined) return 'unknown-request';
  const { request, receipt, outcome } = entry;
  // The nonce before anything else: who does not have it learns nothing about the request.
  if (answer.nonce !== request.nonce) return 'forged';
  if (!request.approvers.includes(answer.by)) return 'not-approver';
  if (outcome !== undefined)
    return outcome.kind === 'allowed' || outcome.kind === 'denied' ? 'already-decided' : settledVerdict(outcome);
  if (answer.at >= request.expiresAt) return 'expired';
  if (receipt === undefined) return 'pending';
  if (receipt.conversation !== answer.conversation || receipt.message !== answer.message) return 'forged';
  if (answer.decision === 'allow' && !receipt.complete) return 'not-shown';
  return 'accepted';
}

function settledVerdict(outcome: Outcome): Verdict {
  return outcome.kind === 'expired' ? 'expired' : 'closed';
}

function stoppedOutcome({ reason, code, at }: Extract<BrokerEvent, { type: 'stopping' }>): Outcome {
  return code === undefined ? { kind: 'stopped', reason, at } : { kind: 'undeliverable', reason, code, at };
}

function onPosted(
  state: BrokerState,
  { id, receipt }: { readonly id: string; readonly receipt: Receipt },
): readonly BrokerEffect[] {
  const entry = state.entries.get(id);
  if (entry === undefined || entry.receipt !== undefined) return [];
  entry.receipt = receipt;
  const early = entry.early;
  entry.early = [];
  return early.flatMap((answer) => onAnswered(state, answer));
}

function onAnswered(state: BrokerState, answer: Answer): readonly BrokerEffect[] {
  const verdict = judge(state, answer);
  const entry = state.entries.get(answer.requestId);
  if (verdict === 'pending') {
    if (entry !== undefined && entry.early.length < EARLY_KEPT) entry.early.push(answer);
    return [];
  }
  if (verdict !== 'accepted') return [{ type: 'refuse', answer, verdict }];
  return settle(state, answer.requestId, outcomeOf(answer));
}

function outcomeOf({ decision, by, at, reason, interrupt }: Answer): Outcome {
  if (decision === 'allow') return { kind: 'allowed', by, via: 'Slack', at };
  const words = reason === undefined ? {} : { reason };
  return { kind: 'denied', by, via: 'Slack', at, ...words, ...(interrupt === true ? { interrupt } : {}) };
}

/** The one place where a request ends. */
function settle(state: BrokerState, id: string, outcome: Outcome): readonly BrokerEffect[] {
  const entry = state.entries.get(id);
  if (entry === undefined || entry.outcome !== undefined) return [];
  entry.outcome = outcome;
  return [{ type: 'record', request: entry.request, outcome }];
}

function onRecorded(
  state: BrokerState,
  event: { readonly id: string; readonly ok: boolean; readonly at: number },
): readonly BrokerEffect[] {
  const entry = state.entries.get(event.id);
  if (entry?.outcome === undefined) return [];
  if (!event.ok && entry.outcome.kind === 'allowed') {
    entry.outcome = {
      kind: 'undeliverable',
      reason: 'The approval could not be recorded, so it does not count.',
      code: 'audit',
      at: event.at,
    };
  }
  // Only now may it be forgotten: until its record is written its client has had no answer.
  state.settled.push(event.id);
  if (state.settled.length > SETTLED_KEPT) state.entries.delete(state.settled.shift() ?? '');
  const { request, outcome } = entry;
  const reply: BrokerEffect[] = entry.clientGone ? [] : [{ type: 'reply', id: request.id, outcome }];
  return [...reply, { type: 'close', request, outcome }];
}
