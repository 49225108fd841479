/** A browser cannot send a key in a header, so a person shows the key once and gets a cookie that can only look. */
import { Hono } from 'hono';
import { readBody } from './body.ts';
import { COOKIE, type Door, SESSION_SECONDS } from './door.ts';

export interface LoginOptions {
  readonly door: Pick<Door, 'cookieFor' | 'forget'>;
  /** Whether the browser comes over TLS. */
  readonly isSecure: boolean;
  /** The page with its form. */
  readonly page: (after: string, isWrong: boolean) => Response;
}

export interface Login {
  /** POST /login and POST /logout. That they come from our own page is checked at the door, by Origin. */
  readonly app: Hono;
  /** What a browser without a cookie sees, in place of a page. */
  ask(url: string): Response;
}

/** A form of two fields. */
const MAX_FORM_BYTES = 4_096;

export function createLogin({ door, isSecure, page }: LoginOptions): Login {
  const app = new Hono();
  const cookie = (value: string, seconds: number): string =>
    `${COOKIE}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
  app.post('/login', async ({ req }) => {
    const bytes = await readBody(req.raw, MAX_FORM_BYTES);
    const form = new URLSearchParams(typeof bytes === 'string' ? '' : new TextDecoder().decode(bytes));
    const after = ownPath(form.get('after') ?? '/');
    const value = door.cookieFor(form.get('key')?.trim() ?? '');
    if (value === undefined) return page(after, true);
    return new Response(null, {
      status: 303,
      headers: { Location: after, 'Set-Cookie': cookie(value, SESSION_SECONDS) },
    });
  });
  app.post('/logout', ({ req }) => {
    door.forget(req.raw.headers);
    return new Response(null, { status: 303, headers: { Location: '/', 'Set-Cookie': cookie('', 0) } });
  });
  return {
    app,
    ask: (url) => {
      const { pathname, search } = new URL(url);
      return page(ownPath(pathname + search), false);
    },
  };
}

/** A place on this server: what begins with two slashes, or a backslash, is another one to a browser. */
function ownPath(path: string): string {
  return /^\/(?![/\\])[\w\-./?=&%+:,~]*$/.test(path) ? path : '/';
}
