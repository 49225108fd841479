/** Making the immutable question out of a hook's input. */
import { createHash, randomBytes } from 'node:crypto';
import { AppError } from './errors.ts';
import type { ApprovalRequest, HookInput } from './types.ts';

export interface RequestOptions
  extends Pick<ApprovalRequest, 'input' | 'agent' | 'offers' | 'needed' | 'fromConfig' | 'secrets' | 'replies'> {
  readonly approvers: readonly string[];
  /** By default new ones. */
  readonly id?: string;
  readonly nonce?: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly waitMs: number;
}

/** Throws AppError('missing-config') when nobody is there to ask, AppError('bad-config') when fewer than have to approve. */
export function createRequest(options: RequestOptions): ApprovalRequest {
  const { input, agent, offers, needed, fromConfig, secrets, replies } = options;
  const people = [...new Set(options.approvers)];
  const [first, ...others] = people;
  if (first === undefined) throw new AppError('missing-config', 'Expected at least one approver, got none');
  if (people.length < needed) {
    throw new AppError('bad-config', `Expected at least ${needed} approvers for this call, got ${people.length}`, {
      hint: 'secondApprover in the config file asks for a second person: list one more in userId or approvers.',
    });
  }
  return {
    id: options.id ?? Bun.randomUUIDv7(),
    nonce: options.nonce ?? randomBytes(16).toString('base64url'),
    ...{ agent, input, offers, needed, fromConfig, secrets },
    ...(replies === undefined ? {} : { replies }),
    digest: digestOf(input),
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
