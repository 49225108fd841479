/** Finds events: file by file, by what the indexes say, and reads only lines that may be meant. */
import type { EventFilter, EventRecord } from '../events.ts';
import { breathe } from './event-files.ts';
import type { EventIndex, GroupFilter, IndexRow, IndexSummary } from './event-index.ts';
import { isOfKind, kindTest, readEvent } from './event-lines.ts';
import type { EventView } from './event-view.ts';

/** A file that can be looked into; `open` gives undefined where it has been deleted since. */
export interface Findable {
  readonly summary: IndexSummary;
  open(): EventView | undefined;
}

export type Order = 'newest' | 'oldest';

/** At most `limit` events, by `seq`. Closes what it opens. */
export async function findEvents(
  files: readonly Findable[],
  filter: EventFilter,
  limit: number,
  order: Order,
): Promise<readonly EventRecord[]> {
  let found: readonly EventRecord[] = [];
  if (limit <= 0) return found;
  const first = order === 'newest' ? ({ maxSeq }: IndexSummary) => -maxSeq : ({ minSeq }: IndexSummary) => minSeq;
  const byOrder = (a: { seq: number }, b: { seq: number }): number =>
    order === 'newest' ? b.seq - a.seq : a.seq - b.seq;
  for (const file of files.toSorted((a, b) => first(a.summary) - first(b.summary))) {
    const last = found.length >= limit ? found.at(-1)?.seq : undefined;
    // All that follow begin later still: files seldom overlap, but clocks are put back.
    if (last !== undefined && first(file.summary) > (order === 'newest' ? -last : last)) break;
    if (!canHold(file.summary, filter)) continue;
    const view = file.open();
    if (view === undefined) continue;
    try {
      const more = await findIn(view, within(filter, last, order), limit, order);
      found = [...found, ...more].sort(byOrder).slice(0, limit);
    } finally {
      view.close();
    }
  }
  return found;
}

/** Nothing is wanted beyond the last of those that are found already. */
function within(filter: EventFilter, last: number | undefined, order: Order): EventFilter {
  if (last === undefined) return filter;
  return order === 'newest'
    ? { ...filter, afterSeq: Math.max(last, filter.afterSeq ?? last) }
    : { ...filter, beforeSeq: Math.min(last, filter.beforeSeq ?? last) };
}

function canHold(summary: IndexSummary, filter: EventFilter): boolean {
  const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY, afterSeq, beforeSeq } = filter;
  return (
    summary.lines > 0 &&
    summary.maxTime >= from &&
    summary.minTime < to &&
    (afterSeq === undefined || summary.maxSeq > afterSeq) &&
    (beforeSeq === undefined || summary.minSeq < beforeSeq) &&
    (summary.approvals > 0 || !isOfApprovals(filter))
  );
}

function isOfApprovals({ kind }: EventFilter): boolean {
  return kind?.startsWith('approval.') === true;
}

/** Lines that are read at once: few at first, because most look for few. */
const FIRST_LINES = 64;
const MOST_LINES = 1024;
const MOST_BYTES = 1024 * 1024;
/** Rows of an index that are looked at before others get their turn. */
const PAUSE_ROWS = 8192;

async function findIn(view: EventView, filter: EventFilter, limit: number, order: Order): Promise<EventRecord[]> {
  const found: EventRecord[] = [];
  for await (const events of eventsIn(view, filter, order)) {
    found.push(...events.slice(0, limit - found.length));
    if (found.length >= limit) break;
  }
  return found;
}

/** All events of one file that are meant, in their order, some at a time. */
export async function* eventsIn(
  view: EventView,
  filter: EventFilter,
  order: Order,
): AsyncGenerator<readonly EventRecord[], void, undefined> {
  const isWanted = rowTest(filter);
  const meets = eventTest(filter);
  let batch: IndexRow[] = [];
  let bytes = 0;
  let most = FIRST_LINES;
  let looked = 0;
  const read = async (): Promise<readonly EventRecord[]> =>
    (await view.lines(batch)).flatMap((line) => meets(line) ?? []);
  for (const number of rowsFor(view.index, filter, order)) {
    looked += 1;
    if (looked % PAUSE_ROWS === 0) await breathe();
    const row = view.index.row(number);
    if (!isWanted(row)) continue;
    batch.push(row);
    bytes += row.length;
    if (batch.length < most && bytes < MOST_BYTES) continue;
    yield await read();
    batch = [];
    bytes = 0;
    most = Math.min(MOST_LINES, most * 2);
  }
  yield await read();
}

/** The rows that can be meant as far as their groups and `seq` tell, first those that are wanted first. Decided at once. */
function rowsFor(index: EventIndex, filter: EventFilter, order: Order): Iterable<number> {
  const groups = groupFilter(filter);
  const rows = groups === undefined ? undefined : index.rowsOf(index.groups(groups));
  const count = rows?.length ?? index.summary.lines;
  const at = (nth: number): number => rows?.[nth] ?? index.rowAt(nth);
  const seqAt = (nth: number): number => index.row(at(nth)).seq;
  const { afterSeq, beforeSeq } = filter;
  const start = afterSeq === undefined ? 0 : firstWhere(count, (nth) => seqAt(nth) > afterSeq);
  const end = beforeSeq === undefined ? count : firstWhere(count, (nth) => seqAt(nth) >= beforeSeq);
  return inOrder(at, start, end, order);
}

function* inOrder(at: (nth: number) => number, start: number, end: number, order: Order): Generator<number> {
  if (order === 'oldest') for (let nth = start; nth < end; nth += 1) yield at(nth);
  else for (let nth = end - 1; nth >= start; nth -= 1) yield at(nth);
}

/** The first of so many for which something holds that holds for all after it. */
function firstWhere(count: number, holds: (nth: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function groupFilter(filter: EventFilter): GroupFilter | undefined {
  const { session, agent, project } = filter;
  const isApproval = isOfApprovals(filter);
  if (session === undefined && agent === undefined && project === undefined && !isApproval) return undefined;
  return { session, agent, project, isApproval };
}

/** What can be told without the line. */
function rowTest({ from, to, kind }: EventFilter): (row: IndexRow) => boolean {
  const isKind = kind === undefined ? () => true : kindTest(kind);
  return (row) => (from === undefined || row.time >= from) && (to === undefined || row.time < to) && isKind(row.kind);
}

/** The event of a line when it is meant. A line that cannot hold what is looked for is not parsed. */
function eventTest({ type, tool, text, kind }: EventFilter): (line: string) => EventRecord | undefined {
  const parts = [type, tool].flatMap((wanted) => (wanted === undefined ? [] : JSON.stringify(wanted)));
  const needle = text?.toLowerCase();
  // In a line such characters stand as they are.
  const isPlain = needle !== undefined && /^[ !#-[\]-~]*$/.test(needle);
  return (line) => {
    if (!parts.every((part) => line.includes(part))) return undefined;
    if (isPlain && !line.toLowerCase().includes(needle)) return undefined;
    const event = readEvent(line);
    if (event === undefined) return undefined;
    const isMeant =
      (type === undefined || event.event_type === type) &&
      (tool === undefined || event.tool === tool) &&
      (kind === undefined || isOfKind(event.kind, kind)) &&
      (needle === undefined || holdsText(event, needle));
    return isMeant ? event : undefined;
  };
}

function holdsText(event: EventRecord, needle: string): boolean {
  const texts = [event.event_type, event.session_id, event.tool, event.project, JSON.stringify(event.data)];
  return texts.some((text) => text?.toLowerCase().includes(needle) === true);
}
