import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { claude } from '../src/agents/claude.ts';
import { agentOf, salvaged, sayBroken, strings } from '../src/client.ts';
import { AppError, ERRORS, type ErrorCode } from '../src/errors.ts';
import { AGENT_NAMES } from '../src/protocol.ts';
import { readOutput } from './agents/claude-outputs.ts';

const EVENT = fc.constantFrom('PreToolUse', 'PermissionRequest', 'Stop', 'PostToolUse', 'Notification');
/** Documents of any kind, and what is left of those that were cut off. */
const BROKEN = fc
  .tuple(
    fc.record(
      {
        hook_event_name: fc.oneof(EVENT, fc.jsonValue()),
        permission_mode: fc.oneof(fc.constantFrom('default', 'bypassPermissions'), fc.jsonValue()),
        tool_name: fc.jsonValue(),
        tool_input: fc.jsonValue(),
      },
      { requiredKeys: [] },
    ),
    fc.option(fc.nat(200), { nil: undefined }),
  )
  .map(([value, end]) => (end === undefined ? strings(value) : salvaged(JSON.stringify(value).slice(0, end))));
const ERROR = fc
  .tuple(fc.constantFrom(...(Object.keys(ERRORS) as ErrorCode[])), fc.string({ unit: 'binary' }))
  .map(([code, message]) => new AppError(code, message));

test('input that cannot be used gets one document that its event accepts, or none, and never an allow', () => {
  fc.assert(
    fc.property(BROKEN, ERROR, fc.constantFrom('ask' as const, 'deny' as const), (known, error, policy) => {
      const { hook_event_name: event = '' } = known;
      const { stdout, stderr, exitCode } = sayBroken(claude, known, error, policy);
      expect(readOutput(event, stdout) !== undefined).toBe(event === 'PreToolUse');
      expect(stdout).not.toMatch(/"(permissionDecision|behavior)":"allow"/);
      if (policy === 'deny' && event === 'PreToolUse') expect(stdout).toContain('"permissionDecision":"deny"');
      // Exit 2 blocks where it is not known what was asked.
      expect(exitCode).toBe(known.hook_event_name === undefined ? 2 : 0);
      expect(stderr).toStartWith('claude-slack-hook: ');
    }),
    { numRuns: 2_000 },
  );
}, 30_000);

test('an agent that is named wrongly is an error: of what its dialect does not know nobody would be asked', async () => {
  const asked: readonly (readonly [event: string, agents: readonly string[]])[] = [
    ['PreToolUse', ['claude', 'codex']],
    ['PermissionRequest', ['claude', 'codex']],
    ['beforeShellExecution', ['cursor']],
    ['BeforeTool', ['gemini']],
    ['permission.asked', ['opencode']],
  ];
  for (const [hook_event_name, owners] of asked) {
    for (const agent of AGENT_NAMES) {
      const chosen = await agentOf({ agent }, { hook_event_name }).catch((error: AppError) => error);
      if (owners.includes(agent)) expect(chosen).toMatchObject({ name: agent });
      else expect(String(chosen)).toContain(`Expected an event of ${agent}, got ${hook_event_name}, which is one of`);
    }
  }
  // What only tells, what is new and what cannot be read is left to the dialect that was named.
  for (const event of ['Stop', 'PostToolUse', 'afterShellExecution', 'SomethingNew', 'toString'])
    expect(await agentOf({ agent: 'gemini' }, { hook_event_name: event })).toMatchObject({ name: 'gemini' });
  expect(await agentOf({ agent: 'claude' }, {})).toBe(claude);
});
