/** How long a person's press takes to the hook's stdout, while events come in at the same daemon. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmulator } from '../../src/emulator/emulator.ts';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import { killProcessesOf } from '../../test/e2e/processes.ts';

const HERE = import.meta.dir;
const PAYLOAD = join(HERE, '../../test/fixtures/claude-code/PreToolUse.Bash.json');
const PRESSES = 100;
const BATCH = 100;

export interface Clicks {
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** That were taken meanwhile. */
  readonly eventsPerSecond: number;
}

/** @param rate events a second */
export async function clickUnderLoad(binary: string, rate: number): Promise<Clicks> {
  const home = mkdtempSync(join(tmpdir(), 'csh-click-'));
  const slack = await createEmulator();
  const port = await freePort();
  const env = {
    ...{ PATH: '/usr/bin:/bin', HOME: home, TMPDIR: home, SLACK_API_URL: slack.apiUrl },
    ...{ SLACK_BOT_TOKEN: slack.botToken, SLACK_APP_TOKEN: slack.appToken, SLACK_USER_ID: slack.user.id },
  };
  const sending = new AbortController();
  try {
    await Bun.spawn([binary, 'ensure', '--http', String(port)], { env }).exited;
    const key = (
      await Bun.spawn([binary, 'keys', 'create'], { env, stdout: 'pipe', stderr: 'ignore' }).stdout.text()
    ).trim();
    const sent = send(port, key, rate, sending.signal);
    const startedAt = performance.now();
    const took: number[] = [];
    for (let index = 0; index < PRESSES; index += 1) took.push(await press(binary, env, slack, index));
    const seconds = (performance.now() - startedAt) / 1000;
    sending.abort();
    const sorted = took.toSorted((a, b) => a - b);
    const events = await sent;
    await Bun.spawn([binary, '--stop'], { env, stdout: 'ignore' }).exited;
    return {
      p50: sorted[PRESSES / 2] ?? Number.NaN,
      p99: sorted[Math.floor(PRESSES * 0.99)] ?? Number.NaN,
      eventsPerSecond: events / seconds,
    };
  } finally {
    sending.abort();
    killProcessesOf(home);
    await slack.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

type Slack = Awaited<ReturnType<typeof createEmulator>>;

async function press(binary: string, env: Record<string, string>, slack: Slack, index: number): Promise<number> {
  const input = {
    ...JSON.parse(readFileSync(PAYLOAD, 'utf8')),
    session_id: `press-${index}`,
    prompt_id: `prompt-${index}`,
  };
  const marker = `echo press-${index}-end`;
  const hook = Bun.spawn([binary], {
    ...{ env, stdout: 'pipe', stderr: 'inherit' },
    stdin: new Blob([JSON.stringify({ ...input, tool_input: { command: marker } })]),
  });
  const card = await slack.waitForMessage(
    ({ blocks }: EmulatedMessage) =>
      JSON.stringify(blocks).includes(marker) && blocks.some(({ type }) => type === 'actions'),
    10_000,
  );
  const pressedAt = performance.now();
  void slack.click({ channel: card.channel, ts: card.ts, actionId: 'csh_approve' });
  await hook.stdout.getReader().read();
  const tookMs = performance.now() - pressedAt;
  await hook.exited;
  return tookMs;
}

/** Batches at an even pace. Resolves with how many events were taken. */
async function send(port: number, key: string, rate: number, signal: AbortSignal): Promise<number> {
  if (rate === 0) return 0;
  const event = readFileSync(PAYLOAD, 'utf8');
  const body = `[${Array.from({ length: BATCH }, () => event).join(',')}]`;
  const headers = { 'content-type': 'application/json', 'x-api-key': key };
  const everyMs = (1000 * BATCH) / rate;
  let taken = 0;
  let due = performance.now();
  const waiting: Promise<void>[] = [];
  while (!signal.aborted) {
    due += everyMs;
    waiting.push(
      fetch(`http://127.0.0.1:${port}/events/batch`, { method: 'POST', headers, body }).then(
        ({ status }) => {
          if (status === 202) taken += BATCH;
        },
        () => {},
      ),
    );
    await Bun.sleep(Math.max(0, due - performance.now()));
  }
  await Promise.all(waiting);
  return taken;
}

async function freePort(): Promise<number> {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() });
  const { port = 0 } = server;
  await server.stop(true);
  return port;
}
