import { describe, expect, test } from 'bun:test';
import { outcomeElements } from '../../src/channels/slack-outcome.ts';
import { WORDS } from '../../src/channels/wording.ts';
import { createMasker } from '../../src/secrets.ts';
import type { Decided, HookInput, Offers, Outcome, PermissionRule, Run } from '../../src/types.ts';
import { allTexts, bash, makeRequest, PERMISSION, toolCall } from './requests.ts';

const AT = 1_700_000_000_000;
const ALLOWED: Decided = { kind: 'allowed', by: 'U0APPROVER', via: 'Slack', at: AT };
const SECRET = 'correct-horse-Battery-9';
const QUESTIONS: Offers = { ...PERMISSION, form: 'questions', edit: false, always: false, grant: false };

const elements = (outcome: Outcome, run?: Run, input: HookInput = bash('make deploy'), offers = PERMISSION) =>
  outcomeElements(
    makeRequest(input, { askedAt: AT - 42_000, offers }),
    outcome,
    createMasker({ known: [SECRET] }),
    run,
  );
const words = (...given: Parameters<typeof elements>): string => allTexts(elements(...given)).join('');

describe('a decision', () => {
  test('names the person as a mention, and how long it took', () => {
    const [line] = elements(ALLOWED);
    expect(JSON.stringify(line)).toContain('{"type":"user","user_id":"U0APPROVER"}');
    expect(words(ALLOWED)).toBe('Approved by  ·  · after 42 s');
    expect(words({ ...ALLOWED, kind: 'denied' })).toStartWith('Denied by ');
  });

  test('names the others who had to approve, and nobody by a name that is none', () => {
    const json = JSON.stringify(elements({ ...ALLOWED, also: ['U0SECOND', '<!channel>'] }));
    expect(json).toContain('{"type":"user","user_id":"U0SECOND"}');
    expect(json).toContain('{"type":"text","text":"<!channel>"}');
  });

  test('repeats the reason and says that the turn was stopped', () => {
    const said = words({ ...ALLOWED, kind: 'denied', reason: `Not now\u202e, ${SECRET}`, interrupt: true });
    expect(said).toContain('Not now⟦U+202E⟧, ⟦masked 1: ');
    expect(said).toEndWith(WORDS.stopped);
  });

  test('of a rule says which one, and whose grant it was', () => {
    expect(words({ ...ALLOWED, by: 'policy', via: 'policy', rule: 'Bash(make *)', reason: 'as ever' })).toBe(
      'by Bash(make *): as ever',
    );
    const grant = elements({ ...ALLOWED, via: 'grant', rule: 'Bash(make *)' });
    expect(allTexts(grant).join('')).toBe('under the grant Bash(make *) of ');
    expect(JSON.stringify(grant)).toContain('"user_id":"U0APPROVER"');
  });

  test('about an agent that has stopped is said in its own words', () => {
    const offers = { ...PERMISSION, form: 'stop' } as const;
    expect(words(ALLOWED, undefined, bash(''), offers)).toStartWith('Left to stop by ');
    const reply = words({ ...ALLOWED, kind: 'denied', reason: 'Now the tests.' }, undefined, bash(''), offers);
    expect(reply).toStartWith('Reply by ');
    expect(reply).toEndWith('Now the tests.');
  });

  test('that nobody took says why', () => {
    expect(words({ kind: 'expired', reason: 'Nobody answered in time.', at: AT })).toStartWith(
      'Nobody answered in time.',
    );
    expect(words({ kind: 'unknown', reason: '', at: AT })).toBe(' ·  · after 42 s');
  });
});

describe('what is not asked again', () => {
  const rules = (...contents: readonly (string | undefined)[]): Outcome => ({
    ...ALLOWED,
    updatedPermissions: [
      {
        ...{ type: 'addRules', behavior: 'allow', destination: 'projectSettings' },
        rules: contents.map(
          (content): PermissionRule => ({
            toolName: 'Bash',
            ...(content === undefined ? {} : { ruleContent: content }),
          }),
        ),
      },
    ],
  });

  test('is each rule, and where it holds', () => {
    expect(words(rules('make *', undefined))).toEndWith(
      'Not asked again: Bash(make *) Bash in this project, for everybody',
    );
  });

  test('has no secret, and counts the rules that are left out', () => {
    const said = words(rules(`push ${SECRET}`, 'a', 'b', 'c', 'd'));
    expect(said).not.toContain(SECRET);
    expect(said).toContain('⟦masked 1: value from the environment, 23 characters⟧');
    expect(said).toEndWith('Bash(a) Bash(b) and 2 more rules in this project, for everybody');
  });

  test('may be the questions about edits', () => {
    const updatedPermissions = [{ type: 'setMode', mode: 'acceptEdits', destination: 'session' }] as const;
    expect(words({ ...ALLOWED, updatedPermissions })).toEndWith(WORDS.editsAccepted);
  });

  test.each([
    [30, '30 minutes'],
    [60, '1 hour'],
    [240, '4 hours'],
  ])('for %d minutes is said with its rule, masked once', (minutes, time) => {
    const masker = createMasker({ known: [SECRET] });
    const text = masker.mask(`Bash(push ${SECRET})`).text;
    const outcome = {
      ...ALLOWED,
      grant: { rule: { kind: 'exact', digest: 'd' }, text, forMs: minutes * 60_000 },
    } as const;
    const said = allTexts(outcomeElements(makeRequest(bash('x')), outcome, masker)).join('');
    expect(said).toEndWith(
      `Allowed without asking for ${time}: Bash(push ⟦masked 1: value from the environment, 23 characters⟧)`,
    );
  });
});

describe('what became of the call', () => {
  test.each([
    ['a command', bash('make'), { isOk: true, tookMs: 4_100 }, 'Ran: exit 0 in 4.1 s'],
    ['a command of unknown length', bash('make'), { isOk: true }, 'Ran: exit 0'],
    ['another tool', toolCall('Read', { file_path: '/a' }), { isOk: true, tookMs: 0 }, 'Done in 0.0 s'],
    [
      'a command in the background',
      bash('make', { run_in_background: true }),
      { isOk: true },
      'Started in the background.',
    ],
    [
      'a failure',
      bash('make'),
      { isOk: false, tookMs: 61_000, error: '\n\nExit code 2\nmore' },
      'Failed after 1 min 1 s: Exit code 2',
    ],
    ['a failure without words', bash('make'), { isOk: false }, 'Failed:'],
  ])('is said of %s', (_name, input, run: Run, said) => {
    expect(words(ALLOWED, run, input)).toEndWith(said);
  });

  test('is said without secrets, on one line, and not at length', () => {
    const said = words(ALLOWED, { isOk: false, error: `\u202e${SECRET} ${'x'.repeat(5_000)}` });
    expect(said).toContain('⟦U+202E⟧⟦masked 1: ');
    expect(said.length).toBeLessThan(300);
  });
});

describe('what runs instead', () => {
  const edited = (asked: object, updatedInput: Readonly<Record<string, unknown>>) =>
    words({ ...ALLOWED, updatedInput }, undefined, toolCall('Bash', { ...asked }));

  test('is a diff of each text that was changed, and nothing of the others', () => {
    const said = edited({ command: 'a\nb\n', description: 'same' }, { command: 'a\nc\n', description: 'same' });
    expect(said).toContain('Runs instead: command (1 line removed, 1 added) a\n-b\n+c');
    expect(said).not.toContain('description');
  });

  test('is the new value of what is no text', () => {
    const said = edited({ timeout: 5, list: [1] }, { timeout: 6, list: [1], more: { a: 1 } });
    expect(said).toContain('Runs instead: timeout (number): 6');
    expect(said).toContain('Runs instead: more (JSON)');
    expect(said).not.toContain('instead: list');
  });

  test('has no secret, however long it is', () => {
    const long = Array.from({ length: 2_000 }, (_, line) => `line ${line}`).join('\n');
    const before = `${long}\nexport TOKEN=${SECRET}\n${long}`;
    const said = edited({ command: before }, { command: before.replace('export', 'declare') });
    expect(said).toContain('+declare TOKEN=⟦masked 1: ');
    expect(said).not.toContain(SECRET);
  });

  test('is cut when it is too long, and says so', () => {
    const said = edited({ command: 'a' }, { command: 'x\n'.repeat(20_000) });
    expect(said.length).toBeLessThan(2_500);
    expect(said).toContain('left out here');
  });

  test('is the answer to each question', () => {
    const question = (text: string) => ({
      question: text,
      header: '',
      multiSelect: false,
      options: [{ label: 'a', description: '' }],
    });
    const questions = [question('one?'), question('__proto__')];
    const answers = Object.fromEntries([
      ['one?', `${SECRET}\nmore`],
      ['__proto__', 'a'],
    ]);
    const said = words(
      { ...ALLOWED, updatedInput: { questions, answers } },
      undefined,
      toolCall('AskUserQuestion', { questions }),
      QUESTIONS,
    );
    expect(said).toEndWith('Answer 1: ⟦masked 1: value from the environment, 23 characters⟧⟦1 newline⟧moreAnswer 2: a');
  });
});
