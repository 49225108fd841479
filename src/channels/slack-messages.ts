/** The messages of requests: posted to every approver, kept true while they wait, and closed when they end. */
import { AppError } from '../errors.ts';
import { createMasker, type SecretRule } from '../secrets.ts';
import type { ApprovalRequest, LeftBehind, Outcome, Receipt, Run } from '../types.ts';
import { adoptInto } from './slack-adopt.ts';
import { attach } from './slack-attach.ts';
import { renderBody } from './slack-body.ts';
import type { SlackCalls } from './slack-calls.ts';
import type { Editor } from './slack-editor.ts';
import { createEntries, currentMessage, type Entries, type Entry, type Message, newEntry } from './slack-entries.ts';
import { createLooks, type LooksOptions } from './slack-looks.ts';
import { createPoster, withdrawn } from './slack-poster.ts';
import { settle } from './slack-settled.ts';
import { createStrays, type Strays } from './slack-strays.ts';
import type { LookAround } from './slack-surroundings.ts';
import type { Threads } from './slack-threads.ts';
import { pause } from './slack-timing.ts';

export interface MessagesOptions extends LooksOptions {
  readonly calls: SlackCalls;
  readonly editor: Editor;
  readonly threads: Threads;
  readonly broadcast: boolean;
  readonly now: () => number;
  /** Aborts when the channel stops. */
  readonly stopping: AbortSignal;
  /** Awaited before a post; rejects with an AppError when it is known that nothing can be posted or answered. */
  readonly ready: () => Promise<void>;
  /** What the disk adds to a card, in bounded time; never rejects. */
  readonly lookAround: LookAround;
  /** The user's own rules for what is secret; throws when they cannot be read. */
  readonly maskRules: () => readonly SecretRule[];
  /** The app that a posted message came from, when Slack tells. */
  readonly onPosted: (appId: string | undefined) => void;
}

export interface Messages extends Pick<Strays, 'isDuplicate' | 'removeButtons'> {
  ask(request: ApprovalRequest, signal: AbortSignal, onShown: (receipt: Receipt) => void): Promise<void>;
  /** Takes over messages that an earlier daemon has posted. */
  adopt(left: readonly LeftBehind[]): void;
  close(request: ApprovalRequest, outcome: Outcome): Promise<void>;
  ran(request: ApprovalRequest, run: Run): Promise<void>;
  counted(request: ApprovalRequest, by: readonly string[]): Promise<void>;
  /** Draws the messages of a request again. */
  refresh(entry: Entry): Promise<void>;
  /** Gives a request of a list a message of its own; false when it has one. Rejects with an AppError. */
  unfold(entry: Entry, approver: string): Promise<boolean>;
  readonly entries: Entries;
  /** Resolves soon, once it is known where messages are that Slack may show already; undefined when nothing is on its way or the place is known. */
  whenKnown(channel: string, ts: string, atMostMs?: number): Promise<void> | undefined;
}

/** Longer than Slack takes to answer a post. */
const KNOWN_MS = 3_000;
/** A file is worth this much waiting. */
const ATTACH_MS = 60_000;

export function createMessages(options: MessagesOptions): Messages {
  const { calls, editor, threads, host, now } = options;
  const entries = createEntries();
  const looksOf = createLooks(options);
  /** Request and person, while a message of its own is on its way. */
  const unfolding = new Set<string>();

  const refreshMessage = (message: Message): Promise<void> => editor.refresh(message, () => looksOf(message));
  /** For what Slack may not show as it was taken last. */
  const redraw = (message: Message): void => {
    editor.doubt(message);
    quietly(refreshMessage(message));
  };
  const refresh = async (entry: Entry): Promise<void> => {
    await Promise.all(entry.messages.map(refreshMessage));
  };

  const poster = createPoster({
    calls,
    broadcast: options.broadcast,
    rootOf: async (approver, { request, surroundings }) => threads.rootOf(approver, request, surroundings),
    onThreadGone: (approver, { request }) => threads.forget(approver, request.input.session_id),
    open: entries.open,
    shrink: (entry) => {
      const { request, masker, surroundings } = entry;
      entry.body = renderBody(request, { host, masker, surroundings, size: 'short' });
    },
    looksOf,
    onPosted: (message, appId, looks) => {
      options.onPosted(appId);
      editor.posted(message, looks);
      for (const entry of message.entries) {
        entry.onShown(receiptOf(message, entry));
        for (const earlier of entry.messages) {
          if (earlier !== message && earlier.approver === message.approver) quietly(refreshMessage(earlier));
        }
      }
      // It was drawn before it was sent: what ended meanwhile must not keep its buttons.
      if (message.entries.some(hasChanged)) quietly(refreshMessage(message));
      strays.onPosted(message);
    },
  });
  const strays = createStrays({ editor, entries, redraw, sending: poster.sending });

  /** The whole input as a file, where the message itself has no room; then the message can be approved. */
  const attachTo = async (entry: Entry, message: Message): Promise<void> => {
    const { request, body, over } = entry;
    const { form } = request.offers;
    if (body.complete || !body.isSayable || form === 'questions' || form === 'stop') return;
    const place = { channel: message.channel, ts: message.threadTs ?? message.ts };
    try {
      await attach(calls, place, request, body, AbortSignal.any([over.signal, AbortSignal.timeout(ATTACH_MS)]));
    } catch {
      // Without the file there is "Show all" and no Approve.
      return;
    }
    message.isAttached = true;
    // Before Approve can be seen: a press on it may be faster than Slack's answer to the edit.
    entry.onShown(receiptOf(message, entry));
    await refreshMessage(message);
  };

  /** Resolves when one person has been shown all that can be shown. */
  const bring = async (entry: Entry, approver: string): Promise<void> => {
    const message = await poster.post(entry, approver);
    if (!message.isList) await attachTo(entry, message);
  };

  const begin = async (request: ApprovalRequest, over: AbortController, onShown: Entry['onShown']): Promise<Entry> => {
    const [surroundings] = await Promise.all([options.lookAround(request.input), options.ready()]);
    if (over.signal.aborted) throw withdrawn();
    const masker = createMasker({ known: request.secrets, rules: options.maskRules() });
    const body = renderBody(request, { host, masker, surroundings });
    const shown = { request, masker, surroundings, body, onShown, over };
    const adopted = entries.get(request.id);
    if (adopted !== undefined) return Object.assign(adopted, shown);
    const entry = newEntry(shown);
    entries.add(entry);
    return entry;
  };

  /** Work on a request's messages that its end has to wait for. */
  const during = async <T>(entry: Entry, work: Promise<T>): Promise<T> => {
    entry.posting.add(work);
    try {
      return await work;
    } finally {
      entry.posting.delete(work);
    }
  };

  /** Everybody is asked; as many as must approve have to be reached. */
  const bringAll = async (
    request: ApprovalRequest,
    over: AbortController,
    onShown: Entry['onShown'],
  ): Promise<void> => {
    const entry = await begin(request, over, onShown);
    const brought = await Promise.allSettled(
      [...new Set([...request.approvers, ...(request.escalatedTo ?? [])])]
        .filter((approver) => currentMessage(entry, approver) === undefined)
        .map((approver) => during(entry, bring(entry, approver))),
    );
    const failed = brought.find((result) => result.status === 'rejected');
    const reached = new Set(entry.messages.map(({ approver }) => approver));
    if (failed !== undefined && reached.size < request.needed) throw failed.reason;
  };

  return {
    entries,
    ask: async (request, signal, onShown) => {
      const over = new AbortController();
      if (signal.aborted) throw withdrawn();
      const ended = Promise.withResolvers<never>();
      const end = (error: AppError): void => {
        over.abort();
        ended.reject(error);
      };
      const onAbort = (): void => end(withdrawn());
      signal.addEventListener('abort', onAbort);
      const timer = setTimeout(() => end(tooLate()), clamp(request.expiresAt - now()));
      const all = bringAll(request, over, onShown);
      // It goes on behind the end: `close` waits for it and edits what came of it.
      all.catch(() => {});
      try {
        await Promise.race([all, ended.promise]);
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      }
    },
    adopt: (left) =>
      adoptInto(entries, left, {
        bodyOf: (request, masker) => renderBody(request, { host, masker, surroundings: {} }),
        maskerFor: ({ secrets }) => createMasker({ known: secrets, rules: options.maskRules() }),
        onThread: threads.adopt,
      }),
    close: async (request, outcome) => {
      const entry = entries.get(request.id);
      if (entry === undefined) return;
      entry.outcome = outcome;
      // Nobody reads the pages of what is over, and they are as large as the input.
      entry.body = { ...entry.body, fields: [] };
      entry.over.abort();
      // What is posted already is closed at once; what is on its way, when it has come.
      const open = refresh(entry);
      open.catch(() => {});
      try {
        const late = [...entry.posting];
        await Promise.allSettled(late);
        await (late.length === 0 ? open : refresh(entry));
      } finally {
        settle(entry);
      }
    },
    ran: async (request, run) => {
      const entry = entries.get(request.id);
      if (entry === undefined) return;
      entry.run = run;
      await refresh(entry);
    },
    counted: async (request, by) => {
      const entry = entries.get(request.id);
      if (entry === undefined) return;
      entry.countedBy = by;
      await refresh(entry);
    },
    refresh,
    whenKnown: (channel, ts, atMostMs = KNOWN_MS) => {
      const sending = poster.sending();
      if (sending.length === 0 || entries.at(channel, ts) !== undefined) return undefined;
      // One turn later, so that what waits for the same answer has noted it.
      return Promise.race([Promise.allSettled(sending), pause(atMostMs)]).then(() => pause(1));
    },
    unfold: async (entry, approver) => {
      const key = `${entry.request.id} ${approver}`;
      if (unfolding.has(key) || currentMessage(entry, approver)?.isList !== true) return false;
      unfolding.add(key);
      try {
        await during(entry, poster.post(entry, approver, true));
      } finally {
        unfolding.delete(key);
      }
      return true;
    },
    isDuplicate: strays.isDuplicate,
    removeButtons: strays.removeButtons,
  };
}

function hasChanged({ outcome, countedBy }: Entry): boolean {
  return outcome !== undefined || countedBy.length > 0;
}

function receiptOf(message: Message, { body, request }: Entry): Receipt {
  const complete = request.offers.form === 'stop' || body.complete || message.isAttached;
  const { channel, ts, approver, threadTs, isList } = message;
  return {
    ...{ conversation: channel, message: ts, complete, approver },
    ...(threadTs === undefined ? {} : { thread: threadTs }),
    ...(isList ? { isList } : {}),
  };
}

/** An edit that fails is tried again at the next occasion; nobody waits for it. */
function quietly(work: Promise<void>): void {
  work.catch(() => {});
}

/** What a timer takes; more would fire at once. */
function clamp(ms: number): number {
  return Math.min(Math.max(0, ms), 2 ** 31 - 1);
}

function tooLate(): AppError {
  return new AppError('slack-unreachable', 'Slack did not take the message in time');
}
