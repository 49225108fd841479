import { expect, test } from 'bun:test';
import { CARD, createWeb, refusal, withEmulator } from './harness.ts';

test(
  'tokens and methods are checked as Slack checks them',
  withEmulator({}, async (emulator, { web, appWeb }) => {
    expect((await refusal(web.apiCall('chat.shout', {}))).error).toBe('unknown_method');
    expect((await refusal(web.apps.connections.open({}))).error).toBe('not_allowed_token_type');
    const post = appWeb.chat.postMessage({ channel: emulator.user.id, text: 'x' });
    expect((await refusal(post)).error).toBe('not_allowed_token_type');
    expect((await refusal(createWeb(emulator, 'xoxb-wrong').auth.test())).error).toBe('invalid_auth');
    const bare = await fetch(`${emulator.apiUrl}auth.test`, { method: 'POST' });
    expect(await bare.json()).toEqual({ ok: false, error: 'not_authed' });
  }),
);

test(
  'a missing scope is named, and granted ones are listed in a header',
  withEmulator({ scopes: ['chat:write'] }, async (emulator, { web }) => {
    expect(await refusal(web.conversations.open({ users: emulator.user.id }))).toMatchObject({
      error: 'missing_scope',
      needed: 'im:write',
      provided: 'chat:write',
    });
    const { response_metadata } = await web.auth.test();
    expect(response_metadata).toMatchObject({ scopes: ['chat:write'] });
    const posted = await web.chat.postMessage({ channel: emulator.user.id, text: 'x' });
    expect(posted.response_metadata).toMatchObject({ acceptedScopes: ['chat:write'] });
  }),
);

test(
  'JSON bodies, and a token among the arguments, work as well',
  withEmulator({}, async (emulator) => {
    const json = await fetch(`${emulator.apiUrl}chat.postMessage`, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8', authorization: `Bearer ${emulator.botToken}` },
      body: JSON.stringify({ channel: emulator.user.id, text: 'x', blocks: [{ type: 'divider' }] }),
    });
    expect(await json.json()).toMatchObject({ ok: true });
    const form = await fetch(`${emulator.apiUrl}auth.test`, {
      method: 'POST',
      body: new URLSearchParams({ token: emulator.botToken }),
    });
    expect(await form.json()).toMatchObject({ ok: true, team_id: emulator.teamId });
    const broken = await fetch(`${emulator.apiUrl}auth.test`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${emulator.botToken}` },
      body: '{',
    });
    expect(await broken.json()).toMatchObject({ ok: false, error: 'invalid_json' });
  }),
);

test(
  'who is who',
  withEmulator({}, async (emulator, { web }) => {
    const auth = await web.auth.test();
    expect(auth).toMatchObject({ ok: true, team_id: emulator.teamId });
    const { bot } = await web.bots.info({ bot: String(auth.bot_id) });
    expect(bot?.app_id).toBe(emulator.appId);
    const { user } = await web.users.info({ user: emulator.otherUser.id });
    expect(user).toMatchObject({ id: emulator.otherUser.id, real_name: emulator.otherUser.realName });
    expect((await refusal(web.users.info({ user: 'U0NOBODY' }))).error).toBe('user_not_found');
    const { channel } = await web.conversations.open({ users: emulator.user.id });
    expect(channel?.id).toStartWith('D');
  }),
);

test(
  'a message goes to a known channel and has something in it',
  withEmulator({}, async (emulator, { web }) => {
    const post = (more: object) => web.apiCall('chat.postMessage', { channel: emulator.user.id, ...more });
    expect((await refusal(post({ channel: 'C0NOWHERE', text: 'x' }))).error).toBe('channel_not_found');
    expect((await refusal(post({}))).error).toBe('no_text');
    expect((await refusal(post({ text: 'x', blocks: '{' }))).error).toBe('invalid_blocks_format');
    expect((await refusal(post({ text: 'x', thread_ts: '1.1' }))).error).toBe('cannot_reply_to_message');
    expect((await refusal(web.apiCall('chat.postMessage', { text: 'x' }))).error).toBe('invalid_arguments');
    await post({ text: 'y'.repeat(40_001) });
    expect(emulator.messages()[0]?.text).toHaveLength(40_000);
  }),
);

test(
  'only the app’s own messages change, under the id of the conversation',
  withEmulator({}, async (emulator, { web, postCard }) => {
    const { channel, ts } = await postCard();
    const update = (more: object) => web.apiCall('chat.update', { channel, ts, text: 'x', ...more });
    expect((await refusal(update({ channel: emulator.user.id }))).error).toBe('channel_not_found');
    expect((await refusal(update({ ts: '1.1' }))).error).toBe('message_not_found');
    expect((await refusal(update({ text: 'é'.repeat(2_001) }))).error).toBe('msg_too_long');
    await emulator.say({ channel, text: 'mine' });
    const theirs = String(emulator.messages()[1]?.ts);
    expect((await refusal(update({ ts: theirs }))).error).toBe('cant_update_message');
    expect((await refusal(web.chat.delete({ channel, ts: theirs }))).error).toBe('cant_delete_message');
    await web.chat.delete({ channel, ts });
    expect(emulator.messages().map((message) => message.ts)).toEqual([theirs]);
  }),
);

test(
  'an update without blocks keeps them, one with an empty list takes them away',
  withEmulator({}, async (emulator, { web, postCard }) => {
    const card = await postCard();
    await web.chat.update({ ...card, text: 'new words' });
    expect(emulator.messages()[0]?.blocks).toHaveLength(CARD.length);
    await web.chat.update({ ...card, text: 'newer words', blocks: [] });
    expect(emulator.messages()[0]?.blocks).toEqual([]);
  }),
);

test(
  'a switched-off messages tab takes no messages',
  withEmulator({ messagesTabEnabled: false }, async (emulator, { web }) => {
    const post = web.chat.postMessage({ channel: emulator.user.id, text: 'x' });
    expect((await refusal(post)).error).toBe('messages_tab_disabled');
  }),
);

test(
  'bad blocks are refused with the place of each error',
  withEmulator({}, async (emulator, { web }) => {
    const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(3001) } }];
    const refused = await refusal(web.apiCall('chat.postMessage', { channel: emulator.user.id, text: 'x', blocks }));
    const message = 'must be less than 3001 characters [json-pointer:/blocks/0/text/text]';
    expect(refused).toMatchObject({
      error: 'invalid_blocks',
      errors: [message],
      response_metadata: { messages: [`[ERROR] ${message}`] },
    });
  }),
);

test(
  'all texts of the blocks together have a limit of their own',
  withEmulator({}, async (emulator, { web }) => {
    const blocks = (length: number) =>
      Array.from({ length: 5 }, () => ({
        type: 'section' as const,
        text: { type: 'plain_text' as const, text: 'x'.repeat(length / 5) },
      }));
    const post = (length: number) =>
      web.chat.postMessage({ channel: emulator.user.id, text: 'x', blocks: blocks(length) });
    expect((await post(13_200)).ok).toBe(true);
    expect((await refusal(post(13_205))).error).toBe('msg_blocks_too_long');
  }),
);

test(
  'time stamps are unique and increase',
  withEmulator({}, async (emulator, { web }) => {
    await Promise.all(Array.from({ length: 30 }, () => web.chat.postMessage({ channel: emulator.user.id, text: 'x' })));
    const stamps = emulator.messages().map(({ ts }) => ts);
    expect(new Set(stamps).size).toBe(30);
    expect(stamps).toEqual([...stamps].sort());
  }),
);

test(
  'a note for one person needs that person in the conversation',
  withEmulator({}, async (emulator, { web, postCard }) => {
    const { channel } = await postCard();
    const note = (more: object) => web.apiCall('chat.postEphemeral', { channel, text: 'x', ...more });
    expect((await refusal(note({ user: emulator.otherUser.id }))).error).toBe('user_not_in_channel');
    expect((await refusal(note({ channel: 'C0NOWHERE', user: emulator.user.id }))).error).toBe('channel_not_found');
  }),
);

test(
  'replies stand in the thread of their parent',
  withEmulator({}, async (_emulator, { web, postCard }) => {
    const { channel, ts } = await postCard();
    await web.chat.postMessage({ channel, text: 'reply', thread_ts: ts });
    await web.chat.postMessage({ channel, text: 'apart' });
    const { messages } = await web.conversations.replies({ channel, ts });
    expect(messages?.map(({ text }) => text)).toEqual(['A request', 'reply']);
    expect((await refusal(web.conversations.replies({ channel, ts: '1.1' }))).error).toBe('thread_not_found');
  }),
);

test(
  'reactions of the app come and go',
  withEmulator({ scopes: ['chat:write', 'reactions:write', 'reactions:read'] }, async (emulator, { web, postCard }) => {
    const { channel, ts } = await postCard();
    const target = { channel, timestamp: ts, name: 'eyes' };
    await web.reactions.add(target);
    expect((await refusal(web.reactions.add(target))).error).toBe('already_reacted');
    expect(Object.keys(emulator.messages()[0]?.reactions ?? {})).toEqual(['eyes']);
    const got = await web.reactions.get({ channel, timestamp: ts });
    expect(got.message?.reactions?.[0]).toMatchObject({ name: 'eyes', count: 1 });
    await web.reactions.remove(target);
    expect((await refusal(web.reactions.remove(target))).error).toBe('no_reaction');
  }),
);

test(
  'files arrive in three steps and stand in the thread they are for',
  withEmulator({}, async (emulator, { web, postCard }) => {
    const { channel, ts } = await postCard();
    const upload = { channel_id: channel, thread_ts: ts, filename: 'command.txt', title: 'Whole command' };
    await web.filesUploadV2({ ...upload, content: 'rm -rf ünicode', initial_comment: 'All of it' });
    const message = await emulator.waitForMessage(({ files }) => files.length > 0);
    expect(message).toMatchObject({ channel, threadTs: ts, text: 'All of it' });
    expect(message.files[0]).toMatchObject({
      name: 'command.txt',
      title: 'Whole command',
      content: 'rm -rf ünicode',
    });
    await web.filesUploadV2({ channel_id: channel, filename: 'b.txt', file: Buffer.from('bytes') });
    const calls = ['files.getUploadURLExternal', 'files.completeUploadExternal'];
    for (const method of calls) expect(emulator.calls(method)).toHaveLength(2);
    expect((await refusal(web.apiCall('files.completeUploadExternal', { files: [{ id: 'F0NONE' }] }))).error).toBe(
      'file_not_found',
    );
  }),
);
