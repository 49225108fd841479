/** Who waits for a person, and who no longer does. */
import type { EventRecord, EventStore } from '../events.ts';
import { type Approval, foldApproval } from './approval.ts';

/** What waits and what no longer does, as a page needs it. */
export interface WaitingPicture {
  /** The longest wait first. */
  readonly waiting: readonly Approval[];
  /** Nobody can answer them any more, and nothing tells how they ended; the latest first. */
  readonly lost: readonly Approval[];
  /** The last that ended, latest first. */
  readonly finished: readonly Approval[];
}

export interface Waiting {
  add(events: readonly EventRecord[]): void;
  /** @param now milliseconds since the epoch */
  picture(now: number): WaitingPicture;
  /** What is known of one, while it is kept. */
  find(id: string): Approval | undefined;
  /** How many wait. */
  count(now: number): number;
}

/** Time for the events of an end to arrive, from a machine that was cut off; in milliseconds. */
export const END_GRACE_MS = 60_000;
/** A request that does not say until when it can be answered is given up after this. */
const LONGEST_MS = 86_400_000;
/** About 2 kB each at most. */
const MAX_OPEN = 2000;
const MAX_FINISHED = 500;

/** Keeps the open approvals and the last finished ones; the oldest leave first. */
export function createWaiting(limits: { readonly open?: number; readonly finished?: number } = {}): Waiting {
  const { open: maxOpen = MAX_OPEN, finished: maxFinished = MAX_FINISHED } = limits;
  const open = new Map<string, Approval>();
  const finished = new Map<string, Approval>();

  const take = (event: EventRecord): void => {
    const { approval_id: id } = event;
    if (id === undefined) return;
    const approval = foldApproval(finished.get(id) ?? open.get(id), event);
    if (approval === undefined) return;
    if (approval.end === undefined) open.set(id, approval);
    else {
      open.delete(id);
      finished.set(id, approval);
    }
    drop(open, maxOpen);
    drop(finished, maxFinished);
  };

  const isLost = ({ since, expiresAt = since + LONGEST_MS }: Approval, now: number): boolean =>
    now > expiresAt + END_GRACE_MS;
  return {
    add: (events) => {
      for (const event of events) take(event);
    },
    picture: (now) => {
      const all = [...open.values()].sort((one, two) => one.since - two.since);
      return {
        waiting: all.filter((approval) => !isLost(approval, now)),
        lost: all.filter((approval) => isLost(approval, now)).reverse(),
        finished: [...finished.values()].sort((one, two) => (two.end?.at ?? 0) - (one.end?.at ?? 0)),
      };
    },
    find: (id) => finished.get(id) ?? open.get(id),
    count: (now) => [...open.values()].filter((approval) => !isLost(approval, now)).length,
  };
}

/** Events of approvals that are read at the start, the latest first: those of two days, as far as this goes. */
const MAX_READ = 20_000;
const READ_MS = 2 * LONGEST_MS;

/** What a collector that starts must know of those who waited before it. Rejects as the store does. */
export async function readWaiting(store: Pick<EventStore, 'find'>, now: number): Promise<Waiting> {
  const waiting = createWaiting();
  const events = await store.find({ kind: 'approval.', from: now - READ_MS }, MAX_READ, 'newest');
  waiting.add(events.toReversed());
  return waiting;
}

function drop(approvals: Map<string, Approval>, limit: number): void {
  for (const id of approvals.keys()) {
    if (approvals.size <= limit) return;
    approvals.delete(id);
  }
}
