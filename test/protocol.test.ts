import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { AppError } from '../src/errors.ts';
import {
  type ClientNote,
  checkHookInput,
  encodeReply,
  encodeRequest,
  encodeStatusQuery,
  PROTOCOL_VERSION,
  readIncoming,
  readReply,
} from '../src/protocol.ts';
import type { HookInput } from '../src/types.ts';
import bash from './fixtures/claude-code/PreToolUse.Bash.json' with { type: 'json' };

const input = bash as HookInput;
const note: ClientNote = { protocol: PROTOCOL_VERSION, agent: 'claude', approvers: ['U1'], waitMs: 1000, app: 'abc' };

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return 'no error';
}

describe('a request line', () => {
  test('brings back the input and the note, and ends in the only newline', () => {
    const line = encodeRequest(input, note);
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(readIncoming(line)).toEqual({ type: 'request', input, note });
  });

  test('without our key is a plain hook input of any other program', () => {
    expect(readIncoming(JSON.stringify(input))).toEqual({ type: 'request', input, note: undefined });
  });

  test('keeps keys that nobody knows', () => {
    const incoming = readIncoming(JSON.stringify({ ...input, invented: { deep: [1] } }));
    expect(incoming.type === 'request' && incoming.input.invented).toEqual({ deep: [1] });
  });

  test('from another protocol version is told apart from a broken one', () => {
    expect(codeOf(() => readIncoming(encodeRequest(input, { ...note, protocol: 2 })))).toBe('daemon-mismatch');
  });

  test.each([
    { agent: 'nobody' },
    { approvers: 'U1' },
    { approvers: [1] },
    { waitMs: 0 },
    { waitMs: -1 },
    { waitMs: 1e12 },
    { app: 5 },
  ])('with a malformed note %j is refused', (change) => {
    expect(codeOf(() => readIncoming(JSON.stringify({ ...input, claude_slack_hook: { ...note, ...change } })))).toBe(
      'protocol',
    );
  });

  test('of our key alone is a command', () => {
    expect(readIncoming(encodeStatusQuery())).toEqual({ type: 'status' });
    expect(codeOf(() => readIncoming('{"claude_slack_hook":{"type":"approve"}}'))).toBe('protocol');
  });

  test('of any text gives a message or an AppError, nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(codeOf(() => readIncoming(text))).toMatch(/^(no error|protocol|bad-input|daemon-mismatch)$/);
      }),
    );
  });
});

describe('a hook input', () => {
  test.each([
    [null],
    [[]],
    ['text'],
    [{}],
    [{ ...input, hook_event_name: 5 }],
    [{ ...input, session_id: '' }],
    [{ ...input, cwd: undefined }],
    [{ ...input, tool_name: 1 }],
    [{ ...input, tool_input: 'ls' }],
    [{ ...input, tool_input: null }],
    [{ ...input, permission_mode: {} }],
  ])('of the wrong types is refused: %j', (value) => {
    expect(codeOf(() => checkHookInput(value))).toBe('bad-input');
  });
});

describe('a reply line', () => {
  test('brings back a decision and an end without one', () => {
    for (const outcome of [
      { kind: 'allowed', by: 'U1', via: 'Slack', at: 5 } as const,
      { kind: 'expired', reason: 'late', at: 5 } as const,
    ]) {
      expect(readReply(encodeReply({ type: 'outcome', outcome }))).toEqual({ type: 'outcome', outcome });
    }
  });

  test.each([
    { kind: 'allowed', via: 'Slack', at: 5 },
    { kind: 'allowed', by: '', via: 'Slack', at: 5 },
    { kind: 'ALLOWED', by: 'U1', at: 5 },
    { kind: 'expired', at: 5 },
    { kind: 'denied', by: 'U1' },
    null,
  ])('with the half outcome %j is not taken for one', (outcome) => {
    expect(codeOf(() => readReply(JSON.stringify({ claude_slack_hook: { type: 'outcome', outcome } })))).toBe(
      'protocol',
    );
  });
});
