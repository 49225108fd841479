/** The markup of an event's row: the server's and the island's. */
import { badge, type H } from './markup.ts';
import type { RowModel } from './row-model.ts';

/** An `<li>`. */
export function rowView<N>(h: H<N>, row: RowModel): N {
  return h(
    'li',
    { class: 'row', 'data-id': row.id },
    h('time', { datetime: row.at, class: 'when' }, row.time),
    badge(h, row.tone, row.icon, row.type),
    h(
      'div',
      { class: 'what' },
      h(
        'p',
        { class: 'summary' },
        row.tool === undefined ? null : h('b', {}, row.tool, ' '),
        h('bdi', {}, row.summary),
      ),
      h(
        'p',
        { class: 'about' },
        h(row.session.href === undefined ? 'span' : 'a', { href: row.session.href }, h('bdi', {}, row.session.name)),
        row.about.map((part) => h('span', {}, h('bdi', {}, part))),
      ),
      h(
        'details',
        {},
        h('summary', {}, 'Event', h('span', { class: 'only-heard' }, ` ${row.type} of ${row.time}`)),
        h('pre', {}, row.json),
        h(
          'p',
          { class: 'about' },
          row.isCut ? h('span', {}, 'Cut here. ') : null,
          h('a', { href: row.href }, row.isCut ? 'The whole event as JSON' : 'This event as JSON'),
        ),
      ),
    ),
  );
}
