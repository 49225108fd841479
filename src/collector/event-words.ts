/** What an event is called on a page, and the one line that says what it was about. */
import type { EventKind, EventRecord } from '../events.ts';
import { callLine } from './call-line.ts';
import { type Fields, fieldsOf, numberOf, textOf } from './fields.ts';
import type { Icon, Tone } from './markup.ts';
import { spanWords } from './times.ts';

export interface Look {
  readonly tone: Tone;
  readonly icon: Icon;
}

const LOOKS: Readonly<Record<EventKind, Look>> = {
  'session.started': { tone: 'plain', icon: 'session' },
  'session.updated': { tone: 'plain', icon: 'session' },
  'session.ended': { tone: 'plain', icon: 'session' },
  'prompt.submitted': { tone: 'talk', icon: 'talk' },
  'tool.requested': { tone: 'tool', icon: 'tool' },
  'tool.completed': { tone: 'good', icon: 'check' },
  'tool.failed': { tone: 'bad', icon: 'cross' },
  'approval.requested': { tone: 'wait', icon: 'clock' },
  'approval.shown': { tone: 'plain', icon: 'dot' },
  'approval.decided': { tone: 'good', icon: 'check' },
  'approval.ended': { tone: 'plain', icon: 'clock' },
  'agent.responded': { tone: 'talk', icon: 'talk' },
  'agent.thought': { tone: 'plain', icon: 'dot' },
  'notification.reported': { tone: 'wait', icon: 'bell' },
  other: { tone: 'plain', icon: 'dot' },
};

/** As the sender called it; with a word beside it for what calls itself an approval and comes from nobody who may tell of one. */
export function typeOf({ event_type: type, kind }: Pick<EventRecord, 'event_type' | 'kind'>): string {
  return kind === 'other' && /^\s*approval\b/i.test(type) ? `unproven: ${type}` : type;
}

/** Colour and icon; the word beside them is the event's own type. */
export function lookOf(event: EventRecord): Look {
  const isDenied = event.kind === 'approval.decided' && fieldsOf(event.data).outcome === 'denied';
  return isDenied ? { tone: 'bad', icon: 'cross' } : LOOKS[event.kind];
}

/** Not encoded and of any length: see `clipLine`. */
export function summaryOf(event: EventRecord): string {
  const data = fieldsOf(event.data);
  return SUMMARIES[event.kind]?.(data) ?? anything(data);
}

const SUMMARIES: { readonly [K in EventKind]?: (data: Fields) => string | undefined } = {
  'session.started': (data) => textOf(data, 'source', 'model', 'summary'),
  'session.ended': (data) => textOf(data, 'reason', 'summary'),
  'prompt.submitted': (data) => textOf(data, 'prompt', 'message', 'text'),
  'tool.requested': callOf,
  'tool.completed': (data) => joined(callOf(data), took(data)),
  'tool.failed': (data) => joined(callOf(data), textOf(data, 'error', 'reason')),
  'approval.requested': (data) => callOf(fieldsOf(data.input)),
  'approval.shown': (data) => `shown to ${textOf(data, 'approver') ?? 'somebody'}`,
  'approval.decided': (data) =>
    joined(`${textOf(data, 'outcome')} by ${textOf(data, 'by') ?? 'somebody'}`, textOf(data, 'reason')),
  'approval.ended': (data) => joined(textOf(data, 'outcome'), textOf(data, 'reason')),
  'agent.responded': (data) => textOf(data, 'last_assistant_message', 'prompt_response', 'response', 'text', 'message'),
  'agent.thought': (data) => textOf(data, 'text', 'thought', 'message'),
  'notification.reported': (data) => textOf(data, 'message', 'title'),
};

/** Agents say a call's arguments under `tool_input`; Cursor puts a command beside everything else. */
function callOf(data: Fields): string | undefined {
  const line = callLine(data.tool_input ?? data.input ?? {});
  return line === '' ? textOf(data, 'command', 'file_path', 'url') : line;
}

function took(data: Fields): string | undefined {
  const ms = numberOf(data, 'duration_ms');
  return ms === undefined ? undefined : `in ${spanWords(ms)}`;
}

function joined(...parts: readonly (string | undefined)[]): string | undefined {
  const said = parts.filter((part) => part !== undefined);
  return said.length === 0 ? undefined : said.join(' · ');
}

function anything(data: Fields): string {
  return textOf(data, 'message', 'text', 'summary') ?? textOf(fieldsOf(data.context), 'message') ?? callOf(data) ?? '';
}
