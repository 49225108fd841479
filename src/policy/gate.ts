/** The policy as the daemon uses it: who may answer now, which calls a grant covers, and which rules a person may choose. */
import type { ApprovalRequest, CallRule, Candidate, StoreRecord } from '../types.ts';
import { matchesCall } from './call-rule.ts';
import { candidatesFor } from './candidates.ts';
import { dangerOf } from './danger.ts';
import { historyOf } from './history.ts';
import { createPolicy, type Policy, type PolicyOptions } from './policy.ts';

export interface GateOptions extends PolicyOptions {
  /** The last records of the audit log, oldest first. */
  readonly recent: (limit: number) => readonly StoreRecord[];
}

export interface Gate {
  readonly policy: Policy;
  /** Undefined when the config file cannot be read: then nobody may. */
  mayAnswer(request: ApprovalRequest, by: string): boolean | undefined;
  /** Whether a grant for this rule covers a request. */
  covers(rule: CallRule, request: ApprovalRequest): boolean;
  candidates(request: ApprovalRequest): readonly Candidate[];
  /** What the user calls secret; while the config file cannot be read, what it said last. */
  maskRules(): ReturnType<Policy['maskRules']>;
}

/** How many records the rules that a person may choose are tried on: about half of them are requests. */
const HISTORY = 1_000;

export function createGate({ recent, ...options }: GateOptions): Gate {
  const policy = createPolicy(options);
  let lastRules: ReturnType<Policy['maskRules']> = [];
  return {
    policy,
    mayAnswer: ({ fromConfig, input }, by) => {
      if (!fromConfig) return true;
      try {
        return policy.approversFor(input.cwd)?.includes(by) === true;
      } catch {
        return undefined;
      }
    },
    // A grant for a whole directory was given with ordinary calls in mind: what may do harm is asked all the same.
    covers: (rule, request) =>
      matchesCall(rule, request) && (rule.kind !== 'directory' || dangerOf(request.input, false) === undefined),
    maskRules: () => {
      try {
        lastRules = policy.maskRules();
      } catch {
        // Requests are refused with the reason; what is shown and recorded of earlier ones stays masked.
      }
      return lastRules;
    },
    candidates: (request) => candidatesFor(request, historyOf(recent(HISTORY).filter(({ id }) => id !== request.id))),
  };
}
