/** Every number of seconds that the Slack channel uses, in milliseconds, and where it comes from. Tests pass smaller ones. */
export interface SlackTiming {
  /** One Web API call; the SDK has no limit of its own and a call that never ends was measured to hang for good. */
  readonly callMs: number;
  /** From the ticket to Slack's hello. */
  readonly helloMs: number;
  /** How long the first start retries what fails at once (refused, no such host). The hook waits for it. */
  readonly startBudgetMs: number;
  readonly startRetryMs: number;
  /** First wait after a failed try to reconnect; doubles. */
  readonly retryMs: number;
  /** Longest wait in the first minutes of an outage, and after them. */
  readonly retryCapMs: number;
  readonly retryLateCapMs: number;
  readonly lateAfterMs: number;
  /** How often a token that Slack refused is tried again. */
  readonly probeMs: number;
  /** The same when a new request asks for it: apps.connections.open is a tier 1 method (about one a minute). */
  readonly probeOnAskMs: number;
  /** How long a request waits for such a try. */
  readonly probeWaitMs: number;
  /** Without a pong for this long a connection is dead; pings go out every third of it. */
  readonly pongMs: number;
  /** How often connections and the clock are looked at. */
  readonly watchMs: number;
  /** A look that comes this much too late means that the machine slept. */
  readonly wakeMs: number;
  /** A connection that Slack has announced to close (about 10 s ahead) and did not is closed by us. */
  readonly retireMs: number;
  /** How long a close handshake may take; real Slack lets TCP linger. */
  readonly closeMs: number;
  /** Two connections are normal for a while after a reconnect; so long after that they are not. */
  readonly sharedAppMs: number;
  /** How often a shared app is looked at again. */
  readonly sharedAgainMs: number;
  /** Slack closed the connection because there are too many (10 an app). */
  readonly tooManyMs: number;
  /** One person is told at most once in this time why presses on one message do not count. */
  readonly noticeMs: number;
}

export const DEFAULT_TIMING: SlackTiming = {
  callMs: 8_000,
  helloMs: 15_000,
  startBudgetMs: 1_000,
  startRetryMs: 150,
  retryMs: 500,
  retryCapMs: 5_000,
  retryLateCapMs: 15_000,
  lateAfterMs: 5 * 60_000,
  probeMs: 30_000,
  probeOnAskMs: 5_000,
  probeWaitMs: 1_000,
  pongMs: 8_000,
  watchMs: 1_000,
  wakeMs: 10_000,
  retireMs: 30_000,
  closeMs: 1_000,
  sharedAppMs: 60_000,
  sharedAgainMs: 10 * 60_000,
  tooManyMs: 5_000,
  noticeMs: 5_000,
};

/** Resolves after `ms`, or as soon as the signal aborts; never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (ms <= 0 || signal?.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
}

/** By how much a wait may be shorter or longer than its turn. */
const JITTER = 0.25;

/**
 * How long to wait after so many failed tries: twice as long each time, never longer than the cap, and different by up to a
 * quarter, so that many do not come back at once. In milliseconds; `random` is in [0, 1).
 */
export function backoff(firstMs: number, tries: number, capMs: number, random: () => number): number {
  return Math.min(firstMs * 2 ** (tries - 1), capMs / (1 + JITTER)) * (1 - JITTER + 2 * JITTER * random());
}
