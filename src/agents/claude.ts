/**
 * Claude Code's dialect. The output shapes and what Claude does with them were measured on 2.1.197 and 2.1.329:
 * each event honours only its own shape, so the shape always follows `hook_event_name`.
 */
import { checkHookInput } from '../protocol.ts';
import type { Agent, Decided, FailurePolicy, HookInput, Offers, Outcome, Said } from '../types.ts';
import { decidedBy, denial, NO_OFFERS, NOTHING, nobodyDecided, print, withTool } from './dialect.ts';

export const claude: Agent = { name: 'claude', read, offers, say };

function read(raw: unknown): HookInput {
  const input = checkHookInput(raw);
  return isGated(input.hook_event_name) ? withTool(input) : input;
}

function offers(input: HookInput): Offers | undefined {
  const { hook_event_name: event, tool_name: tool } = input;
  // What a subagent brings goes on by itself; a card would hold it up.
  if (event === 'Stop') return hasSubagent(input) ? undefined : { ...NO_OFFERS, form: 'stop' };
  if (!isGated(event)) return undefined;
  // A PreToolUse has no place for rules, modes and the end of the turn.
  const isDialog = event === 'PermissionRequest';
  const prompt = isDialog ? ({ prompt: true } as const) : {};
  const some = { ...NO_OFFERS, interrupt: isDialog, ...prompt };
  if (tool === 'AskUserQuestion') return { ...some, form: 'questions' };
  if (tool === 'ExitPlanMode') return { ...some, form: 'plan', acceptEdits: isDialog };
  return { ...some, form: 'permission', edit: true, always: isDialog, grant: true };
}

function hasSubagent({ background_tasks: tasks }: HookInput): boolean {
  const isOne = (task: unknown): boolean =>
    typeof task === 'object' &&
    task !== null &&
    Reflect.get(task, 'type') === 'subagent' &&
    Reflect.get(task, 'status') === 'running';
  return Array.isArray(tasks) && tasks.some(isOne);
}

function isGated(event: string): boolean {
  return event === 'PreToolUse' || event === 'PermissionRequest';
}

function say(input: HookInput, outcome: Outcome, onFailure: FailurePolicy): Said {
  if (input.hook_event_name === 'PermissionRequest') return sayPermissionRequest(input, outcome);
  if (input.hook_event_name === 'PreToolUse') return sayPreToolUse(input, outcome, onFailure);
  if (input.hook_event_name === 'Stop' && outcome.kind === 'denied' && outcome.reason !== undefined)
    return print({ decision: 'block', reason: outcome.reason });
  return NOTHING;
}

function sayPermissionRequest(input: HookInput, outcome: Outcome): Said {
  if (outcome.kind === 'allowed') {
    const { updatedPermissions } = outcome;
    const rules = updatedPermissions === undefined ? {} : { updatedPermissions };
    return decide({ behavior: 'allow', updatedInput: approvedInput(input, outcome), ...rules });
  }
  if (outcome.kind === 'denied') {
    const stop = outcome.interrupt === true ? { interrupt: true } : {};
    return decide({ behavior: 'deny', message: denial(outcome), ...stop });
  }
  // Empty output leaves Claude's own dialog on the screen; exit 2 would not deny here.
  return NOTHING;
}

/** Echoing the input pins what runs to what was shown; AskUserQuestion and ExitPlanMode need it to be accepted at all. */
function approvedInput(input: HookInput, { updatedInput }: Decided): HookInput['tool_input'] {
  return updatedInput ?? input.tool_input;
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
    const updatedInput = approvedInput(input, outcome);
    return permit('allow', `Approved by ${decidedBy(outcome)}`, { updatedInput });
  }
  if (outcome.kind === 'denied') return permit('deny', denial(outcome));
  // Under bypassPermissions there is no dialog to fall back to.
  const isOpen = onFailure !== 'deny' && input.permission_mode !== 'bypassPermissions';
  return permit(isOpen ? 'ask' : 'deny', nobodyDecided(outcome));
}
