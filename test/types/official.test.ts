/** What we print must satisfy the agents' own published types; tsc is the test, bun only runs it. */
import { expect, test } from 'bun:test';
import type {
  PermissionRequestHookSpecificOutput,
  PreToolUseHookSpecificOutput,
  SyncHookJSONOutput,
} from '@anthropic-ai/claude-agent-sdk';
import { claude } from '../../src/agents/claude.ts';
import permissionRequest from '../fixtures/claude-code-2.1.329/PermissionRequest.Bash.json' with { type: 'json' };
import preToolUse from '../fixtures/claude-code-2.1.329/PreToolUse.Bash.json' with { type: 'json' };

const denied = { kind: 'denied', by: 'U1', via: 'Slack', at: 1 } as const;

test('a PreToolUse deny is the document that the official types describe', () => {
  const official = {
    hookSpecificOutput: {
      hookEventName: 'PreToolUse',
      permissionDecision: 'deny',
      permissionDecisionReason: 'Denied by U1 in Slack',
    } satisfies PreToolUseHookSpecificOutput,
  } satisfies SyncHookJSONOutput;
  expect(JSON.parse(claude.say(claude.read(preToolUse), denied, 'ask').stdout)).toEqual(official);
});

test('a PermissionRequest deny is the document that the official types describe', () => {
  const official = {
    hookSpecificOutput: {
      hookEventName: 'PermissionRequest',
      decision: { behavior: 'deny', message: 'Denied by U1 in Slack' },
    } satisfies PermissionRequestHookSpecificOutput,
  } satisfies SyncHookJSONOutput;
  expect(JSON.parse(claude.say(claude.read(permissionRequest), denied, 'ask').stdout)).toEqual(official);
});

test('an allow of either event is the document that the official types describe', () => {
  const allowed = { kind: 'allowed', by: 'U1', via: 'Slack', at: 1 } as const;
  const pre = {
    hookEventName: 'PreToolUse',
    permissionDecision: 'allow',
    permissionDecisionReason: 'Approved by U1 in Slack',
    updatedInput: preToolUse.tool_input,
  } satisfies PreToolUseHookSpecificOutput;
  const request = {
    hookEventName: 'PermissionRequest',
    decision: { behavior: 'allow', updatedInput: permissionRequest.tool_input },
  } satisfies PermissionRequestHookSpecificOutput;
  expect(JSON.parse(claude.say(claude.read(preToolUse), allowed, 'ask').stdout)).toEqual({ hookSpecificOutput: pre });
  expect(JSON.parse(claude.say(claude.read(permissionRequest), allowed, 'ask').stdout)).toEqual({
    hookSpecificOutput: request,
  });
});
