import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { AppError } from '../src/errors.ts';
import { createRequest, digestOf, type RequestOptions } from '../src/request.ts';
import type { HookInput } from '../src/types.ts';
import { PERMISSION } from './channels/requests.ts';

const input: HookInput = {
  hook_event_name: 'PreToolUse',
  session_id: 's',
  cwd: '/',
  tool_name: 'Bash',
  tool_input: { command: 'ls', a: 1 },
};
const make = (change: Partial<RequestOptions> = {}) =>
  createRequest({
    input,
    agent: 'claude',
    approvers: ['U1', 'U2'],
    fromConfig: true,
    needed: 1,
    offers: PERMISSION,
    secrets: ['hunter2hunter2'],
    now: 1000,
    waitMs: 500,
    ...change,
  });
const codeOf = (change: Partial<RequestOptions>): string => {
  try {
    make(change);
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return 'no error';
};

describe('a request', () => {
  test('has an id and a nonce of 128 bits of its own', () => {
    const made = Array.from({ length: 2000 }, () => make());
    expect(new Set(made.map(({ nonce }) => nonce)).size).toBe(2000);
    expect(new Set(made.map(({ id }) => id)).size).toBe(2000);
    for (const { nonce } of made) expect(Buffer.from(nonce, 'base64url')).toHaveLength(16);
  });

  test('expires after the wait', () => {
    expect(make()).toMatchObject({ askedAt: 1000, expiresAt: 1500, approvers: ['U1', 'U2'] });
  });

  test('carries what may be answered, who says who may, and what is secret', () => {
    expect(make({ replies: { inARow: 3, left: 5 } })).toMatchObject({
      ...{
        offers: PERMISSION,
        fromConfig: true,
        needed: 1,
        secrets: ['hunter2hunter2'],
        replies: { inARow: 3, left: 5 },
      },
    });
    expect(make()).not.toHaveProperty('replies');
  });

  test('without an approver is refused', () => {
    expect(codeOf({ approvers: [] })).toBe('missing-config');
  });

  test('that more people must approve than are there is refused', () => {
    expect(codeOf({ needed: 2, approvers: ['U1'] })).toBe('bad-config');
    expect(codeOf({ needed: 2, approvers: ['U1', 'U1'] })).toBe('bad-config');
    expect(codeOf({ needed: 2 })).toBe('no error');
  });

  test('asks each person once', () => {
    expect(make({ approvers: ['U1', 'U2', 'U1'] }).approvers).toEqual(['U1', 'U2']);
  });
});

describe('the digest', () => {
  test('of what is nested too deep is bad input, not a crash', () => {
    const deep = JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`);
    expect(() => digestOf({ ...input, tool_input: { deep } })).toThrow('nested');
  });

  test('does not depend on the order of keys or on anything but tool and input', () => {
    const same: HookInput = { ...input, session_id: 'other', tool_input: { a: 1, command: 'ls' } };
    expect(digestOf(same)).toBe(digestOf(input));
  });

  test('differs for every different input', () => {
    const value = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(value, value, (a, b) => {
        const equal = Bun.deepEquals(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)), true);
        expect(digestOf({ ...input, tool_input: a }) === digestOf({ ...input, tool_input: b })).toBe(equal);
      }),
    );
  });
});
