/**
 * What the events of Codex, Cursor, Gemini and opencode tell of calls that ran and requests that are over. Inputs are as
 * their agent's `read` gives them. All but opencode hold the agent up until a hook ends, so only opencode's own prompt can
 * be answered beside ours.
 */
import type { Evidence, HookInput } from '../types.ts';

export function codexEvidence(input: HookInput): Evidence | undefined {
  switch (input.hook_event_name) {
    case 'PostToolUse':
      return ran(input);
    case 'PreToolUse':
      return wentOn(input, 'The agent has gone on to its next tool call.');
    case 'Stop':
      return turnEnded(input, input.stop_hook_active !== true);
    case 'UserPromptSubmit':
      return { ...wentOn(input, 'The next prompt was sent at the terminal.'), isNewTurn: true };
    case 'SessionEnd':
      return ended(input);
    default:
      return undefined;
  }
}

export function cursorEvidence(input: HookInput): Evidence | undefined {
  switch (input.hook_event_name) {
    case 'afterShellExecution':
    case 'afterMCPExecution':
      return ran(input, input.duration);
    case 'stop':
      return turnEnded(input, true);
    case 'beforeSubmitPrompt':
      return { ...wentOn(input, 'The next prompt was sent in the editor.'), isNewTurn: true };
    case 'sessionEnd':
      return ended(input);
    default:
      return undefined;
  }
}

export function geminiEvidence(input: HookInput): Evidence | undefined {
  switch (input.hook_event_name) {
    case 'AfterTool':
      return ran(input);
    case 'AfterAgent':
      return turnEnded(input, input.stop_hook_active !== true);
    case 'BeforeAgent':
      return { ...wentOn(input, 'The next prompt was sent at the terminal.'), isNewTurn: true };
    case 'SessionEnd':
      return ended(input);
    default:
      return undefined;
  }
}

export function opencodeEvidence(input: HookInput): Evidence | undefined {
  switch (input.hook_event_name) {
    case 'permission.replied': {
      const { tool_name, tool_input } = input;
      const words = input.reply === 'reject' ? 'Denied at the terminal.' : 'Approved at the terminal.';
      return { ...about(input), kind: 'elsewhere', call: { tool_name, tool_input }, reason: words } as Evidence;
    }
    case 'session.idle':
      return turnEnded(input, true);
    case 'session.deleted':
      return ended(input);
    default:
      return undefined;
  }
}

function about({ session_id }: HookInput): Pick<Evidence, 'sessionId' | 'agentId'> {
  return { sessionId: session_id, agentId: undefined };
}

/** @param tookMs in milliseconds, where the agent says so */
function ran(input: HookInput, tookMs?: unknown): Evidence {
  const { tool_name = '', tool_input = {} } = input;
  const took = typeof tookMs === 'number' ? { tookMs } : {};
  return {
    ...{ ...about(input), kind: 'elsewhere', call: { tool_name, tool_input } },
    ...{ reason: 'Approved at the terminal; it has run.', run: { isOk: true, ...took } },
  };
}

function wentOn(input: HookInput, reason: string): Evidence {
  return { ...about(input), kind: 'unknown', reason };
}

function turnEnded(input: HookInput, isNewTurn: boolean): Evidence {
  const told = wentOn(input, 'The agent has ended its turn without this answer.');
  return isNewTurn ? { ...told, isNewTurn } : told;
}

function ended(input: HookInput): Evidence {
  return { ...wentOn(input, 'The session has ended.'), agentId: 'all', isLast: true };
}
