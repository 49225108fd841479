import { expect, test } from 'bun:test';
import { type Envelope, refusal, withEmulator } from './harness.ts';

test(
  'a parent counts its replies, and a reply names its parent',
  withEmulator({}, async (emulator, { web, postCard }) => {
    const { channel, ts } = await postCard();
    const { message } = await web.chat.postMessage({ channel, thread_ts: ts, text: 'reply' });
    expect(message).toMatchObject({ thread_ts: ts, parent_user_id: message?.user });
    expect(message).not.toHaveProperty('subtype');
    await emulator.say({ channel, threadTs: ts, text: 'mine' });
    const { messages } = await web.conversations.replies({ channel, ts });
    expect(messages?.[0]).toMatchObject({
      ts,
      thread_ts: ts,
      reply_count: 2,
      reply_users_count: 2,
      reply_users: [message?.user, emulator.user.id],
      latest_reply: messages?.[2]?.ts,
    });
    const lone = await postCard();
    const { messages: alone } = await web.conversations.replies(lone);
    expect(alone?.[0]).not.toHaveProperty('reply_count');
  }),
);

test(
  'a broadcast reply stands in the thread and in the conversation',
  withEmulator({}, async (emulator, { web, postCard }) => {
    const { channel, ts } = await postCard();
    const posted = await web.chat.postMessage({ channel, thread_ts: ts, text: 'Done', reply_broadcast: true });
    expect(posted.message).toMatchObject({
      subtype: 'thread_broadcast',
      thread_ts: ts,
      root: { ts, text: 'A request', reply_count: 1, latest_reply: posted.ts },
    });
    expect(emulator.messages()[1]).toMatchObject({ threadTs: ts, isBroadcast: true });
    await web.chat.postMessage({ channel, text: 'No thread', reply_broadcast: false });
    expect(emulator.messages()[2]).not.toHaveProperty('isBroadcast');
  }),
);

test(
  'an update keeps the thread, and can broadcast an old reply but not change it at the same time',
  withEmulator({}, async (emulator, { web, postCard }) => {
    const { channel, ts } = await postCard();
    const reply = await web.chat.postMessage({ channel, thread_ts: ts, text: 'Reply' });
    const target = { channel, ts: String(reply.ts) };
    const { message } = await web.chat.update({ ...target, text: 'Better' });
    expect(message).toMatchObject({ text: 'Better', thread_ts: ts });
    const broadcast = (more: object) => web.apiCall('chat.update', { channel, reply_broadcast: true, ...more });
    expect((await refusal(broadcast({ ...target, text: 'x' }))).error).toBe('no_dual_broadcast_content_update');
    expect((await refusal(broadcast({ ts }))).error).toBe('cant_broadcast_message');
    expect(await broadcast(target)).toMatchObject({ text: 'Better', message: { subtype: 'thread_broadcast' } });
    expect(emulator.messages()[1]).toMatchObject({ text: 'Better', threadTs: ts, isBroadcast: true });
    await web.chat.update({ ...target, text: 'Best' });
    expect(emulator.messages()[1]).toMatchObject({ text: 'Best', isBroadcast: true });
  }),
);

test(
  'a thread begins with a message that is no reply',
  withEmulator({}, async (emulator, { web, postCard }) => {
    const { channel, ts } = await postCard();
    const reply = await web.chat.postMessage({ channel, thread_ts: ts, text: 'Reply' });
    const below = web.chat.postMessage({ channel, thread_ts: String(reply.ts), text: 'x' });
    expect((await refusal(below)).error).toBe('cannot_reply_to_message');
    await emulator.say({ channel, threadTs: String(reply.ts), text: 'a person lands in the thread' });
    expect(emulator.messages().at(-1)?.threadTs).toBe(ts);
  }),
);

test(
  'the app hears of replies with their thread, and of broadcast ones with their root',
  withEmulator({}, async (emulator, { connect, postCard }) => {
    const seen: Envelope[] = [];
    await connect(async (envelope) => {
      seen.push(envelope);
      await envelope.ack();
    });
    const { channel, ts } = await postCard();
    await emulator.say({ channel, threadTs: ts, text: 'too <risky>' });
    const { ts: replyTs } = emulator.messages()[1] ?? {};
    expect(seen[0]?.body.event).toEqual({
      type: 'message',
      user: emulator.user.id,
      ts: replyTs,
      client_msg_id: expect.any(String),
      text: 'too &lt;risky&gt;',
      team: emulator.teamId,
      thread_ts: ts,
      parent_user_id: emulator.messages()[0]?.author,
      channel,
      channel_type: 'im',
      event_ts: replyTs,
    });
    await emulator.say({ channel, threadTs: ts, text: 'all', broadcast: true });
    expect(seen[1]?.body.event).toMatchObject({ subtype: 'thread_broadcast', root: { ts, reply_count: 2 } });
    await emulator.say({ channel, text: 'apart' });
    expect(seen[2]?.body.event).not.toHaveProperty('thread_ts');
  }),
);
