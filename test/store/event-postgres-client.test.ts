/** The connections to PostgreSQL: which address they take, how long they wait, and what their failures tell. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { connect, createServer, type Socket } from 'node:net';
import type { AppError } from '../../src/errors.ts';
import { createLogger } from '../../src/logger.ts';
import { createPostgresStore } from '../../src/store/event-postgres.ts';
import { createPool, failureOf, placeOf, stateOf } from '../../src/store/event-postgres-client.ts';
import { aNamedEvent, anEvent } from './event-store-contract.ts';
import { createPostgresCluster, type PostgresCluster } from './postgres-cluster.ts';

let cluster: PostgresCluster;

beforeAll(async () => {
  cluster = await createPostgresCluster();
}, 300_000);
afterAll(() => cluster.remove());

interface Between {
  url(database: string): string;
  /** Nothing comes through the connections that there are, and nobody is told. */
  goSilent(): void;
  /** What the server says next is dropped, and that connection with it. */
  loseNextAnswer(): void;
  lost(): number;
  close(): void;
}

/** A way to the server that can fail. */
async function betweenUs(): Promise<Between> {
  const sockets = new Set<Socket>();
  let losing = 0;
  let lost = 0;
  const server = createServer((near) => {
    const far = connect(cluster.port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => [near, far].map((each) => each.destroy()));
    }
    near.pipe(far);
    far.on('data', (bytes) => {
      if (losing > 0) {
        losing -= 1;
        lost += 1;
        near.destroy();
      } else near.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: (database) => cluster.url(database).replace(`:${cluster.port}/`, `:${port}/`),
    goSilent() {
      for (const socket of sockets) socket.unpipe().removeAllListeners('data').pause();
    },
    loseNextAnswer() {
      losing += 1;
    },
    lost: () => lost,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe('an address', () => {
  test.each([
    'mysql://u:hidden-secret@127.0.0.1/x',
    'u:hidden-secret@127.0.0.1/x',
    'postgres://u:hidden-secret@[bad/x',
    'postgres://u:hidden-secret@127.0.0.1:1/x',
    'postgres://u:hidden@secret@127.0.0.1:1/x?password=hidden-secret',
    '',
  ])('that cannot be used is refused without its password: %s', async (url) => {
    const error = await createPostgresStore({ url }).catch((reason: AppError) => reason);
    expect(error).toMatchObject({ name: 'AppError', code: 'store' });
    expect(Bun.inspect(error)).not.toContain('secret');
  });

  test('is told as host, port and database', () => {
    expect(placeOf('postgres://u:p:@/@h:5432/db?sslmode=require')).toBe('h:5432/db');
    expect(placeOf('postgres://h/db')).toBe('h/db');
    expect(placeOf('postgres://')).toBe('its address');
  });

  test('with a wrong password is refused without it', async () => {
    const url = cluster.url('postgres').replace(cluster.password, 'wrong-%40-secret');
    const error = await createPostgresStore({ url }).catch((reason: AppError) => reason);
    expect(String(error)).toContain('password authentication failed');
    expect(Bun.inspect(error)).not.toMatch(/wrong-|secret/);
    const quoted = new Error('connection to postgres://csh:wrong-@-secret@host or wrong-%40-secret failed');
    expect(failureOf(quoted, url, 'answer').message).not.toMatch(/wrong-/);
  });

  test('chooses the database whatever the environment says', async () => {
    const url = cluster.createDatabase('chosen');
    const before = process.env.PGDATABASE;
    process.env.PGDATABASE = 'template1';
    try {
      const pool = createPool({ url, max: 1, statementMs: 1000 });
      expect((await pool.run((sql) => sql`select current_database() as name`))[0].name).toBe('chosen');
      await pool.close();
    } finally {
      if (before === undefined) delete process.env.PGDATABASE;
      else process.env.PGDATABASE = before;
    }
  });

  test('of a PgBouncer leaves nothing in a session: neither settings nor prepared statements', async () => {
    const url = `${cluster.createDatabase('bounced')}?pgbouncer=true&application_name=bounced`;
    const pool = createPool({ url, max: 1, statementMs: 1000, settings: { jit: 'off' } });
    for (const number of [1, 2])
      expect((await pool.run((sql) => sql.unsafe('select $1::int as number', [number])))[0].number).toBe(number);
    const [session] = await pool.run((sql) =>
      sql.unsafe(`select count(*)::int as prepared, current_setting('statement_timeout') as bound,
        current_setting('application_name') as name from pg_prepared_statements`),
    );
    expect({ ...session }).toEqual({ prepared: 0, bound: '0', name: 'bounced' });
    await pool.close();

    const store = await createPostgresStore({ url });
    const event = aNamedEvent('x', { is_undated: true, data: { a: ['"\\', 1.5] }, meta: { k: 'v' } });
    expect(await store.append([event, event, anEvent()])).toEqual({ stored: 2, duplicates: 1 });
    expect((await store.find({ text: 'a' }, 10, 'oldest'))[0]).toStrictEqual(event);
    expect(await store.sessions({}, 10)).toHaveLength(1);
    await store.close();
  });
});

describe('waits', () => {
  test('end at the server when a statement takes too long', async () => {
    const pool = createPool({ url: cluster.url('postgres'), max: 1, statementMs: 100 });
    const error = await pool.run((sql) => sql`select pg_sleep(20)`).catch((reason: unknown) => reason);
    expect(stateOf(error)).toBe('57014');
    expect((await pool.run((sql) => sql`select 1 as one`))[0].one).toBe(1);
    await pool.close();
  });

  test('end here when the server says nothing any more, and the next question goes another way', async () => {
    const between = await betweenUs();
    const url = between.url('postgres');
    const pool = createPool({ url, max: 2, statementMs: 100 });
    await pool.run((sql) => sql`select 1`);
    between.goSilent();
    const askedAt = performance.now();
    const error = await pool.run((sql) => sql`select 1`).catch((reason: AppError) => reason);
    expect(error).toMatchObject({ code: 'store', message: 'no answer within 2 s' });
    expect(performance.now() - askedAt).toBeLessThan(5000);
    expect((await pool.run((sql) => sql`select 2 as two`))[0].two).toBe(2);
    await pool.close();
    between.close();
  });
});

test('an append whose answer got lost on the way is counted as what it was', async () => {
  cluster.createDatabase('lost');
  const between = await betweenUs();
  const store = await createPostgresStore({ url: between.url('lost') });
  // So that each of its connections knows the statement, and the next answer is that of the commit.
  await Promise.all(Array.from({ length: 12 }, () => store.append([anEvent()])));
  const [known, ...fresh] = Array.from({ length: 10 }, (_, index) => aNamedEvent(`lost ${index}`));
  if (known !== undefined) await store.append([known]);
  between.loseNextAnswer();
  const again = known === undefined ? [] : [{ ...known, seq: known.seq + 1_000_000 }];
  expect(await store.append([...again, ...fresh])).toEqual({ stored: 9, duplicates: 1 });
  expect(between.lost()).toBe(1);
  expect(await store.count()).toBe(22);
  await store.close();
  between.close();
});

test('neither the log nor a failure has a password or what stands in an event', async () => {
  const lines: string[] = [];
  const logger = createLogger('debug', { write: (line) => lines.push(line) });
  const store = await createPostgresStore({ url: cluster.createDatabase('quiet'), logger });
  const bad = anEvent({ id: 'my-private-value', data: { text: 'my-private-value' } });
  const error = await store.append([bad]).catch((reason: AppError) => reason);
  expect(String(error)).toContain('a value was refused (22P02)');
  expect(`${Bun.inspect(error)}${lines.join('')}`).not.toMatch(new RegExp(`my-private-value|${cluster.password}`));
  expect(lines.join('')).toContain(`127.0.0.1:${cluster.port}/quiet`);
  await store.close();
});

test('a server that takes no writes is said to be unusable, and still answers', async () => {
  const url = cluster.createDatabase('frozen');
  const before = await createPostgresStore({ url });
  await before.append([anEvent()]);
  await before.close();
  cluster.psql('postgres', 'alter database frozen set default_transaction_read_only = on');
  const store = await createPostgresStore({ url });
  const refusals = [store.check(), store.append([anEvent()])].map((each) => each.catch((error: AppError) => error));
  for (const error of await Promise.all(refusals)) expect(error).toMatchObject({ name: 'AppError', code: 'store' });
  expect(await store.count()).toBe(1);
  await store.close();
});
