/** What the server and the island write markup with: the same views, given hono's `jsx` there and preact's `h` here. */

export type Child<N> = N | string | number | boolean | null | undefined | readonly Child<N>[];
export type Props = Readonly<Record<string, string | number | boolean | undefined>>;
/** Texts and attributes are escaped by what makes the markup. */
export type H<N> = (tag: string, props: Props, ...children: readonly Child<N>[]) => N;

/** What a thing means; always said by a word and an icon, too. */
export type Tone = 'plain' | 'talk' | 'tool' | 'wait' | 'good' | 'bad';
export type Icon = 'dot' | 'session' | 'talk' | 'tool' | 'check' | 'cross' | 'clock' | 'bell' | 'out' | 'pause';

/** A drawing of the page's own set; see page-icons.ts. It says nothing to a screen reader. */
export function icon<N>(h: H<N>, name: Icon): N {
  return h('svg', { class: 'icon', 'aria-hidden': 'true' }, h('use', { href: `#i-${name}` }));
}

export function badge<N>(h: H<N>, tone: Tone, name: Icon, word: string): N {
  return h('span', { class: `badge ${tone}` }, icon(h, name), h('bdi', {}, word));
}
