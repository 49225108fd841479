import { expect, test } from 'bun:test';
import { once } from 'node:events';
import { SocketModeClient } from '@slack/socket-mode';
import { LogLevel } from '@slack/web-api';
import { type Envelope, refusal, withEmulator } from './harness.ts';

test(
  'hello counts this app’s connections and those of another daemon',
  withEmulator({}, async (emulator, { connect }) => {
    await connect();
    emulator.setForeignConnections(2);
    const client = new SocketModeClient({
      appToken: emulator.appToken,
      autoReconnectEnabled: false,
      logLevel: LogLevel.ERROR,
      clientOptions: { slackApiUrl: emulator.apiUrl },
    });
    const hello = new Promise<string>((resolve) => client.once('ws_message', (raw) => resolve(String(raw))));
    await client.start();
    expect(JSON.parse(await hello)).toMatchObject({
      type: 'hello',
      num_connections: 4,
      connection_info: { app_id: emulator.appId },
    });
    await client.disconnect();
    await emulator.waitForConnections(1);
    expect(emulator.connectionsEver()).toBe(2);
  }),
);

test(
  'the address of a WebSocket works once',
  withEmulator({}, async (emulator, { appWeb }) => {
    const { url } = await appWeb.apps.connections.open({});
    const first = new WebSocket(String(url));
    await once(first, 'message');
    const second = new WebSocket(String(url));
    await once(second, 'error');
    expect(emulator.connections()).toBe(1);
    first.close();
  }),
);

test(
  'every acknowledgement is kept, also of a frame that was made by hand and sent twice',
  withEmulator({}, async (emulator, { connect, postCard }) => {
    const twice = Promise.withResolvers<void>();
    let count = 0;
    await connect(async (envelope) => {
      await envelope.ack();
      count += 1;
      if (count === 3) twice.resolve();
    });
    const { envelopeId = '' } = await emulator.click({ ...(await postCard()), actionId: 'allow' });
    const frame = JSON.stringify({ envelope_id: 'by hand', type: 'interactive', payload: { type: 'block_actions' } });
    emulator.sendFrame(frame);
    emulator.sendFrame(frame);
    await twice.promise;
    await emulator.click({ ...(await postCard()), actionId: 'allow' });
    const [first, second, third] = emulator.acks();
    expect([first, second, third].map((ack) => ack?.envelopeId)).toEqual([envelopeId, 'by hand', 'by hand']);
    expect(Math.abs((third?.at ?? 0) - Date.now())).toBeLessThan(60_000);
  }),
);

test(
  'clicks take turns over the open connections',
  withEmulator({}, async (emulator, { connect, postCard }) => {
    const got = [0, 0, 0];
    for (const index of got.keys()) {
      await connect(async (envelope) => {
        got[index] = (got[index] ?? 0) + 1;
        await envelope.ack();
      });
    }
    const card = await postCard();
    for (let press = 0; press < 6; press++) await emulator.click({ ...card, actionId: 'allow' });
    expect(got).toEqual([2, 2, 2]);
  }),
);

test(
  'a duplicated envelope comes twice, on another connection where there is one, and is one click',
  withEmulator({}, async (emulator, { connect, postCard }) => {
    const got: [connection: number, triggerId: unknown][] = [];
    const all = Promise.withResolvers<void>();
    const take = (index: number) => async (envelope: Envelope) => {
      got.push([index, envelope.body.trigger_id]);
      if (got.length === 5) all.resolve();
      await envelope.ack();
    };
    await connect(take(0));
    emulator.duplicate(2);
    const card = await postCard();
    expect((await emulator.click({ ...card, actionId: 'allow' })).delivery).toBe('acked');
    await connect(take(1));
    await emulator.click({ ...card, actionId: 'allow' });
    await emulator.click({ ...card, actionId: 'allow' });
    await all.promise;
    const [first, second, third] = [...new Set(got.map(([, triggerId]) => triggerId))];
    const of = (wanted: unknown) => got.filter(([, triggerId]) => triggerId === wanted).map(([index]) => index);
    expect(of(first)).toEqual([0, 0]);
    expect(of(second).toSorted()).toEqual([0, 1]);
    expect(of(third)).toHaveLength(1);
  }),
);

test(
  'the eleventh connection is told too_many_websockets and gets no hello',
  withEmulator({}, async (emulator, { connect, appWeb }) => {
    for (let index = 0; index < 10; index++) await connect();
    const { url } = await appWeb.apps.connections.open({});
    const eleventh = new WebSocket(String(url));
    const [event] = await once(eleventh, 'message');
    expect(JSON.parse(event.data)).toMatchObject({ type: 'disconnect', reason: 'too_many_websockets' });
    await once(eleventh, 'close');
    expect(emulator.connections()).toBe(10);
  }),
);

for (const reason of ['refresh_requested', 'link_disabled', 'too_many_websockets'] as const) {
  test(
    `a disconnect frame with ${reason} ends the connection with a close frame`,
    withEmulator({}, async (emulator, { appWeb }) => {
      const { url } = await appWeb.apps.connections.open({});
      const socket = new WebSocket(String(url));
      await once(socket, 'message');
      const frame = once(socket, 'message');
      const closed = once(socket, 'close');
      emulator.disconnect(reason);
      expect(JSON.parse((await frame)[0].data)).toMatchObject({ type: 'disconnect', reason });
      expect((await closed)[0].code).toBe(1000);
      expect(emulator.connections()).toBe(0);
    }),
  );
}

test(
  'a warning leaves the connection open and usable',
  withEmulator({}, async (emulator, { appWeb, postCard }) => {
    const { url } = await appWeb.apps.connections.open({});
    const socket = new WebSocket(String(url));
    await once(socket, 'message');
    const frame = once(socket, 'message');
    emulator.disconnect('warning');
    expect(JSON.parse((await frame)[0].data)).toMatchObject({ type: 'disconnect', reason: 'warning' });
    const envelope = once(socket, 'message');
    const click = emulator.click({ ...(await postCard()), actionId: 'allow' });
    socket.send(JSON.stringify({ envelope_id: JSON.parse((await envelope)[0].data).envelope_id }));
    expect((await click).delivery).toBe('acked');
    socket.close();
  }),
);

test(
  'a dropped connection ends without a close frame, and a click in flight is not acked',
  withEmulator({}, async (emulator, { appWeb, postCard }) => {
    const { url } = await appWeb.apps.connections.open({});
    const socket = new WebSocket(String(url));
    await once(socket, 'message');
    const closed = once(socket, 'close');
    const click = emulator.click({ ...(await postCard()), actionId: 'allow' });
    emulator.dropConnections();
    expect((await click).delivery).toBe('not-acked');
    expect((await closed)[0].code).toBe(1006);
    await emulator.waitForConnections(0);
  }),
);

test(
  'a frozen connection neither gives nor takes until it thaws, while new ones work',
  withEmulator({ ackTimeoutMs: 200 }, async (emulator, { connect, postCard }) => {
    let early = 0;
    await connect(async (envelope) => {
      early += 1;
      await envelope.ack();
    });
    const card = await postCard();
    emulator.freeze(true);
    expect(emulator.connections()).toBe(0);
    expect((await emulator.click({ ...card, actionId: 'allow' })).delivery).toBe('not-acked');
    expect(early).toBe(0);
    const late = Promise.withResolvers<void>();
    const client = await connect(async (envelope) => envelope.ack());
    await emulator.waitForConnections(1);
    expect((await emulator.click({ ...card, actionId: 'allow' })).delivery).toBe('acked');
    client.once('disconnected', () => late.resolve());
    emulator.freeze(false);
    expect(emulator.connections()).toBe(2);
    await client.disconnect();
    await late.promise;
  }),
);

test(
  'the library notices by its own pings that a connection is frozen',
  withEmulator({}, async (emulator) => {
    const client = new SocketModeClient({
      appToken: emulator.appToken,
      autoReconnectEnabled: false,
      logLevel: LogLevel.ERROR,
      clientPingTimeout: 100,
      clientOptions: { slackApiUrl: emulator.apiUrl },
    });
    const gone = Promise.withResolvers<void>();
    client.once('disconnected', () => gone.resolve());
    await client.start();
    emulator.freeze(true);
    await gone.promise;
    emulator.freeze(false);
    await client.disconnect();
  }),
);

test(
  'refused, nothing listens on the port; later the same port answers again',
  withEmulator({}, async (emulator, { web, connect }) => {
    await web.auth.test();
    await connect();
    await emulator.refuse(true);
    expect(emulator.connections()).toBe(1);
    await expect(fetch(emulator.apiUrl)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await emulator.refuse(false);
    expect((await web.auth.test()).ok).toBe(true);
  }),
);

test(
  'a TCP connection lingers after the closing handshake when asked to',
  withEmulator({ tcpLingerMs: 80 }, async (emulator, { appWeb }) => {
    const { url } = await appWeb.apps.connections.open({});
    const socket = new WebSocket(String(url));
    await once(socket, 'message');
    const closed = once(socket, 'close');
    const from = performance.now();
    emulator.disconnect('refresh_requested');
    expect(emulator.connections()).toBe(0);
    await closed;
    expect(performance.now() - from).toBeGreaterThanOrEqual(70);
  }),
);

test(
  'malformed and duplicate frames are sent as they are',
  withEmulator({}, async (emulator, { appWeb }) => {
    const { url } = await appWeb.apps.connections.open({});
    const socket = new WebSocket(String(url));
    await once(socket, 'message');
    const frame = once(socket, 'message');
    emulator.sendFrame('{"half":');
    expect((await frame)[0].data).toBe('{"half":');
    expect(() => emulator.sendFrame('{}', 3)).toThrow('Expected an open connection 3, there are 1');
    socket.close();
  }),
);

test(
  'Socket Mode that is switched off, and revoked tokens, are refused',
  withEmulator({ socketModeEnabled: false }, async (emulator, { appWeb, web }) => {
    expect((await refusal(appWeb.apps.connections.open({}))).error).toBe('link_disabled');
    emulator.setSocketMode(true);
    expect((await appWeb.apps.connections.open({})).ok).toBe(true);
    emulator.revoke('app', true);
    expect((await refusal(appWeb.apps.connections.open({}))).error).toBe('invalid_auth');
    emulator.revoke('app', false);
    emulator.revoke('bot', true);
    expect((await refusal(web.auth.test())).error).toBe('invalid_auth');
    expect((await appWeb.apps.connections.open({})).ok).toBe(true);
  }),
);

test(
  'a message event that is not acked comes again at once as retry 1',
  withEmulator({ ackTimeoutMs: 20 }, async (emulator, { connect, postCard }) => {
    const seen: Envelope[] = [];
    const again = Promise.withResolvers<void>();
    await connect(async (envelope) => {
      seen.push(envelope);
      if (seen.length < 2) return;
      await envelope.ack();
      again.resolve();
    });
    const { channel, ts } = await postCard();
    const said = await emulator.say({ channel, text: 'why <this> & that?', threadTs: ts });
    expect(said.delivery).toBe('not-acked');
    await again.promise;
    expect(seen.map(({ retry_num }) => retry_num)).toEqual([0, 1]);
    expect(seen.map(({ retry_reason }) => retry_reason)).toEqual(['', 'timeout']);
    expect(seen[1]?.body).toMatchObject({
      type: 'event_callback',
      event: { type: 'message', channel_type: 'im', user: emulator.user.id, text: 'why &lt;this&gt; &amp; that?' },
    });
    expect(seen[1]?.body).toHaveProperty('event.thread_ts', ts);
  }),
);

test(
  'a reaction is told to an app that may read reactions, and to no other',
  withEmulator({}, async (emulator, { connect, postCard }) => {
    const seen: Envelope[] = [];
    await connect(async (envelope) => {
      seen.push(envelope);
      await envelope.ack();
    });
    const { channel, ts } = await postCard();
    expect((await emulator.react({ channel, ts, emoji: 'eyes' })).delivery).toBe('acked');
    expect(seen[0]?.body).toMatchObject({
      event: { type: 'reaction_added', reaction: 'eyes', user: emulator.user.id, item: { channel, ts } },
    });
    expect(emulator.messages()[0]?.reactions).toEqual({ eyes: [emulator.user.id] });
  }),
);

test(
  'events stay at home without their scope',
  withEmulator({ scopes: ['chat:write'] }, async (emulator, { connect, postCard }) => {
    await connect();
    const { channel, ts } = await postCard();
    expect(await emulator.say({ channel, text: 'hi' })).toEqual({ delivery: 'no-connection' });
    expect(await emulator.react({ channel, ts, emoji: 'eyes' })).toEqual({ delivery: 'no-connection' });
    expect(emulator.messages().map(({ text }) => text)).toEqual(['A request', 'hi']);
  }),
);
