import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { AppError } from '../src/errors.ts';
import { type ClientNote, checkHookInput, encodeRequest, PROTOCOL_VERSION, readReply } from '../src/protocol.ts';
import { encodeEvent, encodeReply, encodeStatusQuery, readIncoming } from '../src/protocol-daemon.ts';
import type { HookInput } from '../src/types.ts';
import bash from './fixtures/claude-code/PreToolUse.Bash.json' with { type: 'json' };

const input = bash as HookInput;
const note: ClientNote = {
  ...{ protocol: PROTOCOL_VERSION, agent: 'claude', approvers: ['U1'], waitMs: 1000, app: 'abc' },
  secrets: ['hunter2hunter2'],
};

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
    const line = encodeRequest(JSON.stringify(input), note);
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
    expect(codeOf(() => readIncoming(encodeRequest(JSON.stringify(input), { ...note, protocol: 2 })))).toBe(
      'daemon-mismatch',
    );
  });

  test.each([
    { agent: 'nobody' },
    { approvers: 'U1' },
    { approvers: [1] },
    { waitMs: 0 },
    { waitMs: -1 },
    { waitMs: 1e12 },
    { app: 5 },
    { secrets: 'hunter2' },
    { secrets: [5] },
  ])('with a malformed note %j is refused', (change) => {
    expect(codeOf(() => readIncoming(JSON.stringify({ ...input, claude_slack_hook: { ...note, ...change } })))).toBe(
      'protocol',
    );
  });

  test('without secrets comes from a client that found none', () => {
    const { secrets: _secrets, ...older } = note;
    expect(readIncoming(encodeRequest(JSON.stringify(input), older))).toMatchObject({ note: { secrets: [] } });
  });

  test('keeps our note also when the input brings one of its own', () => {
    const own = { ...input, claude_slack_hook: { ...note, approvers: ['U9'] } };
    expect(readIncoming(encodeRequest(JSON.stringify(own), note))).toEqual({ type: 'request', input, note });
    expect(readIncoming(encodeEvent(own, 'claude'))).toEqual({ type: 'event', input, agent: 'claude' });
  });

  test('that only tells of an event is told apart from one that asks, whatever the event is', () => {
    const line = encodeEvent(input, 'claude');
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(readIncoming(line)).toEqual({ type: 'event', input, agent: 'claude' });
    expect(codeOf(() => readIncoming(encodeEvent({ ...input, session_id: '' }, 'claude')))).toBe('bad-input');
  });

  test('that is nested thousands of levels deep is refused before it is read, and brackets in a text are none', () => {
    const nested = (levels: number, text: string): string =>
      JSON.stringify({ ...input, tool_input: { x: 0 } }).replace(
        '{"x":0}',
        `{"x":${'['.repeat(levels)}${text}${']'.repeat(levels)}}`,
      );
    expect(codeOf(() => readIncoming(nested(3_000, '')))).toBe('bad-input');
    expect(codeOf(() => readIncoming('['.repeat(1_000_000)))).toBe('bad-input');
    expect(codeOf(() => readIncoming(nested(1_000, JSON.stringify('[{"\\'.repeat(5_000)))))).toBe('no error');
    expect(codeOf(() => readIncoming(nested(1, `${'1,[2],'.repeat(5_000)}3`)))).toBe('no error');
  });

  test('of our key alone is a command', () => {
    expect(readIncoming(encodeStatusQuery())).toEqual({ type: 'status' });
    for (const type of ['approve', 'event', 'outcome']) {
      expect(codeOf(() => readIncoming(`{"claude_slack_hook":{"type":"${type}"}}`))).toBe('protocol');
    }
  });

  test('of any text gives a message or an AppError, nothing else', () => {
    const ours = fc.dictionary(
      fc.constantFrom('type', 'protocol', 'agent', 'waitMs', 'app', 'secrets', 'beats', 'isConfigFirst', 'isHere'),
      fc.jsonValue(),
    );
    const near = fc.tuple(fc.constantFrom<object>({}, input), fc.oneof(ours, fc.jsonValue()));
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      near.map(([given, key]) => JSON.stringify({ ...given, claude_slack_hook: key })),
      near.map(([given, change]) => JSON.stringify({ ...given, ...(typeof change === 'object' ? change : {}) })),
    );
    fc.assert(
      fc.property(text, (line) => {
        expect(codeOf(() => readIncoming(line))).toMatch(/^(no error|protocol|bad-input|daemon-mismatch)$/);
      }),
      { numRuns: 1_000 },
    );
  }, 30_000);
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
  test('brings back a failure and a status', () => {
    const error = { type: 'error', code: 'audit', message: 'disk full', hint: 'Free disk space.' } as const;
    expect(readReply(encodeReply(error))).toEqual(error);
    const status = {
      ...{ pid: 1, version: '0', startedAt: 1, pending: [], slack: { state: 'connected', connections: 1 } as const },
      grants: [{ id: 'G', rule: 'This exact call', by: 'U1', until: 5 }],
      ...{ apiUrl: '', logFile: '', auditFile: '' },
    };
    expect(readReply(encodeReply({ type: 'status', status }))).toEqual({ type: 'status', status });
  });

  test('brings back a decision and an end without one', () => {
    for (const outcome of [
      { kind: 'allowed', by: 'U1', via: 'Slack', at: 5 } as const,
      { kind: 'expired', reason: 'late', at: 5 } as const,
      { kind: 'unknown', reason: 'gone on', at: 5 } as const,
      {
        ...({ kind: 'allowed', by: 'U2', via: 'Slack', at: 5, also: ['U1'], updatedInput: { command: 'ls' } } as const),
        updatedPermissions: [{ type: 'setMode', mode: 'acceptEdits', destination: 'session' }],
        grant: { rule: { kind: 'exact', digest: 'd' }, text: 'This exact call', forMs: 1000 },
      } as const,
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
    { kind: 'allowed', by: 'U1', via: 'Slack', at: 5, updatedInput: 'ls' },
    { kind: 'allowed', by: 'U1', via: 'Slack', at: 5, updatedInput: ['ls'] },
    { kind: 'allowed', by: 'U1', via: 'Slack', at: 5, updatedPermissions: {} },
    { kind: 'allowed', by: 'U1', via: 'Slack', at: 5, updatedPermissions: ['setMode'] },
    null,
  ])('with the half outcome %j is not taken for one', (outcome) => {
    expect(codeOf(() => readReply(JSON.stringify({ claude_slack_hook: { type: 'outcome', outcome } })))).toBe(
      'protocol',
    );
  });
});
