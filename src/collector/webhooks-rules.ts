/** `collector.webhooks` of the config file: which events go where, and as what. */
import * as v from 'valibot';
import type { EventRecord } from '../events.ts';
import { matchesRuns } from '../wildcard.ts';

const OBJECT_WORDS = 'to be an object';
const TEXT_WORDS = 'to be a text that is not empty';

const pattern = v.pipe(v.string(TEXT_WORDS), v.nonEmpty(TEXT_WORDS));

const match = v.strictObject(
  {
    kind: v.exactOptional(pattern),
    type: v.exactOptional(pattern),
    agent: v.exactOptional(pattern),
    project: v.exactOptional(pattern),
    tool: v.exactOptional(pattern),
  },
  OBJECT_WORDS,
);

/** The messages never hold the value: the path of a webhook's address is its password. */
const webhookRule = v.strictObject(
  {
    match: v.optional(match, {}),
    url: v.pipe(
      v.string('to be an http(s) URL'),
      v.check((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), 'to be an http(s) URL'),
    ),
    template: v.exactOptional(
      v.pipe(
        v.union(
          [v.string(), v.record(v.string(), v.unknown()), v.array(v.unknown())],
          'to be a text that holds JSON, or an object',
        ),
        v.check((value) => typeof value !== 'string' || isJson(value), 'to be a text that holds JSON, or an object'),
      ),
    ),
    allowPrivate: v.optional(v.boolean('to be true or false'), false),
  },
  OBJECT_WORDS,
);

export const webhookRules = v.array(webhookRule, 'to be a list');

/** One rule, as it was checked. */
export type WebhookRule = v.InferOutput<typeof webhookRule>;

/** True where all that the rule names fits. `*` stands for any characters, and a kind that ends in a dot for all that begin so. */
export function isMatch({ match: wanted }: Pick<WebhookRule, 'match'>, event: EventRecord): boolean {
  const { kind = '*', type = '*', agent = '*', project = '*', tool = '*' } = wanted;
  return (
    fits(event.kind, kind.endsWith('.') ? `${kind}*` : kind) &&
    fits(event.event_type, type) &&
    fits(event.agent, agent) &&
    fits(event.project, project) &&
    fits(event.tool, tool)
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What an event does not have fits nothing but `*`. */
function fits(value: string | null, wanted: string): boolean {
  return wanted === '*' || (value !== null && matchesRuns(wanted, value));
}
