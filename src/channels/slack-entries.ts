/** What is kept of a request while its messages may still change, and which messages those are. */
import type { Masker } from '../secrets.ts';
import type { ApprovalRequest, Outcome, Receipt, Run } from '../types.ts';
import type { CardBody } from './slack-body.ts';
import type { Place } from './slack-editor.ts';
import type { Draft } from './slack-question-answers.ts';
import type { Surroundings } from './slack-surroundings.ts';

/** One message of ours. A list has several requests. */
export interface Message extends Place {
  readonly approver: string;
  /** The thread that it is in. */
  readonly threadTs: string | undefined;
  readonly isList: boolean;
  readonly entries: Entry[];
  /** Whether the whole input was attached to it as a file. */
  isAttached: boolean;
}

export interface Entry {
  request: ApprovalRequest;
  masker: Masker;
  surroundings: Surroundings;
  /** What the messages show of the call: the disk may be another when they are edited. */
  body: CardBody;
  onShown: (receipt: Receipt) => void;
  /** Ends the tries to post. */
  over: AbortController;
  /** Every message that shows it, oldest first; only the last one of a person has buttons. */
  readonly messages: Message[];
  /** Work on messages that are not there yet. */
  readonly posting: Set<Promise<unknown>>;
  /** An earlier try may have posted a copy that we were not told of. */
  maybeTwice: boolean;
  /** What each person has chosen so far, who sees it on the message that is theirs. */
  readonly drafts: Map<string, Draft>;
  countedBy: readonly string[];
  outcome: Outcome | undefined;
  run: Run | undefined;
  /** Over, and its large input is gone; see slack-settled.ts. */
  isLight: boolean;
}

/** Without any message yet. */
export function newEntry(
  shown: Pick<Entry, 'request' | 'masker' | 'surroundings' | 'body' | 'onShown' | 'over'>,
): Entry {
  return {
    ...shown,
    ...{ messages: [], posting: new Set(), maybeTwice: false, drafts: new Map(), countedBy: [] },
    ...{ outcome: undefined, run: undefined, isLight: false },
  };
}

export interface Entries {
  add(entry: Entry): void;
  get(requestId: string): Entry | undefined;
  /** The message at a place, and what it shows. */
  at(channel: string, ts: string): Message | undefined;
  open(): readonly Entry[];
  /**
   * Requests of a thread that wait for an answer, or did at `since` (milliseconds since the epoch) or later; also those
   * of the same session that are on their way: the person may see them before we know where they are.
   */
  waitingIn(channel: string, threadTs: string, since: number): readonly Entry[];
}

/** Requests that are over and whose messages can still be told what became of the call. */
const OVER_KEPT = 300;

export function createEntries(): Entries {
  const entries = new Map<string, Entry>();
  return {
    add: (entry) => {
      entries.set(entry.request.id, entry);
      const over = [...entries.values()].filter(({ outcome }) => outcome !== undefined);
      for (const { request } of over.slice(0, -OVER_KEPT)) entries.delete(request.id);
    },
    get: (requestId) => entries.get(requestId),
    at: (channel, ts) =>
      [...entries.values()]
        .flatMap(({ messages }) => messages)
        .findLast((message) => message.channel === channel && message.ts === ts),
    open: () => [...entries.values()].filter(({ outcome }) => outcome === undefined),
    waitingIn: (channel, threadTs, since) => {
      const isThere = ({ messages }: Entry): boolean =>
        messages.some(
          (message) => message.channel === channel && (message.threadTs === threadTs || message.ts === threadTs),
        );
      const isOnItsWay = ({ messages, posting }: Entry): boolean =>
        posting.size > 0 && messages.every((message) => message.channel !== channel);
      const sessions = new Set([...entries.values()].filter(isThere).map(({ request }) => request.input.session_id));
      return [...entries.values()].filter(
        (entry) =>
          (entry.outcome === undefined || entry.outcome.at >= since) &&
          (isThere(entry) || (isOnItsWay(entry) && sessions.has(entry.request.input.session_id))),
      );
    },
  };
}

/** The message that has the buttons for one person. */
export function currentMessage({ messages }: Entry, approver: string): Message | undefined {
  return messages.findLast((message) => message.approver === approver);
}
