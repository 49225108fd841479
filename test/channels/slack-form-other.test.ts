import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { INPUT_ACTION, readForm } from '../../src/channels/slack-form.ts';
import { OTHER_VIEW, type OtherResult, readOtherForm, renderOtherForm } from '../../src/channels/slack-form-other.ts';
import { decodeVisible } from '../../src/channels/visible.ts';
import { checkedView } from '../../src/emulator/view-check.ts';
import { hostileText, longText } from './arbitraries.ts';

const ORIGIN = { value: 'v1.instance.request.nonce', channel: 'D1', message: '1.2' };
const same = (shown: string): string => shown;
const render = (present?: string, text = 'Which one?', mask = same) =>
  renderOtherForm(ORIGIN, 2, { text }, present, mask);

/** What comes of a submission with these inputs, by block id. */
function submit(values: Readonly<Record<string, unknown>>): OtherResult {
  const state = Object.fromEntries(Object.entries(values).map(([id, input]) => [id, { [INPUT_ACTION]: input }]));
  const { private_metadata } = render();
  const filled = readForm({ user: { id: 'U1' }, view: { private_metadata, state: { values: state } } }, 'instance', 1);
  if (filled === undefined) throw new Error('The submission could not be read.');
  return readOtherForm(filled);
}
const write = (value: string): OtherResult => submit({ csh_other_2: { type: 'plain_text_input', value } });
const refused = (message: string): OtherResult => ({ errors: { csh_other_2: message } });

describe('the form for own words', () => {
  test('asks the question and begins empty', () => {
    const view = render();
    expect(view.callback_id).toBe(OTHER_VIEW);
    expect(view.blocks.map(({ type, block_id }) => [type, block_id])).toEqual([
      ['rich_text', undefined],
      ['input', 'csh_other_2'],
    ]);
    expect(JSON.stringify(view)).toContain('Which one?');
    expect(JSON.stringify(view)).not.toContain('initial_value');
  });

  test('begins with the words that were given before, and offers to take them back', () => {
    const view = render('MariaDB');
    expect(JSON.stringify(view)).toContain('"initial_value":"MariaDB"');
    expect(view.blocks.at(-1)?.block_id).toBe('csh_other_drop_2');
  });

  test('masks the question', () => {
    expect(JSON.stringify(render(undefined, 'hush?', () => '•••'))).not.toContain('hush');
  });

  test('is one that Slack opens and shows the whole question, whatever is asked and was answered', () => {
    fc.assert(
      fc.property(
        longText().filter((text) => text !== ''),
        fc.option(hostileText(), { nil: undefined }),
        (text, present) => {
          // Slack's limit for a view; a card that asks is far smaller.
          fc.pre(text.length < 20_000);
          const view = render(present?.slice(0, 3000), text);
          checkedView(view, 'modal');
          const [asked] = JSON.parse(JSON.stringify(view.blocks));
          const shown = asked.elements[0].elements.map((element: { text: string }) => element.text).join('');
          expect(decodeVisible(shown)).toBe(text);
        },
      ),
    );
  });
});

describe('a submission', () => {
  test('is the text without the space around it', () => {
    expect(write(' Maria DB\nor so\n')).toEqual({ question: 2, text: 'Maria DB\nor so' });
  });

  test('takes the words back when the box says so', () => {
    const drop = { type: 'checkboxes', selected_options: [{ value: 'drop' }] };
    const kept = { type: 'plain_text_input', value: 'MariaDB' };
    expect(submit({ csh_other_2: kept, csh_other_drop_2: drop })).toEqual({ question: 2, text: undefined });
    expect(submit({ csh_other_2: kept, csh_other_drop_2: { ...drop, selected_options: [] } })).toEqual({
      question: 2,
      text: 'MariaDB',
    });
  });

  test('needs a text', () => {
    expect(write(' \n ')).toEqual(refused('Write an answer, or cancel.'));
    expect(submit({})).toEqual({ errors: { csh_other_0: 'Write an answer, or cancel.' } });
  });

  test('has at most 3,000 characters', () => {
    expect(write('x'.repeat(3000))).toHaveProperty('text');
    expect(write('x'.repeat(3001))).toEqual(refused('This has 3,001 characters; at most 3,000 fit.'));
  });

  test('is refused with invisible characters, and says how many', () => {
    expect(write('a\u200bb')).toEqual(
      refused('This holds 1 invisible or direction-changing character. Write it without it.'),
    );
    expect(write('a\u202eb\u200b')).toEqual(
      refused('This holds 2 invisible or direction-changing characters. Write it without them.'),
    );
  });
});
