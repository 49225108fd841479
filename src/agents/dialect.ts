/** What the dialects share. */
import { AppError } from '../errors.ts';
import type { Decided, HookInput, HookOutput, Offers, Said, ToolInput } from '../types.ts';

export const NOTHING: Said = { stdout: '', stderr: '', exitCode: 0 };

export const NO_OFFERS = { edit: false, always: false, acceptEdits: false, interrupt: false, grant: false } as const;

/** Yes, no, and leave for a while: what every agent can be given. */
export const PLAIN: Offers = { ...NO_OFFERS, form: 'permission', grant: true };

export function print(output: HookOutput): Said {
  return { stdout: `${JSON.stringify(output)}\n`, stderr: '', exitCode: 0 };
}

export function decidedBy({ by, via, rule }: Decided): string {
  return rule === undefined ? `${by} in ${via}` : `${via} (${by}): ${rule}`;
}

/** A reason reaches the model as it is. */
export function denial(outcome: Decided): string {
  return outcome.reason ?? `Denied by ${decidedBy(outcome)}`;
}

export function nobodyDecided({ reason = '' }: { readonly reason?: string }): string {
  return `claude-slack-hook: nobody decided. ${reason}`;
}

/** Checks what every request for a tool must have. Throws AppError('bad-input'). */
export function withTool(input: HookInput): HookInput {
  if (input.tool_name === undefined || input.tool_name === '')
    throw new AppError('bad-input', `Expected tool_name in a ${input.hook_event_name} input, got none`);
  if (input.tool_input === undefined)
    throw new AppError('bad-input', `Expected tool_input in a ${input.hook_event_name} input, got none`);
  return input;
}

/** Throws AppError('bad-input') for anything but a text. */
export function textOf(value: unknown, name: string, event: string): string {
  if (typeof value === 'string') return value;
  throw new AppError('bad-input', `Expected ${name} in a ${event} input to be a string, got ${typeof value}`);
}

export function isToolInput(value: unknown): value is ToolInput {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
