import { expect, test } from 'bun:test';
import type { Emulator } from '../../src/emulator/emulator-types.ts';
import { createWeb, refusal, type Tools, withEmulator } from './harness.ts';

const scopes = ['chat:write', 'files:write', 'files:read'];

function upload({ web }: Tools, more: Record<string, unknown>) {
  return web.filesUploadV2({ filename: 'change.diff', content: '-a\n+b\n', snippet_type: 'diff', ...more });
}

test(
  'a snippet is shared in a thread, and its message and files.info describe it',
  withEmulator({ scopes }, async (emulator, tools) => {
    const { channel, ts } = await tools.postCard();
    const done = await upload(tools, { channel_id: channel, thread_ts: ts, title: 'The change' });
    expect(done.files[0]?.files?.[0]).toMatchObject({ title: 'The change', filetype: 'diff' });
    const [, share] = emulator.messages();
    expect(share).toMatchObject({
      threadTs: ts,
      files: [{ name: 'change.diff', title: 'The change', content: '-a\n+b\n', size: 6, snippetType: 'diff' }],
    });
    const info = await tools.web.files.info({ file: String(share?.files[0]?.id) });
    expect(info).toMatchObject({
      content: '-a\n+b\n',
      file: {
        mode: 'snippet',
        size: 6,
        lines: 3,
        ims: [channel],
        shares: { private: { [channel]: [{ ts: share?.ts, thread_ts: ts }] } },
      },
    });
    expect((await refusal(tools.web.files.info({ file: 'F0NONE' }))).error).toBe('file_not_found');
  }),
);

test(
  'a message with a file shows it in its JSON',
  withEmulator({}, async (_emulator, tools) => {
    const { channel, ts } = await tools.postCard();
    await upload(tools, { channel_id: channel, thread_ts: ts });
    const { messages } = await tools.web.conversations.replies({ channel, ts });
    expect(messages?.[1]).toMatchObject({ thread_ts: ts, files: [{ name: 'change.diff', filetype: 'diff' }] });
  }),
);

test(
  'a missing scope is named',
  withEmulator({ scopes: ['chat:write'] }, async (emulator, tools) => {
    const { channel, ts } = await tools.postCard();
    expect(await refusal(upload(tools, { channel_id: channel, thread_ts: ts }))).toMatchObject({
      error: 'missing_scope',
      needed: 'files:write',
      provided: 'chat:write',
    });
    expect(await refusal(tools.web.files.info({ file: 'F0' }))).toMatchObject({ needed: 'files:read' });
    expect(emulator.calls('upload')).toEqual([]);
  }),
);

test(
  'uploads are as strict as Slack',
  withEmulator({ scopes }, async (emulator, tools) => {
    const { channel, ts } = await tools.postCard();
    const announce = (more: object) =>
      tools.web.apiCall('files.getUploadURLExternal', { filename: 'a.txt', length: 1, ...more });
    expect((await refusal(announce({ length: 0 }))).error).toBe('missing_argument');
    expect((await refusal(announce({ snippet_type: 'klingon' }))).error).toBe('unknown_snippet_type');
    expect((await refusal(announce({ snippet_type: 'text', length: 1024 * 1024 + 1 }))).error).toBe(
      'snippet_too_large',
    );
    expect((await refusal(upload(tools, { channel_id: emulator.user.id }))).error).toBe('channel_not_found');
    const reply = await tools.web.chat.postMessage({ channel, thread_ts: ts, text: 'x' });
    const below = upload(tools, { channel_id: channel, thread_ts: String(reply.ts) });
    expect((await refusal(below)).error).toBe('invalid_arguments');
    const { upload_url, file_id } = await tools.web.files.getUploadURLExternal({ filename: 'a.txt', length: 2 });
    expect((await fetch(String(upload_url), { method: 'POST', body: 'too long' })).status).toBe(400);
    const complete = tools.web.apiCall('files.completeUploadExternal', { files: [{ id: file_id }] });
    expect((await refusal(complete)).error).toBe('file_not_found');
  }),
);

test(
  'a file can come with blocks, which a comment replaces',
  withEmulator({ scopes }, async (emulator, tools) => {
    const { channel } = await tools.postCard();
    const blocks = [{ type: 'divider' as const }];
    await upload(tools, { channel_id: channel, blocks });
    await upload(tools, { channel_id: channel, blocks, initial_comment: 'words' });
    const [, plain, commented] = emulator.messages();
    expect(plain?.blocks).toMatchObject(blocks);
    expect(commented).toMatchObject({ text: 'words', blocks: [] });
  }),
);

const STEPS = ['files.getUploadURLExternal', 'upload', 'files.completeUploadExternal'] as const;
for (const step of STEPS) {
  test(
    `trouble on command hits ${step}`,
    withEmulator({ scopes }, async (emulator, tools) => {
      const { channel } = await tools.postCard();
      const shared = (emulated: Emulator) => emulated.messages().filter(({ files }) => files.length > 0);
      emulator.fault(step, { kind: 'error', error: 'internal_error' });
      await expect(upload(tools, { channel_id: channel })).rejects.toThrow();
      emulator.fault(step, { kind: 'status', status: 503 });
      await expect(upload(tools, { channel_id: channel })).rejects.toThrow();
      emulator.fault(step, { kind: 'rate-limit', seconds: 1 });
      await expect(upload(tools, { channel_id: channel })).rejects.toThrow();
      emulator.fault(step, { kind: 'drop' });
      await expect(upload(tools, { channel_id: channel })).rejects.toThrow();
      emulator.fault(step, { kind: 'hang' });
      const hasty = { ...tools, web: createWeb(emulator, emulator.botToken, 50) };
      await expect(upload(hasty, { channel_id: channel })).rejects.toThrow();
      expect(shared(emulator)).toEqual([]);
      emulator.fault(step, { kind: 'delay', ms: 1, effect: 'after' });
      await upload(tools, { channel_id: channel });
      expect(shared(emulator)).toHaveLength(1);
      expect(emulator.calls(step)).toHaveLength(6);
    }),
  );
}

test(
  'the bytes of a file are in the log as a call of their own',
  withEmulator({ scopes }, async (emulator, tools) => {
    const { channel } = await tools.postCard();
    await upload(tools, { channel_id: channel });
    const [call] = emulator.calls('upload');
    expect(call).toMatchObject({ args: { file_id: expect.any(String) }, response: { status: 200 } });
    expect(JSON.stringify(call)).not.toContain(emulator.botToken);
  }),
);
