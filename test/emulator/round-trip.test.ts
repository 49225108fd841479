import { expect, test } from 'bun:test';
import { type Envelope, withEmulator } from './harness.ts';

test(
  'a message posted to a person opens the conversation and can be updated there',
  withEmulator({}, async (emulator, { web }) => {
    const posted = await web.chat.postMessage({ channel: emulator.user.id, text: 'Hello' });
    expect(posted.channel).toStartWith('D');
    expect(posted.ts).toMatch(/^\d{10}\.\d{6}$/);
    await web.chat.update({ channel: String(posted.channel), ts: String(posted.ts), text: 'Bye' });
    const message = await emulator.waitForMessage((candidate) => candidate.editedTs !== undefined);
    expect(message).toMatchObject({ channel: String(posted.channel), ts: String(posted.ts), text: 'Bye' });
  }),
);

test(
  'a click reaches the app with a full payload and comes back as acked',
  withEmulator({}, async (emulator, { connect, postCard }) => {
    const seen: Envelope[] = [];
    await connect(async (envelope) => {
      seen.push(envelope);
      await envelope.ack();
    });
    expect(emulator.connections()).toBe(1);
    const card = await postCard();
    const result = await emulator.click({ ...card, actionId: 'allow' });
    expect(result.delivery).toBe('acked');
    const body = seen[0]?.body;
    expect(body).toMatchObject({
      type: 'block_actions',
      user: { id: emulator.user.id, username: 'ada', name: 'ada', team_id: emulator.teamId },
      api_app_id: emulator.appId,
      container: { type: 'message', message_ts: card.ts, channel_id: card.channel, is_ephemeral: false },
      team: { id: emulator.teamId },
      enterprise: null,
      is_enterprise_install: false,
      channel: { id: card.channel, name: 'directmessage' },
      state: { values: {} },
      message: { type: 'message', ts: card.ts, text: 'A request', bot_id: expect.any(String) },
      actions: [{ action_id: 'allow', block_id: 'decision', value: 'yes', style: 'primary', type: 'button' }],
    });
    expect(body?.trigger_id).toBeString();
    expect(body?.response_url).toStartWith(emulator.url);
    expect(body).toHaveProperty('message.blocks.1.block_id', 'decision');
  }),
);

test(
  'a click is forged on demand for attack tests',
  withEmulator({}, async (emulator, { connect, postCard }) => {
    const bodies: Envelope['body'][] = [];
    await connect(async (envelope) => {
      bodies.push(envelope.body);
      await envelope.ack();
    });
    const card = await postCard();
    const override = { value: 'forged', ts: '1.2', channel: 'D999' };
    await emulator.click({ ...card, actionId: 'allow', userId: emulator.otherUser.id, override });
    expect(bodies[0]).toMatchObject({
      user: { id: emulator.otherUser.id },
      container: { message_ts: '1.2', channel_id: 'D999' },
      channel: { id: 'D999' },
      message: { ts: '1.2' },
      actions: [{ value: 'forged' }],
    });
  }),
);

test(
  'nobody can press a button that is not there, unless on a stale screen',
  withEmulator({}, async (emulator, { web, connect, postCard }) => {
    await connect();
    const card = await postCard();
    await web.chat.update({ ...card, text: 'Done', blocks: [] });
    expect(emulator.click({ ...card, actionId: 'allow' })).rejects.toThrow('Expected an element allow, there is []');
    expect((await emulator.click({ ...card, actionId: 'allow', stale: true })).delivery).toBe('acked');
  }),
);

test(
  'a click without a connection, and one that nobody acknowledges, leave a warning sign until the next one',
  withEmulator({ ackTimeoutMs: 150 }, async (emulator, { connect, postCard }) => {
    const card = await postCard();
    expect(await emulator.click({ ...card, actionId: 'allow' })).toEqual({ delivery: 'no-connection' });
    expect(emulator.messages()[0]?.notAckedActionId).toBe('allow');
    let quiet = true;
    await connect(async (envelope) => {
      if (!quiet) await envelope.ack();
    });
    expect((await emulator.click({ ...card, actionId: 'deny' })).delivery).toBe('not-acked');
    expect(emulator.messages()[0]?.notAckedActionId).toBe('deny');
    quiet = false;
    expect((await emulator.click({ ...card, actionId: 'deny' })).delivery).toBe('acked');
    expect(emulator.messages()[0]?.notAckedActionId).toBeUndefined();
  }),
);

test(
  'ephemeral messages are seen by one person and cannot be updated',
  withEmulator({}, async (emulator, { web, postCard }) => {
    const { channel } = await postCard();
    const user = emulator.user.id;
    const { message_ts } = await web.chat.postEphemeral({ channel, user, text: 'psst' });
    const note = emulator.messages().find((message) => message.ts === message_ts);
    expect(note?.ephemeralFor).toBe(user);
    const update = web.chat.update({ channel, ts: String(message_ts), text: 'new' });
    expect(update).rejects.toMatchObject({ data: { error: 'message_not_found' } });
  }),
);

test(
  'a wait that finds nothing names what there is',
  withEmulator({}, async (emulator, { postCard }) => {
    await postCard();
    const wait = emulator.waitForMessage((message) => message.text === 'never', 10);
    expect(wait).rejects.toThrow(/Expected a message that fits within 10 ms, found 1, the last ones: .*A request/);
  }),
);
