/** Answers without buttons, for watches and small screens: 👍 or 👎 on a card, `ok` or `no …` in its thread. */
import type { Answer, Core, Verdict } from '../types.ts';
import type { Notify } from './slack-clicks.ts';
import { currentMessage, type Entries, type Entry, type Message } from './slack-entries.ts';
import { field } from './slack-errors.ts';
import { createMemory } from './slack-memory.ts';
import { NOTICES, noticeOf } from './wording-notices.ts';

export interface RepliesOptions {
  readonly core: Core;
  readonly entries: Entries;
  readonly now: () => number;
  readonly notify: Notify;
  /** See `Messages`. */
  readonly whenKnown: (channel: string, ts: string) => Promise<void> | undefined;
}

export interface Replies {
  /** The `event` of a reaction_added. */
  onReaction(event: unknown): void;
  /** The `event` of a message. */
  onMessage(event: unknown): void;
}

type Decision = Pick<Answer, 'decision' | 'reason'>;

/** Slack's names of 👍 and 👎; a skin tone follows after two colons. */
const YES_EMOJI = /^(\+1|thumbsup)(::skin-tone-[2-6])?$/;
const NO_EMOJI = /^(-1|thumbsdown)(::skin-tone-[2-6])?$/;
const YES_TEXT = /^(ok|okay|yes|👍\p{Emoji_Modifier}?|:(\+1|thumbsup):(:skin-tone-[2-6]:)?)[.!]?$/iu;
const NO_TEXT = /^(?:no|👎\p{Emoji_Modifier}?|:(?:-1|thumbsdown):(?::skin-tone-[2-6]:)?)(?:[\s,.:;!–—-]+(.*))?$/isu;
/** `subtype` of what a person writes into a thread, and sends to the conversation, too. */
const KINDS: ReadonlySet<unknown> = new Set([undefined, 'thread_broadcast']);
/** Who answers with a word means what was waiting while it was written. */
const WRITING_MS = 30_000;
/** Slack delivers an event again when it was not acknowledged, for about six minutes (Events API documentation). */
const EVENTS_KEPT = 500;

export function createReplies({ core, entries, now, notify, whenKnown }: RepliesOptions): Replies {
  const isRepeated = createMemory(EVENTS_KEPT);

  const give = (entry: Entry, message: Message, by: string, decision: Decision): void => {
    const { id, nonce } = entry.request;
    const spot = { user: by, channel: message.channel, message: message.ts, threadTs: message.threadTs };
    const react = (verdict: Verdict): void => {
      const said = noticeOf(verdict);
      if (said !== undefined) notify(spot, said);
    };
    const place = { conversation: message.channel, message: message.ts };
    react(core.answer({ requestId: id, nonce, ...decision, by, ...place, at: now() }, react));
  };

  const react = async (user: string, channel: string, ts: string, decision: Answer['decision']): Promise<void> => {
    await whenKnown(channel, ts);
    const message = entries.at(channel, ts);
    if (message === undefined) return;
    const [entry, ...more] = message.entries;
    const isCurrent = entry !== undefined && currentMessage(entry, message.approver) === message;
    if (entry !== undefined && more.length === 0 && isCurrent) return give(entry, message, user, { decision });
    notify({ user, channel, message: ts, threadTs: message.threadTs }, NOTICES.useButtons);
  };

  const reply = async (user: string, channel: string, ts: string, threadTs: string, words: string): Promise<void> => {
    const since = Number(ts) * 1000 - WRITING_MS;
    await whenKnown(channel, '');
    const all = entries.waitingIn(channel, threadTs, since);
    const decision = decisionOf(words, all);
    if (decision === undefined) return;
    const spot = { user, channel, message: threadTs, threadTs };
    const [entry, ...more] = all;
    const message = entry?.messages.findLast((item) => item.channel === channel);
    if (entry === undefined || message === undefined) return notify(spot, NOTICES.nothingWaits);
    // What came after the word was written cannot be what it was about.
    if (more.length > 0 || Number(message.ts) >= Number(ts)) return notify(spot, NOTICES.manyWait);
    give(entry, message, user, decision);
  };

  return {
    onReaction: (event) => {
      const [user, name, item] = [field(event, 'user'), field(event, 'reaction'), field(event, 'item')];
      const [channel, ts] = [field(item, 'channel'), field(item, 'ts')];
      if (typeof user !== 'string' || typeof name !== 'string') return;
      if (typeof channel !== 'string' || typeof ts !== 'string') return;
      const decision = YES_EMOJI.test(name) ? 'allow' : NO_EMOJI.test(name) ? 'deny' : undefined;
      if (decision === undefined || isRepeated(`${user} ${name} ${channel} ${ts} ${field(event, 'event_ts')}`)) return;
      void react(user, channel, ts, decision);
    },
    onMessage: (event) => {
      const [user, said, channel] = [field(event, 'user'), field(event, 'text'), field(event, 'channel')];
      const [ts, threadTs] = [field(event, 'ts'), field(event, 'thread_ts')];
      if (!KINDS.has(field(event, 'subtype')) || field(event, 'bot_id') !== undefined) return;
      if (typeof user !== 'string' || typeof said !== 'string' || typeof channel !== 'string') return;
      if (typeof ts !== 'string' || typeof threadTs !== 'string') return;
      if (isRepeated(`${user} ${channel} ${ts}`)) return;
      void reply(user, channel, ts, threadTs, unescaped(said).trim());
    },
  };
}

/** What a text decides; undefined when it is no answer. To an agent that has stopped, any text is the reply, `ok` as well. */
function decisionOf(words: string, waiting: readonly Entry[]): Decision | undefined {
  const isStop = waiting.length === 1 && waiting[0]?.request.offers.form === 'stop';
  if (isStop) return words === '' ? undefined : { decision: 'deny', reason: words };
  if (YES_TEXT.test(words)) return { decision: 'allow' };
  const no = NO_TEXT.exec(words);
  if (no === null) return undefined;
  const reason = no[1]?.trim() ?? '';
  return { decision: 'deny', ...(reason === '' ? {} : { reason }) };
}

/** As the person wrote it: Slack puts links into angle brackets, and writes three characters as entities. */
function unescaped(text: string): string {
  return text
    .replaceAll(/<((?:https?|mailto):[^<>|]*)(?:\|([^<>]*))?>/g, (_link, address, shown) => shown ?? address)
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
