/** What a browser sees that has not shown a key. */
import { documentOf, type Html, h } from './html.ts';
import { STYLES_PATH } from './page-assets.ts';

/** @param after the place that was asked for; a path of this server */
export function loginPage(after: string, isWrong: boolean, version: string): string {
  const wrong = h('p', { class: 'problem', role: 'alert', id: 'wrong' }, 'That is no key that may read here.');
  const form = h(
    'form',
    { action: '/login', method: 'post' },
    h('input', { type: 'hidden', name: 'after', value: after }),
    h(
      'label',
      {},
      h('span', {}, 'Key'),
      h('input', {
        ...{ type: 'password', name: 'key', required: true, autocomplete: 'current-password', autofocus: true },
        ...(isWrong ? { 'aria-invalid': 'true', 'aria-describedby': 'wrong' } : {}),
      }),
    ),
    h('p', { class: 'actions' }, h('button', { class: 'button', type: 'submit' }, 'Look in')),
  );
  return documentOf(h('html', { lang: 'en' }, head(), body([...(isWrong ? [wrong] : []), form], version)));
}

function head(): Html {
  return h(
    'head',
    {},
    h('meta', { charset: 'utf-8' }),
    h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
    h('meta', { name: 'color-scheme', content: 'light dark' }),
    h('title', {}, 'Key needed · claude-slack-hook'),
    h('link', { rel: 'stylesheet', href: STYLES_PATH }),
  );
}

function body(content: readonly Html[], version: string): Html {
  return h(
    'body',
    {},
    h('header', { class: 'top' }, h('span', { class: 'brand' }, 'claude-slack-hook')),
    h(
      'main',
      { id: 'main', class: 'login' },
      h('h1', {}, 'Key needed'),
      ...content,
      h(
        'p',
        {},
        h('code', {}, 'claude-slack-hook keys create --scope read'),
        ' makes a key; collect printed one when it first started. The browser gets a cookie that can look and nothing else.',
      ),
    ),
    h('footer', {}, h('p', {}, `claude-slack-hook ${version}`)),
  );
}
