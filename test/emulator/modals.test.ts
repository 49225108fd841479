import { expect, setSystemTime, test } from 'bun:test';
import type { ModalView } from '@slack/types';
import type { EmulatedView } from '../../src/emulator/emulator-types.ts';
import { type Envelope, refusal, type Tools, withEmulator } from './harness.ts';

const plain = (text: string) => ({ type: 'plain_text' as const, text });
const modal = (more: Partial<ModalView> = {}): ModalView => ({
  type: 'modal',
  callback_id: 'reason',
  title: plain('Why not?'),
  submit: plain('Deny'),
  blocks: [
    {
      type: 'input',
      block_id: 'why',
      label: plain('Reason'),
      element: { type: 'plain_text_input', action_id: 'text' },
    },
  ],
  ...more,
});

/** A connection whose clicks open `view`, and whose submissions are answered with `answers`, one after the other. */
async function opening(tools: Tools, view: ModalView, answers: (Record<string, unknown> | undefined)[] = []) {
  const seen: Envelope[] = [];
  await tools.connect(async (envelope) => {
    seen.push(envelope);
    if (envelope.body.type === 'view_submission') {
      await envelope.ack(answers.shift());
      return;
    }
    await envelope.ack();
    if (envelope.body.type === 'block_actions') {
      await tools.web.views.open({ trigger_id: String(envelope.body.trigger_id), view });
    }
  });
  return seen;
}

const any = () => true;
const values = { why: { text: { type: 'plain_text_input', value: 'too risky' } } };

test(
  'a click opens a modal, and its submission carries what was entered',
  withEmulator({}, async (emulator, tools) => {
    const seen = await opening(tools, modal({ private_metadata: 'request 1' }));
    await emulator.click({ ...(await tools.postCard()), actionId: 'deny' });
    const open = await emulator.waitForView(any);
    expect(open.userId).toBe(emulator.user.id);
    const result = await emulator.submitView({ viewId: open.id, values });
    expect(result.delivery).toBe('acked');
    expect(seen[1]?.body).toMatchObject({
      type: 'view_submission',
      user: { id: emulator.user.id },
      view: { id: open.id, callback_id: 'reason', private_metadata: 'request 1', state: { values } },
    });
    expect(emulator.views()).toEqual([]);
  }),
);

test(
  'response_action decides what becomes of the modal',
  withEmulator({}, async (emulator, tools) => {
    const answers = [
      { response_action: 'errors', errors: { why: 'Say more' } },
      { response_action: 'update', view: modal({ title: plain('Changed') }) },
      { response_action: 'push', view: modal({ title: plain('On top') }) },
      { response_action: 'clear' },
    ];
    await opening(tools, modal(), answers);
    await emulator.click({ ...(await tools.postCard()), actionId: 'deny' });
    const { id } = await emulator.waitForView(any);
    const titles = () => emulator.views().map(({ view }) => view.title);
    await emulator.submitView({ viewId: id, values });
    expect(emulator.views()[0]?.errors).toEqual({ why: 'Say more' });
    await emulator.submitView({ viewId: id, values });
    expect(titles()).toEqual([plain('Changed')]);
    expect(emulator.views()[0]?.errors).toEqual({});
    await emulator.submitView({ viewId: id, values });
    expect(titles()).toEqual([plain('Changed'), plain('On top')]);
    const top = emulator.views()[1] as EmulatedView;
    expect(top.view).toMatchObject({ previous_view_id: id, root_view_id: id });
    await emulator.submitView({ viewId: top.id, values });
    expect(emulator.views()).toEqual([]);
  }),
);

test(
  'a bad answer to a submission, and none, leave the modal open with trouble',
  withEmulator({ ackTimeoutMs: 20 }, async (emulator, tools) => {
    await opening(tools, modal(), [{ response_action: 'errors', errors: { elsewhere: 'No' } }]);
    await emulator.click({ ...(await tools.postCard()), actionId: 'deny' });
    const { id } = await emulator.waitForView(any);
    await emulator.submitView({ viewId: id, values });
    expect(emulator.views()[0]).toMatchObject({ errors: {}, troubled: true });
    emulator.dropConnections();
    expect((await emulator.submitView({ viewId: id, values })).delivery).toBe('no-connection');
    expect(emulator.views()[0]?.troubled).toBe(true);
  }),
);

test(
  'closing a modal is told only when the app asked for it',
  withEmulator({}, async (emulator, tools) => {
    const seen = await opening(tools, modal({ notify_on_close: true }));
    const card = await tools.postCard();
    await emulator.click({ ...card, actionId: 'deny' });
    const { id } = await emulator.waitForView(any);
    expect((await emulator.closeView(id)).delivery).toBe('acked');
    expect(seen[1]?.body).toMatchObject({ type: 'view_closed', view: { id }, is_cleared: false });
    expect(emulator.views()).toEqual([]);
  }),
);

test(
  'a trigger opens one modal, and only one that Slack knows of',
  withEmulator({}, async (emulator, { web, connect, postCard }) => {
    const triggers: string[] = [];
    await connect(async (envelope) => {
      triggers.push(String(envelope.body.trigger_id));
      await envelope.ack();
    });
    await emulator.click({ ...(await postCard()), actionId: 'deny' });
    const open = (trigger_id = String(triggers[0])) => web.views.open({ trigger_id, view: modal() });
    const { view } = await open();
    expect((await refusal(open())).error).toBe('exchanged_trigger_id');
    expect((await refusal(open('1.2.3'))).error).toBe('invalid_trigger_id');
    expect((await refusal(web.apiCall('views.open', { view: modal() }))).error).toBe('invalid_arguments');
    await web.views.update({ view_id: String(view?.id), view: modal({ title: plain('New') }) });
    expect(emulator.views()[0]?.view.title).toEqual(plain('New'));
    const old = web.views.update({ view_id: String(view?.id), hash: String(view?.hash), view: modal() });
    expect((await refusal(old)).error).toBe('hash_conflict');
    expect((await refusal(web.views.update({ view_id: 'V0', view: modal() }))).error).toBe('not_found');
  }),
);

test(
  'a trigger is too old after three seconds',
  withEmulator({}, async (emulator, { web, connect, postCard }) => {
    const trigger = Promise.withResolvers<string>();
    await connect(async (envelope) => {
      await envelope.ack();
      trigger.resolve(String(envelope.body.trigger_id));
    });
    await emulator.click({ ...(await postCard()), actionId: 'deny' });
    const trigger_id = await trigger.promise;
    try {
      setSystemTime(Date.now() + 3_100);
      expect((await refusal(web.views.open({ trigger_id, view: modal() }))).error).toBe('expired_trigger_id');
    } finally {
      setSystemTime();
    }
  }),
);

test(
  'views are as strict as messages',
  withEmulator({}, async (_emulator, { web }) => {
    const open = async (view: object) => {
      const { response_metadata, error } = await refusal(web.apiCall('views.open', { trigger_id: '1', view }));
      return [error, ...(response_metadata?.messages ?? [])];
    };
    expect(await open(modal({ title: plain('x'.repeat(25)) }))).toEqual([
      'invalid_arguments',
      '[ERROR] must be less than 25 characters [json-pointer:/view/title/text]',
    ]);
    expect(await open(modal({ private_metadata: 'x'.repeat(3001) }))).toEqual([
      'invalid_arguments',
      '[ERROR] must be less than 3001 characters [json-pointer:/view/private_metadata]',
    ]);
    const { submit: _submit, ...withoutSubmit } = modal();
    expect(await open(withoutSubmit)).toEqual([
      'invalid_arguments',
      '[ERROR] missing required field: submit [json-pointer:/view]',
    ]);
    expect(await open({ ...modal(), colour: 'red' })).toEqual([
      'invalid_arguments',
      '[ERROR] invalid additional property: colour [json-pointer:/view]',
    ]);
  }),
);

test(
  'a home tab is published for a person',
  withEmulator({}, async (emulator, { web }) => {
    const view = { type: 'home' as const, blocks: [{ type: 'divider' as const }] };
    expect((await web.views.publish({ user_id: emulator.user.id, view })).view?.type).toBe('home');
    expect((await refusal(web.views.publish({ user_id: 'U0NOBODY', view }))).error).toBe('user_not_found');
  }),
);
