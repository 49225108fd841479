/** Whether the audit log is what was written: every line of every file, the chain between them, and its end. */
import { createHash, type Hash } from 'node:crypto';
import { basename } from 'node:path';
import { type Link, readRecord, type Sealed, START, unseal } from './chain.ts';
import { headPath, type Line, linesOf, readHead, segmentsOf } from './segments.ts';

export type FindingKind = 'changed' | 'removed' | 'swapped' | 'inserted' | 'torn' | 'gap';

/** Something that is not as it was written. */
export interface Finding {
  /** The file's name, without its directory. */
  readonly file: string;
  /** From 1; for what is missing, the line before which it is. */
  readonly line: number;
  readonly kind: FindingKind;
  /** In words. */
  readonly what: string;
}

export interface Verification {
  readonly files: number;
  /** Records of the chain. */
  readonly records: number;
  /** Lines from before there was a chain; the first record of the chain has the hash of all of them. */
  readonly unchained: number;
  /** Lines that a crash left half. */
  readonly torn: number;
  /** Records that were deleted because they were old. */
  readonly retained: number;
  readonly end: Link;
  /** In the order of the log; empty when all is well. At most `MAX_FINDINGS`. */
  readonly findings: readonly Finding[];
}

const MAX_FINDINGS = 100;
/** The daemon may rename a file while it is read. */
const TRIES = 3;

/** Reads the whole log at `path`, a line at a time; a daemon may go on writing meanwhile. */
export function verifyLog(path: string): Verification {
  for (let tries = 1; ; tries += 1) {
    const before = namesOf(path);
    const result = verifyOnce(path);
    if (result.findings.length === 0 || tries === TRIES || namesOf(path) === before) return result;
  }
}

function namesOf(path: string): string {
  return segmentsOf(path)
    .map((segment) => segment.path)
    .join('\n');
}

/** Lines that are no records of the chain, in a row. */
interface Strangers {
  readonly file: string;
  readonly line: number;
  readonly count: number;
  readonly hash: Hash;
  readonly bytes: number;
  /** One of them is a whole record without a true hash. */
  readonly hasRecord: boolean;
  /** The last one has its line break. */
  readonly isClosed: boolean;
}

/** Records that are missing; those that turn up later were only moved. */
interface Missing {
  readonly index: number;
  readonly from: number;
  readonly to: number;
}

function verifyOnce(path: string): Verification {
  const head = readHead(path);
  const files = [...segmentsOf(path).map((segment) => segment.path), path];
  const findings: Finding[] = [];
  const missing: Missing[] = [];
  const counts = { files: 0, records: 0, unchained: 0, torn: 0 };
  const all = createHash('sha256');
  let end: Link = START;
  let first: (Sealed & { readonly file: string; readonly line: number }) | undefined;
  let lastDeleted: Link | undefined;
  let strangers: Strangers | undefined;
  let hashAtHead: string | undefined;
  /** Records that should stand before the first one stand elsewhere. */
  let isFirstMoved = false;
  let place = { file: basename(path), line: 1 };

  const found = (kind: FindingKind, what: string, { file, line } = place): Finding => ({ file, line, kind, what });
  const add = (finding: Finding | undefined): void => {
    if (finding !== undefined && findings.length < MAX_FINDINGS) findings.push(finding);
  };

  const addStranger = ({ bytes, isWhole }: Line): void => {
    const known = strangers ?? { ...place, count: 0, hash: createHash('sha256'), bytes: 0, hasRecord: false };
    if (known.count > 0) known.hash.update('\n');
    known.hash.update(bytes);
    strangers = {
      ...known,
      count: known.count + 1,
      bytes: known.bytes + bytes.length + (known.count > 0 ? 1 : 0),
      hasRecord: known.hasRecord || (isWhole && readRecord(bytes) !== undefined),
      isClosed: isWhole,
    };
  };

  /** Judges the lines before a record of the chain; true when the record says what they are. */
  const settleStrangers = (next: Sealed): boolean => {
    const lines = strangers;
    strangers = undefined;
    const { type, bytes, sha256 } = next.record;
    if (lines === undefined) {
      if (type === 'torn') add(found('removed', 'the half line that the record tells of is missing'));
      return false;
    }
    const isNextInChain = next.seq === end.seq + 1 && next.prev === end.hash;
    const isTold = isNextInChain && bytes === lines.bytes && sha256 === lines.hash.digest('hex');
    if (type === 'gap') return true;
    if (type === 'torn' && isTold && !lines.hasRecord) {
      counts.torn += 1;
      return true;
    }
    if (isNextInChain)
      add(found('inserted', `${count(lines.count, 'line')} between the records ${end.seq} and ${next.seq}`, lines));
    else add(found('changed', `the line is not what was written as record ${end.seq + 1}`, lines));
    return !isNextInChain;
  };

  /** The first record: of a new log, of one from before the chain, or the first that was kept. */
  const begin = (record: Sealed, hashBefore: string): void => {
    const { type, since, gap } = record.record;
    first = { ...record, ...place };
    if (type === 'gap') add(found('gap', String(gap)));
    if (since === 'unchained' && record.seq === 1) {
      counts.unchained = strangers?.count ?? 0;
      strangers = undefined;
      if (record.prev !== hashBefore) add(found('changed', 'the lines from before the chain are not what they were'));
      return;
    }
    // What is kept of a log is explained by what is recorded of the rest; see below.
    if (record.seq > 1) end = { seq: record.seq - 1, hash: record.prev };
    if (!settleStrangers(record) && record.prev !== end.hash && type !== 'gap')
      add(found('changed', 'the first record does not begin a chain'));
  };

  const follow = (record: Sealed): Finding | undefined => {
    const { seq, prev } = record;
    const isExplained = settleStrangers(record);
    if (record.record.type === 'gap') return found('gap', String(record.record.gap));
    if (seq === end.seq + 1 && prev === end.hash) return undefined;
    const moved = missing.find(({ from, to }) => seq >= from && seq <= to);
    if (moved !== undefined) {
      const at = findings[moved.index];
      if (at !== undefined)
        findings[moved.index] = { ...at, kind: 'swapped', what: `record ${seq} stands after record ${end.seq}` };
      return undefined;
    }
    if (seq < (first?.seq ?? 0)) isFirstMoved = true;
    if (isExplained) return undefined;
    if (seq <= end.seq) return found('swapped', `record ${seq} stands after record ${end.seq}`);
    if (seq === end.seq + 1) return found('changed', `record ${seq} does not continue record ${end.seq}`);
    missing.push({ index: findings.length, from: end.seq + 1, to: seq - 1 });
    return found('removed', `${numbers(end.seq + 1, seq - 1)} missing`);
  };

  const endFinding = (): Finding | undefined => {
    const lines = strangers;
    const later = readHead(path);
    const atHead = { file: basename(headPath(path)), line: 1 };
    if (head === 'bad' || later === 'bad') return found('changed', 'the file is not what was written', atHead);
    if (later === 'absent' && end.seq > 1) return found('removed', 'the file is missing', atHead);
    const isCut = head !== 'absent' && end.seq < head.seq;
    if (isCut && lines !== undefined)
      return found('changed', `the line is not what was written as record ${end.seq + 1}`, lines);
    if (isCut)
      return found(
        'removed',
        `${numbers(end.seq + 1, head.seq)} missing at the end`,
        counts.files > 0 ? next(place) : place,
      );
    if (head !== 'absent' && hashAtHead !== head.hash)
      return found('changed', `record ${head.seq} is not the one that audit.head names`);
    const known = later === 'absent' ? 0 : later.seq;
    if (end.seq > known + 1) return found('inserted', `${numbers(known + 2, end.seq)} not among what was written`);
    if (lines === undefined) return undefined;
    if (first === undefined) counts.unchained = lines.count;
    else if (lines.hasRecord) return found('inserted', `${count(lines.count, 'line')} after record ${end.seq}`, lines);
    else if (lines.isClosed) return found('torn', 'lines that are no records, and nothing says why', lines);
    else counts.torn += 1;
    return undefined;
  };

  for (const file of files) {
    let line = 0;
    for (const each of linesOf(file)) {
      line += 1;
      place = { file: basename(file), line };
      if (line === 1) counts.files += 1;
      const sealed = each.isWhole ? unseal(each.bytes) : undefined;
      const hashBefore = first === undefined && sealed !== undefined ? all.copy().digest('hex') : '';
      if (first === undefined) all.update(each.bytes).update(each.isWhole ? '\n' : '');
      if (sealed === undefined) {
        addStranger(each);
        continue;
      }
      counts.records += 1;
      if (first === undefined) begin(sealed, hashBefore);
      else add(follow(sealed));
      if (typeof head !== 'string' && sealed.seq === head.seq) hashAtHead = sealed.hash;
      const { deleted } = sealed.record;
      if (sealed.record.type === 'retained' && Array.isArray(deleted)) lastDeleted = linkOf(deleted.at(-1));
      // A record that was moved here is not where the chain goes on.
      if (sealed.seq > end.seq || sealed.record.type === 'gap') end = sealed;
    }
  }

  const begun: typeof first = first;
  const isKept = begun?.seq === 1 || (lastDeleted?.seq === (begun?.seq ?? 0) - 1 && lastDeleted.hash === begun?.prev);
  if (begun !== undefined && !isKept && !isFirstMoved) {
    const { file, line, seq } = begun;
    findings.unshift({ file, line, kind: 'removed', what: `${numbers(1, seq - 1)} missing` });
  }
  add(endFinding());
  return { ...counts, end, retained: (begun?.seq ?? 1) - 1, findings };
}

function next<T extends { readonly line: number }>(place: T): T {
  return { ...place, line: place.line + 1 };
}

function linkOf(value: unknown): Link | undefined {
  const { last, hash } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  return typeof last === 'number' && typeof hash === 'string' ? { seq: last, hash } : undefined;
}

function numbers(from: number, to: number): string {
  return from === to ? `record ${from} is` : `records ${from} to ${to} are`;
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? '' : 's'}`;
}
