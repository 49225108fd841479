/** The sessions that were heard of last. */
import type { EventStore, SessionRow } from '../events.ts';
import { type Field, readQuery } from './event-query.ts';
import { type Html, h } from './html.ts';
import { filterForm } from './page-form.ts';
import type { Page } from './page-frame.ts';
import { linked } from './row-model.ts';
import { clipLine } from './shown-text.ts';
import { clock, iso, spanWords } from './times.ts';

const MAX_SESSIONS = 100;
const FIELDS: readonly Field[] = ['agent', 'project', 'from', 'to'];
const NAME = 80;

/** Rejects as the store does. */
export async function sessionsPage(store: Pick<EventStore, 'sessions'>, url: URL, now: number): Promise<Page> {
  const query = readQuery(url.searchParams);
  const isRefused = query.problems.length > 0;
  const { project, agent, from, to } = query.filter;
  const filter = {
    ...(project === undefined ? {} : { project }),
    ...(agent === undefined ? {} : { agent }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
  const found = isRefused ? [] : await store.sessions(filter, MAX_SESSIONS + 1);
  const rows = found.slice(0, MAX_SESSIONS);
  return {
    title: 'Sessions',
    current: '/sessions',
    ...(isRefused ? { status: 400 } : {}),
    body: [
      h('h1', {}, 'Sessions'),
      filterForm('/sessions', FIELDS, query),
      rows.length === 0 && !isRefused ? empty(Object.keys(filter).length > 0) : null,
      rows.length === 0 ? null : table(rows, now),
      found.length > MAX_SESSIONS
        ? h('p', { class: 'note' }, `The ${MAX_SESSIONS} that were heard of last. Filter by time for earlier ones.`)
        : null,
    ],
  };
}

function empty(isFiltered: boolean): Html {
  return h(
    'div',
    { class: 'empty' },
    h('p', {}, h('b', {}, isFiltered ? 'No session fits.' : 'No session is known yet.')),
    isFiltered
      ? h('p', {}, h('a', { href: '/sessions' }, 'Show all of them'))
      : h('p', {}, 'The first event of an agent brings its session here.'),
  );
}

/** On narrow screens each row becomes a block, with its headings beside the values: see `data-label` in styles.css. */
function table(rows: readonly SessionRow[], now: number): Html {
  const names = ['Session', 'Agent', 'Project', 'Last heard of', 'Lasted', 'Events'];
  return h(
    'table',
    { class: 'reflow' },
    h('caption', { class: 'only-heard' }, 'Sessions, the one that was heard of last first'),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        ...names.map((name) => h('th', { scope: 'col', class: name === 'Events' ? 'number' : undefined }, name)),
      ),
    ),
    h('tbody', {}, ...rows.map((row) => sessionRow(row, now))),
  );
}

function sessionRow({ session, agent, project, events, firstAt, lastAt }: SessionRow, now: number): Html {
  const { href } = linked(session);
  const name = h('bdi', {}, clipLine(session, NAME));
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, href === undefined ? name : h('a', { href }, name)),
    h('td', { 'data-label': 'Agent' }, agent ?? '–'),
    h('td', { 'data-label': 'Project' }, h('bdi', {}, clipLine(project ?? '–', NAME))),
    h('td', { 'data-label': 'Last heard of' }, h('time', { datetime: iso(lastAt) }, clock(lastAt, now))),
    h('td', { 'data-label': 'Lasted' }, events < 2 ? '–' : spanWords(lastAt - firstAt)),
    h('td', { 'data-label': 'Events', class: 'number' }, events),
  );
}
