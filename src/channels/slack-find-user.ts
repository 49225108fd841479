/**
 * Who sits there? A person's id is in nobody's head: they open the app's messages in Slack, are sent a button there, and press
 * it. A code that stands in both places tells them that it is their own set-up.
 */
import { AppError } from '../errors.ts';
import { isObject } from '../protocol.ts';
import { callOnce } from './slack-credentials.ts';
import type { SlackFailure } from './slack-errors.ts';
import { type Envelope, openLink } from './slack-link.ts';
import { DEFAULT_TIMING } from './slack-timing.ts';

export interface FindUserOptions {
  readonly botToken: string;
  readonly appToken: string;
  readonly apiUrl: string;
  /** Shown beside the button. */
  readonly code: string;
  /** Breaks it off. */
  readonly signal: AbortSignal;
  /** The connection is there: now the person may open the app. */
  readonly onReady: () => void;
}

export interface FoundUser {
  readonly id: string;
  /** As Slack calls them; may be empty. */
  readonly name: string;
}

const ME_ACTION = 'csh_me';
const CALL_MS = 8_000;
const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Resolves with the person who pressed the button of the message that was sent to them. Rejects with an AppError. */
export async function findUser(options: FindUserOptions): Promise<FoundUser> {
  const { botToken, appToken, apiUrl, code, signal, onReady } = options;
  const found = Promise.withResolvers<FoundUser>();
  found.promise.catch(() => {});
  const nonce = crypto.randomUUID();
  /** Who was sent a button. */
  const greeted = new Set<string>();
  let thanks = Promise.resolve();
  const call = (method: string, doing: string, args: Record<string, unknown>) =>
    callOnce(botToken, apiUrl, method, doing, CALL_MS, args);

  const greet = async (user: string): Promise<void> => {
    if (greeted.has(user)) return;
    greeted.add(user);
    try {
      await call('chat.postMessage', 'send a message', greeting(user, code, nonce));
    } catch (failure) {
      found.reject((failure as SlackFailure).error);
    }
  };
  const onEnvelope = (envelope: Envelope): void => {
    envelope.ack().catch(() => {});
    const { event, user, actions, container } = envelope.body ?? {};
    const opened = isObject(event) && event.type === 'app_home_opened' ? event.user : undefined;
    if (typeof opened === 'string') void greet(opened);
    const [action] = Array.isArray(actions) ? actions : [];
    if (!isObject(action) || action.action_id !== ME_ACTION || action.value !== nonce || !isObject(user)) return;
    const { id, name = '', username = name } = user;
    if (typeof id !== 'string' || !greeted.has(id)) return;
    if (isObject(container)) thanks = thank(call, container);
    found.resolve({ id, name: String(username) });
  };
  const link = await openLink(
    { appToken, apiUrl, logger: SILENT, timing: DEFAULT_TIMING },
    { onEnvelope, onDisconnect: () => {} },
    signal,
  ).catch((failure: SlackFailure) => {
    throw failure.error;
  });
  link.gone.then(() => found.reject(new AppError('slack-unreachable', 'The connection to Slack broke')));
  signal.addEventListener('abort', () =>
    found.reject(new AppError('click-timeout', 'Nobody pressed the button in time')),
  );
  onReady();
  try {
    return await found.promise;
  } finally {
    await thanks;
    await link.end();
  }
}

function greeting(channel: string, code: string, nonce: string): Record<string, unknown> {
  const text = `Somebody is setting up claude-slack-hook. If the terminal shows the code ${code}, it is you: press the button.`;
  return {
    channel,
    text,
    blocks: [
      { type: 'section', text: { type: 'plain_text', text } },
      {
        type: 'actions',
        elements: [
          {
            type: 'button',
            action_id: ME_ACTION,
            value: nonce,
            style: 'primary',
            text: { type: 'plain_text', text: 'This is me' },
          },
        ],
      },
    ],
  };
}

/** The button has done its work. */
async function thank(
  call: (method: string, doing: string, args: Record<string, unknown>) => Promise<unknown>,
  { channel_id: channel, message_ts: ts }: Record<string, unknown>,
): Promise<void> {
  const text = 'Thank you. Requests of your agents will be shown here.';
  const blocks = [{ type: 'section', text: { type: 'plain_text', text } }];
  await call('chat.update', 'change a message', { channel, ts, text, blocks }).catch(() => {});
}
