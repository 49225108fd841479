/** 100 hooks at one instant and no daemon, five times; in most rounds some of them and of the daemons are killed on the way. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BINARY, type Hook, payload, socketOf, type TestBench } from '../e2e/bench.ts';
import { createBarrier } from './barrier.ts';
import { press, watchCards } from './cards.ts';
import { watchListeners } from './daemon.ts';
import { type Ending, endingOf, reasonsOf } from './hooks.ts';
import { exactly, passed, progress, type Row, withSoak } from './soak.ts';

const HOOKS = 100;
/** When kills happen: from before the first daemon listens to when most have been answered. */
const KILLS_WITHIN_MS = 3_000;

interface Plan {
  readonly hooksKilled: number;
  readonly daemonsKilled: number;
  /** Whether the daemon of this round is killed at its end, and leaves its files to the next. */
  readonly leavesFiles: boolean;
}

const PLANS: readonly Plan[] = [
  { hooksKilled: 0, daemonsKilled: 0, leavesFiles: false },
  { hooksKilled: 25, daemonsKilled: 0, leavesFiles: true },
  { hooksKilled: 0, daemonsKilled: 3, leavesFiles: true },
  { hooksKilled: 25, daemonsKilled: 3, leavesFiles: true },
  { hooksKilled: 25, daemonsKilled: 6, leavesFiles: false },
];

interface Round {
  readonly endings: Readonly<Partial<Record<Ending, number>>>;
  readonly reasons: Readonly<Record<string, number>>;
  /** Hooks that nobody killed, and that ended in no documented way. */
  readonly undocumented: number;
  /** At most so many daemons held the lock and listened at the same time, and were connected to Slack. */
  readonly listening: number;
  readonly connected: number;
  readonly left: number;
}

export function herd(): Promise<readonly Row[]> {
  return withSoak(async (bench) => {
    const rounds: Round[] = [];
    for (const [index, plan] of PLANS.entries()) {
      rounds.push(await stampede(bench, index, plan));
      progress(`round ${index + 1}: ${JSON.stringify(rounds.at(-1))}`);
    }
    const most = (of: (round: Round) => number): number => Math.max(...rounds.map(of));
    return [
      exactly(
        'daemons listening at the same time, at most',
        most(({ listening }) => listening),
        1,
      ),
      exactly(
        'daemons connected to Slack at the same time, at most',
        most(({ connected }) => connected),
        1,
      ),
      exactly(
        'daemons left after a round, at most',
        most(({ left }) => left),
        1,
      ),
      {
        what: `${PLANS.length} rounds of ${HOOKS} hooks: allowed/failed/killed`,
        bound: 'nobody in another way',
        measured: rounds.map(inWords).join(', '),
        ok: rounds.every(({ undocumented }) => undocumented === 0),
      },
    ];
  });
}

function inWords({ endings: { allow = 0, failed = 0, killed = 0 }, undocumented }: Round): string {
  return `${allow}/${failed}/${killed}${undocumented === 0 ? '' : ` and ${undocumented} wrong`}`;
}

async function stampede(bench: TestBench, index: number, plan: Plan): Promise<Round> {
  const { slack, until } = bench;
  const barrier = createBarrier(bench, `herd-${index}`);
  const hooks = Array.from({ length: HOOKS }, (_, number) => {
    const path = join(bench.home, `input-${index}-${number}`);
    writeFileSync(path, JSON.stringify(payload('PreToolUse.Bash')));
    return bench.hook('', { command: barrier.command([BINARY], path) });
  });
  await barrier.full(HOOKS);
  let isOver = false;
  const stopPressing = watchCards(slack, (card) => void press(slack, card, 'csh_approve', {}, () => isOver));
  const listeners = watchListeners(socketOf(bench));
  const connections = watchMost(() => slack.connections());
  barrier.open();
  const killed = new Set<Hook>();
  await Promise.all([
    ...picked(hooks, plan.hooksKilled).map((hook) => killHook(hook, killed)),
    ...Array.from({ length: plan.daemonsKilled }, () => killDaemon(bench)),
  ]);
  const ran = await Promise.all(hooks.map(({ ended }) => ended));
  const endings = ran.map(endingOf);
  // Those that came too late for the lock see so and go.
  await until(() => bench.daemons().length <= 1, 'no more than one daemon');
  isOver = true;
  stopPressing();
  const round = {
    endings: countOf(endings),
    reasons: reasonsOf(ran),
    undocumented: endings.filter((ending, at) => !isDocumented(ending, killed.has(hooks[at] as Hook))).length,
    listening: listeners.stop(),
    connected: connections.stop(),
    left: bench.daemons().length,
  };
  if (plan.leavesFiles) for (const pid of bench.daemons()) process.kill(pid, 'SIGKILL');
  else await bench.run(['--stop']);
  await until(() => bench.daemons().length === 0, 'the daemon to end');
  return round;
}

async function killHook(hook: Hook, killed: Set<Hook>): Promise<void> {
  await passed(Math.random() * KILLS_WITHIN_MS);
  killed.add(hook);
  hook.kill('SIGKILL');
}

/** Any one that runs as a daemon, also one that has not got the lock. */
async function killDaemon(bench: TestBench): Promise<void> {
  await passed(Math.random() * KILLS_WITHIN_MS);
  const [pid] = picked(bench.daemons(), 1);
  try {
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  } catch {
    // It had stepped back just then.
  }
}

function isDocumented(ending: Ending, wasKilled: boolean): boolean {
  return ending === 'allow' || ending === 'failed' || (wasKilled && ending === 'killed');
}

function countOf(endings: readonly Ending[]): Partial<Record<Ending, number>> {
  const counts: Partial<Record<Ending, number>> = {};
  for (const ending of endings) counts[ending] = (counts[ending] ?? 0) + 1;
  return counts;
}

function picked<T>(from: readonly T[], count: number): readonly T[] {
  return from.toSorted(() => Math.random() - 0.5).slice(0, count);
}

function watchMost(value: () => number): { stop(): number } {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, value());
  }, 2);
  return {
    stop: () => {
      clearInterval(timer);
      return most;
    },
  };
}
