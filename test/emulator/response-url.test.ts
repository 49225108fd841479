import { expect, setSystemTime, test } from 'bun:test';
import type { Emulator } from '../../src/emulator/emulator-types.ts';
import { type Tools, withEmulator } from './harness.ts';

async function pressed(emulator: Emulator, tools: Tools) {
  const url = Promise.withResolvers<string>();
  await tools.connect(async (envelope) => {
    await envelope.ack();
    url.resolve(String(envelope.body.response_url));
  });
  const card = await tools.postCard();
  await emulator.click({ ...card, actionId: 'allow' });
  const address = await url.promise;
  return { card, respond: (body: object) => fetch(address, { method: 'POST', body: JSON.stringify(body) }) };
}

test(
  'a response_url writes a note for the person who pressed, and replaces or deletes the message',
  withEmulator({}, async (emulator, tools) => {
    const { card, respond } = await pressed(emulator, tools);
    expect((await respond({ text: 'only you' })).status).toBe(200);
    expect(emulator.messages()[1]).toMatchObject({ text: 'only you', ephemeralFor: emulator.user.id });
    await respond({ text: 'replaced', replace_original: true, blocks: [] });
    expect(emulator.messages()[0]).toMatchObject({ ts: card.ts, text: 'replaced', blocks: [] });
    await respond({ delete_original: true });
    expect(emulator.messages().map(({ text }) => text)).toEqual(['only you']);
  }),
);

test(
  'a response_url works five times',
  withEmulator({}, async (emulator, tools) => {
    const { respond } = await pressed(emulator, tools);
    for (let use = 0; use < 5; use++) expect((await respond({ text: `${use}` })).status).toBe(200);
    const sixth = await respond({ text: 'more' });
    expect([sixth.status, await sixth.text()]).toEqual([404, 'used_url']);
  }),
);

test(
  'a response_url works for half an hour',
  withEmulator({}, async (emulator, tools) => {
    const { respond } = await pressed(emulator, tools);
    try {
      setSystemTime(Date.now() + 30 * 60_000 + 1_000);
      const late = await respond({ text: 'late' });
      expect([late.status, await late.text()]).toEqual([404, 'expired_url']);
    } finally {
      setSystemTime();
    }
  }),
);

test(
  'an ephemeral message is replaced through its response_url',
  withEmulator({}, async (emulator, tools) => {
    const url = Promise.withResolvers<string>();
    await tools.connect(async (envelope) => {
      await envelope.ack();
      url.resolve(String(envelope.body.response_url));
    });
    const { channel } = await tools.postCard();
    const blocks = [
      {
        type: 'actions' as const,
        elements: [{ type: 'button' as const, action_id: 'ok', text: { type: 'plain_text' as const, text: 'OK' } }],
      },
    ];
    const { message_ts } = await tools.web.chat.postEphemeral({
      channel,
      user: emulator.user.id,
      text: 'note',
      blocks,
    });
    await emulator.click({ channel, ts: String(message_ts), actionId: 'ok' });
    const body = JSON.stringify({ text: 'seen', replace_original: true });
    await fetch(await url.promise, { method: 'POST', body });
    expect(emulator.messages()[1]).toMatchObject({ text: 'seen', ephemeralFor: emulator.user.id });
  }),
);
