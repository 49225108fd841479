import { describe, expect, test } from 'bun:test';
import { blockErrors, blockTextLength, type Surface, withIds } from '../../src/emulator/blocks.ts';

const x = (length: number) => 'x'.repeat(length);
const plain = (text: string) => ({ type: 'plain_text', text });
const mrkdwn = (text: string) => ({ type: 'mrkdwn', text });
const section = (text: unknown) => ({ type: 'section', text });
const button = (more: object = {}) => ({ type: 'button', text: plain('Go'), ...more });
const actions = (...elements: unknown[]) => ({ type: 'actions', elements });
const rich = (...elements: unknown[]) => ({ type: 'rich_text', elements });
const option = (more: object = {}) => ({ text: plain('One'), value: '1', ...more });
const many = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);
const input = (element: unknown, more: object = {}) => ({ type: 'input', label: plain('Why'), element, ...more });
const confirm = { title: plain('Sure?'), text: mrkdwn('Really'), confirm: plain('Yes'), deny: plain('No') };

const GOOD: Record<string, unknown> = {
  'a section of 3000 characters': section(mrkdwn(x(3000))),
  'a section with ten fields': { type: 'section', fields: many(10, mrkdwn(x(2000))) },
  'a section with a button': { ...section(plain('a')), accessory: button({ style: 'danger', value: x(2000) }) },
  'a header of 150 characters': { type: 'header', text: plain(x(150)) },
  'a divider with an id': { type: 'divider', block_id: x(255) },
  'ten context elements': { type: 'context', elements: many(10, mrkdwn('a')) },
  'an image in a context': { type: 'context', elements: [{ type: 'image', image_url: 'https://x/y', alt_text: 'z' }] },
  '25 buttons': actions(...many(25, button())),
  'a confirm dialog': actions(button({ confirm: { ...confirm, style: 'danger' } })),
  'a menu': actions({ type: 'static_select', placeholder: plain('Pick'), options: many(100, option()) }),
  'check boxes': actions({ type: 'checkboxes', options: many(10, option({ description: mrkdwn(x(75)) })) }),
  'radio buttons': actions({ type: 'radio_buttons', options: [option()], initial_option: option() }),
  'an overflow menu': actions({ type: 'overflow', options: many(5, option({ url: 'https://x' })) }),
  'a text input': input({ type: 'plain_text_input', multiline: true, max_length: 3000, placeholder: plain('Why?') }),
  'rich text of every kind': rich(
    {
      type: 'rich_text_section',
      elements: [
        { type: 'text', text: 'a', style: { bold: true, code: true } },
        { type: 'link', url: 'https://x', text: 'x' },
        { type: 'user', user_id: 'U1' },
        { type: 'emoji', name: 'eyes' },
        { type: 'channel', channel_id: 'C1' },
        { type: 'broadcast', range: 'here' },
        { type: 'date', timestamp: 1, format: '{date}', fallback: 'then' },
      ],
    },
    {
      type: 'rich_text_list',
      style: 'bullet',
      indent: 1,
      elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: 'a' }] }],
    },
    { type: 'rich_text_quote', elements: [{ type: 'text', text: 'a' }], border: 1 },
    { type: 'rich_text_preformatted', elements: [{ type: 'text', text: x(9000) }], border: 0 },
  ),
  'feedback and an icon': {
    type: 'context_actions',
    elements: [
      {
        type: 'feedback_buttons',
        positive_button: { text: plain('Good'), value: '+' },
        negative_button: { text: plain('Bad'), value: '-', accessibility_label: x(75) },
      },
      { type: 'icon_button', icon: 'trash', text: plain('Delete'), value: 'x' },
    ],
  },
  'an image': { type: 'image', image_url: 'https://x/y.png', alt_text: 'a', title: plain('b') },
  'a file': { type: 'file', external_id: 'a', source: 'remote' },
  'markdown of 12,000 characters': { type: 'markdown', text: x(12_000) },
  'a table of 100 by 20': { type: 'table', rows: many(100, many(20, { type: 'raw_text', text: 'a' })) },
};

describe('Slack takes', () => {
  for (const [name, block] of Object.entries(GOOD)) {
    test(name, () => expect(blockErrors([block], 'message', '/blocks')).toEqual([]));
  }
  test('100 blocks in a modal', () => {
    expect(blockErrors(many(100, { type: 'divider' }), 'modal', '/blocks')).toEqual([]);
  });
});

test('an alert is for modals only', () => {
  const alert = { type: 'alert', level: 'warning', text: mrkdwn('Careful') };
  expect(blockErrors([alert], 'modal', '/blocks')).toEqual([]);
  expect(blockErrors([alert], 'message', '/blocks')).toEqual(['unsupported type: alert [json-pointer:/blocks/0/type]']);
});

const BAD: readonly [string, unknown, string, Surface?][] = [
  ['a string for a block', 'x', 'must be an object [json-pointer:/blocks/0]'],
  ['a block without a type', {}, 'missing required field: type [json-pointer:/blocks/0]'],
  ['an unknown block', { type: 'banner' }, 'unsupported type: banner [json-pointer:/blocks/0/type]'],
  ['a type with a name from JavaScript', { type: 'constructor' }, 'unsupported type: constructor'],
  ['an unknown key', { type: 'divider', color: 'red' }, 'invalid additional property: color [json-pointer:/blocks/0]'],
  ['an empty section', { type: 'section' }, 'must define either `text` or `fields` [json-pointer:/blocks/0]'],
  [
    'a section without characters',
    section(mrkdwn('')),
    'must be more than 0 characters [json-pointer:/blocks/0/text/text]',
  ],
  [
    'a section of 3001 characters',
    section(plain(x(3001))),
    'must be less than 3001 characters [json-pointer:/blocks/0/text/text]',
  ],
  ['a bare string as text', section('x'), 'must be an object [json-pointer:/blocks/0/text]'],
  [
    'emoji in mrkdwn',
    section({ ...mrkdwn('a'), emoji: true }),
    'invalid additional property: emoji [json-pointer:/blocks/0/text]',
  ],
  [
    'eleven fields',
    { type: 'section', fields: many(11, mrkdwn('a')) },
    'no more than 10 items allowed [json-pointer:/blocks/0/fields]',
  ],
  [
    'a field of 2001 characters',
    { type: 'section', fields: [mrkdwn(x(2001))] },
    'must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]',
  ],
  [
    'a header in mrkdwn',
    { type: 'header', text: mrkdwn('a') },
    'unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]',
  ],
  [
    'a header of 151 characters',
    { type: 'header', text: plain(x(151)) },
    'must be less than 151 characters [json-pointer:/blocks/0/text/text]',
  ],
  ['26 buttons', actions(...many(26, button())), 'no more than 25 items allowed [json-pointer:/blocks/0/elements]'],
  ['no buttons', actions(), 'no fewer than 1 items allowed [json-pointer:/blocks/0/elements]'],
  [
    'a button label of 76 characters',
    actions(button({ text: plain(x(76)) })),
    'must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]',
  ],
  [
    'a button label in mrkdwn',
    actions(button({ text: mrkdwn('a') })),
    'unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0/text/type]',
  ],
  [
    'a button value of 2001 characters',
    actions(button({ value: x(2001) })),
    'must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]',
  ],
  [
    'a number as a button value',
    actions(button({ value: 1 })),
    'must be a string [json-pointer:/blocks/0/elements/0/value]',
  ],
  [
    'an action id of 256 characters',
    actions(button({ action_id: x(256) })),
    'must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]',
  ],
  [
    'a button style default',
    actions(button({ style: 'default' })),
    'must be one of: primary, danger [json-pointer:/blocks/0/elements/0/style]',
  ],
  [
    'the same action id twice',
    actions(button({ action_id: 'a' }), button({ action_id: 'a' })),
    '`action_id` "a" already exists for another element [json-pointer:/blocks/0/elements/1/action_id]',
  ],
  [
    'a confirm title of 101 characters',
    actions(button({ confirm: { ...confirm, title: plain(x(101)) } })),
    'must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]',
  ],
  [
    'a confirm text of 301 characters',
    actions(button({ confirm: { ...confirm, text: plain(x(301)) } })),
    'must be less than 301 characters [json-pointer:/blocks/0/elements/0/confirm/text/text]',
  ],
  [
    'a confirm button of 31 characters',
    actions(button({ confirm: { ...confirm, deny: plain(x(31)) } })),
    'must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/deny/text]',
  ],
  [
    'a text input among buttons',
    actions({ type: 'plain_text_input' }),
    'unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]',
  ],
  ['a button as an input', input(button()), 'unsupported type: button [json-pointer:/blocks/0/element/type]'],
  [
    'an initial value of 3001 characters',
    input({ type: 'plain_text_input', initial_value: x(3001) }),
    'must be less than 3001 characters [json-pointer:/blocks/0/element/initial_value]',
  ],
  [
    'an input label of 2001 characters',
    { ...input({ type: 'plain_text_input' }), label: plain(x(2001)) },
    'must be less than 2001 characters [json-pointer:/blocks/0/label/text]',
  ],
  [
    'eleven context elements',
    { type: 'context', elements: many(11, mrkdwn('a')) },
    'no more than 10 items allowed [json-pointer:/blocks/0/elements]',
  ],
  [
    'a button in a context',
    { type: 'context', elements: [button()] },
    'unsupported type: button [json-pointer:/blocks/0/elements/0/type]',
  ],
  [
    'six icons',
    { type: 'context_actions', elements: many(6, { type: 'icon_button', icon: 'trash', text: plain('Delete') }) },
    'no more than 5 items allowed [json-pointer:/blocks/0/elements]',
  ],
  [
    'a button among icons',
    { type: 'context_actions', elements: [button()] },
    'unsupported type: button [json-pointer:/blocks/0/elements/0/type]',
  ],
  [
    'a menu without options',
    actions({ type: 'static_select' }),
    'must define either `options` or `option_groups` [json-pointer:/blocks/0/elements/0]',
  ],
  [
    '101 options',
    actions({ type: 'static_select', options: many(101, option()) }),
    'no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]',
  ],
  [
    'eleven check boxes',
    actions({ type: 'checkboxes', options: many(11, option()) }),
    'no more than 10 items allowed [json-pointer:/blocks/0/elements/0/options]',
  ],
  [
    'six overflow options',
    actions({ type: 'overflow', options: many(6, option()) }),
    'no more than 5 items allowed [json-pointer:/blocks/0/elements/0/options]',
  ],
  [
    'an option value of 151 characters',
    actions({ type: 'radio_buttons', options: [option({ value: x(151) })] }),
    'must be less than 151 characters [json-pointer:/blocks/0/elements/0/options/0/value]',
  ],
  ['an empty rich text', rich(), 'no fewer than 1 items allowed [json-pointer:/blocks/0/elements]'],
  [
    'an empty text in rich text',
    rich({ type: 'rich_text_section', elements: [{ type: 'text', text: '' }] }),
    'must be more than 0 characters [json-pointer:/blocks/0/elements/0/elements/0/text]',
  ],
  [
    'a person in preformatted text',
    rich({ type: 'rich_text_preformatted', elements: [{ type: 'user', user_id: 'U1' }] }),
    'unsupported type: user [json-pointer:/blocks/0/elements/0/elements/0/type]',
  ],
  [
    'text right in rich text',
    rich({ type: 'text', text: 'a' }),
    'unsupported type: text [json-pointer:/blocks/0/elements/0/type]',
  ],
  [
    'markdown of 12,001 characters',
    { type: 'markdown', text: x(12_001) },
    'must be less than 12001 characters [json-pointer:/blocks/0/text]',
  ],
  [
    'a table of 101 rows',
    { type: 'table', rows: many(101, [{ type: 'raw_text', text: 'a' }]) },
    'no more than 100 items allowed [json-pointer:/blocks/0/rows]',
  ],
  [
    'a table of 21 columns',
    { type: 'table', rows: [many(21, { type: 'raw_text', text: 'a' })] },
    'no more than 20 items allowed [json-pointer:/blocks/0/rows/0]',
  ],
  [
    'an image without words',
    { type: 'image', image_url: 'https://x' },
    'missing required field: alt_text [json-pointer:/blocks/0]',
  ],
  [
    'an image without an address',
    { type: 'image', alt_text: 'x' },
    'must define either `image_url` or `slack_file` [json-pointer:/blocks/0]',
  ],
  [
    'markdown in a modal',
    { type: 'markdown', text: 'a' },
    'unsupported type: markdown [json-pointer:/blocks/0/type]',
    'modal',
  ],
];

describe('Slack refuses', () => {
  for (const [name, block, message, surface] of BAD) {
    test(name, () => {
      const errors = blockErrors([block], surface ?? 'message', '/blocks');
      expect(errors).toHaveLength(1);
      expect(errors[0]).toStartWith(message);
    });
  }

  test('51 blocks in a message, and 101 in a modal', () => {
    const tooMany = (count: number) => [`no more than ${count} items allowed [json-pointer:/blocks]`];
    expect(blockErrors(many(51, { type: 'divider' }), 'message', '/blocks')).toEqual(tooMany(50));
    expect(blockErrors(many(101, { type: 'divider' }), 'modal', '/blocks')).toEqual(tooMany(100));
  });

  test('the same block id twice', () => {
    const block = { type: 'divider', block_id: 'a' };
    const errors = ['`block_id` "a" already exists [json-pointer:/blocks/1/block_id]'];
    expect(blockErrors([block, block], 'message', '/blocks')).toEqual(errors);
  });

  test('two tables, and markdown blocks that are too long together', () => {
    const table = { type: 'table', rows: [[{ type: 'raw_text', text: 'a' }]] };
    expect(blockErrors([table, table], 'message', '/blocks')[0]).toStartWith('only_one_table_allowed');
    const half = { type: 'markdown', text: x(6_001) };
    expect(blockErrors([half, half], 'message', '/blocks')[0]).toStartWith('markdown blocks must be less than 12001');
  });
});

test('every text counts towards the length of all blocks', () => {
  expect(blockTextLength([section(plain('ab')), actions(button()), { type: 'markdown', text: 'cde' }])).toBe(7);
});

test('blocks and elements without ids get some, others keep theirs', () => {
  const [named, bare] = withIds([
    { ...actions(button({ action_id: 'go' })), block_id: 'mine' },
    { ...section(plain('a')), accessory: button() },
  ]);
  expect(named).toMatchObject({ block_id: 'mine', elements: [{ action_id: 'go' }] });
  expect(bare).toMatchObject({ block_id: expect.any(String), accessory: { action_id: expect.any(String) } });
});
