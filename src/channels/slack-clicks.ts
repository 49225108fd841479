/** From a press of a button to an answer: what a click must have, what becomes of it, and what the person is told. */
import type { Answer, OnAnswer, Verdict } from '../types.ts';
import { APPROVE_ACTION, DECIDE_BLOCK, DENY_ACTION, DENY_REASON_ACTION, readButtonValue } from './slack-blocks.ts';
import { field } from './slack-errors.ts';
import { NOTICES } from './wording.ts';

/** A press on one of our buttons, as Slack reports it; nothing in it has been checked against a request. */
export interface Click {
  readonly user: string;
  readonly channel: string;
  readonly message: string;
  readonly decision: Answer['decision'];
  /** Opens a modal within three seconds; set when the person wants to say why. */
  readonly reasonTrigger?: string;
  /** The button's value. */
  readonly value: string;
  /** The blocks of the message as Slack has them. */
  readonly blocks: readonly Record<string, unknown>[];
}

/** Tells the person who clicked, and nobody else. `respond` uses the address that came with the click. */
export type Notify = (click: Click, text: string, respond: (text: string) => Promise<void>) => void;

export interface ClickOptions {
  readonly instanceId: string;
  readonly now: () => number;
  readonly noticeMs: number;
  /** Must be synchronous: no call of Slack's stands between a click and its decision. */
  readonly onAnswer: OnAnswer;
  /** True for a second copy of a message that was posted twice because Slack's first answer got lost. */
  readonly isDuplicate: (click: Click, requestId: string, nonce: string) => boolean;
  /** True while the request's own message is open or is being closed by its outcome. */
  readonly isKnown: (requestId: string) => boolean;
  readonly onForeign: () => void;
  /** Asks the person for the reason; nothing is decided yet. */
  readonly openReason: (click: Click, trigger: string, requestId: string) => void;
  readonly notify: Notify;
  readonly removeButtons: (click: Click, isDuplicate: boolean) => void;
}

/** Verdicts after which the buttons are of no use to anybody. */
const OVER: readonly Verdict[] = ['expired', 'closed', 'unknown-request'];
/** People whose last notice is remembered. */
const REMEMBERED = 500;

/** Exactly one action, ours, with a value, a person, and the message that it was pressed on; otherwise undefined. */
export function readClick(body: unknown): Click | undefined {
  const actions = field(body, 'actions');
  if (!Array.isArray(actions) || actions.length !== 1) return undefined;
  const [action] = actions;
  const decision = decisionOf(field(action, 'action_id'));
  const value = field(action, 'value');
  const user = field(field(body, 'user'), 'id');
  const container = field(body, 'container');
  const channel = field(field(body, 'channel'), 'id') ?? field(container, 'channel_id');
  const message = field(container, 'message_ts');
  const blocks = field(field(body, 'message'), 'blocks');
  if (field(action, 'block_id') !== DECIDE_BLOCK || decision === undefined) return undefined;
  if (!isText(value) || !isText(user) || !isText(channel) || !isText(message)) return undefined;
  const trigger = field(body, 'trigger_id');
  const wantsReason = field(action, 'action_id') === DENY_REASON_ACTION;
  if (wantsReason && !isText(trigger)) return undefined;
  return {
    ...{ user, channel, message, decision, value },
    blocks: Array.isArray(blocks) ? blocks.filter(isObject) : [],
    ...(wantsReason && isText(trigger) ? { reasonTrigger: trigger } : {}),
  };
}

/** Handles a click to the end; returns before anything is sent to Slack. */
export function createClickHandler(
  options: ClickOptions,
): (click: Click, respond: (text: string) => Promise<void>) => void {
  const { now, notify } = options;
  const noticedAt = new Map<string, number>();

  /** At most one notice for a person and message in a while: a hundred presses are one question. */
  const mayNotify = (click: Click): boolean => {
    const key = `${click.user} ${click.channel} ${click.message}`;
    const last = noticedAt.get(key);
    if (last !== undefined && now() - last < options.noticeMs) return false;
    noticedAt.delete(key);
    noticedAt.set(key, now());
    for (const oldest of noticedAt.keys()) {
      if (noticedAt.size <= REMEMBERED) break;
      noticedAt.delete(oldest);
    }
    return true;
  };

  return (click, respond) => {
    const notice = (text: string): void => {
      if (mayNotify(click)) notify(click, text, respond);
    };
    const value = readButtonValue(click.value);
    if (value === undefined) return notice(NOTICES.unreadable);
    if (value.instanceId !== options.instanceId) {
      options.onForeign();
      return notice(NOTICES.elsewhere);
    }
    const { requestId, nonce } = value;
    if (click.reasonTrigger !== undefined && options.isKnown(requestId)) {
      options.openReason(click, click.reasonTrigger, requestId);
      return;
    }
    const answer: Answer = {
      requestId,
      nonce,
      decision: click.decision,
      by: click.user,
      conversation: click.channel,
      message: click.message,
      at: now(),
    };
    const react = (verdict: Verdict): void => {
      if (verdict === 'accepted' || verdict === 'pending') return;
      if (verdict === 'forged' && options.isDuplicate(click, requestId, nonce)) {
        notice(NOTICES.duplicate);
        options.removeButtons(click, true);
        return;
      }
      notice(NOTICES[verdict]);
      if (OVER.includes(verdict) && !options.isKnown(requestId)) options.removeButtons(click, false);
    };
    react(options.onAnswer(answer, react));
  };
}

function decisionOf(actionId: unknown): Answer['decision'] | undefined {
  if (actionId === APPROVE_ACTION) return 'allow';
  return actionId === DENY_ACTION || actionId === DENY_REASON_ACTION ? 'deny' : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
