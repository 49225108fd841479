/** Is this a view that Slack would open? */
import { plainText } from './block-elements.ts';
import { blockErrors } from './blocks.ts';
import { isRecord, recordsOf } from './json.ts';
import { anything, type Check, type Fields, flag, oneOf, problem, shape, text } from './schema.ts';
import { invalidArguments, SlackRefusal } from './web-api.ts';

/** Slack's limit for one view as JSON. */
const MAX_VIEW_BYTES = 250_000;

const common: Fields = { private_metadata: text(3000, 0), callback_id: text(255, 0), external_id: text(255, 0) };

const VIEWS: Readonly<Record<'modal' | 'home', Check>> = {
  modal: shape(
    { type: oneOf('modal'), title: plainText(24), blocks: anything },
    {
      ...common,
      submit: plainText(24),
      close: plainText(24),
      clear_on_close: flag,
      notify_on_close: flag,
      submit_disabled: flag,
    },
  ),
  home: shape({ type: oneOf('home'), blocks: anything }, common),
};

/** The view when it is a good one. Throws invalid_arguments with Slack's messages, or view_too_large. */
export function checkedView(view: unknown, surface: 'modal' | 'home'): Record<string, unknown> {
  if (!isRecord(view)) throw invalidArguments('missing required field: view');
  // Apps may send back nulls that Slack itself put into a view.
  const given = Object.fromEntries(Object.entries(view).filter(([, value]) => value !== null));
  const problems: string[] = [];
  VIEWS[surface](given, '/view', problems);
  if (given.blocks !== undefined) {
    if (Array.isArray(given.blocks)) problems.push(...blockErrors(given.blocks, surface, '/view/blocks'));
    else problems.push(problem('must be an array', '/view/blocks'));
  }
  const hasInput = recordsOf(given.blocks).some((block) => block.type === 'input');
  if (surface === 'modal' && hasInput && given.submit === undefined) {
    problems.push(problem('missing required field: submit', '/view'));
  }
  if (problems.length > 0) throw invalidArguments(...problems);
  if (Buffer.byteLength(JSON.stringify(given)) > MAX_VIEW_BYTES) throw new SlackRefusal('view_too_large');
  return given;
}
