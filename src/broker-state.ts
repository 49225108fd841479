/** What the broker speaks of: events, effects, and where each request stands. */
import type { Answer, ApprovalRequest, Outcome, Receipt, Verdict } from './types.ts';

/** What happened. `now` and `deadline` are milliseconds on a clock that nobody sets, `at` is the time of day. */
export type BrokerEvent =
  /** `ruled`: what a rule or a grant has decided already, so that nobody is asked. */
  | {
      readonly type: 'asked';
      readonly request: ApprovalRequest;
      readonly deadline: number;
      readonly ruled?: Outcome;
      /** Nobody is shown it before it is released; what to say when its deadline comes before that. */
      readonly hold?: string;
    }
  /** What an earlier daemon has left: its messages count, and nothing is decided before its client has come back. */
  | {
      readonly type: 'restored';
      readonly request: ApprovalRequest;
      readonly deadline: number;
      readonly receipts: readonly Receipt[];
      readonly approvedBy: readonly string[];
      /** Of one that was decided. */
      readonly outcome?: Outcome;
      /** Its messages say so. */
      readonly isClosed?: boolean;
    }
  /** The client of a restored request waits again; the request as it says it itself. */
  | {
      readonly type: 'attached';
      readonly request: ApprovalRequest;
      readonly ruled?: Outcome;
      readonly hold?: string;
    }
  /** What was held is shown now. */
  | { readonly type: 'released'; readonly id: string }
  /** Nobody is to be shown it any more. */
  | { readonly type: 'given-up'; readonly id: string; readonly reason: string; readonly at: number }
  /** These are asked, too; the people among them may answer from now on. Does nothing while messages are on their way. */
  | {
      readonly type: 'escalated';
      readonly id: string;
      readonly people: readonly string[];
      readonly to: readonly string[];
    }
  /** A message shows the request, or has come to show all of it. */
  | { readonly type: 'shown'; readonly id: string; readonly receipt: Receipt }
  /** These people may no longer approve it. */
  | { readonly type: 'discounted'; readonly id: string; readonly by: readonly string[] }
  /** No further message is to come. */
  | { readonly type: 'shown-all'; readonly id: string }
  | {
      readonly type: 'post-failed';
      readonly id: string;
      readonly reason: string;
      readonly code: string;
      readonly at: number;
    }
  | { readonly type: 'answered'; readonly answer: Answer; readonly now: number }
  | { readonly type: 'client-gone'; readonly id: string; readonly at: number }
  /** An event of the agent shows that its own prompt was answered, or that it has gone on for an unknown reason. */
  | {
      readonly type: 'answered-elsewhere';
      readonly id: string;
      readonly kind: 'elsewhere' | 'unknown';
      readonly reason: string;
      readonly at: number;
    }
  | { readonly type: 'tick'; readonly now: number; readonly at: number }
  /** With a `code` the requests could not be delivered; without, somebody stopped the daemon. */
  | { readonly type: 'stopping'; readonly reason: string; readonly code?: string; readonly at: number }
  /** `trouble`: why there is no record. */
  | { readonly type: 'recorded'; readonly id: string; readonly at: number; readonly trouble?: string };

/** What must be done about it, in this order. */
export type BrokerEffect =
  | { readonly type: 'post'; readonly request: ApprovalRequest }
  /** Write to the audit log; then report back with `recorded`. */
  | { readonly type: 'record'; readonly request: ApprovalRequest; readonly outcome: Outcome }
  /** Tell the waiting client. */
  | { readonly type: 'reply'; readonly id: string; readonly outcome: Outcome }
  /** Make the message say how it ended. */
  | { readonly type: 'close'; readonly request: ApprovalRequest; readonly outcome: Outcome }
  /** An approval that counts, and more are needed: write it down and say so on the messages. */
  | {
      readonly type: 'count';
      readonly request: ApprovalRequest;
      readonly answer: Answer;
      readonly by: readonly string[];
    }
  /** An answer that did not count, for the audit log. */
  | { readonly type: 'refuse'; readonly answer: Answer; readonly verdict: Verdict };

/** Where a request stands. A settled one is kept for a while so that a late click can be told what happened. */
export interface Entry {
  /** Once it is settled, without a large input. */
  request: ApprovalRequest;
  readonly deadline: number;
  /** One for each message that shows the request. */
  receipts: Receipt[];
  /** More messages may come. */
  isPosting: boolean;
  /** Who has approved while others must, too. */
  approvedBy: string[];
  /** Answers that came before the receipt of their message, or before the client of a restored request. */
  early: { readonly answer: Answer; readonly now: number }[];
  outcome: Outcome | undefined;
  clientGone: boolean;
  /** Restored, and its client has not come back yet. */
  isDetached: boolean;
  /** Not to be shown yet; what to say when the deadline comes meanwhile. */
  hold: string | undefined;
}

export interface BrokerState {
  readonly entries: Map<string, Entry>;
  /** Ids of settled requests, oldest first, bounded. */
  readonly settled: string[];
}

export function createBrokerState(): BrokerState {
  return { entries: new Map(), settled: [] };
}

/** Requests without an outcome yet, oldest first. */
export function pendingRequests(state: BrokerState): readonly ApprovalRequest[] {
  return [...state.entries.values()].filter(isPending).map(({ request }) => request);
}

/** When the next pending request expires, on the clock of `deadline`; undefined when none is pending. */
export function nextExpiry(state: BrokerState): number | undefined {
  const times = [...state.entries.values()].filter(isPending).map(({ deadline }) => deadline);
  return times.length === 0 ? undefined : times.reduce((first, time) => Math.min(first, time));
}

/** Ids of restored requests whose client has not come back. */
export function detachedRequests(state: BrokerState): readonly string[] {
  return [...state.entries.values()].filter(({ isDetached }) => isDetached).map(({ request }) => request.id);
}

export function isPending({ outcome }: Entry): boolean {
  return outcome === undefined;
}
