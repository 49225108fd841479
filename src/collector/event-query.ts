/** What somebody looks for, as it stands in a page's address: read, checked, and written again. */
import type { EventFilter } from '../events.ts';

/** The names in the address, which are those of the form. */
export const FIELDS = ['q', 'kind', 'agent', 'project', 'tool', 'session', 'from', 'to'] as const;
export type Field = (typeof FIELDS)[number];

export interface EventQuery {
  /** As they were written; empty ones are left out. */
  readonly values: Readonly<Partial<Record<Field, string>>>;
  readonly filter: EventFilter;
  /** What could not be read, as sentences for people. */
  readonly problems: readonly string[];
}

/** Longer values are cut: nobody types them. In characters. */
const MAX_VALUE = 300;

/** Without `before`, which only turns the page. */
export function readQuery(query: URLSearchParams): EventQuery {
  const values: Partial<Record<Field, string>> = {};
  for (const field of FIELDS) {
    const value = query.get(field)?.trim().slice(0, MAX_VALUE).toWellFormed() ?? '';
    if (value !== '') values[field] = value;
  }
  const problems: string[] = [];
  const time = (field: 'from' | 'to'): number | undefined => {
    const value = values[field];
    if (value === undefined) return undefined;
    const at = readTime(value);
    if (at === undefined) problems.push(`Expected ${field} to be a time like 2026-11-21T14:30, got ${value}`);
    return at;
  };
  const [from, to] = [time('from'), time('to')];
  const { kind, agent, project, tool, session, q: text } = values;
  const given = { kind, agent, project, tool, session, text, from, to };
  return { values, filter: withoutUndefined(given), problems };
}

/** A time as a browser's form sends it, in this machine's zone; or in ISO 8601 with a zone. In milliseconds since the epoch. */
export function readTime(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text)) return undefined;
  // A date without a time would be read as one in UTC.
  const at = Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T'));
  return Number.isFinite(at) ? at : undefined;
}

/** A whole number of the address above zero, or nothing. */
export function readCount(text: string | null): number | undefined {
  const number = /^\d{1,16}$/.test(text ?? '') ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}

/** An address with these values, and others; those that are undefined are left out. */
export function address(path: string, ...parts: readonly Readonly<Record<string, string | undefined>>[]): string {
  const query = new URLSearchParams();
  for (const [name, value] of parts.flatMap((part) => Object.entries(part)))
    if (value !== undefined) query.set(name, value);
  return query.size === 0 ? path : `${path}?${query}`;
}

/** A filter of those that are given. */
export function withoutUndefined(
  values: {
    readonly [K in keyof EventFilter]: EventFilter[K] | undefined;
  },
): EventFilter {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
