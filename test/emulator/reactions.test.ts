import { expect, test } from 'bun:test';
import { type Envelope, refusal, withEmulator } from './harness.ts';

const scopes = ['chat:write', 'reactions:write', 'reactions:read'];

test(
  'the app hears when a person reacts and takes it back',
  withEmulator({}, async (emulator, { connect, postCard }) => {
    const seen: Envelope[] = [];
    await connect(async (envelope) => {
      seen.push(envelope);
      await envelope.ack();
    });
    const card = await postCard();
    const own = emulator.messages()[0]?.author;
    expect((await emulator.react({ ...card, emoji: '+1::skin-tone-3' })).delivery).toBe('acked');
    expect(seen[0]?.body.event).toEqual({
      type: 'reaction_added',
      user: emulator.user.id,
      reaction: '+1::skin-tone-3',
      item: { type: 'message', ...card },
      item_user: own,
      event_ts: expect.stringMatching(/^\d{10}\.\d{6}$/),
    });
    await emulator.react({ ...card, emoji: 'thumbsup', userId: emulator.otherUser.id });
    expect(seen[1]?.body.event).toMatchObject({ reaction: '+1', user: emulator.otherUser.id });
    expect(emulator.messages()[0]?.reactions).toEqual({
      '+1::skin-tone-3': [emulator.user.id],
      '+1': [emulator.otherUser.id],
    });
    await emulator.unreact({ ...card, emoji: '+1::skin-tone-3' });
    expect(seen[2]?.body.event).toMatchObject({
      type: 'reaction_removed',
      reaction: '+1::skin-tone-3',
      item_user: own,
    });
    expect(Object.keys(emulator.messages()[0]?.reactions ?? {})).toEqual(['+1']);
  }),
);

test(
  'a person has each reaction once, and only under the name of an emoji',
  withEmulator({}, async (emulator, { postCard }) => {
    const card = await postCard();
    await emulator.react({ ...card, emoji: 'eyes' });
    expect(emulator.react({ ...card, emoji: 'eyes' })).rejects.toThrow('Expected a new reaction');
    expect(emulator.unreact({ ...card, emoji: '-1' })).rejects.toThrow('one to take back');
    expect(emulator.react({ ...card, emoji: ':eyes:' })).rejects.toThrow('Expected the name of an emoji');
  }),
);

test(
  'without the scope nobody is told',
  withEmulator({ scopes: ['chat:write'] }, async (emulator, { connect, postCard }) => {
    await connect();
    const card = await postCard();
    expect((await emulator.react({ ...card, emoji: 'eyes' })).delivery).toBe('no-connection');
  }),
);

test(
  'reactions of the app are as strict as Slack',
  withEmulator({ scopes }, async (emulator, { web, postCard }) => {
    const { channel, ts } = await postCard();
    const add = (more: object) => web.apiCall('reactions.add', { channel, timestamp: ts, name: '+1', ...more });
    expect((await refusal(add({ name: ':+1:' }))).error).toBe('invalid_name');
    expect((await refusal(add({ name: '+1::skin-tone-9' }))).error).toBe('invalid_name');
    expect((await refusal(add({ timestamp: 'now' }))).error).toBe('bad_timestamp');
    expect((await refusal(add({ timestamp: '1.1' }))).error).toBe('message_not_found');
    expect((await refusal(add({ channel: 'C0NONE' }))).error).toBe('channel_not_found');
    expect((await refusal(web.apiCall('reactions.add', { name: '+1' }))).error).toBe('no_item_specified');
    await add({ name: 'thumbsup' });
    expect((await refusal(add({}))).error).toBe('already_reacted');
    const { message } = await web.reactions.get({ channel, timestamp: ts });
    expect(message).toMatchObject({ ts, reactions: [{ name: '+1', count: 1 }] });
    expect(emulator.messages()[0]?.reactions['+1']).toHaveLength(1);
  }),
);

test(
  'reactions need their scopes',
  withEmulator({ scopes: ['chat:write'] }, async (_emulator, { web, postCard }) => {
    const { channel, ts } = await postCard();
    const target = { channel, timestamp: ts };
    const missing = { error: 'missing_scope', provided: 'chat:write' };
    expect(await refusal(web.reactions.add({ ...target, name: '+1' }))).toMatchObject({
      ...missing,
      needed: 'reactions:write',
    });
    expect(await refusal(web.reactions.get(target))).toMatchObject({ ...missing, needed: 'reactions:read' });
  }),
);
