/** Follows requests through the records of the audit log: which of them are not at their end, and what is known of those. Pure. */
import { isObject } from '../protocol.ts';
import { isAgent } from '../protocol-daemon.ts';
import { withoutLargeInput } from '../settled-request.ts';
import type { ApprovalRequest, HookInput, LeftBehind, Outcome, Receipt, StoreRecord } from '../types.ts';

export interface Follower {
  /** Takes note of a record, in the order of the log. */
  note(record: StoreRecord): void;
  /** Whether everything that was asked is at its end, or so old that nobody looks at its messages any more. */
  isEmpty(now: number): boolean;
  /**
   * Requests that are not at their end, in the order in which they were asked, those that share a message with one, and
   * those that have ended just now. All times are milliseconds since the epoch.
   */
  list(now: number): readonly LeftBehind[];
}

export interface FollowerOptions {
  /** The key of the Slack app; other apps' daemons write into the same log. */
  readonly app: string;
  /** What the buttons of a request carry. */
  readonly nonceOf: (id: string) => string;
}

interface Followed {
  request: ApprovalRequest;
  receipts: readonly Receipt[];
  shownAt: number | undefined;
  approvedBy: readonly string[];
  outcome: Outcome | undefined;
  isExact: boolean;
  /** The client knows, or is gone. */
  isDelivered: boolean;
  isClosed: boolean;
}

/** Whose messages nobody looks at any more. */
const FORGOTTEN_MS = 86_400_000;
/** A client that was told, and did not get all of it, asks again within seconds. */
const JUST_NOW_MS = 60_000;
/** Closed ones are kept for the messages that they share; a list has a few. */
const CLOSED_KEPT = 100;

export function createFollower({ app, nonceOf }: FollowerOptions): Follower {
  const open = new Map<string, Followed>();
  /** At their end, oldest first. */
  const closed = new Map<string, Followed>();

  const change = (id: string, changed: (followed: Followed) => Partial<Followed>): void => {
    const followed = open.get(id) ?? closed.get(id);
    if (followed === undefined) return;
    Object.assign(followed, changed(followed));
    const isOpen = isUnfinished(followed);
    if (!isOpen) Object.assign(followed, { request: withoutLargeInput(followed.request) });
    (isOpen ? closed : open).delete(id);
    (isOpen ? open : closed).set(id, followed);
    for (const oldest of closed.keys()) {
      if (closed.size <= CLOSED_KEPT) break;
      closed.delete(oldest);
    }
  };

  const note = (record: StoreRecord): void => {
    const id = String(record.id);
    switch (record.type) {
      case 'asked': {
        const request = record.app === app ? requestOf(record, nonceOf) : undefined;
        if (request !== undefined) open.set(id, newFollowed(request));
        return;
      }
      case 'posted': {
        const receipt = receiptOf(record);
        if (receipt === undefined) return;
        // The message has to be closed, also where it came after the end.
        change(id, ({ receipts, shownAt = record.at }) => ({
          ...{ receipts: withReceipt(receipts, receipt), shownAt, isClosed: false },
        }));
        return;
      }
      case 'approved':
        change(id, ({ approvedBy }) => ({ approvedBy: [...approvedBy, String(record.by)] }));
        return;
      case 'escalated':
        change(id, ({ request }) => ({ request: escalatedTo(request, record.to) }));
        return;
      case 'ended':
        change(id, () => {
          const outcome = outcomeOf(record);
          return { outcome, isExact: record.masked !== true, isDelivered: outcome.kind === 'withdrawn' };
        });
        return;
      case 'delivered':
        change(id, () => ({ isDelivered: true }));
        return;
      case 'closed':
        change(id, () => ({ isClosed: true }));
    }
  };

  const forget = (now: number): void => {
    for (const [id, { request }] of open) if (request.expiresAt < now - FORGOTTEN_MS) open.delete(id);
  };

  return {
    note,
    isEmpty: (now) => {
      forget(now);
      return open.size === 0;
    },
    list: (now) => {
      forget(now);
      const unfinished = [...open.values()];
      const messages = new Set(unfinished.flatMap(({ receipts }) => receipts.map(nameOf)));
      const beside = [...closed.values()].filter(
        ({ receipts, outcome }) =>
          receipts.some((one) => messages.has(nameOf(one))) || (outcome?.at ?? 0) >= now - JUST_NOW_MS,
      );
      return [...unfinished, ...beside]
        .toSorted((a, b) => a.request.askedAt - b.request.askedAt || (a.request.id < b.request.id ? -1 : 1))
        .map((followed) => {
          const { request, receipts, shownAt, approvedBy, outcome, isExact } = followed;
          const isAtEnd = !isUnfinished(followed);
          return {
            ...{ request, receipts, approvedBy, isExact, isAtEnd },
            ...(shownAt === undefined ? {} : { shownAt }),
            ...(outcome === undefined ? {} : { outcome }),
          };
        });
    },
  };
}

function newFollowed(request: ApprovalRequest): Followed {
  return {
    ...{ request, receipts: [], shownAt: undefined, approvedBy: [], outcome: undefined },
    ...{ isExact: true, isDelivered: false, isClosed: false },
  };
}

function isUnfinished({ outcome, isDelivered, isClosed, receipts }: Followed): boolean {
  return outcome === undefined || !isDelivered || (receipts.length > 0 && !isClosed);
}

/** The people among them may answer it. */
function escalatedTo(request: ApprovalRequest, to: unknown): ApprovalRequest {
  const added = Array.isArray(to) ? to.map(String) : [];
  const { approvers, escalatedTo: before = [] } = request;
  const people = added.filter((id) => /^[UW]/.test(id) && !approvers.includes(id));
  return { ...request, approvers: [...approvers, ...people], escalatedTo: [...before, ...added] };
}

/** What one message shows is told again when it has come to show more. */
function withReceipt(receipts: readonly Receipt[], receipt: Receipt): readonly Receipt[] {
  return [...receipts.filter((one) => nameOf(one) !== nameOf(receipt)), receipt];
}

function nameOf({ conversation, message }: Receipt): string {
  return `${conversation} ${message}`;
}

/** Undefined for a record that an older version wrote, without what is needed here. */
function requestOf(record: StoreRecord, nonceOf: FollowerOptions['nonceOf']): ApprovalRequest | undefined {
  const { id, agent, digest, approvers, needed, at, expiresAt, input, offers, fromConfig, replies } = record;
  const [first, ...others] = Array.isArray(approvers) ? approvers.map(String) : [];
  if (typeof id !== 'string' || !isAgent(agent) || first === undefined) return undefined;
  if (typeof expiresAt !== 'number' || !isObject(input) || !isObject(offers)) return undefined;
  return {
    ...{ id, agent, nonce: nonceOf(id), digest: String(digest), approvers: [first, ...others], secrets: [] },
    ...{ needed: Number(needed), fromConfig: fromConfig === true, askedAt: at, expiresAt },
    input: input as unknown as HookInput,
    offers: offers as unknown as ApprovalRequest['offers'],
    ...(isObject(replies) ? { replies: replies as unknown as NonNullable<ApprovalRequest['replies']> } : {}),
  };
}

function receiptOf({ conversation, message, complete, approver, thread, isList }: StoreRecord): Receipt | undefined {
  if (typeof conversation !== 'string' || typeof message !== 'string') return undefined;
  return {
    ...{ conversation, message, complete: complete === true },
    ...(typeof approver === 'string' ? { approver } : {}),
    ...(typeof thread === 'string' ? { thread } : {}),
    ...(isList === true ? { isList } : {}),
  };
}

/** The record is the outcome, and what the log adds. A permission for a while ended with the daemon that gave it. */
function outcomeOf(record: StoreRecord): Outcome {
  const {
    type: _type,
    id: _id,
    digest: _digest,
    masked: _masked,
    seq: _seq,
    prev: _prev,
    hash: _hash,
    grant: _grant,
    ...outcome
  } = record;
  return outcome as unknown as Outcome;
}
