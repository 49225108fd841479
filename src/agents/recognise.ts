/** Whose payload this is, by what only that agent writes. */
import { AppError } from '../errors.ts';
import type { AgentName } from '../types.ts';

/** Events that only one agent has. */
const GEMINI_EVENT = /^(Before|After)(Tool|Agent|Model|ToolSelection)$|^PreCompress$/;
/** Cursor's events are in camelCase. */
const CURSOR_EVENT = /^[a-z]+([A-Z][A-Za-z]*)*$/;
/** What our own plugin for opencode sends is named as opencode's events are. */
const OPENCODE_EVENT = /^(permission|session)\./;

/**
 * Claude Code for what carries no sign at all: its payloads are the plainest.
 * Throws AppError('bad-input') for signs of several agents.
 */
export function recognise(raw: unknown): AgentName {
  const { hook_event_name: event, turn_id, prompt_id, conversation_id, timestamp } = fieldsOf(raw);
  const name = typeof event === 'string' ? event : '';
  const isPlain = turn_id === undefined && prompt_id === undefined;
  const signs: readonly (readonly [AgentName, boolean])[] = [
    ['opencode', OPENCODE_EVENT.test(name)],
    ['cursor', CURSOR_EVENT.test(name) && typeof conversation_id === 'string'],
    ['gemini', GEMINI_EVENT.test(name) || (typeof timestamp === 'string' && isPlain && /^[A-Z]/.test(name))],
    ['codex', typeof turn_id === 'string'],
    ['claude', typeof prompt_id === 'string'],
  ];
  const [first = 'claude', ...others] = signs.filter(([, is]) => is).map(([agent]) => agent);
  if (others.length === 0) return first;
  throw new AppError(
    'bad-input',
    `Expected the payload of one agent, got signs of ${[first, ...others].join(' and ')}`,
    {
      hint: 'Name the agent in the command of the hook: --agent claude, codex, cursor, gemini or opencode.',
    },
  );
}

function fieldsOf(raw: unknown): Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? { ...raw } : {};
}
