/** The messages of requests: posted once, edited when the request ends. */
import type { KnownBlock } from '@slack/types';
import { AppError } from '../errors.ts';
import type { ApprovalRequest, Outcome, Receipt } from '../types.ts';
import { type CardBody, type Rendered, renderCard, renderClosed } from './slack-blocks.ts';
import { type CallBounds, failureOf, type SlackCalls } from './slack-calls.ts';
import type { Click } from './slack-clicks.ts';
import { richText, section, text } from './slack-elements.ts';
import { field } from './slack-errors.ts';
import type { LookAround, Surroundings } from './slack-surroundings.ts';
import { WORDS } from './wording.ts';

export interface MessagesOptions {
  readonly calls: SlackCalls;
  readonly host: string;
  readonly instanceId: string;
  readonly now: () => number;
  /** Aborts when the channel stops: no edit is tried again after that. */
  readonly stopping: AbortSignal;
  /** Awaited before a post; rejects with an AppError when it is known that nothing can be posted or answered. */
  readonly ready: () => Promise<void>;
  /** What the disk adds to a card, in bounded time; never rejects. */
  readonly lookAround: LookAround;
  /** The app that a posted message came from, when Slack tells. */
  readonly onPosted: (appId: string | undefined) => void;
}

export interface Messages {
  ask(request: ApprovalRequest, signal: AbortSignal): Promise<Receipt>;
  close(request: ApprovalRequest, outcome: Outcome): Promise<void>;
  isKnown(requestId: string): boolean;
  /** The request, while its message is open or being closed. */
  requestOf(requestId: string): ApprovalRequest | undefined;
  isDuplicate(click: Click, requestId: string, nonce: string): boolean;
  /** Takes the buttons from a message whose request is over, or that is a second copy. Never rejects. */
  removeButtons(click: Click, isDuplicate: boolean): Promise<void>;
}

interface Entry {
  readonly request: ApprovalRequest;
  /** Resolves with undefined when there is no message. */
  posted: Promise<Receipt | undefined>;
  receipt: Receipt | undefined;
  /** What the posted message shows: the disk may be another when it is edited. */
  body: CardBody | undefined;
  /** Ends the tries to post. */
  readonly over: AbortController;
  /** An earlier try may have posted a copy that we were not told of. */
  maybeTwice: boolean;
}

/** An edit is worth this much: tries over about two minutes. */
const EDIT_TRIES = 12;
const EDIT_MS = 2 * 60_000;
/** A later press asks for it again. */
const REMOVE_TRIES = 3;
const METADATA_TYPE = 'claude_slack_hook_request';

export function createMessages(options: MessagesOptions): Messages {
  const { calls, now } = options;
  const entries = new Map<string, Entry>();

  const post = async (entry: Entry, rendered: Rendered, signal: AbortSignal): Promise<Receipt> => {
    const { request } = entry;
    const [approver] = request.approvers;
    const metadata = (attempt: number) => ({
      metadata: { event_type: METADATA_TYPE, event_payload: { request_id: request.id, attempt } },
    });
    const reply = await calls.call(
      'post',
      'chat.postMessage',
      {
        // A user id: Slack opens the conversation with that person. It takes no scope but chat:write.
        channel: approver,
        text: rendered.text,
        blocks: rendered.blocks,
        mrkdwn: false,
        unfurl_links: false,
        unfurl_media: false,
        ...metadata(1),
      },
      'show the request',
      {
        deadline: request.expiresAt,
        signal,
        spacedBy: approver,
        // Slack has no key against double posting. A lost answer may hide a message, but not to try again may lose the
        // request; a copy carries the same request and nonce, and the core takes answers on the receipt's message only.
        onRetry: (attempt, uncertain) => {
          entry.maybeTwice ||= uncertain;
          return metadata(attempt);
        },
      },
    );
    const { channel, ts } = reply;
    if (typeof channel !== 'string' || typeof ts !== 'string') {
      throw new AppError('slack-rejected', 'Slack did not say where it put the message');
    }
    const appId = field(reply.message, 'app_id');
    entry.body = rendered.body;
    options.onPosted(typeof appId === 'string' ? appId : undefined);
    return { conversation: channel, message: ts, complete: rendered.complete };
  };

  /** What Slack refuses for its size or form is tried once more in a short form, which cannot be approved. */
  const postSomehow = async (entry: Entry, surroundings: Surroundings, signal: AbortSignal): Promise<Receipt> => {
    const render = (size: 'full' | 'short') => renderCard(entry.request, { ...options, size, surroundings });
    try {
      return await post(entry, render('full'), signal);
    } catch (error) {
      if (failureOf(error)?.kind !== 'too-large') throw error;
      return await post(entry, render('short'), signal);
    }
  };

  const postWhenReady = async (entry: Entry, signal: AbortSignal): Promise<Receipt> => {
    const [surroundings] = await Promise.all([options.lookAround(entry.request.input), options.ready()]);
    if (signal.aborted) throw withdrawn();
    return await postSomehow(entry, surroundings, signal);
  };

  const edit = async (
    channel: string,
    ts: string,
    rendered: { readonly text: string; readonly blocks: readonly (KnownBlock | Record<string, unknown>)[] },
    bounds: Partial<CallBounds>,
  ): Promise<void> => {
    await calls.call(
      'edit',
      'chat.update',
      { channel, ts, text: rendered.text, blocks: rendered.blocks },
      'change the message',
      { deadline: now() + EDIT_MS, maxTries: EDIT_TRIES, signal: options.stopping, ...bounds },
    );
  };

  return {
    ask: async (request, signal) => {
      if (signal.aborted) throw withdrawn();
      const over = new AbortController();
      const entry: Entry = {
        request,
        posted: Promise.resolve(undefined),
        receipt: undefined,
        body: undefined,
        over,
        maybeTwice: false,
      };
      entries.set(request.id, entry);
      const posting = postWhenReady(entry, AbortSignal.any([signal, over.signal]));
      entry.posted = posting.then(
        (receipt) => {
          entry.receipt = receipt;
          return receipt;
        },
        () => undefined,
      );
      const ended = Promise.withResolvers<never>();
      const onAbort = (): void => ended.reject(withdrawn());
      signal.addEventListener('abort', onAbort);
      const timer = setTimeout(() => ended.reject(tooLate()), clamp(request.expiresAt - now()));
      try {
        // A post that is on its way goes on behind this: `close` waits for it and edits what came of it.
        return await Promise.race([posting, ended.promise]);
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        over.abort();
      }
    },
    close: async (request, outcome) => {
      const entry = entries.get(request.id);
      entry?.over.abort();
      const receipt = await entry?.posted;
      try {
        if (receipt === undefined) return;
        const { host } = options;
        const asAsked = renderClosed(request, outcome, { host, ...(entry?.body && { body: entry.body }) });
        try {
          await edit(receipt.conversation, receipt.message, asAsked, {});
        } catch (error) {
          if (failureOf(error)?.kind !== 'too-large') throw error;
          const short = renderClosed(request, outcome, { host, size: 'short' });
          await edit(receipt.conversation, receipt.message, short, {});
        }
      } finally {
        entries.delete(request.id);
      }
    },
    isKnown: (requestId) => entries.has(requestId),
    requestOf: (requestId) => entries.get(requestId)?.request,
    isDuplicate: (click, requestId, nonce) => {
      const entry = entries.get(requestId);
      if (entry === undefined || !entry.maybeTwice || entry.request.nonce !== nonce) return false;
      const { receipt, request } = entry;
      return (
        receipt?.conversation === click.channel &&
        receipt.message !== click.message &&
        request.approvers.includes(click.user)
      );
    },
    removeButtons: async (click, isDuplicate) => {
      const words = isDuplicate ? WORDS.duplicate : WORDS.overButtons;
      const kept = click.blocks.filter((block) => block.type !== 'actions');
      const note = richText([section([text(words)])]);
      const bounds = { maxTries: REMOVE_TRIES };
      try {
        await edit(click.channel, click.message, { text: words, blocks: [...kept, note] }, bounds);
      } catch (error) {
        if (failureOf(error)?.kind !== 'too-large') return;
        await edit(click.channel, click.message, { text: words, blocks: [note] }, bounds).catch(() => {});
      }
    },
  };
}

/** What a timer takes; more would fire at once. */
function clamp(ms: number): number {
  return Math.min(Math.max(0, ms), 2 ** 31 - 1);
}

function tooLate(): AppError {
  return new AppError('slack-unreachable', 'Slack did not take the message in time');
}

function withdrawn(): AppError {
  return new AppError('slack-unreachable', 'The request ended before Slack had shown it');
}
