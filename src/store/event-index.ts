/** The index of a file of events while it grows: some 60 bytes in memory for each line, in arrays that can be written out as they are. */
import type { EventRecord } from '../events.ts';
import type { AgentName } from '../types.ts';
import { type Entries, type Hash, hashOf } from './event-buckets.ts';
import { identityOf, isApproval, numberOfKind } from './event-lines.ts';

/** Where a line is, and what of it is asked for most. */
export interface IndexRow {
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Bytes, before compression. */
  readonly offset: number;
  /** Bytes, without the line break. */
  readonly length: number;
  readonly group: number;
  /** See numberOfKind. */
  readonly kind: number;
}

/** Lines that have the same session, agent and project; approvals by themselves, because they are asked for at every start. */
export interface IndexGroup {
  readonly number: number;
  readonly session: string;
  readonly agent: AgentName | null;
  readonly project: string | null;
  readonly isApproval: boolean;
  readonly events: number;
  /** Milliseconds since the epoch. */
  readonly firstAt: number;
  readonly lastAt: number;
}

export interface GroupFilter {
  readonly session?: string | undefined;
  readonly agent?: string | undefined;
  readonly project?: string | undefined;
  /** Only those of approvals. */
  readonly isApproval?: boolean | undefined;
}

/** Of an empty index the smallest numbers are infinite, and the largest minus that. */
export interface IndexSummary {
  readonly lines: number;
  /** The length of the file up to the end of the last line, before compression. */
  readonly bytes: number;
  readonly minSeq: number;
  readonly maxSeq: number;
  readonly minTime: number;
  readonly maxTime: number;
  /** Between these times are those lines that a sender has named and dated. */
  readonly namedFrom: number;
  readonly namedTo: number;
  /** All that a sender has named, and those of them that he has not dated. */
  readonly named: number;
  readonly undated: number;
  readonly approvals: number;
  readonly groups: number;
}

/** What can be asked of an index, whether it is in memory or in a file. */
export interface EventIndex {
  readonly summary: IndexSummary;
  row(number: number): IndexRow;
  /** The number of the row that is the nth in the order of `seq`. */
  rowAt(nth: number): number;
  groups(filter: GroupFilter): readonly IndexGroup[];
  /** The numbers of the groups' rows, in the order of `seq`. */
  rowsOf(groups: readonly IndexGroup[]): Uint32Array;
  /** The numbers of rows that may have an identity. */
  named(hash: Hash): readonly number[];
}

/** Bytes of a row: seq and time as 64-bit floats, then four 32-bit numbers. */
export const ROW_BYTES = 32;

/** A group as it is in memory: `last` is its newest row, from which `previous` leads to the others. */
interface GrowingGroup extends IndexGroup {
  events: number;
  firstAt: number;
  lastAt: number;
  last: number;
}

/** All that an index file is written from. */
export interface IndexContents {
  readonly summary: IndexSummary;
  /** The rows, as floats and as 32-bit numbers over the same bytes, in the order of the lines. */
  readonly floats: Float64Array;
  readonly words: Uint32Array;
  /** The numbers of the rows in the order of `seq`; undefined where they are in that order. */
  readonly order: Uint32Array | undefined;
  readonly groups: readonly IndexGroup[];
  /** Of each line that a sender has named the hash of its identity, and its row. */
  readonly named: Entries;
}

export interface GrowingIndex {
  /** A line that follows those that are there already. */
  add(event: EventRecord, offset: number, length: number): void;
  summary(): IndexSummary;
  /** What there is now: what comes later does not change what it answers about rows. */
  view(): EventIndex;
  named(hash: Hash): readonly number[];
  contents(): IndexContents;
}

const NONE = 0xffffffff;

export function createIndex(): GrowingIndex {
  let capacity = 1024;
  let floats = new Float64Array((capacity * ROW_BYTES) / 8);
  let words = new Uint32Array(floats.buffer);
  /** Of each row the one before it in its group, and the one before it with the same hash. */
  let previous = new Uint32Array(capacity);
  let order: Uint32Array<ArrayBuffer> | undefined;
  let entries = new Uint32Array(3 * 64);
  /** The same by hash: the entry that came last, and from each entry the one before it. */
  const byHash = new Map<number, number>();
  let entryBefore = new Uint32Array(64);
  const groups: GrowingGroup[] = [];
  const groupNumbers = new Map<string, number>();
  const bySession = new Map<string, number[]>();
  let latest: GrowingGroup | undefined;
  const summary = {
    lines: 0,
    bytes: 0,
    minSeq: Number.POSITIVE_INFINITY,
    maxSeq: Number.NEGATIVE_INFINITY,
    minTime: Number.POSITIVE_INFINITY,
    maxTime: Number.NEGATIVE_INFINITY,
    namedFrom: Number.POSITIVE_INFINITY,
    namedTo: Number.NEGATIVE_INFINITY,
    named: 0,
    undated: 0,
    approvals: 0,
    groups: 0,
  };

  const grow = (): void => {
    capacity *= 2;
    const more = new Float64Array((capacity * ROW_BYTES) / 8);
    more.set(floats);
    floats = more;
    words = new Uint32Array(floats.buffer);
    previous = enlarged(previous, capacity);
    if (order !== undefined) order = enlarged(order, capacity);
  };

  const groupOf = (event: EventRecord): GrowingGroup => {
    const ofApproval = isApproval(event);
    const { session_id: session, agent, project } = event;
    const isLatest =
      latest?.session === session &&
      latest.agent === agent &&
      latest.project === project &&
      latest.isApproval === ofApproval;
    if (latest !== undefined && isLatest) return latest;
    const key = `${session}\u0000${agent}\u0000${project === null ? '' : `=${project}`}\u0000${ofApproval}`;
    let number = groupNumbers.get(key);
    if (number === undefined) {
      number = groups.length;
      groupNumbers.set(key, number);
      const others = bySession.get(session);
      if (others === undefined) bySession.set(session, [number]);
      else others.push(number);
      groups.push({
        number,
        session,
        agent,
        project,
        isApproval: ofApproval,
        events: 0,
        firstAt: Number.POSITIVE_INFINITY,
        lastAt: Number.NEGATIVE_INFINITY,
        last: NONE,
      });
      summary.groups += 1;
    }
    latest = groups[number] as GrowingGroup;
    return latest;
  };

  /** Puts a row that came too late where it belongs. */
  const insert = (row: number, seq: number): void => {
    order ??= Uint32Array.from({ length: capacity }, (_, number) => number);
    let at = 0;
    for (let end = row; at < end; ) {
      const middle = (at + end) >>> 1;
      if ((floats[(order[middle] ?? 0) * 4] ?? 0) > seq) end = middle;
      else at = middle + 1;
    }
    order.copyWithin(at + 1, at, row);
    order[at] = row;
  };

  const addNamed = (event: EventRecord, identity: string, time: number, row: number): void => {
    const entry = summary.named;
    const hash = hashOf(identity);
    if (entry === entryBefore.length) {
      entryBefore = enlarged(entryBefore, entry * 2);
      entries = enlarged(entries, entry * 6);
    }
    entries.set([hash.high, hash.low, row], entry * 3);
    entryBefore[entry] = byHash.get(keyOf(hash)) ?? NONE;
    byHash.set(keyOf(hash), entry);
    summary.named += 1;
    if (event.is_undated) summary.undated += 1;
    else {
      summary.namedFrom = Math.min(summary.namedFrom, time);
      summary.namedTo = Math.max(summary.namedTo, time);
    }
  };

  const named = (hash: Hash): number[] => {
    const rows: number[] = [];
    for (let entry = byHash.get(keyOf(hash)) ?? NONE; entry !== NONE; entry = entryBefore[entry] ?? NONE)
      rows.push(entries[entry * 3 + 2] ?? 0);
    return rows;
  };

  return {
    add: (event, offset, length) => {
      const row = summary.lines;
      if (row === capacity) grow();
      const time = Date.parse(event.timestamp);
      const group = groupOf(event);
      floats[row * 4] = event.seq;
      floats[row * 4 + 1] = time;
      words[row * 8 + 4] = offset;
      words[row * 8 + 5] = length;
      words[row * 8 + 6] = group.number;
      words[row * 8 + 7] = numberOfKind(event.kind);
      previous[row] = group.last;
      group.last = row;
      group.events += 1;
      group.firstAt = Math.min(group.firstAt, time);
      group.lastAt = Math.max(group.lastAt, time);
      if (event.seq < summary.maxSeq) insert(row, event.seq);
      else if (order !== undefined) order[row] = row;
      const identity = identityOf(event);
      if (identity !== undefined) addNamed(event, identity, time, row);
      summary.lines += 1;
      summary.bytes = offset + length + 1;
      summary.minSeq = Math.min(summary.minSeq, event.seq);
      summary.maxSeq = Math.max(summary.maxSeq, event.seq);
      summary.minTime = Math.min(summary.minTime, time);
      summary.maxTime = Math.max(summary.maxTime, time);
      if (group.isApproval) summary.approvals += 1;
    },
    summary: () => summary,
    view: () => {
      const then = { ...summary };
      const sorted = order?.slice(0, then.lines);
      const chosen = (filter: GroupFilter): readonly GrowingGroup[] => {
        const some =
          filter.session === undefined
            ? groups
            : (bySession.get(filter.session) ?? []).flatMap((number) => groups[number] ?? []);
        return some.filter((group) => isChosen(group, filter));
      };
      return {
        summary: then,
        row: (number) => rowFrom(floats, words, number),
        rowAt: (nth) => sorted?.[nth] ?? nth,
        groups: chosen,
        rowsOf: (wanted) => {
          const rows: number[] = [];
          for (const { number } of wanted)
            for (let row = groups[number]?.last ?? NONE; row !== NONE; row = previous[row] ?? NONE)
              if (row < then.lines) rows.push(row);
          const found = Uint32Array.from(rows);
          return sorted === undefined
            ? found.sort()
            : found.sort((a, b) => (floats[a * 4] ?? 0) - (floats[b * 4] ?? 0));
        },
        named,
      };
    },
    named,
    contents: () => ({
      summary: { ...summary },
      floats,
      words,
      order: order?.subarray(0, summary.lines),
      groups,
      named: entries.subarray(0, summary.named * 3),
    }),
  };
}

/** A row out of arrays that hold it as floats and as 32-bit numbers over the same bytes. */
export function rowFrom(floats: Float64Array, words: Uint32Array, number: number): IndexRow {
  return {
    seq: floats[number * 4] ?? 0,
    time: floats[number * 4 + 1] ?? 0,
    offset: words[number * 8 + 4] ?? 0,
    length: words[number * 8 + 5] ?? 0,
    group: words[number * 8 + 6] ?? 0,
    kind: words[number * 8 + 7] ?? 0,
  };
}

export function isChosen(group: Omit<IndexGroup, 'number'>, filter: GroupFilter): boolean {
  return (
    (filter.session === undefined || group.session === filter.session) &&
    (filter.agent === undefined || group.agent === filter.agent) &&
    (filter.project === undefined || group.project === filter.project) &&
    (filter.isApproval !== true || group.isApproval)
  );
}

function enlarged(array: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  const more = new Uint32Array(length);
  more.set(array);
  return more;
}

/** 53 of the 64 bits: as much as a number holds exactly. */
function keyOf({ high, low }: Hash): number {
  return (high & 0x1fffff) * 2 ** 32 + low;
}
