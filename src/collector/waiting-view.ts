/** The markup of who waits: the server's and the island's. */
import { badge, type H, icon } from './markup.ts';
import { waited } from './times.ts';
import type { WaitingCard, WaitingModel } from './waiting-model.ts';

/** @param now by the server's clock, in milliseconds since the epoch */
export function waitingView<N>(h: H<N>, model: WaitingModel, now: number): N {
  const { waiting, more, lost, finished } = model;
  return h(
    'div',
    {},
    waiting.length === 0
      ? h(
          'div',
          { class: 'empty' },
          h('p', {}, h('b', {}, 'Nobody waits for a person.')),
          h('p', {}, 'When an agent asks for leave to run something, it stands here until somebody answers in Slack.'),
        )
      : h('ol', { class: 'cards' }, ...waiting.map((card) => waitingCardView(h, card, now))),
    more > 0 ? h('p', { class: 'note' }, `${more} more wait and are not shown.`) : null,
    section(h, 'No end known', 'Nobody can answer these any more, and nothing tells how they ended.', lost),
    section(h, 'Answered lately', '', finished),
  );
}

function waitingCardView<N>(h: H<N>, card: WaitingCard, now: number): N {
  const { tool, call, since, at, time, expires, approvers, isShown, links } = card;
  return h(
    'li',
    { class: 'card' },
    h(
      'p',
      { class: 'timer' },
      h('span', { class: 'about' }, 'waits for'),
      h('b', { role: 'timer' }, waited(now - since)),
      h('span', { class: 'about' }, 'since ', h('time', { datetime: at }, time)),
    ),
    h(
      'div',
      { class: 'what' },
      h('h2', {}, badge(h, 'wait', 'clock', tool)),
      call === '' ? null : h('code', { class: 'call' }, call),
      about(h, card),
      h(
        'dl',
        {},
        h('div', {}, h('dt', {}, 'Who may answer'), h('dd', {}, h('bdi', {}, approvers))),
        expires === undefined
          ? null
          : h(
              'div',
              {},
              h('dt', {}, 'Until'),
              h('dd', {}, h('time', { datetime: expires.at }, expires.time), left(expires.ms - now)),
            ),
      ),
      h(
        'p',
        { class: 'actions' },
        ...links.map(({ approver, link }) =>
          h(
            'a',
            { class: 'button', href: link, rel: 'noreferrer', target: '_blank' },
            links.length > 1
              ? h('span', {}, 'Card of ', h('bdi', {}, approver), ' in Slack ')
              : 'Open the card in Slack ',
            icon(h, 'out'),
            h('span', { class: 'only-heard' }, `, for ${tool}, in a new tab`),
          ),
        ),
        links.length > 0 ? null : h('span', { class: 'note' }, isShown ? 'Shown in Slack.' : 'Not shown in Slack yet.'),
      ),
    ),
  );
}

function left(ms: number): string {
  return ms > 0 ? ` (${waited(ms)} left)` : ' (its time is over)';
}

function section<N>(h: H<N>, title: string, text: string, cards: readonly WaitingCard[]): N | null {
  if (cards.length === 0) return null;
  return h(
    'section',
    {},
    h('h2', {}, title),
    text === '' ? null : h('p', { class: 'note' }, text),
    h('ol', { class: 'rows' }, ...cards.map((card) => endedView(h, card))),
  );
}

function endedView<N>(h: H<N>, card: WaitingCard): N {
  const { tool, call, at, time, end } = card;
  return h(
    'li',
    { class: 'row' },
    h('time', { datetime: at, class: 'when' }, time),
    badge(h, end?.tone ?? 'plain', end?.icon ?? 'dot', end?.word ?? 'No end known'),
    h(
      'div',
      { class: 'what' },
      h('p', { class: 'summary' }, h('b', {}, tool, ' '), h('bdi', {}, call)),
      end === undefined || end.text === '' ? null : h('p', { class: 'about' }, h('bdi', {}, end.text)),
      about(h, card),
    ),
  );
}

function about<N>(h: H<N>, { session, about: parts }: WaitingCard): N {
  return h(
    'p',
    { class: 'about' },
    h(session.href === undefined ? 'span' : 'a', { href: session.href }, 'Session ', h('bdi', {}, session.name)),
    ...parts.map((part) => h('span', {}, h('bdi', {}, part))),
  );
}
