/** Single calls with a token, before there is a channel. */
import { WebClient } from '@slack/web-api';
import { readFailure, type SlackFailure } from './slack-errors.ts';
import { createSdkLogger } from './slack-logger.ts';

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/**
 * One try. Rejects with a SlackFailure; `doing` completes "Slack refused to …".
 * @param onHeaders hears the headers of Slack's reply, also of one that refuses
 */
export async function callOnce(
  token: string,
  apiUrl: string,
  method: string,
  doing: string,
  timeoutMs: number,
  args: Readonly<Record<string, unknown>> = {},
  onHeaders?: (headers: Headers) => void,
): Promise<Record<string, unknown>> {
  const client = new WebClient(token, {
    slackApiUrl: apiUrl,
    timeout: timeoutMs,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    logger: createSdkLogger(SILENT),
    ...(onHeaders === undefined
      ? {}
      : {
          fetch: async (url: string | URL | Request, init?: RequestInit) => {
            const reply = await fetch(url, init);
            onHeaders(reply.headers);
            return reply;
          },
        }),
  });
  try {
    return { ...(await client.apiCall(method, args)) };
  } catch (error) {
    throw readFailure(error, doing) satisfies SlackFailure;
  }
}

export interface Tokens {
  readonly botToken: string;
  readonly appToken: string;
  readonly apiUrl: string;
}

/** Whether Slack takes both tokens. Rejects with the AppError that says why not. */
export async function checkTokens({ botToken, appToken, apiUrl }: Tokens, timeoutMs: number): Promise<void> {
  try {
    await Promise.all([
      callOnce(botToken, apiUrl, 'auth.test', 'take the bot token', timeoutMs),
      callOnce(appToken, apiUrl, 'apps.connections.open', 'open a connection with the app token', timeoutMs),
    ]);
  } catch (failure) {
    throw (failure as SlackFailure).error;
  }
}
