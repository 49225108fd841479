import { describe, expect, test } from 'bun:test';
import { PAGE_POLICY } from '../../src/collector/pages.ts';
import { get, withDashboard } from './dashboard.ts';
import { dayOfEvents } from './day.ts';

const NOW = Date.parse('2026-11-21T16:42:10Z');
const FIXED = { now: () => NOW };
const SESSION = '3f2a9c1e-7b54-4c1d-9a61-0c5f1d2e8b90';
const PATHS = ['', 'waiting', 'sessions', `sessions/${SESSION}`, 'insights'];
const day = () => dayOfEvents(NOW);
const none = () => [];

describe('every page', () => {
  test(
    'is sent under a strict policy, with nothing inline and nothing from elsewhere',
    withDashboard(
      day,
      async (dashboard) => {
        for (const path of [...PATHS, 'sessions/none', '?from=soon']) {
          const { html, headers } = await get(dashboard, path);
          expect(headers.get('content-security-policy')).toBe(PAGE_POLICY);
          expect(headers.get('cache-control')).toBe('no-store');
          expect(html).not.toMatch(
            /<style|\sstyle=|\son[a-z]+=|javascript:|<script(?! type="module" src="\/assets\/[^"]+"><)/i,
          );
          for (const [, link] of html.matchAll(/(?:src|href|action)="([^"]*)"/g))
            expect(link).toMatch(/^(\/(?!\/)|#|https:\/\/example\.slack\.com\/)/);
          expect(html).not.toMatch(/\[object|undefined|NaN/);
        }
      },
      FIXED,
    ),
  );

  test(
    'takes at most 40 kB with style and island, compressed',
    withDashboard(
      day,
      async (dashboard) => {
        const sizes = [];
        for (const path of PATHS) {
          const { html } = await get(dashboard, path);
          const assets = [...html.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, name]) => String(name).slice(1));
          expect(assets.length).toBe(2);
          const bodies = [html, ...(await Promise.all(assets.map(async (name) => (await get(dashboard, name)).html)))];
          sizes.push(bodies.reduce((sum, body) => sum + Bun.gzipSync(body).byteLength, 0));
        }
        expect(Math.max(...sizes)).toBeLessThanOrEqual(40_000);
      },
      FIXED,
    ),
  );

  test(
    'of a store that does not answer says so, and tells the log why',
    withDashboard(none, async (dashboard) => {
      dashboard.store.fail();
      for (const path of ['', 'sessions', 'sessions/x', 'insights']) {
        const { status, html } = await get(dashboard, path);
        expect([path, status]).toEqual([path, 503]);
        expect(html).toContain('The record cannot be read');
        expect(html).toContain('Expected the store to answer, got nothing');
      }
      expect(dashboard.errors.length).toBe(4);
      // Who waits is known without the store.
      expect((await get(dashboard, 'waiting')).status).toBe(200);
    }),
  );

  test(
    'has nothing that decides: only GET is answered',
    withDashboard(
      day,
      async (dashboard) => {
        for (const path of [...PATHS, 'live'])
          for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
            expect((await fetch(dashboard.url + path, { method })).status).toBe(404);
        for (const path of PATHS) {
          const { html } = await get(dashboard, path);
          expect(html).not.toMatch(/method="post"|>\s*(approve|allow|deny)\s*</i);
        }
      },
      FIXED,
    ),
  );

  test(
    'has its files under names of their own, to be kept for ever',
    withDashboard(none, async (dashboard) => {
      const { html } = await get(dashboard, '');
      const names = [...html.matchAll(/"\/(assets\/[^"]+)"/g)].map(([, name]) => String(name));
      const types = [];
      for (const name of names) {
        const { status, headers } = await get(dashboard, name);
        expect([status, headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
        types.push(headers.get('content-type'));
      }
      expect(types).toEqual(['text/css; charset=utf-8', 'text/javascript; charset=utf-8']);
      for (const name of ['assets/island.js', 'assets/..%2fpages.ts', 'assets/'])
        expect((await get(dashboard, name)).status).toBe(404);
    }),
  );
});
