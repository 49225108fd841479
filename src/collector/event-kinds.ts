/** What events mean, whatever an agent or a library calls them. */
import { recognise } from '../agents/recognise.ts';
import type { EventKind } from '../events.ts';
import type { AgentName } from '../types.ts';

/** Names of Claude Code, which Codex shares. */
const CLAUDE: Readonly<Record<string, EventKind>> = {
  SessionStart: 'session.started',
  SessionEnd: 'session.ended',
  UserPromptSubmit: 'prompt.submitted',
  PreToolUse: 'tool.requested',
  PermissionRequest: 'tool.requested',
  PostToolUse: 'tool.completed',
  PostToolUseFailure: 'tool.failed',
  PermissionDenied: 'tool.failed',
  PostToolBatch: 'session.updated',
  Stop: 'agent.responded',
  SubagentStart: 'session.updated',
  SubagentStop: 'agent.responded',
  PreCompact: 'session.updated',
  PostCompact: 'session.updated',
  Notification: 'notification.reported',
};

/** The other agents' own names; the last ones are those of the typed events. */
const OTHERS: Readonly<Record<string, EventKind>> = {
  beforeSubmitPrompt: 'prompt.submitted',
  preToolUse: 'tool.requested',
  postToolUse: 'tool.completed',
  postToolUseFailure: 'tool.failed',
  beforeMCPExecution: 'tool.requested',
  afterMCPExecution: 'tool.completed',
  beforeShellExecution: 'tool.requested',
  afterShellExecution: 'tool.completed',
  afterFileEdit: 'tool.completed',
  afterAgentResponse: 'agent.responded',
  afterAgentThought: 'agent.thought',
  stop: 'agent.responded',
  BeforeTool: 'tool.requested',
  AfterTool: 'tool.completed',
  BeforeAgent: 'prompt.submitted',
  AfterAgent: 'agent.responded',
  PreCompress: 'session.updated',
  'permission.asked': 'tool.requested',
  'session.idle': 'agent.responded',
  session_started: 'session.started',
  session_updated: 'session.updated',
  session_ended: 'session.ended',
  session_completed: 'session.ended',
  user_prompt_submitted: 'prompt.submitted',
  tool_execution_started: 'tool.requested',
  tool_execution_completed: 'tool.completed',
  tool_execution_failed: 'tool.failed',
};

const CANONICAL: ReadonlySet<string> = new Set<EventKind>([
  ...['session.started', 'session.updated', 'session.ended', 'prompt.submitted'],
  ...['tool.requested', 'tool.completed', 'tool.failed', 'agent.responded', 'agent.thought', 'notification.reported'],
] as EventKind[]);

const APPROVALS: ReadonlySet<string> = new Set<EventKind>([
  ...['approval.requested', 'approval.shown', 'approval.decided', 'approval.ended'],
] as EventKind[]);

const CODEX_PLACE = /[/\\]\.codex[/\\]/;
const SHARED_WITH_GEMINI: ReadonlySet<string> = new Set(['SessionStart', 'SessionEnd', 'Notification']);

/** @param isTrusted whether its sender may tell of approvals: anybody could say that somebody approved */
export function kindOf(type: string, isTrusted: boolean): EventKind {
  if (APPROVALS.has(type)) return isTrusted ? (type as EventKind) : 'other';
  if (CANONICAL.has(type)) return type as EventKind;
  return own(CLAUDE, type) ?? own(OTHERS, type) ?? 'other';
}

/** Whose hook input it is; null where nothing tells. */
export function agentOf(input: Readonly<Record<string, unknown>>, name: string): AgentName | null {
  try {
    const agent = recognise(input);
    // Many senders date what Claude Code wrote; a time is Gemini's sign only where both have an event of that name.
    if (agent === 'gemini' && own(CLAUDE, name) !== undefined && !SHARED_WITH_GEMINI.has(name)) return 'claude';
    // Codex says nothing of itself at a session's start and end but where it keeps what was said.
    if (
      agent === 'claude' &&
      input.prompt_id === undefined &&
      typeof input.transcript_path === 'string' &&
      CODEX_PLACE.test(input.transcript_path)
    )
      return 'codex';
    // Claude Code's is what recognise says of an input without any sign.
    return agent !== 'claude' || typeof input.prompt_id === 'string' || own(CLAUDE, name) !== undefined ? agent : null;
  } catch {
    return null;
  }
}

function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
