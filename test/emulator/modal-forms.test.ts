import { expect, test } from 'bun:test';
import type { ModalView } from '@slack/types';
import { type Envelope, refusal, type Tools, withEmulator } from './harness.ts';

const plain = (text: string) => ({ type: 'plain_text' as const, text });
const option = (value: string) => ({ text: plain(value), value });
const scope = {
  type: 'radio_buttons' as const,
  action_id: 'scope',
  options: [option('once'), option('always')],
  initial_option: option('once'),
};
const view = (more: Partial<ModalView> = {}): ModalView => ({
  type: 'modal',
  title: plain('Form'),
  submit: plain('Send'),
  blocks: [
    { type: 'input', block_id: 'scope', dispatch_action: true, label: plain('How often'), element: scope },
    {
      type: 'input',
      block_id: 'why',
      label: plain('Why'),
      element: { type: 'plain_text_input', action_id: 'text', min_length: 3 },
    },
    {
      type: 'actions',
      block_id: 'more',
      elements: [{ type: 'button', action_id: 'add', text: plain('Add'), value: 'one' }],
    },
  ],
  ...more,
});

type OnEnvelope = (envelope: Envelope) => Promise<void>;

/** A connection, the trigger of a press on a message, and the modal that it opens. */
async function opened(emulator: Parameters<Parameters<typeof withEmulator>[1]>[0], tools: Tools, on?: OnEnvelope) {
  const seen: Envelope[] = [];
  await tools.connect(async (envelope) => {
    seen.push(envelope);
    if (envelope.body.type === 'view_submission' && on !== undefined) await on(envelope);
    else await envelope.ack();
  });
  const card = await tools.postCard();
  const trigger = async (): Promise<string> => {
    await emulator.click({ ...card, actionId: 'deny' });
    return String(seen.at(-1)?.body.trigger_id);
  };
  const open = async (shown = view()): Promise<string> => {
    const answer = await tools.web.views.open({ trigger_id: await trigger(), view: shown });
    return String(answer.view?.id);
  };
  return { seen, trigger, open };
}

test(
  'a button in a modal tells the app of the modal and of what is in it',
  withEmulator({}, async (emulator, tools) => {
    const { seen, open } = await opened(emulator, tools);
    const viewId = await open();
    await emulator.clickView({ viewId, actionId: 'add', state: { why: { text: { value: 'as typed' } } } });
    expect(seen.at(-1)?.body).toMatchObject({
      type: 'block_actions',
      user: { id: emulator.user.id },
      container: { type: 'view', view_id: viewId },
      trigger_id: expect.any(String),
      view: {
        id: viewId,
        state: {
          values: {
            scope: { scope: { type: 'radio_buttons', selected_option: option('once') } },
            why: { text: { type: 'plain_text_input', value: 'as typed' } },
          },
        },
      },
      actions: [{ type: 'button', block_id: 'more', action_id: 'add', value: 'one' }],
    });
    expect(seen.at(-1)?.body).not.toHaveProperty('message');
    await emulator.clickView({ viewId, actionId: 'scope', entered: { selected_option: { value: 'always' } } });
    expect(seen.at(-1)?.body.actions).toMatchObject([{ selected_option: option('always') }]);
    const count = seen.length;
    expect(await emulator.clickView({ viewId, actionId: 'text', entered: { value: 'new' } })).toEqual({
      delivery: 'not-sent',
    });
    expect(seen).toHaveLength(count);
  }),
);

test(
  'a form that is not complete does not reach the app, and says why',
  withEmulator({}, async (emulator, tools) => {
    const { seen, open } = await opened(emulator, tools);
    const viewId = await open();
    const submit = (value: string | null) => emulator.submitView({ viewId, values: { why: { text: { value } } } });
    const count = seen.length;
    expect(await submit(null)).toEqual({ delivery: 'not-sent' });
    expect(emulator.views()[0]?.errors).toEqual({ why: 'Please complete this required field.' });
    expect(await submit('no')).toEqual({ delivery: 'not-sent' });
    expect(emulator.views()[0]?.errors).toEqual({ why: 'Please enter at least 3 characters.' });
    expect(seen).toHaveLength(count);
    expect((await submit('too risky')).delivery).toBe('acked');
    expect(seen.at(-1)?.body).toMatchObject({
      view: {
        state: {
          values: {
            scope: { scope: { type: 'radio_buttons', selected_option: option('once') } },
            why: { text: { type: 'plain_text_input', value: 'too risky' } },
          },
        },
      },
    });
    expect(emulator.views()).toEqual([]);
  }),
);

test(
  'values for what is not in the modal, and a submission without a submit button, are refused',
  withEmulator({}, async (emulator, tools) => {
    const { open } = await opened(emulator, tools);
    const viewId = await open();
    const elsewhere = { elsewhere: { text: { value: 'x' } } };
    expect(emulator.submitView({ viewId, values: elsewhere })).rejects.toThrow('got some for elsewhere');
    expect(emulator.submitView({ viewId: 'V0', values: {} })).rejects.toThrow('there is none');
    await emulator.closeView(viewId);
    const { submit: _submit, ...still } = view({ blocks: [{ type: 'divider' }] });
    const quiet = await open(still);
    expect(emulator.submitView({ viewId: quiet, values: {} })).rejects.toThrow('to have a submit button');
  }),
);

test(
  'an update keeps what was entered under the same ids',
  withEmulator({}, async (emulator, tools) => {
    const { seen, open } = await opened(emulator, tools);
    const viewId = await open();
    const state = { why: { text: { value: 'as typed' } } };
    await emulator.clickView({ viewId, actionId: 'add', state });
    await tools.web.views.update({ view_id: viewId, view: view({ title: plain('Longer form') }) });
    await emulator.submitView({ viewId, values: {} });
    expect(seen.at(-1)?.body).toMatchObject({ type: 'view_submission', view: { state: { values: state } } });
  }),
);

test(
  'three modals stand on top of one another, each pushed from the one below',
  withEmulator({}, async (emulator, tools) => {
    const { seen, trigger, open } = await opened(emulator, tools);
    const root = await open();
    const fromMessage = tools.web.views.push({ trigger_id: await trigger(), view: view() });
    expect((await refusal(fromMessage)).error).toBe('not_found');
    const push = async (viewId: string) => {
      await emulator.clickView({ viewId, actionId: 'add' });
      return tools.web.views.push({ trigger_id: String(seen.at(-1)?.body.trigger_id), view: view() });
    };
    const second = await push(root);
    expect(second.view).toMatchObject({ root_view_id: root, previous_view_id: root });
    expect(emulator.clickView({ viewId: root, actionId: 'add' })).rejects.toThrow('to be on top');
    const third = await push(String(second.view?.id));
    expect((await refusal(push(String(third.view?.id)))).error).toBe('push_limit_reached');
    expect(emulator.views()).toHaveLength(3);
  }),
);

test(
  'an external id names one modal',
  withEmulator({}, async (emulator, tools) => {
    const { seen, open } = await opened(emulator, tools);
    const viewId = await open(view({ external_id: 'mine' }));
    await emulator.clickView({ viewId, actionId: 'add' });
    const trigger_id = String(seen.at(-1)?.body.trigger_id);
    const twice = tools.web.views.push({ trigger_id, view: view({ external_id: 'mine' }) });
    expect((await refusal(twice)).error).toBe('duplicate_external_id');
    const updated = await tools.web.views.update({ external_id: 'mine', view: view({ external_id: 'mine' }) });
    expect(updated.view?.id).toBe(viewId);
  }),
);

test(
  'the cross closes the whole stack, and each modal that asked for it is told of',
  withEmulator({}, async (emulator, tools) => {
    const pushed = { response_action: 'push', view: view({ notify_on_close: true, callback_id: 'above' }) };
    const { seen, open } = await opened(emulator, tools, (envelope) => envelope.ack(pushed));
    const values = { why: { text: { value: 'because' } } };
    const root = await open(view({ notify_on_close: true, callback_id: 'root' }));
    await emulator.submitView({ viewId: root, values });
    const count = seen.length;
    expect((await emulator.closeView(String(emulator.views()[1]?.id), true)).delivery).toBe('acked');
    expect(emulator.views()).toEqual([]);
    expect(seen.slice(count).map(({ body }) => body)).toMatchObject([
      { type: 'view_closed', is_cleared: true, view: { callback_id: 'above' } },
      { type: 'view_closed', is_cleared: true, view: { callback_id: 'root', state: { values } } },
    ]);
  }),
);

test(
  'a modal with clear_on_close takes the ones below with it, others only go themselves',
  withEmulator({}, async (emulator, tools) => {
    const answers = [view(), view({ clear_on_close: true })];
    const { open } = await opened(emulator, tools, (envelope) =>
      envelope.ack({ response_action: 'push', view: answers.shift() }),
    );
    const values = { why: { text: { value: 'because' } } };
    const root = await open();
    await emulator.submitView({ viewId: root, values });
    await emulator.closeView(String(emulator.views()[1]?.id));
    expect(emulator.views().map(({ id }) => id)).toEqual([root]);
    await emulator.submitView({ viewId: root, values });
    await emulator.closeView(String(emulator.views()[1]?.id));
    expect(emulator.views()).toEqual([]);
  }),
);

test(
  'a view of more than 250 kB is too large',
  withEmulator({}, async (emulator, tools) => {
    const { trigger } = await opened(emulator, tools);
    const text = { type: 'section' as const, text: plain('x'.repeat(3000)) };
    const large = view({ blocks: Array.from({ length: 90 }, () => text) });
    const open = tools.web.views.open({ trigger_id: await trigger(), view: large });
    expect((await refusal(open)).error).toBe('view_too_large');
  }),
);
