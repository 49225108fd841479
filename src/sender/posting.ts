/** What a hook does with one event: send it, or put it aside. Never rejects, and never takes longer than it may. */
import { AppError, toAppError } from '../errors.ts';
import type { Delivery } from './delivery.ts';
import type { Entry } from './event.ts';
import type { Spool } from './spool.ts';

export interface PostOptions {
  readonly delivery: Delivery;
  readonly signal: AbortSignal;
  /** True while the target asked to be left alone, or would only keep the agent waiting. */
  readonly isPaused: boolean;
  /** Opened only when it is needed. */
  readonly openSpool: () => Promise<Spool>;
  /** Called where the target is to be left alone for a while. */
  readonly onPause: (retryAfterMs: number | undefined) => void;
}

export interface Posted {
  readonly isSent: boolean;
  /** What to say about it. */
  readonly problem: AppError | undefined;
}

export async function postOrSpool(entry: Entry, options: PostOptions): Promise<Posted> {
  const { delivery, signal, isPaused, openSpool, onPause } = options;
  const told = isPaused
    ? ({ state: 'later', isSlow: false, reason: `${delivery.target.shown} is left alone for a while` } as const)
    : await delivery.one(entry, signal, false);
  if (told.state === 'sent') return { isSent: true, problem: undefined };
  if (told.state === 'refused')
    return { isSent: false, problem: new AppError('collector-refused', `${told.reason}; the event is not kept`) };
  if ('retryAfterMs' in told || told.isSlow) onPause('retryAfterMs' in told ? told.retryAfterMs : undefined);
  try {
    const dropped = await (await openSpool()).append(delivery.target.queue, { ...entry, to: delivery.target.shown });
    const lost = dropped === 0 ? '' : `; the spool is full, and its ${dropped} oldest events are dropped`;
    return { isSent: false, problem: new AppError('collector-unreachable', `${told.reason}; the event waits${lost}`) };
  } catch (error) {
    const { message } = toAppError(error);
    return { isSent: false, problem: new AppError('state-dir', `${told.reason}; the event is lost: ${message}`) };
  }
}
