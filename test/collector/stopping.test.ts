import { expect, test } from 'bun:test';
import { createCollector } from '../../src/collector/collector.ts';
import { createKeyRing } from '../../src/collector/keys.ts';
import { createMemoryStore } from './memory-store.ts';

test('a webhook that never answers does not hold up the end', async () => {
  const reached = Promise.withResolvers<void>();
  using server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: () => {
      reached.resolve();
      return new Promise<Response>(() => {});
    },
  });
  const collector = await createCollector({
    ...{ store: createMemoryStore(), isKeyed: false, hosts: [], isLocal: true, isSecure: false, version: '1.2.3' },
    keys: createKeyRing({ path: '/nonexistent/keys.json' }),
    logger: { info: () => {}, warn: () => {}, error: () => {} },
    webhooks: [{ match: {}, url: server.url.href, allowPrivate: true }],
  });
  const request = new Request('http://localhost/events', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Host: 'localhost' },
    body: '{"event_type":"session_started"}',
  });
  expect((await collector.fetch(request)).status).toBe(202);
  await reached.promise;
  const began = performance.now();
  await collector.stop();
  expect(performance.now() - began).toBeLessThan(4_000);
});
