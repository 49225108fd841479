/** Answers to questions while a person chooses them, and the tool input that they make. Pure: a draft in, a draft out. */
import type { ToolInput } from '../types.ts';
import type { Question } from './slack-questions.ts';

/** What is chosen so far: one entry for each question, with the indexes of options in their order. */
export type Draft = readonly { readonly chosen: readonly number[]; readonly other?: string }[];

type Entry = Draft[number];

/** The press of an element in a message. `selected`: the values of the ticked options, for checkboxes. */
export interface QuestionPress {
  readonly actionId: string;
  readonly selected: readonly string[];
}

const NOTHING_CHOSEN: Entry = { chosen: [] };
/** How Claude Code joins several answers into one text. */
const JOINT = ', ';

/** The button of one option of a question that takes one answer. */
export function pickAction(question: number, option: number): string {
  return `csh_pick_${question}_${option}`;
}

/** The checkboxes of a question that takes any number of answers. */
export function tickAction(question: number): string {
  return `csh_tick_${question}`;
}

/** The button that opens the form for an answer in one's own words. */
export function otherAction(question: number): string {
  return `csh_other_${question}`;
}

export function emptyDraft(questions: readonly Question[]): Draft {
  return questions.map(() => NOTHING_CHOSEN);
}

/** What a draft holds for one question. */
export function entryOf(draft: Draft, question: number): Entry {
  return draft[question] ?? NOTHING_CHOSEN;
}

/** Whether the answers have to be sent; a single question with one answer is answered by the press itself. */
export function needsSend(questions: readonly Question[]): boolean {
  return questions.length > 1 || questions.some(({ isMany }) => isMany);
}

/**
 * The draft after a press on an option; undefined when it is no option of these questions. The same press again
 * changes nothing, because Slack may deliver it twice. For the button with `otherAction` see `otherPressed`.
 */
export function applyPress(questions: readonly Question[], draft: Draft, press: QuestionPress): Draft | undefined {
  const { actionId, selected } = press;
  for (const [index, { isMany, options }] of questions.entries()) {
    if (isMany && actionId === tickAction(index)) {
      const known = [...options.keys()];
      if (!selected.every((value) => known.map(String).includes(value))) return undefined;
      const chosen = known.filter((option) => selected.includes(String(option)));
      return replace(questions, draft, index, (entry) => ({ ...entry, chosen }));
    }
    const option = isMany ? -1 : options.findIndex((_option, at) => actionId === pickAction(index, at));
    if (option >= 0) return replace(questions, draft, index, () => ({ chosen: [option] }));
  }
  return undefined;
}

/** The question whose form a press asks for. */
export function otherPressed(questions: readonly Question[], actionId: string): number | undefined {
  const index = questions.findIndex((_question, at) => actionId === otherAction(at));
  return index < 0 ? undefined : index;
}

/** The draft with an answer in the person's own words; without one when `text` is undefined or blank. */
export function withOther(
  questions: readonly Question[],
  draft: Draft,
  question: number,
  text: string | undefined,
): Draft {
  const isMany = questions[question]?.isMany === true;
  return replace(questions, draft, question, ({ chosen }) =>
    text === undefined || text.trim() === '' ? { chosen } : { chosen: isMany ? chosen : [], other: text },
  );
}

/** The indexes of the questions without an answer. */
export function missing(questions: readonly Question[], draft: Draft): readonly number[] {
  return [...questions.keys()].filter((index) => answersOf(questions, draft, index).length === 0);
}

/**
 * What the tool is to run with: the whole input and the answers, keyed by the text of the question; labels word for
 * word, in the order of the options, and the person's own words last. Undefined while an answer is missing.
 */
export function answeredInput(input: ToolInput, questions: readonly Question[], draft: Draft): ToolInput | undefined {
  if (missing(questions, draft).length > 0) return undefined;
  // `fromEntries` makes an own key of every text, `__proto__` included.
  const answers = Object.fromEntries(
    questions.map(({ text }, index) => [text, answersOf(questions, draft, index).join(JOINT)]),
  );
  return { ...input, answers };
}

function answersOf(questions: readonly Question[], draft: Draft, question: number): readonly string[] {
  const { chosen, other } = entryOf(draft, question);
  const labels = (questions[question]?.options ?? []).map(({ label }) => label);
  return [...labels.filter((_label, option) => chosen.includes(option)), ...(other === undefined ? [] : [other])];
}

function replace(
  questions: readonly Question[],
  draft: Draft,
  question: number,
  change: (entry: Entry) => Entry,
): Draft {
  return questions.map((_question, index) => {
    const entry = entryOf(draft, index);
    return index === question ? change(entry) : entry;
  });
}
