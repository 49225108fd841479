/** The tables of the store in PostgreSQL: how they come to be, which day lies where, and what retention leaves of it. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import type { AppError } from '../../src/errors.ts';
import type { EventRecord, EventStore } from '../../src/events.ts';
import { createLogger, type Logger } from '../../src/logger.ts';
import { migrate, NEWEST_SCHEMA } from '../../src/store/event-migrations.ts';
import { createPostgresStore } from '../../src/store/event-postgres.ts';
import { createPool } from '../../src/store/event-postgres-client.ts';
import { aNamedEvent, anEvent } from './event-store-contract.ts';
import { createPostgresCluster, type PostgresCluster } from './postgres-cluster.ts';

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 5, 15, 12);

let cluster: PostgresCluster;
let databases = 0;
let database = '';
let url = '';
let stores: EventStore[] = [];

beforeAll(async () => {
  cluster = await createPostgresCluster();
}, 300_000);
afterAll(() => cluster.remove());
beforeEach(() => {
  databases += 1;
  database = `days_${databases}`;
  url = cluster.createDatabase(database);
});
afterEach(async () => {
  for (const store of stores) await store.close();
  stores = [];
});

async function opened(now = NOON, address = url, logger?: Logger): Promise<EventStore> {
  const store = await createPostgresStore({ url: address, now: () => now, ...(logger && { logger }) });
  stores.push(store);
  return store;
}

const at = (days: number, changes: Partial<EventRecord> = {}): EventRecord =>
  anEvent({ timestamp: new Date(NOON + days * DAY_MS).toISOString(), ...changes });
const rowsOf = (table: string): number => Number(cluster.psql(database, `select count(*) from ${table}`));
const tables = (): string[] =>
  cluster
    .psql(database, `select relname from pg_class where relkind = 'r' and relname like 'hook_events_2%' order by 1`)
    .split('\n')
    .filter(Boolean);

describe('the schema', () => {
  const versions = (): string =>
    cluster.psql(database, 'select string_agg(version::text, $$,$$ order by version) from hook_schema');

  test.each(Array.from({ length: NEWEST_SCHEMA }, (_, version) => version))(
    'of version %i becomes the newest, and keeps its events',
    async (version) => {
      const pool = createPool({ url, max: 1, statementMs: 10_000 });
      await migrate(pool, version);
      await pool.close();
      if (version > 0)
        cluster.psql(
          database,
          `insert into hook_events (ts, id, seq, event_id, event_type, session_id, kind, src)
           values (now(), gen_random_uuid(), 1, 'old', 'Stop', 's', 'other', 'api')`,
        );
      const store = await opened();
      expect(versions()).toBe('1,2,3');
      await store.append([aNamedEvent('undated', { is_undated: true })]);
      expect(await store.count()).toBe(version > 0 ? 2 : 1);
    },
  );

  test('is made once when several start at the same time', async () => {
    const started = await Promise.all(Array.from({ length: 5 }, () => opened()));
    expect(versions()).toBe('1,2,3');
    await Promise.all(started.map((store) => store.append([at(0)])));
    expect(rowsOf('hook_events')).toBe(5);
  });

  test('of a newer program is left alone, and named', async () => {
    await opened();
    cluster.psql(database, 'insert into hook_schema (version) values (99)');
    const error = await opened().catch((reason: AppError) => reason);
    expect(error).toMatchObject({ code: 'store', message: 'Expected a database of version 3 or older, got 99' });
  });

  test('is not made in a database that does not hold every text', async () => {
    cluster.psql('postgres', `create database ascii_${databases} encoding 'SQL_ASCII' template template0`);
    const error = await opened(NOON, cluster.url(`ascii_${databases}`)).catch((reason: AppError) => reason);
    expect(error).toMatchObject({
      code: 'store',
      message: 'Expected a database with the encoding UTF8, got SQL_ASCII',
    });
  });

  test('needs no more than a role that may create tables, and says so to one that may not', async () => {
    const role = `plain_${databases}`;
    cluster.psql('postgres', `create role ${role} login password '${cluster.password}'`);
    const error = await opened(NOON, cluster.url(database, role)).catch((reason: AppError) => reason);
    expect(error).toMatchObject({ code: 'store', hint: expect.stringContaining('GRANT CREATE') });
    cluster.psql(database, `grant create on schema public to ${role}`);
    const store = await opened(NOON, cluster.url(database, role));
    await store.append([at(0), at(-2)]);
    expect((await store.retain({ eventDays: 1, approvalDays: 1 }, NOON + DAY_MS, false)).deleted).toHaveLength(1);
    expect(await store.count()).toBe(1);
  });

  test('that is there serves a role that may only write', async () => {
    await opened();
    const role = `writer_${databases}`;
    cluster.psql('postgres', `create role ${role} login password '${cluster.password}'`);
    cluster.psql(database, `grant select, insert on all tables in schema public to ${role}`);
    const store = await opened(NOON, cluster.url(database, role));
    expect(await store.append([at(0), at(-2), at(-2)])).toEqual({ stored: 3, duplicates: 0 });
    expect(rowsOf('hook_events_default')).toBe(2);
  });
});

describe('a day', () => {
  test('has its partition three days ahead, and when something of it comes', async () => {
    const store = await opened();
    expect(tables()).toEqual([
      'hook_events_20260615',
      'hook_events_20260616',
      'hook_events_20260617',
      'hook_events_20260618',
    ]);
    await store.append([at(-1), at(-45)]);
    expect(tables().slice(0, 2)).toEqual(['hook_events_20260501', 'hook_events_20260614']);
    expect(rowsOf('hook_events_20260501')).toBe(1);
    expect(rowsOf('hook_events_default')).toBe(0);
  });

  test('that is far away shares the default partition', async () => {
    const store = await opened();
    const events = [at(-46), at(4), at(30_000), at(-700_000)];
    await store.append(events);
    expect(rowsOf('hook_events_default')).toBe(4);
    expect(tables()).toHaveLength(4);
    expect(await store.find({}, 10, 'oldest')).toStrictEqual(events);
  });

  test('that gets its partition later takes its events along', async () => {
    const events = [at(5), at(6), at(6)];
    await (await opened()).append(events);
    expect(rowsOf('hook_events_default')).toBe(3);
    const later = await opened(NOON + 3 * DAY_MS);
    expect(rowsOf('hook_events_20260621')).toBe(2);
    expect(rowsOf('hook_events_default')).toBe(0);
    expect(await later.append(events)).toEqual({ stored: 0, duplicates: 3 });
    expect(await later.find({}, 10, 'oldest')).toStrictEqual(events);
  });

  test('that begins while the store is open gets the next ones their partitions', async () => {
    let now = NOON;
    const store = await createPostgresStore({ url, now: () => now });
    stores.push(store);
    now += 2 * DAY_MS;
    await store.append([at(2)]);
    expect(tables().at(-1)).toBe('hook_events_20260620');
  });

  test('is made once by those who write at the same time', async () => {
    const lines: string[] = [];
    const logger = createLogger('warn', { write: (line) => lines.push(line) });
    const [one, other] = await Promise.all([opened(NOON, url, logger), opened(NOON, url, logger)]);
    const appends = Array.from({ length: 30 }, (_, day) =>
      [one, other].map((store) => store.append([at(-day)])),
    ).flat();
    for (const result of await Promise.all(appends)) expect(result).toEqual({ stored: 1, duplicates: 0 });
    expect(rowsOf('hook_events_default')).toBe(0);
    expect(tables()).toHaveLength(33);
    expect(lines).toEqual([]);
  });
});

test.each([
  '0000-03-01T00:00:00.000Z',
  '0001-01-01T00:00:00.000Z',
  '9999-12-31T23:59:59.999Z',
  '+010000-01-01T00:00:00.000Z',
  '+275760-09-13T00:00:00.000Z',
  '-000001-06-01T12:00:00.001Z',
  '-004000-01-01T00:00:00.000Z',
  '1969-12-31T23:59:59.999Z',
])('the time %s comes back as it was', async (timestamp) => {
  const store = await opened();
  const event = anEvent({ timestamp });
  expect(await store.append([event, at(0)])).toEqual({ stored: 2, duplicates: 0 });
  expect(await store.append([event])).toEqual({ stored: 0, duplicates: 1 });
  expect((await store.find({}, 10, 'oldest'))[0]).toStrictEqual(event);
});

test('an event that PostgreSQL would refuse for its characters does not hold up those beside it', async () => {
  const store = await opened();
  const odd = at(0, { data: { text: 'a\0b\ud800c \\u0000 \\ud800' }, tool: 'x\0' });
  expect(await store.append([odd, at(0)])).toEqual({ stored: 2, duplicates: 0 });
  expect((await store.find({}, 1, 'oldest'))[0]).toMatchObject({
    data: { text: 'a\ufffdb\ufffdc \\u0000 \\ud800' },
    tool: 'x\ufffd',
  });
});

test('numbers and keys of the data keep what they are', async () => {
  const store = await opened();
  const data = JSON.parse(
    '{"z":1e300,"a":1e-300,"big":12345678901234567890,"max":9007199254740993,"__proto__":{"b":0.1},"":[-0.5]}',
  );
  await store.append([at(0, { data })]);
  expect((await store.find({}, 1))[0]?.data).toStrictEqual(data);
  expect(cluster.psql(database, `select data ->> 'a' from hook_events`)).toBe('1e-300');
});

test.each(['C', 'C.UTF-8'])(
  'a text of other letters is found without regard to case in a database of the locale %s',
  async (locale) => {
    const name = `letters_${databases}`;
    cluster.psql('postgres', `create database ${name} locale '${locale}' template template0`);
    const store = await opened(NOON, cluster.url(name));
    expect(await store.find({ session: 'a\0', text: '\0' }, 9)).toEqual([]);
    const events = [at(0, { project: 'STRASSE ÄÖ' }), at(0, { data: { text: ['ein äö%_'] } }), at(0, { tool: 'ao' })];
    await store.append(events);
    for (const text of ['äö', 'ÄÖ', 'Äö'])
      expect(await store.find({ text }, 9, 'oldest')).toStrictEqual(events.slice(0, 2));
    expect(await store.find({ text: 'ÄÖ%_' }, 9)).toStrictEqual(events.slice(1, 2));
  },
);

describe('retention', () => {
  const approval = (id: string, kind: EventRecord['kind'], days: number): EventRecord =>
    at(days, { kind, approval_id: id, src: 'approval' });

  test('drops the partitions of old days, and moves what must stay into the default one', async () => {
    const store = await opened();
    const kept = [
      approval('open', 'approval.requested', -40),
      approval('open', 'tool.requested', -40),
      approval('done', 'approval.requested', -39),
      approval('done', 'approval.decided', -39),
      at(-29),
    ];
    await store.append([at(-40), at(-40), approval('done', 'tool.requested', -39), at(-60), ...kept]);
    const rules = { eventDays: 30, approvalDays: 365 };
    const plan = await store.retain(rules, NOON, true);
    expect(plan.deleted).toEqual([
      { what: 'events before 2026-05-16 in hook_events_default', events: 1 },
      { what: 'partition hook_events_20260506', events: 2 },
      { what: 'partition hook_events_20260507', events: 1 },
    ]);
    expect(rowsOf('hook_events')).toBe(9);
    expect(await store.retain(rules, NOON, false)).toEqual(plan);
    expect(await store.find({}, 100, 'oldest')).toStrictEqual(kept);
    expect(tables()[0]).toBe('hook_events_20260517');
    expect(rowsOf('hook_events_default')).toBe(4);
    expect((await store.retain(rules, NOON, false)).deleted).toEqual([]);
    // What is late for a day that is gone has its place, and so has a second delivery of what stayed.
    expect(await store.append([at(-40), ...kept])).toEqual({ stored: 1, duplicates: 5 });
    expect(await store.find({ kind: 'approval.' }, 10)).toHaveLength(3);
  });

  test('takes approvals first where they are to be kept for a shorter time', async () => {
    const store = await opened();
    const young = [at(-8), approval('open', 'approval.shown', -20), approval('long', 'approval.requested', -9)];
    await store.append([...young, approval('a', 'approval.requested', -9), approval('a', 'approval.ended', -8)]);
    await store.append([approval('long', 'approval.decided', -6)]);
    const { deleted } = await store.retain({ eventDays: 30, approvalDays: 7 }, NOON, false);
    expect(deleted).toEqual([{ what: 'approvals that ended before 2026-06-08', events: 2 }]);
    expect(await store.find({}, 3, 'oldest')).toStrictEqual(young);
  });

  test('goes on while others write and read', async () => {
    const store = await opened();
    const other = await opened();
    await store.append(Array.from({ length: 40 }, (_, day) => at(-day)));
    const writes = Array.from({ length: 60 }, (_, day) => other.append([at(-(day % 44)), at(0)]));
    const reads = Array.from({ length: 20 }, () => other.find({}, 100));
    await store.retain({ eventDays: 5, approvalDays: 5 }, NOON, false);
    for (const result of await Promise.all(writes)) expect(result).toEqual({ stored: 2, duplicates: 0 });
    await Promise.all(reads);
    expect(await other.count()).toBeGreaterThanOrEqual(66);
  });
});
