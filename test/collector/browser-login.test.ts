/** A person logs in and out, with a real browser and the collector as it listens. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Browser, Page } from 'playwright-core';
import { createCollector } from '../../src/collector/collector.ts';
import { createKeyRing } from '../../src/collector/keys.ts';
import { serve } from '../../src/collector/serve.ts';
import { hasChromium, openChromium, violationsOf } from './chromium.ts';
import { dayOfEvents } from './day.ts';
import { createMemoryStore } from './memory-store.ts';

const KEY = 'a key that may read';

describe.skipIf(!hasChromium)('a person with a browser (only where there is a Chromium)', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openChromium();
  });
  afterAll(async () => {
    await browser.close();
  });

  const withPage = async (work: (page: Page, url: string) => Promise<void>): Promise<void> => {
    const collector = await createCollector({
      store: createMemoryStore(dayOfEvents(Date.now())),
      keys: createKeyRing({ path: '/nonexistent', fixed: [{ id: 'test', key: KEY, scopes: ['read'] }] }),
      ...{ isKeyed: true, hosts: [], isLocal: true, isSecure: false, version: '1.2.3', webhooks: [] },
      logger: { info: () => {}, warn: () => {}, error: () => {} },
    });
    const server = serve({ host: '127.0.0.1', port: 0, fetch: collector.fetch });
    const context = await browser.newContext();
    try {
      await work(await context.newPage(), server.url);
    } finally {
      await context.close();
      collector.hangUp();
      await server.stop(1_000);
      await collector.stop();
    }
  };

  test('shows a key once, sees the page that was asked for, and is asked again after logging out', () =>
    withPage(async (page, url) => {
      await page.goto(`${url}/insights?agent=claude`);
      expect(await page.title()).toStartWith('Key needed');
      await page.getByLabel('Key').fill('another');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').getByText('no key that may read').waitFor();
      await page.getByLabel('Key').fill(KEY);
      await page.keyboard.press('Enter');
      await page.waitForURL(`${url}/insights?agent=claude`);
      expect(await page.title()).toContain('Insights');
      await page.locator('#live').getByText('Live', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByRole('heading', { name: 'Key needed' }).waitFor();
      await page.goto(`${url}/waiting`);
      expect(await page.title()).toStartWith('Key needed');
    }));

  test('is asked for the key on a page without a fault that axe finds', () =>
    withPage(async (page, url) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await page.goto(url);
        expect(await violationsOf(page)).toEqual([]);
      }
    }));
});
