/** What a press in Slack leads to, put together: the handler of clicks, the forms, and what people are told. */
import type { Core } from '../types.ts';
import type { SlackCalls } from './slack-calls.ts';
import {
  type ClickOptions,
  createClickHandler,
  createNotices,
  type HandleClick,
  inOrder,
  type Notify,
} from './slack-clicks.ts';
import { createForms, type Forms } from './slack-forms.ts';
import type { ChannelLogger } from './slack-logger.ts';
import type { Messages } from './slack-messages.ts';
import { HAS_OWN_CARD, NOTICES } from './wording-notices.ts';

export interface NotifyOptions {
  readonly calls: SlackCalls;
  readonly now: () => number;
  /** Aborts when the channel stops. */
  readonly stopping: AbortSignal;
  readonly logger: Pick<ChannelLogger, 'debug'>;
}

export interface PressesOptions extends Omit<NotifyOptions, 'logger'> {
  readonly core: Core;
  readonly messages: Messages;
  readonly instanceId: string;
  readonly notify: Notify;
  /** A person who presses is told about one message at most once in this time. */
  readonly noticeMs: number;
  readonly onForeign: ClickOptions['onForeign'];
}

export interface Presses {
  /** Takes presses in their order; see `orderPresses`. */
  readonly handle: HandleClick;
  readonly forms: Forms;
  /** As `notify`, but at most once in a while about one message. */
  readonly notices: Notify;
}

/** How long a press waits for the place of its message: it can open a form for three seconds only. */
export const PRESS_WAIT_MS = 700;
/** A notice that comes later than this explains nothing. */
const NOTICE_DEADLINE_MS = 10_000;

/** Tells a person beside the message, where nobody else sees it; what cannot be told is left. */
export function createNotify({ calls, now, stopping, logger }: NotifyOptions): Notify {
  return ({ channel, user, threadTs }, text, respond) => {
    const bounds = { deadline: now() + NOTICE_DEADLINE_MS, maxTries: 2, signal: stopping };
    const place = { channel, user, ...(threadTs === undefined ? {} : { thread_ts: threadTs }) };
    calls
      .call('edit', 'chat.postEphemeral', { ...place, text }, 'tell the person', bounds)
      // Who is not in the conversation can still be reached through the click's own address.
      .catch(() => respond?.(text))
      .catch(() => logger.debug({}, 'notice not shown'));
  };
}

/** Puts together what presses lead to; nothing is opened or sent. */
export function connectPresses(options: PressesOptions): Presses {
  const { calls, now, stopping, core, messages, instanceId, notify, noticeMs, onForeign } = options;
  const { entries, refresh, isDuplicate } = messages;
  const notices = createNotices({ now, noticeMs, notify });
  const forms = createForms({ calls, core, entries, instanceId, now, refresh, notify, stopping });
  const onMore: ClickOptions['onMore'] = (click, { requestId }, notice) => {
    const entry = entries.get(requestId);
    if (entry === undefined) return notice(NOTICES['unknown-request']);
    messages.unfold(entry, click.user).then(
      (isNew) => isNew || notice(HAS_OWN_CARD),
      () => notice(NOTICES.noForm),
    );
  };
  const handle = createClickHandler({
    ...{ instanceId, now, core, notify: notices, isDuplicate, onForeign, onMore },
    openForm: forms.open,
    onQuestion: forms.onQuestion,
    removeButtons: (click, words) => void messages.removeButtons(click, words),
  });
  return { handle, forms, notices };
}

/** A press comes after those before it, and once it is known where its message is, if that is known in time. */
export function orderPresses(handle: HandleClick, { whenKnown }: Pick<Messages, 'whenKnown'>): HandleClick {
  return inOrder(handle, (click) => whenKnown(click.channel, click.message, PRESS_WAIT_MS));
}
