import { describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { AGENTS } from '../src/agents/agent.ts';
import { WITNESSES } from '../src/agents/evidence.ts';
import { type Clients, createClients } from '../src/clients.ts';
import { createListener, type Listener, type ListenerOptions, type Peer } from '../src/listener.ts';
import { bash } from './channels/requests.ts';

interface Office {
  readonly path: string;
  readonly listener: Listener;
  readonly lines: string[];
  readonly peers: Peer[];
  /** One for each connection that is no longer there. */
  readonly gone: true[];
}

async function withOffice(body: (office: Office) => Promise<void>, options: Partial<ListenerOptions> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'csh-listener-'));
  const path = join(dir, 's');
  const lines: string[] = [];
  const peers: Peer[] = [];
  const gone: true[] = [];
  const listener = createListener(path, {
    maxInputBytes: 1024 * 1024,
    onLine: (peer, line) => {
      lines.push(line);
      peers.push(peer);
      if (line === 'wait') peer.setWaiting(true);
      peer.send(`${line}\n`);
    },
    onGone: () => gone.push(true),
    descriptors: 1_000,
    ...options,
  });
  try {
    await body({ path, listener, lines, peers, gone });
  } finally {
    listener.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Client {
  readonly socket: Bun.Socket;
  readonly closed: Promise<void>;
  readonly isClosed: () => boolean;
  /** What was received, as soon as it is this. */
  received(text: string): Promise<void>;
}

/** Keeps its own half open when the other one ends, as a program that pays no attention does. */
async function connect(path: string): Promise<Client> {
  const closed = Promise.withResolvers<void>();
  let text = '';
  let isClosed = false;
  let wanted: { text: string; resolve: () => void } | undefined;
  const socket = await Bun.connect({
    unix: path,
    allowHalfOpen: true,
    socket: {
      data: (_socket, chunk) => {
        text += chunk.toString();
        if (wanted?.text === text) wanted.resolve();
      },
      close: () => {
        isClosed = true;
        closed.resolve();
      },
    },
  });
  return {
    socket,
    closed: closed.promise,
    isClosed: () => isClosed,
    received: (expected) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      wanted = { text: expected, resolve };
      if (text === expected) resolve();
      return promise;
    },
  };
}

describe('a peer', () => {
  test('that says nothing is closed after a while, also when it keeps its own half open', () =>
    withOffice(
      async ({ path, gone }) => {
        const [first, second] = [await connect(path), await connect(path)];
        await Promise.all([first.closed, second.closed]);
        expect(gone).toHaveLength(2);
      },
      { idleMs: 50 },
    ));

  test('that has hung is gone all the same', () => {
    const gone = Promise.withResolvers<void>();
    const isThere = Promise.withResolvers<void>();
    return withOffice(
      async ({ path }) => {
        const script = `await Bun.connect({ unix: ${JSON.stringify(path)}, socket: { open: (s) => s.write('here\\n'), data() {} } });`;
        const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'ignore', stderr: 'inherit' });
        try {
          await isThere.promise;
          child.kill('SIGSTOP');
          await gone.promise;
        } finally {
          child.kill('SIGKILL');
        }
      },
      { idleMs: 100, onLine: () => isThere.resolve(), onGone: () => gone.resolve() },
    );
  });

  test('[I70] that never says anything is closed sooner than one that has said something', () =>
    withOffice(
      async ({ path, gone }) => {
        const spoken = await connect(path);
        spoken.socket.write('hello\n');
        await spoken.received('hello\n');
        const silent = await connect(path);
        await silent.closed;
        expect(gone).toHaveLength(1);
        expect(spoken.isClosed()).toBe(false);
        spoken.socket.terminate();
      },
      { idleMs: 60_000, silentMs: 50 },
    ));

  test('that sends bytes and no line is closed all the same', () =>
    withOffice(
      async ({ path, lines }) => {
        const client = await connect(path);
        const drip = setInterval(() => client.socket.write('x'), 5);
        await client.closed;
        clearInterval(drip);
        expect(lines).toEqual([]);
      },
      { idleMs: 60 },
    ));

  test('that waits is not, until it no longer does', () =>
    withOffice(
      async ({ path, peers }) => {
        const waiting = await connect(path);
        waiting.socket.write('wait\n');
        await waiting.received('wait\n');
        // Those that came later are closed first: so time has passed for both.
        await (await connect(path)).closed;
        expect(waiting.isClosed()).toBe(false);
        peers[0]?.setWaiting(false);
        await waiting.closed;
      },
      { idleMs: 50 },
    ));

  test('of too many idle ones goes that has been idle for longest, and those that wait stay', () =>
    withOffice(
      async ({ path }) => {
        const waiting = await connect(path);
        waiting.socket.write('wait\n');
        await waiting.received('wait\n');
        const idle: Client[] = [];
        for (let count = 0; count < 17; count += 1) idle.push(await connect(path));
        await idle[0]?.closed;
        idle[1]?.socket.write('hello\n');
        await idle[1]?.received('hello\n');
        idle.push(await connect(path));
        // The second has spoken meanwhile, so the third is the oldest.
        await idle[2]?.closed;
        expect([waiting, ...idle.filter((_, index) => index !== 0 && index !== 2)].filter((c) => c.isClosed())).toEqual(
          [],
        );
      },
      { descriptors: 64 },
    ));

  test('is not offered what would only queue up behind what it has not read yet', () =>
    withOffice(async ({ path, peers }) => {
      const client = await connect(path);
      client.socket.write('wait\n');
      await client.received('wait\n');
      client.socket.pause();
      const [peer] = peers;
      const big = `${'x'.repeat(4_000_000)}\n`;
      peer?.send(big);
      peer?.offer('beat\n');
      peer?.send('end\n');
      client.socket.resume();
      await client.received(`wait\n${big}end\n`);
      peer?.offer('beat\n');
      await client.received(`wait\n${big}end\nbeat\n`);
    }));

  test('[I70] that does not read what it is answered is read no further, and gets every answer once it does', () =>
    withOffice(async ({ path, lines }) => {
      const count = 20_000;
      const asked = Array.from({ length: count }, (_, index) => `${index} ${'x'.repeat(1_000)}`);
      const socket = net.connect({ path, allowHalfOpen: true }).pause();
      // It says at once that it has nothing more to ask.
      socket.end(`${asked.join('\n')}\n`);
      await settled(() => lines.length);
      // A megabyte, what was read in one go with its end, and what two kernels keep on the way.
      expect(lines.length).toBeGreaterThan(1_000);
      expect(lines.length).toBeLessThan(4_000);
      const answers: string[] = [];
      const all = Promise.withResolvers<void>();
      createInterface({ input: socket }).on('line', (line) => {
        if (answers.push(line) === count) all.resolve();
      });
      socket.resume();
      await all.promise;
      expect(answers).toEqual(asked);
      socket.destroy();
    }));

  test('[I70] that has closed its half gets all of a long answer, and then the end', () =>
    withOffice(
      async ({ path }) => {
        const socket = net.connect({ path, allowHalfOpen: true });
        socket.end('question\n');
        let length = 0;
        for await (const chunk of socket) length += chunk.length;
        expect(length).toBe(8_000_000);
      },
      { onLine: (peer) => peer.send('x'.repeat(8_000_000)) },
    ));

  test('that has closed its half and waits gets its answer, and then the end', () => {
    const waiting: Peer[] = [];
    return withOffice(
      async ({ path }) => {
        const socket = net.connect({ path, allowHalfOpen: true });
        socket.end('question\n');
        await settled(() => waiting.length);
        waiting[0]?.setWaiting(false);
        waiting[0]?.send('answer\n');
        let text = '';
        for await (const chunk of socket) text += chunk;
        expect(text).toBe('answer\n');
      },
      {
        idleMs: 60_000,
        onLine: (peer) => {
          peer.setWaiting(true);
          waiting.push(peer);
        },
      },
    );
  });

  test('[I70] that does not read is gone as soon as it has closed', () => {
    const gone = Promise.withResolvers<void>();
    return withOffice(
      async ({ path, lines }) => {
        const socket = net.connect(path).pause();
        socket.write(`wait\n${`${'x'.repeat(1_000)}\n`.repeat(10_000)}`);
        await settled(() => lines.length);
        socket.destroy();
        await gone.promise;
      },
      { onGone: () => gone.resolve() },
    );
  });

  test('that is being shown the door is not listened to any further', () =>
    withOffice(
      async ({ path, lines, gone }) => {
        const client = await connect(path);
        client.socket.write(`${'x'.repeat(200_000)}\nsecond\n${'third\n'.repeat(1_000)}`);
        await client.closed;
        expect(lines).toEqual([]);
        expect(gone).toHaveLength(1);
      },
      { maxInputBytes: 1_024 },
    ));
});

/** Resolves when a number has not changed for a hundred turns of the event loop, once it has changed at all. */
async function settled(number: () => number): Promise<void> {
  for (let [turns, last] = [0, number()]; turns < 100; turns += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (number() !== last || last === 0) [turns, last] = [0, number()];
  }
}

describe('a daemon that is sent any bytes, cut anywhere', () => {
  const input = JSON.stringify(bash('ls'));
  const line = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(input, `{"claude_slack_hook":{"type":"status"}}`, ' ', '') },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
    { weight: 1, arbitrary: fc.nat(input.length).map((end) => input.slice(0, end)) },
  );
  const bytes = fc
    .array(fc.oneof({ weight: 4, arbitrary: line.map((text) => Buffer.from(`${text}\n`)) }, fc.uint8Array()), {
      maxLength: 6,
    })
    .map((parts) => Buffer.concat(parts));

  /** Everything that comes back until the other side has closed. */
  const talk = async (path: string, chunks: readonly Uint8Array[]): Promise<string> => {
    const socket = net.connect({ path, allowHalfOpen: true });
    for (const chunk of chunks) {
      // Each in a packet of its own, as far as that can be had.
      if (chunk.byteLength > 0) await new Promise((resolve) => socket.write(chunk, resolve));
    }
    socket.end();
    let text = '';
    // A daemon that does not listen any more may close before everything was written.
    socket.on('error', () => {});
    for await (const chunk of socket) text += chunk;
    return text;
  };

  test('answers every line, or says why it does not and closes; it lives on', async () => {
    const denied = { kind: 'denied', by: 'U1', via: 'Slack', at: 1 } as const;
    const clients: Clients = createClients({
      ...{ agents: AGENTS, witnesses: WITNESSES, app: 'app', approvers: ['U1'], waitMs: 60_000 },
      status: () => ({
        ...{ pid: 1, version: '0', startedAt: 1, pending: [], grants: [] },
        ...{ slack: { state: 'connected', connections: 1 }, apiUrl: '', logFile: '', auditFile: '' },
      }),
      policy: { approversFor: () => undefined, needed: () => 1, rule: () => undefined, restricts: () => false },
      ...{
        repliesInARow: () => 0,
        recognise: () => 'claude' as const,
        nonceOf: (id: string) => id,
        greet: (proof: string) => ({ proof, version: '0', app: 'app' }),
        retire: () => {},
        away: () => {},
        withdraw: () => {},
        observe: () => {},
        onChange: () => {},
        logger: { warn: () => {} },
      },
      ask: ({ id }) => queueMicrotask(() => clients.onOutcome(id, denied)),
    });
    await withOffice(
      ({ path }) =>
        fc.assert(
          fc.asyncProperty(bytes, fc.array(fc.nat(60), { maxLength: 8 }), async (all, cuts) => {
            const answers = await talk(path, cut(all, cuts));
            const lines = answers.split('\n').slice(0, -1);
            expect(answers === '' || answers.endsWith('\n')).toBe(true);
            const replies = lines.map((text) => JSON.parse(text) as Record<string, { type?: string } | undefined>);
            const isRefused = replies.some((reply) => reply.claude_slack_hook?.type === 'error');
            const asked = all.toString().split('\n').slice(0, -1);
            const spoken = asked.filter((text) => text.trim() !== '').length;
            if (!isRefused) expect(replies).toHaveLength(spoken);
            else expect(replies.length).toBeLessThanOrEqual(spoken + 1);
            expect(await talk(path, [Buffer.from(`${input}\n`)])).toContain('"deny"');
            expect(clients.waiting()).toBe(0);
          }),
          { numRuns: 300 },
        ),
      { onLine: clients.onLine, onGone: clients.onGone },
    );
  }, 30_000);
});

function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const length of lengths) {
    pieces.push(bytes.subarray(from, from + length));
    from += length;
  }
  return [...pieces, bytes.subarray(from)];
}
