import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
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
    const script = await (await fetch(`${emulator.url}assets/page.client.js`)).text();
    for (const [, file] of script.matchAll(/from '\.\/([^']+)'/g)) {
      expect((await fetch(`${emulator.url}assets/${file}`)).headers.get('content-type')).toStartWith('text/javascript');
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
