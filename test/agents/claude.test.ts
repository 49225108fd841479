import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { claude } from '../../src/agents/claude.ts';
import { claudeEvidence } from '../../src/agents/claude-evidence.ts';
import { AppError } from '../../src/errors.ts';
import { digestOf } from '../../src/request.ts';
import type { Decided, HookInput, Offers, Outcome, PermissionUpdate } from '../../src/types.ts';
import { readOutput } from './claude-outputs.ts';

const FIXTURES = ['claude-code', 'claude-code-2.1.329'].flatMap((folder) => {
  const base = `${join(import.meta.dir, '../fixtures', folder)}/`;
  return readdirSync(base)
    .filter((name) => name.endsWith('.json') && !name.startsWith('http-'))
    .map((name) => ({ name: `${folder}/${name}`, path: base + name }));
});
/** Recordings of a run together with those of the same call's PreToolUse. */
const SAME_CALL = FIXTURES.filter(({ name }) => name.includes('/PostToolUse')).flatMap((after) => {
  const before = after.path.replace(/PostToolUse(Failure)?/, 'PreToolUse');
  const idOf = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8')).tool_use_id;
  return idOf(before) === idOf(after.path) ? [{ ...after, before }] : [];
});
const load = async (name: string): Promise<HookInput> =>
  claude.read(await Bun.file(join(import.meta.dir, `../fixtures/claude-code/${name}.json`)).json());

const allowed: Decided = { kind: 'allowed', by: 'U1', via: 'Slack', at: 1 };
const denied: Decided = { kind: 'denied', by: 'U1', via: 'Slack', at: 1 };
const expired: Outcome = { kind: 'expired', reason: 'Nobody answered in time.', at: 1 };

describe('what Claude Code writes', () => {
  test.each(FIXTURES)('$name is read, and only a permission event or a stop asks', async ({ name, path }) => {
    const input = claude.read(await Bun.file(path).json());
    const isGated = /\/(PreToolUse|PermissionRequest)\./.test(name);
    // In the newer one a subagent still runs, and what it brings goes on by itself.
    expect(claude.offers(input) !== undefined).toBe(isGated || name === 'claude-code/Stop.json');
    expect(claude.say(input, denied, 'deny').stdout === '').toBe(!isGated);
  });

  test('without a tool is not a permission event', () => {
    const event = { hook_event_name: 'PreToolUse', session_id: 's', cwd: '/' };
    for (const value of [event, { ...event, tool_name: 'Bash' }, { ...event, tool_name: '', tool_input: {} }]) {
      expect(() => claude.read(value)).toThrow(AppError);
    }
  });
});

describe('what Claude Code can be given', () => {
  const none = { edit: false, always: false, acceptEdits: false, interrupt: false, grant: false };
  test.each([
    [
      'PermissionRequest.Bash',
      { ...none, form: 'permission', edit: true, always: true, interrupt: true, grant: true, prompt: true },
    ],
    [
      'PermissionRequest.Edit',
      { ...none, form: 'permission', edit: true, always: true, interrupt: true, grant: true, prompt: true },
    ],
    ['PermissionRequest.AskUserQuestion', { ...none, form: 'questions', interrupt: true, prompt: true }],
    ['PermissionRequest.ExitPlanMode', { ...none, form: 'plan', acceptEdits: true, interrupt: true, prompt: true }],
    ['PreToolUse.Bash', { ...none, form: 'permission', edit: true, grant: true }],
    ['PreToolUse.AskUserQuestion', { ...none, form: 'questions' }],
    ['PreToolUse.ExitPlanMode', { ...none, form: 'plan' }],
    ['Stop', { ...none, form: 'stop' }],
    ['PostToolUse.Bash', undefined],
    ['UserPromptSubmit', undefined],
    ['SubagentStop', undefined],
  ] as const)('after %s is exactly what that event has a place for', async (name, offers: Offers | undefined) => {
    expect(claude.offers(await load(name))).toEqual(offers);
  });
});

describe('what an event tells of pending requests', () => {
  const SAYS = /\/(PostToolUse|PostToolUseFailure|PermissionDenied|PreToolUse|Stop|UserPromptSubmit|SessionEnd)\./;

  test.each(FIXTURES)('$name is told of if it is about something that may have waited', async ({ name, path }) => {
    const input = claude.read(await Bun.file(path).json());
    const evidence = claudeEvidence(input);
    expect(evidence !== undefined).toBe(SAYS.test(name));
    expect(evidence?.sessionId ?? input.session_id).toBe(input.session_id);
  });

  test.each(FIXTURES.filter(({ name }) => name.includes('/PostToolUse')))(
    '$name says how the call went',
    async ({ name, path }) => {
      const input = claude.read(await Bun.file(path).json());
      const evidence = claudeEvidence(input);
      const isFailure = name.includes('PostToolUseFailure');
      expect(evidence).toMatchObject({ kind: 'elsewhere', agentId: input.agent_id });
      expect(evidence?.run).toEqual({
        isOk: !isFailure,
        tookMs: Number(input.duration_ms),
        ...(isFailure ? { error: String(input.error) } : {}),
      });
    },
  );

  test.each(SAME_CALL)('$name is about the call that was asked about before', async ({ path, before }) => {
    const evidence = claudeEvidence(claude.read(await Bun.file(path).json()));
    expect(digestOf(evidence?.call ?? {})).toBe(digestOf(claude.read(await Bun.file(before).json())));
  });

  test('the answers to questions are no part of the call that was asked about', async () => {
    const evidence = claudeEvidence(await load('PostToolUse.AskUserQuestion'));
    expect(digestOf(evidence?.call ?? {})).toBe(digestOf(await load('PermissionRequest.AskUserQuestion')));
  });

  test('other tools may have answers among their arguments', () => {
    const event = { hook_event_name: 'PostToolUse', session_id: 's', cwd: '/' };
    const call = { tool_name: 'mcp__quiz__submit', tool_input: { answers: { a: 1 }, annotations: {} } };
    expect(claudeEvidence({ ...event, ...call })?.call).toEqual(call);
  });

  test('a plan that was approved is told of without the plan, and is evidence about plans alone', async () => {
    const input = claude.read(
      await Bun.file(new URL('../fixtures/claude-code-2.1.329/PostToolUse.ExitPlanMode.json', import.meta.url)).json(),
    );
    expect(input.tool_input).not.toHaveProperty('plan');
    expect(claudeEvidence(input)).toMatchObject({ kind: 'elsewhere', run: { isOk: true } });
    expect(claudeEvidence(input)?.call).toBeUndefined();
    expect([...(claudeEvidence(input)?.tools ?? [])]).toEqual(['ExitPlanMode']);
  });

  test('the next call is evidence only about tools that run one at a time', async () => {
    const evidence = claudeEvidence(await load('PreToolUse.Read'));
    expect(evidence).toMatchObject({ kind: 'unknown' });
    expect(evidence?.call).toBeUndefined();
    for (const tool of ['Bash', 'Edit', 'Write', 'NotebookEdit', 'ExitPlanMode', 'AskUserQuestion']) {
      expect(evidence?.tools?.has(tool)).toBe(true);
    }
    for (const tool of ['Read', 'Grep', 'WebFetch', 'WebSearch', 'Agent', 'Task', 'mcp__inventory__adjust_stock']) {
      expect(evidence?.tools?.has(tool)).toBe(false);
    }
  });

  test('a denial by the agent itself is about that call and no run', async () => {
    const input = await load('PermissionDenied.Bash');
    const evidence = claudeEvidence(input);
    expect(evidence).toMatchObject({ kind: 'elsewhere', reason: 'Denied by the agent itself.' });
    expect(evidence).not.toHaveProperty('run');
    expect(digestOf(evidence?.call ?? {})).toBe(digestOf(input));
  });

  test('a subagent speaks for itself, the end of the session for all', async () => {
    const inSubagent = await load('PreToolUse.Bash.in-subagent');
    expect(claudeEvidence(inSubagent)?.agentId).toBe(String(inSubagent.agent_id));
    expect(claudeEvidence(await load('PreToolUse.Bash'))?.agentId).toBeUndefined();
    const last = claudeEvidence(await load('SessionEnd.prompt_input_exit'));
    expect(last).toMatchObject({ agentId: 'all', isLast: true, kind: 'unknown' });
  });

  test('a stop begins a new row of replies unless a reply of ours led to it', async () => {
    const input = await load('Stop');
    expect(claudeEvidence(input)?.isNewTurn).toBe(true);
    expect(claudeEvidence({ ...input, stop_hook_active: true })).not.toHaveProperty('isNewTurn');
    expect(claudeEvidence(await load('UserPromptSubmit'))?.isNewTurn).toBe(true);
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

describe('what Claude Code reads after a decision that says more than yes or no', () => {
  const decisionOf = (said: { stdout: string }) => JSON.parse(said.stdout).hookSpecificOutput;
  const updates: readonly PermissionUpdate[] = [
    {
      ...{ type: 'addRules', behavior: 'allow', destination: 'localSettings' },
      rules: [{ toolName: 'Bash', ruleContent: 'npm test *' }],
    },
    { type: 'setMode', mode: 'acceptEdits', destination: 'session' },
  ];

  test('the changed input runs instead, after either event', async () => {
    const outcome = { ...allowed, updatedInput: { command: 'ls -a' } };
    const dialog = decisionOf(claude.say(await load('PermissionRequest.Bash'), outcome, 'ask'));
    expect(dialog.decision).toEqual({ behavior: 'allow', updatedInput: { command: 'ls -a' } });
    const pre = decisionOf(claude.say(await load('PreToolUse.Bash'), outcome, 'ask'));
    expect(pre).toMatchObject({ permissionDecision: 'allow', updatedInput: { command: 'ls -a' } });
  });

  test('rules and modes go with a PermissionRequest, and only there', async () => {
    const outcome = { ...allowed, updatedPermissions: updates };
    const input = await load('PermissionRequest.Bash');
    expect(decisionOf(claude.say(input, outcome, 'ask')).decision).toEqual({
      ...{ behavior: 'allow', updatedInput: input.tool_input, updatedPermissions: updates },
    });
    expect(claude.say(await load('PreToolUse.Bash'), outcome, 'ask').stdout).not.toContain('updatedPermissions');
  });

  test('a denial can end the turn', async () => {
    const outcome = { ...denied, reason: 'Not now.', interrupt: true };
    expect(decisionOf(claude.say(await load('PermissionRequest.Bash'), outcome, 'ask')).decision).toEqual({
      ...{ behavior: 'deny', message: 'Not now.', interrupt: true },
    });
  });

  test('a decision without a person names the rule, and who made it', async () => {
    const by = { by: 'policy', via: 'the rules of the config file', rule: 'rules[0]' };
    const pre = await load('PreToolUse.Bash');
    expect(decisionOf(claude.say(pre, { ...allowed, ...by }, 'ask')).permissionDecisionReason).toBe(
      'Approved by the rules of the config file (policy): rules[0]',
    );
    expect(decisionOf(claude.say(pre, { ...denied, ...by }, 'ask')).permissionDecisionReason).toBe(
      'Denied by the rules of the config file (policy): rules[0]',
    );
    expect(decisionOf(claude.say(pre, { ...denied, ...by, reason: 'House rule.' }, 'ask'))).toMatchObject({
      permissionDecisionReason: 'House rule.',
    });
  });

  test('a reply sends an agent on that has stopped, and everything else lets it stop', async () => {
    const input = await load('Stop');
    expect(claude.say(input, { ...denied, reason: 'Now the tests.' }, 'deny')).toEqual({
      stdout: '{"decision":"block","reason":"Now the tests."}\n',
      stderr: '',
      exitCode: 0,
    });
    for (const outcome of [allowed, denied, expired]) {
      expect(claude.say(input, outcome, 'deny')).toEqual({ stdout: '', stderr: '', exitCode: 0 });
    }
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

/** Whatever a person, a rule or the daemon may come to. */
const UPDATE: fc.Arbitrary<PermissionUpdate> = fc.oneof(
  fc.record({
    type: fc.constant('addRules' as const),
    rules: fc.array(fc.record({ toolName: fc.string(), ruleContent: fc.string() }, { requiredKeys: ['toolName'] })),
    behavior: fc.constant('allow' as const),
    destination: fc.constantFrom(...(['session', 'localSettings', 'projectSettings', 'userSettings'] as const)),
  }),
  fc.constant({ type: 'setMode', mode: 'acceptEdits', destination: 'session' } as const),
);
const OUTCOME: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record(
    {
      kind: fc.constantFrom('allowed' as const, 'denied' as const),
      ...{ by: fc.string(), via: fc.string(), at: fc.nat(), also: fc.array(fc.string()) },
      ...{ rule: fc.string(), reason: fc.string({ unit: 'binary' }), interrupt: fc.boolean() },
      updatedInput: fc.dictionary(fc.string(), fc.jsonValue()),
      updatedPermissions: fc.array(UPDATE, { maxLength: 3 }),
    },
    { requiredKeys: ['kind', 'by', 'via', 'at'] },
  ),
  fc.record(
    {
      kind: fc.constantFrom(...(['expired', 'withdrawn', 'elsewhere', 'unknown', 'stopped', 'undeliverable'] as const)),
      ...{ reason: fc.string({ unit: 'binary' }), at: fc.nat(), code: fc.string() },
    },
    { requiredKeys: ['kind', 'reason', 'at'] },
  ),
);
const EVENTS = [...new Set(FIXTURES.map(({ name }) => name.replace(/^.*\/(\w+)\..*$/, '$1')))];
const INPUT: fc.Arbitrary<HookInput> = fc.record(
  {
    hook_event_name: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('PreToolUse', 'PermissionRequest', 'Stop') },
      { weight: 1, arbitrary: fc.oneof(fc.constantFrom(...EVENTS), fc.string({ minLength: 1 })) },
    ),
    session_id: fc.string({ minLength: 1 }),
    cwd: fc.string({ minLength: 1 }),
    tool_name: fc.string({ minLength: 1 }),
    tool_input: fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' })),
    permission_mode: fc.oneof(fc.constantFrom('default', 'bypassPermissions', 'plan'), fc.string()),
  },
  { requiredKeys: ['hook_event_name', 'session_id', 'cwd', 'tool_name', 'tool_input'] },
);

test('whatever the event, its input and the outcome, stdout is empty or one document that the event accepts', () => {
  expect(EVENTS).toContain('SubagentStop');
  fc.assert(
    fc.property(INPUT, OUTCOME, fc.constantFrom('ask' as const, 'deny' as const), (input, outcome, policy) => {
      const { stdout, stderr, exitCode } = claude.say(input, outcome, policy);
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
      const document = readOutput(input.hook_event_name, stdout);
      const isGate = input.hook_event_name === 'PreToolUse';
      const isDecided = outcome.kind === 'allowed' || outcome.kind === 'denied';
      if (isGate || (isDecided && input.hook_event_name === 'PermissionRequest')) expect(document).toBeDefined();
    }),
    { numRuns: 3_000 },
  );
}, 30_000);

test('whatever the input, nothing is allowed without an approval, and what runs is what was approved', () => {
  fc.assert(
    fc.property(INPUT, OUTCOME, fc.constantFrom('ask' as const, 'deny' as const), (input, outcome, policy) => {
      const { stdout } = claude.say(input, outcome, policy);
      const document = stdout === '' ? undefined : JSON.parse(stdout);
      const decision = document?.hookSpecificOutput;
      const isAllow = decision?.permissionDecision === 'allow' || decision?.decision?.behavior === 'allow';
      expect(isAllow).toBe(
        outcome.kind === 'allowed' && /^(PreToolUse|PermissionRequest)$/.test(input.hook_event_name),
      );
      const isSentOn = input.hook_event_name === 'Stop' && outcome.kind === 'denied' && outcome.reason !== undefined;
      expect(document?.decision === 'block').toBe(isSentOn);
      if (!isAllow || outcome.kind !== 'allowed') return;
      const ran = decision.updatedInput ?? decision.decision.updatedInput;
      expect(ran).toEqual(JSON.parse(JSON.stringify(outcome.updatedInput ?? input.tool_input)));
    }),
    { numRuns: 1_000 },
  );
}, 30_000);
