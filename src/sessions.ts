/** What is known of each session beside its open requests: how its requests ended, and which approved calls have not been seen to run yet. */

import { digestOf } from './request.ts';
import { withoutLargeInput } from './settled-request.ts';
import type { ApprovalRequest, Decided, Evidence, Outcome, Run, SessionSummary } from './types.ts';

/** A call whose run an event has told of. */
export interface Ran {
  readonly request: ApprovalRequest;
  readonly outcome: Outcome;
  readonly run: Run;
  /** It ran although the answer here was no, or another input: it had been approved at the agent's own prompt before. */
  readonly isContradicted: boolean;
}

export interface Sessions {
  asked(request: ApprovalRequest): void;
  ended(request: ApprovalRequest, outcome: Outcome): void;
  /** The call that an event tells the result of; each is told once. */
  ran(evidence: Evidence): Ran | undefined;
  /** How many replies in a row a session has been sent on with; see `ApprovalRequest`. */
  repliesInARow(sessionId: string): number;
  /** The agent has stopped of itself, or a person has spoken: the row is over. */
  endRow(sessionId: string): void;
  /** What a session that is over came to; undefined when it never asked. It is forgotten. */
  finish(sessionId: string): SessionSummary | undefined;
}

interface Session {
  summary: SessionSummary;
  /** Approved, oldest first. */
  running: Expected[];
  /** Refused or changed here, while the agent's own prompt may have been answered already; oldest first. */
  refused: Expected[];
  replies: number;
}

/** A decided call, and the digest that it would run with. */
interface Expected {
  readonly request: ApprovalRequest;
  readonly outcome: Outcome;
  readonly digest: string;
}

/** Sessions that never say their end are forgotten, oldest first. */
const SESSIONS_KEPT = 200;
/** An agent runs few tools at a time; the rest never told. */
const RUNNING_KEPT = 50;

export function createSessions(): Sessions {
  const sessions = new Map<string, Session>();

  const of = (sessionId: string): Session => {
    const session = sessions.get(sessionId) ?? {
      summary: emptySummary(sessionId),
      running: [],
      refused: [],
      replies: 0,
    };
    // The least recently used one is the first.
    sessions.delete(sessionId);
    sessions.set(sessionId, session);
    for (const oldest of sessions.keys()) {
      if (sessions.size <= SESSIONS_KEPT) break;
      sessions.delete(oldest);
    }
    return session;
  };

  return {
    asked: ({ input, offers }) => {
      if (offers.form === 'stop') return;
      const session = of(input.session_id);
      session.summary = { ...session.summary, asked: session.summary.asked + 1 };
    },
    ended: (request, outcome) => {
      const session = of(request.input.session_id);
      if (request.offers.form === 'stop') {
        session.replies = outcome.kind === 'denied' ? session.replies + 1 : 0;
        return;
      }
      session.summary = countedIn(session.summary, request, outcome);
      if (outcome.kind !== 'allowed' && outcome.kind !== 'denied') return;
      const { tool_name = '', tool_input = {} } = request.input;
      const asked = digestOf({ tool_name, tool_input });
      const changed =
        request.offers.form === 'permission' && outcome.kind === 'allowed' ? outcome.updatedInput : undefined;
      // The answers to questions are not in the call that events tell of; see `evidence` of the agent.
      const digest = changed === undefined ? asked : digestOf({ tool_name, tool_input: changed });
      const kept = withoutLargeInput(request);
      const result = kept === request ? outcome : withoutInput(outcome);
      // What is decided now is not what an earlier answer was about.
      session.refused = session.refused.filter((item) => item.digest !== digest);
      if (outcome.kind === 'allowed')
        session.running = [...session.running, { request: kept, outcome: result, digest }].slice(-RUNNING_KEPT);
      if (request.offers.prompt === true && (outcome.kind === 'denied' || digest !== asked))
        session.refused = [...session.refused, { request: kept, outcome: result, digest: asked }].slice(-RUNNING_KEPT);
    },
    ran: (evidence) => {
      const { sessionId, agentId, run } = evidence;
      const session = sessions.get(sessionId);
      if (session === undefined) return undefined;
      const isAgent = ({ request }: Expected): boolean => agentId === 'all' || request.input.agent_id === agentId;
      if (run === undefined) {
        // The agent has gone on: nothing that was refused is still running.
        session.refused = session.refused.filter((item) => !isAgent(item));
        return undefined;
      }
      const found = session.running.find((item) => isAgent(item) && isAbout(evidence, item));
      const against =
        found === undefined ? session.refused.find((item) => isAgent(item) && isAbout(evidence, item)) : undefined;
      session.running = session.running.filter((item) => item !== found && item.request !== against?.request);
      session.refused = session.refused.filter((item) => item !== against && item.request !== found?.request);
      const item = found ?? against;
      return item === undefined
        ? undefined
        : { request: item.request, outcome: item.outcome, run, isContradicted: against !== undefined };
    },
    repliesInARow: (sessionId) => sessions.get(sessionId)?.replies ?? 0,
    endRow: (sessionId) => {
      const session = sessions.get(sessionId);
      if (session !== undefined) session.replies = 0;
    },
    finish: (sessionId) => {
      const summary = sessions.get(sessionId)?.summary;
      sessions.delete(sessionId);
      return summary === undefined || summary.asked === 0 ? undefined : summary;
    },
  };
}

/** What ran instead stands on the card and in the audit log. */
function withoutInput(outcome: Decided): Decided {
  const { updatedInput: _updatedInput, ...rest } = outcome;
  return rest;
}

function isAbout({ call, tools }: Evidence, { request, digest }: Expected): boolean {
  if (call !== undefined) return digest === digestOf(call);
  return tools?.has(request.input.tool_name ?? '') === true;
}

function emptySummary(sessionId: string): SessionSummary {
  return { sessionId, asked: 0, approved: 0, denied: 0, elsewhere: 0, unanswered: 0, automatic: 0, waitedMs: 0 };
}

function countedIn(summary: SessionSummary, { askedAt }: ApprovalRequest, outcome: Outcome): SessionSummary {
  const isAutomatic = 'rule' in outcome && outcome.rule !== undefined;
  const key = isAutomatic ? 'automatic' : COUNTED_AS[outcome.kind];
  const waitedMs = isAutomatic ? 0 : Math.max(0, outcome.at - askedAt);
  return { ...summary, [key]: summary[key] + 1, waitedMs: summary.waitedMs + waitedMs };
}

const COUNTED_AS: Readonly<Record<Outcome['kind'], 'approved' | 'denied' | 'elsewhere' | 'unanswered'>> = {
  allowed: 'approved',
  denied: 'denied',
  elsewhere: 'elsewhere',
  unknown: 'unanswered',
  expired: 'unanswered',
  withdrawn: 'unanswered',
  stopped: 'unanswered',
  undeliverable: 'unanswered',
};
