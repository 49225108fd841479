/** For a process that stays: events go to the spool first and are sent from there in the background, with those that hooks left. */
import { oneLine, toAppError } from '../errors.ts';
import { createDelivery } from './delivery.ts';
import { prepareEvent, type SentEvent } from './event.ts';
import { backoffMs } from './pause.ts';
import { type Replayed, replay } from './replay.ts';
import { createSpool, type SpoolOptions } from './spool.ts';
import { resolveTarget } from './target.ts';

export interface SpoolerOptions extends SpoolOptions {
  /** Where events go: `…/events`. */
  readonly url: string;
  readonly key: string | undefined;
  readonly version: string;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly logger: { warn(details: object, message: string): void };
  readonly random?: () => number;
  /** How often it looks for what hooks have left, and the longest wait after a failure, in ms. */
  readonly lookMs?: number;
  readonly maxBackoffMs?: number;
}

export interface Spooler {
  /** Takes one event: its `event_id` and `timestamp` are kept, or made. Never throws and never waits. */
  offer(event: SentEvent): void;
  /** Sends now, whatever wait is under way. */
  wake(): void;
  status(): { readonly depth: number; readonly dropped: number; readonly lastError: string | undefined };
  /** What was offered is on disk when this resolves. */
  stop(): Promise<void>;
}

const LOOK_MS = 60_000;
const MAX_BACKOFF_MS = 300_000;
/** Offered and not yet on disk; a disk that hangs must not cost the memory. */
const MAX_OFFERED = 10_000;

/** Throws AppError('bad-config') for a URL that is none. */
export function createSpooler(options: SpoolerOptions): Spooler {
  const { now, logger, random = Math.random, lookMs = LOOK_MS, maxBackoffMs = MAX_BACKOFF_MS } = options;
  const target = resolveTarget({ flag: options.url, config: {}, env: { HOOK_API_KEY: options.key } });
  const delivery = createDelivery({ ...options, target });
  const spool = createSpool(options);
  const ending = new AbortController();
  let appended: Promise<void> = Promise.resolve();
  let offered = 0;
  let lost = 0;
  let tries = 0;
  let lastError: string | undefined;
  let isWoken = false;
  let waiting: { readonly isFirm: boolean; readonly end: () => void } | undefined;

  const warn = (reason: string, details: object): void => {
    // A collector that is down is said once, not at every try.
    if (reason !== lastError) logger.warn(details, reason);
    lastError = reason;
  };

  const offer = (event: SentEvent): void => {
    if (ending.signal.aborted || offered >= MAX_OFFERED) {
      lost += 1;
      return;
    }
    const entry = prepareEvent(event, { env: {}, now: now(), isEnriched: false, project: projectOf(event), cwd: '/' });
    offered += 1;
    appended = appended.then(async () => {
      try {
        const dropped = await spool.append(target.queue, { ...entry, to: target.shown });
        if (dropped > 0) warn('The spool is full: the oldest events are dropped', { dropped });
      } catch (error) {
        lost += 1;
        warn(oneLine(toAppError(error).message), {});
      }
      offered -= 1;
      wakeUp(false);
    });
  };

  const wakeUp = (isFirm: boolean): void => {
    isWoken = true;
    if (isFirm || waiting?.isFirm === false) waiting?.end();
  };

  /** For so long, or until somebody wakes it; a wait that the target caused goes on whatever is offered. */
  const wait = async (ms: number, isFirm: boolean): Promise<void> => {
    if (isWoken && !isFirm) return;
    const ended = Promise.withResolvers<void>();
    const timer = setTimeout(ended.resolve, ms);
    waiting = { isFirm, end: ended.resolve };
    await ended.promise;
    waiting = undefined;
    clearTimeout(timer);
  };

  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      isWoken = false;
      const replayed = await replay({ spool, delivery, signal: ending.signal }).catch(
        (error: unknown): Replayed => ({ state: 'later', sent: 0, refused: 0, reason: toAppError(error).message }),
      );
      if (ending.signal.aborted) return;
      if (replayed.reason !== undefined) warn(oneLine(replayed.reason), { refused: replayed.refused });
      if (replayed.state !== 'later') {
        tries = 0;
        if (replayed.sent > 0) lastError = undefined;
        await wait(lookMs, false);
        continue;
      }
      tries = replayed.sent > 0 ? 1 : tries + 1;
      await wait(replayed.retryAfterMs ?? backoffMs(tries, random, maxBackoffMs), true);
    }
  };
  const running = run();

  return {
    offer,
    wake: () => wakeUp(true),
    status: () => {
      const { depth, dropped } = spool.status(target.queue);
      return { depth: depth + offered, dropped: dropped + lost, lastError };
    },
    stop: async () => {
      ending.abort();
      wakeUp(true);
      await running;
      await appended;
    },
  };
}

/** An event that comes without a directory has none. */
function projectOf({ project }: SentEvent): string | undefined {
  return typeof project === 'string' && project !== '' ? project : undefined;
}
