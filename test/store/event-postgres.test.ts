/** The store of events in PostgreSQL: all that a store promises, on a real server. */
import { afterAll, beforeAll } from 'bun:test';
import { createPostgresStore } from '../../src/store/event-postgres.ts';
import { eventStoreContract } from './event-store-contract.ts';
import { createPostgresCluster, type PostgresCluster } from './postgres-cluster.ts';

let cluster: PostgresCluster;
let databases = 0;

beforeAll(async () => {
  cluster = await createPostgresCluster();
}, 300_000);
afterAll(() => cluster.remove());

eventStoreContract('the store in PostgreSQL', async () => {
  databases += 1;
  const url = cluster.createDatabase(`contract_${databases}`);
  let store = await createPostgresStore({ url });
  return {
    store,
    async reopen() {
      await store.close();
      store = await createPostgresStore({ url });
      return store;
    },
    async dispose() {
      await store.close();
      cluster.psql('postgres', `drop database contract_${databases}`);
    },
  };
});
