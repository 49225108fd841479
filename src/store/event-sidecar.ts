/**
 * The index of a full file of events, as a file beside it: searched where it lies, so that no more of it is in memory than
 * its first 256 bytes. Numbers are in the byte order of every machine that Bun runs on, little-endian.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { bucketWords, type Entries, hashOf, lookUp, writeBuckets } from './event-buckets.ts';
import {
  type EventIndex,
  type GroupFilter,
  type IndexContents,
  type IndexGroup,
  type IndexSummary,
  isChosen,
  ROW_BYTES,
  rowFrom,
} from './event-index.ts';

/** The first 256 bytes, 64-bit floats all: what this is, the summary, the size of the events' file, and a check over these. */
const HEADER_BYTES = 256;
/** `EVIX`, and the version of the layout. */
const MAGIC = 0x45564958;
const VERSION = 1;
const FIELDS = [
  'lines',
  'bytes',
  'minSeq',
  'maxSeq',
  'minTime',
  'maxTime',
  'namedFrom',
  'namedTo',
  'named',
  'undated',
  'approvals',
  'groups',
] as const satisfies readonly (keyof IndexSummary)[];
/** Of a group: hash of its session (2), hash of its agent and of its project, first of its postings, their number, place and length of its names, whether of approvals, nothing; then first and last time as floats. */
const GROUP_WORDS = 14;

/** Where a compressed file's members begin, before and after compression; see event-members.ts. */
export type Members = Uint32Array;

export interface SidecarHead {
  readonly summary: IndexSummary;
  /** The size of the file with the events. */
  readonly fileBytes: number;
  /** How many numbers there are of members: none where the file is not compressed. */
  readonly members: number;
  /** Bytes of the names of groups. */
  readonly names: number;
}

/** Reads a piece of an index, at a multiple of 4 bytes. */
export type ReadWords = (at: number, words: number) => Uint32Array<ArrayBuffer>;

interface Places {
  readonly rows: number;
  readonly groups: number;
  readonly postings: number;
  readonly sessions: number;
  readonly named: number;
  readonly members: number;
  readonly names: number;
  readonly end: number;
}

function placesOf({ summary, members, names }: Omit<SidecarHead, 'fileBytes'>): Places {
  const rows = HEADER_BYTES;
  const groups = rows + summary.lines * ROW_BYTES;
  const postings = groups + summary.groups * GROUP_WORDS * 4;
  const sessions = postings + summary.lines * 4;
  const named = sessions + bucketWords(summary.groups) * 4;
  const membersAt = named + bucketWords(summary.named) * 4;
  const namesAt = membersAt + members * 4;
  return { rows, groups, postings, sessions, named, members: membersAt, names: namesAt, end: namesAt + names };
}

/** The whole file of an index. Takes some 10 ms for 100,000 lines. */
export function encodeSidecar(
  contents: IndexContents,
  fileBytes: number,
  members: Members = new Uint32Array(),
): Uint8Array<ArrayBuffer> {
  const { summary, groups } = contents;
  const texts = groups.map((group) => Buffer.from(JSON.stringify([group.session, group.agent, group.project])));
  const names = texts.reduce((sum, { length }) => sum + length, 0);
  const places = placesOf({ summary, members: members.length, names });
  const bytes = new Uint8Array(Math.ceil(places.end / 8) * 8);
  const words = new Uint32Array(bytes.buffer);
  const part = (from: number, to: number): Uint32Array => words.subarray(from / 4, to / 4);

  writeHead(new Float64Array(bytes.buffer, 0, HEADER_BYTES / 8), summary, fileBytes, members.length, names);
  const rows = part(places.rows, places.groups);
  const numbers = writeRows(rows, contents);
  writeGroups(bytes.buffer, places, groups, rows);
  writeNames(bytes, places, texts);
  const sessions = new Uint32Array(groups.length * 3);
  for (const [number, { session }] of groups.entries()) {
    const hash = hashOf(session);
    sessions.set([hash.high, hash.low, number], number * 3);
  }
  writeBuckets(part(places.sessions, places.named), sessions, groups.length);
  writeBuckets(part(places.named, places.members), renumbered(contents.named, numbers), summary.named);
  part(places.members, places.members + members.length * 4).set(members);
  return bytes.subarray(0, places.end);
}

function writeHead(head: Float64Array, summary: IndexSummary, fileBytes: number, members: number, names: number): void {
  head.set([MAGIC, VERSION, fileBytes, members, names, ...FIELDS.map((field) => summary[field])]);
  head[head.length - 1] = checkOf(head);
}

function checkOf(head: Float64Array): number {
  return Bun.hash.xxHash32(new Uint8Array(head.buffer, head.byteOffset, HEADER_BYTES - 8));
}

/** Writes the rows in the order of `seq`, and returns their new numbers by their old ones where these have changed. */
function writeRows(rows: Uint32Array, { summary, words, order }: IndexContents): Uint32Array | undefined {
  if (order === undefined) {
    rows.set(words.subarray(0, summary.lines * 8));
    return undefined;
  }
  const numbers = new Uint32Array(summary.lines);
  for (let number = 0; number < summary.lines; number += 1) {
    const old = order[number] ?? 0;
    numbers[old] = number;
    for (let word = 0; word < 8; word += 1) rows[number * 8 + word] = words[old * 8 + word] ?? 0;
  }
  return numbers;
}

function renumbered(entries: Entries, numbers: Uint32Array | undefined): Entries {
  if (numbers === undefined) return entries;
  const renamed = entries.slice();
  for (let at = 2; at < renamed.length; at += 3) renamed[at] = numbers[renamed[at] ?? 0] ?? 0;
  return renamed;
}

/** The groups but for their names, and behind them the postings: the rows of the first, of the second, and so on. */
function writeGroups(buffer: ArrayBuffer, places: Places, groups: readonly IndexGroup[], rows: Uint32Array): void {
  const words = new Uint32Array(buffer, places.groups, groups.length * GROUP_WORDS);
  const postings = new Uint32Array(buffer, places.postings, rows.length / 8);
  const cursors = new Uint32Array(groups.length);
  const times = new Float64Array(2);
  let start = 0;
  for (const [number, group] of groups.entries()) {
    cursors[number] = start;
    const session = hashOf(group.session);
    const [agent, project] = [hashOf(group.agent ?? '').low, hashOf(group.project ?? '').low];
    words.set([session.high, session.low, agent, project, start, group.events], number * GROUP_WORDS);
    words[number * GROUP_WORDS + 8] = Number(group.isApproval);
    times.set([group.firstAt, group.lastAt]);
    words.set(new Uint32Array(times.buffer), number * GROUP_WORDS + 10);
    start += group.events;
  }
  for (let row = 0; row < postings.length; row += 1) {
    const group = rows[row * 8 + 6] ?? 0;
    const cursor = cursors[group] ?? 0;
    cursors[group] = cursor + 1;
    postings[cursor] = row;
  }
}

function writeNames(bytes: Uint8Array<ArrayBuffer>, places: Places, texts: readonly Uint8Array[]): void {
  const words = new Uint32Array(bytes.buffer, places.groups, texts.length * GROUP_WORDS);
  let at = 0;
  for (const [number, text] of texts.entries()) {
    bytes.set(text, places.names + at);
    words.set([at, text.length], number * GROUP_WORDS + 6);
    at += text.length;
  }
}

/** What the beginning of an index says; undefined where it is none, or torn, or not of a file of this size. */
export function readHead(read: ReadWords, size: number, fileBytes: number): SidecarHead | undefined {
  if (size < HEADER_BYTES) return undefined;
  const head = new Float64Array(read(0, HEADER_BYTES / 4).buffer);
  const [magic, version, ofBytes = 0, members = 0, names = 0, ...values] = head;
  if (magic !== MAGIC || version !== VERSION || head.at(-1) !== checkOf(head) || ofBytes !== fileBytes)
    return undefined;
  const summary = Object.fromEntries(FIELDS.map((field, at) => [field, values[at] ?? 0])) as Record<
    (typeof FIELDS)[number],
    number
  >;
  return placesOf({ summary, members, names }).end === size ? { summary, fileBytes, members, names } : undefined;
}

/** An index that is read piece by piece. */
export function sidecarIndex(read: ReadWords, head: SidecarHead): EventIndex {
  const { summary } = head;
  const places = placesOf(head);
  /** So many rows are read at once: most are asked for in their order. */
  const BLOCK = 256;
  let block = -1;
  let words = new Uint32Array();
  let floats = new Float64Array();

  const loadBlock = (wanted: number): void => {
    const count = Math.min(BLOCK, summary.lines - wanted * BLOCK);
    words = read(places.rows + wanted * BLOCK * ROW_BYTES, count * 8);
    floats = new Float64Array(words.buffer);
    block = wanted;
  };

  const groupAt = (number: number, cells: Uint32Array): IndexGroup => {
    const [at = 0, length = 0, ofApproval] = cells.subarray(6);
    const [firstAt = 0, lastAt = 0] = new Float64Array(cells.slice(10, 14).buffer);
    const [session, agent, project] = JSON.parse(readText(read, places.names + at, length));
    return { number, session, agent, project, isApproval: ofApproval === 1, events: cells[5] ?? 0, firstAt, lastAt };
  };

  /** Those that have the hashes of what is looked for; their names are only read then. */
  const chosen = (filter: GroupFilter): readonly IndexGroup[] => {
    const agent = filter.agent === undefined ? undefined : hashOf(filter.agent).low;
    const project = filter.project === undefined ? undefined : hashOf(filter.project).low;
    const found: IndexGroup[] = [];
    const look = (number: number, cells: Uint32Array): void => {
      if (agent !== undefined && cells[2] !== agent) return;
      if (project !== undefined && cells[3] !== project) return;
      if (filter.isApproval === true && cells[8] !== 1) return;
      const group = groupAt(number, cells);
      if (isChosen(group, filter)) found.push(group);
    };
    if (filter.session === undefined) {
      const cells = read(places.groups, summary.groups * GROUP_WORDS);
      for (let number = 0; number < summary.groups; number += 1)
        look(number, cells.subarray(number * GROUP_WORDS, (number + 1) * GROUP_WORDS));
      return found;
    }
    const table: ReadWords = (from, count) => read(places.sessions + from * 4, count);
    for (const number of lookUp(table, summary.groups, hashOf(filter.session)))
      look(number, read(places.groups + number * GROUP_WORDS * 4, GROUP_WORDS));
    return found;
  };

  return {
    summary,
    row: (number) => {
      const wanted = Math.floor(number / BLOCK);
      if (wanted !== block) loadBlock(wanted);
      return rowFrom(floats, words, number % BLOCK);
    },
    rowAt: (nth) => nth,
    groups: chosen,
    rowsOf: (wanted) => {
      const rows = new Uint32Array(wanted.reduce((sum, { events }) => sum + events, 0));
      let at = 0;
      for (const { number, events } of wanted) {
        const [start = 0] = read(places.groups + (number * GROUP_WORDS + 4) * 4, 1);
        rows.set(read(places.postings + start * 4, events), at);
        at += events;
      }
      return wanted.length > 1 ? rows.sort() : rows;
    },
    named: (hash) => lookUp((from, count) => read(places.named + from * 4, count), summary.named, hash),
  };
}

/** All that tells identities, to be searched in memory by `lookUp`. */
export function readNamed(read: ReadWords, head: SidecarHead): Uint32Array {
  return read(placesOf(head).named, bucketWords(head.summary.named));
}

export function readMembers(read: ReadWords, head: SidecarHead): Members {
  return read(placesOf(head).members, head.members);
}

function readText(read: ReadWords, at: number, length: number): string {
  const from = Math.floor(at / 4) * 4;
  const words = read(from, Math.ceil((at + length - from) / 4));
  return Buffer.from(words.buffer, at - from, length).toString();
}

/** Reads an index that is in memory. */
export function wordsOfBytes(bytes: Uint8Array): ReadWords {
  return (at, count) => {
    const words = new Uint32Array(count);
    new Uint8Array(words.buffer).set(bytes.subarray(at, at + count * 4));
    return words;
  };
}

/** Reads an index in a file. What lies behind its end is zeros. */
export function wordsOfFile(fd: number): ReadWords {
  return (at, count) => {
    const words = new Uint32Array(count);
    if (count > 0) readSync(fd, words, 0, count * 4, at);
    return words;
  };
}

/** What `work` makes of an index file; undefined when there is none, or none that can be read. */
export function withSidecar<T>(path: string, work: (read: ReadWords, size: number) => T): T | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    return work(wordsOfFile(fd), fstatSync(fd).size);
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
