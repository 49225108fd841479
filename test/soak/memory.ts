/** Hostile input of every kind: the hook refuses it at once, the daemon is none the larger for it, and goes on serving. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BINARY, payload, type Ran, type TestBench } from '../e2e/bench.ts';
import { warmUp } from './burst.ts';
import { press, watchCards } from './cards.ts';
import { daemonOf, peakOf, rssMbOf } from './daemon.ts';
import { endingOf } from './hooks.ts';
import { filled, makeNoise, NOISE_LIMIT_MS, NOISES, type Noise } from './noise.ts';
import { atMost, exactly, passed, progress, type Row, withSoak } from './soak.ts';

const STDIN_BYTES = 50_000_000;
const STDIN_MS = 300;
const GROWTH_MB = 10;
/** A daemon in use: what ordinary requests cost once is not what noise costs. */
const WARM = 500;
/** Time for what was closed to be forgotten. */
const SETTLE_MS = 30_000;
/** A daemon that is silent for so long is given up by those who wait. */
const SERVED_MS = 5_000;

/** What stdin is filled with, up to its length. */
const STDINS: readonly (readonly [start: string, filler: string])[] = [
  ['{"hook_event_name":"PreToolUse","session_id":"s","cwd":"/","tool_input":{"command":"', 'x'],
  ['{"hook_event_name":"PreToolUse","tool_input":', '['],
  ['{"hook_event_name":"PreToolUse"', '}'],
  ['', '{"hook_event_name":"PreToolUse"}\n'],
  ['', '\0'],
  ['{', '\u00ff'],
];

export function memory(): Promise<readonly Row[]> {
  return withSoak(async (bench) => {
    for (let count = 0; count < WARM; count += 1) await warmUp(bench);
    const pid = await daemonOf(bench);
    await passed(SETTLE_MS);
    const before = rssMbOf(pid);
    const waiting = await bench.ask(payload('PreToolUse.Bash'));
    const rows: Row[] = [...(await feedHooks(bench, pid, before))];
    for (const noise of NOISES) rows.push(...(await beNoisy(bench, noise, pid, before)));
    await bench.press(waiting.card, 'csh_approve');
    rows.push(exactly('a hook that waited all the time', endingOf(await waiting.hook.ended), 'allow'));
    return rows;
  });
}

/** Each kind of stdin once through a pipe and once as a file. */
async function feedHooks(bench: TestBench, pid: number, before: number): Promise<readonly Row[]> {
  const path = join(bench.home, 'stdin');
  const ran: Ran[] = [];
  for (const [start, filler] of STDINS) {
    writeFileSync(path, filled(start, filler, STDIN_BYTES));
    for (const way of ['exec "$0" < "$1"', 'cat "$1" | "$0"'])
      ran.push(await bench.hook('', { command: ['/bin/sh', '-c', way, BINARY, path] }).ended);
  }
  await passed(SETTLE_MS);
  const slowest = Math.max(...ran.map(({ tookMs }) => tookMs));
  return [
    atMost(`a hook with 50 MB on stdin, slowest of ${ran.length}`, slowest, STDIN_MS, 'ms'),
    exactly('of them, refused in the documented way', ran.filter(isRefused).length, ran.length),
    atMost(`daemon after ${ran.length} × 50 MB on stdin of hooks, growth`, rssMbOf(pid) - before, GROWTH_MB, 'MB'),
  ];
}

function isRefused({ stdout, exitCode }: Ran): boolean {
  return stdout === '' ? exitCode === 2 : exitCode === 0 && stdout.includes('"permissionDecision":"ask"');
}

async function beNoisy(bench: TestBench, noise: Noise, pid: number, before: number): Promise<readonly Row[]> {
  const { kind, bytes } = noise;
  const meanwhile = serveMeanwhile(bench);
  const sent = await makeNoise(bench, noise);
  const served = await meanwhile.stop();
  await passed(SETTLE_MS);
  const what = `daemon of ${Math.round(before)} MB after ${megabytes(bytes)} MB of ${kind}, growth`;
  const grown = atMost(what, rssMbOf(pid) - before, GROWTH_MB, 'MB');
  const missing = sent >= bytes ? '' : `; took only ${megabytes(sent)} MB in ${NOISE_LIMIT_MS / 1000} s`;
  const slowest = Math.max(...served.map((ran) => (endingOf(ran) === 'allow' ? ran.tookMs : Number.POSITIVE_INFINITY)));
  const rows = [
    {
      ...grown,
      measured: `${grown.measured}, peak ${Math.round(peakOf(pid))} MB${missing}`,
      ok: grown.ok && missing === '',
    },
    atMost(`hooks allowed meanwhile, slowest of ${served.length}`, slowest, SERVED_MS, 'ms'),
  ];
  for (const { measured } of rows) progress(`${kind}: ${measured}`);
  return rows;
}

/** One hook after the other, each allowed as soon as it is shown, at least one. */
function serveMeanwhile(bench: TestBench): { stop(): Promise<readonly Ran[]> } {
  const { slack } = bench;
  let isOver = false;
  const stopPressing = watchCards(slack, (card) => void press(slack, card, 'csh_approve'));
  const work = (async (): Promise<readonly Ran[]> => {
    const served: Ran[] = [];
    do served.push(await bench.hook(payload('PreToolUse.Bash')).ended);
    while (!isOver);
    stopPressing();
    return served;
  })();
  return {
    stop: () => {
      isOver = true;
      return work;
    },
  };
}

function megabytes(bytes: number): string {
  return bytes < 10_000_000 ? (bytes / 1e6).toFixed(1) : String(Math.round(bytes / 1e6));
}
