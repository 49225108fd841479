import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { claude } from '../src/agents/claude.ts';
import { salvaged, sayBroken, strings } from '../src/client.ts';
import { AppError, ERRORS, type ErrorCode } from '../src/errors.ts';
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
