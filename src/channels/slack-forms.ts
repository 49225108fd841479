/** Forms: which one a button opens, what becomes of a submitted one, and the answers to questions that presses make. */
import type { ModalView } from '@slack/types';
import type { Masker } from '../secrets.ts';
import type { Answer, Core, Verdict } from '../types.ts';
import type { SlackCalls } from './slack-calls.ts';
import { type Click, isFree, type Notify, type Spot } from './slack-clicks.ts';
import type { Entries, Entry } from './slack-entries.ts';
import { field } from './slack-errors.ts';
import { type Filled, type FormOrigin, type FormResult, plain, readForm } from './slack-form.ts';
import { ALWAYS_VIEW, readAlwaysForm, renderAlwaysForm } from './slack-form-always.ts';
import { EDIT_VIEW, readEditForm, renderEditForm } from './slack-form-edit.ts';
import { GRANT_VIEW, readGrantForm, renderGrantForm } from './slack-form-grant.ts';
import { OTHER_VIEW, type OtherResult, readOtherForm, renderOtherForm } from './slack-form-other.ts';
import { PAGE_NEXT_ACTION, PAGES_VIEW, pagesOf, readPagesForm, renderPage } from './slack-pages.ts';
import { answeredInput, applyPress, emptyDraft, needsSend, otherPressed, withOther } from './slack-question-answers.ts';
import { REASON_VIEW, readReason, renderReasonModal } from './slack-reason.ts';
import {
  ALWAYS_ACTION,
  APPROVE_ACTION,
  type ButtonValue,
  buttonValue,
  DENY_REASON_ACTION,
  EDIT_ACTION,
  GRANT_ACTION,
  readButtonValue,
} from './slack-values.ts';
import { REASON_WORDS, WORDS } from './wording.ts';
import { NOTICES, noticeOf } from './wording-notices.ts';

export interface FormsOptions {
  readonly calls: SlackCalls;
  readonly core: Core;
  readonly entries: Entries;
  readonly instanceId: string;
  readonly now: () => number;
  readonly stopping: AbortSignal;
  readonly refresh: (entry: Entry) => Promise<void>;
  readonly notify: Notify;
}

/** What Slack is told in return for a submission; undefined closes the form. */
export type Ack =
  | { readonly response_action: 'errors'; readonly errors: Readonly<Record<string, string>> }
  | { readonly response_action: 'update'; readonly view: ModalView }
  | undefined;

export interface Forms {
  open(click: Click, value: ButtonValue): void;
  /** A submitted form. Synchronous: nothing stands between it and the decision. */
  submit(body: unknown): Ack;
  /** A press of Back or Next in "Show all". */
  turn(body: unknown): void;
  /** A press on what belongs to a question; false when it is none. */
  onQuestion(click: Click, react: (verdict: Verdict, text?: string) => void): boolean;
}

/** A trigger opens a modal for three seconds (views.open reference). */
const TRIGGER_MS = 3_000;
const TURN_MS = 10_000;

export function createForms(options: FormsOptions): Forms {
  const { calls, core, entries, instanceId, now, stopping } = options;
  /** Pages of "Show all" that a person has seen, by modal. */
  const seen = new Map<string, Set<number>>();

  const show = async (method: 'views.open' | 'views.update', args: Record<string, unknown>, ms: number) => {
    const bounds = { deadline: now() + ms, maxTries: 1, signal: stopping };
    await calls.call('edit', method, args, 'open the form', bounds);
  };

  /** Instead of a form there may be a sentence that says why there is none. */
  const openView = (click: Click, view: ModalView | string): void => {
    const failed = (): void => options.notify(click, NOTICES.noForm);
    if (typeof view === 'string') options.notify(click, view);
    else if (click.trigger === undefined) failed();
    else show('views.open', { trigger_id: click.trigger, view }, TRIGGER_MS).catch(failed);
  };

  const viewOf = (click: Click, entry: Entry): ModalView | string => {
    const { request, masker } = entry;
    const origin = originOf(click, click.value);
    const mask = (shown: string): string => masker.mask(shown).text;
    switch (click.actionId) {
      case DENY_REASON_ACTION: {
        const { form, interrupt } = request.offers;
        const words = form === 'stop' || form === 'plan' ? REASON_WORDS[form] : REASON_WORDS.deny;
        return renderReasonModal(origin, words, interrupt);
      }
      case EDIT_ACTION:
        return renderEditForm(origin, request, masker) ?? NOTICES.noEdit;
      case ALWAYS_ACTION:
        return renderAlwaysForm(origin, core.candidates(request.id), mask) ?? NOTICES.noRule;
      case GRANT_ACTION:
        return renderGrantForm(origin, request, core.candidates(request.id), mask);
      default:
        return NOTICES.unreadable;
    }
  };

  const pageOf = (
    origin: FormOrigin,
    { request, body }: Entry,
    index: number,
    pagesSeen: ReadonlySet<number>,
  ): ModalView => {
    const pages = pagesOf(body.fields, (shown) => shown);
    const isAll = body.isSayable && [...pages.keys()].every((page) => page === index || pagesSeen.has(page));
    return renderPage(origin, pages, index, isAll, request.digest);
  };

  /** A press on Next or Back comes from a page that was shown. */
  const noteSeen = (viewId: string, page: number): ReadonlySet<number> => {
    const pages = seen.get(viewId) ?? new Set();
    pages.add(page);
    seen.delete(viewId);
    seen.set(viewId, pages);
    for (const oldest of seen.keys()) {
      if (seen.size <= VIEWS_KEPT) break;
      seen.delete(oldest);
    }
    return pages;
  };

  /** A modal whose pages were all seen, the last one with Approve, is a place where the whole request was shown. */
  const noteShown = (entry: Entry, { conversation }: Filled, view: unknown): void => {
    const viewId = String(field(view, 'id'));
    const pages = pagesOf(entry.body.fields, (shown) => shown);
    const pagesSeen = seen.get(viewId) ?? new Set();
    const isAll = [...pages.keys()].every((page) => page === pages.length - 1 || pagesSeen.has(page));
    const hasApprove = typeof field(view, 'submit') === 'object' && field(view, 'submit') !== null;
    if (!isAll || !hasApprove || !entry.body.isSayable) return;
    entry.onShown({ conversation, message: pagesPlace(viewId), complete: true });
  };

  /** Where a form was opened. */
  const spotOf = ({ by, conversation, message }: Filled): Spot => {
    const threadTs = entries.at(conversation, message)?.threadTs;
    return { user: by, channel: conversation, message, threadTs };
  };

  /** What turns out later not to count is told beside the message: the form is closed by then. */
  const answer = (given: Answer, spot: Spot): Verdict =>
    core.answer(given, (verdict) => {
      const said = noticeOf(verdict);
      if (said !== undefined) options.notify(spot, said);
    });

  const submitOther = (
    filled: Filled,
    entry: Entry,
    { question, text }: Exclude<OtherResult, { errors: unknown }>,
  ): string | undefined => {
    const verdict = core.judge({ ...answerBase(filled), decision: 'deny' });
    if (!isFree(verdict)) return noticeOf(verdict);
    const questions = entry.body.questions ?? [];
    entry.draft = withOther(questions, entry.draft ?? emptyDraft(questions), question, text);
    const given = needsSend(questions) ? undefined : answersOf(filled, entry);
    if (given !== undefined) return noticeOf(answer(given, spotOf(filled)));
    options.refresh(entry).catch(() => {});
    return undefined;
  };

  const answersOf = (
    { by, conversation, message }: Pick<Filled, 'by' | 'conversation' | 'message'>,
    entry: Entry,
  ): Answer | undefined => {
    const { request, body, draft } = entry;
    const questions = body.questions ?? [];
    const updatedInput = answeredInput(request.input.tool_input ?? {}, questions, draft ?? emptyDraft(questions));
    if (updatedInput === undefined) return undefined;
    const { id, nonce } = request;
    return { requestId: id, nonce, decision: 'allow', updatedInput, by, conversation, message, at: now() };
  };

  const resultOf = (
    callbackId: unknown,
    filled: Filled,
    entry: Entry,
    viewId: string,
  ): FormResult | OtherResult | undefined => {
    switch (callbackId) {
      case REASON_VIEW:
        return readReason(filled);
      case EDIT_VIEW:
        return readEditForm(filled, entry.request, entry.masker);
      case ALWAYS_VIEW:
        return readAlwaysForm(filled, core.candidates(filled.requestId));
      case GRANT_VIEW:
        return withoutSecrets(readGrantForm(filled, core.candidates(filled.requestId)), entry.masker);
      case OTHER_VIEW:
        return readOtherForm(filled);
      case PAGES_VIEW:
        return readPagesForm({ ...filled, message: pagesPlace(viewId) });
      default:
        return undefined;
    }
  };

  /** A press may be faster than Slack's answer to the post: then the button says what it belongs to. */
  const namedBy = (click: Click): Entry | undefined => {
    const value = readButtonValue(click.value);
    const entry = entries.get(value?.requestId ?? '');
    return entry?.request.nonce === value?.nonce ? entry : undefined;
  };

  return {
    open: (click, value) => {
      const entry = entries.get(value.requestId);
      if (entry === undefined) return options.notify(click, NOTICES['unknown-request']);
      if (FORM_ACTIONS.has(click.actionId)) return openView(click, viewOf(click, entry));
      openView(click, pageOf(originOf(click, click.value), entry, 0, new Set()));
    },
    submit: (body) => {
      const view = field(body, 'view');
      const filled = readForm(body, instanceId, now());
      if (filled === undefined) return explained(NOTICES.unreadable, body);
      const entry = entries.get(filled.requestId);
      if (entry === undefined) return explained(NOTICES['unknown-request'], body);
      const result = resultOf(field(view, 'callback_id'), filled, entry, String(field(view, 'id')));
      if (result === undefined) return explained(NOTICES.unreadable, body);
      if ('errors' in result) return { response_action: 'errors', errors: result.errors };
      if (field(view, 'callback_id') === PAGES_VIEW) noteShown(entry, filled, view);
      if (!('answer' in result)) return explained(submitOther(filled, entry, result), body);
      return explained(noticeOf(answer(result.answer, spotOf(filled))), body);
    },
    turn: (body) => {
      const filled = readForm(body, instanceId, now());
      const entry = filled === undefined ? undefined : entries.get(filled.requestId);
      const viewId = field(field(body, 'view'), 'id');
      const [action] = [field(body, 'actions')].flat();
      const index = Number(field(action, 'value'));
      if (filled === undefined || entry === undefined || typeof viewId !== 'string' || !Number.isInteger(index)) return;
      const spot = spotOf(filled);
      const verdict = core.judge({ ...answerBase(filled), decision: 'deny' });
      if (!isFree(verdict)) return options.notify(spot, noticeOf(verdict) ?? NOTICES.noForm);
      const origin = {
        value: buttonValue(entry.request, instanceId),
        channel: filled.conversation,
        message: filled.message,
      };
      const from = field(action, 'action_id') === PAGE_NEXT_ACTION ? index - 1 : index + 1;
      const view = pageOf(origin, entry, index, noteSeen(viewId, from));
      show('views.update', { view_id: viewId, view }, TURN_MS).catch(() => options.notify(spot, NOTICES.noForm));
    },
    onQuestion: (click, react) => {
      const entry = entries.at(click.channel, click.message)?.entries[0] ?? namedBy(click);
      const questions = entry?.body.questions;
      if (entry === undefined || questions === undefined) return false;
      const { request } = entry;
      const base = {
        requestId: request.id,
        nonce: request.nonce,
        by: click.user,
        conversation: click.channel,
        message: click.message,
        at: now(),
      };
      const asked = otherPressed(questions, click.actionId);
      const draft = applyPress(questions, entry.draft ?? emptyDraft(questions), click);
      const isSend = click.actionId === APPROVE_ACTION;
      if (asked === undefined && draft === undefined && !isSend) return false;
      const verdict = core.judge({ ...base, decision: 'deny' });
      if (!isFree(verdict)) {
        react(verdict);
        return true;
      }
      const question = asked === undefined ? undefined : questions[asked];
      if (asked !== undefined && question !== undefined) {
        const mask = (shown: string): string => entry.masker.mask(shown).text;
        const origin = originOf(click, buttonValue(request, instanceId));
        openView(click, renderOtherForm(origin, asked, question, entry.draft?.[asked]?.other, mask));
        return true;
      }
      if (draft !== undefined) entry.draft = draft;
      if (draft !== undefined && needsSend(questions)) {
        options.refresh(entry).catch(() => {});
        return true;
      }
      const given = answersOf({ by: click.user, conversation: click.channel, message: click.message }, entry);
      if (given === undefined) react('not-offered', WORDS.incomplete);
      else react(core.answer(given, react));
      return true;
    },
  };
}

/** Modals of "Show all" that are remembered. */
const VIEWS_KEPT = 100;
const FORM_ACTIONS: ReadonlySet<string> = new Set([DENY_REASON_ACTION, EDIT_ACTION, ALWAYS_ACTION, GRANT_ACTION]);

function originOf({ channel, message }: Click, value: string): FormOrigin {
  return { value, channel, message };
}

function answerBase({ requestId, nonce, by, conversation, message, at }: Filled): Omit<Answer, 'decision'> {
  return { requestId, nonce, by, conversation, message, at };
}

/** The text of a grant is for people, and is kept and shown longer than the request. */
function withoutSecrets(result: FormResult, masker: Masker): FormResult {
  if (!('answer' in result) || result.answer.grant === undefined) return result;
  const { grant } = result.answer;
  return { answer: { ...result.answer, grant: { ...grant, text: masker.mask(grant.text).text } } };
}

/** As a place where a request is shown; no message has such a `ts`. */
function pagesPlace(viewId: string): string {
  return `pages:${viewId}`;
}

/** Errors stand below an input; a form without one says it in the place of its content. */
function explained(problem: string | undefined, body: unknown): Ack {
  if (problem === undefined) return undefined;
  const blocks = field(field(body, 'view'), 'blocks');
  const inputs = (Array.isArray(blocks) ? blocks : []).filter((block) => field(block, 'type') === 'input');
  const [blockId] = inputs.map((block) => field(block, 'block_id')).filter((id) => typeof id === 'string');
  return blockId === undefined ? notDone(problem) : { response_action: 'errors', errors: { [blockId]: problem } };
}

/** What stands in the place of a form that came to nothing. */
export function notDone(problem: string): Ack {
  const blocks: ModalView['blocks'] = [{ type: 'section', text: plain(problem) }];
  const view: ModalView = { type: 'modal', title: plain(WORDS.notDone), close: plain(WORDS.closeForm), blocks };
  return { response_action: 'update', view };
}
