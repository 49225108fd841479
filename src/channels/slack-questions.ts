/** The questions of AskUserQuestion: what they are, and how a card shows them where they cannot be answered. */
import { isObject } from '../protocol.ts';
import type { ToolInput } from '../types.ts';
import type { Shown } from './slack-edits.ts';
import { type Field, own } from './slack-field.ts';
import { countHidden, encodeInline } from './visible.ts';
import { choose, questionLabel } from './wording.ts';

/** Claude Code asks at most this many (`AskUserQuestionInput` of its SDK). */
export const MAX_QUESTIONS = 4;
/** Checkboxes hold no more (Block Kit reference); Claude Code offers at most 4. */
const MAX_OPTIONS = 10;
/** More are shown as JSON. */
const MAX_BOXES = 8;

export interface Option {
  readonly label: string;
  readonly description: string;
  /** Several lines, such as a sketch of what would come of it. */
  readonly preview?: string;
}

export interface Question {
  readonly text: string;
  /** A word or two; may be empty. */
  readonly header: string;
  /** Whether it takes more than one answer. */
  readonly isMany: boolean;
  readonly options: readonly Option[];
}

/**
 * The questions of a tool input; undefined when they cannot be answered from a card: something about them is not
 * known, there are none or too many, or two would have the same answer. Other keys of the input are not looked at.
 */
export function questionsOf(input: ToolInput): readonly Question[] | undefined {
  const questions = readQuestions(input);
  if (questions === undefined || questions.length > MAX_QUESTIONS) return undefined;
  // Answers are keyed by the text of the question.
  return areDistinct(questions.map(({ text }) => text)) && questions.every(isAnswerable) ? questions : undefined;
}

/** One box for each question; none at all when anything about them is not known, so that nothing is left out. */
export function questionFields(toolInput: ToolInput): Shown {
  const questions = readQuestions(toolInput);
  // A preview has many lines: it is better off in JSON than in one line of a box.
  if (questions === undefined || questions.length > MAX_BOXES || questions.some(hasPreview))
    return { fields: [], keys: [] };
  return {
    fields: questions.map((question, index) => toField(question, index, questions.length)),
    keys: ['questions'],
  };
}

function readQuestions(input: ToolInput): readonly Question[] | undefined {
  const questions = allOf(own(input, 'questions'), toQuestion);
  return questions === undefined || questions.length === 0 ? undefined : questions;
}

function toQuestion(value: unknown): Question | undefined {
  if (!isObject(value)) return undefined;
  const { question: text, header, options: given, multiSelect: isMany, ...more } = value;
  const options = allOf(given, toOption);
  if (typeof text !== 'string' || typeof header !== 'string' || typeof isMany !== 'boolean') return undefined;
  return options === undefined || Object.keys(more).length > 0 ? undefined : { text, header, isMany, options };
}

function toOption(value: unknown): Option | undefined {
  if (!isObject(value)) return undefined;
  const { label, description, preview, ...more } = value;
  if (typeof label !== 'string' || typeof description !== 'string' || Object.keys(more).length > 0) return undefined;
  if (preview === undefined) return { label, description };
  return typeof preview === 'string' ? { label, description, preview } : undefined;
}

/** Every item, read; undefined when it is no list or one of them cannot be read. */
function allOf<T>(list: unknown, read: (item: unknown) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(list)) return undefined;
  const known = list.map(read).filter((item) => item !== undefined);
  return known.length < list.length ? undefined : known;
}

function isAnswerable({ text, options }: Question): boolean {
  const labels = options.map(({ label }) => label);
  return (
    text !== '' && labels.length > 0 && labels.length <= MAX_OPTIONS && !labels.includes('') && areDistinct(labels)
  );
}

function areDistinct(texts: readonly string[]): boolean {
  return new Set(texts).size === texts.length;
}

function hasPreview({ options }: Question): boolean {
  return options.some(({ preview }) => preview !== undefined);
}

/** The question, how many answers it takes and its header, then the options: each on lines of its own. */
function toField({ text, header, isMany, options }: Question, index: number, count: number): Field {
  const lines: readonly (readonly [before: string, text: string])[] = [
    ['', text],
    [`${choose(isMany)} · `, header],
    ...options.flatMap(({ label, description }) => [['○ ', label] as const, ['   ', description] as const]),
  ];
  return {
    label: questionLabel(index, count),
    shown: lines.map(([before, line]) => before + encodeInline(line)).join('\n'),
    style: 'box',
    length: lines.reduce((sum, [, line]) => sum + line.length, 0),
    hidden: lines.reduce((sum, [, line]) => sum + countHidden(line), 0),
    whole: true,
  };
}
