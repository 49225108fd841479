/** What Claude Code's events tell of requests that wait, and of calls that ran. A call that asks does not load this. */
import type { Evidence, HookInput } from '../types.ts';

/**
 * Tools whose calls Claude Code runs one at a time, so that the next call of the same agent means that this one is over.
 * Others (reading, fetching, subagents, MCP) may run beside one another.
 */
const ONE_AT_A_TIME: ReadonlySet<string> = new Set([
  ...['Bash', 'Edit', 'MultiEdit', 'Write', 'NotebookEdit', 'ExitPlanMode', 'AskUserQuestion'],
]);

/** After this many replies in a row Claude Code stops whatever a Stop hook says (measured on 2.1.197 and 2.1.329). */
export const CLAUDE_MAX_REPLIES = 8;

/**
 * Claude Code gives a waiting PermissionRequest hook no signal when the person says Yes at the terminal (measured on
 * 2.1.197 and 2.1.329); only later events of the same agent tell.
 */
export function claudeEvidence(input: HookInput): Evidence | undefined {
  const agentId = typeof input.agent_id === 'string' ? input.agent_id : undefined;
  const about = { sessionId: input.session_id, agentId };
  const tookMs = typeof input.duration_ms === 'number' ? { tookMs: input.duration_ms } : {};
  switch (input.hook_event_name) {
    case 'PostToolUse': {
      const reason = 'Approved at the terminal; it has run.';
      return { ...about, kind: 'elsewhere', ...callOf(input), reason, run: { isOk: true, ...tookMs } };
    }
    case 'PostToolUseFailure': {
      const reason = 'Approved at the terminal; it has run and failed.';
      const error = typeof input.error === 'string' ? { error: input.error } : {};
      return { ...about, kind: 'elsewhere', ...callOf(input), reason, run: { isOk: false, ...tookMs, ...error } };
    }
    case 'PermissionDenied':
      return { ...about, kind: 'elsewhere', ...callOf(input), reason: 'Denied by the agent itself.' };
    case 'PreToolUse':
      return {
        ...about,
        kind: 'unknown',
        tools: ONE_AT_A_TIME,
        reason: 'The agent has gone on to its next tool call.',
      };
    case 'Stop': {
      const row = input.stop_hook_active === true ? {} : ({ isNewTurn: true } as const);
      return { ...about, kind: 'unknown', reason: 'The agent has ended its turn without this answer.', ...row };
    }
    case 'UserPromptSubmit':
      return { ...about, kind: 'unknown', reason: 'The next prompt was sent at the terminal.', isNewTurn: true };
    case 'SessionEnd':
      return { ...about, kind: 'unknown', agentId: 'all', reason: 'The session has ended.', isLast: true };
    default:
      return undefined;
  }
}

/**
 * The call as it was asked for: the answers that AskUserQuestion ran with were not in it. Of a plan Claude Code 2.1.329
 * says afterwards only that there was one.
 */
function callOf({ tool_name = '', tool_input = {} }: HookInput): Pick<Evidence, 'call' | 'tools'> {
  if (tool_name === 'ExitPlanMode' && tool_input.plan === undefined) return { tools: new Set([tool_name]) };
  if (tool_name !== 'AskUserQuestion') return { call: { tool_name, tool_input } };
  const { answers: _answers, annotations: _annotations, ...asked } = tool_input;
  return { call: { tool_name, tool_input: asked } };
}
