/** The numbers of events go on where those of an earlier process ended, whatever the clock says. */
import { expect, test } from 'bun:test';
import { createCollector } from '../../src/collector/collector.ts';
import { createKeyRing } from '../../src/collector/keys.ts';
import { event } from './events.ts';
import { createMemoryStore } from './memory-store.ts';

test('an event comes after all that are stored, also when the clock was set back since', async () => {
  const before = event('before', { seq: (Date.now() + 86_400_000) * 1000 });
  const store = createMemoryStore([before]);
  const collector = await createCollector({
    ...{ store, keys: createKeyRing({ path: '/nonexistent' }), isKeyed: false, hosts: [], isLocal: true },
    ...{ isSecure: false, version: '1', webhooks: [], logger: { info: () => {}, warn: () => {}, error: () => {} } },
  });
  await collector.fetch(
    new Request('http://127.0.0.1/events', {
      method: 'POST',
      headers: { host: '127.0.0.1', 'content-type': 'application/json' },
      body: '{"event_type":"posted"}',
    }),
  );
  await collector.record([event('told of', { seq: 1 })]);
  const types = (await store.find({ afterSeq: before.seq }, 10, 'oldest')).map(({ event_type: type }) => type);
  expect(types).toEqual(['posted', 'told of']);
  await collector.stop();
});
