/** Who is blocked on a human, and for how long. It shows; answers are given in Slack alone. */
import { h } from './html.ts';
import type { Page } from './page-frame.ts';
import type { Waiting } from './waiting.ts';
import { waitingModel } from './waiting-model.ts';
import { waitingView } from './waiting-view.ts';

export function waitingPage(waiting: Pick<Waiting, 'picture'>, url: URL, now: number): Page {
  const isRefreshed = url.searchParams.get('refresh') !== 'off';
  return {
    title: 'Waiting',
    current: '/waiting',
    body: [
      h('h1', {}, 'Waiting for a person'),
      h('p', { class: 'note' }, 'Longest wait first. Answers are given in Slack: nothing on this page decides.'),
      h('div', { id: 'waiting' }, waitingView(h, waitingModel(waiting.picture(now), now), now)),
    ],
    live: { view: 'waiting', query: new URLSearchParams(), after: undefined },
    refresh: { isOn: isRefreshed, other: isRefreshed ? '/waiting?refresh=off' : '/waiting' },
  };
}
