/** The drawings that badges and links refer to, once on each page. */
import { type Html, h } from './html.ts';
import type { Icon } from './markup.ts';

/** Strokes on 16 by 16. */
const PATHS: Readonly<Record<Icon, string>> = {
  dot: 'M8 6.5a1.5 1.5 0 1 0 0 3a1.5 1.5 0 1 0 0-3',
  session: 'M2.5 3.5h11v9h-11zM2.5 6.5h11',
  talk: 'M2.5 3h11v7.5h-6L4.5 13v-2.5h-2z',
  tool: 'M3 4.5l3.5 3.5L3 11.5M8.5 12H13',
  check: 'M3 8.5l3.5 3.5L13 4.5',
  cross: 'M4 4l8 8M12 4l-8 8',
  clock: 'M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12M8 4.5V8l2.5 1.5',
  bell: 'M3.5 11.5h9l-1.2-1.8V7a3.3 3.3 0 0 0-6.6 0v2.7zM7 13.5h2',
  out: 'M6.5 3.5h-3v9h9v-3M9 2.5h4.5V7M13 3L7.5 8.5',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
};

export function icons(): Html {
  return h(
    'svg',
    { class: 'sprite', 'aria-hidden': 'true' },
    ...Object.entries(PATHS).map(([name, d]) =>
      h('symbol', { id: `i-${name}`, viewBox: '0 0 16 16' }, h('path', { d })),
    ),
  );
}
