/** How long people kept agents waiting, and what they answered. */
import type { EventStore } from '../events.ts';
import { type Approval, foldApproval } from './approval.ts';
import { address, type EventQuery, type Field, readQuery } from './event-query.ts';
import { type Html, h } from './html.ts';
import { type InsightRow, insightsOf, type WaitNumbers } from './insights.ts';
import { filterForm } from './page-form.ts';
import type { Page } from './page-frame.ts';
import { type Column, table } from './page-table.ts';
import { clipLine } from './shown-text.ts';
import { day, spanWords } from './times.ts';

/** Events that are read for one page; an approval has about four. */
const MAX_EVENTS = 20_000;
const DAY_MS = 86_400_000;
const RANGES = [
  ['1', 'Last 24 hours'],
  ['7', 'Last 7 days'],
  ['30', 'Last 30 days'],
] as const;
const DEFAULT_DAYS = '7';
const FIELDS: readonly Field[] = ['project', 'agent', 'tool', 'from', 'to'];
const NAME = 80;

/** Rejects as the store does. */
export async function insightsPage(store: Pick<EventStore, 'find'>, url: URL, now: number): Promise<Page> {
  const query = readQuery(url.searchParams);
  const isRefused = query.problems.length > 0;
  const { from: given, to } = query.filter;
  const hasTimes = given !== undefined || to !== undefined;
  const days = RANGES.find(([count]) => count === url.searchParams.get('days'))?.[0] ?? DEFAULT_DAYS;
  const from = hasTimes ? given : now - Number(days) * DAY_MS;
  const filter = { ...query.filter, kind: 'approval.', ...(from === undefined ? {} : { from }) };
  const events = isRefused ? [] : await store.find(filter, MAX_EVENTS + 1, 'newest');
  const approvals = new Map<string, Approval>();
  for (const event of events.slice(0, MAX_EVENTS)) {
    const id = event.approval_id ?? '';
    const approval = foldApproval(approvals.get(id), event);
    if (approval !== undefined) approvals.set(id, approval);
  }
  const ended = [...approvals.values()].filter(({ end }) => end !== undefined);
  return {
    title: 'Insights',
    current: '/insights',
    ...(isRefused ? { status: 400 } : {}),
    body: [
      h('h1', {}, 'Time blocked on a human'),
      ranges(query, hasTimes ? undefined : days),
      filterForm('/insights', FIELDS, query, hasTimes ? {} : { days }),
      events.length > MAX_EVENTS && events.at(-1) !== undefined
        ? h(
            'p',
            { class: 'note' },
            `Only the last ${MAX_EVENTS} events of approvals are counted, since ${day(Date.parse(events.at(-1)?.timestamp ?? ''))}.`,
          )
        : null,
      ...(ended.length === 0 ? (isRefused ? [] : [empty()]) : numbers(ended)),
    ],
  };
}

function ranges({ values }: EventQuery, current: string | undefined): Html {
  const { from: _from, to: _to, ...others } = values;
  return h(
    'nav',
    { class: 'ranges', 'aria-label': 'Time' },
    ...RANGES.map(([count, name]) =>
      h(
        'a',
        { href: address('/insights', others, { days: count }), 'aria-current': count === current ? 'true' : undefined },
        name,
      ),
    ),
  );
}

function empty(): Html {
  return h(
    'div',
    { class: 'empty' },
    h('p', {}, h('b', {}, 'No approval ended in this time.')),
    h('p', {}, 'Once people have answered agents in Slack, this page says how long that took.'),
  );
}

function numbers(ended: readonly Approval[]): readonly (Html | null)[] {
  const { all, unasked, tools, projects, approvers, hours } = insightsOf(ended);
  return [
    h(
      'dl',
      { class: 'figures' },
      figure('Median wait', span(all.median), 'half of the waits were shorter'),
      figure('95th percentile', span(all.p95), 'one in twenty took longer'),
      figure('Blocked in all', spanWords(all.total), `in ${all.waits} ${all.waits === 1 ? 'wait' : 'waits'}`),
      figure('Answers', `${all.allowed + all.denied}`, `${all.allowed} allowed, ${all.denied} denied`),
      figure(
        'Expired',
        `${all.expired}`,
        all.other === 0 ? 'nobody answered in time' : `and ${all.other} ended otherwise`,
      ),
      unasked === 0 ? null : figure('Not asked', `${unasked}`, 'decided by a rule'),
    ),
    hoursChart(hours),
    numbersTable('By tool', 'Tool', tools),
    numbersTable('By project', 'Project', projects),
    numbersTable('By approver', 'Approver', approvers),
  ];
}

function figure(name: string, value: string, note: string): Html {
  return h('div', {}, h('dt', {}, name), h('dd', {}, h('b', {}, value), h('span', { class: 'about' }, note)));
}

function span(ms: number | null): string {
  return ms === null ? '–' : spanWords(ms);
}

const NUMBERS: readonly Column[] = ['Blocked', 'Median', 'p95', 'Allowed', 'Denied', 'Expired', 'Other'].map(
  (name) => ({
    name,
    isNumber: true,
  }),
);

function numbersTable(title: string, name: string, rows: readonly InsightRow[]): Html | null {
  if (rows.length === 0) return null;
  const longest = Math.max(1, ...rows.map(({ total }) => total));
  const cells = rows.map((row) => ({
    head: [h('bdi', {}, clipLine(row.name, NAME)), bar(row.total / longest)],
    cells: cellsOf(row),
  }));
  return h(
    'section',
    {},
    h('h2', {}, title),
    table(`${title}: most time blocked first`, [{ name }, ...NUMBERS], cells),
  );
}

function cellsOf({ total, median, p95, allowed, denied, expired, other }: WaitNumbers): readonly string[] {
  return [spanWords(total), span(median), span(p95), ...[allowed, denied, expired, other].map(String)];
}

/** A part of the whole width; the number beside it says the same. */
function bar(part: number): Html {
  const width = Math.max(0.5, Math.round(part * 1000) / 10);
  return h(
    'svg',
    { class: 'bar', viewBox: '0 0 100 4', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    h('rect', { width, height: 4, rx: 0.5 }),
  );
}

const HOUR_COLUMNS: readonly Column[] = [{ name: 'Hour' }, ...NUMBERS.slice(0, 3), { name: 'Waits', isNumber: true }];

/** Height of the tallest column. */
const TALL = 60;

/** Columns to look at, and the same numbers as a table for everybody. */
function hoursChart(hours: readonly InsightRow[]): Html {
  const most = Math.max(1, ...hours.map(({ total }) => total));
  const used = hours.filter(({ waits }) => waits > 0);
  return h(
    'section',
    {},
    h('h2', {}, 'By hour of the day'),
    h(
      'div',
      { class: 'hours', 'aria-hidden': 'true' },
      h(
        'svg',
        { viewBox: `0 0 240 ${TALL}`, preserveAspectRatio: 'none' },
        ...hours.map(({ total }, hour) => {
          const height = total === 0 ? 0.5 : Math.max(1, Math.round((total / most) * TALL));
          return h('rect', {
            x: hour * 10 + 1,
            y: TALL - height,
            width: 8,
            height,
            class: total === 0 ? 'none' : undefined,
          });
        }),
      ),
      h('p', { class: 'about' }, ...['00:00', '06:00', '12:00', '18:00'].map((name) => h('b', {}, name))),
    ),
    h(
      'details',
      {},
      h('summary', {}, 'The hours as a table'),
      table(
        'Time blocked by hour of the day; hours without a wait are left out',
        HOUR_COLUMNS,
        used.map(({ name, total, median, p95, waits }) => ({
          head: [name],
          cells: [spanWords(total), span(median), span(p95), String(waits)],
        })),
      ),
    ),
  );
}
