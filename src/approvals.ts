/** The shell around the broker: performs its effects with a real channel, store and clock, and wakes it when time is up. */

import {
  type BrokerEffect,
  type BrokerEvent,
  createBrokerState,
  judge,
  nextExpiry,
  pendingRequests,
  step,
} from './broker.ts';
import { toAppError } from './errors.ts';
import type { Logger } from './logger.ts';
import { digestOf } from './request.ts';
import type { Answer, ApprovalRequest, Channel, Evidence, OnAnswer, Outcome, Store, Verdict } from './types.ts';

export interface ApprovalsOptions {
  readonly channel: Channel;
  readonly store: Store;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Hands an outcome to the client that waits for it. Must not throw. */
  readonly onOutcome: (id: string, outcome: Outcome) => void;
}

export interface Approvals {
  /** Opens the channel; requests may come in before it has resolved and are shown as soon as it has. */
  start(): Promise<void>;
  ask(request: ApprovalRequest): void;
  clientGone(id: string): void;
  /** Ends what an event of the agent shows to have been answered at its own prompt. */
  observe(evidence: Evidence): void;
  pending(): readonly ApprovalRequest[];
  /** Ends every pending request as undeliverable: nobody can answer it any more. */
  fail(why: { readonly reason: string; readonly code: string }): void;
  /** Ends every pending request, with a `code` as undeliverable; resolves when their messages say so. */
  stop(why: { readonly reason: string; readonly code?: string }): Promise<void>;
}

export function createApprovals({ channel, store, now, logger, onOutcome }: ApprovalsOptions): Approvals {
  const state = createBrokerState();
  const posts = new Map<string, AbortController>();
  const closing = new Set<Promise<void>>();
  /** Answers that came before the receipt of their message, and whom to tell when they did not count. */
  const early = new Map<Answer, (verdict: Verdict) => void>();
  let timer: Timer | undefined;
  let started: Promise<void> | undefined;

  const apply = (event: BrokerEvent): void => {
    for (const effect of step(state, event)) perform(effect);
    clearTimeout(timer);
    const expiry = nextExpiry(state);
    if (expiry !== undefined) timer = setTimeout(() => apply({ type: 'tick', at: now() }), Math.max(0, expiry - now()));
  };

  const perform = (effect: BrokerEffect): void => {
    switch (effect.type) {
      case 'post':
        void post(effect.request);
        return;
      case 'record':
        apply({ type: 'recorded', id: effect.request.id, ok: record(effect.request, effect.outcome), at: now() });
        return;
      case 'reply':
        onOutcome(effect.id, effect.outcome);
        return;
      case 'close':
        close(effect.request, effect.outcome);
        return;
      case 'refuse':
        early.get(effect.answer)?.(effect.verdict);
        logger.warn(
          { request: effect.answer.requestId, by: effect.answer.by, verdict: effect.verdict },
          'click refused',
        );
        append({
          type: 'refused',
          at: effect.answer.at,
          id: effect.answer.requestId,
          by: effect.answer.by,
          decision: effect.answer.decision,
          verdict: effect.verdict,
        });
    }
  };

  const post = async (request: ApprovalRequest): Promise<void> => {
    const abort = new AbortController();
    posts.set(request.id, abort);
    try {
      await started;
      if (abort.signal.aborted) return;
      const receipt = await channel.ask(request, abort.signal);
      apply({ type: 'posted', id: request.id, receipt, at: now() });
      forgetEarly(request.id);
    } catch (error) {
      const { message, code } = toAppError(error);
      if (!abort.signal.aborted) logger.error({ request: request.id, code, err: error }, 'request not shown');
      apply({ type: 'post-failed', id: request.id, reason: message, code, at: now() });
      forgetEarly(request.id);
    } finally {
      posts.delete(request.id);
    }
  };

  const forgetEarly = (id: string): void => {
    for (const answer of early.keys()) if (answer.requestId === id) early.delete(answer);
  };

  const close = (request: ApprovalRequest, outcome: Outcome): void => {
    posts.get(request.id)?.abort();
    logger.info({ request: request.id, tool: request.input.tool_name, ...outcome }, 'request closed');
    const edit = channel.close(request, outcome).catch((error: unknown) => {
      logger.warn({ request: request.id, err: error }, 'message not closed');
    });
    closing.add(edit);
    void edit.finally(() => closing.delete(edit));
  };

  /** True when the record is on disk. */
  const append = (entry: Parameters<Store['append']>[0]): boolean => {
    try {
      store.append(entry);
      return true;
    } catch (error) {
      logger.error({ err: error }, 'record not written');
      return false;
    }
  };

  const record = (request: ApprovalRequest, outcome: Outcome): boolean =>
    append({ ...outcome, type: 'ended', id: request.id, digest: request.digest });

  const onAnswer: OnAnswer = (answer, onLater) => {
    const verdict = judge(state, answer);
    if (verdict === 'pending') early.set(answer, onLater);
    apply({ type: 'answered', answer });
    return verdict;
  };

  return {
    start: () => {
      started = channel.start(onAnswer);
      // Every request awaits it too and reports the failure to its own client.
      started.catch(() => {});
      return started;
    },
    ask: (request) => {
      const { id, agent, digest, approvers, askedAt, expiresAt, input } = request;
      logger.info({ request: id, tool: input.tool_name, session: input.session_id }, 'request asked');
      const asked = append({ type: 'asked', at: askedAt, id, agent, digest, approvers, expiresAt, input });
      if (asked) return apply({ type: 'asked', request });
      const reason = 'The request could not be recorded, so it was not asked.';
      onOutcome(id, { kind: 'undeliverable', reason, code: 'audit', at: now() });
    },
    clientGone: (id) => apply({ type: 'client-gone', id, at: now() }),
    observe: (evidence) => {
      for (const { id } of pendingRequests(state).filter((request) => isEndedBy(request, evidence))) {
        apply({ type: 'answered-elsewhere', id, reason: evidence.reason, at: now() });
      }
    },
    pending: () => pendingRequests(state),
    fail: (why) => apply({ type: 'stopping', ...why, at: now() }),
    stop: async (why) => {
      apply({ type: 'stopping', ...why, at: now() });
      await Promise.allSettled([...closing]);
    },
  };
}

/** Only a PermissionRequest has a prompt beside ours; a PreToolUse holds the agent up until we answer. */
function isEndedBy({ input, digest }: ApprovalRequest, { sessionId, agentId, call }: Evidence): boolean {
  if (input.hook_event_name !== 'PermissionRequest' || input.session_id !== sessionId) return false;
  if (agentId !== 'all' && input.agent_id !== agentId) return false;
  return call === undefined || digest === digestOf(call);
}
