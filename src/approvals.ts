/** The shell around the broker: performs its effects with a real channel, store and clock, and wakes it when time is up. */

import { type AnswerDeskOptions, createAnswerDesk } from './answer-desk.ts';
import { step } from './broker.ts';
import {
  type BrokerEffect,
  type BrokerEvent,
  createBrokerState,
  detachedRequests,
  nextExpiry,
  pendingRequests,
} from './broker-state.ts';
import { AppError, toAppError } from './errors.ts';
import { createGrantDesk } from './grant-desk.ts';
import type { Grants } from './grants.ts';
import type { Logger } from './logger.ts';
import { createPresenceDesk, type PresenceDeskOptions } from './presence-desk.ts';
import { createRecorder, type RecorderOptions } from './recorder.ts';
import { digestOf } from './request.ts';
import { createSessions, type Ran } from './sessions.ts';
import { dieAt } from './test-build.ts';
import type { ApprovalRequest, Channel, Evidence, Grant, LeftBehind, News, Outcome } from './types.ts';

export interface ApprovalsOptions
  extends Pick<RecorderOptions, 'store' | 'maskRules'>,
    Pick<AnswerDeskOptions, 'mayAnswer' | 'mayRun' | 'candidates'> {
  readonly channel: Channel;
  readonly grants: Grants;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds on a clock that nobody sets: deadlines are kept by it. */
  readonly elapsed: () => number;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Hands an outcome to the client that waits for it; false when none does. Must not throw. */
  readonly onOutcome: (id: string, outcome: Outcome) => boolean;
  /** Called when a grant begins or ends. */
  readonly onGrants: () => void;
  /** When people are asked. Default: at once. */
  readonly presence?: PresenceDeskOptions['rules'];
}

/** What a rule of the config says about a request. `ask` forbids a grant to answer it. */
export interface Ruling {
  readonly decision: 'allow' | 'deny' | 'ask';
  /** The rule, in words. */
  readonly rule: string;
  readonly reason?: string;
}

export interface Approvals {
  /** Opens the channel; requests may come in before it has resolved and are shown as soon as it has. */
  start(): Promise<void>;
  /** Takes over what an earlier daemon has left, before the start and before anything is asked: clients that come back find it here. */
  restore(left: readonly LeftBehind[]): void;
  /**
   * Asks; of a request that an earlier daemon has left behind it goes on with that one.
   * Throws AppError('protocol') for the id of another request, or of one that is waited for already.
   * @param isHere the person is at the keyboard, with the agent's own prompt: nobody is shown it until `away`
   */
  ask(request: ApprovalRequest, ruling?: Ruling, isHere?: boolean): void;
  /** The person has left the keyboard. */
  away(id: string): void;
  clientGone(id: string): void;
  /** Takes note of an event of the agent: it may end what was answered at its own prompt, tell what ran, or end a session. */
  observe(evidence: Evidence): void;
  /** How many replies in a row the agent of a session has gone on with. */
  repliesInARow(sessionId: string): number;
  pending(): readonly ApprovalRequest[];
  /** Grants that are in force. */
  grants(): readonly Grant[];
  /** Ends every pending request, with a `code` as undeliverable: nobody can answer it any more. */
  fail(why: { readonly reason: string; readonly code?: string }): void;
  /** Shows nothing more, gives no permissions, and ends nothing: another daemon goes on. A press that still comes counts. Resolves when what was under way is done. */
  retire(): Promise<void>;
  /** Ends every pending request, with a `code` as undeliverable; resolves when their messages say so. */
  stop(why: { readonly reason: string; readonly code?: string }): Promise<void>;
}

/** A client whose daemon has died is back within a second or two, if it lives. */
const COME_BACK_MS = 10_000;
/** Beyond this a JavaScript timer fires at once, again and again where the clock was set back by weeks. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export function createApprovals(options: ApprovalsOptions): Approvals {
  const { channel, grants, now, elapsed, logger, onOutcome } = options;
  const state = createBrokerState();
  const sessions = createSessions();
  const recorder = createRecorder(options);
  const grantDesk = createGrantDesk({
    ...{ grants, recorder, logger, now },
    tell: (news) => tell(news),
    onChange: () => {
      options.onGrants();
      wakeLater();
    },
  });
  const answers = createAnswerDesk({
    ...{ state, recorder, logger, elapsed, revoke: grantDesk.revoke },
    ...{ mayAnswer: options.mayAnswer, mayRun: options.mayRun, candidates: options.candidates },
    apply: (event) => apply(event),
  });
  const presence = createPresenceDesk({
    rules: options.presence ?? (() => undefined),
    ...{ now, recorder, logger },
    apply: (event) => apply(event),
  });
  const posts = new Map<string, AbortController>();
  /** Calls of the channel that a stop waits for. */
  const telling = new Set<Promise<void>>();
  const posting = new Set<Promise<void>>();
  /** Restored ones whose recorded outcome is not word for word what was decided. */
  const inexact = new Set<string>();
  let timer: Timer | undefined;
  let comeBackTimer: Timer | undefined;
  let started: Promise<void> | undefined;
  /** What an earlier daemon has left is known to the channel. */
  let adopted: Promise<void> | undefined;
  let onStarted = (): void => {};
  let onNotStarted = (_error: unknown): void => {};
  let isRetired = false;

  const apply = (event: BrokerEvent): void => {
    for (const effect of step(state, event)) perform(effect);
    wakeLater();
  };

  const wakeLater = (): void => {
    clearTimeout(timer);
    const expiry = nextExpiry(state);
    const climbIn = presence.nextIn();
    const waits = [
      ...(expiry === undefined ? [] : [expiry - elapsed()]),
      ...grants.active().map(({ until }) => until - now()),
      ...(climbIn === undefined ? [] : [climbIn]),
    ];
    if (waits.length > 0) timer = setTimeout(wake, Math.max(0, Math.min(MAX_TIMER_MS, ...waits)));
  };
  const wake = (): void => {
    grantDesk.expire();
    apply({ type: 'tick', now: elapsed(), at: now() });
    climb();
  };
  const climb = (): void => {
    if (!isRetired) presence.climb();
    wakeLater();
  };

  const perform = (effect: BrokerEffect): void => {
    switch (effect.type) {
      case 'post':
        keepUntilDone(posting, post(effect.request));
        return;
      case 'record': {
        const { request, outcome } = effect;
        dieAt('click-before-audit');
        const ok = recorder.ended(request, outcome);
        dieAt('audit-before-reply');
        apply({ type: 'recorded', id: request.id, at: now(), ...(ok ? {} : { trouble: recorder.trouble() }) });
        return;
      }
      case 'reply':
        reply(effect.id, effect.outcome);
        return;
      case 'close':
        close(effect.request, effect.outcome);
        return;
      case 'count':
        logger.info({ request: effect.request.id, by: effect.by }, 'approved by one of several');
        recorder.counted(effect.request, effect.answer);
        tell({ type: 'counted', request: effect.request, by: effect.by });
        return;
      case 'refuse':
        answers.refuse(effect.answer, effect.verdict);
    }
  };

  const reply = (id: string, outcome: Outcome): void => {
    const isSayable = outcome.kind !== 'allowed' || !inexact.has(id);
    const said: Outcome = isSayable ? outcome : { kind: 'undeliverable', reason: LOST_WORDS, code: 'audit', at: now() };
    const isThere = onOutcome(id, said);
    dieAt('after-reply-before-edit');
    recorder.delivered(id, now(), isThere);
  };

  const post = async (request: ApprovalRequest): Promise<void> => {
    const abort = new AbortController();
    posts.set(request.id, abort);
    const { id } = request;
    try {
      await started;
      await adopted;
      if (abort.signal.aborted) return;
      dieAt('before-post');
      await channel.ask(request, abort.signal, (receipt) => {
        dieAt('after-post-before-journal');
        recorder.posted(request, receipt, now());
        dieAt('after-journal');
        apply({ type: 'shown', id, receipt });
      });
      apply({ type: 'shown-all', id });
    } catch (error) {
      // Whether it is shown is the next daemon's business.
      if (isRetired) return;
      const { message, code } = toAppError(error);
      if (!abort.signal.aborted) logger.error({ request: id, code, err: error }, 'request not shown');
      apply({ type: 'post-failed', id, reason: message, code, at: now() });
    } finally {
      answers.forget(id);
      posts.delete(id);
      presence.shown(id);
      climb();
    }
  };
  const close = (request: ApprovalRequest, outcome: Outcome): void => {
    posts.get(request.id)?.abort();
    // One that nobody posted, as of an earlier daemon; whose early answers did not count is told first.
    queueMicrotask(() => {
      if (!posts.has(request.id)) answers.forget(request.id);
    });
    logger.info({ request: request.id, tool: request.input.tool_name, ...forLog(outcome) }, 'request closed');
    sessions.ended(request, outcome);
    presence.end(request.id);
    const given = grantDesk.giveWith(request, outcome);
    later(closeMessages(request, given), 'message not closed');
  };

  const closeMessages = async (request: ApprovalRequest, outcome: Outcome): Promise<void> => {
    if (adopted !== undefined) await adopted;
    // What is decided without asking is told when quiet hours are over.
    if (!('rule' in outcome && presence.isQuiet())) await channel.close(request, outcome);
    const { receipts = [] } = state.entries.get(request.id) ?? {};
    if (receipts.length > 0) recorder.closed(request.id, now());
  };

  const tell = (news: News): void => later(channel.tell(news), 'news not shown');

  /** Nothing waits for these but a stop. */
  const later = (work: Promise<void>, failed: string): void =>
    keepUntilDone(
      telling,
      work.catch((error: unknown) => logger.warn({ err: error }, failed)),
    );

  const noteRun = (ran: Ran, reason: string): void => {
    const { request, isContradicted } = ran;
    recorder.ran(ran, now());
    if (!isContradicted) {
      tell({ type: 'ran', ...ran });
      return;
    }
    // The answer came too late for this call: the messages must not go on saying that it was refused or changed.
    logger.warn({ request: request.id }, 'ran although it was refused or changed');
    later(channel.close(request, { kind: 'elsewhere', reason, at: now() }), 'message not corrected');
  };

  const ask = (request: ApprovalRequest, ruling: Ruling | undefined, isHere: boolean): void => {
    const { id, input } = request;
    logger.info({ request: id, tool: input.tool_name, session: input.session_id }, 'request asked');
    if (!recorder.asked(request)) {
      const reason = `The request could not be recorded, so it was not asked: ${recorder.trouble()}`;
      onOutcome(id, { kind: 'undeliverable', reason, code: 'audit', at: now() });
      return;
    }
    sessions.asked(request);
    const at = now();
    // What decides without asking anybody: a rule of the config, else a grant, which overrules no rule.
    const grant = ruling === undefined && request.offers.grant ? grants.find(request, at) : undefined;
    const ruled = grant === undefined ? ruledOutcome(ruling, at) : grantedOutcome(grant, at);
    const deadline = elapsed() + (request.expiresAt - at);
    apply({ type: 'asked', request, deadline, ...(ruled === undefined ? firstStep(request, isHere) : { ruled }) });
    const isAllowed = state.entries.get(id)?.outcome?.kind === 'allowed';
    if (grant !== undefined && isAllowed) grantDesk.noteUse(grant, request, at);
  };

  const firstStep = (request: ApprovalRequest, isHere: boolean): { ruled?: Outcome; hold?: string } => {
    const step = presence.begin(request, isHere);
    if (step.type === 'fail') return { ruled: { kind: 'expired', reason: step.why, at: now() } };
    return step.type === 'hold' ? { hold: step.why } : {};
  };

  /** What was asked stands; what may be answered, and the secrets in it, are as the client and the config say now. */
  const askAgain = (
    given: ApprovalRequest,
    known: ApprovalRequest,
    ruling: Ruling | undefined,
    isHere: boolean,
  ): void => {
    if (known.digest !== given.digest)
      throw new AppError('protocol', 'Expected the request that has this id, got another one');
    const isOver = state.entries.get(known.id)?.outcome !== undefined;
    if (!isOver && !detachedRequests(state).includes(known.id))
      throw new AppError('protocol', 'Somebody waits for this request already');
    logger.info({ request: known.id }, 'request asked again');
    const { approvers, escalatedTo, fromConfig, askedAt, expiresAt } = known;
    const needed = Math.max(known.needed, given.needed);
    const request = { ...given, approvers, fromConfig, askedAt, expiresAt, needed };
    const escalated = escalatedTo === undefined ? request : { ...request, escalatedTo };
    if (!isOver) sessions.asked(known);
    const ruled = ruledOutcome(ruling, now());
    const next = isOver ? {} : firstStep(escalated, isHere);
    apply({ type: 'attached', request: escalated, ...(ruled === undefined ? next : { ruled }) });
  };

  const restore = (left: readonly LeftBehind[]): void => {
    if (left.length === 0) return;
    // The channel knows them before it edits or posts anything.
    const adopting = Promise.withResolvers<void>();
    adopted = adopting.promise;
    adopted.catch(() => {});
    onStarted = () => {
      try {
        channel.adopt(left);
      } catch (error) {
        logger.error({ err: error }, 'messages of an earlier daemon not taken over');
      }
      adopting.resolve();
    };
    onNotStarted = adopting.reject;
    for (const { request, receipts, approvedBy, outcome, isExact, isAtEnd } of left) {
      if (!isExact) inexact.add(request.id);
      const deadline = elapsed() + (request.expiresAt - now());
      apply({
        ...{ type: 'restored', request, deadline, receipts, approvedBy, isClosed: isAtEnd },
        ...(outcome === undefined ? {} : { outcome }),
      });
    }
    presence.restore(left);
    const untold = new Set(left.filter(({ isAtEnd }) => !isAtEnd).map(({ request }) => request.id));
    logger.info({ requests: left.map(({ request }) => request.id) }, 'went on with what an earlier daemon left');
    comeBackTimer = setTimeout(() => {
      for (const id of detachedRequests(state)) {
        const isOver = state.entries.get(id)?.outcome !== undefined;
        apply({ type: 'client-gone', id, at: now() });
        // Nobody asks for this outcome any more.
        if (isOver && untold.has(id)) recorder.delivered(id, now(), false);
      }
    }, COME_BACK_MS);
  };

  return {
    start: () => {
      started = channel.start(answers.core);
      // Every request awaits it too and reports the failure to its own client.
      started.then(onStarted, onNotStarted);
      return started;
    },
    restore,
    ask: (request, ruling, isHere = false) => {
      const known = state.entries.get(request.id)?.request;
      if (known === undefined) ask(request, ruling, isHere);
      else askAgain(request, known, ruling, isHere);
    },
    away: (id) => {
      presence.away(id);
      climb();
    },
    clientGone: (id) => apply({ type: 'client-gone', id, at: now() }),
    observe: (evidence) => {
      const { kind, reason, sessionId } = evidence;
      const ran = sessions.ran(evidence);
      if (ran !== undefined) noteRun(ran, reason);
      const ended = ran === undefined ? pendingRequests(state).filter((request) => isEndedBy(request, evidence)) : [];
      // One call has run, whoever else asks for the same.
      const over = evidence.run === undefined ? ended : ended.slice(0, 1);
      for (const { id } of over) apply({ type: 'answered-elsewhere', id, kind, reason, at: now() });
      if (evidence.isNewTurn === true) sessions.endRow(sessionId);
      const summary = evidence.isLast === true ? sessions.finish(sessionId) : undefined;
      if (summary !== undefined && !presence.isQuiet()) tell({ type: 'session-ended', summary });
    },
    repliesInARow: sessions.repliesInARow,
    pending: () => pendingRequests(state),
    grants: grants.active,
    fail: (why) => apply({ type: 'stopping', ...why, at: now() }),
    retire: async () => {
      isRetired = true;
      grantDesk.endAll();
      clearTimeout(timer);
      clearTimeout(comeBackTimer);
      await Promise.allSettled([...telling, ...posting]);
    },
    stop: async (why) => {
      apply({ type: 'stopping', ...why, at: now() });
      dieAt('during-drain');
      grantDesk.endAll();
      clearTimeout(timer);
      clearTimeout(comeBackTimer);
      await Promise.allSettled([...telling]);
    },
  };
}

/** `work` never rejects. */
function keepUntilDone(kept: Set<Promise<void>>, work: Promise<void>): void {
  kept.add(work);
  void work.finally(() => kept.delete(work));
}

const LOST_WORDS =
  'This was approved with other words than the agent’s, and those were lost when the daemon ended: ask again.';

function ruledOutcome(ruling: Ruling | undefined, at: number): Outcome | undefined {
  if (ruling === undefined || ruling.decision === 'ask') return undefined;
  const kind = ruling.decision === 'allow' ? 'allowed' : 'denied';
  const words = ruling.reason === undefined ? {} : { reason: ruling.reason };
  return { kind, by: 'policy', via: 'the rules of the config file', rule: ruling.rule, at, ...words };
}

function grantedOutcome({ by, text }: Grant, at: number): Outcome {
  return { kind: 'allowed', by, via: 'a grant', rule: text, at };
}

/** An outcome may hold what is going to run, and so may the rule of a grant; the log is no place for that. */
function forLog(outcome: Outcome): Record<string, unknown> {
  if (outcome.kind !== 'allowed' && outcome.kind !== 'denied') return { ...outcome };
  const { kind, by, via, at, also } = outcome;
  return { kind, by, via, at, also };
}

/** Where no prompt is open beside ours the agent is held up until we answer. */
function isEndedBy({ input, digest, offers }: ApprovalRequest, evidence: Evidence): boolean {
  const { sessionId, agentId, call, tools } = evidence;
  if (input.session_id !== sessionId || offers.form === 'stop') return false;
  if (offers.prompt !== true) return false;
  if (agentId !== 'all' && input.agent_id !== agentId) return false;
  if (tools !== undefined && !tools.has(input.tool_name ?? '')) return false;
  return call === undefined || digest === digestOf(call);
}
