/** Forms: which one a button opens, and what becomes of a submitted one. */
import type { ModalView } from '@slack/types';
import type { Masker } from '../secrets.ts';
import type { Answer, Verdict } from '../types.ts';
import { type Asking, type AskingOptions, createAsking } from './slack-asking.ts';
import { type Click, isFree, type Spot } from './slack-clicks.ts';
import type { Entry } from './slack-entries.ts';
import { field } from './slack-errors.ts';
import { type Filled, type FormResult, plain, readForm } from './slack-form.ts';
import { ALWAYS_VIEW, readAlwaysForm, renderAlwaysForm } from './slack-form-always.ts';
import { EDIT_VIEW, readEditForm, renderEditForm } from './slack-form-edit.ts';
import { GRANT_VIEW, readGrantForm, renderGrantForm } from './slack-form-grant.ts';
import { OTHER_VIEW, type OtherResult, readOtherForm } from './slack-form-other.ts';
import { PAGE_NEXT_ACTION, PAGES_VIEW, readPagesForm } from './slack-pages.ts';
import { createPaging, pagesPlace } from './slack-paging.ts';
import { REASON_VIEW, readReason, renderReasonModal } from './slack-reason.ts';
import {
  ALWAYS_ACTION,
  type ButtonValue,
  buttonValue,
  DENY_REASON_ACTION,
  EDIT_ACTION,
  GRANT_ACTION,
} from './slack-values.ts';
import { createViews, type ViewsOptions } from './slack-views.ts';
import { REASON_WORDS, WORDS } from './wording.ts';
import { NOTICES, noticeOf } from './wording-notices.ts';

export interface FormsOptions
  extends ViewsOptions,
    Pick<AskingOptions, 'core' | 'entries' | 'instanceId' | 'refresh'> {}

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
  readonly onQuestion: Asking['onQuestion'];
}

export function createForms(options: FormsOptions): Forms {
  const { core, entries, instanceId, now } = options;
  const views = createViews(options);
  const paging = createPaging();

  /** What turns out later not to count is told beside the message: the form is closed by then. */
  const answer = (given: Answer, spot: Spot): Verdict =>
    core.answer(given, (verdict) => {
      const said = noticeOf(verdict);
      if (said !== undefined) options.notify(spot, said);
    });
  const asking = createAsking({ ...options, views, answer });

  const viewOf = (click: Click, entry: Entry): ModalView | string => {
    const { request, masker } = entry;
    const { value, channel, message } = click;
    const origin = { value, channel, message };
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
        return paging.first(origin, entry);
    }
  };

  /** Where a form was opened. */
  const spotOf = ({ by, conversation, message }: Filled): Spot => {
    const threadTs = entries.at(conversation, message)?.threadTs;
    return { user: by, channel: conversation, message, threadTs };
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

  /** An edited input when the input itself is gone: there is nothing to compare it with, and nothing to decide. */
  const refuseEdit = ({ requestId, nonce, by, conversation, message, at }: Filled): string => {
    const decision = 'allow';
    const verdict = core.judge({ requestId, nonce, decision, by, conversation, message, at });
    core.refused({ requestId, by, decision, at }, verdict);
    return noticeOf(verdict) ?? NOTICES.closed;
  };

  return {
    onQuestion: asking.onQuestion,
    open: (click, value) => {
      const entry = entries.get(value.requestId);
      if (entry === undefined) options.notify(click, NOTICES['unknown-request']);
      else views.open(click, viewOf(click, entry));
    },
    submit: (body) => {
      const view = field(body, 'view');
      const filled = readForm(body, instanceId, now());
      if (filled === undefined) return explained(NOTICES.unreadable, body);
      const entry = entries.get(filled.requestId);
      if (entry === undefined) return explained(NOTICES['unknown-request'], body);
      const callbackId = field(view, 'callback_id');
      if (entry.isLight && callbackId === EDIT_VIEW) return explained(refuseEdit(filled), body);
      const result = resultOf(callbackId, filled, entry, String(field(view, 'id')));
      if (result === undefined) return explained(NOTICES.unreadable, body);
      if ('errors' in result) return { response_action: 'errors', errors: result.errors };
      if (callbackId === PAGES_VIEW) paging.noteShown(entry, filled.conversation, view);
      if (!('answer' in result)) return explained(asking.onOther(filled, entry, result, spotOf(filled)), body);
      return explained(noticeOf(answer(result.answer, spotOf(filled))), body);
    },
    turn: (body) => {
      const filled = readForm(body, instanceId, now());
      const entry = filled === undefined ? undefined : entries.get(filled.requestId);
      const viewId = field(field(body, 'view'), 'id');
      const [action] = [field(body, 'actions')].flat();
      const to = Number(field(action, 'value'));
      if (filled === undefined || entry === undefined || typeof viewId !== 'string' || !Number.isInteger(to)) return;
      const { requestId, nonce, by, conversation, message, at } = filled;
      const verdict = core.judge({ requestId, nonce, decision: 'deny', by, conversation, message, at });
      if (!isFree(verdict)) return options.notify(spotOf(filled), noticeOf(verdict) ?? NOTICES.noForm);
      const origin = { value: buttonValue(entry.request, instanceId), channel: conversation, message };
      const from = field(action, 'action_id') === PAGE_NEXT_ACTION ? to - 1 : to + 1;
      views.turn(viewId, paging.turned(origin, entry, viewId, from, to), spotOf(filled));
    },
  };
}

/** The text of a grant is for people, and is kept and shown longer than the request. */
function withoutSecrets(result: FormResult, masker: Masker): FormResult {
  if (!('answer' in result) || result.answer.grant === undefined) return result;
  const { grant } = result.answer;
  return { answer: { ...result.answer, grant: { ...grant, text: masker.mask(grant.text).text } } };
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
