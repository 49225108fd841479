/** What we print must satisfy the agents' own published types; tsc is the test, bun only runs it. */
import { describe, expect, test } from 'bun:test';
import type {
  PermissionRequestHookSpecificOutput,
  PreToolUseHookSpecificOutput,
  Settings,
  SyncHookJSONOutput,
} from '@anthropic-ai/claude-agent-sdk';
import type { AskUserQuestionInput } from '@anthropic-ai/claude-agent-sdk/sdk-tools';
import type * as v from 'valibot';
import { claude } from '../../src/agents/claude.ts';
import { httpHooks } from '../../src/http-hooks.ts';
import type { Decided, HookInput, Outcome, PermissionUpdate } from '../../src/types.ts';
import { OUTPUTS } from '../agents/claude-outputs.ts';
import questions from '../fixtures/claude-code/PermissionRequest.AskUserQuestion.json' with { type: 'json' };
import preQuestions from '../fixtures/claude-code/PreToolUse.AskUserQuestion.json' with { type: 'json' };
import permissionRequest from '../fixtures/claude-code-2.1.329/PermissionRequest.Bash.json' with { type: 'json' };
import plan from '../fixtures/claude-code-2.1.329/PermissionRequest.ExitPlanMode.json' with { type: 'json' };
import preToolUse from '../fixtures/claude-code-2.1.329/PreToolUse.Bash.json' with { type: 'json' };
import stop from '../fixtures/claude-code-2.1.329/Stop.json' with { type: 'json' };

const allowed: Decided = { kind: 'allowed', by: 'U1', via: 'Slack', at: 1 };
const denied: Decided = { kind: 'denied', by: 'U1', via: 'Slack', at: 1 };

/** What is printed for the outcome of an event. */
function printed(input: HookInput, outcome: Outcome): unknown {
  return JSON.parse(claude.say(claude.read(input), outcome, 'ask').stdout);
}

describe('after a PreToolUse the document is the one that the official types describe', () => {
  test('for a denial', () => {
    const official = {
      hookSpecificOutput: {
        hookEventName: 'PreToolUse',
        permissionDecision: 'deny',
        permissionDecisionReason: 'Denied by U1 in Slack',
      } satisfies PreToolUseHookSpecificOutput,
    } satisfies SyncHookJSONOutput;
    expect(printed(preToolUse, denied)).toEqual(official);
  });

  test('for an approval, with the input as it was or as a person changed it', () => {
    for (const updatedInput of [undefined, { command: 'ls -a' }]) {
      const official = {
        hookSpecificOutput: {
          hookEventName: 'PreToolUse',
          permissionDecision: 'allow',
          permissionDecisionReason: 'Approved by U1 in Slack',
          updatedInput: updatedInput ?? preToolUse.tool_input,
        } satisfies PreToolUseHookSpecificOutput,
      } satisfies SyncHookJSONOutput;
      expect(printed(preToolUse, updatedInput === undefined ? allowed : { ...allowed, updatedInput })).toEqual(
        official,
      );
    }
  });

  test('for no decision', () => {
    const official = {
      hookSpecificOutput: {
        hookEventName: 'PreToolUse',
        permissionDecision: 'ask',
        permissionDecisionReason: 'claude-slack-hook: nobody decided. Nobody answered in time.',
      } satisfies PreToolUseHookSpecificOutput,
    } satisfies SyncHookJSONOutput;
    expect(printed(preToolUse, { kind: 'expired', reason: 'Nobody answered in time.', at: 1 })).toEqual(official);
  });
});

describe('after a PermissionRequest the document is the one that the official types describe', () => {
  test('for a denial, also one that ends the turn', () => {
    const official = {
      hookSpecificOutput: {
        hookEventName: 'PermissionRequest',
        decision: { behavior: 'deny', message: 'Denied by U1 in Slack' },
      } satisfies PermissionRequestHookSpecificOutput,
    } satisfies SyncHookJSONOutput;
    expect(printed(permissionRequest, denied)).toEqual(official);
    const ending = {
      hookSpecificOutput: {
        hookEventName: 'PermissionRequest',
        decision: { behavior: 'deny', message: 'Not now.', interrupt: true },
      } satisfies PermissionRequestHookSpecificOutput,
    } satisfies SyncHookJSONOutput;
    expect(printed(permissionRequest, { ...denied, reason: 'Not now.', interrupt: true })).toEqual(ending);
  });

  test('for an approval', () => {
    const official = {
      hookSpecificOutput: {
        hookEventName: 'PermissionRequest',
        decision: { behavior: 'allow', updatedInput: permissionRequest.tool_input },
      } satisfies PermissionRequestHookSpecificOutput,
    } satisfies SyncHookJSONOutput;
    expect(printed(permissionRequest, allowed)).toEqual(official);
  });

  test('for an approval with rules, wherever they are kept', () => {
    for (const destination of ['session', 'localSettings', 'projectSettings', 'userSettings'] as const) {
      const official = {
        hookSpecificOutput: {
          hookEventName: 'PermissionRequest',
          decision: {
            behavior: 'allow',
            updatedInput: permissionRequest.tool_input,
            updatedPermissions: [
              {
                type: 'addRules',
                rules: [{ toolName: 'Bash', ruleContent: 'npm test *' }, { toolName: 'Read' }],
                behavior: 'allow',
                destination,
              },
            ],
          },
        } satisfies PermissionRequestHookSpecificOutput,
      } satisfies SyncHookJSONOutput;
      const ours: PermissionUpdate = {
        ...{ type: 'addRules', behavior: 'allow', destination },
        rules: [{ toolName: 'Bash', ruleContent: 'npm test *' }, { toolName: 'Read' }],
      };
      expect(printed(permissionRequest, { ...allowed, updatedPermissions: [ours] })).toEqual(official);
    }
  });

  test('for a plan whose edits are accepted from now on', () => {
    const official = {
      hookSpecificOutput: {
        hookEventName: 'PermissionRequest',
        decision: {
          behavior: 'allow',
          updatedInput: plan.tool_input,
          updatedPermissions: [{ type: 'setMode', mode: 'acceptEdits', destination: 'session' }],
        },
      } satisfies PermissionRequestHookSpecificOutput,
    } satisfies SyncHookJSONOutput;
    const ours: PermissionUpdate = { type: 'setMode', mode: 'acceptEdits', destination: 'session' };
    expect(printed(plan, { ...allowed, updatedPermissions: [ours] })).toEqual(official);
  });
});

test('answered questions are still the questions of the official input, with the answers beside them', () => {
  const [database, extras] = questions.tool_input.questions;
  if (database === undefined || extras === undefined) throw new Error('the recording has two questions');
  // The types of the recording know lists of any length; those of the tool two to four options.
  const options = (given: typeof database.options) => {
    const [first, second] = given;
    if (first === undefined || second === undefined) throw new Error('a question has two options');
    return [first, second] as [typeof first, typeof second];
  };
  const asked = {
    questions: [
      { ...database, options: options(database.options) },
      { ...extras, options: options(extras.options) },
    ],
  } satisfies AskUserQuestionInput;
  const updatedInput = { ...asked, answers: { [database.question]: 'PostgreSQL', [extras.question]: 'Cache, Search' } };
  const dialog = {
    hookSpecificOutput: {
      hookEventName: 'PermissionRequest',
      decision: { behavior: 'allow', updatedInput },
    } satisfies PermissionRequestHookSpecificOutput,
  } satisfies SyncHookJSONOutput;
  expect(printed(questions, { ...allowed, updatedInput })).toEqual(dialog);
  const pre = {
    hookSpecificOutput: {
      hookEventName: 'PreToolUse',
      permissionDecision: 'allow',
      permissionDecisionReason: 'Approved by U1 in Slack',
      updatedInput,
    } satisfies PreToolUseHookSpecificOutput,
  } satisfies SyncHookJSONOutput;
  expect(printed(preQuestions, { ...allowed, updatedInput })).toEqual(pre);
});

test('a reply to a stop is the document that the official types describe', () => {
  const official = { decision: 'block', reason: 'Now the tests.' } satisfies SyncHookJSONOutput;
  expect(printed(stop, { ...denied, reason: 'Now the tests.' })).toEqual(official);
});

test('the schemas that other tests check stdout with accept nothing that the official types do not know', () => {
  type Output<Name extends keyof typeof OUTPUTS> = v.InferOutput<(typeof OUTPUTS)[Name]>;
  const official: { readonly [Name in keyof typeof OUTPUTS]: (output: Output<Name>) => SyncHookJSONOutput } = {
    PreToolUse: (output) => output,
    PermissionRequest: (output) => output,
    Stop: (output) => output,
  };
  expect(Object.keys(OUTPUTS)).toEqual(Object.keys(official));
});

test('the hooks over HTTP are settings that Claude Code knows', () => {
  const hook = {
    type: 'http' as const,
    url: 'http://127.0.0.1:8787/hooks/claude',
    timeout: 600,
    headers: { Authorization: 'Bearer $CLAUDE_SLACK_HOOK_TOKEN' },
    allowedEnvVars: ['CLAUDE_SLACK_HOOK_TOKEN'],
  };
  const start = { type: 'command' as const, command: 'claude-slack-hook ensure --http 8787', timeout: 10 };
  const official = {
    SessionStart: [{ hooks: [start] }],
    PreToolUse: [{ matcher: 'Bash', hooks: [hook] }],
    PermissionRequest: [{ matcher: '*', hooks: [hook] }],
    PostToolUse: [{ matcher: '*', hooks: [hook] }],
    PostToolUseFailure: [{ matcher: '*', hooks: [hook] }],
    Stop: [{ hooks: [hook] }],
    UserPromptSubmit: [{ hooks: [hook] }],
    SessionEnd: [{ hooks: [hook] }],
  } satisfies Settings['hooks'];
  expect(JSON.parse(JSON.stringify(httpHooks({ port: 8787, matcher: 'Bash' })))).toEqual(official);
});
