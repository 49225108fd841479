import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import type { ModalView } from '@slack/types';
import type { Emulator } from '../../src/emulator/emulator-types.ts';
import { type Envelope, withEmulator } from './harness.ts';

const FOLDER = `${import.meta.dir}/../../src/emulator`;

/** Reads pictures of the state from the event stream until one fits. */
async function picture(emulator: Emulator, fits: (state: Record<string, unknown>) => boolean) {
  const end = new AbortController();
  const { body } = await fetch(`${emulator.url}events`, { signal: end.signal });
  let text = '';
  try {
    for await (const chunk of body ?? []) {
      text += new TextDecoder().decode(chunk);
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        const state = JSON.parse(event.replace(/^data: /, ''));
        if (fits(state)) return state;
      }
    }
  } finally {
    end.abort();
  }
}

function post(emulator: Emulator, action: string, body: object, headers: Record<string, string> = {}) {
  return fetch(`${emulator.url}do/${action}`, {
    method: 'POST',
    headers: { origin: new URL(emulator.url).origin, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

test(
  'the page and its files are served under a strict content security policy',
  withEmulator({}, async (emulator) => {
    const page = await fetch(emulator.url);
    const policy = page.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'; script-src 'self'");
    expect(policy).not.toContain('unsafe');
    const html = await page.text();
    for (const [, path] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
      expect((await fetch(new URL(String(path), emulator.url))).status).toBe(200);
    }
    for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.client.js'))) {
      const script = await fetch(`${emulator.url}assets/${name}`);
      expect([name, script.headers.get('content-type')]).toEqual([name, 'text/javascript; charset=utf-8']);
      expect(await script.text()).toBe(readFileSync(`${FOLDER}/${name}`, 'utf8'));
    }
    expect((await fetch(`${emulator.url}assets/../emulator.ts`)).status).toBe(404);
  }),
);

test('no browser file can turn text into markup or code', () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.client.js'));
  expect(files.length).toBeGreaterThan(4);
  for (const name of files) {
    const source = readFileSync(`${FOLDER}/${name}`, 'utf8');
    expect(source).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function/,
    );
  }
});

test(
  'the event stream shows each change',
  withEmulator({}, async (emulator, { web, connect }) => {
    await connect();
    const seen = picture(emulator, (state) => JSON.stringify(state).includes('second'));
    await web.chat.postMessage({ channel: emulator.user.id, text: 'first' });
    await web.chat.postMessage({ channel: emulator.user.id, text: 'second' });
    expect(await seen).toMatchObject({
      connections: 1,
      people: [{ id: emulator.user.id }, { id: emulator.otherUser.id }],
      messages: [{ text: 'first' }, { text: 'second' }],
    });
  }),
);

test(
  'a press on the page reaches the app as the person who acts',
  withEmulator({}, async (emulator, { connect, postCard }) => {
    const seen: Envelope[] = [];
    await connect(async (envelope) => {
      seen.push(envelope);
      await envelope.ack();
    });
    const card = await postCard();
    const press = { ...card, blockId: 'decision', actionId: 'deny', userId: emulator.otherUser.id };
    const answer = await post(emulator, 'press', press);
    expect(await answer.json()).toMatchObject({ delivery: 'acked' });
    expect(seen[0]?.body).toMatchObject({
      user: { id: emulator.otherUser.id },
      actions: [{ action_id: 'deny', value: 'no' }],
    });
    expect((await post(emulator, 'press', { ...press, actionId: 'gone' })).status).toBe(409);
    expect((await post(emulator, 'explode', {})).status).toBe(404);
  }),
);

test(
  'people write, react and take reactions back on the page',
  withEmulator({}, async (emulator, { postCard }) => {
    const { channel, ts } = await postCard();
    const reply = { channel, text: 'Hello', threadTs: ts, broadcast: true, userId: emulator.user.id };
    expect((await post(emulator, 'say', reply)).status).toBe(200);
    expect(emulator.messages()[1]).toMatchObject({ text: 'Hello', threadTs: ts, isBroadcast: true });
    const reaction = { channel, ts, emoji: '+1', userId: emulator.otherUser.id };
    await post(emulator, 'react', reaction);
    expect(emulator.messages()[0]?.reactions).toEqual({ '+1': [emulator.otherUser.id] });
    expect((await post(emulator, 'react', reaction)).status).toBe(409);
    await post(emulator, 'unreact', reaction);
    expect(emulator.messages()[0]?.reactions).toEqual({});
  }),
);

test(
  'a modal on the page is filled in, refused, pressed in, sent and closed',
  withEmulator({}, async (emulator, { web, connect, postCard }) => {
    const seen: Envelope[] = [];
    const plain = (text: string) => ({ type: 'plain_text' as const, text });
    const view: ModalView = {
      type: 'modal',
      title: plain('Why?'),
      submit: plain('Send'),
      notify_on_close: true,
      blocks: [
        {
          type: 'input',
          block_id: 'why',
          label: plain('Why'),
          element: { type: 'plain_text_input', action_id: 'text' },
        },
        { type: 'actions', elements: [{ type: 'button', action_id: 'more', text: plain('More') }] },
      ],
    };
    await connect(async (envelope) => {
      seen.push(envelope);
      await envelope.ack(envelope.body.type === 'view_submission' ? { response_action: 'update', view } : undefined);
    });
    await emulator.click({ ...(await postCard()), actionId: 'deny' });
    await web.views.open({ trigger_id: String(seen[0]?.body.trigger_id), view });
    const viewId = emulator.views()[0]?.id;
    const values = (value: string) => ({ why: { text: { type: 'plain_text_input', value } } });
    const refused = await post(emulator, 'submit', { viewId, values: values('') });
    expect(await refused.json()).toEqual({ delivery: 'not-sent' });
    await post(emulator, 'press-view', { viewId, actionId: 'more', state: values('typed') });
    expect(seen[1]?.body).toMatchObject({ container: { type: 'view' }, view: { state: { values: values('typed') } } });
    await post(emulator, 'submit', { viewId, values: values('sent') });
    expect(seen[2]?.body).toMatchObject({ type: 'view_submission', view: { state: { values: values('sent') } } });
    await post(emulator, 'close', { viewId, all: true });
    expect(seen[3]?.body).toMatchObject({ type: 'view_closed', is_cleared: true });
    expect(emulator.views()).toEqual([]);
  }),
);

test(
  'other origins, other host names and plain forms cannot press anything',
  withEmulator({}, async (emulator, { postCard }) => {
    const press = { ...(await postCard()), actionId: 'allow' };
    expect((await post(emulator, 'press', press, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await post(emulator, 'press', press, { host: 'evil.example' })).status).toBe(403);
    expect((await post(emulator, 'press', press, { 'content-type': 'text/plain' })).status).toBe(415);
    const bare = await fetch(`${emulator.url}do/press`, { method: 'POST', body: JSON.stringify(press) });
    expect(bare.status).toBe(403);
    expect(emulator.messages()[0]?.notAckedActionId).toBeUndefined();
  }),
);
