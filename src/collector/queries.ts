/** Filters in the query of a URL. */
import * as v from 'valibot';
import type { EventFilter, EventStore } from '../events.ts';
import { readTime } from './event-identity.ts';
import { withoutUndefined } from './event-query.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1_000;

const words = v.optional(v.pipe(v.string(), v.maxLength(256, 'Expected at most 256 characters')));
const whole = (most: number) =>
  v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,16}$/, 'Expected a whole number'),
      v.transform(Number),
      v.maxValue(most, `Expected at most ${most}`),
    ),
  );
const time = v.optional(
  v.pipe(
    v.string(),
    v.transform((text) => readTime(/^\d+$/.test(text) ? Number(text) : text)),
    v.number('Expected a time such as 2026-11-21T09:00:00Z'),
  ),
);

const query = v.object({
  ...{ session: words, kind: words, type: words, agent: words, project: words, tool: words, text: words },
  ...{ from: time, to: time, before: whole(Number.MAX_SAFE_INTEGER), after: whole(Number.MAX_SAFE_INTEGER) },
  limit: whole(MAX_LIMIT),
});

export type Query =
  | { readonly ok: true; readonly filter: EventFilter; readonly limit: number }
  | { readonly ok: false; readonly path: string; readonly message: string };

/** Unknown names are passed over; empty values are as if they were not there. */
export function readQuery(url: URL): Query {
  const given = Object.fromEntries([...url.searchParams].filter(([, value]) => value !== ''));
  const checked = v.safeParse(query, given, { abortEarly: true });
  if (!checked.success) {
    const [issue] = checked.issues;
    return { ok: false, path: String(issue.path?.[0]?.key ?? ''), message: issue.message };
  }
  const { before, after, limit = DEFAULT_LIMIT, ...rest } = checked.output;
  const filter = {
    ...rest,
    ...(before === undefined ? {} : { beforeSeq: before }),
    ...(after === undefined ? {} : { afterSeq: after }),
  };
  return { ok: true, filter: withoutUndefined(filter), limit };
}

/**
 * The same store for filters that come from outside. What events call NUL is stored as U+FFFD, and so it is looked for:
 * PostgreSQL takes no NUL in a question either.
 */
export function searchable({
  find,
  sessions,
}: Pick<EventStore, 'find' | 'sessions'>): Pick<EventStore, 'find' | 'sessions'> {
  return {
    find: (filter, ...more) => find(withoutNul(filter), ...more),
    sessions: (filter, limit) => sessions(withoutNul(filter), limit),
  };
}

function withoutNul<T extends EventFilter>(filter: T): T {
  const entries = Object.entries(filter);
  if (!entries.some(([, value]) => typeof value === 'string' && value.includes('\0'))) return filter;
  return Object.fromEntries(
    entries.map(([key, value]) => [key, typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value]),
  ) as T;
}
