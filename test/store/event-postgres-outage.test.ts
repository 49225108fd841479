/** What the store in PostgreSQL does while its server is away, its connections die, or its own process is killed. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import type { AppError } from '../../src/errors.ts';
import type { Appended, EventRecord, EventStore } from '../../src/events.ts';
import { createPostgresStore } from '../../src/store/event-postgres.ts';
import { aNamedEvent } from './event-store-contract.ts';
import { createPostgresCluster, type PostgresCluster } from './postgres-cluster.ts';
import { BATCH_SIZE, batchOf } from './postgres-writer.ts';

let cluster: PostgresCluster;
let databases = 0;

beforeAll(async () => {
  cluster = await createPostgresCluster();
}, 300_000);
afterAll(() => cluster.remove());

async function withStore(work: (store: EventStore, database: string) => Promise<void>): Promise<void> {
  databases += 1;
  const database = `outage_${databases}`;
  const store = await createPostgresStore({ url: cluster.createDatabase(database) });
  try {
    await work(store, database);
  } finally {
    await store.close();
  }
}

const outcomeOf = (append: Promise<Appended>): Promise<Appended | AppError> =>
  append.catch((error: AppError): AppError => error);
const batches = (count: number, name: string): EventRecord[][] =>
  Array.from({ length: count }, (_, batch) =>
    Array.from({ length: 10 }, (_, index) => aNamedEvent(`${name} ${batch} ${index}`)),
  );
const isRefused = (outcome: unknown): boolean =>
  (outcome as AppError).name === 'AppError' && (outcome as AppError).code === 'store';

describe('a server that goes away', () => {
  test('is told within seconds, and used again as soon as it is back', async () => {
    await withStore(async (store, database) => {
      await store.append([aNamedEvent('before')]);
      await cluster.stop('fast');
      const stoppedAt = performance.now();
      const [append, find, check] = await Promise.all([
        outcomeOf(store.append([aNamedEvent('during')])),
        store.find({}, 1).catch((error: AppError) => error),
        store.check().catch((error: AppError) => error),
      ]);
      expect([append, find, check].map(isRefused)).toEqual([true, true, true]);
      expect(String(append)).toContain(`PostgreSQL at 127.0.0.1:${cluster.port}/${database}`);
      expect(performance.now() - stoppedAt).toBeLessThan(8000);

      await cluster.start();
      const startedAt = performance.now();
      await store.check();
      expect(await store.append([aNamedEvent('after')])).toEqual({ stored: 1, duplicates: 0 });
      expect(performance.now() - startedAt).toBeLessThan(10_000);
      expect(await store.count()).toBe(2);
    });
  });

  test('in the middle of many appends loses nothing that was accepted, and nothing comes twice', async () => {
    await withStore(async (store) => {
      const sent = batches(60, 'crash');
      await store.append(sent[0] ?? []);
      const outcomes = sent.map((events) => outcomeOf(store.append(events)));
      await outcomes[3];
      await cluster.stop('immediate');
      const settled = await Promise.all(outcomes);
      await cluster.start();
      const accepted = sent.filter((_, index) => !isRefused(settled[index])).flat();
      expect(settled.some(isRefused)).toBe(true);
      const kept = new Set((await store.find({}, 10_000)).map(({ event_id }) => event_id));
      expect(accepted.filter(({ event_id }) => !kept.has(event_id))).toEqual([]);
      for (const events of sent) await store.append(events);
      expect(await store.count()).toBe(600);
    });
  });

  test('for no longer than a restart takes is not noticed by who sends', async () => {
    await withStore(async (store) => {
      const sent = batches(20, 'restart');
      await cluster.stop('immediate');
      const outcomes = sent.map((events) => store.append(events));
      await cluster.start();
      expect(await Promise.all(outcomes)).toEqual(sent.map(() => ({ stored: 10, duplicates: 0 })));
    });
  });
});

test('connections that the server ends are replaced, and every event is counted once', async () => {
  await withStore(async (store, database) => {
    const sent = batches(200, 'terminated');
    const outcomes: Promise<Appended>[] = [];
    for (const [index, events] of sent.entries()) {
      outcomes.push(store.append(events));
      if (index % 50 !== 25) continue;
      await outcomes[index - 20];
      cluster.psql('postgres', `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${database}'`);
    }
    const settled = await Promise.all(outcomes);
    expect(settled.reduce((sum, { stored }) => sum + stored, 0)).toBe(2000);
    expect(settled.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(0);
    expect(await store.count()).toBe(2000);
    cluster.psql('postgres', `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${database}'`);
    expect(await store.find({}, 1)).toHaveLength(1);
  });
});

test('a process that is killed has written all that it answered for, and a second delivery of everything adds the rest', async () => {
  const url = cluster.createDatabase('killed');
  const writer = Bun.spawn([process.execPath, join(import.meta.dir, 'postgres-writer.ts')], {
    env: { ...process.env, WRITER_URL: url },
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const answered = new Set<number>();
  let said = '';
  for await (const chunk of writer.stdout) {
    said += Buffer.from(chunk).toString();
    for (const line of said.split('\n').slice(0, -1)) answered.add(Number(line));
    said = said.slice(said.lastIndexOf('\n') + 1);
    if (answered.size > 200) writer.kill('SIGKILL');
  }
  await writer.exited;

  const store = await createPostgresStore({ url });
  const rows = await store.count();
  expect(rows).toBeGreaterThanOrEqual(answered.size * BATCH_SIZE);
  const all = Array.from({ length: Math.max(...answered) + 20 }, (_, number) => batchOf(number));
  const results = await Promise.all(all.map((events) => store.append(events)));
  expect(results.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(rows);
  expect(await store.count()).toBe(all.length * BATCH_SIZE);
  expect(cluster.psql('killed', 'select count(*) - count(distinct id) from hook_events')).toBe('0');
  await store.close();
});

test('two stores write to one database at the same time, and know what the other has', async () => {
  await withStore(async (one, database) => {
    const other = await createPostgresStore({ url: cluster.url(database) });
    const shared = batches(30, 'shared');
    const outcomes = await Promise.all([
      ...shared.map((events) => one.append(events)),
      ...shared.toReversed().map((events) => other.append(events.toReversed())),
      ...batches(30, 'of one').map((events) => one.append(events)),
      ...batches(30, 'of the other').map((events) => other.append(events)),
    ]);
    expect(outcomes.reduce((sum, { stored }) => sum + stored, 0)).toBe(900);
    expect(outcomes.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(300);
    expect(await other.count()).toBe(900);
    await other.close();
  });
});
