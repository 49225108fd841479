/** Questions about the events in PostgreSQL: what to find, which sessions there are, how many events. */
import type { EventFilter, EventRecord, SessionRow } from '../events.ts';
import { decodeRow, SELECTED } from './event-postgres-rows.ts';

/** Above it nobody waits for an exact number. */
const COUNTED = 1_000_000;
/** Events that are looked at first for each session that is wanted; each further look takes so many times more. */
const EVENTS_PER_SESSION = 40;
const WIDER = 10;
/** One index holds all of these: see the migrations. */
const OF_APPROVALS = `(kind like 'approval.%' or approval_id is not null)`;

export async function findEvents(
  sql: Bun.SQL,
  filter: EventFilter,
  limit: number,
  order: 'newest' | 'oldest',
): Promise<readonly EventRecord[]> {
  const { where, values } = conditionsOf(filter);
  const direction = order === 'newest' ? 'desc' : 'asc';
  const rows = await sql.unsafe(
    `select ${SELECTED} from hook_events e ${where} order by e.seq ${direction} limit ${wholeNumber(limit)}`,
    values,
  );
  return rows.map(decodeRow);
}

/** Looks at the newest events only, and at more of them while they are of too few sessions. */
export async function listSessions(
  sql: Bun.SQL,
  filter: Pick<EventFilter, 'project' | 'agent' | 'from' | 'to'>,
  limit: number,
): Promise<readonly SessionRow[]> {
  const wanted = wholeNumber(limit);
  if (wanted === 0) return [];
  const { where, values } = conditionsOf(filter);
  for (let window = EVENTS_PER_SESSION * wanted; ; window *= WIDER) {
    const [{ looked, sessions }] = await sql.unsafe(
      `with recent as (select session_id, ts from hook_events e ${where} order by e.ts desc limit ${window}),
        latest as (select session_id from recent group by 1 order by max(ts) desc, session_id limit ${wanted})
      select (select count(*)::int from recent) as looked, (select json_agg(session_id) from latest) as sessions`,
      values,
    );
    if (sessions === null) return [];
    if (looked < window || sessions.length === wanted) return await describeSessions(sql, filter, sessions);
  }
}

async function describeSessions(
  sql: Bun.SQL,
  filter: EventFilter,
  sessions: readonly string[],
): Promise<readonly SessionRow[]> {
  const { where, values } = conditionsOf(filter, [JSON.stringify(sessions)]);
  const rows = await sql.unsafe(
    `select e.session_id as session, count(*)::float8 as events,
      (extract(epoch from min(ts)) * 1000)::float8 as first_at, (extract(epoch from max(ts)) * 1000)::float8 as last_at,
      (array_agg(agent order by seq desc) filter (where agent is not null))[1] as agent,
      (array_agg(project order by seq desc) filter (where project is not null))[1] as project
    from hook_events e ${where === '' ? 'where' : `${where} and`}
      e.session_id = any (array(select json_array_elements_text($1::text::json)))
    group by e.session_id order by max(ts) desc, e.session_id`,
    values,
  );
  return rows.map(
    (row: SessionRow & { first_at: number; last_at: number }): SessionRow => ({
      session: row.session,
      agent: row.agent,
      project: row.project,
      events: row.events,
      firstAt: row.first_at,
      lastAt: row.last_at,
    }),
  );
}

/** Exact up to a million; above, what the server reckons itself. */
export async function countEvents(sql: Bun.SQL): Promise<number> {
  const [{ estimate }] = await sql.unsafe(
    `select coalesce(sum(greatest(c.reltuples::float8, s.n_live_tup::float8, 0)), 0)::float8 as estimate
    from pg_inherits i join pg_class c on c.oid = i.inhrelid left join pg_stat_all_tables s on s.relid = c.oid
    where i.inhparent = 'hook_events'::regclass`,
  );
  if (estimate > 2 * COUNTED) return estimate;
  const [{ count }] = await sql.unsafe(
    `select count(*)::float8 as count from (select from hook_events limit ${COUNTED + 1}) as counted`,
  );
  return count <= COUNTED ? count : Math.max(Math.round(estimate), count);
}

/** A WHERE that holds for all that is asked, and its parameters after those that are there already. */
function conditionsOf(
  filter: EventFilter,
  before: readonly unknown[] = [],
): { readonly where: string; readonly values: unknown[] } {
  const values = [...before];
  const conditions: string[] = [];
  const hold = (value: unknown, condition: (parameter: string) => string): void => {
    if (value === undefined) return;
    // No text there has one, and PostgreSQL does not take it even in a question.
    if (typeof value === 'string' && value.includes('\0')) {
      conditions.push('false');
      return;
    }
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  const { kind } = filter;
  if (kind?.startsWith('approval.') === true) conditions.push(OF_APPROVALS);
  hold(kind, (parameter) =>
    kind?.endsWith('.') === true ? `starts_with(e.kind, ${parameter}::text)` : `e.kind = ${parameter}::text`,
  );
  hold(filter.session, (parameter) => `e.session_id = ${parameter}::text`);
  hold(filter.type, (parameter) => `e.event_type = ${parameter}::text`);
  hold(filter.agent, (parameter) => `e.agent = ${parameter}::text`);
  hold(filter.project, (parameter) => `e.project = ${parameter}::text`);
  hold(filter.tool, (parameter) => `e.tool = ${parameter}::text`);
  hold(filter.from, (parameter) => `e.ts >= to_timestamp(${parameter}::float8 / 1000)`);
  hold(filter.to, (parameter) => `e.ts < to_timestamp(${parameter}::float8 / 1000)`);
  hold(filter.beforeSeq, (parameter) => `e.seq < ${parameter}::float8::bigint`);
  hold(filter.afterSeq, (parameter) => `e.seq > ${parameter}::float8::bigint`);
  if (filter.text !== undefined) {
    const holds = textHolds(filter.text);
    hold(holds.value, (parameter) => {
      const texts = ['e.event_type', 'e.session_id', 'e.tool', 'e.project', 'e.data::text'];
      return `(${texts.map((text) => holds.condition(text, parameter)).join(' or ')})`;
    });
  }
  return { where: conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`, values };
}

interface TextCondition {
  readonly value: string;
  condition(text: string, parameter: string): string;
}

/** A text somewhere in another, without regard to case; taken literally. */
function textHolds(text: string): TextCondition {
  const pattern = (part: string): string => `%${part.replace(/[\\%_]/g, '\\$&')}%`;
  // Letters of ASCII need no locale, and without one the search takes half the time.
  if (/^[\0-\x7f]*$/.test(text))
    return {
      value: pattern(text),
      condition: (column, parameter) => `${column} collate "C" ilike ${parameter}::text`,
    };
  // A database may have a locale that knows no other letters: then at least these three forms are found.
  return {
    value: JSON.stringify([text, text.toLowerCase(), text.toUpperCase()].map(pattern)),
    condition: (column, parameter) =>
      `${column} ilike any (array(select json_array_elements_text(${parameter}::text::json)))`,
  };
}

function wholeNumber(limit: number): number {
  return Math.max(0, Math.min(Math.trunc(limit) || 0, Number.MAX_SAFE_INTEGER));
}
