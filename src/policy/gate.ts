/** The policy as the daemon uses it: who may answer now, which calls a grant covers, and which rules a person may choose. */
import type {
  ApprovalRequest,
  CallRule,
  Candidate,
  HookInput,
  PermissionRule,
  PresenceRules,
  StoreRecord,
  ToolInput,
} from '../types.ts';
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
  /** Whether the rules leave it to one person to run this instead of what was asked; where they cannot be read, they do not. */
  mayRun(request: ApprovalRequest, updatedInput: ToolInput): boolean;
  /** Whether a grant for this rule covers a request. */
  covers(rule: CallRule, request: ApprovalRequest): boolean;
  candidates(request: ApprovalRequest): readonly Candidate[];
  /** What the user calls secret; while the config file cannot be read, what it said last. */
  maskRules(): ReturnType<Policy['maskRules']>;
  /** When people are asked; while the config file cannot be read, what it said last. */
  presence(): PresenceRules | undefined;
  /** Undefined also when the config file cannot be read: then nothing is deleted. */
  auditKeepDays(): number | undefined;
}

/** How many records the rules that a person may choose are tried on: about half of them are requests. */
const HISTORY = 1_000;

export function createGate({ recent, ...options }: GateOptions): Gate {
  const policy = createPolicy(options);
  let lastRules: ReturnType<Policy['maskRules']> = [];
  let lastPresence: PresenceRules | undefined;
  return {
    policy,
    mayAnswer: ({ fromConfig, input, escalatedTo = [] }, by) => {
      const isAdded = escalatedTo.includes(by);
      if (!fromConfig && !isAdded) return true;
      try {
        const isListed = fromConfig && policy.approversFor(input.cwd)?.includes(by) === true;
        return isListed || (isAdded && policy.presence()?.escalate?.to.includes(by) === true);
      } catch {
        return undefined;
      }
    },
    mayRun: ({ input, agent }, updatedInput) => {
      const edited = { ...input, tool_input: updatedInput };
      try {
        return policy.needed(edited, agent) === 1 && policy.rule(edited, agent)?.decision !== 'deny';
      } catch {
        return false;
      }
    },
    // All but the exact call were given with ordinary calls in mind: what may do harm is asked all the same.
    covers: (rule, request) => matchesCall(rule, request) && (rule.kind === 'exact' || isOrdinary(request.input)),
    maskRules: () => {
      try {
        lastRules = policy.maskRules();
      } catch {
        // Requests are refused with the reason; what is shown and recorded of earlier ones stays masked.
      }
      return lastRules;
    },
    presence: () => {
      try {
        lastPresence = policy.presence();
      } catch {
        // Requests are refused with the reason; those that wait go on as they were.
      }
      return lastPresence;
    },
    auditKeepDays: () => {
      try {
        return policy.auditKeepDays();
      } catch {
        return undefined;
      }
    },
    candidates: (request) => {
      const history = historyOf(recent(HISTORY).filter(({ id }) => id !== request.id));
      return candidatesFor(request, history, (rule) => restricts(policy, rule));
    },
  };
}

/** While the config file cannot be read everything may be restricted. */
function restricts(policy: Policy, rule: PermissionRule): boolean {
  try {
    return policy.restricts(rule);
  } catch {
    return true;
  }
}

function isOrdinary(input: HookInput): boolean {
  // Claude Code's own field for a command that is to run outside its sandbox.
  const { dangerouslyDisableSandbox: outside = false } = input.tool_input ?? {};
  return outside === false && dangerOf(input, false) === undefined;
}
