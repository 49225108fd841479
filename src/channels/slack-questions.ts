/** The questions of AskUserQuestion, as a person would be asked them. */

import type { Shown } from './slack-edits.ts';
import { type Field, isRecord, own, type ToolInput } from './slack-field.ts';
import { countHidden, encodeInline } from './visible.ts';
import { choose, questionLabel } from './wording.ts';

const MAX_QUESTIONS = 8;

/** One box for each question; none at all when anything about them is not known, so that nothing is left out. */
export function questionFields(toolInput: ToolInput): Shown {
  const questions = own(toolInput, 'questions');
  const boxes = Array.isArray(questions) ? questions.map(toBox) : [];
  const known = boxes.filter((box) => box !== undefined);
  if (boxes.length === 0 || boxes.length > MAX_QUESTIONS || known.length < boxes.length)
    return { fields: [], keys: [] };
  const fields = known.map((texts, index): Field => {
    const shown = texts.map(([before, text]) => before + encodeInline(text)).join('\n');
    return {
      label: questionLabel(index, known.length),
      shown,
      style: 'box',
      length: texts.reduce((sum, [, text]) => sum + text.length, 0),
      hidden: texts.reduce((sum, [, text]) => sum + countHidden(text), 0),
      whole: true,
    };
  });
  return { fields, keys: ['questions'] };
}

type Line = readonly [before: string, text: string];

/** The question, how many answers it takes and its header, then the options: each on lines of its own. */
function toBox(value: unknown): readonly Line[] | undefined {
  if (!isRecord(value)) return undefined;
  const { question, header, options, multiSelect, ...more } = value;
  if (typeof question !== 'string' || typeof header !== 'string' || typeof multiSelect !== 'boolean') return undefined;
  const lines = Array.isArray(options) ? options.map(toOption) : undefined;
  if (lines === undefined || Object.keys(more).length > 0) return undefined;
  const known = lines.filter((line) => line !== undefined);
  if (known.length < lines.length) return undefined;
  return [['', question], [`${choose(multiSelect)} · `, header], ...known.flat()];
}

function toOption(value: unknown): readonly Line[] | undefined {
  if (!isRecord(value)) return undefined;
  const { label, description, ...more } = value;
  if (typeof label !== 'string' || typeof description !== 'string' || Object.keys(more).length > 0) return undefined;
  return [
    ['○ ', label],
    ['   ', description],
  ];
}
