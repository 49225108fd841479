/**
 * What the collector can take. It, the load and PostgreSQL share the machine's processors, so rates say little by themselves:
 * each stands beside that of a server which reads a body and answers 202 in the same run, and beside the processor time that
 * our own process spent on an event.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPostgresCluster, type PostgresCluster } from '../../test/store/postgres-cluster.ts';
import { clickUnderLoad } from './collect-click.ts';
import type { Load } from './load.ts';

const HERE = import.meta.dir;
const BINARY = join(HERE, '../../dist/bin/claude-slack-hook');
const KEY = 'bench-key';
const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);
const SOAK_SECONDS = 600;
const BATCH = 100;
/** Linux counts processor time in hundredths of a second. */
const TICK_MS = 10;

interface Measured extends Load {
  /** Events a second. */
  readonly rate: number;
  /** Microseconds of our own processor time. */
  readonly cpuUs: number;
  readonly rssMb: number;
}

interface Server {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

const dir = mkdtempSync(join(tmpdir(), 'csh-collect-'));
let cluster: PostgresCluster | undefined;
try {
  if (process.argv.includes('--soak')) await soak();
  else await main();
} finally {
  await cluster?.remove();
  rmSync(dir, { recursive: true, force: true });
}

async function main(): Promise<void> {
  console.log(`${cpus().length} processors, load ${loadavg()[0]?.toFixed(1)} before; ${SECONDS} s each\n`);
  console.log(
    '| store | request | events/s | of the plain server | p50 ms | p99 ms | our CPU, µs an event | most RSS, MB | accepted = stored |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  const plain = await plainServer();
  const singles = await measure(plain, 64, 0);
  const batches = await measure(plain, 16, BATCH);
  await plain.stop();
  row('none: reads and answers 202', 'single', singles, singles, '');
  row('', `batch of ${BATCH}`, batches, batches, '');

  await storeRows('JSONL', {}, singles, batches);
  await pageOfMillion('JSONL', {});
  cluster = await createPostgresCluster({ isDurable: true });
  await storeRows('PostgreSQL', { DATABASE_URL: cluster.createDatabase('load') }, singles, batches);
  await pageOfMillion('PostgreSQL', { DATABASE_URL: cluster.createDatabase('million') });
  await cluster.remove();
  cluster = undefined;

  const quiet = await clickUnderLoad(BINARY, 0);
  const loaded = await clickUnderLoad(BINARY, 10_000);
  console.log('\n| approval in Slack to stdout of the hook | p50 ms | p99 ms |\n| --- | --- | --- |');
  console.log(`| daemon with \`--http\`, nothing else | ${quiet.p50.toFixed(1)} | ${quiet.p99.toFixed(1)} |`);
  console.log(
    `| while ${loaded.eventsPerSecond.toFixed(0)} events/s come in | ${loaded.p50.toFixed(1)} | ${loaded.p99.toFixed(1)} |`,
  );
}

async function storeRows(
  name: string,
  env: Record<string, string>,
  singles: Measured,
  batches: Measured,
): Promise<void> {
  const server = await collector(env);
  // The first second is compilation and growth.
  await load(server.port, 64, 0, 1);
  const before = await countOf(server.port);
  const one = await measure(server, 64, 0);
  const many = await measure(server, 16, BATCH);
  const stored = (await countOf(server.port)) - before;
  const accepted = one.requests - one.failed + (many.requests - many.failed) * BATCH;
  row(name, 'single', one, singles, one.failed === 0 ? '' : `${one.failed} refused`);
  row('', `batch of ${BATCH}`, many, batches, `${accepted} = ${stored}${accepted === stored ? '' : ' NO'}`);
  await server.stop();
}

/** The page of one session among a million events. */
async function pageOfMillion(name: string, env: Record<string, string>): Promise<void> {
  const server = await collector(env);
  const post = async (from: number): Promise<void> => {
    const events = Array.from({ length: 5_000 }, (_, index) => ({
      hook_event_name: (from + index) % 2 === 0 ? 'PreToolUse' : 'PostToolUse',
      session_id: `session-${Math.floor((from + index) / 200)}`,
      cwd: '/home/dev/shop',
      tool_name: 'Bash',
      tool_input: { command: `npm test -- ${from + index}` },
      tool_use_id: `toolu_${from + index}`,
    }));
    const { status } = await fetch(`http://127.0.0.1:${server.port}/events/batch`, {
      ...{ method: 'POST', body: JSON.stringify(events) },
      headers: { 'content-type': 'application/json', 'x-api-key': KEY },
    });
    if (status !== 202) throw new Error(`Expected 202, got ${status}`);
  };
  for (let from = 0; from < 1_000_000; from += 5_000) await post(from);
  const took: number[] = [];
  for (let index = 0; index < 50; index += 1) {
    const startedAt = performance.now();
    const page = await fetch(`http://127.0.0.1:${server.port}/sessions/session-${(index * 97) % 5_000}`, {
      headers: { 'x-api-key': KEY },
    });
    const text = await page.text();
    took.push(performance.now() - startedAt);
    if (page.status !== 200 || !text.includes('npm test')) throw new Error(`Expected the page, got ${page.status}`);
  }
  const sorted = took.toSorted((a, b) => a - b);
  console.log(
    `| ${name} | page of a session of 200 among 1,000,000 events | | | ${sorted[25]?.toFixed(1)} | ${sorted.at(-1)?.toFixed(1)} | | | |`,
  );
  await server.stop();
}

/** Ten minutes of batches, some 20 GB: memory must not grow. */
async function soak(): Promise<void> {
  const server = await collector({});
  const samples: number[] = [];
  for (let at = 0; at < SOAK_SECONDS; at += 30) {
    await load(server.port, 2, BATCH, 30);
    samples.push(rssOf(server.pid, 'VmRSS'));
  }
  console.log(`\nRSS over ${SOAK_SECONDS} s of batches, MB: ${samples.map((mb) => mb.toFixed(0)).join(' ')}`);
  await server.stop();
}

function row(store: string, request: string, measured: Measured, plain: Measured, note: string): void {
  const { rate, p50, p99, cpuUs, rssMb } = measured;
  const cells = [
    ...[store, request, Math.round(rate).toLocaleString('en'), `${((rate / plain.rate) * 100).toFixed(0)} %`],
    ...[p50.toFixed(1), p99.toFixed(1), cpuUs.toFixed(1), rssMb.toFixed(0), note],
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

async function measure(server: Server, connections: number, batch: number): Promise<Measured> {
  const before = cpuOf(server.pid);
  const done = await load(server.port, connections, batch, SECONDS);
  const events = done.requests * Math.max(1, batch);
  return {
    ...done,
    rate: events / done.seconds,
    cpuUs: ((cpuOf(server.pid) - before) * 1000) / events,
    rssMb: rssOf(server.pid),
  };
}

async function load(port: number, connections: number, batch: number, seconds: number): Promise<Load> {
  const plan = JSON.stringify({ port, connections, seconds, batch, key: KEY });
  const child = Bun.spawn([process.execPath, join(HERE, 'load.ts'), plan], { stdout: 'pipe', stderr: 'inherit' });
  return JSON.parse(await child.stdout.text()) as Load;
}

async function collector(env: Record<string, string>): Promise<Server> {
  const home = mkdtempSync(join(dir, 'home-'));
  const child = Bun.spawn([BINARY, 'collect', '--port', '0'], {
    ...{ cwd: home, stdout: 'pipe', stderr: 'inherit' },
    env: { PATH: '/usr/bin:/bin', HOME: home, HOOK_API_KEY: KEY, LOG_LEVEL: 'warn', ...env },
  });
  const port = await portIn(child.stdout);
  return {
    port,
    pid: child.pid,
    stop: async () => {
      child.kill('SIGTERM');
      await child.exited;
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function plainServer(): Promise<Server> {
  const script = `const s = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: async (r) => { await r.arrayBuffer(); return Response.json({ accepted: 1 }, { status: 202 }); } }); console.log('http://127.0.0.1:' + s.port + '/');`;
  const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', stderr: 'inherit' });
  const port = await portIn(child.stdout);
  return {
    port,
    pid: child.pid,
    stop: async () => {
      child.kill();
      await child.exited;
    },
  };
}

async function portIn(stdout: ReadableStream<Uint8Array>): Promise<number> {
  let text = '';
  for await (const chunk of stdout) {
    text += new TextDecoder().decode(chunk);
    const port = /http:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`Expected a server to say where it listens, got ${text}`);
}

async function countOf(port: number): Promise<number> {
  const { events_count } = (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as { events_count: number };
  return events_count;
}

/** Milliseconds of processor time; of all threads. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** In MB: the most that it has had, or what it has now. */
function rssOf(pid: number, which: 'VmHWM' | 'VmRSS' = 'VmHWM'): number {
  return Number(new RegExp(`${which}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
