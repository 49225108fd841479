/** Bolt between our connections and our listeners: envelopes go in, clicks come out, and every envelope is acknowledged. */
import { App, type Receiver } from '@slack/bolt';
import type { SlackCallsOptions } from './slack-calls.ts';
import { type Click, readClick } from './slack-clicks.ts';
import { field, safeText } from './slack-errors.ts';
import { type Ack, notDone } from './slack-forms.ts';
import type { Envelope } from './slack-link.ts';
import { createSdkLogger } from './slack-logger.ts';
import { createMemory } from './slack-memory.ts';
import { OURS } from './slack-values.ts';
import { NOTICES } from './wording-notices.ts';

export interface BoltOptions extends Pick<SlackCallsOptions, 'botToken' | 'apiUrl' | 'logger' | 'timing'> {
  readonly botId: string;
  readonly botUserId: string;
  /** `respond` reaches only the person who clicked, and works where the bot is not a member. */
  readonly onClick: (click: Click, respond: (text: string) => Promise<void>) => void;
  /** A submitted form; returns what Slack is told. Must be synchronous. */
  readonly onSubmit: (body: unknown) => Ack;
  /** A press inside a form. */
  readonly onTurn: (body: unknown) => void;
  readonly onReaction: (event: unknown) => void;
  readonly onMessage: (event: unknown) => void;
}

/** Envelope ids that are remembered, because Slack may deliver one twice, on another connection too. */
const REMEMBERED = 1_000;

/** Prepares Bolt and returns where envelopes go. Makes no call and opens nothing. */
export async function createBolt(options: BoltOptions): Promise<(envelope: Envelope) => void> {
  const { logger, timing, botToken, botId, botUserId } = options;
  const app = new App({
    // Connections are ours (slack-connection.ts); Bolt is handed what comes out of them.
    receiver: idleReceiver(),
    // Verified by the caller. With a token Bolt would do that again, unhandled when it fails.
    authorize: async () => ({ botToken, botId, botUserId }),
    deferInitialization: true,
    convoStore: false,
    logger: createSdkLogger(logger),
    clientOptions: {
      slackApiUrl: options.apiUrl,
      timeout: timing.callMs,
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      // Bolt also uses this for response addresses, without a limit of its own.
      fetch: (url, init) => fetch(url, { signal: AbortSignal.timeout(timing.callMs), ...init }),
    },
  });
  /** A form that closes looks like one that was taken. */
  const submitted = (body: unknown): Ack => {
    try {
      return options.onSubmit(body);
    } catch (error) {
      logger.error({ reason: safeText(error) }, 'form not understood');
      return notDone(NOTICES.unreadable);
    }
  };
  app.error(async (error) => logger.error({ reason: safeText(error) }, 'listener failed'));
  app.action({ block_id: OURS }, async ({ ack, body, respond }) => {
    // Not awaited: whether Slack hears of it or not, the press counts.
    ack().catch((error: unknown) => logger.warn({ reason: safeText(error) }, 'click not acknowledged'));
    if (field(field(body, 'container'), 'type') === 'view') return options.onTurn(body);
    const click = readClick(body);
    if (click === undefined) return logger.warn({}, 'unreadable click');
    options.onClick(click, async (text) => {
      await respond({ text, response_type: 'ephemeral', replace_original: false });
    });
  });
  app.view(OURS, async ({ ack, body }) => {
    const answer = submitted(body);
    if (answer === undefined) await ack();
    else await ack(answer);
  });
  // These come only when the app has the scopes and subscriptions for them.
  app.event('reaction_added', async ({ event }) => options.onReaction(event));
  app.event('message', async ({ event }) => options.onMessage(event));
  await app.init();

  const isRepeated = createMemory(REMEMBERED);
  const deliver = async (envelope: Envelope): Promise<void> => {
    let isAcked = false;
    const ack = async (payload?: unknown): Promise<void> => {
      if (isAcked) return;
      isAcked = true;
      await envelope.ack(payload);
    };
    try {
      if (envelope.body !== undefined && !isRepeated(envelope.id)) {
        const { retryNum, retryReason } = envelope;
        await app.processEvent({
          body: envelope.body,
          ack,
          ...(retryNum === undefined ? {} : { retryNum }),
          ...(retryReason === undefined ? {} : { retryReason }),
        });
      }
    } catch (error) {
      // Bolt throws on bodies that it does not know.
      logger.warn({ reason: safeText(error), type: envelope.type }, 'delivery not understood');
    }
    // Slack shows a warning sign next to what nobody acknowledges, and delivers events again.
    await ack().catch((error: unknown) => logger.debug({ reason: safeText(error) }, 'delivery not acknowledged'));
  };
  return (envelope) => void deliver(envelope);
}

function idleReceiver(): Receiver {
  return { init: () => {}, start: async () => undefined, stop: async () => undefined };
}
