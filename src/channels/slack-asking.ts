/** Answers to questions: presses and words make a draft, and a draft that is whole is an answer. */
import type { Answer, Core, Verdict } from '../types.ts';
import { type Click, isFree, type Spot } from './slack-clicks.ts';
import type { Entries, Entry } from './slack-entries.ts';
import type { Filled } from './slack-form.ts';
import { type OtherResult, renderOtherForm } from './slack-form-other.ts';
import {
  answeredInput,
  applyPress,
  type Draft,
  emptyDraft,
  needsSend,
  otherPressed,
  withOther,
} from './slack-question-answers.ts';
import { APPROVE_ACTION, buttonValue, readButtonValue } from './slack-values.ts';
import type { Views } from './slack-views.ts';
import { WORDS } from './wording.ts';
import { noticeOf } from './wording-notices.ts';

export interface AskingOptions {
  readonly core: Core;
  readonly entries: Entries;
  readonly instanceId: string;
  readonly now: () => number;
  readonly views: Views;
  readonly refresh: (entry: Entry) => Promise<void>;
  /** Gives an answer; what turns out later not to count is told at the spot. */
  readonly answer: (given: Answer, spot: Spot) => Verdict;
}

export interface Asking {
  /** A press on what belongs to a question; false when it is none. */
  onQuestion(click: Click, react: (verdict: Verdict, text?: string) => void): boolean;
  /** Words for a question; what the person must hear when they do not count. */
  onOther(
    filled: Filled,
    entry: Entry,
    other: Exclude<OtherResult, { errors: unknown }>,
    spot: Spot,
  ): string | undefined;
}

/** Each person chooses on a message of their own, and answers for what they see there. */
function draftOf({ body, drafts }: Entry, by: string): Draft {
  return drafts.get(by) ?? emptyDraft(body.questions ?? []);
}

export function createAsking({ core, entries, instanceId, now, views, refresh, answer }: AskingOptions): Asking {
  /** The answer that a draft is; undefined while something is missing. */
  const answerIn = (entry: Entry, by: string, conversation: string, message: string): Answer | undefined => {
    const { request, body } = entry;
    const questions = body.questions ?? [];
    const updatedInput = answeredInput(request.input.tool_input ?? {}, questions, draftOf(entry, by));
    if (updatedInput === undefined) return undefined;
    const { id, nonce } = request;
    return { requestId: id, nonce, decision: 'allow', updatedInput, by, conversation, message, at: now() };
  };

  /** Whether this person may answer there; nothing is decided by it. */
  const judge = ({ request }: Entry, by: string, conversation: string, message: string): Verdict =>
    core.judge({ requestId: request.id, nonce: request.nonce, decision: 'deny', by, conversation, message, at: now() });

  /** A press may be faster than Slack's answer to the post: then the button says what it belongs to. */
  const namedBy = (click: Click): Entry | undefined => {
    const value = readButtonValue(click.value);
    const entry = entries.get(value?.requestId ?? '');
    return entry?.request.nonce === value?.nonce ? entry : undefined;
  };

  const redraw = (entry: Entry): void => void refresh(entry).catch(() => {});

  return {
    onQuestion: (click, react) => {
      const { user, channel, message, actionId } = click;
      const entry = entries.at(channel, message)?.entries[0] ?? namedBy(click);
      const questions = entry?.body.questions;
      if (entry === undefined || questions === undefined) return false;
      const asked = otherPressed(questions, actionId);
      const draft = applyPress(questions, draftOf(entry, user), click);
      if (asked === undefined && draft === undefined && actionId !== APPROVE_ACTION) return false;
      const verdict = judge(entry, user, channel, message);
      if (!isFree(verdict)) {
        core.refused({ requestId: entry.request.id, by: user, at: now() }, verdict);
        react(verdict);
        return true;
      }
      const question = asked === undefined ? undefined : questions[asked];
      if (asked !== undefined && question !== undefined) {
        const mask = (shown: string): string => entry.masker.mask(shown).text;
        const origin = { value: buttonValue(entry.request, instanceId), channel, message };
        views.open(click, renderOtherForm(origin, asked, question, draftOf(entry, user)[asked]?.other, mask));
        return true;
      }
      if (draft !== undefined) entry.drafts.set(user, draft);
      if (draft !== undefined && needsSend(questions)) {
        redraw(entry);
        return true;
      }
      const given = answerIn(entry, user, channel, message);
      if (given === undefined) react('not-offered', WORDS.incomplete);
      else react(core.answer(given, react));
      return true;
    },
    onOther: ({ by, conversation, message }, entry, { question, text }, spot) => {
      const verdict = judge(entry, by, conversation, message);
      if (!isFree(verdict)) return noticeOf(verdict);
      const questions = entry.body.questions ?? [];
      entry.drafts.set(by, withOther(questions, draftOf(entry, by), question, text));
      const given = needsSend(questions) ? undefined : answerIn(entry, by, conversation, message);
      if (given !== undefined) return noticeOf(answer(given, spot));
      redraw(entry);
      return undefined;
    },
  };
}
