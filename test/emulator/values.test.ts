import { describe, expect, test } from 'bun:test';
import type { KnownBlock } from '@slack/types';
import { complaints, enteredIn, stateOf } from '../../src/emulator/values.ts';
import { type Envelope, withEmulator } from './harness.ts';

const plain = (text: string) => ({ type: 'plain_text' as const, text });
const option = (value: string) => ({ text: plain(value.toUpperCase()), value });
const LETTERS = [option('a'), option('b'), option('c')];

const FORM: KnownBlock[] = [
  {
    type: 'actions',
    block_id: 'form',
    elements: [
      { type: 'checkboxes', action_id: 'boxes', options: LETTERS, initial_options: [option('a')] },
      { type: 'radio_buttons', action_id: 'radio', options: LETTERS },
      { type: 'static_select', action_id: 'menu', options: LETTERS },
      { type: 'overflow', action_id: 'more', options: LETTERS },
      { type: 'button', action_id: 'send', text: plain('Send'), value: 'now' },
    ],
  },
  {
    type: 'input',
    block_id: 'why',
    label: plain('Why'),
    element: { type: 'plain_text_input', action_id: 'text' },
  },
];

/** A form in a message, and every payload that its elements send. */
function withForm(
  body: (tools: {
    press: (
      actionId: string,
      more?: {
        entered?: Record<string, unknown>;
        state?: Record<string, Record<string, Record<string, unknown>>>;
        userId?: string;
      },
    ) => Promise<unknown>;
    seen: Envelope['body'][];
    update: (blocks: KnownBlock[]) => Promise<unknown>;
    otherUser: string;
  }) => Promise<void>,
) {
  return withEmulator({}, async (emulator, { web, connect }) => {
    const seen: Envelope['body'][] = [];
    await connect(async (envelope) => {
      seen.push(envelope.body);
      await envelope.ack();
    });
    const posted = await web.chat.postMessage({ channel: emulator.user.id, text: 'A form', blocks: FORM });
    const card = { channel: String(posted.channel), ts: String(posted.ts) };
    await body({
      press: (actionId, more = {}) => emulator.click({ ...card, actionId, ...more }),
      seen,
      update: (blocks) => web.chat.update({ ...card, text: 'A form', blocks }),
      otherUser: emulator.otherUser.id,
    });
  });
}

const NOTHING = {
  form: {
    boxes: { type: 'checkboxes', selected_options: [option('a')] },
    radio: { type: 'radio_buttons', selected_option: null },
    menu: { type: 'static_select', selected_option: null },
  },
  why: { text: { type: 'plain_text_input', value: null } },
};

test(
  'a press carries the whole state of the message: initial values and none',
  withForm(async ({ press, seen }) => {
    await press('send');
    expect(seen[0]?.state).toEqual({ values: NOTHING });
  }),
);

test(
  'what is chosen is sent in full, and remembered for the next press of the same person',
  withForm(async ({ press, seen, otherUser }) => {
    await press('boxes', { entered: { selected_options: [{ value: 'b' }, { value: 'c' }] } });
    expect(seen[0]?.actions).toMatchObject([
      { type: 'checkboxes', action_id: 'boxes', selected_options: [option('b'), option('c')] },
    ]);
    await press('radio', { entered: { selected_option: option('b') } });
    await press('more', { entered: { selected_option: { value: 'c' } } });
    expect(seen[2]?.actions).toMatchObject([{ type: 'overflow', selected_option: option('c') }]);
    await press('send', { state: { why: { text: { value: 'because' } } } });
    expect(seen[3]?.state).toEqual({
      values: {
        form: {
          boxes: { type: 'checkboxes', selected_options: [option('b'), option('c')] },
          radio: { type: 'radio_buttons', selected_option: option('b') },
          menu: { type: 'static_select', selected_option: null },
        },
        why: { text: { type: 'plain_text_input', value: 'because' } },
      },
    });
    await press('send', { userId: otherUser });
    expect(seen[4]?.state).toEqual({ values: NOTHING });
  }),
);

test(
  'an update keeps what was entered under the same ids, as long as it can still be chosen',
  withForm(async ({ press, seen, update }) => {
    await press('radio', { entered: { selected_option: { value: 'b' } } });
    const [, input] = FORM;
    const radio = { type: 'radio_buttons' as const, action_id: 'radio', options: [option('b')] };
    if (input === undefined) throw new Error('Expected an input');
    const send = { type: 'button' as const, action_id: 'send', text: plain('Send') };
    await update([{ type: 'actions', block_id: 'form', elements: [radio, send] }, input]);
    await press('send');
    expect(seen[1]).toMatchObject({ state: { values: { form: { radio: { selected_option: option('b') } } } } });
    const other = { ...radio, options: [option('x')] };
    await update([{ type: 'actions', block_id: 'form', elements: [other, send] }, input]);
    await press('send');
    expect(seen[2]).toMatchObject({ state: { values: { form: { radio: { selected_option: null } } } } });
  }),
);

test(
  'an input that dispatches nothing keeps its changes until something else is pressed',
  withForm(async ({ press, seen }) => {
    expect(await press('text', { entered: { value: 'quiet' } })).toEqual({ delivery: 'not-sent' });
    expect(seen).toEqual([]);
    await press('send');
    expect(seen[0]).toMatchObject({ state: { values: { why: { text: { value: 'quiet' } } } } });
  }),
);

test(
  'nobody can choose what is not offered, or enter something where there is nothing to enter',
  withForm(async ({ press, seen }) => {
    expect(press('radio', { entered: { selected_option: { value: 'z' } } })).rejects.toThrow(
      'Expected an option of radio, there is [a, b, c], got {"value":"z"}',
    );
    expect(press('send', { entered: { selected_option: option('a') } })).rejects.toThrow('to hold no value');
    expect(press('boxes', { entered: { selected_options: 'a' } })).rejects.toThrow('Expected a selected_options');
    expect(press('send', { state: { gone: { text: { value: 'x' } } } })).rejects.toThrow('blocks that are there');
    expect(press('send', { state: { why: { other: { value: 'x' } } } })).rejects.toThrow('got one for other');
    expect(press('send', { state: { form: { send: { value: 'x' } } } })).rejects.toThrow('got one for send');
    expect(seen).toEqual([]);
  }),
);

test('options in groups are options, and a value of another type is none', () => {
  const menu = { type: 'static_select', action_id: 'm', option_groups: [{ label: plain('L'), options: LETTERS }] };
  expect(enteredIn(menu, { selected_option: { value: 'c' } })).toEqual({ selected_option: option('c') });
  expect(() => enteredIn(menu, { type: 'radio_buttons', selected_option: null })).toThrow('got one of radio_buttons');
});

describe('a form is kept back', () => {
  const input = (element: object, more: object = {}) => [
    { type: 'input', block_id: 'b', label: plain('L'), element: { action_id: 'a', ...element }, ...more },
  ];
  const text = (more: object = {}) => ({ type: 'plain_text_input', ...more });
  const required = 'Please complete this required field.';
  const CASES: readonly [string, Record<string, unknown>[], object, string | undefined][] = [
    ['without a required text', input(text()), {}, required],
    ['with an empty one', input(text()), { value: '' }, required],
    ['without a required choice', input({ type: 'checkboxes', options: LETTERS }), { selected_options: [] }, required],
    ['with a short text', input(text({ min_length: 3 })), { value: 'ab' }, 'Please enter at least 3 characters.'],
    ['with a long text', input(text({ max_length: 3 })), { value: 'abcd' }, 'Please enter at most 3 characters.'],
    ['with 3001 characters', input(text()), { value: 'x'.repeat(3001) }, 'Please enter at most 3000 characters.'],
    ['with too many choices', many(), { selected_options: LETTERS }, 'Choose at most 2.'],
    ['with words for a number', input({ type: 'number_input' }), { value: 'x' }, 'Please enter a valid number.'],
    ['with a part for a whole', input({ type: 'number_input' }), { value: '1.5' }, 'Please enter a valid number.'],
    ['with too little', input({ type: 'number_input', min_value: '5' }), { value: '4' }, 'Please enter 5 or more.'],
    ['with too much', input({ type: 'number_input', max_value: '5' }), { value: '6' }, 'Please enter 5 or less.'],
    ['with half an address', input({ type: 'email_text_input' }), { value: 'a@' }, 'Please enter an email address.'],
    ['with half a link', input({ type: 'url_text_input' }), { value: 'a' }, 'Please enter a valid URL.'],
    ['not without an optional text', input(text({ min_length: 3 }), { optional: true }), {}, undefined],
    ['not with a fitting text', input(text({ min_length: 2, max_length: 3 })), { value: 'ab' }, undefined],
    ['not with an initial value', input(text({ initial_value: 'abc' })), {}, undefined],
  ];
  function many() {
    return input({ type: 'multi_static_select', options: LETTERS, max_selected_items: 2 });
  }
  for (const [name, blocks, value, complaint] of CASES) {
    test(name, () => {
      const expected = complaint === undefined ? {} : { b: complaint };
      expect(complaints(blocks, stateOf(blocks, { b: { a: value } }))).toEqual(expected);
    });
  }
});
