import { describe, expect, test } from 'bun:test';
import { createInDaemon, type InDaemon, type InDaemonOptions } from '../../src/collector/in-daemon.ts';
import { AppError } from '../../src/errors.ts';
import type { EventStore } from '../../src/events.ts';
import type { HookInput, StoreRecord } from '../../src/types.ts';
import { until } from '../e2e/collectors.ts';
import { createMemoryStore } from './memory-store.ts';

const ASKED = {
  ...{
    type: 'asked',
    at: Date.UTC(2026, 10, 21, 9),
    id: 'r1',
    agent: 'claude',
    digest: 'd',
    approvers: ['U1'],
    needed: 1,
  },
  input: {
    hook_event_name: 'PreToolUse',
    session_id: 's',
    cwd: '/home/dev/shop',
    tool_name: 'Bash',
    tool_input: { command: 'ls' },
  },
} as unknown as StoreRecord;
const ENDED = {
  type: 'ended',
  at: Date.UTC(2026, 10, 21, 9, 0, 5),
  id: 'r1',
  kind: 'allowed',
  by: 'U1',
} as unknown as StoreRecord;
const INPUT = {
  hook_event_name: 'PostToolUse',
  session_id: 's',
  cwd: '/home/dev/shop',
  tool_name: 'Bash',
} as HookInput;

/** Takes it away again. */
async function withInDaemon(
  openStore: () => Promise<EventStore>,
  body: (daemon: InDaemon, logged: readonly unknown[]) => Promise<void>,
  options: Partial<InDaemonOptions> = {},
): Promise<void> {
  const logged: unknown[] = [];
  const note = (...said: readonly unknown[]): void => void logged.push(said);
  const daemon = createInDaemon({
    ...{ openStore, keys: { principalOf: () => undefined, isEmpty: () => true }, allowedHosts: [], webhooks: [] },
    ...{ host: 'laptop', version: '1.2.3', slack: () => ({ isConnected: true }), linkTo: () => undefined, retryMs: 5 },
    logger: { info: () => {}, warn: note, error: note },
    ...options,
  });
  try {
    await body(daemon, logged);
  } finally {
    await daemon.stop();
  }
}

describe('the collector in the daemon', () => {
  test('keeps what it hears until the store is there, and tells meanwhile that it is not', async () => {
    const store = createMemoryStore();
    let isBusy = true;
    const open = (): Promise<EventStore> =>
      isBusy ? Promise.reject(new AppError('store-busy', 'Another process writes there')) : Promise.resolve(store);
    await withInDaemon(open, async (daemon, logged) => {
      daemon.note(ASKED);
      await daemon.heard({ agent: 'claude', input: INPUT, src: 'http' });
      daemon.note(ENDED);
      await until(() => logged.length > 0, 'the first try');
      const answer = await daemon.fetch(new Request('http://127.0.0.1/health'));
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
      expect(await answer.json()).toMatchObject({ error: { code: 'store', message: 'Another process writes there' } });
      isBusy = false;
      await until(async () => (await store.count()) === 3, 'what was held');
      expect((await store.find({}, 9, 'oldest')).map(({ kind, host, project }) => [kind, host, project])).toEqual([
        ['approval.requested', 'laptop', 'shop'],
        ['tool.completed', 'laptop', 'shop'],
        ['approval.decided', 'laptop', 'shop'],
      ]);
      // One warning for many tries.
      expect(logged).toHaveLength(1);
    });
  });

  test('keeps what a store cannot take now, and writes it once when it can', async () => {
    const store = createMemoryStore();
    let isBroken = false;
    const broken: EventStore = {
      ...store,
      append: (events) => (isBroken ? Promise.reject(new AppError('store', 'gone')) : store.append(events)),
    };
    await withInDaemon(
      async () => broken,
      async (daemon, logged) => {
        await daemon.heard({ agent: 'claude', input: INPUT, src: 'http' });
        await until(async () => (await store.count()) === 1, 'the first');
        isBroken = true;
        daemon.note(ASKED);
        daemon.note(ENDED);
        await daemon.heard({ agent: 'claude', input: INPUT, src: 'socket', id: 'r1' });
        await until(() => logged.length > 0, 'the failure');
        isBroken = false;
        await until(async () => (await store.count()) === 4, 'what was held');
        expect((await store.find({ kind: 'approval.' }, 9, 'oldest')).map(({ kind }) => kind)).toEqual([
          'approval.requested',
          'approval.decided',
        ]);
      },
    );
  });

  test('stores neither NUL nor half a pair, and says so', async () => {
    const store = createMemoryStore();
    await withInDaemon(
      async () => store,
      async (daemon) => {
        const input = { ...INPUT, tool_response: { stdout: 'a\0b\ud800' } } as HookInput;
        await daemon.heard({ agent: 'claude', input, src: 'http' });
        daemon.note({ ...ASKED, input: { ...(ASKED.input as object), tool_input: { command: '\0' } } } as StoreRecord);
        await until(async () => (await store.count()) === 2, 'both');
        const [one, two] = await store.find({}, 9, 'oldest');
        expect(one).toMatchObject({ flags: ['text'], data: { tool_response: { stdout: 'a\ufffdb\ufffd' } } });
        expect(two).toMatchObject({ flags: ['text'], data: { input: { tool_input: { command: '\ufffd' } } } });
      },
    );
  });

  test('knows a hook that comes back to a later daemon', async () => {
    const store = createMemoryStore();
    for (let daemon = 0; daemon < 2; daemon += 1)
      await withInDaemon(
        async () => ({ ...store, close: async () => {} }),
        async (current) => {
          await current.heard({ agent: 'claude', input: INPUT, src: 'socket', id: 'r1' });
          current.note(ASKED);
          await until(async () => (await store.find({ kind: 'approval.' }, 9)).length > 0, 'the request');
        },
      );
    const ids = (await store.find({}, 9)).map(({ id, kind }) => `${kind} ${id}`);
    expect(new Set(ids).size).toBe(2);
    expect((await store.find({ kind: 'approval.' }, 9)).length).toBe(1);
  });

  test('is stopped while it opens its store, and closes it', async () => {
    let isClosed = false;
    const close = async (): Promise<void> => {
      isClosed = true;
    };
    const opening = Promise.withResolvers<EventStore>();
    const daemon = withInDaemon(
      () => opening.promise,
      async () => {
        queueMicrotask(() => opening.resolve({ ...createMemoryStore(), close }));
      },
    );
    await daemon;
    expect(isClosed).toBe(true);
  });

  test('loses the oldest and says how many when far too much comes without a store', async () => {
    const store = createMemoryStore();
    let isBusy = true;
    const open = (): Promise<EventStore> =>
      isBusy ? Promise.reject(new AppError('store-busy', 'busy')) : Promise.resolve(store);
    await withInDaemon(open, async (daemon, logged) => {
      for (let index = 0; index < 6_000; index += 1)
        await daemon.heard({ agent: 'claude', input: { ...INPUT, session_id: `s-${index}` }, src: 'http' });
      isBusy = false;
      await until(async () => (await store.find({ session: 's-5999' }, 1)).length === 1, 'the last');
      const kept = await store.count();
      expect(JSON.stringify(logged)).toContain(`"lost":${6_000 - kept}`);
    });
  });
});
