/** One event of the record as the Activity page shows it, made once for the page and for everybody who follows it. */
import type { EventRecord } from '../events.ts';
import { lookOf, summaryOf, typeOf } from './event-words.ts';
import { fieldsOf, textOf } from './fields.ts';
import type { Icon, Tone } from './markup.ts';
import { prettyJson } from './pretty-json.ts';
import { clipLine } from './shown-text.ts';
import { clock } from './times.ts';

export interface RowModel {
  readonly id: string;
  readonly seq: number;
  /** ISO 8601. */
  readonly at: string;
  readonly time: string;
  readonly tone: Tone;
  readonly icon: Icon;
  /** See `typeOf`. */
  readonly type: string;
  readonly summary: string;
  readonly session: { readonly name: string; readonly href?: string };
  /** The rest of what tells where it comes from: agent, project, host; each where known. */
  readonly about: readonly string[];
  readonly tool?: string;
  /** The whole event as JSON, as far as there is room. */
  readonly json: string;
  readonly isCut: boolean;
  /** The event itself, all of it. */
  readonly href: string;
}

/** In bytes of markup. Fifty rows of `ROW_JSON` and what stands around it stay below 200 kB. */
const ROW_JSON = 2000;
const SUMMARY = 240;
const NAME = 80;

/** @param now milliseconds since the epoch; events of another day show it */
export function rowModel(event: EventRecord, now: number, jsonBytes: number | undefined = ROW_JSON): RowModel {
  const { text, isCut } = prettyJson(event, jsonBytes);
  const name = (value: string): string => clipLine(value, NAME);
  const about = [event.agent, event.project, event.host].filter((part) => part !== null);
  return {
    ...{ id: event.id, seq: event.seq, at: event.timestamp, time: clock(Date.parse(event.timestamp), now) },
    ...lookOf(event),
    ...{ type: name(typeOf(event)), summary: clipLine(summaryOf(event), SUMMARY), about: about.map(name) },
    session: { name: name(sessionName(event)), ...linked(event.session_id) },
    ...(event.tool === null ? {} : { tool: name(event.tool) }),
    ...{ json: text, isCut, href: eventHref(event) },
  };
}

/** The name that its sender gave it, in the event or in a header, with the beginning of its id; else its id alone. */
function sessionName({ session_id: id, meta = {}, data }: EventRecord): string {
  const given = textOf(fieldsOf(data), 'session_name') ?? textOf(meta, 'session_name');
  // What senders write into the header that have none.
  return given === undefined || given === 'unknown' ? shortId(id) : `${given} · ${shortId(id)}`;
}

const SHORT = 8;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-/i;

/** Of a UUID the first part, which is enough to tell sessions apart on one page; any other id as it is. */
export function shortId(id: string): string {
  return UUID.test(id) ? id.slice(0, SHORT) : id;
}

/** Fifty rows must stay small; nobody's own ids are so long. In characters. */
const LONGEST_LINKED = 300;

/** The page of a session; undefined for an id that is too long for an address. */
function sessionHref(id: string): string | undefined {
  if (id.length > LONGEST_LINKED) return undefined;
  const name = encodeURIComponent(id.toWellFormed());
  return name.length > LONGEST_LINKED ? undefined : `/sessions/${name}`;
}

/** As an attribute that may be missing. */
export function linked(session: string): { readonly href?: string } {
  const href = sessionHref(session);
  return href === undefined ? {} : { href };
}

/** The one event as JSON: the last that came before the one after it. */
export function eventHref({ seq, session_id: session }: Pick<EventRecord, 'seq' | 'session_id'>): string {
  const query = new URLSearchParams({ before: String(seq + 1), limit: '1' });
  // Two processes may have given the same number.
  if (sessionHref(session) !== undefined) query.set('session', session);
  return `/events?${query}`;
}
