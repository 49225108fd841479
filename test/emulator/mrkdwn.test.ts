import { describe, expect, test } from 'bun:test';
import source from '../../src/emulator/mrkdwn.client.js' with { type: 'text' };

interface Node {
  readonly type: string;
  readonly text?: string;
  readonly url?: string;
  readonly id?: string;
  readonly children?: readonly Node[];
}

// The file is text for everybody but browsers, so it is loaded as one would.
const address = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
const { emoji, parseMrkdwn } = (await import(address)) as {
  emoji(name: string): string;
  parseMrkdwn(text: string, options?: { verbatim?: boolean }): readonly Node[];
};

/** The tree in one line, e.g. `bold(a) b`. */
function drawn(text: string, options?: { verbatim?: boolean }): string {
  const line = (nodes: readonly Node[]): string =>
    nodes
      .map(({ type, text: own, url, id, children }) => {
        if (type === 'text') return own;
        if (type === 'break') return '\\n';
        return `${type}(${children ? line(children) : [own, url, id].filter(Boolean).join(' ')})`;
      })
      .join('');
  return line(parseMrkdwn(text, options));
}

const CASES: readonly [string, string, string][] = [
  ['bold, italic and strike', '*a* _b_ ~c~', 'bold(a) italic(b) strike(c)'],
  ['styles in styles', '*a _b_*', 'bold(a italic(b))'],
  ['no styles inside words', '2*3*4 snake_case_name', '2*3*4 snake_case_name'],
  ['no styles over lines', '*a\nb*', '*a\\nb*'],
  ['no styles around spaces', '* a *', '* a *'],
  ['code without styles', '`*a*`', 'code(*a*)'],
  ['a fence without styles', '```\n*a*\n```b', 'fence(*a*)b'],
  ['a fence that text of an agent has ended', '```ls``` *Safe* ```', 'fence(ls) bold(Safe) ```'],
  [
    'links with a label and without',
    '<https://x|Allow> <https://y>',
    'link(Allow https://x) link(https://y https://y)',
  ],
  ['bare addresses', 'see https://x.org/a.', 'see link(https://x.org/a https://x.org/a).'],
  ['people and everybody', '<@U1> <!channel>', 'person(U1) mention(@channel)'],
  ['quotes', '&gt; a\n> b\nc', 'quote(a\\nb)c'],
  ['emoji by name', ':eyes: :nonsense:', '👀 :nonsense:'],
  ['entities, read once', '&lt;@U1&gt; &amp;lt; &quot;', '<@U1> &lt; &quot;'],
  ['markup as text', '<b>&lt;b&gt;', 'link(b b)<b>'],
];

describe('mrkdwn draws', () => {
  for (const [name, text, expected] of CASES) test(name, () => expect(drawn(text)).toBe(expected));

  test('bare addresses as text when it is verbatim', () => {
    expect(drawn('https://x.org', { verbatim: true })).toBe('https://x.org');
  });
});

test('an emoji is drawn with its skin tone, an unknown one by its name', () => {
  expect(emoji('+1')).toBe('👍');
  expect(emoji('+1::skin-tone-3')).toBe('👍🏼');
  expect(emoji('constructor')).toBe(':constructor:');
});
