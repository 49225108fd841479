/** A collector with PostgreSQL: what it stores there, and what it does while that is away. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createPostgresCluster, type PostgresCluster } from '../store/postgres-cluster.ts';
import { DEMO_KEY, healthOf, post, startLoad, TYPED, until, withMachine } from './collectors.ts';

describe('collect with PostgreSQL', () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await createPostgresCluster();
  }, 240_000);
  afterAll(async () => {
    await cluster?.remove();
  });
  const settings = (database: string): Record<string, string> => ({
    HOOK_API_KEY: DEMO_KEY,
    DATABASE_URL: cluster.createDatabase(database),
  });
  const rowsIn = (database: string): readonly string[] =>
    cluster
      .psql(database, 'select event_id from hook_events')
      .split('\n')
      .filter((line) => line !== '');

  test('stores there, tells nobody the password, and knows an event again', () =>
    withMachine(async ({ collect }) => {
      const collector = await collect([], settings('plain'));
      const { url } = collector;
      expect(collector.stdout()).toContain('Stored in PostgreSQL\n');
      const body = {
        ...TYPED,
        workflow_id: 'workflow-456',
        data: { model: 'm', text: 'a\0b\ud800\t"\\\u2028🙂' },
        event_id: 'x',
      };
      for (let time = 0; time < 2; time += 1) expect((await post(`${url}/events`, body)).status).toBe(202);
      const { events, total } = (await (
        await fetch(`${url}/events`, { headers: { 'x-api-key': DEMO_KEY } })
      ).json()) as {
        events: Record<string, unknown>[];
        total: number;
      };
      expect(total).toBe(1);
      expect(events).toMatchObject([
        {
          ...TYPED,
          workflow_id: 'workflow-456',
          data: { model: 'm', text: 'a\ufffdb\ufffd\t"\\\u2028🙂' },
          flags: ['text'],
        },
      ]);
      for (const query of [
        'session=%00',
        'text=%00',
        'text=%25',
        'kind=%00',
        'limit=0',
        "type=' or ''='",
        'project=%F0%9F%99%82',
      ])
        expect([query, (await fetch(`${url}/events?${query}`, { headers: { 'x-api-key': DEMO_KEY } })).status]).toEqual(
          [query, 200],
        );
      for (const path of ['/?q=%00', '/sessions', '/?session=%00&project=%00'])
        expect([path, (await fetch(`${url}${path}`, { headers: { 'x-api-key': DEMO_KEY } })).status]).toEqual([
          path,
          200,
        ]);
      const ended = await collector.stop();
      expect(`${ended.stdout}${ended.stderr}`).not.toContain(cluster.password);
    }));

  test('killed under load has every event that it has acknowledged', () =>
    withMachine(async ({ collect }) => {
      const collector = await collect([], settings('killed'));
      const load = startLoad(collector.url, 8);
      await until(() => load.acked() > 500, 'some load');
      await collector.stop('SIGKILL');
      const acked = await load.stop();
      const stored = new Set(rowsIn('killed'));
      expect(acked.filter((id) => !stored.has(id))).toEqual([]);
    }));

  test(
    'says within seconds that it is stopped, and that it is back; loses nothing that it has taken; ends in time',
    () =>
      withMachine(async ({ collect }) => {
        const collector = await collect([], settings('stopped'));
        const statusOf = async (path: string): Promise<number> => (await fetch(`${collector.url}${path}`)).status;
        expect(await statusOf('/health')).toBe(200);
        const load = startLoad(collector.url, 4);
        await until(() => load.acked() > 200, 'some load');
        await cluster.stop();
        await until(async () => (await statusOf('/health')) === 503, 'the outage to be told', 10_000);
        expect(await statusOf('/health/ready')).toBe(503);
        expect(await statusOf('/health/live')).toBe(200);
        expect(await healthOf(collector)).toMatchObject({ status: 'unhealthy', storage: 'postgres' });
        const refused = await post(`${collector.url}/events`, TYPED);
        expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
        await cluster.start();
        await until(async () => (await statusOf('/health')) === 200, 'its return to be told', 10_000);
        await until(async () => (await post(`${collector.url}/events`, TYPED)).status === 202, 'events to be taken');
        const acked = await load.stop();
        const stored = new Set(rowsIn('stopped'));
        expect(acked.filter((id) => !stored.has(id))).toEqual([]);
        await cluster.stop();
        const waiting = post(`${collector.url}/events`, TYPED).catch(() => undefined);
        const ended = await collector.stop();
        await waiting;
        await cluster.start();
        expect(ended.exitCode).toBe(0);
        expect(ended.tookMs).toBeLessThan(5_000);
      }),
    120_000,
  );
});
