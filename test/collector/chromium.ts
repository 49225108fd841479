/** Debian's browser, for what only a browser can show. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';

/** Another one by its path. */
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const AXE = readFileSync(join(import.meta.dir, '../../node_modules/axe-core/axe.min.js'), 'utf8');

export const hasChromium = existsSync(CHROMIUM);

export async function openChromium(): Promise<Browser> {
  const { chromium } = await import('playwright-core');
  // The sandbox needs a user that is not root; the pages are our own.
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}

/** What axe has against a page: each rule that is broken, and where. */
export async function violationsOf(page: Page): Promise<readonly string[]> {
  const result = await page.evaluate(
    `(() => { ${AXE}; return axe.run(document, { resultTypes: ['violations'] }); })()`,
  );
  return (result as { violations: { id: string; nodes: { html: string }[] }[] }).violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`,
  );
}
