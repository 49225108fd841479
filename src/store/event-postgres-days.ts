/** The partitions of the events: one for each day of UTC, made before it comes or when something of that day does. */
import type { EventRecord } from '../events.ts';
import type { Logger } from '../logger.ts';
import { type PostgresPool, stateOf } from './event-postgres-client.ts';
import { COLUMN_NAMES } from './event-postgres-rows.ts';

export const DAY_MS = 86_400_000;
/** So that a store nobody writes to over a long weekend, and clocks that are ahead, find their day. */
const DAYS_AHEAD = 3;
/** Older and later days share the default partition: strange clocks must not make thousands of tables. Retention is 30 days. */
const DAYS_BACK = 45;
const GIVE_UP_MS = 60_000;
/** With it, nobody makes or drops a day beside us. */
export const DAYS_LOCK = 'select pg_advisory_xact_lock(6583400, 2)';
export const DEFAULT_PARTITION = 'hook_events_default';

export interface EventDays {
  /** Makes what these events and the coming days lack. Never rejects for want of a partition: the default one takes everything. */
  prepare(events: readonly EventRecord[]): Promise<void>;
}

/** The partitions that there are, by their days: `2026-11-21`. */
export async function listDays(sql: Bun.SQL): Promise<readonly string[]> {
  const rows = await sql.unsafe(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'hook_events'::regclass order by 1`,
  );
  return rows.flatMap(({ name }: { name: string }) => {
    const [, year, month, day] = /^hook_events_(\d{4})(\d\d)(\d\d)$/.exec(name) ?? [];
    return day === undefined ? [] : [`${year}-${month}-${day}`];
  });
}

export function partitionOf(day: string): string {
  return `hook_events_${day.replaceAll('-', '')}`;
}

export function createEventDays(pool: PostgresPool, now: () => number, logger: Logger | undefined): EventDays {
  const known = new Set<string>();
  let aheadOf = '';
  let triesAgainAt = 0;
  let making: Promise<void> = Promise.resolve();

  const lacking = (events: readonly EventRecord[]): readonly string[] => {
    const today = dayOf(now());
    const days = new Set(today === aheadOf ? [] : aheadFrom(now()));
    let last = '';
    for (const { timestamp } of events) {
      if (timestamp.startsWith(last) && last !== '') continue;
      last = timestamp.slice(0, 10);
      if (!known.has(last) && isNear(timestamp, now())) days.add(last);
    }
    return [...days].filter((day) => !known.has(day));
  };

  const make = async (events: readonly EventRecord[]): Promise<void> => {
    const days = lacking(events);
    if (days.length === 0 || now() < triesAgainAt) return;
    try {
      for (const day of await pool.run(listDays)) known.add(day);
      for (const day of days) {
        if (!known.has(day)) await pool.run((sql) => makeDay(sql, day));
        known.add(day);
      }
      aheadOf = dayOf(now());
    } catch (error) {
      triesAgainAt = now() + GIVE_UP_MS;
      logger?.warn({ state: stateOf(error), days }, 'No partition could be made: the default one takes the events');
    }
  };

  return {
    async prepare(events) {
      if (lacking(events).length === 0) return;
      making = making.then(() => make(events));
      await making;
    },
  };
}

/** What the default partition holds of the day moves into the new one, in the same transaction. */
async function makeDay(sql: Bun.SQL, day: string): Promise<void> {
  const start = `${day}T00:00:00Z`;
  const end = new Date(Date.parse(start) + DAY_MS).toISOString();
  const name = partitionOf(day);
  await sql.begin(async (tx) => {
    await tx.unsafe(`set local lock_timeout = '3s'`);
    await tx.unsafe(DAYS_LOCK);
    if ((await listDays(tx)).includes(day)) return;
    await tx.unsafe(`lock table ${DEFAULT_PARTITION} in access exclusive mode;
      create table ${name} (like hook_events including defaults);
      with moved as (delete from ${DEFAULT_PARTITION} where ts >= '${start}' and ts < '${end}' returning ${COLUMN_NAMES})
        insert into ${name} (${COLUMN_NAMES}) select ${COLUMN_NAMES} from moved;
      alter table hook_events attach partition ${name} for values from ('${start}') to ('${end}');`);
  });
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function aheadFrom(at: number): readonly string[] {
  return Array.from({ length: DAYS_AHEAD + 1 }, (_, days) => dayOf(at + days * DAY_MS));
}

function isNear(timestamp: string, at: number): boolean {
  const day = Math.floor(Date.parse(timestamp) / DAY_MS) - Math.floor(at / DAY_MS);
  return day >= -DAYS_BACK && day <= DAYS_AHEAD;
}
