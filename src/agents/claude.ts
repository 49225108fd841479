/**
 * Claude Code's dialect. The output shapes and what Claude does with them were measured on 2.1.197 and 2.1.329:
 * each event honours only its own shape, so the shape always follows `hook_event_name`.
 */
import { AppError } from '../errors.ts';
import { checkHookInput } from '../protocol.ts';
import type { Agent, Evidence, FailurePolicy, HookInput, HookOutput, Outcome, Said } from '../types.ts';

/** Answering these takes more than yes or no; without an answer of ours Claude shows its own dialog. */
const NEEDS_MORE_THAN_YES: ReadonlySet<string> = new Set(['AskUserQuestion']);

const NOTHING: Said = { stdout: '', stderr: '', exitCode: 0 };

export const claude: Agent = { name: 'claude', read, asks, evidence, say };

function read(raw: unknown): HookInput {
  const input = checkHookInput(raw);
  if (isGated(input.hook_event_name)) {
    if (input.tool_name === undefined || input.tool_name === '') {
      throw new AppError('bad-input', `Expected tool_name in a ${input.hook_event_name} input, got none`);
    }
    if (input.tool_input === undefined) {
      throw new AppError('bad-input', `Expected tool_input in a ${input.hook_event_name} input, got none`);
    }
  }
  return input;
}

function asks(input: HookInput): boolean {
  return isGated(input.hook_event_name) && !NEEDS_MORE_THAN_YES.has(input.tool_name ?? '');
}

/**
 * Claude Code gives a waiting PermissionRequest hook no signal when the person says Yes at the terminal (measured on
 * 2.1.197 and 2.1.329); only later events of the same agent tell.
 */
function evidence(input: HookInput): Evidence | undefined {
  const agentId = typeof input.agent_id === 'string' ? input.agent_id : undefined;
  const about = { sessionId: input.session_id, agentId };
  const call = { tool_name: input.tool_name ?? '', tool_input: input.tool_input ?? {} };
  switch (input.hook_event_name) {
    case 'PostToolUse':
      return { ...about, call, reason: 'Approved at the terminal; it has run.' };
    case 'PostToolUseFailure':
      return { ...about, call, reason: 'Approved at the terminal; it has run and failed.' };
    case 'PermissionDenied':
      return { ...about, call, reason: 'Denied by the agent itself.' };
    case 'Stop':
    case 'UserPromptSubmit':
      return { ...about, reason: 'The agent went on without this answer; the outcome is unknown.' };
    case 'SessionEnd':
      return { ...about, agentId: 'all', reason: 'The session has ended; the outcome is unknown.' };
    default:
      return undefined;
  }
}

function isGated(event: string): boolean {
  return event === 'PreToolUse' || event === 'PermissionRequest';
}

function say(input: HookInput, outcome: Outcome, onFailure: FailurePolicy): Said {
  if (input.hook_event_name === 'PermissionRequest') return sayPermissionRequest(input, outcome);
  if (input.hook_event_name === 'PreToolUse') return sayPreToolUse(input, outcome, onFailure);
  return NOTHING;
}

function sayPermissionRequest(input: HookInput, outcome: Outcome): Said {
  // Echoing the input pins what runs to what was shown; AskUserQuestion and ExitPlanMode need it to be accepted at all.
  if (outcome.kind === 'allowed') return decide({ behavior: 'allow', updatedInput: input.tool_input });
  if (outcome.kind === 'denied') {
    const stop = outcome.interrupt === true ? { interrupt: true } : {};
    return decide({ behavior: 'deny', message: denial(outcome), ...stop });
  }
  // Empty output leaves Claude's own dialog on the screen; exit 2 would not deny here.
  return NOTHING;
}

function decide(decision: Record<string, unknown>): Said {
  return print({ hookSpecificOutput: { hookEventName: 'PermissionRequest', decision } });
}

function sayPreToolUse(input: HookInput, outcome: Outcome, onFailure: FailurePolicy): Said {
  const permit = (permissionDecision: 'allow' | 'deny' | 'ask', permissionDecisionReason: string, more = {}): Said =>
    print({
      hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision, permissionDecisionReason, ...more },
    });

  if (outcome.kind === 'allowed') {
    return permit('allow', `Approved by ${outcome.by} in ${outcome.via}`, { updatedInput: input.tool_input });
  }
  if (outcome.kind === 'denied') return permit('deny', denial(outcome));
  const reason = `claude-slack-hook: nobody decided. ${outcome.reason}`;
  // Under bypassPermissions there is no dialog to fall back to.
  return permit(onFailure === 'deny' || input.permission_mode === 'bypassPermissions' ? 'deny' : 'ask', reason);
}

/** A reason reaches the model as it is; after a PreToolUse Claude Code puts words of its own before it. */
function denial(outcome: Extract<Outcome, { kind: 'allowed' | 'denied' }>): string {
  return outcome.reason ?? `Denied by ${outcome.by} in ${outcome.via}`;
}

function print(output: HookOutput): Said {
  return { stdout: `${JSON.stringify(output)}\n`, stderr: '', exitCode: 0 };
}
