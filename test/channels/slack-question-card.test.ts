import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { costOfBlocks } from '../../src/channels/slack-elements.ts';
import type { Draft } from '../../src/channels/slack-question-answers.ts';
import { costOfQuestions, questionBlocks, questionTexts } from '../../src/channels/slack-question-card.ts';
import { type Question, questionsOf } from '../../src/channels/slack-questions.ts';
import { decodeVisible } from '../../src/channels/visible.ts';
import { blockErrors } from '../../src/emulator/blocks.ts';
import asked from '../fixtures/claude-code/PermissionRequest.AskUserQuestion.json';
import { hostileText, longText } from './arbitraries.ts';

const QUESTIONS = questionsOf(asked.tool_input) ?? [];
const VALUE = 'v1.instance.request.nonce';
const same = (shown: string): string => shown;

/** What of an element the tests look at. */
interface Shown {
  readonly type?: string;
  readonly text?: string;
  readonly style?: unknown;
  readonly value?: string;
  readonly action_id?: string;
  readonly elements?: readonly Shown[];
  readonly options?: readonly unknown[];
  readonly initial_options?: readonly unknown[];
}

const look = (value: unknown): readonly Shown[] => JSON.parse(JSON.stringify(value));
/** The texts of an element, with the same style joined: what a person sees as one. */
const spans = ({ elements = [] }: Shown): string[] => {
  const joined: { text: string; style: string }[] = [];
  for (const { text = '', style } of elements) {
    const name = JSON.stringify(style) ?? '';
    const last = joined.at(-1);
    if (last?.style === name) last.text += text;
    else joined.push({ text, style: name });
  }
  return joined.map(({ text }) => text);
};
const written = (blocks: unknown): string[] =>
  look(blocks)
    .flatMap(({ elements = [] }) => elements)
    .map((element) => spans(element).join(''));
/** The elements of the actions block of a question. */
const controls = (questions: readonly Question[], draft: Draft, index = 0): readonly Shown[] =>
  look(questionBlocks(questions, draft, VALUE, same)).filter(({ type }) => type === 'actions')[index]?.elements ?? [];
const names = (elements: readonly Shown[]): unknown[] =>
  look(elements.map(({ text }) => text)).map((text) => text?.text);
const one = (labels: readonly string[], more: Partial<Question> = {}): readonly Question[] => [
  { text: 'Which?', header: '', isMany: false, options: labels.map((label) => ({ label, description: '' })), ...more },
];

describe('the text of questions', () => {
  test('says all of them, with numbered options', () => {
    expect(questionTexts(QUESTIONS, same).map((block) => written([block]))).toEqual([
      [
        'Question 1 of 2 · Database · Choose one',
        'Which database should the shop use?',
        '1. PostgreSQL — Relational, proven',
        '2. SQLite — One file',
      ],
      [
        'Question 2 of 2 · Extras · Choose any number',
        'Which extras do you want?',
        '1. Cache — Redis cache',
        '2. Search — Full text search',
      ],
    ]);
  });

  test('leaves out what is empty, and the number of a single question', () => {
    expect(written(questionTexts(one(['A']), same))).toEqual(['Choose one', 'Which?', '1. A']);
  });

  test('puts a preview in a box below its option', () => {
    const options = [
      { label: 'A', description: '', preview: '+--+\n|  |' },
      { label: 'B', description: '', preview: '\n\n' },
    ];
    const [block] = look(questionTexts(one([], { options }), same));
    expect(block?.elements?.slice(2).map(({ type }) => type)).toEqual([
      'rich_text_section',
      'rich_text_preformatted',
      'rich_text_section',
      'rich_text_preformatted',
    ]);
    expect(written([block]).slice(2)).toEqual(['1. A', '+--+\n|  |', '2. B', '⟦2 newlines⟧']);
  });

  test('keeps a label apart from what passes for its description or another option', () => {
    const [block] = look(questionTexts(one(['A — harmless\n2. B']), same));
    expect(block?.elements?.slice(2).map(spans)).toEqual([['1. ', 'A — harmless⟦1 newline⟧2. B']]);
  });

  test('is masked everywhere', () => {
    const options = [{ label: 'hush label', description: 'hush description', preview: 'hush\npreview' }];
    const questions = [false, true].map(
      (isMany): Question => ({ text: `hush ${isMany}`, header: 'hush', isMany, options }),
    );
    const draft = questions.map(() => ({ chosen: [0], other: 'hush other' }));
    const blocks = questionBlocks(questions, draft, VALUE, (shown) => shown.replaceAll('hush', '•••'));
    expect(JSON.stringify(blocks)).not.toContain('hush');
    expect(JSON.stringify(blocks)).toContain('✓ Other: ••• other');
  });
});

describe('the controls of a question', () => {
  test('with one answer are its options and Other, each with the value', () => {
    const elements = controls(QUESTIONS, []);
    expect(names(elements)).toEqual(['1. PostgreSQL', '2. SQLite', 'Other…']);
    expect(elements.map((element) => element.action_id)).toEqual(['csh_pick_0_0', 'csh_pick_0_1', 'csh_other_0']);
    expect(elements.map(({ value, style }) => [value, style])).toEqual(Array(3).fill([VALUE, undefined]));
  });

  test('mark the chosen one', () => {
    const elements = controls(QUESTIONS, [{ chosen: [1] }]);
    expect(names(elements)).toEqual(['1. PostgreSQL', '✓ 2. SQLite', 'Other…']);
    expect(elements.map(({ style }) => style)).toEqual([undefined, 'primary', undefined]);
  });

  test('show own words', () => {
    const elements = controls(QUESTIONS, [{ chosen: [], other: `Maria\nDB ${'x'.repeat(60)}` }]);
    expect(names(elements)[2]).toBe(`✓ Other: Maria⟦1 newline⟧DB ${'x'.repeat(60 - 'Maria⟦1 newline⟧DB …'.length)}…`);
    expect(elements[2]?.style).toBe('primary');
  });

  test('with many answers are checkboxes that start as drafted, and Other', () => {
    const [boxes, other] = controls(QUESTIONS, [{ chosen: [] }, { chosen: [1], other: 'Mail' }], 1);
    const option = (text: string, value: string) => ({ text: { type: 'plain_text', text, emoji: false }, value });
    expect([boxes?.type, boxes?.action_id]).toEqual(['checkboxes', 'csh_tick_1']);
    expect(boxes?.options).toEqual([option('1. Cache', '0'), option('2. Search', '1')]);
    expect(boxes?.initial_options).toEqual([option('2. Search', '1')]);
    expect([other?.action_id, other?.value, other?.style]).toEqual(['csh_other_1', VALUE, 'primary']);
    expect(controls(QUESTIONS, [], 1)[0]).not.toHaveProperty('initial_options');
  });

  test('cut the names that are too long for a button', () => {
    const labels = ['x'.repeat(60), `${'x'.repeat(60)}A`, `${'x'.repeat(60)}B`, `${'x'.repeat(58)}\u200b`];
    expect(names(controls(one(labels), [])).slice(0, 4)).toEqual([
      `1. ${'x'.repeat(60)}`,
      `2. ${'x'.repeat(59)}…`,
      `3. ${'x'.repeat(59)}…`,
      `4. ${'x'.repeat(58)}…`,
    ]);
  });

  test('are never named as another button of the card', () => {
    for (const isMany of [false, true]) {
      const [block] = look(
        questionBlocks(one(['Deny', '✓ Approve'], { isMany }), [{ chosen: [0] }], VALUE, same),
      ).filter(({ type }) => type === 'actions');
      const shown = JSON.stringify(block);
      expect(shown).toContain(isMany ? '"1. Deny"' : '"✓ 1. Deny"');
      expect(shown).toContain('"2. ✓ Approve"');
      expect(shown).not.toMatch(/"(?:✓ )?(?:Deny|Approve)"/);
    }
  });

  test('have names even when a mask leaves nothing', () => {
    const blocks = questionBlocks(QUESTIONS, [{ chosen: [], other: 'x' }], VALUE, () => '');
    expect(blockErrors(blocks, 'message', '/blocks')).toEqual([]);
  });
});

describe('for all questions', () => {
  const label = fc.oneof(hostileText(), longText()).filter((text) => text !== '');
  const option = fc
    .record({ label, description: hostileText(), preview: fc.option(longText()) })
    .map(({ preview, ...rest }) => (preview === null ? rest : { ...rest, preview }));
  const question = fc.record<Question>({
    text: label,
    header: hostileText(),
    isMany: fc.boolean(),
    options: fc.array(option, { minLength: 1, maxLength: 10 }),
  });
  const entry = fc
    .record({ chosen: fc.subarray([...Array(10).keys()]), other: fc.option(label) })
    .map(({ chosen, other }) => (other === null ? { chosen } : { chosen, other }));
  const some = { minLength: 1, maxLength: 4 };

  test('Slack takes the blocks, and they cost no more than was said', () => {
    fc.assert(
      fc.property(fc.array(question, some), fc.array(entry, some), (questions, draft) => {
        const blocks = questionBlocks(questions, draft, VALUE, same);
        expect(blockErrors(blocks, 'message', '/blocks')).toEqual([]);
        expect(costOfBlocks(blocks)).toBeLessThanOrEqual(costOfQuestions(questions, same));
      }),
      { numRuns: 40 },
    );
  });

  test('every word can be read back from the text', () => {
    fc.assert(
      fc.property(fc.array(question, some), fc.array(entry, some), (questions, draft) => {
        const blocks = look(questionBlocks(questions, draft, VALUE, same)).filter(({ type }) => type === 'rich_text');
        expect(blocks.map(({ elements = [] }) => readBack(elements))).toEqual(questions.map(expected));
      }),
      { numRuns: 40 },
    );
  });

  const expected = ({ text, header, options }: Question): unknown => ({
    text,
    header,
    options: options.map((item) => ({ ...item, preview: item.preview ?? '' })),
  });

  function readBack([title, text, ...lines]: readonly Shown[]): unknown {
    const bold = (element: Shown | undefined): string =>
      decodeVisible(
        (element?.elements ?? []).filter(({ style }) => style !== undefined).reduce((all, item) => all + item.text, ''),
      );
    const options: { label: string; description: string; preview: string }[] = [];
    for (const line of lines) {
      const last = options.at(-1);
      if (line.type === 'rich_text_preformatted' && last) last.preview = decodeVisible(spans(line).join(''));
      else
        options.push({ label: bold(line), description: decodeVisible((spans(line)[2] ?? '').slice(3)), preview: '' });
    }
    return { text: bold(text), header: bold(title), options };
  }
});
