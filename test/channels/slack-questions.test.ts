import { describe, expect, test } from 'bun:test';
import { type Question, questionFields, questionsOf } from '../../src/channels/slack-questions.ts';
import type { ToolInput } from '../../src/types.ts';
import asked from '../fixtures/claude-code/PermissionRequest.AskUserQuestion.json';

const { tool_input: recorded } = asked;

const option = (label: string, more = {}) => ({ label, description: `About ${label}`, ...more });
const question = (more = {}) => ({
  question: 'Which one?',
  header: 'Choice',
  options: [option('A'), option('B')],
  multiSelect: false,
  ...more,
});
const read = (...questions: unknown[]): readonly Question[] | undefined => questionsOf({ questions });

describe('questionsOf', () => {
  test('reads what Claude Code asks', () => {
    expect(questionsOf(recorded)).toEqual([
      {
        text: 'Which database should the shop use?',
        header: 'Database',
        isMany: false,
        options: [
          { label: 'PostgreSQL', description: 'Relational, proven' },
          { label: 'SQLite', description: 'One file' },
        ],
      },
      {
        text: 'Which extras do you want?',
        header: 'Extras',
        isMany: true,
        options: [
          { label: 'Cache', description: 'Redis cache' },
          { label: 'Search', description: 'Full text search' },
        ],
      },
    ]);
  });

  test('reads previews of options', () => {
    const [first] = read(question({ options: [option('A', { preview: '+--+\n|  |' }), option('B')] })) ?? [];
    expect(first?.options.map(({ preview }) => preview)).toEqual(['+--+\n|  |', undefined]);
  });

  test('knows nothing of other inputs', () => {
    const inherited: ToolInput = Object.create({ questions: [question()] });
    for (const input of [{}, { questions: 'A?' }, { questions: [] }, { questions: [null] }, inherited])
      expect(questionsOf(input)).toBeUndefined();
  });

  test('takes four questions with ten options and no more', () => {
    const questions = (count: number) => Array.from({ length: count }, (_, at) => question({ question: `${at}?` }));
    const options = (count: number) => Array.from({ length: count }, (_, at) => option(`${at}`));
    expect(read(...questions(4))?.length).toBe(4);
    expect(read(...questions(5))).toBeUndefined();
    expect(read(question({ options: options(10) }))?.[0]?.options.length).toBe(10);
    expect(read(question({ options: options(11) }))).toBeUndefined();
    expect(read(question({ options: [] }))).toBeUndefined();
  });

  test('refuses questions whose answers could not be told apart', () => {
    expect(read(question(), question({ header: 'Other' }))).toBeUndefined();
    expect(read(question({ options: [option('A'), option('A', { description: 'Another' })] }))).toBeUndefined();
    expect(read(question({ options: [option(''), option('B')] }))).toBeUndefined();
    expect(read(question({ question: '' }))).toBeUndefined();
  });

  test('refuses what it would not show', () => {
    expect(read(question({ hint: 'more' }))).toBeUndefined();
    expect(read(question({ options: [option('A', { icon: 'more' })] }))).toBeUndefined();
    expect(read(question({ options: [option('A', { preview: 1 })] }))).toBeUndefined();
    expect(read(question({ options: [{ label: 'A' }] }))).toBeUndefined();
    expect(read(question({ multiSelect: undefined }))).toBeUndefined();
    expect(read(question(), question({ question: 'And?', header: 1 }))).toBeUndefined();
  });
});

describe('questionFields', () => {
  test('has a box for each question', () => {
    const { fields, keys } = questionFields(recorded);
    expect(keys).toEqual(['questions']);
    expect(fields.map(({ label }) => label)).toEqual(['Question 1 of 2', 'Question 2 of 2']);
    expect(fields[0]?.shown).toBe(
      [
        'Which database should the shop use?',
        'Choose one · Database',
        '○ PostgreSQL',
        '   Relational, proven',
        '○ SQLite',
        '   One file',
      ].join('\n'),
    );
  });

  test('shows questions that cannot be answered on a card, and leaves previews to others', () => {
    expect(questionFields({ questions: [question({ options: [] })] }).keys).toEqual(['questions']);
    const preview = question({ options: [option('A', { preview: 'x' })] });
    expect(questionFields({ questions: [preview] })).toEqual({ fields: [], keys: [] });
  });
});
