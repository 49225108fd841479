/** From a press of a button to an answer: what a click must have, what becomes of it, and what the person is told. */
import { isObject } from '../protocol.ts';
import type { Answer, Attempt, Core, Verdict } from '../types.ts';
import { field } from './slack-errors.ts';
import {
  ALWAYS_ACTION,
  APPROVE_ACTION,
  APPROVE_ALL_ACTION,
  APPROVE_EDITS_ACTION,
  type ButtonValue,
  DENY_ACTION,
  DENY_REASON_ACTION,
  EDIT_ACTION,
  GRANT_ACTION,
  MORE_ACTION,
  OURS,
  REVOKE_ACTION,
  readButtonValue,
  readGrantValue,
  readManyValue,
  SHOW_ALL_ACTION,
} from './slack-values.ts';
import { WORDS } from './wording.ts';
import { manyAnswered, NOTICES, noticeOf } from './wording-notices.ts';

/** A press on one of our buttons, as Slack reports it; nothing in it has been checked against a request. */
export interface Click {
  readonly user: string;
  readonly channel: string;
  readonly message: string;
  /** The thread that the message is in. */
  readonly threadTs: string | undefined;
  readonly actionId: string;
  /** The button's value; '' for elements that have none. */
  readonly value: string;
  /** The values of what is ticked. */
  readonly selected: readonly string[];
  /** Opens a modal within three seconds. */
  readonly trigger: string | undefined;
  /** The blocks of the message as Slack has them. */
  readonly blocks: readonly Record<string, unknown>[];
}

/** Where a person presses and is told things. */
export type Spot = Pick<Click, 'user' | 'channel' | 'message' | 'threadTs'>;

/** Tells the person who clicked, and nobody else. `respond` uses the address that came with the click. */
export type Notify = (spot: Spot, text: string, respond?: (text: string) => Promise<void>) => void;

export interface ClickOptions {
  readonly instanceId: string;
  readonly now: () => number;
  readonly core: Core;
  /** True for a second copy of a message that was posted twice because Slack's first answer got lost. */
  readonly isDuplicate: (click: Click, requestId: string, nonce: string) => boolean;
  readonly onForeign: () => void;
  /** Opens the form that a button stands for; nothing is decided yet. */
  readonly openForm: (click: Click, value: ButtonValue) => void;
  /** A press on what belongs to a question; false when it is none. */
  readonly onQuestion: (click: Click, react: (verdict: Verdict, text?: string) => void) => boolean;
  /** Gives a request of a list a message of its own. */
  readonly onMore: (click: Click, value: ButtonValue, notice: (text: string) => void) => void;
  readonly notify: Notify;
  /** Takes the buttons from a message, and says there why. */
  readonly removeButtons: (click: Click, words: string) => void;
}

/** Verdicts after which the buttons are of no use to anybody. */
const OVER: readonly Verdict[] = ['expired', 'closed', 'unknown-request', 'already-decided'];
/** Buttons that open a form. */
const FORMS: ReadonlySet<string> = new Set([
  ...[DENY_REASON_ACTION, EDIT_ACTION, ALWAYS_ACTION, GRANT_ACTION, SHOW_ALL_ACTION],
]);
/** People whose last notice is remembered. */
const REMEMBERED = 500;

/** Exactly one action, ours, with a person and the message that it was pressed on; otherwise undefined. */
export function readClick(body: unknown): Click | undefined {
  const actions = field(body, 'actions');
  if (!Array.isArray(actions) || actions.length !== 1) return undefined;
  const [action] = actions;
  const actionId = field(action, 'action_id');
  const value = field(action, 'value') ?? '';
  const user = field(field(body, 'user'), 'id');
  const container = field(body, 'container');
  const channel = field(field(body, 'channel'), 'id') ?? field(container, 'channel_id');
  const message = field(container, 'message_ts');
  const blocks = field(field(body, 'message'), 'blocks');
  const options = field(action, 'selected_options');
  const trigger = field(body, 'trigger_id');
  const threadTs = field(container, 'thread_ts');
  if (!isText(actionId) || !OURS.test(actionId) || typeof value !== 'string') return undefined;
  if (!isText(user) || !isText(channel) || !isText(message)) return undefined;
  return {
    ...{ user, channel, message, actionId, value },
    selected: (Array.isArray(options) ? options : []).map((option) => field(option, 'value')).filter(isText),
    threadTs: isText(threadTs) ? threadTs : undefined,
    trigger: isText(trigger) ? trigger : undefined,
    blocks: Array.isArray(blocks) ? blocks.filter(isObject) : [],
  };
}

export interface NoticesOptions extends Pick<ClickOptions, 'now' | 'notify'> {
  /** A person is told about one message at most once in this time. */
  readonly noticeMs: number;
}

/** Handles a press; `respond` uses the address that came with it. */
export type HandleClick = (click: Click, respond: (text: string) => Promise<void>) => void;

/**
 * A press on a message that Slack has not told us of yet waits for `whenKnown`, and whatever is pressed after it waits
 * behind it: an Approve never overtakes a Deny. Every other press is handled at once.
 */
export function inOrder(handle: HandleClick, whenKnown: (click: Click) => Promise<void> | undefined): HandleClick {
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();
  return (click, respond) => {
    const wait = whenKnown(click);
    if (wait === undefined && waiting === 0) return handle(click, respond);
    waiting += 1;
    last = Promise.all([last.catch(() => {}), wait]).then(() => {
      waiting -= 1;
      handle(click, respond);
    });
  };
}

/** Tells people at most once in a while about one message: a hundred presses are one question. */
export function createNotices({ now, noticeMs, notify }: NoticesOptions): Notify {
  const noticedAt = new Map<string, number>();
  return (spot, text, respond) => {
    const key = `${spot.user} ${spot.channel} ${spot.message}`;
    const last = noticedAt.get(key);
    if (last !== undefined && now() - last < noticeMs) return;
    noticedAt.delete(key);
    noticedAt.set(key, now());
    for (const oldest of noticedAt.keys()) {
      if (noticedAt.size <= REMEMBERED) break;
      noticedAt.delete(oldest);
    }
    notify(spot, text, respond);
  };
}

/** Handles a click to the end; returns before anything is sent to Slack. */
export function createClickHandler(options: ClickOptions): HandleClick {
  const { core, now, instanceId } = options;

  const answerOf = (click: Click, value: ButtonValue): Answer => ({
    requestId: value.requestId,
    nonce: value.nonce,
    ...decisionOf(click.actionId),
    by: click.user,
    conversation: click.channel,
    message: click.message,
    at: now(),
  });

  /** A press as far as it can be told what it was to be. */
  const attemptOf = ({ actionId, user }: Click, value: ButtonValue | undefined): Attempt => ({
    ...{ requestId: value?.requestId ?? '', by: user, at: now() },
    ...(ANSWERS.has(actionId) ? decisionOf(actionId) : {}),
  });

  /** What the person hears of a verdict, and what becomes of the message. */
  const reactor =
    (click: Click, value: ButtonValue | undefined, notice: (text: string) => void) =>
    (verdict: Verdict, text?: string): void => {
      const said = text ?? noticeOf(verdict);
      if (said === undefined) return;
      if (value !== undefined && verdict === 'forged' && options.isDuplicate(click, value.requestId, value.nonce)) {
        notice(NOTICES.duplicate);
        options.removeButtons(click, WORDS.duplicate);
        return;
      }
      notice(said);
      if (OVER.includes(verdict)) options.removeButtons(click, WORDS.overButtons);
    };

  const answerMany = (click: Click, requests: readonly ButtonValue[], notice: (text: string) => void): void => {
    const onLater = (verdict: Verdict): void => {
      const said = noticeOf(verdict);
      if (said !== undefined) notice(said);
    };
    const approval = { ...click, actionId: APPROVE_ACTION };
    const verdicts = requests.map((value) => core.answer(answerOf(approval, value), onLater));
    const count = verdicts.filter((verdict) => noticeOf(verdict) === undefined).length;
    const [first = 'unknown-request'] = verdicts;
    const isOne = verdicts.every((verdict) => verdict === first);
    if (count < verdicts.length)
      notice((isOne ? noticeOf(first) : undefined) ?? manyAnswered(count, verdicts.length - count));
    if (verdicts.every((verdict) => OVER.includes(verdict))) options.removeButtons(click, WORDS.overButtons);
  };

  return (click, respond) => {
    const notice = (text: string): void => options.notify(click, text, respond);
    const many = click.actionId === APPROVE_ALL_ACTION ? readManyValue(click.value) : undefined;
    const grant = click.actionId === REVOKE_ACTION ? readGrantValue(click.value) : undefined;
    const value = readButtonValue(click.value);
    const from = many ?? grant ?? value;
    const [claimed] = many?.requests ?? [value];
    if (from !== undefined && from.instanceId !== instanceId) {
      options.onForeign();
      core.refused(attemptOf(click, claimed), 'elsewhere');
      return notice(NOTICES.elsewhere);
    }
    if (many !== undefined) return answerMany(click, many.requests, notice);
    if (grant !== undefined) {
      const verdict = core.revoke(grant.grantId, click.user);
      if (verdict !== 'accepted') notice(NOTICES.noGrant);
      if (verdict === 'unknown-request') options.removeButtons(click, WORDS.grantOver);
      return;
    }
    const react = reactor(click, value, notice);
    if (options.onQuestion(click, react)) return;
    if (value === undefined) {
      core.refused(attemptOf(click, claimed), 'unreadable');
      return notice(NOTICES.unreadable);
    }
    const isForm = FORMS.has(click.actionId);
    if (isForm || click.actionId === MORE_ACTION) {
      // A form shows the request again: only who may answer it gets to see it.
      const verdict = core.judge({ ...answerOf(click, value), decision: 'deny', reason: '', interrupt: false });
      if (!isFree(verdict)) {
        core.refused(attemptOf(click, value), verdict);
        return react(verdict);
      }
      return isForm ? options.openForm(click, value) : options.onMore(click, value, notice);
    }
    if (!ANSWERS.has(click.actionId)) return notice(NOTICES.unreadable);
    react(core.answer(answerOf(click, value), react));
  };
}

const ANSWERS: ReadonlySet<string> = new Set([APPROVE_ACTION, APPROVE_EDITS_ACTION, DENY_ACTION]);

/** Whether a person may go on to an answer: the request waits, or its message's receipt has not come back yet. */
export function isFree(verdict: Verdict): boolean {
  return verdict === 'accepted' || verdict === 'pending';
}

function decisionOf(actionId: string): Pick<Answer, 'decision' | 'updatedPermissions'> {
  if (actionId === APPROVE_ACTION) return { decision: 'allow' };
  if (actionId === APPROVE_EDITS_ACTION) {
    return {
      decision: 'allow',
      updatedPermissions: [{ type: 'setMode', mode: 'acceptEdits', destination: 'session' }],
    };
  }
  return { decision: 'deny' };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
