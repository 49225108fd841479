/** 200 daemons at one instant, ten times, where there was none and where one died: exactly one listens, all others step back. */
import { SERVER_ENV } from '../../src/daemon.ts';
import { READY_ENV, type Readiness } from '../../src/readiness.ts';
import { BINARY, socketOf, type TestBench } from '../e2e/bench.ts';

import { createBarrier } from './barrier.ts';
import { daemonOf, watchListeners } from './daemon.ts';
import { exactly, progress, type Row, withSoak } from './soak.ts';

const ROUNDS = 10;
const LAUNCHES = 200;
const READY_FD = 3;

interface Round {
  /** What each launch reported; `silent` when it ended without a word. */
  readonly said: readonly (Readiness['state'] | 'silent')[];
  /** At most so many sockets listened at the same time. */
  readonly atOnce: number;
  /** Connections to Slack that were opened. */
  readonly connections: number;
  readonly winners: number;
}

export function locks(): Promise<readonly Row[]> {
  return withSoak(async (bench) => {
    const rounds: Round[] = [];
    for (let index = 0; index < ROUNDS; index += 1) {
      rounds.push(await race(bench, index));
      progress(`round ${index + 1} of ${ROUNDS}: ${JSON.stringify(countOf(rounds.at(-1)?.said ?? []))}`);
    }
    const hasOne = rounds.filter(({ said }) => countOf(said).listening === 1).length;
    const haveStepped = rounds.filter(({ said }) => countOf(said).busy === LAUNCHES - 1).length;
    return [
      exactly(`rounds of ${LAUNCHES} launches with exactly one “listening”`, hasOne, ROUNDS),
      exactly('of them, where all others said “busy”', haveStepped, ROUNDS),
      exactly(
        'daemons alive after each',
        rounds.map(({ winners }) => winners).join(' '),
        Array(ROUNDS).fill(1).join(' '),
      ),
      exactly('sockets listening at the same time, at most', Math.max(...rounds.map(({ atOnce }) => atOnce)), 1),
      exactly(
        'connections to Slack, all rounds',
        rounds.reduce((sum, each) => sum + each.connections, 0),
        ROUNDS,
      ),
    ];
  });
}

/** Every other round finds what a daemon leaves that was killed. */
async function race(bench: TestBench, index: number): Promise<Round> {
  const { slack, until } = bench;
  const before = slack.connectionsEver();
  const barrier = createBarrier(bench, `round-${index}`);
  const launched = Array.from({ length: LAUNCHES }, () => launch(bench, barrier.command([BINARY, 'daemon'])));
  try {
    await barrier.full(LAUNCHES);
    const listeners = watchListeners(socketOf(bench));
    barrier.open();
    const said = await Promise.all(launched.map(readiness));
    await until(() => slack.connectionsEver() > before, 'the winner to connect');
    const atOnce = listeners.stop();
    // Whoever stepped back has to go, too.
    const isLeft = () => launched.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    await until(() => isLeft().length <= 1, 'the losers to end');
    const winners = isLeft().length;
    if (index % 2 === 0) process.kill(await daemonOf(bench), 'SIGKILL');
    else await bench.run(['--stop']);
    await until(() => isLeft().length === 0, 'the winner to end');
    return { said, atOnce, winners, connections: slack.connectionsEver() - before };
  } finally {
    for (const child of launched) child.kill('SIGKILL');
  }
}

function launch({ env }: TestBench, command: readonly string[]) {
  return Bun.spawn([...command], {
    cwd: '/',
    env: { ...env, [SERVER_ENV]: '1', [READY_ENV]: String(READY_FD) },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
}

async function readiness({ stdio }: ReturnType<typeof launch>): Promise<Round['said'][number]> {
  const fd: unknown = stdio[READY_FD];
  if (typeof fd !== 'number') throw new Error('Expected a pipe to the launched daemon, got none');
  const reader = Bun.file(fd).stream().getReader();
  const { value } = await reader.read();
  void reader.cancel();
  return value === undefined ? 'silent' : (JSON.parse(new TextDecoder().decode(value)) as Readiness).state;
}

function countOf(said: Round['said']): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const state of said) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}
