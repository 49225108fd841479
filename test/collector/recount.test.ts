import { expect, test } from 'bun:test';
import { withCollector } from './opened.ts';

test('the number of events is that of the store also when old ones are deleted from it', async () => {
  let count = 7;
  await withCollector(
    async ({ request }) => {
      const told = async (): Promise<string | null> => (await request('GET', '/health')).headers.get('x-events-count');
      expect(await told()).toBe('7');
      count = 2;
      while ((await told()) !== '2') await new Promise((resolve) => setImmediate(resolve));
    },
    { wrap: (store) => ({ ...store, count: async () => count }), recountMs: 5 },
  );
});
