/**
 * The heart: requests in, the first valid answer wins, exactly one outcome out. Pure and synchronous: no promise, no
 * timer, no clock, no id generator; all of that comes in as events and goes out as effects. Slack's latency therefore
 * cannot reorder decisions.
 *
 * Order of one approval: asked -> shown -> answered -> [record] -> recorded -> [reply, close].
 * The record comes before the reply, and an allow whose record failed is never given.
 */
import {
  type BrokerEffect,
  type BrokerEvent,
  type BrokerState,
  type Entry,
  isPending,
  pendingRequests,
} from './broker-state.ts';
import { withoutLargeInput } from './settled-request.ts';
import type { Answer, ApprovalRequest, Outcome, Receipt, Verdict } from './types.ts';

/** Settled requests kept for late clicks; a click on an older message is told that the request is over. */
const SETTLED_KEPT = 1000;

/** Only an approver with the nonce gets here; more presses than this before the first receipt add nothing. */
const EARLY_KEPT = 16;

/** Takes one event and says what to do about it. The state is the broker's own and is changed in place. */
export function step(state: BrokerState, event: BrokerEvent): readonly BrokerEffect[] {
  switch (event.type) {
    case 'asked':
      return onAsked(state, event);
    case 'restored':
      return onRestored(state, event);
    case 'attached':
      return onAttached(state, event);
    case 'released':
      return onReleased(state, event.id);
    case 'given-up':
      return settle(state, event.id, { kind: 'expired', reason: event.reason, at: event.at });
    case 'escalated':
      return onEscalated(state, event);
    case 'shown':
      return onShown(state, event);
    case 'discounted': {
      const entry = state.entries.get(event.id);
      if (entry !== undefined) entry.approvedBy = entry.approvedBy.filter((by) => !event.by.includes(by));
      return [];
    }
    case 'shown-all':
      return onShownAll(state, event.id);
    case 'post-failed': {
      const { id, reason, code, at } = event;
      const entry = state.entries.get(id);
      // Whoever has a message can still answer on it, as long as there are as many as must approve.
      const isShown = entry !== undefined && entry.receipts.length >= entry.request.needed;
      const ended = isShown ? [] : settle(state, id, { kind: 'undeliverable', reason, code, at });
      // Nor is an early answer left without a word.
      return [...ended, ...onShownAll(state, id)];
    }
    case 'answered':
      return onAnswered(state, event.answer, event.now);
    case 'client-gone':
      return onClientGone(state, event.id, event.at);
    case 'answered-elsewhere':
      return settle(state, event.id, { kind: event.kind, reason: event.reason, at: event.at });
    case 'tick':
      return [...state.entries.values()]
        .filter((entry) => isPending(entry) && event.now >= entry.deadline)
        .flatMap(({ request: { id }, hold: reason = 'Nobody answered in time.' }) =>
          settle(state, id, { kind: 'expired', reason, at: event.at }),
        );
    case 'stopping':
      return pendingRequests(state).flatMap((request) => settle(state, request.id, stoppedOutcome(event)));
    case 'recorded':
      return onRecorded(state, event);
  }
}

/**
 * What an answer would come to; the caller shows anything but `accepted` and `pending` to the person who clicked.
 * @param now on the clock of `deadline`
 */
export function judge(state: BrokerState, answer: Answer, now: number): Verdict {
  const entry = state.entries.get(answer.requestId);
  if (entry === undefined) return 'unknown-request';
  const { request, receipts, outcome } = entry;
  // The nonce before anything else: who does not have it learns nothing about the request.
  if (answer.nonce !== request.nonce) return 'forged';
  if (!request.approvers.includes(answer.by)) return 'not-approver';
  if (outcome !== undefined)
    return outcome.kind === 'allowed' || outcome.kind === 'denied' ? 'already-decided' : settledVerdict(outcome);
  if (now >= entry.deadline) return 'expired';
  const receipt = receipts.find(
    ({ conversation, message }) => conversation === answer.conversation && message === answer.message,
  );
  if (receipt === undefined) return entry.isPosting ? 'pending' : 'forged';
  if (!isOffered(request, answer) || isBeyondRequest(request, answer)) return 'not-offered';
  if (answer.decision === 'allow' && !receipt.complete) return 'not-shown';
  // Nobody could be told yet.
  if (entry.isDetached) return 'pending';
  if (answer.decision === 'deny') return 'accepted';
  if (entry.approvedBy.includes(answer.by)) return 'already-approved';
  return entry.approvedBy.length + 1 < request.needed ? 'counted' : 'accepted';
}

/** Whether the agent, and the number of people who must approve, leave room for all that an answer asks for. */
function isOffered({ offers, needed }: ApprovalRequest, answer: Answer): boolean {
  const { decision, reason, interrupt, updatedInput, updatedPermissions = [], grant } = answer;
  if (decision === 'deny') {
    // Sending the agent on takes words.
    return (offers.form !== 'stop' || reason !== undefined) && (interrupt !== true || offers.interrupt);
  }
  if (offers.form === 'questions')
    return updatedInput !== undefined && updatedPermissions.length === 0 && grant === undefined;
  const isPlain = updatedInput === undefined && updatedPermissions.length === 0 && grant === undefined;
  if (needed > 1) return isPlain;
  return (
    (updatedInput === undefined || offers.edit) &&
    updatedPermissions.every(({ type }) => (type === 'setMode' ? offers.acceptEdits : offers.always)) &&
    (grant === undefined || offers.grant)
  );
}

/** Whoever was asked because nobody else answered decides about this request and nothing that comes after it. */
function isBeyondRequest({ escalatedTo = [] }: ApprovalRequest, answer: Answer): boolean {
  const { by, updatedPermissions = [], grant } = answer;
  return escalatedTo.includes(by) && (updatedPermissions.length > 0 || grant !== undefined);
}

function settledVerdict(outcome: Outcome): Verdict {
  return outcome.kind === 'expired' ? 'expired' : 'closed';
}

function stoppedOutcome({ reason, code, at }: Extract<BrokerEvent, { type: 'stopping' }>): Outcome {
  return code === undefined ? { kind: 'stopped', reason, at } : { kind: 'undeliverable', reason, code, at };
}

function newEntry(request: ApprovalRequest, deadline: number): Entry {
  return {
    ...{ request, deadline, receipts: [], isPosting: true, approvedBy: [], early: [] },
    ...{ outcome: undefined, clientGone: false, isDetached: false, hold: undefined },
  };
}

function onAsked(
  state: BrokerState,
  { request, deadline, ruled, hold }: Extract<BrokerEvent, { type: 'asked' }>,
): readonly BrokerEffect[] {
  state.entries.set(request.id, { ...newEntry(request, deadline), hold });
  if (ruled !== undefined) return settle(state, request.id, ruled);
  return hold === undefined ? [{ type: 'post', request }] : [];
}

function onReleased(state: BrokerState, id: string): readonly BrokerEffect[] {
  const entry = state.entries.get(id);
  if (entry === undefined || !isPending(entry) || entry.hold === undefined) return [];
  entry.hold = undefined;
  return [{ type: 'post', request: entry.request }];
}

function onEscalated(
  state: BrokerState,
  { id, people, to }: Extract<BrokerEvent, { type: 'escalated' }>,
): readonly BrokerEffect[] {
  const entry = state.entries.get(id);
  if (entry === undefined || !isPending(entry) || entry.isDetached || entry.isPosting) return [];
  const { approvers, escalatedTo = [] } = entry.request;
  entry.request = {
    ...entry.request,
    approvers: [...approvers, ...people.filter((person) => !approvers.includes(person))],
    escalatedTo: [...escalatedTo, ...to],
  };
  entry.isPosting = true;
  return [{ type: 'post', request: entry.request }];
}

/** One that was decided is closed again, where it is not known what its messages show. */
function onRestored(
  state: BrokerState,
  { request, deadline, receipts, approvedBy, outcome, isClosed = false }: Extract<BrokerEvent, { type: 'restored' }>,
): readonly BrokerEffect[] {
  const entry = newEntry(request, deadline);
  state.entries.set(request.id, {
    ...entry,
    ...{ receipts: [...receipts], approvedBy: [...approvedBy], outcome, isDetached: true },
  });
  if (outcome === undefined) return [];
  keepSettled(state, request.id);
  return isClosed ? [] : [{ type: 'close', request, outcome }];
}

/** Whoever has no message yet is brought one; answers that came meanwhile count now. */
function onAttached(
  state: BrokerState,
  { request, ruled, hold }: Extract<BrokerEvent, { type: 'attached' }>,
): readonly BrokerEffect[] {
  const entry = state.entries.get(request.id);
  if (entry === undefined) return [];
  const { outcome, isDetached } = entry;
  entry.isDetached = false;
  if (outcome !== undefined) return [{ type: 'reply', id: request.id, outcome }, ...replayEarly(state, entry)];
  if (!isDetached) return [];
  entry.request = request;
  entry.hold = hold;
  const post: readonly BrokerEffect[] = hold === undefined ? [{ type: 'post', request }] : [];
  const next = ruled === undefined ? post : settle(state, request.id, ruled);
  return [...next, ...replayEarly(state, entry)];
}

/** Nobody waits: neither for an answer, nor any longer for a client that was to come back. */
function onClientGone(state: BrokerState, id: string, at: number): readonly BrokerEffect[] {
  const entry = state.entries.get(id);
  if (entry === undefined) return [];
  entry.clientGone = true;
  const ended = settle(state, id, { kind: 'withdrawn', reason: 'The agent no longer waits for an answer.', at });
  const wasDetached = entry.isDetached;
  entry.isDetached = false;
  return wasDetached ? [...ended, ...replayEarly(state, entry)] : ended;
}

function onShown(
  state: BrokerState,
  { id, receipt }: Extract<BrokerEvent, { type: 'shown' }>,
): readonly BrokerEffect[] {
  const entry = state.entries.get(id);
  if (entry === undefined) return [];
  const isSame = ({ conversation, message }: Receipt): boolean =>
    conversation === receipt.conversation && message === receipt.message;
  // What once showed everything still does: a message is only ever made to show more.
  const complete = receipt.complete || entry.receipts.some((known) => isSame(known) && known.complete);
  entry.receipts = [...entry.receipts.filter((known) => !isSame(known)), { ...receipt, complete }];
  return replayEarly(state, entry);
}

function onShownAll(state: BrokerState, id: string): readonly BrokerEffect[] {
  const entry = state.entries.get(id);
  if (entry === undefined) return [];
  entry.isPosting = false;
  return replayEarly(state, entry);
}

/** Those whose message is still unknown are kept again. They count as of when they were given: that was in time. */
function replayEarly(state: BrokerState, entry: Entry): readonly BrokerEffect[] {
  const early = entry.early;
  entry.early = [];
  return early.flatMap(({ answer, now }) => onAnswered(state, answer, now));
}

function onAnswered(state: BrokerState, answer: Answer, now: number): readonly BrokerEffect[] {
  const verdict = judge(state, answer, now);
  const entry = state.entries.get(answer.requestId);
  if (verdict === 'pending') {
    if (entry !== undefined && entry.early.length < EARLY_KEPT) entry.early.push({ answer, now });
    return [];
  }
  if (verdict === 'counted' && entry !== undefined) {
    entry.approvedBy.push(answer.by);
    return [{ type: 'count', request: entry.request, answer, by: [...entry.approvedBy] }];
  }
  if (verdict !== 'accepted') return [{ type: 'refuse', answer, verdict }];
  return settle(state, answer.requestId, outcomeOf(answer, entry?.approvedBy ?? []));
}

function outcomeOf(answer: Answer, approvedBy: readonly string[]): Outcome {
  const { decision, by, at, reason, interrupt, updatedInput, updatedPermissions, grant } = answer;
  const decided = { by, via: 'Slack', at };
  if (decision === 'deny') {
    const words = reason === undefined ? {} : { reason };
    return { kind: 'denied', ...decided, ...words, ...(interrupt === true ? { interrupt } : {}) };
  }
  return {
    kind: 'allowed',
    ...decided,
    ...(approvedBy.length === 0 ? {} : { also: approvedBy }),
    ...(updatedInput === undefined ? {} : { updatedInput }),
    ...(updatedPermissions === undefined ? {} : { updatedPermissions }),
    ...(grant === undefined ? {} : { grant }),
  };
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
  event: { readonly id: string; readonly at: number; readonly trouble?: string },
): readonly BrokerEffect[] {
  const entry = state.entries.get(event.id);
  if (entry?.outcome === undefined) return [];
  if (event.trouble !== undefined && entry.outcome.kind === 'allowed') {
    entry.outcome = {
      kind: 'undeliverable',
      reason: `The approval could not be recorded, so it does not count: ${event.trouble}`,
      code: 'audit',
      at: event.at,
    };
  }
  // Only now may it be forgotten: until its record is written its client has had no answer.
  keepSettled(state, event.id);
  const { request, outcome } = entry;
  entry.request = withoutLargeInput(request);
  // The client of a restored one hears of it when it comes back.
  const reply: BrokerEffect[] =
    entry.clientGone || entry.isDetached ? [] : [{ type: 'reply', id: request.id, outcome }];
  return [...reply, { type: 'close', request, outcome }];
}

function keepSettled(state: BrokerState, id: string): void {
  state.settled.push(id);
  if (state.settled.length > SETTLED_KEPT) state.entries.delete(state.settled.shift() ?? '');
}
