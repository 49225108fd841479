/** A laptop that sleeps: hooks and daemon stand still for a minute, and wake one after the other. Nobody gives up on anybody. */
import { payload, type TestBench } from '../e2e/bench.ts';
import { press } from './cards.ts';
import { daemonOf } from './daemon.ts';
import { endingOf } from './hooks.ts';
import { atMost, exactly, passed, type Row, withSoak } from './soak.ts';

const ASLEEP_MS = 60_000;
/** When each hook wakes, beside the daemon; all within the 5 s after which a silent daemon counts as hung. */
const WAKES_MS = [-2_000, -500, 0, 0, 500, 2_000];
/** Long enough for beats to have come. */
const BEFORE_MS = 3_000;
/** Longer than the silence that a hook bears. */
const AFTER_MS = 8_000;
const CONNECTED_S = 5;

type Asked = Awaited<ReturnType<TestBench['ask']>>;

export function sleep(): Promise<readonly Row[]> {
  return withSoak(async (bench) => {
    const asked: Asked[] = [];
    while (asked.length < WAKES_MS.length) asked.push(await bench.ask(payload('PreToolUse.Bash')));
    const daemon = await daemonOf(bench);
    await passed(BEFORE_MS);
    const opened = bench.slack.connectionsEver();
    for (const pid of [daemon, ...asked.map(({ hook }) => hook.pid)]) process.kill(pid, 'SIGSTOP');
    await passed(ASLEEP_MS);
    const connectedMs = await wake(bench, daemon, asked, opened);
    await passed(AFTER_MS);
    const waiting = await Promise.all(asked.map(isWaiting));
    await Promise.all(asked.map(({ card }) => press(bench.slack, card, 'csh_approve')));
    const endings = await Promise.all(asked.map(({ hook }) => hook.ended));
    const inWords = `after ${ASLEEP_MS / 1000} s of sleep:`;
    return [
      exactly(
        `${inWords} hooks that still wait ${AFTER_MS / 1000} s later`,
        waiting.filter(Boolean).length,
        asked.length,
      ),
      exactly(
        `${inWords} hooks allowed by a press`,
        endings.filter((ran) => endingOf(ran) === 'allow').length,
        asked.length,
      ),
      atMost(`${inWords} connected to Slack again`, connectedMs / 1000, CONNECTED_S, 's'),
    ];
  });
}

/** Wakes everybody at their time; resolves with how long the daemon then took to be connected. */
async function wake(
  { slack, until }: TestBench,
  daemon: number,
  asked: readonly Asked[],
  opened: number,
): Promise<number> {
  const from = performance.now() - Math.min(...WAKES_MS);
  const sleepers = [
    { pid: daemon, at: 0 },
    ...asked.map(({ hook }, index) => ({ pid: hook.pid, at: WAKES_MS[index] ?? 0 })),
  ];
  // Slack has given up on a connection that answered no pings; a shorter sleep would leave it open.
  const connected = until(() => slack.connectionsEver() > opened, 'a new connection', 30_000);
  const took = connected.then(() => performance.now() - from);
  for (const { pid, at } of sleepers.toSorted((a, b) => a.at - b.at)) {
    await passed(from + at - performance.now());
    process.kill(pid, 'SIGCONT');
  }
  return took;
}

async function isWaiting({ hook }: Asked): Promise<boolean> {
  return Promise.race([hook.ended.then(() => false), passed(0).then(() => true)]);
}
