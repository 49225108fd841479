/** Web API calls that end: each with a time limit, a deadline, and retries that never hold up another call. */
import { WebClient } from '@slack/web-api';
import { AppError } from '../errors.ts';
import { readFailure, type SlackFailure } from './slack-errors.ts';
import { type ChannelLogger, createSdkLogger } from './slack-logger.ts';
import { backoff, pause, type SlackTiming } from './slack-timing.ts';

export interface SlackCallsOptions {
  readonly botToken: string;
  readonly apiUrl: string;
  readonly logger: ChannelLogger;
  readonly timing: SlackTiming;
  readonly now: () => number;
  readonly random: () => number;
  /** A call failed in a way that concerns all calls, or worked. */
  readonly onToken: (failure: SlackFailure | undefined) => void;
}

export interface CallBounds {
  /** No try begins at or after this time (milliseconds since the epoch). */
  readonly deadline: number;
  /** Ends the waiting between tries. A call that is on its way is not broken off: its result matters. */
  readonly signal?: AbortSignal;
  /** Default: as many as fit before the deadline. */
  readonly maxTries?: number;
  /** Calls with the same key that Slack told to wait come back one second apart. */
  readonly spacedBy?: string;
  /** Changes the arguments for a retry. `uncertain` = an earlier try may have worked unseen. */
  readonly onRetry?: (attempt: number, uncertain: boolean) => Record<string, unknown>;
  /** Called when a try has failed and the next one has to wait. */
  readonly onTrouble?: () => void;
}

/** A text file for a thread. */
export interface Upload {
  readonly channel: string;
  /** The thread. */
  readonly ts: string;
  readonly name: string;
  readonly title: string;
  readonly content: string;
  /** Larger ones are refused here. */
  readonly maxBytes: number;
}

export interface SlackCalls {
  /** Rejects with `CallFailed`, also when `signal` aborts. Tried once: a second copy would only confuse. */
  upload(file: Upload, signal: AbortSignal): Promise<void>;
  /** Rejects with `CallFailed`. `doing` completes "Slack refused to …". */
  call(
    lane: 'post' | 'edit',
    method: string,
    args: Record<string, unknown>,
    doing: string,
    bounds: CallBounds,
  ): Promise<Record<string, unknown>>;
}

/** An AppError whose cause is the failure that it was made from. */
export function failureOf(error: unknown): SlackFailure | undefined {
  return error instanceof AppError ? failures.get(error) : undefined;
}
const failures = new WeakMap<AppError, SlackFailure>();

/** The first message of a thread was deleted, or cannot be replied to (chat.postMessage reference). */
export function isThreadGone(error: unknown): boolean {
  return ['thread_not_found', 'cannot_reply_to_message'].includes(failureOf(error)?.slackCode ?? '');
}

/** Slack takes about one message a second for one conversation (rate limits reference). */
const SPACING_MS = 1_000;
/** First wait after a failure; doubles. */
const RETRY_MS = 300;
const RETRY_CAP_MS = 5_000;

export function createSlackCalls(options: SlackCallsOptions): SlackCalls {
  const { timing, now, random, logger } = options;
  // Two clients, so that a hundred edits that hang do not keep a post waiting: a client runs a hundred calls at a time.
  const lanes = { post: createWebClient(options), edit: createWebClient(options) };
  const lastSlots = new Map<string, number>();

  /** When a call that was told to wait may come back. */
  const nextSlot = (key: string | undefined, retryAfterMs: number, deadline: number): number => {
    const earliest = now() + retryAfterMs;
    if (key === undefined) return earliest;
    const slot = Math.max(earliest, (lastSlots.get(key) ?? 0) + SPACING_MS);
    if (slot >= deadline) return earliest;
    if (lastSlots.size > 1000) lastSlots.clear();
    lastSlots.set(key, slot);
    return slot;
  };

  const giveUp = (failure: SlackFailure): AppError => {
    failures.set(failure.error, failure);
    return failure.error;
  };

  return {
    upload: async ({ channel, ts, name, title, content, maxBytes }, signal) => {
      if (Buffer.byteLength(content) > maxBytes) {
        throw new AppError('slack-rejected', `Expected a file of at most ${maxBytes} bytes, got a larger one`);
      }
      const sent = lanes.edit.filesUploadV2({ channel_id: channel, thread_ts: ts, filename: name, title, content });
      const over = Promise.withResolvers<never>();
      const onAbort = (): void => over.reject(new AppError('slack-unreachable', 'Slack did not take the file in time'));
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) onAbort();
      try {
        await Promise.race([sent, over.promise]);
      } catch (error) {
        // A missing scope for files is no reason to doubt the token.
        const failure = readFailure(error, 'take the file');
        logger.debug({ reason: failure.error.message }, 'file not attached');
        throw giveUp(failure);
      } finally {
        signal.removeEventListener('abort', onAbort);
        sent.catch(() => {});
        over.promise.catch(() => {});
      }
    },
    call: async (lane, method, args, doing, bounds) => {
      const { deadline, signal, maxTries = Number.POSITIVE_INFINITY } = bounds;
      let uncertain = false;
      for (let attempt = 1; ; attempt += 1) {
        const more = attempt === 1 ? {} : (bounds.onRetry?.(attempt, uncertain) ?? {});
        const result = await tryOnce(lanes[lane], method, { ...args, ...more }, doing);
        if (!('kind' in result)) {
          options.onToken(undefined);
          return result.data;
        }
        uncertain ||= result.uncertain;
        // A request that is not shown yet is somebody's wait; the first failure says why.
        const level = lane === 'post' && attempt === 1 ? 'warn' : 'debug';
        logger[level]({ method, attempt, kind: result.kind, reason: result.error.message }, 'slack call failed');
        if (result.kind === 'fatal') options.onToken(result);
        if (result.kind !== 'transient' && result.kind !== 'rate-limited') throw giveUp(result);
        const backAt =
          result.retryAfterMs === undefined
            ? now() + backoff(RETRY_MS, attempt, RETRY_CAP_MS, random)
            : nextSlot(bounds.spacedBy, result.retryAfterMs, deadline);
        if (attempt >= maxTries || backAt >= deadline || signal?.aborted) throw giveUp(result);
        bounds.onTrouble?.();
        await pause(backAt - now(), signal);
        if (signal?.aborted) throw giveUp(result);
      }
    },
  };

  function createWebClient({ botToken, apiUrl }: SlackCallsOptions): WebClient {
    return new WebClient(botToken, {
      slackApiUrl: apiUrl,
      logger: createSdkLogger(logger),
      timeout: timing.callMs,
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
    });
  }
}

async function tryOnce(
  client: WebClient,
  method: string,
  args: Record<string, unknown>,
  doing: string,
): Promise<SlackFailure | { readonly data: Record<string, unknown> }> {
  try {
    return { data: { ...(await client.apiCall(method, args)) } };
  } catch (error) {
    return readFailure(error, doing);
  }
}
