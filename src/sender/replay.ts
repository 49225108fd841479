/** Sends what waits in a queue of the spool, oldest first, until nothing is left or the target does not take it. */
import type { Delivered, Delivery } from './delivery.ts';
import type { Spool } from './spool.ts';
import type { Waiting } from './spool-lines.ts';

export interface Replayed {
  /** `done`: nothing waits. `busy`: another process is at it. `later`: try again, after `retryAfterMs` if the target said so. */
  readonly state: 'done' | 'busy' | 'later';
  readonly sent: number;
  /** Events that the target will never take; they are gone from the spool. */
  readonly refused: number;
  /** Why it stopped, or why the last event was refused. */
  readonly reason?: string;
  readonly retryAfterMs?: number;
}

export interface ReplayOptions {
  readonly spool: Spool;
  readonly delivery: Delivery;
  /** Ends it; what has no answer by then is sent again. */
  readonly signal: AbortSignal;
  /** The longest wait for one answer. */
  readonly requestMs?: number;
}

/** What one request carries: a collector takes 5,000 events and 8 MiB. */
const BATCH = { events: 500, bytes: 2 * 1024 * 1024 };
const REQUEST_MS = 10_000;
/** A key that is wrong will be wrong in a second, too. */
const KEY_WAIT_MS = 600_000;

/** Rejects with AppError('state-dir') where the spool cannot be used. */
export async function replay({ spool, delivery, signal, requestMs = REQUEST_MS }: ReplayOptions): Promise<Replayed> {
  const { queue, batchUrl } = delivery.target;
  const turn = spool.takeTurn(queue);
  if (turn === undefined) return { state: 'busy', sent: 0, refused: 0 };
  let takesMany = batchUrl !== undefined;
  let sent = 0;
  let refused = 0;
  let reason: string | undefined;
  const bounded = (): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(requestMs)]);
  const end = (state: Replayed['state'], told: Delivered): Replayed => ({
    ...{ state, sent, refused },
    ...(reason === undefined ? {} : { reason }),
    ...(isKeyRefused(told) ? { retryAfterMs: KEY_WAIT_MS } : {}),
    ...('retryAfterMs' in told && told.retryAfterMs !== undefined ? { retryAfterMs: told.retryAfterMs } : {}),
  });

  /** False where it has to stop. */
  const take = (told: Delivered, entries: readonly Waiting[]): boolean => {
    if (told.state !== 'sent') reason = told.reason;
    if (told.state === 'later' || isKeyRefused(told)) return false;
    if (told.state === 'sent') sent += entries.length;
    else refused += entries.length;
    const last = entries.at(-1);
    if (last !== undefined) spool.advance(queue, last.end);
    return true;
  };

  try {
    for (;;) {
      const waiting = await spool.read(queue, BATCH);
      if (waiting.length === 0) return end('done', { state: 'sent' });
      if (takesMany && waiting.length > 1) {
        const told = await delivery.many(
          waiting.map(({ entry }) => entry),
          bounded(),
        );
        if (told.state !== 'refused' || isKeyRefused(told)) {
          if (!take(told, waiting)) return end('later', told);
          continue;
        }
        // One of them may be what it does not take, or it knows no lists.
        if (told.status === 404 || told.status === 405) takesMany = false;
      }
      for (const each of waiting) {
        const told = await delivery.one(each.entry, bounded(), true);
        if (!take(told, [each])) return end('later', told);
      }
    }
  } finally {
    turn.release();
  }
}

/** A key can be put right; until then the events wait. */
function isKeyRefused(told: Delivered): boolean {
  return told.state === 'refused' && (told.status === 401 || told.status === 403);
}
