import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { createRequest, digestOf } from '../src/request.ts';
import type { HookInput } from '../src/types.ts';

const input: HookInput = {
  hook_event_name: 'PreToolUse',
  session_id: 's',
  cwd: '/',
  tool_name: 'Bash',
  tool_input: { command: 'ls', a: 1 },
};
const make = () => createRequest({ input, agent: 'claude', approvers: ['U1', 'U2'], now: 1000, waitMs: 500 });

describe('a request', () => {
  test('has an id and a nonce of 128 bits of its own', () => {
    const made = Array.from({ length: 2000 }, make);
    expect(new Set(made.map(({ nonce }) => nonce)).size).toBe(2000);
    expect(new Set(made.map(({ id }) => id)).size).toBe(2000);
    for (const { nonce } of made) expect(Buffer.from(nonce, 'base64url')).toHaveLength(16);
  });

  test('expires after the wait', () => {
    expect(make()).toMatchObject({ askedAt: 1000, expiresAt: 1500, approvers: ['U1', 'U2'] });
  });

  test('without an approver is refused', () => {
    expect(() => createRequest({ input, agent: 'claude', approvers: [], now: 0, waitMs: 1 })).toThrow(
      'at least one approver',
    );
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
