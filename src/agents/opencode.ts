/**
 * What our plugin for opencode writes and reads: opencode has no hook commands, but a plugin hears its `permission.asked` and
 * can reply, while its own prompt is open. The payload is opencode's event with the session's directory.
 */
import { AppError } from '../errors.ts';
import { checkHookInput } from '../protocol.ts';
import type { Agent, HookInput, Offers, Outcome, Said, ToolInput } from '../types.ts';
import { denial, isToolInput, NOTHING, PLAIN, print, withTool } from './dialect.ts';

export const opencode: Agent = { name: 'opencode', read, offers, say };

const ASKED = 'permission.asked';
/** Permissions whose metadata is the call itself, in the names that cards, rules and masks know. */
const SHELL = 'bash';

function read(raw: unknown): HookInput {
  const input = checkHookInput(raw);
  if (input.hook_event_name !== ASKED && input.hook_event_name !== 'permission.replied') return input;
  return input.tool_name === undefined ? withTool({ ...input, ...toolOf(input.permission) }) : withTool(input);
}

/** opencode's request: `{permission, patterns, metadata, always}`, and what the plugin knows of the call. */
function toolOf(request: unknown): { readonly tool_name: string; readonly tool_input: ToolInput } {
  if (!isToolInput(request) || typeof request.permission !== 'string')
    throw new AppError('bad-input', 'Expected permission to be a request of opencode, got something else');
  const { permission, patterns, metadata = {} } = request;
  const details = isToolInput(metadata) ? metadata : { metadata };
  const { command } = details;
  if (permission === SHELL && typeof command === 'string')
    return { tool_name: 'Bash', tool_input: { ...details, command } };
  return { tool_name: permission, tool_input: { ...details, ...(patterns === undefined ? {} : { patterns }) } };
}

function offers({ hook_event_name: event }: HookInput): Offers | undefined {
  return event === ASKED ? { ...PLAIN, prompt: true } : undefined;
}

/** No reply leaves the question at opencode's own prompt. */
function say({ hook_event_name: event }: HookInput, outcome: Outcome): Said {
  if (event !== ASKED) return NOTHING;
  if (outcome.kind === 'allowed') return print({ reply: 'once' });
  return outcome.kind === 'denied' ? print({ reply: 'reject', message: denial(outcome) }) : NOTHING;
}
