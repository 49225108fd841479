/** The record of events in PostgreSQL 15 or newer: what was accepted is committed, and a second delivery changes nothing. */
import { AppError } from '../errors.ts';
import type { Appended, EventRecord, EventStore } from '../events.ts';
import type { Logger } from '../logger.ts';
import { migrate } from './event-migrations.ts';
import { createPool, failureOf, placeOf, retried, stateOf } from './event-postgres-client.ts';
import { createEventDays } from './event-postgres-days.ts';
import { countEvents, findEvents, listSessions } from './event-postgres-find.ts';
import { retainEvents } from './event-postgres-retain.ts';
import { COUNT_STORED, encodeEvents, INSERT, INSERT_UNDATED, withoutOddCharacters } from './event-postgres-rows.ts';

export interface PostgresStoreOptions {
  /**
   * `postgres://user:password@host:port/database`. Bun's parameters work (`sslmode`, `connect_timeout`, …); `pgbouncer=true`
   * for a PgBouncer in transaction mode.
   */
  readonly url: string;
  readonly logger?: Logger;
  readonly now?: () => number;
}

/** Appends of our one process come in groups: more connections would only wait for one another at the disk. */
const WRITERS = 4;
/** A question that takes its time must not hold up what is written. */
const READERS = 4;
const WRITE_MS = 10_000;
const READ_MS = 5_000;
/** Migrations and retention may have much to move. */
const KEEPER_MS = 600_000;
/** Compiling a statement takes longer than any of ours runs. */
const SETTINGS = { jit: 'off' };
/** Values that PostgreSQL takes in no text. */
const ODD_TEXT = /^22(P02|P05|021)$/;

/** Brings the database's tables to today's form. @throws AppError('store') when it cannot be reached or used */
export async function createPostgresStore({ url, logger, now = Date.now }: PostgresStoreOptions): Promise<EventStore> {
  const writer = createPool({ url, max: WRITERS, statementMs: WRITE_MS, settings: SETTINGS });
  // What is asked for differs in kind from question to question: a plan for all of them would be a bad one.
  const readerSettings = { ...SETTINGS, plan_cache_mode: 'force_custom_plan' };
  const reader = createPool({ url, max: READERS, statementMs: READ_MS, settings: readerSettings });
  const days = createEventDays(writer, now, logger);
  const pending = new Set<Promise<unknown>>();
  let isClosed = false;

  /** Everything that can fail fails as AppError('store'). */
  const guarded = async <T>(wanted: string, work: () => Promise<T>): Promise<T> => {
    if (isClosed) throw new AppError('store', 'Expected an open store of events, got one that is closed');
    const working = work().catch((error: unknown) => {
      throw failureOf(error, url, wanted);
    });
    const settled = working.catch(() => undefined);
    pending.add(settled);
    try {
      return await working;
    } finally {
      pending.delete(settled);
    }
  };
  const reading = <T>(work: (sql: Bun.SQL) => Promise<T>): Promise<T> =>
    guarded('answer', () => retried(() => reader.run(work)));
  /** With connections of its own, which nobody needs in between. */
  const keeping = async <T>(work: (keeper: typeof writer) => Promise<T>): Promise<T> => {
    const keeper = createPool({ url, max: 1, statementMs: KEEPER_MS, settings: SETTINGS });
    try {
      return await work(keeper);
    } finally {
      await keeper.close();
    }
  };

  const insert = async (events: readonly EventRecord[], isClean: boolean): Promise<Appended> => {
    const unique = events.some(({ is_undated }) => is_undated) ? firstOfEachUndated(events) : events;
    const json = isClean ? withoutOddCharacters(encodeEvents(unique)) : encodeEvents(unique);
    const statement = unique === events ? INSERT : INSERT_UNDATED;
    const stored = await retried(async (isAgain) => {
      await days.prepare(events);
      const { count } = await writer.run((sql) => sql.unsafe(statement, [json]));
      if (!isAgain || count === unique.length) return count;
      // The try before may have been committed although its answer got lost.
      const [row] = await writer.run((sql) => sql.unsafe(COUNT_STORED, [json]));
      return row.stored;
    });
    return { stored, duplicates: events.length - stored };
  };

  try {
    await keeping((keeper) => retried(() => migrate(keeper)));
    await days.prepare([]);
  } catch (error) {
    await Promise.all([writer.close(), reader.close()]);
    throw failureOf(error, url, 'have the tables of events');
  }
  logger?.info({ place: placeOf(url) }, 'Events are kept in PostgreSQL');

  return {
    kind: 'postgres',
    append: (events) =>
      guarded('store events', async () => {
        if (events.length === 0) return { stored: 0, duplicates: 0 };
        try {
          return await insert(events, false);
        } catch (error) {
          if (!ODD_TEXT.test(stateOf(error))) throw error;
          return await insert(events, true);
        }
      }),
    find: (filter, limit, order = 'newest') => reading((sql) => findEvents(sql, filter, limit, order)),
    sessions: (filter, limit) => reading((sql) => listSessions(sql, filter, limit)),
    count: () => reading(countEvents),
    retain: (rules, at, isDryRun) =>
      guarded('delete old events', () => keeping((keeper) => retainEvents(keeper, rules, at, isDryRun))),
    check: () =>
      guarded('take events', async () => {
        const isWritable = `select not (pg_is_in_recovery() or current_setting('transaction_read_only')::bool) as is_writable,
          to_regclass('hook_events') is not null as is_there`;
        const [state] = await retried(() => writer.run((sql) => sql.unsafe(isWritable)));
        if (!state.is_writable) throw new AppError('store', 'it is read-only');
        if (!state.is_there) throw new AppError('store', 'the table hook_events is gone');
      }),
    async close() {
      isClosed = true;
      await Promise.all(pending);
      await Promise.all([writer.close(), reader.close()]);
    },
  };
}

/** Those that came without a time have their id alone, and another time at each delivery. Always a new array. */
function firstOfEachUndated(events: readonly EventRecord[]): readonly EventRecord[] {
  const seen = new Set<string>();
  return events.filter(({ id, is_undated }) => {
    if (!is_undated) return true;
    const isFirst = !seen.has(id);
    seen.add(id);
    return isFirst;
  });
}
