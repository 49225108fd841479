/** What a webhook is told of an event: JSON, with the event's texts in the places that the template names. */
import type { EventRecord } from '../events.ts';

/** Makes the body of the request. Pure. */
export type Render = (event: EventRecord) => string;

const DEFAULT = { text: 'New {{event_type}} event from {{session_name}}' };
/** Of one value, in characters: a chat is not the place for a whole file. */
const MAX_VALUE = 1_000;
const PLACE = /\{\{\s*([\w.-]+)\s*\}\}/g;

/**
 * The template is JSON before anything is put into it, so no text of an agent can become more than a text. For Slack the three
 * characters that make links and mentions are escaped, too (https://docs.slack.dev/messaging/formatting-message-text#escaping).
 * @param template JSON as a text, or what it stands for; checked by `webhookRules`
 */
export function createRender(template: unknown, url: URL): Render {
  const parsed: unknown = typeof template === 'string' ? JSON.parse(template) : (template ?? DEFAULT);
  const escaped = isSlack(url) ? escapeSlack : (text: string): string => text;
  const fill = (value: unknown, event: EventRecord): unknown => {
    if (typeof value === 'string') return value.replace(PLACE, (_, name: string) => escaped(textAt(event, name)));
    if (Array.isArray(value)) return value.map((each) => fill(each, event));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fill(each, event)]));
  };
  return (event) => JSON.stringify(fill(parsed, event));
}

function isSlack({ hostname }: URL): boolean {
  return hostname === 'hooks.slack.com' || hostname === 'hooks.slack-gov.com';
}

function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** `tool`, `data.tool_input.command`: what is there, as a text; empty for what is not. */
function textAt(event: EventRecord, name: string): string {
  const value = name === 'session_name' ? sessionNameOf(event) : name.split('.').reduce<unknown>(ownValue, event);
  if (value === undefined || value === null) return '';
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).toWellFormed();
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE).toWellFormed()}…` : text;
}

function ownValue(from: unknown, key: string): unknown {
  return typeof from === 'object' && from !== null && Object.hasOwn(from, key) ? Reflect.get(from, key) : undefined;
}

/** As the sender called the session; else its project, else its id. */
function sessionNameOf({ data, extra, meta = {}, project, session_id }: EventRecord): string {
  const header = Object.entries(meta).find(([name]) => /^(x-)?session[-_]name$/i.test(name))?.[1];
  const named = [ownValue(data, 'session_name'), ownValue(extra, 'session_name'), header === 'unknown' ? '' : header];
  return named.find((name): name is string => typeof name === 'string' && name !== '') ?? project ?? session_id;
}
