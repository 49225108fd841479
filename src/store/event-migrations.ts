/** The tables of the events in PostgreSQL, and how an older database becomes today's. */
import { AppError } from '../errors.ts';
import type { PostgresPool } from './event-postgres-client.ts';

/**
 * One after the other; a number, once released, never changes. Plain SQL that an owner of the schema may run: no extensions,
 * no superuser. `json` and not `jsonb`: it keeps every number and the order of keys as they came, and costs the server less.
 */
const MIGRATIONS: readonly string[] = [
  // 1. Events by day: to delete a day is to drop a table. (ts, id) is their identity and may be a key of such a table.
  `create table hook_events (
    ts timestamptz not null,
    id uuid not null,
    seq bigint not null,
    event_id text not null,
    event_type text not null,
    session_id text not null,
    workflow_id text,
    phase_id text,
    milestone_id text,
    data json,
    kind text not null,
    agent text,
    project text,
    host text,
    tool text,
    src text not null,
    approval_id text,
    meta json,
    extra json,
    flags json,
    is_undated boolean,
    primary key (ts, id)
  ) partition by range (ts);
  create table hook_events_default partition of hook_events default;
  create index hook_events_seq on hook_events (seq);
  create index hook_events_session on hook_events (session_id, seq);`,
  // 2. Events without a time of their own are known by their id alone.
  `create table hook_event_ids (id uuid primary key, ts timestamptz not null);`,
  // 3. Approvals are few among many, and are looked for often: by people, and before anything is deleted.
  `create index hook_events_approvals on hook_events (seq) where kind like 'approval.%' or approval_id is not null;`,
];

export const NEWEST_SCHEMA = MIGRATIONS.length;

/** Any number; with it two of our processes that start at once wait for one another. */
const LOCK = 'select pg_advisory_xact_lock(6583400, 1)';

/**
 * Brings the database to `target`; all or nothing. Processes that come at once do it once.
 * @throws AppError('store') when a newer version of this program was here, or the database does not hold every text
 */
export async function migrate(pool: PostgresPool, target = NEWEST_SCHEMA): Promise<void> {
  await pool.run((sql) =>
    sql.begin(async (tx) => {
      await tx.unsafe(LOCK);
      const [state] = await tx.unsafe(
        `select current_setting('server_encoding') as encoding, to_regclass('hook_schema') is not null as is_known`,
      );
      if (state.encoding !== 'UTF8')
        throw new AppError('store', `Expected a database with the encoding UTF8, got ${state.encoding}`);
      if (!state.is_known)
        await tx.unsafe(
          'create table hook_schema (version integer primary key, applied_at timestamptz not null default now())',
        );
      const [{ version }] = await tx.unsafe('select coalesce(max(version), 0) as version from hook_schema');
      if (version > NEWEST_SCHEMA)
        throw new AppError('store', `Expected a database of version ${NEWEST_SCHEMA} or older, got ${version}`, {
          hint: 'Run the newest claude-slack-hook: a newer one has already changed this database.',
        });
      for (const [index, statements] of MIGRATIONS.entries()) {
        if (index < version || index >= target) continue;
        await tx.unsafe(statements);
        await tx.unsafe('insert into hook_schema (version) values ($1::int)', [index + 1]);
      }
    }),
  );
}
