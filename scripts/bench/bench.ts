/**
 * What a hook call costs. Whole processes, interleaved, as ratios: absolute times drift with the machine.
 * The commands are started by a small C program when `cc` exists, because a JavaScript parent adds more than the floor.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appFingerprint, appKey } from '../../src/daemon.ts';
import { writeRecord } from '../../src/daemon-files.ts';
import { createEmulator } from '../../src/emulator/emulator.ts';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import { resolveSettings } from '../../src/settings.ts';
import { appPaths } from '../../src/state.ts';
import { VERSION } from '../../src/version.ts';
import { killProcessesOf, rssOf } from '../../test/e2e/processes.ts';

const HERE = import.meta.dir;
const ROOT = join(HERE, '../..');
const BINARY = join(ROOT, 'dist/bin/claude-slack-hook');
const PAYLOAD = join(ROOT, 'test/fixtures/claude-code/PreToolUse.Bash.json');

/** A warm call beside an empty compiled Bun binary: the one timing that CI checks, as a ratio of the fastest twentieths of interleaved runs, which a busy machine hardly moves. */
const GATE_RATIO = 2.4;
const GATE_SERIES = 12;
/** A guard against hangs: it takes some 30 ms. */
const START_MS = 30_000;

interface Timing {
  readonly median: number;
  readonly low: number;
  readonly rssKb: number;
  readonly faults: number;
}

const dir = mkdtempSync(join(tmpdir(), 'csh-bench-'));
const ENV = {
  PATH: '/usr/bin:/bin',
  HOME: dir,
  TMPDIR: dir,
  SLACK_BOT_TOKEN: 'xoxb-1-2-bench',
  SLACK_APP_TOKEN: 'xapp-1-A1-2-bench',
  SLACK_USER_ID: 'U0BENCH',
};
try {
  if (process.argv.includes('--gate')) await gate();
  else await table();
} finally {
  rmSync(dir, { recursive: true, force: true });
}

async function gate(): Promise<void> {
  const empty = await compileEmpty();
  // A processor that sleeps takes its time to wake up, and a hook wakes the daemon three times: that is the machine's cost, not ours.
  const awake = Array.from({ length: navigator.hardwareConcurrency }, () =>
    Bun.spawn(['nice', '-n', '19', 'sh', '-c', 'while :; do :; done'], { stdio: ['ignore', 'ignore', 'ignore'] }),
  );
  // A busy moment only ever adds: the best of a few series is the nearest to the truth.
  let ratio = Number.POSITIVE_INFINITY;
  try {
    await withDaemon(async () => {
      for (let series = 0; series < GATE_SERIES && ratio >= GATE_RATIO; series += 1) {
        const [hook, nothing] = await time([BINARY, empty], 60, 1);
        ratio = Math.min(ratio, (hook?.low ?? Number.NaN) / (nothing?.low ?? Number.NaN));
      }
    });
  } finally {
    for (const child of awake) child.kill('SIGKILL');
  }
  console.log(`a warm hook call takes ${ratio.toFixed(2)} times an empty compiled Bun binary (limit ${GATE_RATIO})`);
  if (!(ratio < GATE_RATIO)) process.exitCode = 1;
}

async function table(): Promise<void> {
  const empty = await compileEmpty();
  const c = await compileC('client');
  const node = `${Bun.which('node')}\t${join(HERE, 'client.mjs')}`;
  const named: [string, string][] = [
    ['/bin/true', '/bin/true'],
    ...(c === undefined ? [] : ([['C client', c]] as [string, string][])),
    ['empty compiled Bun binary', empty],
    ['claude-slack-hook', BINARY],
    ['Node client', node],
  ];
  const [one, ten] = await withDaemon(async () => {
    const commands = named.map(([, command]) => command);
    return [await time(commands, 60, 1), await time([BINARY, ...(c === undefined ? [] : [c])], 20, 10)] as const;
  });

  const floor = one[named.findIndex(([name]) => name === 'C client')]?.median;
  console.log(
    '| whole process, daemon answering at once | median ms | × C client | RSS MB | minor faults |\n| --- | --- | --- | --- | --- |',
  );
  for (const [index, [name]] of named.entries()) {
    const timing = one[index];
    if (timing === undefined) continue;
    const ratio = floor === undefined ? '' : (timing.median / floor).toFixed(1);
    console.log(
      `| ${name} | ${(timing.median / 1000).toFixed(2)} | ${ratio} | ${(timing.rssKb / 1024).toFixed(0)} | ${timing.faults} |`,
    );
  }
  console.log(
    `| ten claude-slack-hook at once, to the last answer | ${((ten[0]?.median ?? 0) / 1000).toFixed(1)} | | | |`,
  );
  if (ten[1] !== undefined)
    console.log(`| ten C clients at once, to the last answer | ${(ten[1].median / 1000).toFixed(1)} | | | |`);
  await wholeLoop();
}

interface Loop {
  readonly coldMs: number;
  readonly clickMs: readonly number[];
  readonly rss: number;
}

/** Cold start, click and daemon, against the local Slack in this process. */
async function wholeLoop(): Promise<void> {
  const loops: Loop[] = [];
  while (loops.length < 10) loops.push(await loop(String(loops.length)));
  console.log(`\n| whole loop, local Slack | |\n| --- | --- |`);
  console.log(`| cold start to posted message, median ms | ${median(loops.map(({ coldMs }) => coldMs)).toFixed(0)} |`);
  console.log(
    `| click to stdout while edits take 800 ms, median ms | ${median(loops.flatMap(({ clickMs }) => clickMs)).toFixed(1)} |`,
  );
  console.log(`| daemon RSS, MB | ${(Math.max(...loops.map(({ rss }) => rss)) / 1_048_576).toFixed(0)} |`);
}

/** One life of a daemon, in which it is asked twice. */
async function loop(name: string): Promise<Loop> {
  const home = mkdtempSync(join(dir, 'home-'));
  const slack = await createEmulator();
  const env = {
    PATH: '/usr/bin:/bin',
    HOME: home,
    TMPDIR: home,
    SLACK_API_URL: slack.apiUrl,
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_APP_TOKEN: slack.appToken,
    SLACK_USER_ID: slack.user.id,
  };
  try {
    const clickMs: number[] = [];
    const startedAt = performance.now();
    const hook = Bun.spawn([BINARY], { env, stdin: Bun.file(PAYLOAD), stdout: 'pipe' });
    const card = await slack.waitForMessage(({ blocks }: EmulatedMessage) =>
      blocks.some(({ type }) => type === 'actions'),
    );
    const coldMs = performance.now() - startedAt;
    // Of another session: requests of one that wait together share a message.
    const other = JSON.stringify({ ...JSON.parse(readFileSync(PAYLOAD, 'utf8')), session_id: `other-${name}` });
    const first = Bun.spawn([BINARY], { env, stdin: new Blob([other]), stdout: 'pipe' });
    const second = await slack.waitForMessage(
      (message) => message.ts !== card.ts && message.blocks.some(({ type }) => type === 'actions'),
    );
    // No edit of a message stands between a press and the answer.
    slack.fault('chat.update', { kind: 'delay', ms: 800 }, Number.POSITIVE_INFINITY);
    for (const [process, message] of [
      [hook, card],
      [first, second],
    ] as const) {
      const pressedAt = performance.now();
      void slack.click({ channel: message.channel, ts: message.ts, actionId: 'csh_approve' });
      const { value } = await process.stdout.getReader().read();
      if (value !== undefined) clickMs.push(performance.now() - pressedAt);
      await process.exited;
    }
    const rss = rssOf(Number(readFileSync(join(home, 'claude-slack-approval/server.pid'), 'utf8')));
    await Bun.spawn([BINARY, '--stop'], { env, stdout: 'ignore' }).exited;
    return { coldMs, clickMs, rss };
  } finally {
    killProcessesOf(home);
    await slack.stop();
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function withDaemon<T>(body: () => Promise<T>): Promise<T> {
  const daemon = answeringDaemon();
  try {
    await isListening();
    return await body();
  } finally {
    daemon.stop();
  }
}

/** Resolves when the answering daemon has its socket. */
async function isListening(): Promise<void> {
  const bound = performance.now() + START_MS;
  while (!existsSync(join(dir, 'claude-slack-approval/approval.sock'))) {
    if (performance.now() > bound) throw new Error(`Expected a daemon to listen within ${START_MS} ms`);
    await Bun.sleep(2);
  }
}

/** A daemon that answers every line at once, in both forms of the protocol, and knows the app's key; its PID file names this process. */
function answeringDaemon(): { stop(): void } {
  const base = join(dir, 'claude-slack-approval');
  mkdirSync(base, { mode: 0o700 });
  writeFileSync(join(base, 'server.pid'), `${process.pid}\n`);
  const socket = join(base, 'approval.sock');
  const { botToken, appToken, apiUrl, configFile } = resolveSettings({}, ENV);
  if (botToken === undefined || appToken === undefined) throw new Error('Expected tokens');
  const app = appFingerprint({ botToken, appToken, apiUrl, configFile });
  const paths = appPaths(ENV, appKey(appToken, apiUrl));
  mkdirSync(paths.dir, { recursive: true, mode: 0o700 });
  const { key } = writeRecord(paths.record, socket);
  const script = `
    import { proofOf } from ${JSON.stringify(join(ROOT, 'src/daemon-record.ts'))};
    process.umask(0o177);
    const line = (value) => JSON.stringify(value) + '\\n';
    const own = (reply) => line({ claude_slack_hook: reply });
    const outcome = own({ type: 'outcome', outcome: { kind: 'allowed', by: 'U1', via: 'Slack', at: 1 } });
    const plain = line({ hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'allow' } });
    const answer = (text) => {
      const challenge = /"challenge":"([^"]+)"/.exec(text)?.[1];
      if (challenge === undefined) return text.includes('claude_slack_hook') ? outcome : plain;
      const proof = proofOf(${JSON.stringify(key)}, 'daemon', challenge);
      return own({ type: 'hello', proof, version: ${JSON.stringify(VERSION)}, app: ${JSON.stringify(app)} });
    };
    Bun.listen({ unix: ${JSON.stringify(socket)}, socket: { data: (socket, chunk) => {
      if (chunk[chunk.length - 1] === 10) socket.write(answer(chunk.toString()));
    } } });
    `;
  const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'ignore', stderr: 'inherit' });
  return { stop: () => child.kill() };
}

async function time(commands: readonly string[], rounds: number, atOnce: number): Promise<readonly Timing[]> {
  const env = ENV;
  const stdin = join(dir, 'payload.json');
  writeFileSync(stdin, `${JSON.stringify(JSON.parse(readFileSync(PAYLOAD, 'utf8')))}\n`);
  const check = Bun.spawnSync([BINARY], { env, stdin: Bun.file(stdin) });
  if (!check.stdout.includes('"allow"')) throw new Error(`Expected the hook to get its answer, got ${check.stderr}`);
  const runner = await compileC('runner');
  if (runner !== undefined) {
    const child = Bun.spawn([runner, String(rounds), String(atOnce), stdin, ...commands], {
      env,
      stdout: 'pipe',
      stderr: 'inherit',
    });
    const text = await child.stdout.text();
    if ((await child.exited) !== 0) throw new Error('The benchmark’s runner failed');
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Timing);
  }
  const took = commands.map(() => [] as number[]);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, command] of commands.entries()) {
      const from = performance.now();
      const all = Array.from(
        { length: atOnce },
        () => Bun.spawn(command.split('\t'), { env, stdin: Bun.file(stdin), stdout: 'ignore' }).exited,
      );
      await Promise.all(all);
      took[index]?.push((performance.now() - from) * 1000);
    }
  }
  return took.map((values) => ({
    median: median(values),
    low: Math.min(...values),
    rssKb: Number.NaN,
    faults: Number.NaN,
  }));
}

async function compileC(name: 'client' | 'runner'): Promise<string | undefined> {
  const cc = Bun.which('cc');
  if (cc === null) return undefined;
  const out = join(dir, name);
  const flags = name === 'client' ? ['-static'] : [];
  const { exited } = Bun.spawn([cc, '-O2', ...flags, '-o', out, join(HERE, `${name}.c`)], { stderr: 'inherit' });
  return (await exited) === 0 ? out : undefined;
}

async function compileEmpty(): Promise<string> {
  const source = join(dir, 'empty.ts');
  writeFileSync(source, 'process.exit(0);\n');
  const out = join(dir, 'empty');
  const flags = [
    '--compile',
    '--minify',
    '--bytecode',
    '--format=esm',
    '--no-compile-autoload-bunfig',
    '--no-compile-autoload-dotenv',
  ];
  await Bun.spawn([process.execPath, 'build', source, ...flags, '--outfile', out], {
    stdout: 'ignore',
    stderr: 'ignore',
  }).exited;
  return out;
}
