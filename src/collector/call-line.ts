/** A tool call in one line: the part of its input that tells a person most. */
import { type Fields, fieldsOf, textOf } from './fields.ts';

/** In the order of what tells most. Of a call with a command, that; of one with a file, its path; and so on. */
const TELLING = [
  ...['command', 'cmd', 'file_path', 'notebook_path', 'url', 'query', 'pattern', 'path', 'description', 'prompt'],
  ...['plan', 'question', 'message', 'text', 'name'],
] as const;

/** How much of an input without a telling part is shown, in characters. */
const SHOWN_INPUT = 300;
/** How many keys of it. */
const SHOWN_KEYS = 8;

/** Not encoded, and as long as the agent made it; empty where the input says nothing. */
export function callLine(input: unknown): string {
  const fields = fieldsOf(input);
  return textOf(fields, ...TELLING) ?? firstQuestion(fields) ?? inShort(fields);
}

/** Claude Code asks people by a list of questions. */
function firstQuestion(fields: Fields): string | undefined {
  const { questions } = fields;
  return Array.isArray(questions) ? textOf(fieldsOf(questions[0]), 'question') : undefined;
}

function inShort(fields: Fields): string {
  return Object.entries(fields)
    .slice(0, SHOWN_KEYS)
    .flatMap(([key, value]) =>
      ['string', 'number', 'boolean'].includes(typeof value) ? [`${key}: ${String(value).slice(0, SHOWN_INPUT)}`] : [],
    )
    .join(', ')
    .slice(0, SHOWN_INPUT);
}
