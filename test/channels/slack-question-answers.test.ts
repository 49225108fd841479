import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  answeredInput,
  applyPress,
  type Draft,
  emptyDraft,
  missing,
  needsSend,
  otherAction,
  otherPressed,
  pickAction,
  tickAction,
  withOther,
} from '../../src/channels/slack-question-answers.ts';
import { type Question, questionsOf } from '../../src/channels/slack-questions.ts';
import type { ToolInput } from '../../src/types.ts';
import asked from '../fixtures/claude-code/PermissionRequest.AskUserQuestion.json';
import answered from '../fixtures/claude-code/PostToolUse.AskUserQuestion.json';
import { hostileText } from './arbitraries.ts';

const { tool_input: INPUT } = asked;
const QUESTIONS = questionsOf(INPUT) ?? [];
const [DATABASE, EXTRAS] = [0, 1];

/** Presses one after the other; each must be one of the questions'. */
function press(...presses: readonly (readonly [actionId: string, ...selected: string[]])[]): Draft {
  return presses.reduce<Draft>((draft, [actionId, ...selected]) => {
    const next = applyPress(QUESTIONS, draft, { actionId, selected });
    expect(next).toBeDefined();
    return next ?? draft;
  }, emptyDraft(QUESTIONS));
}

const SQLITE = [pickAction(DATABASE, 1)] as const;
const BOTH_EXTRAS = [tickAction(EXTRAS), '1', '0'] as const;

describe('a draft', () => {
  test('starts without any answer', () => {
    expect(emptyDraft(QUESTIONS)).toEqual([{ chosen: [] }, { chosen: [] }]);
    expect(missing(QUESTIONS, emptyDraft(QUESTIONS))).toEqual([0, 1]);
  });

  test('keeps the last option of a question with one answer', () => {
    expect(press([pickAction(DATABASE, 0)], SQLITE)).toEqual([{ chosen: [1] }, { chosen: [] }]);
  });

  test('is the same after a press that is delivered twice', () => {
    expect(press(SQLITE, SQLITE)).toEqual(press(SQLITE));
    expect(press(BOTH_EXTRAS, BOTH_EXTRAS)).toEqual(press(BOTH_EXTRAS));
  });

  test('takes what is ticked in the order of the options, and nothing when all is unticked', () => {
    expect(press(BOTH_EXTRAS)).toEqual([{ chosen: [] }, { chosen: [0, 1] }]);
    expect(press(BOTH_EXTRAS, [tickAction(EXTRAS)])).toEqual(emptyDraft(QUESTIONS));
  });

  test('holds an option or own words where one answer is asked for', () => {
    const own = withOther(QUESTIONS, press(SQLITE), DATABASE, 'MariaDB');
    expect(own[DATABASE]).toEqual({ chosen: [], other: 'MariaDB' });
    expect(applyPress(QUESTIONS, own, { actionId: SQLITE[0], selected: [] })?.[DATABASE]).toEqual({ chosen: [1] });
  });

  test('adds own words to options where many are asked for, in either order', () => {
    const both = { chosen: [0, 1], other: 'Mail' };
    const ownLast = withOther(QUESTIONS, press(BOTH_EXTRAS), EXTRAS, 'Mail');
    const ownFirst = withOther(QUESTIONS, emptyDraft(QUESTIONS), EXTRAS, 'Mail');
    expect(ownLast[EXTRAS]).toEqual(both);
    const [actionId, ...selected] = BOTH_EXTRAS;
    expect(applyPress(QUESTIONS, ownFirst, { actionId, selected })?.[EXTRAS]).toEqual(both);
  });

  test('loses own words that are taken back or blank, and keeps the options', () => {
    const draft = withOther(QUESTIONS, press(BOTH_EXTRAS), EXTRAS, 'Mail');
    for (const nothing of [undefined, '', ' \n'])
      expect(withOther(QUESTIONS, draft, EXTRAS, nothing)).toEqual(press(BOTH_EXTRAS));
  });

  test('does not change for a question that is not there', () => {
    expect(withOther(QUESTIONS, press(SQLITE), 2, 'x')).toEqual(press(SQLITE));
  });
});

describe('a press', () => {
  test('counts only when it is on an option of these questions', () => {
    const strange: readonly (readonly [string, ...string[]])[] = [
      ['csh_approve'],
      ['csh_pick_0_2'],
      ['csh_pick_0_01'],
      ['csh_pick_0'],
      ['csh_pick_2_0'],
      ['csh_pick_1_0'],
      ['csh_tick_0', '0'],
      ['csh_tick_1', '2'],
      ['csh_tick_1', '0', 'x'],
      ['csh_other_0'],
    ];
    for (const [actionId, ...selected] of strange) {
      const next = applyPress(QUESTIONS, emptyDraft(QUESTIONS), { actionId, selected });
      expect([actionId, next]).toEqual([actionId, undefined]);
    }
  });

  test('on Other names its question', () => {
    expect(otherPressed(QUESTIONS, otherAction(1))).toBe(1);
    expect(otherPressed(QUESTIONS, otherAction(2))).toBeUndefined();
    expect(otherPressed(QUESTIONS, pickAction(0, 1))).toBeUndefined();
  });
});

describe('needsSend', () => {
  test('is false for a single question with one answer only', () => {
    const [single, many] = QUESTIONS.map((question) => [question]);
    expect(needsSend(single ?? [])).toBe(false);
    expect(needsSend(many ?? [])).toBe(true);
    expect(needsSend(QUESTIONS)).toBe(true);
  });
});

describe('answeredInput', () => {
  test('is nothing while an answer is missing', () => {
    expect(missing(QUESTIONS, press(SQLITE))).toEqual([EXTRAS]);
    expect(answeredInput(INPUT, QUESTIONS, press(SQLITE))).toBeUndefined();
    expect(answeredInput(INPUT, QUESTIONS, [])).toBeUndefined();
  });

  test('is what Claude Code itself makes of the same answers', () => {
    const draft = press([pickAction(DATABASE, 0)], [tickAction(EXTRAS), '0']);
    const { annotations: _annotations, ...made } = answered.tool_input;
    expect(answeredInput(INPUT, QUESTIONS, draft)).toEqual(made);
  });

  test('joins several answers, own words last, and keeps the rest of the input', () => {
    const draft = withOther(QUESTIONS, press(SQLITE, BOTH_EXTRAS), EXTRAS, 'Mail, later');
    const input = { ...INPUT, metadata: { source: 'plan' } };
    expect(answeredInput(input, QUESTIONS, draft)).toEqual({
      ...input,
      answers: {
        'Which database should the shop use?': 'SQLite',
        'Which extras do you want?': 'Cache, Search, Mail, later',
      },
    });
  });

  test('holds the answer to a question of any name', () => {
    const names = ['__proto__', 'constructor', 'toString', '0'];
    const options = [{ label: '__proto__', description: '' }];
    const input: ToolInput = {
      questions: names.map((question) => ({ question, header: '', options, multiSelect: false })),
    };
    const questions = questionsOf(input) ?? [];
    const draft = questions.map(() => ({ chosen: [0] }));
    const read = JSON.parse(JSON.stringify(answeredInput(input, questions, draft)));
    expect(new Map(Object.entries(read.answers))).toEqual(
      new Map(['0', '__proto__', 'constructor', 'toString'].map((name) => [name, '__proto__'])),
    );
  });
});

describe('for all questions and presses', () => {
  const label = hostileText().filter((text) => text !== '');
  const questions = fc.uniqueArray(
    fc.record<Question>({
      text: label,
      header: hostileText(),
      isMany: fc.boolean(),
      options: fc
        .uniqueArray(label, { minLength: 1, maxLength: 10 })
        .map((labels) => labels.map((text) => ({ label: text, description: '' }))),
    }),
    { minLength: 1, maxLength: 4, selector: ({ text }) => text },
  );
  const index = fc.nat({ max: 10 });
  const pressed = fc.oneof(
    fc.tuple(index, index).map(([question, option]) => ({ actionId: pickAction(question, option), selected: [] })),
    fc.tuple(index, fc.array(index)).map(([question, options]) => ({
      actionId: tickAction(question),
      selected: options.map(String),
    })),
  );
  const other = fc.tuple(index, fc.option(hostileText(), { nil: undefined }));
  const step = fc.oneof(
    pressed.map((item) => (asked: readonly Question[], draft: Draft) => applyPress(asked, draft, item) ?? draft),
    other.map(
      ([question, text]) =>
        (asked: readonly Question[], draft: Draft) =>
          withOther(asked, draft, question, text),
    ),
  );

  test('one answer is never two, and every answer is a label or what was written', () => {
    fc.assert(
      fc.property(questions, fc.array(step, { maxLength: 30 }), (asked, steps) => {
        const draft = steps.reduce<Draft>((before, next) => next(asked, before), emptyDraft(asked));
        const answers = answeredInput({}, asked, draft)?.answers as Record<string, string> | undefined;
        expect(answers === undefined).toBe(missing(asked, draft).length > 0);
        for (const [at, { text, isMany, options }] of asked.entries()) {
          const { chosen = [], other: own } = draft[at] ?? {};
          expect(chosen).toEqual(
            [...new Set(chosen)].filter((option) => option < options.length).sort((a, b) => a - b),
          );
          if (!isMany) expect(chosen.length + (own === undefined ? 0 : 1)).toBeLessThanOrEqual(1);
          const words = [...chosen.map((option) => options[option]?.label), ...(own === undefined ? [] : [own])];
          if (answers !== undefined)
            expect(Object.getOwnPropertyDescriptor(answers, text)?.value).toBe(words.join(', '));
        }
      }),
    );
  });
});
