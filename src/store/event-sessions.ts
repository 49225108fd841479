/** The list of sessions, out of what the indexes know of each: no line is read for it. */
import type { EventFilter, SessionRow } from '../events.ts';
import { breathe } from './event-files.ts';
import type { Findable } from './event-find.ts';
import type { EventIndex, IndexGroup, IndexSummary } from './event-index.ts';
import type { EventView } from './event-view.ts';

type SessionFilter = Pick<EventFilter, 'project' | 'agent' | 'from' | 'to'>;

/** What a group has within the times that are asked for. */
interface Part {
  readonly group: IndexGroup;
  readonly events: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** At most `limit`, those first that were heard of last. */
export async function listSessions(
  files: readonly Findable[],
  filter: SessionFilter,
  limit: number,
): Promise<readonly SessionRow[]> {
  const some = files.filter(({ summary }) => overlaps(summary, filter));
  const names = await latestSessions(some, filter, limit);
  if (names.length === 0) return [];
  const parts = new Map<string, Part[]>(names.map((name) => [name, []]));
  await eachView(some, (view) => {
    for (const [session, found] of parts)
      for (const group of view.index.groups({ session, agent: filter.agent, project: filter.project })) {
        const part = partOf(view.index, group, filter);
        if (part !== undefined) found.push(part);
      }
  });
  return [...parts]
    .flatMap(([session, found]) => (found.length === 0 ? [] : sessionRow(session, found)))
    .sort((a, b) => b.lastAt - a.lastAt);
}

/** Their names alone: the files that end latest are looked into first, and no more than are needed. */
async function latestSessions(files: readonly Findable[], filter: SessionFilter, limit: number): Promise<string[]> {
  let latest: [string, number][] = [];
  if (limit <= 0) return [];
  const sorted = files.toSorted((a, b) => b.summary.maxTime - a.summary.maxTime);
  await eachView(
    sorted,
    ({ index }) => {
      const times = new Map(latest);
      for (const group of index.groups({ agent: filter.agent, project: filter.project })) {
        const lastAt = partOf(index, group, filter)?.lastAt ?? Number.NEGATIVE_INFINITY;
        const before = times.get(group.session) ?? Number.NEGATIVE_INFINITY;
        if (lastAt > before) times.set(group.session, lastAt);
      }
      latest = [...times].sort(([, a], [, b]) => b - a).slice(0, limit);
    },
    ({ maxTime }) => latest.length >= limit && maxTime < (latest.at(-1)?.[1] ?? 0),
  );
  return latest.map(([session]) => session);
}

/** Opens one file after another, and lets others have their turn between them. */
async function eachView(
  files: readonly Findable[],
  work: (view: EventView) => void,
  isEnough: (summary: IndexSummary) => boolean = () => false,
): Promise<void> {
  for (const file of files) {
    if (isEnough(file.summary)) return;
    const view = file.open();
    if (view === undefined) continue;
    try {
      work(view);
    } finally {
      view.close();
    }
    await breathe();
  }
}

function overlaps(summary: IndexSummary, { from, to }: SessionFilter): boolean {
  const isBefore = from !== undefined && summary.maxTime < from;
  const isAfter = to !== undefined && summary.minTime >= to;
  return summary.lines > 0 && !isBefore && !isAfter;
}

/** Only where a group reaches beyond the times that are asked for its rows are looked at. */
function partOf(index: EventIndex, group: IndexGroup, filter: SessionFilter): Part | undefined {
  const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = filter;
  const { events, firstAt, lastAt } = group;
  if (firstAt >= from && lastAt < to) return { group, events, firstAt, lastAt };
  if (lastAt < from || firstAt >= to) return undefined;
  const part = { group, events: 0, firstAt: Number.POSITIVE_INFINITY, lastAt: Number.NEGATIVE_INFINITY };
  for (const number of index.rowsOf([group])) {
    const { time } = index.row(number);
    if (time < from || time >= to) continue;
    part.events += 1;
    part.firstAt = Math.min(part.firstAt, time);
    part.lastAt = Math.max(part.lastAt, time);
  }
  return part.events === 0 ? undefined : part;
}

/** Agent and project are those that were named last. */
function sessionRow(session: string, parts: readonly Part[]): SessionRow {
  const latest = parts.toSorted((a, b) => b.lastAt - a.lastAt).map(({ group }) => group);
  return {
    session,
    agent: latest.find(({ agent }) => agent !== null)?.agent ?? null,
    project: latest.find(({ project }) => project !== null)?.project ?? null,
    events: parts.reduce((sum, { events }) => sum + events, 0),
    firstAt: Math.min(...parts.map(({ firstAt }) => firstAt)),
    lastAt: Math.max(...parts.map(({ lastAt }) => lastAt)),
  };
}
