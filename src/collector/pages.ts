/** The dashboard: pages that are complete without JavaScript, and what keeps them up to date. Nothing here decides anything. */
import { Hono } from 'hono';
import { AppError } from '../errors.ts';
import type { EventStore } from '../events.ts';
import type { Live } from './live.ts';
import { activityPage } from './page-activity.ts';
import { ASSETS } from './page-assets.ts';
import { framed, type Page, problemPage } from './page-frame.ts';
import { insightsPage } from './page-insights.ts';
import { sessionPage } from './page-session.ts';
import { sessionsPage } from './page-sessions.ts';
import { waitingPage } from './page-waiting.ts';
import type { Waiting } from './waiting.ts';

export interface PagesOptions {
  readonly store: Pick<EventStore, 'find' | 'sessions'>;
  readonly waiting: Waiting;
  readonly live: Live;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly version: string;
  /** Whether who looks has logged in, and may log out. */
  readonly isKeyed?: boolean;
  /** Told of what went wrong; the page only says that something did. */
  readonly onError?: (error: unknown) => void;
}

/**
 * What every page is sent with: nothing from elsewhere, no inline script or style, nobody may frame it. Whoever mounts the
 * pages may say the same again.
 */
export const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'";
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': PAGE_POLICY,
  'x-content-type-options': 'nosniff',
  // With no-referrer a browser would say of the form to log out that it comes from nowhere.
  'referrer-policy': 'same-origin',
  // What agents do must not lie in a browser's cache.
  'cache-control': 'no-store',
};
const ASSET_HEADERS = { 'x-content-type-options': 'nosniff', 'cache-control': 'public, max-age=31536000, immutable' };

/** An app with `GET` routes only. Who may see it has been checked before. */
export function createPages(options: PagesOptions): Hono {
  const { store, waiting, live, now, version, isKeyed = false, onError = () => {} } = options;
  const app = new Hono();

  const answer = async (current: string, make: () => Page | Promise<Page>): Promise<Response> => {
    const page = await Promise.resolve()
      .then(make)
      .catch((error: unknown) => {
        onError(error);
        return failure(current, error);
      });
    const html = framed(page, { version, isKeyed, waiting: waiting.count(now()) });
    return new Response(html, { status: page.status ?? 200, headers: PAGE_HEADERS });
  };

  app.get('/', (c) => answer('/', () => activityPage(store, new URL(c.req.url), now())));
  app.get('/waiting', (c) => answer('/waiting', () => waitingPage(waiting, new URL(c.req.url), now())));
  app.get('/sessions', (c) => answer('/sessions', () => sessionsPage(store, new URL(c.req.url), now())));
  app.get('/sessions/:id', (c) =>
    answer('/sessions', () => sessionPage(store, c.req.param('id'), new URL(c.req.url), now())),
  );
  app.get('/insights', (c) => answer('/insights', () => insightsPage(store, new URL(c.req.url), now())));
  app.get('/live', (c) => live.open(c.req.raw));
  app.get('/assets/:name', (c) => {
    const asset = ASSETS.get(c.req.path);
    if (asset === undefined) return c.text('Not found\n', 404);
    return new Response(asset.body, { headers: { ...ASSET_HEADERS, 'content-type': asset.type } });
  });
  return app;
}

/** The error's own sentence where it is one of ours: any other could tell too much. */
function failure(current: string, error: unknown): Page {
  const what = error instanceof AppError ? error.message : 'Something went wrong while the page was made.';
  return problemPage(current, 'The record cannot be read', 503, [
    what,
    'Load the page again in a moment. The log says more.',
  ]);
}
