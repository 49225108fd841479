/** The sessions that were heard of last. */
import type { EventStore, SessionRow } from '../events.ts';
import { type Field, readQuery } from './event-query.ts';
import { type Html, h } from './html.ts';
import { filterForm } from './page-form.ts';
import type { Page } from './page-frame.ts';
import { type Column, type Row, table } from './page-table.ts';
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
      rows.length === 0
        ? null
        : table(
            'Sessions, the one that was heard of last first',
            COLUMNS,
            rows.map((row) => tableRow(row, now)),
          ),
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

const COLUMNS: readonly Column[] = [
  ...[{ name: 'Session' }, { name: 'Agent' }, { name: 'Project' }, { name: 'Last heard of' }, { name: 'Lasted' }],
  { name: 'Events', isNumber: true },
];

function tableRow({ session, agent, project, events, firstAt, lastAt }: SessionRow, now: number): Row {
  const { href } = linked(session);
  const name = h('bdi', {}, clipLine(session, NAME));
  return {
    head: [href === undefined ? name : h('a', { href }, name)],
    cells: [
      agent ?? '–',
      h('bdi', {}, clipLine(project ?? '–', NAME)),
      h('time', { datetime: iso(lastAt) }, clock(lastAt, now)),
      events < 2 ? '–' : spanWords(lastAt - firstAt),
      String(events),
    ],
  };
}
