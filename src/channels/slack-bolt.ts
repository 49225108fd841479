/** Bolt between our connections and our listeners: envelopes go in, clicks come out, and every envelope is acknowledged. */
import { App, type Receiver } from '@slack/bolt';
import { DECIDE_BLOCK } from './slack-blocks.ts';
import type { SlackCallsOptions } from './slack-calls.ts';
import { type Click, readClick } from './slack-clicks.ts';
import { safeText } from './slack-errors.ts';
import type { Envelope } from './slack-link.ts';
import { createSdkLogger } from './slack-logger.ts';
import { REASON_BLOCK, REASON_VIEW } from './slack-reason.ts';

export interface BoltOptions extends Pick<SlackCallsOptions, 'botToken' | 'apiUrl' | 'logger' | 'timing'> {
  readonly botId: string;
  readonly botUserId: string;
  /** `respond` reaches only the person who clicked, and works where the bot is not a member. */
  readonly onClick: (click: Click, respond: (text: string) => Promise<void>) => void;
  /** A submitted reason; returns what to tell the person when it does not count. Must be synchronous. */
  readonly onReason: (body: unknown) => string | undefined;
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
  app.error(async (error) => logger.error({ reason: safeText(error) }, 'listener failed'));
  app.action({ block_id: DECIDE_BLOCK }, async ({ ack, body, respond }) => {
    // Not awaited: whether Slack hears of it or not, the press counts.
    ack().catch((error: unknown) => logger.warn({ reason: safeText(error) }, 'click not acknowledged'));
    const click = readClick(body);
    if (click === undefined) return logger.warn({}, 'unreadable click');
    options.onClick(click, async (text) => {
      await respond({ text, response_type: 'ephemeral', replace_original: false });
    });
  });
  app.view(REASON_VIEW, async ({ ack, body }) => {
    const problem = options.onReason(body);
    await (problem === undefined ? ack() : ack({ response_action: 'errors', errors: { [REASON_BLOCK]: problem } }));
  });
  await app.init();

  const seen = new Set<string>();
  const isRepeated = ({ id }: Envelope): boolean => {
    if (seen.has(id)) return true;
    seen.add(id);
    for (const oldest of seen) {
      if (seen.size <= REMEMBERED) break;
      seen.delete(oldest);
    }
    return false;
  };

  const deliver = async (envelope: Envelope): Promise<void> => {
    let isAcked = false;
    const ack = async (payload?: unknown): Promise<void> => {
      if (isAcked) return;
      isAcked = true;
      await envelope.ack(payload);
    };
    try {
      if (envelope.body !== undefined && !isRepeated(envelope)) {
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
