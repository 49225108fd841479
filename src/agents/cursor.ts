/**
 * Cursor's dialect, from its documentation and from programs that speak it; not measured. A shell command is told as Bash,
 * so that cards, rules and masks treat it as what it is.
 */
import { checkHookInput } from '../protocol.ts';
import type { Agent, FailurePolicy, HookInput, Offers, Outcome, Said } from '../types.ts';
import { decidedBy, denial, isToolInput, NOTHING, nobodyDecided, PLAIN, print, textOf, withTool } from './dialect.ts';

export const cursor: Agent = { name: 'cursor', read, offers, say };

/** Events that wait for a permission. */
const GATED: ReadonlySet<string> = new Set(['beforeShellExecution', 'beforeMCPExecution', 'preToolUse']);

/** Reading what was read already changes nothing. */
function read(raw: unknown): HookInput {
  if (!isToolInput(raw)) return checkHookInput(raw);
  const { conversation_id, session_id = conversation_id, workspace_roots, cwd = firstOf(workspace_roots) } = raw;
  const event = typeof raw.hook_event_name === 'string' ? raw.hook_event_name : '';
  const input = checkHookInput({ ...raw, session_id, cwd, ...toolOf(event, raw) });
  return GATED.has(event) ? withTool(input) : input;
}

function firstOf(roots: unknown): unknown {
  return Array.isArray(roots) ? roots[0] : undefined;
}

/** What is asked for, in the names that the rest of the program knows. */
function toolOf(event: string, raw: Readonly<Record<string, unknown>>): Partial<HookInput> {
  const isRead = isToolInput(raw.tool_input) && typeof raw.tool_name === 'string';
  if (event === 'beforeShellExecution' || event === 'afterShellExecution')
    return isRead ? {} : { tool_name: 'Bash', tool_input: { command: textOf(raw.command, 'command', event) } };
  if (event !== 'beforeMCPExecution' && event !== 'afterMCPExecution') return {};
  const name = textOf(raw.tool_name, 'tool_name', event);
  if (name.startsWith('mcp__')) return {};
  // The server is named by how it is started or reached: part of what is allowed.
  const server = raw.command ?? raw.url;
  const args = argumentsOf(raw.tool_input);
  return { tool_name: `mcp__cursor__${name}`, tool_input: { ...args, ...(server === undefined ? {} : { server }) } };
}

/** Sources disagree on whether the arguments are JSON in a text or an object. */
function argumentsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (isToolInput(value)) return value;
  try {
    const parsed: unknown = typeof value === 'string' ? JSON.parse(value) : undefined;
    return isToolInput(parsed) ? parsed : { arguments: value };
  } catch {
    return { arguments: value };
  }
}

function offers({ hook_event_name: event }: HookInput): Offers | undefined {
  return GATED.has(event) ? PLAIN : undefined;
}

function say({ hook_event_name: event }: HookInput, outcome: Outcome, onFailure: FailurePolicy): Said {
  if (!GATED.has(event)) return NOTHING;
  const permit = (permission: 'allow' | 'deny' | 'ask', words: string): Said =>
    print({ permission, user_message: words, agent_message: words });
  if (outcome.kind === 'allowed') return permit('allow', `Approved by ${decidedBy(outcome)}`);
  if (outcome.kind === 'denied') return permit('deny', denial(outcome));
  return permit(onFailure, nobodyDecided(outcome));
}
