/** Posts events over kept connections as fast as they are answered, with as little work of its own as can be. Prints one JSON line. */

/** One request at a time on each connection. */
interface Plan {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** Events in a request; 0: a single one, to /events. */
  readonly batch: number;
  readonly key: string;
}

export interface Load {
  readonly requests: number;
  readonly failed: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Claude Code's PreToolUse, as it is posted: 480 bytes. */
const EVENT = JSON.stringify({
  session_id: '35f904bd-3b46-49c1-8d65-d41f4c84306b',
  transcript_path: '/home/dev/.claude/projects/-home-dev-shop/35f904bd-3b46-49c1-8d65-d41f4c84306b.jsonl',
  cwd: '/home/dev/shop',
  prompt_id: '33ea6b0f-9dd3-45f5-bf25-dde609a60dfb',
  permission_mode: 'default',
  effort: { level: 'high' },
  hook_event_name: 'PreToolUse',
  tool_name: 'Read',
  tool_input: { file_path: '/home/dev/shop/src/discount.js' },
  tool_use_id: 'toolu_01Fake000000000000000006',
});

const plan = JSON.parse(process.argv[2] ?? '{}') as Plan;
console.log(JSON.stringify(await run(plan)));
process.exit(0);

async function run({ port, connections, seconds, batch, key }: Plan): Promise<Load> {
  const body = batch === 0 ? EVENT : `[${Array.from({ length: batch }, () => EVENT).join(',')}]`;
  const head = [
    `POST ${batch === 0 ? '/events' : '/events/batch'} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `X-API-Key: ${key}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  const request = Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
  const took = new Float64Array(16_000_000);
  let requests = 0;
  let failed = 0;
  const startedAt = performance.now();
  const endAt = startedAt + seconds * 1000;
  const { promise, resolve } = Promise.withResolvers<void>();
  let open = connections;
  const leave = (): void => {
    open -= 1;
    if (open === 0) resolve();
  };
  for (let index = 0; index < connections; index += 1) {
    let sentAt = 0;
    let rest: Uint8Array | undefined;
    const send = (socket: { write(data: Uint8Array): number }): void => {
      sentAt = performance.now();
      const written = socket.write(request);
      rest = written < request.length ? request.subarray(written) : undefined;
    };
    await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        open: send,
        drain: (socket) => {
          if (rest === undefined) return;
          const written = socket.write(rest);
          rest = written < rest.length ? rest.subarray(written) : undefined;
        },
        // Every answer is short, and comes in one piece.
        data: (socket, data) => {
          const now = performance.now();
          took[requests] = now - sentAt;
          requests += 1;
          if (data[9] !== 0x32) failed += 1;
          if (now < endAt) send(socket);
          else socket.end();
        },
        close: leave,
        error: leave,
      },
    });
  }
  await promise;
  const sorted = took.subarray(0, Math.min(requests, took.length)).sort();
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { requests, failed, seconds: (performance.now() - startedAt) / 1000, p50: at(0.5), p99: at(0.99), max: at(1) };
}
