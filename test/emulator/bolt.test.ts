import { expect, test } from 'bun:test';
import { App, LogLevel, SocketModeReceiver } from '@slack/bolt';
import { createEmulator } from '../../src/emulator/emulator.ts';
import { CARD } from './harness.ts';

test('a Bolt app runs its whole round: post, click, modal, submission, update, message', async () => {
  const emulator = await createEmulator();
  const clientOptions = { slackApiUrl: emulator.apiUrl };
  const receiver = new SocketModeReceiver({
    appToken: emulator.appToken,
    logLevel: LogLevel.ERROR,
    installerOptions: { clientOptions },
  });
  Object.assign(receiver.client, { autoReconnectEnabled: false });
  const app = new App({
    token: emulator.botToken,
    receiver,
    clientOptions,
    deferInitialization: true,
    logLevel: LogLevel.ERROR,
  });
  try {
    app.action('deny', async ({ ack, body, client }) => {
      await ack();
      if (!('trigger_id' in body)) return;
      await client.views.open({
        trigger_id: body.trigger_id,
        view: {
          type: 'modal',
          callback_id: 'reason',
          title: { type: 'plain_text', text: 'Why?' },
          submit: { type: 'plain_text', text: 'Deny' },
          blocks: [
            {
              type: 'input',
              block_id: 'why',
              label: { type: 'plain_text', text: 'Reason' },
              element: { type: 'plain_text_input', action_id: 'text' },
            },
          ],
        },
      });
    });
    app.action('allow', async ({ ack, respond }) => {
      await ack();
      await respond({ text: 'Thank you', replace_original: false });
    });
    app.view('reason', async ({ ack, view, client, body }) => {
      await ack();
      const reason = view.state.values.why?.text?.value;
      await client.chat.postMessage({ channel: body.user.id, text: `Denied: ${reason}` });
    });
    app.message(async ({ message, say }) => {
      if ('text' in message) await say(`You said ${message.text}`);
    });
    await app.init();
    await app.start();
    await emulator.waitForConnections(1);

    const posted = await app.client.chat.postMessage({ channel: emulator.user.id, text: 'A request', blocks: CARD });
    const card = { channel: String(posted.channel), ts: String(posted.ts) };
    expect((await emulator.click({ ...card, actionId: 'deny' })).delivery).toBe('acked');
    const { id } = await emulator.waitForView(() => true);
    await emulator.submitView({ viewId: id, values: { why: { text: { type: 'plain_text_input', value: 'no' } } } });
    await emulator.waitForMessage(({ text }) => text === 'Denied: no');
    await emulator.click({ ...card, actionId: 'allow' });
    await emulator.waitForMessage(({ text, ephemeralFor }) => text === 'Thank you' && ephemeralFor !== undefined);
    await emulator.say({ channel: card.channel, text: 'hello' });
    await emulator.waitForMessage(({ text }) => text === 'You said hello');
  } finally {
    await app.stop();
    await emulator.stop();
  }
});
