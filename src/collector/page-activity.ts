/** What happened last, newest first. */
import type { EventRecord, EventStore } from '../events.ts';
import { address, type EventQuery, FIELDS, readCount, readQuery } from './event-query.ts';
import { type Html, h } from './html.ts';
import { filterForm } from './page-form.ts';
import type { Page } from './page-frame.ts';
import { rowModel } from './row-model.ts';
import { rowView } from './row-view.ts';

/** Rows of a page. */
const PAGE = 50;

/** Rejects as the store does. */
export async function activityPage(store: Pick<EventStore, 'find'>, url: URL, now: number): Promise<Page> {
  const query = readQuery(url.searchParams);
  const beforeSeq = readCount(url.searchParams.get('before'));
  const isRefused = query.problems.length > 0;
  const filter = { ...query.filter, ...(beforeSeq === undefined ? {} : { beforeSeq }) };
  const found = isRefused ? [] : await store.find(filter, PAGE + 1, 'newest');
  const events = found.slice(0, PAGE);
  const isLast = found.length <= PAGE;
  const isRefreshed = url.searchParams.get('refresh') !== 'off';
  const isNewest = beforeSeq === undefined && !isRefused;
  return {
    title: 'Activity',
    current: '/',
    ...(isRefused ? { status: 400 } : {}),
    body: [
      h('h1', {}, 'Activity'),
      filterForm('/', FIELDS, query),
      isNewest ? h('div', { id: 'news' }) : null,
      events.length === 0 && !isRefused ? empty(query, beforeSeq !== undefined, url.origin) : null,
      h('ol', { class: 'rows', id: 'rows' }, ...events.map((event) => rowView(h, rowModel(event, now)))),
      pager(query, events, beforeSeq !== undefined, isLast),
    ],
    // An empty store has no last event: whatever comes is new.
    ...(isNewest
      ? {
          live: {
            ...{ view: 'activity', query: new URLSearchParams(query.values), after: highest(events) },
            oldest: isLast ? undefined : events.at(-1)?.seq,
          },
          refresh: {
            isOn: isRefreshed,
            other: address('/', query.values, { refresh: isRefreshed ? 'off' : undefined }),
          },
        }
      : {}),
  };
}

/** Rows are in the order of `seq`; the first is the last that came. */
function highest(events: readonly EventRecord[]): number {
  return events[0]?.seq ?? 1;
}

function pager({ values }: EventQuery, events: readonly EventRecord[], isOlder: boolean, isLast: boolean): Html | null {
  const last = events.at(-1);
  if (!isOlder && isLast) return null;
  return h(
    'nav',
    { class: 'pager', 'aria-label': 'More events' },
    isOlder ? h('a', { href: address('/', values) }, 'Newest events') : null,
    isLast || last === undefined
      ? null
      : h('a', { href: address('/', values, { before: String(last.seq) }), rel: 'next' }, 'Older events'),
  );
}

/** Anybody's first event. */
const example = (origin: string): string => `curl -X POST ${origin}/events \\
  -H "Content-Type: application/json" -H "X-API-Key: $HOOK_API_KEY" \\
  -d '{"hook_event_name":"test_event","session_id":"test-session-123"}'`;

function empty({ values }: EventQuery, isOlder: boolean, origin: string): Html {
  if (isOlder) return h('div', { class: 'empty', id: 'empty' }, h('p', {}, h('b', {}, 'There are no older events.')));
  if (Object.keys(values).length > 0)
    return h(
      'div',
      { class: 'empty', id: 'empty' },
      h('p', {}, h('b', {}, 'No event fits.')),
      h('p', {}, h('a', { href: '/' }, 'Show everything')),
    );
  return h(
    'div',
    { class: 'empty', id: 'empty' },
    h('p', {}, h('b', {}, 'No event has come yet.')),
    h('p', {}, 'Send one to see it appear here:'),
    h('pre', {}, example(origin)),
  );
}
