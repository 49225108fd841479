import { describe, expect, test } from 'bun:test';
import { renderBody } from '../../src/channels/slack-body.ts';
import { type Entry, newEntry } from '../../src/channels/slack-entries.ts';
import { createLooks } from '../../src/channels/slack-looks.ts';
import { settle } from '../../src/channels/slack-settled.ts';
import { createMasker } from '../../src/secrets.ts';
import type { ApprovalRequest, Outcome, Run } from '../../src/types.ts';
import { allTexts, bash, HOST, INSTANCE, makeRequest, PERMISSION, toolCall } from './requests.ts';

const AT = 1_700_000_000_000;
const LARGE = 'all work and no play\n'.repeat(50_000);
const WITHDRAWN: Outcome = { kind: 'withdrawn', reason: 'The agent no longer waits for an answer.', at: AT };
const ALLOWED: Outcome = { kind: 'allowed', by: 'U0APPROVER', via: 'Slack', at: AT };
const BACKGROUND = bash('make serve', { run_in_background: true, log: LARGE });
const DATABASE = {
  ...{ question: 'Which database?', header: 'Database', multiSelect: false },
  options: [
    { label: 'SQLite', description: 'One file' },
    { label: 'Postgres', description: 'A server' },
  ],
};
const QUESTIONS = {
  ...toolCall('AskUserQuestion', { questions: [DATABASE] }),
  ...{ transcript: LARGE },
};

/** A request that is over, on a message, as it is before its messages have been closed. */
function ended(outcome: Outcome, input = BACKGROUND, more: Partial<ApprovalRequest> = {}): Entry {
  const request = makeRequest(input, { askedAt: AT - 42_000, ...more });
  const masker = createMasker({ known: [] });
  const body = { ...renderBody(request, { host: HOST, masker }), fields: [] };
  const over = new AbortController();
  const entry = newEntry({ request, masker, surroundings: { branch: 'main' }, body, onShown: () => {}, over });
  const place = { channel: 'D1', ts: '1.1', threadTs: undefined };
  entry.messages.push({ ...place, approver: 'U0APPROVER', isList: false, isAttached: false, entries: [entry] });
  entry.outcome = outcome;
  return entry;
}

function looks(entry: Entry, run?: Run) {
  if (run !== undefined) entry.run = run;
  const [message] = entry.messages;
  if (message === undefined) throw new Error('Expected a message');
  return createLooks({ host: HOST, instanceId: INSTANCE, dangerOf: () => undefined })(message);
}

const drawn = (entry: Entry, run?: Run): string => JSON.stringify(looks(entry, run));
const sizeOf = ({ request, outcome, body, surroundings }: Entry): number =>
  JSON.stringify([request, outcome, body, surroundings]).length;

describe('a request that is over', () => {
  test('keeps nothing of a large input, whatever it is in', () => {
    const big = { command: LARGE, list: [LARGE], [LARGE]: 1 };
    const changed = { ...ALLOWED, updatedInput: { ...big, command: 'make' } };
    for (const entry of [
      ended(WITHDRAWN),
      ended(WITHDRAWN, { ...bash('ls'), last_assistant_message: LARGE, more: { words: [LARGE] } }),
      ended({ ...ALLOWED, updatedInput: { ...big, list: [] } }, toolCall('Bash', { ...big, list: ['x'] })),
      ended(changed, toolCall('Bash', { ...big, command: 'make all' })),
    ]) {
      settle(entry);
      expect(sizeOf(entry)).toBeLessThan(30_000);
      expect(entry.isLight).toBe(true);
    }
  });

  test.each([
    ['withdrawn', ended(WITHDRAWN), undefined],
    ['approved', ended(ALLOWED, toolCall('Write', { file_path: '/tmp/a', content: LARGE })), undefined],
    ['left running', ended(ALLOWED), { isOk: true, tookMs: 900 }],
    ['failed', ended(ALLOWED), { isOk: false, error: 'no such file' }],
    [
      'edited',
      ended(
        { ...ALLOWED, updatedInput: { command: 'make test', log: LARGE, description: 'Tests' } },
        {
          ...bash('make serve', { log: LARGE, description: 'Tests' }),
        },
      ),
      { isOk: true, tookMs: 900 },
    ],
    [
      'answered',
      ended(
        { ...ALLOWED, updatedInput: { questions: [DATABASE], answers: { [DATABASE.question]: 'Postgres' } } },
        QUESTIONS,
        {
          offers: { ...PERMISSION, form: 'questions' },
        },
      ),
      undefined,
    ],
  ] as const)('and was %s looks as it did when its large input was there', (_how, entry, run) => {
    const before = drawn(entry, run);
    settle(entry);
    expect(entry.isLight).toBe(true);
    expect(drawn(entry, run)).toBe(before);
    // It may have another end, and be settled again.
    settle(entry);
    expect(drawn(entry, run)).toBe(before);
  });

  test('has a short card that says how a large call began', () => {
    const entry = ended(ALLOWED, bash(`make deploy # ${LARGE}`));
    settle(entry);
    const short = looks(entry).short?.();
    const words = allTexts(short?.blocks).join('');
    expect(words).toContain('make deploy # all work');
    expect(words.length).toBeLessThan(600);
  });

  test('keeps a small input: a form that comes late is still read, and a short card shows the call', () => {
    const entry = ended(ALLOWED, bash('make serve'));
    const { request } = entry;
    const short = JSON.stringify(looks(entry).short?.());
    settle(entry);
    expect(entry.request).toBe(request);
    expect(entry.isLight).toBe(false);
    expect(JSON.stringify(looks(entry).short?.())).toBe(short);
  });

  test('is left alone while it waits', () => {
    const entry = ended(WITHDRAWN);
    entry.outcome = undefined;
    const { request, body } = entry;
    settle(entry);
    expect([entry.request, entry.body, entry.isLight]).toEqual([request, body, false]);
  });
});
