/** Answers of people: who may give which, those that come before the receipt of their message, and what becomes of those that do not count. */
import { judge } from './broker.ts';
import type { BrokerEvent, BrokerState } from './broker-state.ts';
import type { Logger } from './logger.ts';
import type { Recorder } from './recorder.ts';
import type {
  Answer,
  ApprovalRequest,
  Attempt,
  Candidate,
  Core,
  OnAnswer,
  Refusal,
  ToolInput,
  Verdict,
} from './types.ts';

export interface AnswerDeskOptions {
  readonly state: BrokerState;
  readonly recorder: Pick<Recorder, 'refused'>;
  readonly logger: Pick<Logger, 'warn'>;
  /** Milliseconds on a clock that nobody sets. */
  readonly elapsed: () => number;
  readonly apply: (event: BrokerEvent) => void;
  readonly revoke: Core['revoke'];
  /** Whether a person may answer a request now; undefined when the config that says so cannot be read. */
  readonly mayAnswer: (request: ApprovalRequest, by: string) => boolean | undefined;
  /** Whether the rules of the config leave it to one person to run this instead of what was asked. */
  readonly mayRun: (request: ApprovalRequest, updatedInput: ToolInput) => boolean;
  /** Rules that a person may choose for a request, narrow ones first. */
  readonly candidates: (request: ApprovalRequest) => readonly Candidate[];
}

export interface AnswerDesk {
  /** What a channel is given. */
  readonly core: Core;
  /** Writes down that an answer did not count, and tells whoever gave it early. */
  refuse(answer: Answer, verdict: Verdict): void;
  /** No early answer to this request is told anything any more. */
  forget(requestId: string): void;
}

export function createAnswerDesk(options: AnswerDeskOptions): AnswerDesk {
  const { state, recorder, logger, elapsed, apply, revoke, mayAnswer, mayRun, candidates } = options;
  /** Answers that came before the receipt of their message, and whom to tell when they did not count. */
  const early = new Map<Answer, (verdict: Verdict) => void>();

  const refuse = (answer: Answer, verdict: Verdict): void => {
    early.get(answer)?.(verdict);
    noteRefused(answer, verdict);
  };
  const noteRefused = (attempt: Attempt, verdict: Refusal): void => {
    logger.warn({ request: attempt.requestId, by: attempt.by, verdict }, 'click refused');
    recorder.refused(attempt, verdict);
  };

  const forget = (id: string): void => {
    for (const answer of early.keys()) if (answer.requestId === id) early.delete(answer);
  };

  const verdictOf = (answer: Answer): Verdict => {
    const request = state.entries.get(answer.requestId)?.request;
    const may = request === undefined || mayAnswer(request, answer.by);
    if (request !== undefined && request.needed > 1) dropFormer(request);
    const verdict = judge(state, answer, elapsed());
    // Who has no right to know hears nothing more.
    if (verdict === 'forged' || verdict === 'not-approver') return verdict;
    if (may === false) return 'not-approver';
    // To say no is always possible.
    if (may === undefined && answer.decision === 'allow') return 'misconfigured';
    const counts = verdict === 'accepted' || verdict === 'pending';
    return counts && isRuledOut(request, answer) ? 'ruled-out' : verdict;
  };

  /** Who has approved and may no longer do so does not count any more. */
  const dropFormer = (request: ApprovalRequest): void => {
    const { approvedBy = [] } = state.entries.get(request.id) ?? {};
    const former = approvedBy.filter((by) => mayAnswer(request, by) !== true);
    if (former.length > 0) apply({ type: 'discounted', id: request.id, by: former });
  };

  /** What a person wrote instead is subject to the same rules as what the agent asked for. */
  const isRuledOut = (request: ApprovalRequest | undefined, { decision, updatedInput }: Answer): boolean =>
    decision === 'allow' &&
    updatedInput !== undefined &&
    request?.offers.form === 'permission' &&
    !mayRun(request, updatedInput);

  const onAnswer: OnAnswer = (answer, onLater) => {
    const verdict = verdictOf(answer);
    if (verdict === 'misconfigured' || verdict === 'not-approver' || verdict === 'ruled-out') {
      refuse(answer, verdict);
      return verdict;
    }
    if (verdict === 'pending') early.set(answer, onLater);
    apply({ type: 'answered', answer, now: elapsed() });
    return verdict;
  };

  const core: Core = {
    answer: onAnswer,
    judge: verdictOf,
    candidates: (requestId) => {
      const request = state.entries.get(requestId)?.request;
      return request === undefined ? [] : candidates(request);
    },
    revoke,
    refused: noteRefused,
  };

  return { core, refuse, forget };
}
