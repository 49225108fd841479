/** Deletes old events from PostgreSQL: whole days by dropping their partitions, the rest row by row. Open approvals stay. */
import type { RetentionReport, RetentionRules } from '../events.ts';
import { type PostgresPool, retried } from './event-postgres-client.ts';
import { DAY_MS, DAYS_LOCK, DEFAULT_PARTITION, listDays, partitionOf } from './event-postgres-days.ts';
import { COLUMN_NAMES } from './event-postgres-rows.ts';

type Deleted = RetentionReport['deleted'][number];

const IS_APPROVAL = `kind like 'approval.%'`;
/** Events that belong to no approval, or to one that has ended; $2 are the open approvals as a JSON array. */
const MAY_GO = `(${IS_APPROVAL}) is not true
  and (approval_id is null or approval_id not in (select json_array_elements_text($2::text::json)))`;
/** $1 is where young begins. */
const OLD_EVENTS = `ts < $1::text::timestamptz and ${MAY_GO}`;
/** The same by their arrival, too, which $3 compares in microseconds: a sender's date in the future keeps nothing for ever. */
const OLD_STRAYS = `(ts < $1::text::timestamptz or seq < $3::text::bigint) and ${MAY_GO}`;

/** Approvals of which all is old and there is an end; $1 is where young begins, $2 their names as a JSON array. */
const OLD_APPROVALS = `ts < $1::text::timestamptz and ${IS_APPROVAL}
  and (approval_id is null or approval_id in (select json_array_elements_text($2::text::json)))`;

/** An approval goes as a whole, when it has ended and nothing of it is young; $1 is where young begins. */
const APPROVALS = `with approvals as (
    select approval_id, bool_or(kind in ('approval.decided', 'approval.ended')) as has_end, max(ts) as last_ts
    from hook_events where approval_id is not null and ${IS_APPROVAL} group by 1
  )
  select coalesce(json_agg(approval_id) filter (where not has_end), '[]')::text as open,
    coalesce(json_agg(approval_id) filter (where has_end and last_ts < $1::text::timestamptz), '[]')::text as old
  from approvals`;

export async function retainEvents(
  pool: PostgresPool,
  rules: RetentionRules,
  now: number,
  isDryRun: boolean,
): Promise<RetentionReport> {
  const events = cutoffOf(now, rules.eventDays);
  const approvals = cutoffOf(now, rules.approvalDays);
  const [{ open, old }] = await pool.run((sql) => sql.unsafe(APPROVALS, [approvals]));
  const remove = async (what: string, table: string, where: string, values: unknown[]): Promise<Deleted> => {
    const text = isDryRun
      ? `select count(*)::float8 as events from ${table} where ${where}`
      : `with gone as (delete from ${table} where ${where} returning 1) select count(*)::float8 as events from gone`;
    const [row] = await retried(() => pool.run((sql) => sql.unsafe(text, values)));
    return { what, events: row.events };
  };

  const deleted = [
    await remove(`approvals that ended before ${approvals.slice(0, 10)}`, 'hook_events', OLD_APPROVALS, [
      approvals,
      old,
    ]),
    await remove(`events before ${events.slice(0, 10)} in ${DEFAULT_PARTITION}`, DEFAULT_PARTITION, OLD_STRAYS, [
      ...[events, open, String(Date.parse(events) * 1000)],
    ]),
  ];
  for (const day of await pool.run(listDays)) {
    if (Date.parse(day) + DAY_MS > Date.parse(events)) continue;
    const count = `select count(*)::float8 as events from ${partitionOf(day)} where ${OLD_EVENTS}`;
    const [row] = await pool.run((sql) => sql.unsafe(count, [events, open]));
    if (!isDryRun) await retried(() => dropDay(pool, day, events, open), DROP_MS);
    deleted.push({ what: `partition ${partitionOf(day)}`, events: row.events });
  }
  if (!isDryRun)
    await pool.run((sql) => sql.unsafe('delete from hook_event_ids where ts < $1::text::timestamptz', [events]));
  // A day that was made and never used is dropped in silence.
  return { deleted: deleted.filter((each) => each.events > 0), compressed: [] };
}

/** A day that somebody reads is tried again so long. */
const DROP_MS = 20_000;

/** What must stay of the day moves to the default partition; nobody sees the events without it. */
async function dropDay(pool: PostgresPool, day: string, before: string, open: string): Promise<void> {
  const name = partitionOf(day);
  await pool.run((sql) =>
    sql.begin(async (tx) => {
      // Everybody who asks for events waits behind us while we wait.
      await tx.unsafe(`set local lock_timeout = '2s'`);
      await tx.unsafe(DAYS_LOCK);
      if (!(await listDays(tx)).includes(day)) return;
      await tx.unsafe(`alter table hook_events detach partition ${name}`);
      await tx.unsafe(
        `insert into hook_events (${COLUMN_NAMES}) select ${COLUMN_NAMES} from ${name} where (${OLD_EVENTS}) is not true`,
        [before, open],
      );
      await tx.unsafe(`drop table ${name}`);
    }),
  );
}

function cutoffOf(now: number, days: number): string {
  return new Date(now - days * DAY_MS).toISOString();
}
