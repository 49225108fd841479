import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { planElements } from '../../src/channels/slack-plan.ts';
import { decodeVisible } from '../../src/channels/visible.ts';
import { blockErrors } from '../../src/emulator/blocks.ts';
import { hostileText } from './arbitraries.ts';

type Elements = NonNullable<ReturnType<typeof planElements>>;
const FIXTURES = join(import.meta.dir, '..', 'fixtures');
const asIs = (shown: string): string => shown;
const t = (text: string, ...styles: string[]) => ({
  type: 'text',
  text,
  ...(styles.length > 0 && { style: Object.fromEntries(styles.map((style) => [style, true])) }),
});
const section = (...elements: object[]) => ({ type: 'rich_text_section', elements });
const quote = (...elements: object[]) => ({ type: 'rich_text_quote', elements });
const box = (text: string, more = {}) => ({ type: 'rich_text_preformatted', elements: [t(text)], ...more });
const list = (style: 'bullet' | 'ordered', items: (string | object)[], more = {}) => ({
  type: 'rich_text_list',
  style,
  indent: 0,
  elements: items.map((item) => section(typeof item === 'string' ? t(item) : item)),
  ...more,
});

/** Every text in the elements, in the order of reading. */
function textsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    key === 'text' && typeof item === 'string' ? [item] : textsOf(item),
  );
}
const shownText = (elements: Elements | undefined): string => decodeVisible(textsOf(elements).join(''));

function expectValid(elements: Elements): void {
  expect(blockErrors([{ type: 'rich_text', elements }], 'message', '/blocks')).toEqual([]);
  expect(JSON.stringify(elements)).not.toContain('"type":"link"');
  for (const text of textsOf(elements)) expect(text.length).toBeWithin(1, 3001);
}

function expectShown(markdown: string, expected: object[]): void {
  const elements = planElements(markdown, asIs);
  expect(elements as unknown).toEqual(expected);
  expectValid(elements ?? []);
}

describe('a plan', () => {
  const recorded = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('PermissionRequest.ExitPlanMode.json'),
  );

  test.each(recorded)('as it was recorded (%s) is a heading and a list', (path) => {
    const { tool_input } = JSON.parse(readFileSync(join(FIXTURES, path), 'utf8'));
    expectShown(tool_input.plan, [section(t('Checkout page', 'bold')), list('ordered', ['Add route', 'Add form'])]);
  });

  test.each<[string, string, object[]]>([
    [
      'headings with a blank line before them',
      'a\n## B *c*\nd',
      [section(t('a\n\n'), t('B ', 'bold'), t('c', 'bold', 'italic'), t('\nd'))],
    ],
    [
      'a heading below a list with a blank line before it',
      '- a\n\n# B',
      [list('bullet', ['a']), section(t('\n'), t('B', 'bold'))],
    ],
    [
      'styles',
      '**b** *i* ~~s~~ `c` ***bi***',
      [
        section(
          t('b', 'bold'),
          t(' '),
          t('i', 'italic'),
          t(' '),
          t('s', 'strike'),
          t(' '),
          t('c', 'code'),
          t(' '),
          t('bi', 'bold', 'italic'),
        ),
      ],
    ],
    ['soft and hard breaks as line breaks', 'a\nb\\\nc  \nd', [section(t('a\nb\nc\nd'))]],
    ['character references and escapes as what they mean', '&lt;b&gt; \\*no\\* &copy;', [section(t('<b> *no* ©'))]],
    ['character references in code as they are', '`&lt; \\*`', [section(t('&lt; \\*', 'code'))]],
    [
      'where a link leads, not only its label',
      '[https://good.example](https://evil.example "tip")',
      [section(t('https://good.example ('), t('https://evil.example', 'code'), t(' "tip")'))],
    ],
    [
      'an address letter by letter',
      '[a](<https://x.example/ä b%20c>)',
      [section(t('a ('), t('https://x.example/ä b%20c', 'code'), t(')'))],
    ],
    [
      'addresses without a label as text',
      '<https://x.example> and https://y.example',
      [section(t('https://x.example and https://y.example'))],
    ],
    [
      'images as their description and address',
      '![a **b**](x.png)',
      [section(t('a '), t('b', 'bold'), t(' ('), t('x.png', 'code'), t(')'))],
    ],
    [
      'HTML and its comments',
      'a <b>b</b> <!-- *c* -->\n\n<!-- d\n\n*e* -->',
      [
        section(t('a '), t('<b>', 'code'), t('b'), t('</b>', 'code'), t(' '), t('<!-- *c* -->', 'code')),
        box('<!-- d\n\n*e* -->'),
      ],
    ],
    [
      'definitions and footnotes',
      '[a]: /b "c"\n[d][a] e[^1]\n\n[^1]: f',
      [section(t('[a]: /b "c"\n[d][a] e[^1]\n\n[^1]: f'))],
    ],
    [
      'code with the words behind its fence',
      '```ts title=a\nx  y\n\n\tz\n```\n\n    w',
      [section(t('ts title=a', 'italic')), box('x  y\n\n⟦tab⟧z'), box('w')],
    ],
    ['no box for code that is empty', 'a\n```\n```\nb', [section(t('a')), section(t('b'))]],
    ['quotes, and quotes in them', '> a\n> > b\n> > c\n\nd', [quote(t('a\n\n> b\n> c')), section(t('d'))]],
    [
      'lists and code in quotes',
      '> - a\n>\n> ```\n> b\n> ```',
      [list('bullet', ['a'], { border: 1 }), box('b', { border: 1 })],
    ],
    ['a line', 'a\n\n---\n\nb', [section(t('a\n'), t('———'), t('\n\nb'))]],
    [
      'lists in lists',
      '- a\n  1. b\n  2. c\n- d',
      [list('bullet', ['a']), list('ordered', ['b', 'c'], { indent: 1 }), list('bullet', ['d'])],
    ],
    [
      'lists in more lists than Slack can indent',
      Array.from({ length: 10 }, (_, i) => `${'  '.repeat(i)}- ${i}`).join('\n'),
      [
        ...Array.from({ length: 8 }, (_, indent) => list('bullet', [`${indent}`], { indent })),
        list('bullet', ['8'], { indent: 8 }),
        list('bullet', ['9'], { indent: 8 }),
      ],
    ],
    ['several paragraphs of an item', '- a\n\n  b\n- c', [list('bullet', ['a\nb', 'c'])]],
    [
      'an item that goes on below code',
      '1. a\n   ```\n   b\n   ```\n   c\n2. d',
      [list('ordered', ['a']), box('b'), section(t('c')), list('ordered', ['d'], { offset: 1 })],
    ],
    [
      'the numbers that are written',
      '3. a\n4. b\n9. c',
      [list('ordered', ['a', 'b'], { offset: 2 }), list('ordered', ['c'], { offset: 8 })],
    ],
    [
      'numbers that count by themselves',
      '1. a\n1. b\n   - c\n1. d',
      [list('ordered', ['a', 'b']), list('bullet', ['c'], { indent: 1 }), list('ordered', ['d'], { offset: 2 })],
    ],
    [
      'numbers that no list of Slack can show',
      '0. a\n01. b\n999999999. c',
      [list('bullet', ['0. a', '01. b', '999999999. c'])],
    ],
    [
      'items with nothing on their line',
      '-\n- - a',
      [list('bullet', ['—', '—']), list('bullet', ['a'], { indent: 1 })],
    ],
  ])('shows %s', (_name, markdown, expected) => expectShown(markdown, expected));

  test('shows tasks with boxes', () => {
    expect(textsOf(planElements('- [ ] a\n- [x] `b`\n- [X] c\n- [x]d\n- [x](e)', asIs))).toEqual([
      ...['☐ ', 'a', '☑ ', 'b', '☑ ', 'c', '[x]d', 'x (', 'e', ')'],
    ]);
  });

  test('shows tables with their columns one below the other', () => {
    const table = '| Name | *Value* |\n|:--|--:|\n| 漢字 | `a` \\| b |\n| ccccc |\n\nd';
    expectShown(table, [box('Name  | Value\n------|------\n漢字  | a | b\nccccc |'), section(t('d'))]);
  });

  test('does not let a wide cell push the next column away', () => {
    const [text = ''] = textsOf(planElements(`a|b\n-|-\n${'c'.repeat(500)}|d\ne|f`, asIs));
    expect(text.split('\n').map((line) => line.indexOf(' | '))).toEqual([40, -1, 500, 40]);
  });

  test('shows what is invisible, and marks of its own that the plan has', () => {
    expectShown('a\u202eb **\u200bc** ⟦masked⟧ `\u2066`', [
      section(...[t('a⟦U+202E⟧b '), t('⟦U+200B⟧c', 'bold'), t(' ⟦U+27E6⟧masked⟧ '), t('⟦U+2066⟧', 'code')]),
    ]);
  });

  test('counts blanks that are spread over differently styled pieces', () => {
    const blanks = '&#32;'.repeat(8);
    expect(textsOf(planElements(`a${blanks}**${blanks}b**`, asIs))).toEqual(['a⟦16 spaces⟧b']);
  });

  test('cuts text that is longer than an element may be', () => {
    const elements = planElements(`**${'word '.repeat(2000)}end**\n\n\`\`\`\n${'x'.repeat(7000)}\n\`\`\``, asIs) ?? [];
    expectValid(elements);
    expect(textsOf(elements).map((text) => text.length)).toEqual([3000, 3000, 3000, 1003, 3000, 3000, 1000]);
  });
});

describe('a plan is shown as raw text', () => {
  test.each([
    ['is empty', ' \n\n'],
    ['has cells that its table has no column for', 'a|b\n-|-\nc|d|hidden'],
    ['is too long', 'word '.repeat(20_001)],
    ['is too deep', `${'> '.repeat(200)}hidden`],
    ['has a character that Markdown replaces', 'a\u0000b'],
    ['escapes its escapes again and again', `&${'amp;'.repeat(20)}lt;`],
  ])('when it %s', (_name, markdown) => {
    expect(planElements(markdown, asIs)).toBeUndefined();
  });
});

describe('a sign of emphasis that could belong to a path', () => {
  test.each([
    'Run rm -rf ./*build* /tmp',
    'Edit __init__.py',
    'Edit src/__init__.py',
    'Edit pkg.__init__ and go',
    'rm *.log,*.txt',
    'rm a*b*c',
    'rm *cache*-old',
    'rm ~~/tmp~~',
    'rm *x*\\dir',
    'rm *x*/y',
    '- item\n  - rm ./*build* x',
    '> ## rm ./_build_',
    '|a|b|\n|-|-|\n|rm ./*x*|c|',
    'see ![rm ./*build* x](y)',
  ])('has the plan shown as raw text: %s', (markdown) => {
    expect(planElements(markdown, asIs)).toBeUndefined();
  });

  test.each([
    ['Do **bold**.', 'Do bold.'],
    ['- **x**: y', 'x: y'],
    ['(*x*), ~~z~~!', '(x), z!'],
    ['**Note:** ***both*** "_q_"…', 'Note: both "q"…'],
    ['`./*build*` and `__init__.py`', './*build* and __init__.py'],
    ['rm a_*_b and snake_case_name', 'rm a_*_b and snake_case_name'],
    ['**`src/a`** and [**x**](y)', 'src/a and x (y)'],
  ])('is laid out where it can be nothing else: %s', (markdown, shown) => {
    expect(shownText(planElements(markdown, asIs))).toBe(shown);
  });
});

describe('a secret in a plan', () => {
  const mask = (shown: string): string =>
    shown.replaceAll('s3cret*key', '⟦masked⟧').replaceAll(/BEGIN[\s\S]*END/g, '⟦key⟧');

  test('is masked where it stands', () => {
    expect(textsOf(planElements('**a** `s3cret*key` b', mask))).toEqual(['a', ' ', '⟦masked⟧', ' b']);
  });

  test('is masked when styles take it apart', () => {
    const phrase = (shown: string): string => shown.replaceAll('s3cret *key', '⟦masked⟧');
    expect(textsOf(planElements('**a** s3cret **\\*key** b', phrase))).toEqual(['a ⟦masked⟧ b']);
  });

  test('leaves only raw text when it is spread over blocks', () => {
    expect(planElements('BEGIN\n\n> a\n\nEND', mask)).toBeUndefined();
    expect(textsOf(planElements('BEGIN\n\na\nEND', mask))).toEqual(['⟦key⟧']);
  });

  test('is never cut in its mark', () => {
    const long = (shown: string): string => shown.replaceAll('KEY', '⟦masked 1: key, 20 characters⟧');
    const texts = textsOf(planElements(`${'a'.repeat(2990)}KEY${'b'.repeat(10)}`, long));
    expect(texts.map((text) => text.length)).toEqual([2990, 40]);
  });
});

/** Markdown with a different word wherever there can be one. */
function markdownPieces(): fc.Arbitrary<string> {
  const forms = [
    ...[
      'W',
      'W',
      ' ',
      '\n',
      '\n\n',
      '\n\n',
      '# W\n',
      '## W W ##\n',
      'W\n===\n',
      '- W\n',
      '  - W\n',
      '    - W\n',
      '1. W\n',
    ],
    ...[
      '2. W\n',
      '   3) W\n',
      '- [ ] W\n',
      '- [x] W\n',
      '> W\n',
      '> > W\n',
      '> - W\n',
      '**W**',
      '*W*',
      '_W W_',
      '~~W~~',
      '`W`',
    ],
    ...[
      '[W](W)',
      '[W](W "W")',
      '[W][W]',
      '[W]: W "W"\n',
      '![W](W)',
      '<https://W.example>',
      '<b title="W">',
      '</b>',
      '<!-- W -->',
    ],
    ...[
      '\n<!-- W\n\n',
      '-->\n',
      '\n```W W\nW\n',
      '\n```\n',
      '\n~~~\nW\n~~~\n',
      '\n    W\n',
      '|W|W|\n|-|-|\n|W|W|\n',
      '|W|W|W|\n',
      '***\n',
    ],
    ...[
      '&lt;',
      '&#87;',
      '\\',
      '\\*',
      '*',
      '**',
      '_',
      '`',
      '``',
      '[',
      ']',
      '(',
      ')',
      '!',
      '<',
      '>',
      '|',
      '\t',
      '  \n',
      '[^W]',
      '[^W]: W\n',
    ],
  ];
  return fc.array(fc.constantFrom(...forms), { maxLength: 40 }).map((pieces) =>
    pieces
      .join('')
      .split(/W/)
      .reduce((text, piece, index) => `${text}w${index}z${piece}`),
  );
}

const words = (text: string): string[] => text.match(/w\d+z/g) ?? [];

describe('any Markdown', () => {
  test('is shown with every word in its order, or as raw text', () => {
    let count = 0;
    fc.assert(
      fc.property(markdownPieces(), (markdown) => {
        const elements = planElements(markdown, asIs);
        if (elements === undefined) return;
        count += 1;
        expectValid(elements);
        expect(words(shownText(elements))).toEqual(words(markdown));
      }),
      { numRuns: 1500 },
    );
    expect(count).toBeGreaterThan(1200);
  }, 60_000);

  test('shows a comment that is hidden somewhere in it', () => {
    fc.assert(
      fc.property(markdownPieces(), markdownPieces(), (before, after) => {
        const elements = planElements(`${before}<!-- rm -rf h1dden -->${after}`, asIs);
        if (elements !== undefined) expect(shownText(elements)).toMatch(/<!-- *rm *-rf *h1dden *-->/);
      }),
      { numRuns: 500 },
    );
  }, 60_000);

  test('that tries to deceive has nothing invisible in what is shown', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(hostileText(), markdownPieces()), { maxLength: 5 }), (pieces) => {
        const elements = planElements(pieces.join(''), asIs);
        if (elements === undefined) return;
        expectValid(elements);
        for (const text of textsOf(elements)) expect(text).not.toMatch(/(?![\n ])[\p{C}\p{Z}\u115f\u3164\u2800]/u);
      }),
      { numRuns: 500 },
    );
  }, 60_000);

  test.each([
    ['quotes', `${'>'.repeat(10_000)}a`],
    ['lines of quotes', `${'> '.repeat(200)}a\n`.repeat(200)],
    ['opening brackets', '['.repeat(50_000)],
    ['asterisks', '*'.repeat(100_000)],
    ['emphasis that does not close', '*a **b _c '.repeat(10_000)],
    ['images in images', `${'![a'.repeat(15_000)}${'](b)'.repeat(13_000)}`],
    ['rows of a table that are not filled', `|${'a|'.repeat(1000)}\n|${'-|'.repeat(1000)}\n${'|\n'.repeat(60)}`],
    ['small tables', 'a|b\n-|-\n\n'.repeat(10_000)],
    ['lists in lists', Array.from({ length: 440 }, (_, i) => `${' '.repeat(2 * i)}- a`).join('\n')],
    ['items', '1. a\n'.repeat(20_000)],
    ['lines that continue a quote', `${'> - '.repeat(30)}a\n${'b\n'.repeat(30_000)}`],
    ['character references', '&amp;'.repeat(20_000)],
    ['code spans of all lengths', Array.from({ length: 440 }, (_, i) => '`'.repeat(i)).join(' ')],
    ['changes of style', '**a** `b` '.repeat(10_000)],
    [
      'an ordinary plan',
      '## Step\n\nAdd `a` to **b**.\n\n1. Do\n   - this\n2. Do\n\n```ts\ncode();\n```\n\n'.repeat(1200),
    ],
  ])('of 100 kB, the most that is read, of %s takes no time to speak of', (_name, markdown) => {
    const start = performance.now();
    planElements(markdown.slice(0, 100_000), asIs);
    // Measured: 0.2 to 110 ms.
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
