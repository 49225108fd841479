/** Making the immutable question out of a hook's input. */
import { createHash, randomBytes } from 'node:crypto';
import { AppError } from './errors.ts';
import type { AgentName, ApprovalRequest, HookInput } from './types.ts';

/** Throws AppError('missing-config') when nobody is there to ask. */
export function createRequest(options: {
  readonly input: HookInput;
  readonly agent: AgentName;
  readonly approvers: readonly string[];
  readonly now: number;
  readonly waitMs: number;
}): ApprovalRequest {
  const [first, ...others] = options.approvers;
  if (first === undefined) throw new AppError('missing-config', 'Expected at least one approver, got none');
  return {
    id: Bun.randomUUIDv7(),
    nonce: randomBytes(16).toString('base64url'),
    agent: options.agent,
    input: options.input,
    digest: digestOf(options.input),
    approvers: [first, ...others],
    askedAt: options.now,
    expiresAt: options.now + options.waitMs,
  };
}

/** SHA-256 (hex) of tool name and input, independent of the order of keys. Throws AppError('bad-input') for what is nested too deep. */
export function digestOf(input: Pick<HookInput, 'tool_name' | 'tool_input'>): string {
  return createHash('sha256')
    .update(canonicalText([input.tool_name ?? null, input.tool_input ?? null]))
    .digest('hex');
}

function canonicalText(value: unknown): string {
  try {
    return canonical(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new AppError('bad-input', 'Expected tool_input that is not nested thousands of levels deep', {
      cause: error,
    });
  }
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
