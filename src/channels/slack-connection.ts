/**
 * Keeps one Socket Mode connection open, as long as it takes. The SDK's own reconnect leaves 5 to 11 s without a
 * connection at every routine refresh, and waits ever longer after an outage; clicks in a gap are lost.
 *
 * Every path that wants a connection goes through `connect`, which opens at most one at a time.
 */
import { isFailure, readFailure, type SlackFailure } from './slack-errors.ts';
import { type Envelope, type Hello, type Link, type LinkOptions, openLink } from './slack-link.ts';
import { backoff, pause } from './slack-timing.ts';

export interface ConnectionState {
  readonly state: 'connecting' | 'connected' | 'down' | 'stopped';
  /** Set while down or not reconnected yet. */
  readonly failure?: SlackFailure;
  /** Our own open connections: 1, and 2 during a refresh. */
  readonly connections: number;
  /** What the latest hello said. */
  readonly hello?: Hello;
  /** True when others hold connections of this app, and still did a minute later. */
  readonly isShared: boolean;
}

export interface ConnectionOptions extends LinkOptions {
  readonly now: () => number;
  readonly random: () => number;
  onEnvelope(envelope: Envelope): void;
  onState(state: ConnectionState): void;
}

export interface Connection {
  /** Opens the first connection. Rejects with a SlackFailure after about `startBudgetMs` of failing tries; then never again. */
  start(giveUpAt: number): Promise<void>;
  /** A reason to believe that others share this app: looks again. */
  suspectSharing(): void;
  /** Tries at once when a token was refused and the last try is a while ago. Resolves when that is decided, or after `probeWaitMs`. */
  recheck(): Promise<void>;
  stop(): Promise<void>;
}

export function createConnection(options: ConnectionOptions): Connection {
  const { timing, now, random, logger } = options;
  const links = new Set<Link>();
  /** Links that Slack will close itself; until then they deliver. */
  const leaving = new Set<Link>();
  let current: Link | undefined;
  let opening: { readonly abort: AbortController; readonly done: Promise<void> } | undefined;
  let retryTimer: Timer | undefined;
  let shareTimer: Timer | undefined;
  let watch: Timer | undefined;
  let failure: SlackFailure | undefined;
  let hello: Hello | undefined;
  let isShared = false;
  let isLookingAgain = false;
  let suspectedAt = Number.NEGATIVE_INFINITY;
  let isStarted = false;
  let isStopped = false;
  let tries = 0;
  let downSince: number | undefined;
  let triedAt = 0;
  let watchedAt = now();

  const openCount = (): number => [...links].filter((link) => link.isOpen()).length;

  const report = (): void => {
    const isConnected = current?.isOpen() === true;
    const down = failure?.kind === 'fatal' || (failure !== undefined && !isConnected);
    options.onState({
      state: isStopped ? 'stopped' : down ? 'down' : isConnected ? 'connected' : 'connecting',
      ...(down && failure !== undefined ? { failure } : {}),
      connections: openCount(),
      ...(hello === undefined ? {} : { hello }),
      isShared,
    });
  };

  const connect = (why: string): void => {
    if (isStopped || opening !== undefined) return;
    clearTimeout(retryTimer);
    retryTimer = undefined;
    triedAt = now();
    const abort = new AbortController();
    logger.debug({ why, tries }, 'opening a Slack connection');
    opening = { abort, done: openOne(abort.signal).then(onOpened, onFailed).catch(unexpected) };
    report();
  };

  /** The event handlers know which link they belong to, so that late events of an old one change nothing. */
  const openOne = async (signal: AbortSignal): Promise<Link> => {
    let link: Link | undefined;
    const opened = await openLink(
      options,
      {
        onEnvelope: options.onEnvelope,
        onDisconnect: (reason) => link !== undefined && onDisconnect(link, reason),
      },
      signal,
    );
    link = opened;
    return opened;
  };

  const onOpened = (link: Link): void => {
    opening = undefined;
    if (isStopped) return void link.end();
    const ours = openCount() + 1;
    for (const old of links) if (!leaving.has(old)) void old.end();
    links.add(link);
    current = link;
    void link.gone.then(() => onGone(link));
    logger.info({ connections: link.hello.numConnections }, 'Slack connected');
    failure = undefined;
    tries = 0;
    downSince = undefined;
    hello = link.hello;
    lookForOthers(link.hello.numConnections, ours);
    report();
  };

  const onFailed = (reason: unknown): void => {
    opening = undefined;
    if (isStopped) return;
    failure = asFailure(reason);
    tries += 1;
    downSince ??= now();
    logger.warn({ kind: failure.kind, reason: failure.error.message, tries }, 'Slack connection failed');
    if (isStarted) retryIn(waitAfter(failure));
    report();
  };

  const waitAfter = ({ kind, retryAfterMs = 0 }: SlackFailure): number => {
    if (kind === 'fatal' || kind === 'refused') return timing.probeMs;
    const isLate = now() - (downSince ?? now()) > timing.lateAfterMs;
    const cap = isLate ? timing.retryLateCapMs : timing.retryCapMs;
    return Math.max(retryAfterMs, backoff(timing.retryMs, tries, cap, random));
  };

  const retryIn = (ms: number): void => {
    clearTimeout(retryTimer);
    retryTimer = setTimeout(() => {
      retryTimer = undefined;
      connect('retry');
    }, ms);
  };

  const onDisconnect = (link: Link, reason: string): void => {
    logger.info({ reason: reason.slice(0, 40) }, 'Slack announces the end of a connection');
    leaving.add(link);
    void Promise.race([link.gone, pause(timing.retireMs)]).then(() => link.end());
    if (link !== current) return;
    if (reason === 'too_many_websockets') retryIn(timing.tooManyMs);
    else connect(reason);
  };

  const onGone = (link: Link): void => {
    links.delete(link);
    leaving.delete(link);
    if (link === current) {
      current = undefined;
      downSince ??= now();
      logger.info({}, 'Slack connection ended');
      // A timer means that a failed try, or Slack, has said how long to wait.
      if (retryTimer === undefined) connect('lost');
    }
    if (!isStopped) report();
  };

  /** Notices what no event tells: a peer that is silent, and a clock that jumped because the machine slept. */
  const look = (): void => {
    const slept = now() - watchedAt > timing.watchMs + timing.wakeMs;
    watchedAt = now();
    for (const link of links) if (!link.isOpen()) void link.end();
    if (slept && !isStopped) {
      tries = 0;
      downSince = undefined;
      connect('woke up');
    }
  };

  /** A hello is the only place where Slack tells how many connections there are; to look again is to connect again. */
  const lookForOthers = (numConnections: number, ours: number): void => {
    const isSecondLook = isLookingAgain;
    isLookingAgain = false;
    if (numConnections <= ours) {
      isShared = false;
      clearTimeout(shareTimer);
      shareTimer = undefined;
      return;
    }
    if (isSecondLook && !isShared) logger.warn({ numConnections, ours }, 'another daemon shares this Slack app');
    isShared ||= isSecondLook;
    lookLater(isShared ? timing.sharedAgainMs : timing.sharedAppMs);
  };

  const lookLater = (ms: number): void => {
    shareTimer ??= setTimeout(() => {
      shareTimer = undefined;
      isLookingAgain = true;
      connect('other connections');
    }, ms);
  };

  const unexpected = (error: unknown): void => {
    opening = undefined;
    logger.error({ err: error }, 'unexpected failure of the Slack connection');
    if (isStarted) retryIn(timing.retryCapMs);
  };

  return {
    start: async (giveUpAt) => {
      watch = setInterval(look, timing.watchMs);
      for (;;) {
        connect('start');
        await opening?.done;
        if (isStopped || current !== undefined) break;
        const because = failure;
        if (because === undefined) continue;
        const wait = because.retryAfterMs ?? timing.startRetryMs;
        // Slack's own request to wait is honoured a little; the tickets' method allows about one call a minute.
        const isTooLate = because.retryAfterMs === undefined ? now() >= giveUpAt : wait > timing.callMs;
        if (because.kind === 'fatal' || because.kind === 'refused' || isTooLate) {
          clearInterval(watch);
          throw because;
        }
        await pause(wait);
      }
      isStarted = true;
    },
    suspectSharing: () => {
      if (isShared || now() - suspectedAt < timing.sharedAppMs) return;
      suspectedAt = now();
      clearTimeout(shareTimer);
      shareTimer = undefined;
      lookLater(0);
    },
    recheck: async () => {
      if (failure?.kind === 'fatal' && now() - triedAt >= timing.probeOnAskMs) connect('asked');
      if (opening !== undefined) await Promise.race([opening.done, pause(timing.probeWaitMs)]);
    },
    stop: async () => {
      isStopped = true;
      clearTimeout(retryTimer);
      clearTimeout(shareTimer);
      clearInterval(watch);
      opening?.abort.abort();
      await Promise.all([...links].map((link) => link.end()));
      report();
    },
  };
}

/** openLink rejects with failures; anything else would be a bug of ours, and even then the daemon goes on. */
function asFailure(reason: unknown): SlackFailure {
  return isFailure(reason) ? reason : readFailure(reason, 'open a connection');
}
