/** Ten thousand requests with trouble of every kind around each hundred: everyone is answered once, and nothing is left over. */
import type { EmulatedCall } from '../../src/emulator/emulator-types.ts';
import type { TestBench } from '../e2e/bench.ts';
import { type Asked, ask, indexIn } from './asking.ts';
import { warmUp } from './burst.ts';
import { daemonOf, descriptorsOf, rssMbOf, statusOf } from './daemon.ts';
import { createPeople, type People } from './people.ts';
import { atMost, exactly, passed, progress, type Row, withSoak } from './soak.ts';
import { isProcess, makeTrouble, troubleOf } from './troubles.ts';

const REQUESTS = 10_000;
/** After so many, memory and descriptors are as in daily use: what is remembered of old requests is full. */
const WARM = 1_500;
const AT_ONCE = 24;
/** By then connections that nobody uses any more are closed, on either side, and memory that is not used has been given back. */
const REST_MS = 30_000;
const GROWTH_MB = 10;
const GROWTH_DESCRIPTORS = 2;

interface AtRest {
  readonly rssMb: number;
  readonly descriptors: number;
}

export function requests(): Promise<readonly Row[]> {
  return withSoak(async (bench) => {
    await warmUp(bench);
    const pid = await daemonOf(bench);
    const all = new Map<number, Asked>();
    const people = createPeople(bench, all);
    const startedAt = performance.now();
    await askAll(bench, people, all, WARM);
    const warm = await rest(pid);
    await askAll(bench, people, all, REQUESTS);
    people.stop();
    const seconds = (performance.now() - startedAt) / 1000;
    const end = await rest(pid);
    progress(`${Math.round(REQUESTS / seconds)} requests a second, rests included`);
    const status = await statusOf(bench);
    return [
      ...endingRows([...all.values()]),
      troubleRow(bench),
      exactly('pending at the end', status?.pending ?? 'no daemon', 0),
      exactly('daemon still the same', status?.pid ?? 'no daemon', pid),
      atMost(
        `memory at rest, from ${Math.round(warm.rssMb)} MB after ${WARM}, growth`,
        end.rssMb - warm.rssMb,
        GROWTH_MB,
        'MB',
      ),
      atMost(
        `descriptors at rest, from ${warm.descriptors} after ${WARM}, growth`,
        end.descriptors - warm.descriptors,
        GROWTH_DESCRIPTORS,
        'of them',
      ),
      ...(await auditRows(bench, all)),
    ];
  });
}

/** Asks until there were so many, at most AT_ONCE at a time. */
async function askAll(bench: TestBench, people: People, all: Map<number, Asked>, count: number): Promise<void> {
  const work = async (): Promise<void> => {
    while (all.size < count) {
      const index = all.size;
      const asked: Asked = { index, trouble: troubleOf(index), pressed: new Set(), ending: undefined };
      all.set(index, asked);
      makeTrouble(bench, index);
      await ask(bench, asked);
      await people.pressLate(asked);
      if (index % 1_000 === 0) progress(`${index} asked`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function rest(pid: number): Promise<AtRest> {
  await passed(REST_MS);
  return { rssMb: rssMbOf(pid), descriptors: descriptorsOf(pid) };
}

function endingRows(all: readonly Asked[]): readonly Row[] {
  const bad = all.filter((asked) => !isFine(asked));
  for (const { index, trouble, ending, pressed } of bad.slice(0, 20))
    progress(`request ${index} (${trouble}) ended as ${ending}, pressed was ${[...pressed].join(' and ')}`);
  const count = (...wanted: readonly Asked['ending'][]): number =>
    all.filter(({ ending }) => wanted.includes(ending)).length;
  return [
    {
      what: `${all.length} requests, ${all.filter(({ index }) => isProcess(index)).length} of them processes`,
      bound: `each answered once as pressed, or killed; at most ${all.length / 100} failed`,
      measured: `${count('allow', 'deny')} answered, ${count('failed')} failed, ${count('killed')} killed, ${bad.length} otherwise`,
      ok: bad.length === 0 && count('failed') <= all.length / 100,
    },
  ];
}

/** What came through of what Slack was to do: a run without trouble would prove nothing. */
function troubleRow({ slack }: TestBench): Row {
  const calls = slack.calls();
  const count = (method: string, error: unknown): number =>
    calls.filter((call) => call.method === method && call.response.error === error && call.response.ok !== true).length;
  const wanted = REQUESTS / 100;
  const made = [
    { what: '429', times: count('chat.postMessage', 'ratelimited'), wanted },
    { what: 'invalid_blocks', times: count('chat.postMessage', 'invalid_blocks'), wanted },
    // 500, a page of HTML, and every other hang; the other hangs take effect.
    { what: 'posts without an answer', times: count('chat.postMessage', undefined), wanted: wanted * 2.5 },
    { what: 'failed edits', times: calls.filter(isFailedEdit).length, wanted },
    // Two kinds; some hit the same connection.
    { what: 'new connections', times: slack.connectionsEver() - 1, wanted: wanted * 1.5 },
  ];
  return {
    what: 'trouble that came through',
    bound: made.map(({ what, wanted: least }) => `≥ ${least} ${what}`).join(', '),
    measured: made.map(({ times }) => times).join(', '),
    ok: made.every(({ times, wanted: least }) => times >= least),
  };
}

function isFailedEdit({ method, response }: EmulatedCall): boolean {
  return method === 'chat.update' && response.ok !== true;
}

/** Killed only when we did it; an answer is one that was pressed. */
function isFine({ ending, trouble, pressed }: Asked): boolean {
  if (ending === 'killed') return trouble === 'hook-sigkill' || trouble === 'hook-sigterm';
  if (ending === 'allow') return pressed.has('csh_approve');
  if (ending === 'deny') return pressed.has('csh_deny');
  return ending === 'failed';
}

/** The chain is whole, and says of every request what its hook said. */
async function auditRows({ run }: TestBench, all: ReadonlyMap<number, Asked>): Promise<readonly Row[]> {
  const { stdout, exitCode, stderr } = await run(['history', 'verify']);
  const listed = await run(['history', '--json', '--limit', '100000']);
  const past = listed.stdout.split('\n').filter((line) => line !== '');
  const seen = new Map<number, string[]>();
  for (const line of past) {
    const { call, outcome } = JSON.parse(line);
    const index = indexIn(String(call));
    seen.set(index, [...(seen.get(index) ?? []), String(outcome)]);
  }
  const wrong = [...all.values()].filter((asked) => !agrees(asked, seen.get(asked.index) ?? []));
  for (const { index, trouble, ending } of wrong.slice(0, 20))
    progress(`request ${index} (${trouble}) ended as ${ending}, recorded is ${seen.get(index)?.join(' and ')}`);
  return [
    { what: 'history verify', bound: 'ok', measured: (stdout || stderr).split(/[;\n]/)[0] ?? '', ok: exitCode === 0 },
    exactly('records that say otherwise than the hook', wrong.length, 0),
  ];
}

function agrees({ ending }: Asked, outcomes: readonly string[]): boolean {
  // Killed before it had asked, or between the answer and its saying so.
  if (ending === 'killed') return outcomes.every((outcome) => ['withdrawn', 'allowed', 'denied'].includes(outcome));
  const [outcome, ...more] = outcomes;
  if (more.length > 0) return false;
  if (ending === 'allow') return outcome === 'allowed';
  if (ending === 'deny') return outcome === 'denied';
  return outcome !== 'allowed';
}
