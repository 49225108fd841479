/** Slack is away for three minutes, refusing or silent: whoever waited before is answered after it, and so is who asked meanwhile. */
import { payload, type TestBench } from '../e2e/bench.ts';
import { press, watchCards } from './cards.ts';
import { statusOf } from './daemon.ts';
import { endingOf } from './hooks.ts';
import { atMost, exactly, passed, type Row, withSoak } from './soak.ts';

const AWAY_MS = 3 * 60_000;
const BEFORE = 5;
const MEANWHILE = 3;
const DOWN_SEEN_MS = 30_000;
const BACK_MS = 60_000;
const QUIET_MS = 1_000;
/** A call that is on its way is given 8 s, and the next try may wait 6 s. */
const SHOWN_S = 15;

interface Outage {
  readonly how: string;
  /** What Slack's return may take to be noticed. */
  readonly boundS: number;
  /** Takes Slack away, and returns what brings it back. */
  readonly begin: (bench: TestBench) => Promise<() => Promise<void>>;
}

const OUTAGES: readonly Outage[] = [
  {
    how: 'refused',
    boundS: 5,
    begin: async ({ slack }) => {
      await slack.refuse(true);
      slack.dropConnections();
      return () => slack.refuse(false);
    },
  },
  {
    how: 'silent',
    boundS: SHOWN_S,
    begin: async ({ slack }) => {
      slack.freeze(true);
      const mend = slack.fault('*', { kind: 'hang' }, Number.POSITIVE_INFINITY);
      return async () => {
        mend();
        slack.freeze(false);
      };
    },
  },
];

/** Both at once: each takes its three minutes. */
export async function outage(): Promise<readonly Row[]> {
  return (await Promise.all(OUTAGES.map(suffer))).flat();
}

function suffer({ how, boundS, begin }: Outage): Promise<readonly Row[]> {
  return withSoak(async (bench) => {
    const { slack } = bench;
    const before: Awaited<ReturnType<TestBench['ask']>>[] = [];
    while (before.length < BEFORE) before.push(await bench.ask(payload('PreToolUse.Bash')));
    // A card may be seen before the daemon has heard where it is.
    await passed(QUIET_MS);
    const shownAt: number[] = [];
    const stop = watchCards(slack, (card) => {
      shownAt.push(performance.now());
      void press(slack, card, 'csh_approve');
    });

    const end = await begin(bench);
    const awayAt = performance.now();
    await isDown(bench);
    const meanwhile = Array.from({ length: MEANWHILE }, () => bench.hook(payload('PreToolUse.Bash')));
    await passed(AWAY_MS - (performance.now() - awayAt));
    const opened = slack.connectionsEver();
    await end();
    const backAt = performance.now();
    await bench.until(() => slack.connectionsEver() > opened, 'a connection', BACK_MS);
    const recoveredMs = performance.now() - backAt;

    await Promise.all(before.map(({ card }) => press(slack, card, 'csh_approve')));
    const endings = await Promise.all([...before.map(({ hook }) => hook), ...meanwhile].map(({ ended }) => ended));
    stop();
    const allowed = endings.map((ran) => endingOf(ran) === 'allow');
    const inWords = `away for ${Math.round(AWAY_MS / 1000)} s, ${how}:`;
    return [
      exactly(`${inWords} hooks of before answered after it`, allowed.slice(0, BEFORE).filter(Boolean).length, BEFORE),
      exactly(
        `${inWords} hooks of meanwhile answered after it`,
        allowed.slice(BEFORE).filter(Boolean).length,
        MEANWHILE,
      ),
      atMost(`${inWords} connected again`, recoveredMs / 1000, boundS, 's'),
      atMost(`${inWords} last card of meanwhile shown`, (Math.max(...shownAt) - backAt) / 1000, SHOWN_S, 's'),
    ];
  });
}

/** Resolves when the daemon says that Slack is not there. */
async function isDown(bench: TestBench): Promise<void> {
  const from = performance.now();
  for (let slack = 'connected'; slack === 'connected'; slack = (await statusOf(bench))?.slack ?? '') {
    if (performance.now() - from > DOWN_SEEN_MS) throw new Error('Expected the daemon to notice that Slack is away');
    await passed(500);
  }
}
