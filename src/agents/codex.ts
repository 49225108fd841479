/**
 * Codex CLI's dialect, measured on 0.169.0. It fails open: an unknown key beside a valid denial, `ask`, or anything that it
 * cannot read makes the command run. So each answer has exactly the keys that it knows, and nothing else is ever printed.
 */
import { checkHookInput } from '../protocol.ts';
import type { Agent, FailurePolicy, HookInput, Offers, Outcome, Said } from '../types.ts';
import { denial, NO_OFFERS, NOTHING, nobodyDecided, PLAIN, print, withTool } from './dialect.ts';

export const codex: Agent = { name: 'codex', read, offers, say };

function read(raw: unknown): HookInput {
  const input = checkHookInput(raw);
  return isGated(input) ? withTool(input) : input;
}

function isGated({ hook_event_name: event }: HookInput): boolean {
  return event === 'PreToolUse' || event === 'PermissionRequest';
}

function offers(input: HookInput): Offers | undefined {
  if (input.hook_event_name === 'Stop') return { ...NO_OFFERS, form: 'stop' };
  if (!isGated(input)) return undefined;
  // Only a shell command was seen to be rewritten; a PermissionRequest with another input fails and asks at the terminal.
  return { ...PLAIN, edit: input.hook_event_name === 'PreToolUse' && input.tool_name === 'Bash' };
}

function say(input: HookInput, outcome: Outcome, onFailure: FailurePolicy): Said {
  switch (input.hook_event_name) {
    case 'PermissionRequest':
      return sayPermissionRequest(outcome);
    case 'PreToolUse':
      return sayPreToolUse(input, outcome, onFailure);
    case 'Stop':
      return outcome.kind === 'denied' && outcome.reason !== undefined
        ? print({ decision: 'block', reason: outcome.reason })
        : NOTHING;
    default:
      return NOTHING;
  }
}

/** No answer leaves Codex's own dialog, which comes after its hooks. */
function sayPermissionRequest(outcome: Outcome): Said {
  const decide = (decision: Record<string, unknown>): Said =>
    print({ hookSpecificOutput: { hookEventName: 'PermissionRequest', decision } });
  if (outcome.kind === 'allowed') return decide({ behavior: 'allow' });
  return outcome.kind === 'denied' ? decide({ behavior: 'deny', message: denial(outcome) }) : NOTHING;
}

function sayPreToolUse(input: HookInput, outcome: Outcome, onFailure: FailurePolicy): Said {
  const permit = (more: Record<string, unknown>): Said =>
    print({ hookSpecificOutput: { hookEventName: 'PreToolUse', ...more } });
  const deny = (permissionDecisionReason: string): Said =>
    permit({ permissionDecision: 'deny', permissionDecisionReason });
  if (outcome.kind === 'allowed') {
    const { updatedInput } = outcome;
    return permit({ permissionDecision: 'allow', ...(updatedInput === undefined ? {} : { updatedInput }) });
  }
  if (outcome.kind === 'denied') return deny(denial(outcome));
  // There is no `ask`: nothing leaves it to Codex's own approval policy, and under bypassPermissions there is none.
  const isOpen = onFailure !== 'deny' && input.permission_mode !== 'bypassPermissions';
  return isOpen ? NOTHING : deny(nobodyDecided(outcome));
}
