/** What all pages have around them. */
import { documentOf, type Html, h } from './html.ts';
import { ISLAND_PATH, STYLES_PATH } from './page-assets.ts';
import { icons } from './page-icons.ts';
import { zone } from './times.ts';

export interface Page {
  readonly title: string;
  /** The entry of the menu that it belongs to. */
  readonly current: string;
  readonly body: readonly (Html | null)[];
  /** What the island follows: a view of live.ts, the page's own parameters, and the last `seq` that the page shows. */
  readonly live?: {
    readonly view: string;
    readonly query: URLSearchParams;
    readonly after: number | undefined;
    /** What came before this belongs to an older page. */
    readonly oldest?: number | undefined;
  };
  /** Where a browser without JavaScript loads the page again by itself: the address of the same page without it. */
  readonly refresh?: { readonly isOn: boolean; readonly other: string };
  /** Of the answer; 200 without it. */
  readonly status?: 400 | 404 | 503;
}

/** What is known about the collector when a page is made. */
export interface Surroundings {
  readonly version: string;
  /** Whether who looks can log out. */
  readonly isKeyed: boolean;
  /** How many agents wait for a person. */
  readonly waiting: number;
}

/** How often such a browser loads the page again, in seconds. */
const REFRESH = '2';

const MENU = [
  ['/', 'Activity'],
  ['/waiting', 'Waiting'],
  ['/sessions', 'Sessions'],
  ['/insights', 'Insights'],
] as const;

/** The whole document, as text. */
export function framed(page: Page, surroundings: Surroundings): string {
  return documentOf(h('html', { lang: 'en' }, head(page), body(page, surroundings)));
}

function head({ title, refresh }: Page): Html {
  return h(
    'head',
    {},
    h('meta', { charset: 'utf-8' }),
    h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
    h('meta', { name: 'color-scheme', content: 'light dark' }),
    h('title', {}, `${title} · claude-slack-hook`),
    h('link', { rel: 'stylesheet', href: STYLES_PATH }),
    h('script', { type: 'module', src: ISLAND_PATH }),
    refresh?.isOn === true ? h('noscript', {}, h('meta', { 'http-equiv': 'refresh', content: REFRESH })) : null,
  );
}

function body(
  { title, current, body: content, live, refresh }: Page,
  { version, isKeyed, waiting }: Surroundings,
): Html {
  const query = new URLSearchParams(live?.query);
  query.set('view', live?.view ?? 'other');
  if (live?.after !== undefined) query.set('after', String(live.after));
  return h(
    'body',
    {
      'data-live': `/live?${query}`,
      'data-view': live?.view ?? 'other',
      'data-title': title,
      'data-oldest': live?.oldest,
    },
    icons(),
    h('a', { class: 'skip', href: '#main' }, 'Skip to the content'),
    h(
      'header',
      { class: 'top' },
      h('a', { class: 'brand', href: '/' }, 'claude-slack-hook'),
      h(
        'nav',
        { 'aria-label': 'Pages' },
        h('ul', { class: 'menu' }, ...MENU.map((entry) => menuEntry(entry, current, waiting))),
      ),
      h('div', { id: 'live', class: 'live' }),
    ),
    h('p', { id: 'said', class: 'only-heard', 'aria-live': 'polite' }),
    h('main', { id: 'main', tabindex: -1 }, ...content),
    h(
      'footer',
      {},
      h('p', {}, `claude-slack-hook ${version} · times are of the zone ${zone()}`),
      isKeyed ? logout() : null,
      refresh === undefined ? null : refreshNote(refresh),
    ),
  );
}

function menuEntry([href, name]: (typeof MENU)[number], current: string, waiting: number): Html {
  return h(
    'li',
    {},
    h(
      'a',
      { href, 'aria-current': href === current ? 'page' : undefined },
      name,
      ' ',
      href === '/waiting'
        ? h('span', { id: 'count', class: waiting > 0 ? 'count some' : 'count' }, String(waiting))
        : null,
    ),
  );
}

function logout(): Html {
  return h('form', { action: '/logout', method: 'post' }, h('button', { class: 'quiet', type: 'submit' }, 'Log out'));
}

function refreshNote({ isOn, other }: NonNullable<Page['refresh']>): Html {
  const said = isOn ? `This page loads itself again every ${REFRESH} s. ` : 'This page stays as it is. ';
  return h(
    'noscript',
    {},
    h('p', {}, said, h('a', { href: other }, isOn ? 'Stop that' : `Load it again every ${REFRESH} s`)),
  );
}

/** A page that says why there is no other. */
export function problemPage(
  current: string,
  title: string,
  status: NonNullable<Page['status']>,
  lines: readonly string[],
): Page {
  const text = lines.map((line) => h('p', {}, h('bdi', {}, line)));
  return {
    title,
    current,
    status,
    body: [h('h1', {}, title), h('div', { class: 'empty bad', role: 'alert' }, ...text)],
  };
}
