/** Draws docs/images: the dashboard after a day of several agents. `bun test/collector/pictures.ts`, where there is a Chromium. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { openDashboard } from './dashboard.ts';
import { dayOfEvents } from './events.ts';

const FOLDER = join(import.meta.dir, '../../docs/images');
/** An afternoon: the pictures are the same each time. */
const NOW = Date.parse('2026-11-21T16:42:10Z');
const PICTURES = [
  ['activity', '', 'light'],
  ['waiting', 'waiting', 'light'],
  ['session', 'sessions/3f2a9c1e-7b54-4c1d-9a61-0c5f1d2e8b90', 'dark'],
  ['insights', 'insights', 'light'],
] as const;

mkdirSync(FOLDER, { recursive: true });
const dashboard = openDashboard(dayOfEvents(NOW), { now: () => NOW });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
for (const [name, path, colorScheme] of PICTURES) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme });
  await page.goto(dashboard.url + path);
  await page.locator('#live').getByText('Live', { exact: true }).waitFor();
  await page.screenshot({ path: join(FOLDER, `${name}.png`) });
  await page.close();
}
await browser.close();
await dashboard.stop();
