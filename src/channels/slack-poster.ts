/** Brings requests to one person: the first one by itself, what comes while it is on its way or still waits as one list. */
import { AppError } from '../errors.ts';
import { fittingRows, isFoldable } from './slack-batch.ts';
import { type CallBounds, failureOf, isThreadGone, type SlackCalls } from './slack-calls.ts';
import type { Looks, Place } from './slack-editor.ts';
import { currentMessage, type Entry, type Message } from './slack-entries.ts';
import { field } from './slack-errors.ts';
import { pause } from './slack-timing.ts';

export interface PosterOptions {
  readonly calls: SlackCalls;
  readonly broadcast: boolean;
  /** Where a card goes; undefined: into the conversation itself. */
  readonly rootOf: (approver: string, entry: Entry) => Promise<Place | undefined>;
  /** Slack does not know the thread any more. */
  readonly onThreadGone: (approver: string, entry: Entry) => void;
  readonly open: () => readonly Entry[];
  /** Makes the request's own message as small as can be. */
  readonly shrink: (entry: Entry) => void;
  readonly looksOf: (message: Message) => Looks;
  /** Called for each new message, before anything else can happen. */
  readonly onPosted: (message: Message, appId: string | undefined, looks: Looks) => void;
}

export interface Poster {
  /** Resolves with the message that shows the request. `isAlone`: not as one of several. Rejects with an AppError. */
  post(entry: Entry, approver: string, isAlone?: boolean): Promise<Message>;
  /** Posts that Slack has not answered yet: their messages may be seen and pressed already. */
  sending(): readonly Promise<unknown>[];
}

type Done = PromiseWithResolvers<Message>;

interface Waiting {
  readonly entry: Entry;
  readonly done: Done;
}

/** Who comes while a message is on its way may share the next one; who comes while Slack makes it wait is not held up. */
const PATIENCE_MS = 700;
const METADATA_TYPE = 'claude_slack_hook_request';

export function createPoster(options: PosterOptions): Poster {
  const { calls, looksOf } = options;
  const lines = new Map<string, Waiting[]>();
  const underWay = new Set<Promise<unknown>>();

  /** `awaited`: those of the message's requests that wait for it; the others have one already. */
  const send = async (
    message: Omit<Message, keyof Place | 'threadTs'>,
    awaited: readonly Entry[],
    onTrouble: () => void,
    isThreaded = true,
  ): Promise<Message> => {
    const { approver, entries } = message;
    const [first] = awaited;
    if (first === undefined) throw new AppError('internal', 'Expected a message to be about a request');
    const root = isThreaded ? await options.rootOf(approver, first) : undefined;
    const signal = allOver(awaited);
    if (signal.aborted) throw withdrawn();
    const draft: Message = { ...message, threadTs: root?.ts, channel: approver, ts: '' };
    const looks = looksOf(draft);
    const metadata = (attempt: number) => ({
      metadata: { event_type: METADATA_TYPE, event_payload: { request_id: first.request.id, attempt } },
    });
    // A user id: Slack opens the conversation with that person. It takes no scope but chat:write.
    const place = root === undefined ? { channel: approver } : threaded(root, options.broadcast);
    const bounds: CallBounds = {
      deadline: Math.max(...awaited.map(({ request }) => request.expiresAt)),
      signal,
      spacedBy: approver,
      // Slack has no key against double posting. A lost answer may hide a message, but not to try again may lose the
      // request; a copy carries the same request and nonce, and the core takes answers on the receipt's message only.
      onRetry: (attempt, uncertain) => {
        for (const entry of entries) entry.maybeTwice ||= uncertain;
        return metadata(attempt);
      },
      onTrouble,
    };
    const sending = calls.call(
      'post',
      'chat.postMessage',
      {
        ...place,
        text: looks.text,
        blocks: looks.blocks,
        mrkdwn: false,
        unfurl_links: false,
        unfurl_media: false,
        ...metadata(1),
      },
      'show the request',
      bounds,
    );
    underWay.add(sending);
    let reply: Record<string, unknown>;
    try {
      reply = await sending.finally(() => underWay.delete(sending));
    } catch (error) {
      if (root === undefined || !isThreadGone(error)) throw error;
      options.onThreadGone(approver, first);
      return await send(message, awaited, onTrouble, false);
    }
    const { channel, ts } = reply;
    if (typeof channel !== 'string' || typeof ts !== 'string') {
      throw new AppError('slack-rejected', 'Slack did not say where it put the message');
    }
    const appId = field(reply.message, 'app_id');
    const posted: Message = { ...draft, channel, ts };
    for (const entry of entries) entry.messages.push(posted);
    options.onPosted(posted, typeof appId === 'string' ? appId : undefined, looks);
    return posted;
  };

  /** What Slack refuses for its size or form is tried once more in a short form, which cannot be approved as it is. */
  const alone = async (entry: Entry, approver: string, onTrouble: () => void): Promise<Message> => {
    const message = { approver, isList: false, entries: [entry], isAttached: false };
    try {
      return await send(message, [entry], onTrouble);
    } catch (error) {
      if (failureOf(error)?.kind !== 'too-large') throw error;
      options.shrink(entry);
      return await send(message, [entry], onTrouble);
    }
  };

  /** The requests of the session that wait in a message already and could stand in a list with others. */
  const waitingWith = (approver: string, sessionId: string): readonly Entry[] =>
    options
      .open()
      .filter(
        (entry) =>
          entry.request.input.session_id === sessionId &&
          isFoldable(entry.request, entry.body) &&
          currentMessage(entry, approver) !== undefined &&
          !wasTakenOut(entry, approver),
      );

  const deliver = async (
    approver: string,
    sessionId: string,
    group: readonly Waiting[],
    onTrouble: () => void,
  ): Promise<void> => {
    const postAlone = ({ entry, done }: Waiting): Promise<void> => settle([done], alone(entry, approver, onTrouble));
    const postTogether = async (entries: readonly Entry[]): Promise<void> => {
      const awaited = group.filter(({ entry }) => entries.includes(entry));
      const [only] = awaited;
      if (only === undefined) return;
      if (entries.length === 1) return postAlone(only);
      const list = { approver, isList: true, entries: [...entries], isAttached: false };
      const posted = send(
        list,
        awaited.map(({ entry }) => entry),
        onTrouble,
      );
      const failure = await posted.then(() => undefined, failureOf);
      if (failure?.kind === 'too-large') await Promise.all(awaited.map(postAlone));
      else
        await settle(
          awaited.map(({ done }) => done),
          posted,
        );
    };
    const foldable = group.filter(({ entry }) => isFoldable(entry.request, entry.body));
    const before = foldable.length === 0 ? [] : waitingWith(approver, sessionId);
    await Promise.all([
      ...group.filter((item) => !foldable.includes(item)).map(postAlone),
      ...inLists([...before, ...foldable.map(({ entry }) => entry)]).map(postTogether),
    ]);
  };

  const run = async (key: string, approver: string, sessionId: string): Promise<void> => {
    for (;;) {
      const line = lines.get(key) ?? [];
      lines.set(key, []);
      const group = line.filter(({ entry, done }) => {
        if (entry.over.signal.aborted) done.reject(withdrawn());
        return !entry.over.signal.aborted;
      });
      if (group.length === 0) break;
      const trouble = new AbortController();
      const patience = pause(PATIENCE_MS, trouble.signal);
      await Promise.race([deliver(approver, sessionId, group, () => trouble.abort()), patience]);
      trouble.abort();
    }
    lines.delete(key);
  };

  return {
    sending: () => [...underWay],
    post: (entry, approver, isAlone = false) => {
      if (isAlone) return alone(entry, approver, () => {});
      const sessionId = entry.request.input.session_id;
      const key = `${approver} ${sessionId}`;
      const done = Promise.withResolvers<Message>();
      const line = lines.get(key);
      lines.set(key, [...(line ?? []), { entry, done }]);
      // Requests of one moment meet in one list.
      if (line === undefined) queueMicrotask(() => void run(key, approver, sessionId));
      return done.promise;
    },
  };
}

export function withdrawn(): AppError {
  return new AppError('slack-unreachable', 'The request ended before Slack had shown it');
}

/** From the last one back, as many in one list as fit. */
function inLists(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const lists: (readonly Entry[])[] = [];
  for (let rest = entries; rest.length > 0; ) {
    const start = rest.length - Math.max(1, fittingRows(rest.map(({ body }) => body)));
    lists.unshift(rest.slice(start));
    rest = rest.slice(0, start);
  }
  return lists;
}

/** Whether the person wanted it as a card of its own: that one stays. */
function wasTakenOut(entry: Entry, approver: string): boolean {
  const isListed = entry.messages.some((message) => message.approver === approver && message.isList);
  return isListed && currentMessage(entry, approver)?.isList === false;
}

async function settle(waiting: readonly Done[], message: Promise<Message>): Promise<void> {
  try {
    const posted = await message;
    for (const done of waiting) done.resolve(posted);
  } catch (error) {
    for (const done of waiting) done.reject(error);
  }
}

/** Aborts when all of them are over. */
function allOver(entries: readonly Entry[]): AbortSignal {
  const all = new AbortController();
  const look = (): void => {
    if (entries.every(({ over }) => over.signal.aborted)) all.abort();
  };
  for (const { over } of entries) over.signal.addEventListener('abort', look, { once: true });
  look();
  return all.signal;
}

function threaded({ channel, ts }: Place, broadcast: boolean): Record<string, unknown> {
  return { channel, thread_ts: ts, ...(broadcast ? { reply_broadcast: true } : {}) };
}
