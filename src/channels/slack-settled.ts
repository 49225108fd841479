/** What is kept of a request that is over and whose messages say so: enough to draw them again, and no large input. */
import { withoutLargeInput } from '../settled-request.ts';
import type { Outcome, ToolInput } from '../types.ts';
import type { CardBody } from './slack-body.ts';
import { code, richText, section } from './slack-elements.ts';
import type { Entry } from './slack-entries.ts';
import { own } from './slack-field.ts';

/** Drops what no later event can need; to be called once the messages have been closed, and for each new end again. */
export function settle(entry: Entry): void {
  const { request, outcome, body } = entry;
  if (outcome === undefined) return;
  entry.surroundings = {};
  entry.body = copied({ ...body, fields: [] });
  const kept = withoutLargeInput(request);
  if (kept === request) return;
  const { tool_input = {} } = request.input;
  const updated = 'updatedInput' in outcome ? outcome.updatedInput : undefined;
  const named = updated === undefined ? [] : namedKeys(request.offers.form === 'questions', tool_input, updated);
  const shown = picked(tool_input, ['run_in_background', ...named]);
  entry.request = { ...kept, input: { ...kept.input, tool_input: shown } };
  if (updated !== undefined) entry.outcome = { ...outcome, updatedInput: picked(updated, named) } as Outcome;
  // Whoever is told of a place holds the whole request.
  entry.onShown = () => {};
  entry.isLight = true;
}

/** For a card that has to be short when the input is gone: how the call starts. */
export function briefBody(body: CardBody): CardBody {
  return { ...body, call: body.start === '' ? [] : [richText([section(code(body.start))])] };
}

/** The keys of the input that the outcome names; see slack-changed.ts. */
function namedKeys(areAnswers: boolean, asked: ToolInput, updated: ToolInput): readonly string[] {
  if (areAnswers) return ['questions', 'answers'];
  return Object.keys(updated).filter((key) => !Bun.deepEquals(own(asked, key), updated[key]));
}

function picked(input: ToolInput, keys: readonly string[]): ToolInput {
  return Object.fromEntries(keys.filter((key) => Object.hasOwn(input, key)).map((key) => [key, input[key]]));
}

/** With texts of its own: a piece of a text keeps all of that in memory. */
function copied(body: CardBody): CardBody {
  return { ...JSON.parse(JSON.stringify(body)), questions: body.questions };
}
