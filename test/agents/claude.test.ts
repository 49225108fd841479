import { describe, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { claude } from '../../src/agents/claude.ts';
import { AppError } from '../../src/errors.ts';
import type { HookInput, Outcome } from '../../src/types.ts';

const FIXTURES = ['claude-code', 'claude-code-2.1.329'].flatMap((folder) => {
  const base = new URL(`../fixtures/${folder}/`, import.meta.url).pathname;
  return readdirSync(base)
    .filter((name) => name.endsWith('.json') && !name.startsWith('http-'))
    .map((name) => ({ name: `${folder}/${name}`, path: base + name }));
});
const load = async (name: string): Promise<HookInput> =>
  claude.read(await Bun.file(new URL(`../fixtures/claude-code/${name}.json`, import.meta.url).pathname).json());

const allowed: Outcome = { kind: 'allowed', by: 'U1', via: 'Slack', at: 1 };
const denied: Outcome = { kind: 'denied', by: 'U1', via: 'Slack', at: 1 };
const expired: Outcome = { kind: 'expired', reason: 'Nobody answered in time.', at: 1 };

describe('what Claude Code writes', () => {
  test.each(FIXTURES)('$name is read, and only a permission event for a tool asks', async ({ name, path }) => {
    const input = claude.read(await Bun.file(path).json());
    const asks = /\/(PreToolUse|PermissionRequest)\./.test(name) && !name.includes('AskUserQuestion');
    expect(claude.asks(input)).toBe(asks);
    expect(claude.say(input, denied, 'deny').stdout === '').toBe(!/\/(PreToolUse|PermissionRequest)\./.test(name));
  });

  test('without a tool is not a permission event', () => {
    const event = { hook_event_name: 'PreToolUse', session_id: 's', cwd: '/' };
    for (const value of [event, { ...event, tool_name: 'Bash' }, { ...event, tool_name: '', tool_input: {} }]) {
      expect(() => claude.read(value)).toThrow(AppError);
    }
  });
});

describe('what Claude Code reads after a PermissionRequest', () => {
  test('an approval allows exactly the input that was asked', async () => {
    const input = await load('PermissionRequest.Bash');
    expect(claude.say(input, allowed, 'ask')).toEqual({
      stdout: `${JSON.stringify({
        hookSpecificOutput: {
          hookEventName: 'PermissionRequest',
          decision: { behavior: 'allow', updatedInput: input.tool_input },
        },
      })}\n`,
      stderr: '',
      exitCode: 0,
    });
  });

  test('a denial says who denied', async () => {
    const { stdout } = claude.say(await load('PermissionRequest.Bash'), denied, 'ask');
    expect(JSON.parse(stdout)).toEqual({
      hookSpecificOutput: {
        hookEventName: 'PermissionRequest',
        decision: { behavior: 'deny', message: 'Denied by U1 in Slack' },
      },
    });
  });

  test('no decision prints nothing, whatever the policy, so that the dialog stays', async () => {
    const input = await load('PermissionRequest.Bash');
    for (const policy of ['ask', 'deny'] as const)
      expect(claude.say(input, expired, policy)).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  });
});

describe('what Claude Code reads after a PreToolUse', () => {
  const output = (said: { stdout: string }) => JSON.parse(said.stdout).hookSpecificOutput;

  test('has its own shape, never the one of PermissionRequest, which is ignored there', async () => {
    const input = await load('PreToolUse.Bash');
    expect(output(claude.say(input, allowed, 'ask'))).toEqual({
      hookEventName: 'PreToolUse',
      permissionDecision: 'allow',
      permissionDecisionReason: 'Approved by U1 in Slack',
      updatedInput: input.tool_input,
    });
    expect(output(claude.say(input, { ...denied, reason: 'Use the dry run.' }, 'ask'))).toEqual({
      hookEventName: 'PreToolUse',
      permissionDecision: 'deny',
      permissionDecisionReason: 'Use the dry run.',
    });
  });

  test('without a decision asks, and denies where asking is off or impossible', async () => {
    const input = await load('PreToolUse.Bash');
    const bypassing = { ...input, permission_mode: 'bypassPermissions' };
    expect(output(claude.say(input, expired, 'ask')).permissionDecision).toBe('ask');
    expect(output(claude.say(input, expired, 'deny')).permissionDecision).toBe('deny');
    expect(output(claude.say(bypassing, expired, 'ask')).permissionDecision).toBe('deny');
  });

  test('without a decision never claims that a person said it', async () => {
    const { permissionDecisionReason } = output(claude.say(await load('PreToolUse.Bash'), expired, 'deny'));
    expect(permissionDecisionReason).toBe('claude-slack-hook: nobody decided. Nobody answered in time.');
  });
});

test('whatever the input and the outcome, stdout is empty or one JSON document, and allows only after an approval', () => {
  const outcome: fc.Arbitrary<Outcome> = fc.oneof(
    fc.record({
      kind: fc.constantFrom('allowed' as const, 'denied' as const),
      by: fc.string(),
      via: fc.string(),
      at: fc.nat(),
    }),
    fc.record({
      kind: fc.constantFrom('expired' as const, 'withdrawn' as const, 'stopped' as const, 'undeliverable' as const),
      reason: fc.string(),
      at: fc.nat(),
    }),
  );
  const input = fc.record({
    hook_event_name: fc.oneof(fc.constantFrom('PreToolUse', 'PermissionRequest', 'Stop'), fc.string({ minLength: 1 })),
    session_id: fc.string({ minLength: 1 }),
    cwd: fc.string({ minLength: 1 }),
    tool_name: fc.string({ minLength: 1 }),
    tool_input: fc.dictionary(fc.string(), fc.jsonValue()),
    permission_mode: fc.string(),
  });
  fc.assert(
    fc.property(input, outcome, fc.constantFrom('ask' as const, 'deny' as const), (value, end, policy) => {
      const { stdout, exitCode } = claude.say(value, end, policy);
      expect(exitCode).toBe(0);
      expect(stdout.split('\n').length).toBe(stdout === '' ? 1 : 2);
      const decision = stdout === '' ? undefined : JSON.parse(stdout).hookSpecificOutput;
      const isAllow = decision?.permissionDecision === 'allow' || decision?.decision?.behavior === 'allow';
      expect(isAllow).toBe(end.kind === 'allowed' && /^(PreToolUse|PermissionRequest)$/.test(value.hook_event_name));
    }),
  );
});
