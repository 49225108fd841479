import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { AppError } from '../src/errors.ts';
import { createGrants } from '../src/grants.ts';
import { createRecorder, type RecorderOptions } from '../src/recorder.ts';
import type { Answer, ApprovalRequest, HookInput, Outcome, StoreRecord } from '../src/types.ts';
import { bash, makeRequest, toolCall } from './channels/requests.ts';

const TOKEN = 'hunter2-in-the-environment';
const ruled = { rules: [{ name: 'house key', pattern: 'HK-[0-9]{6}' }] };

function recorder(options: Partial<RecorderOptions> = {}) {
  const records: StoreRecord[] = [];
  const errors: unknown[] = [];
  const made = createRecorder({
    store: { append: (record) => records.push(record) },
    logger: { error: (...args: unknown[]) => errors.push(args) },
    maskRules: () => ruled.rules,
    ...options,
  });
  return { ...made, records, errors };
}
const asked = (input: HookInput, change: Partial<ApprovalRequest> = {}): ApprovalRequest =>
  makeRequest(input, { secrets: [TOKEN], askedAt: 10, expiresAt: 20, ...change });
const answer = (request: ApprovalRequest): Answer => ({
  ...{ requestId: request.id, nonce: request.nonce, decision: 'allow', by: 'U1', at: 15, reason: TOKEN },
  ...{ conversation: 'D1', message: '1.1' },
});

describe('a record', () => {
  test('says what was asked, of whom, and never the nonce', () => {
    const { asked: record, records } = recorder();
    const request = asked(bash('ls'), { needed: 2, approvers: ['U1', 'U2'] });
    expect(record(request)).toBe(true);
    expect(records).toMatchObject([
      {
        ...{ type: 'asked', at: 10, id: request.id, agent: 'claude', digest: request.digest },
        ...{ approvers: ['U1', 'U2'], needed: 2, expiresAt: 20, input: bash('ls'), offers: request.offers },
      },
    ]);
    expect(JSON.stringify(records)).not.toContain(request.nonce);
  });

  test('says how it ended, under the name of a type that no outcome can change', () => {
    const { ended, records } = recorder();
    const request = asked(bash('ls'));
    const outcome = { kind: 'denied', by: 'U1', via: 'Slack', at: 15, reason: 'no', type: 'asked', id: 'x' } as Outcome;
    ended(request, outcome);
    expect(records).toMatchObject([
      { type: 'ended', id: request.id, digest: request.digest, kind: 'denied', by: 'U1' },
    ]);
  });

  test('of an approval that counts, and of an answer that does not, hold who and nothing else of it', () => {
    const { counted, refused, records } = recorder();
    const request = asked(bash('ls'));
    counted(request, answer(request));
    refused(answer(request), 'not-shown');
    expect(records).toEqual([
      { type: 'approved', at: 15, id: request.id, digest: request.digest, by: 'U1' },
      { type: 'refused', at: 15, id: request.id, by: 'U1', decision: 'allow', verdict: 'not-shown' },
    ]);
  });

  test('of a run says how it went', () => {
    const { ran, records } = recorder();
    const request = asked(bash('ls'));
    const outcome: Outcome = { kind: 'allowed', by: 'U1', via: 'Slack', at: 15 };
    ran({ request, outcome, run: { isOk: false, tookMs: 5, error: `no ${TOKEN}` }, isContradicted: false }, 18);
    expect(records).toMatchObject([{ type: 'ran', at: 18, id: request.id, isOk: false, tookMs: 5 }]);
    expect(JSON.stringify(records)).not.toContain(TOKEN);
  });

  test('of a grant says what, by whom, for how long and how it ended, without secrets', () => {
    const { grant, records } = recorder();
    const request = asked(bash('ls'));
    const rule = { kind: 'permission', rules: [{ toolName: 'Bash', ruleContent: 'curl HK-111111' }] } as const;
    const grants = createGrants({ newId: () => 'G1', matches: () => true });
    const given = grants.give({ rule, text: 'Bash(curl HK-111111)', forMs: 100 }, request, 'U1', 15);
    expect(grant('granted', given, 15, request)).toBe(true);
    const [ended] = grants.end(20);
    if (ended !== undefined) grant('grant-ended', ended, 20);
    expect(records).toMatchObject([
      { type: 'granted', at: 15, grant: 'G1', by: 'U1', since: 15, until: 115, used: 0, rule: { kind: 'permission' } },
      { type: 'grant-ended', at: 20, grant: 'G1', ended: { how: 'stopped' } },
    ]);
    expect(JSON.stringify(records)).not.toContain('HK-111111');
  });
});

describe('what could not be written', () => {
  test.each([
    ['the disk is full', { store: { append: fail } }],
    ['the rules for what is secret cannot be read', { maskRules: fail }],
  ])('because %s is told, and logged', (_name, broken) => {
    const { asked: record, ended, errors } = recorder(broken);
    expect(record(asked(bash('ls')))).toBe(false);
    expect(ended(asked(bash('ls')), { kind: 'allowed', by: 'U1', via: 'Slack', at: 15 })).toBe(false);
    expect(errors).toHaveLength(2);
  });
});

function fail(): never {
  throw new AppError('audit', 'no');
}

describe('secrets', () => {
  const written = (input: HookInput): string => {
    const { asked: record, records } = recorder();
    record(asked(input));
    return JSON.stringify(records);
  };

  test.each([
    ['a value of the environment', bash(`curl ${TOKEN}`), TOKEN],
    ['a form of the user’s own', bash('unlock HK-123456'), 'HK-123456'],
    ['a value in a command', bash('PASSWORD=correct-horse-9 ./run'), 'correct-horse-9'],
    ['a value beside a telling name', toolCall('mcp__x__y', { password: 'correct-horse-9' }), 'correct-horse-9'],
    ['one deep inside', toolCall('mcp__x__y', { env: [{ api_key: 'correct-horse-9' }] }), 'correct-horse-9'],
    ['an argument after a flag', toolCall('mcp__x__y', { args: ['--password', 'correct-horse-9'] }), 'correct-horse-9'],
    ['a value outside the call', { ...bash('ls'), note: `token is ${TOKEN}` }, TOKEN],
  ])('%s is masked', (_name, input, secret) => {
    const text = written(input);
    expect(text).not.toContain(secret);
    expect(text).toContain('⟦masked');
  });

  test('are masked in what a person wrote, and in what is going to run instead', () => {
    const { ended, records } = recorder();
    const decided = { kind: 'allowed', by: 'U1', via: 'Slack', at: 15 } as const;
    ended(asked(bash('ls')), {
      ...decided,
      updatedInput: { command: `curl ${TOKEN}` },
      updatedPermissions: [
        {
          ...{ type: 'addRules', behavior: 'allow', destination: 'session' },
          rules: [{ toolName: 'Bash', ruleContent: 'unlock HK-123456' }],
        },
      ],
    });
    ended(asked(bash('ls')), { ...decided, kind: 'denied', reason: `not with ${TOKEN}` });
    const text = JSON.stringify(records);
    expect(text).not.toContain(TOKEN);
    expect(text).not.toContain('HK-123456');
  });

  test('are all that changes: other input is recorded as it was', () => {
    const value = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(value, (toolInput) => {
        const { asked: record, records } = recorder({ maskRules: () => [] });
        const input = toolCall('mcp__x__y', JSON.parse(JSON.stringify(toolInput)));
        record(asked(input, { secrets: [] }));
        const text = JSON.stringify(records[0]?.input);
        if (!text.includes('⟦masked')) expect(text).toBe(JSON.stringify(input));
      }),
    );
  });
});

describe('a call in words', () => {
  const inWords = (input: HookInput) => recorder().inWords(asked(input));

  test('is the tool and its first text, in one line', () => {
    expect(inWords(bash('git\n  status'))).toBe('Bash git status');
    expect(inWords(toolCall('mcp__x__y', { count: 3, list: [] }))).toBe('mcp__x__y {"count":3,"list":[]}');
  });

  test('is no longer than a line for people', () => {
    expect(inWords(bash('x'.repeat(1000))).length).toBe(200);
  });

  test('holds no secret, also not one that line breaks are part of or that only its name tells', () => {
    const lines = 'first line of it\nsecond line';
    const request = asked(bash(`echo '${lines}'`), { secrets: [lines] });
    expect(recorder().inWords(request)).not.toContain('second line');
    expect(inWords(toolCall('mcp__x__y', { password: 'correct-horse-9' }))).not.toContain('correct-horse-9');
  });
});
