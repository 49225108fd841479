/**
 * Gemini CLI's dialect, from its own reference; not measured. Its only gate is BeforeTool, before its own dialog, and it has
 * no `ask`: no decision leaves it to that dialog. Its tools are told by the names that cards, rules and masks know.
 */
import { checkHookInput } from '../protocol.ts';
import type { Agent, FailurePolicy, HookInput, Offers, Outcome, Said } from '../types.ts';
import { denial, NO_OFFERS, NOTHING, nobodyDecided, PLAIN, print, withTool } from './dialect.ts';

export const gemini: Agent = { name: 'gemini', read, offers, say };

/** The arguments of these have the same names and meanings. */
const SAME_AS: ReadonlyMap<string, string> = new Map([
  ['run_shell_command', 'Bash'],
  ['write_file', 'Write'],
]);

function read(raw: unknown): HookInput {
  const input = checkHookInput(raw);
  const { tool_name: name = '' } = input;
  const named = SAME_AS.has(name) ? { ...input, tool_name: SAME_AS.get(name) ?? name } : input;
  return input.hook_event_name === 'BeforeTool' ? withTool(named) : named;
}

function offers({ hook_event_name: event }: HookInput): Offers | undefined {
  if (event === 'AfterAgent') return { ...NO_OFFERS, form: 'stop' };
  // New arguments are merged into the old ones: what is changed arrives, what is taken away does not.
  return event === 'BeforeTool' ? PLAIN : undefined;
}

function say({ hook_event_name: event }: HookInput, outcome: Outcome, onFailure: FailurePolicy): Said {
  const decide = (decision: 'allow' | 'deny', reason: string): Said => print({ decision, reason });
  if (event === 'AfterAgent')
    return outcome.kind === 'denied' && outcome.reason !== undefined ? decide('deny', outcome.reason) : NOTHING;
  if (event !== 'BeforeTool') return NOTHING;
  if (outcome.kind === 'allowed') return print({ decision: 'allow' });
  if (outcome.kind === 'denied') return decide('deny', denial(outcome));
  return onFailure === 'deny' ? decide('deny', nobodyDecided(outcome)) : NOTHING;
}
