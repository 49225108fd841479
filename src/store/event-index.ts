/** What can be asked of the index of a file of events, whether that is in memory and grows or lies in a file. */
import type { AgentName } from '../types.ts';
import type { Entries, Hash } from './event-buckets.ts';

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
