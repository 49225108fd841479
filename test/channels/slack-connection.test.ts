import { describe, expect, test } from 'bun:test';
import { createSlackChannel } from '../../src/channels/slack.ts';
import { checkRuntime } from '../../src/channels/slack-runtime.ts';
import { WORDS } from '../../src/channels/wording.ts';
import { createWorld, inWorld, press } from './slack-world.ts';

const noLogger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
/** Bounds are asserted with so much room: they guard against hangs, also where two cores have much to do. */
const ROOM = 5;
/** Longer than anything else that a test waits for. */
const LINGER_MS = 30_000;

describe('a refresh', () => {
  test('[K36] after a warning opens a new connection while the old one still takes clicks', () =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request());
      world.slack.disconnect('warning');
      await world.slack.waitForConnections(2);
      const clicks = await Promise.all(Array.from({ length: 4 }, () => world.slack.click(press(receipt))));
      expect(clicks.every(({ delivery }) => delivery === 'acked')).toBe(true);
      expect(world.answers).toHaveLength(4);
      expect(world.slack.connectionsEver()).toBe(2);
    }));

  test('that comes as an immediate close does not wait for the end of the old connection', () =>
    inWorld(
      async (world) => {
        const receipt = await world.ask(world.request());
        world.slack.disconnect('refresh_requested');
        await world.slack.waitForConnections(1, LINGER_MS / 3);
        expect((await world.slack.click(press(receipt))).delivery).toBe('acked');
        expect(world.slack.connectionsEver()).toBe(2);
        // With that the old one ends at last.
        await world.slack.stop();
      },
      // Nor is it ended by us within that time.
      { timing: { closeMs: LINGER_MS, watchMs: LINGER_MS } },
      { tcpLingerMs: LINGER_MS },
    ));

  test('twenty of them in a row never leave two connections or none', () =>
    inWorld(async (world) => {
      for (let round = 1; round <= 20; round += 1) {
        world.slack.disconnect('refresh_requested');
        await world.slack.waitForConnections(1);
        await world.healthy((health) => health.connections === 1 && health.state === 'connected');
        expect(world.slack.connectionsEver()).toBe(1 + round);
      }
    }));

  test('announced twice opens one new connection', () =>
    inWorld(async (world) => {
      world.slack.sendFrame(JSON.stringify({ type: 'disconnect', reason: 'warning' }));
      world.slack.sendFrame(JSON.stringify({ type: 'disconnect', reason: 'warning' }));
      await world.slack.waitForConnections(2);
      const receipt = await world.ask(world.request());
      world.slack.sendFrame(JSON.stringify({ type: 'disconnect', reason: 'warning' }), 0);
      // Both connections get one, so the frame before it has been read.
      await Promise.all([world.slack.click(press(receipt)), world.slack.click(press(receipt))]);
      await world.ask(world.request());
      expect(world.slack.calls('apps.connections.open')).toHaveLength(2);
    }));

  test('that Slack does not finish is finished by us', () =>
    inWorld(
      async (world) => {
        world.slack.sendFrame(JSON.stringify({ type: 'disconnect', reason: 'warning' }));
        await world.slack.waitForConnections(2);
        await world.slack.waitForConnections(1);
        await world.healthy((health) => health.connections === 1 && health.state === 'connected');
        await world.slack.click(press(await world.ask(world.request())));
        expect(world.slack.calls('apps.connections.open')).toHaveLength(2);
      },
      { timing: { retireMs: 200 } },
    ));
});

describe('a lost connection', () => {
  test('[K37] is back within a second after TCP was cut, with one new connection', () =>
    inWorld(async (world) => {
      const started = Date.now();
      world.slack.dropConnections();
      await world.slack.waitForConnections(0);
      await world.slack.waitForConnections(1);
      expect(Date.now() - started).toBeLessThan(1000 * ROOM);
      await world.healthy((health) => health.state === 'connected');
      expect(world.slack.connectionsEver()).toBe(2);
    }));

  test('[K37] is back within three seconds after two refused tries', () =>
    inWorld(async (world) => {
      world.slack.fault('apps.connections.open', { kind: 'drop' }, 2);
      const started = Date.now();
      world.slack.dropConnections();
      await world.slack.waitForConnections(0);
      await world.slack.waitForConnections(1);
      expect(Date.now() - started).toBeLessThan(3000 * ROOM);
      expect(world.slack.connectionsEver()).toBe(2);
    }));

  test('waits as long as Slack asks before it tries again', () =>
    inWorld(async (world) => {
      world.slack.fault('apps.connections.open', { kind: 'rate-limit', seconds: 1 });
      const started = Date.now();
      world.slack.dropConnections();
      await world.healthy((health) => health.state === 'down');
      expect(world.health()).toMatchObject({ isFatal: false, code: 'slack-rate-limited' });
      await world.slack.waitForConnections(1);
      expect(Date.now() - started).toBeGreaterThan(990);
    }));

  test('says why it is down and that it is not, and requests are posted all the same', () =>
    inWorld(async (world) => {
      world.slack.fault('apps.connections.open', { kind: 'status', status: 503 }, 2);
      world.slack.dropConnections();
      await world.healthy((health) => health.state === 'down' && !health.isFatal);
      expect(world.health().reason).toContain('503');
      await world.ask(world.request());
      await world.healthy((health) => health.state === 'connected' && health.reason === undefined);
    }));

  test(
    '[K38] is noticed within 15 s when the peer falls silent, and replaced',
    () =>
      inWorld(async (world) => {
        const started = Date.now();
        world.slack.freeze(true);
        await world.slack.waitForConnections(1, 16_000);
        const ms = Date.now() - started;
        expect(ms).toBeLessThan(15_000);
        const receipt = await world.ask(world.request());
        expect((await world.slack.click(press(receipt))).delivery).toBe('acked');
        await world.healthy((health) => health.connections === 1);
      }),
    25_000,
  );

  test('is replaced at once when the machine wakes up', async () => {
    let skew = 0;
    await inWorld(
      async (world) => {
        skew = 60 * 60_000;
        await world.healthy((health) => health.numConnections === 2);
        await world.slack.waitForConnections(1);
        expect(world.slack.connectionsEver()).toBe(2);
      },
      { now: () => Date.now() + skew, timing: { watchMs: 50 } },
    );
  });

  test('is not waited for any longer after the machine woke up', async () => {
    let skew = 0;
    await inWorld(
      async (world) => {
        world.slack.fault('apps.connections.open', { kind: 'status', status: 500 }, 1);
        world.slack.dropConnections();
        await world.healthy((health) => health.state === 'down');
        skew = 60 * 60_000;
        await world.slack.waitForConnections(1);
      },
      { now: () => Date.now() + skew, timing: { watchMs: 50, retryMs: 60 * 60_000, retryCapMs: 60 * 60_000 } },
    );
  });

  test('is found again after many drops, refusals and refreshes with one connection in the end', () =>
    inWorld(
      async (world) => {
        for (let round = 0; round < 5; round += 1) {
          world.slack.fault('apps.connections.open', { kind: 'drop' });
          world.slack.disconnect('warning');
          world.slack.dropConnections();
          await world.healthy((health) => health.state === 'down');
          await world.healthy((health) => health.state === 'connected' && health.connections === 1);
        }
        await world.slack.waitForConnections(1);
        expect(world.slack.connectionsEver()).toBe(6);
      },
      { timing: { retryMs: 20 } },
    ));
});

describe('a refused app token', () => {
  test('is tried again slowly, not like an outage', () =>
    inWorld(
      async (world) => {
        world.slack.revoke('app', true);
        world.slack.dropConnections();
        await world.healthy((health) => health.isFatal);
        const opens = (): number => world.slack.calls('apps.connections.open').length;
        const before = opens();
        const started = Date.now();
        await world.slack.waitForCall(() => opens() > before);
        expect(Date.now() - started).toBeGreaterThan(250);
      },
      { timing: { probeMs: 300, retryMs: 10, retryCapMs: 10 } },
    ));
});

describe('deliveries that are not ours', () => {
  test('are acknowledged too: buttons of other messages, and what people write', () =>
    inWorld(async (world) => {
      const elements = [{ type: 'button', action_id: 'x', text: { type: 'plain_text', text: 'x' } }];
      const answer = await fetch(`${world.slack.apiUrl}chat.postMessage`, {
        method: 'POST',
        headers: { authorization: `Bearer ${world.slack.botToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({ channel: world.slack.user.id, text: 'x', blocks: [{ type: 'actions', elements }] }),
      });
      const { channel, ts } = (await answer.json()) as { channel: string; ts: string };
      expect((await world.slack.click({ channel, ts, actionId: 'x' })).delivery).toBe('acked');
      expect((await world.slack.say({ channel, text: 'hello' })).delivery).toBe('acked');
      expect(world.answers).toEqual([]);
    }));
});

describe('frames that nobody should send', () => {
  test.each([
    'null',
    '[]',
    '7',
    '"x"',
    '{',
    '{}',
    '{"type":"events_api"}',
    '{"type":"events_api","envelope_id":"e1"}',
    '{"type":"events_api","envelope_id":"e2","payload":{"event":null}}',
    '{"type":"events_api","envelope_id":"e3","payload":{"event":{"type":"disconnected"}}}',
    '{"type":"interactive","envelope_id":"e4","payload":null}',
    '{"type":"interactive","envelope_id":"e5","payload":{"type":"block_actions","actions":[]}}',
    '{"type":"interactive","envelope_id":"e6","payload":{"type":"block_actions","actions":[{"block_id":"csh_decide","action_id":"csh_approve","value":"x"}],"user":{"id":"U1"}}}',
    '{"type":"close"}',
    '{"type":"disconnected"}',
    '{"type":"error","error":{"msg":"x"}}',
    '{"type":"ws_message","envelope_id":"e7"}',
    '{"type":"hello"}',
  ])('%s changes nothing', async (frame) => {
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown): void => void rejections.push(reason);
    process.on('unhandledRejection', onRejection);
    try {
      await inWorld(async (world) => {
        world.slack.sendFrame(frame);
        const receipt = await world.ask(world.request());
        expect((await world.slack.click(press(receipt))).delivery).toBe('acked');
        expect(world.answers).toHaveLength(1);
        expect(world.slack.connectionsEver()).toBe(1);
        expect(world.health().state).toBe('connected');
      });
    } finally {
      process.off('unhandledRejection', onRejection);
    }
    expect(rejections).toEqual([]);
  });
});

describe('other daemons with the same app', () => {
  test('are warned of when they are still there after a while, and no longer when they are gone', async () => {
    const world = await createWorld({ timing: { sharedAppMs: 100, sharedAgainMs: 150 } });
    world.slack.setForeignConnections(1);
    await world.start();
    expect(world.health().warning).toBeUndefined();
    await world.healthy((health) => health.warning === WORDS.sharedApp && health.isShared);
    world.slack.setForeignConnections(0);
    await world.healthy((health) => health.warning === undefined);
    await world.slack.waitForConnections(1);
    await world.end();
  });

  test('are not suspected when only our own connections overlap', () =>
    inWorld(
      async (world) => {
        world.slack.disconnect('warning');
        await world.healthy((health) => health.numConnections === 2);
        await world.slack.waitForConnections(1);
        expect(world.health().isShared).toBe(false);
        expect(world.slack.connectionsEver()).toBe(2);
      },
      { timing: { sharedAppMs: 50, retireMs: 300 } },
    ));

  test('are found out by a click that belongs to one of them', () =>
    inWorld(async (world) => {
      const other = createSlackChannel({
        botToken: world.slack.botToken,
        appToken: world.slack.appToken,
        apiUrl: world.slack.apiUrl,
        instanceId: 'other',
        host: 'other',
        logger: noLogger,
        onHealth: () => {},
      });
      await other.start(world.core);
      const receipt = await world.ask(world.request());
      // Slack gives a click to either of them.
      for (let round = 0; round < 2; round += 1) {
        await world.slack.click({ ...press(receipt), override: { value: 'v1.other.id.nonce' } });
      }
      await world.healthy((health) => health.isShared);
      await other.stop();
    }));
});

describe('stopping', () => {
  test('closes the connection and opens none afterwards', async () => {
    const world = await createWorld();
    await world.start();
    await world.channel.stop();
    await world.slack.waitForConnections(0);
    expect(world.health()).toMatchObject({ state: 'stopped', connections: 0 });
    await world.slack.stop();
    expect(world.slack.connectionsEver()).toBe(1);
  });

  test('takes about a second when Slack lets TCP linger', async () => {
    const world = await createWorld({}, { tcpLingerMs: 10_000 });
    await world.start();
    const started = Date.now();
    await world.channel.stop();
    expect(Date.now() - started).toBeLessThan(1500 * ROOM);
    await world.slack.stop();
  });

  test('during a try to connect ends that try', async () => {
    const world = await createWorld();
    await world.start();
    world.slack.fault('apps.connections.open', { kind: 'delay', ms: 500, effect: 'after' });
    world.slack.dropConnections();
    await world.healthy((health) => health.state === 'connecting');
    await world.slack.waitForCall(() => world.slack.calls('apps.connections.open').length === 2);
    await world.channel.stop();
    // The ticket comes after all; who took it would be connected before the next calls are answered.
    const tickets = (): number =>
      world.slack.calls('apps.connections.open').filter(({ response }) => response.ok === true).length;
    await world.slack.waitForCall(() => tickets() === 2);
    for (let call = 0; call < 20; call += 1) await fetch(`${world.slack.apiUrl}api.test`, { method: 'POST' });
    expect(world.slack.connectionsEver()).toBe(1);
    await world.slack.stop();
  });
});

describe('checkRuntime', () => {
  test('takes this runtime', () => {
    expect(() => checkRuntime()).not.toThrow();
  });

  test.each([
    ['1.4.3', true],
    ['1.3.14', true],
    ['0.9.9', true],
    ['1.4.5', false],
    [undefined, true],
  ])('refuses Bun %s with ping: %p', (bun, canPing) => {
    expect(() => checkRuntime({ bun, canPing })).toThrow(expect.objectContaining({ code: 'runtime-too-old' }));
  });

  test.each(['1.4.4', '1.4.10', '1.5.0', '2.0.0'])('takes Bun %s', (bun) => {
    expect(() => checkRuntime({ bun, canPing: true })).not.toThrow();
  });
});
