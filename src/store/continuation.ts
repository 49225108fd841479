/** How the chain goes on in a log that is there already, and what has to be said first. */
import { type Link, readRecord, type Sealed, START, sha256 } from './chain.ts';

/** What was found. */
export interface Found {
  /** The last record of the chain. */
  readonly last: Sealed | undefined;
  /** The bytes behind it; all of a file without a chain. */
  readonly tail: Buffer;
  /** What was written last, as the head says or as we know. */
  readonly head: Link | 'absent' | 'bad';
  /** The file is not as this process left it. */
  readonly isChanged: boolean;
  /** SHA-256 (hex) of the file, its last line closed; asked only where no chain is. */
  readonly hashOfAll: () => string;
}

/** Where the chain goes on, and the record that explains why it does not simply do so. */
export interface Continuation {
  readonly after: Link;
  readonly notice?: Readonly<Record<string, unknown>> & { readonly type: string };
}

/**
 * The head is written after each record, so a crash leaves it one record behind at most and the last line half. That is
 * told by a `torn` record; everything else is a `gap`.
 */
export function continuationOf({ last, tail, head, isChanged, hashOfAll }: Found): Continuation {
  const lost = withoutBreak(tail);
  const evidence = { bytes: lost.length, sha256: sha256(lost) };
  const gap = (why: string, after: Link): Continuation => {
    const found = last === undefined ? null : { seq: last.seq, hash: last.hash };
    const expected = typeof head === 'string' ? null : head;
    return { after, notice: { type: 'gap', gap: why, expected, found, ...evidence } };
  };
  if (isChanged && typeof head !== 'string') return gap('the file was changed or replaced by somebody else', head);
  if (last === undefined) {
    if (typeof head !== 'string') return gap('the records before are gone', head);
    if (head === 'bad') return gap('audit.head cannot be read', START);
    if (tail.length === 0) return { after: START };
    return { after: { ...START, hash: hashOfAll() }, notice: { type: 'chain', since: 'unchained' } };
  }
  if (head === 'bad') return gap('audit.head cannot be read', last);
  if (head === 'absent' && last.seq > 1) return gap('audit.head is gone', last);
  const written = head === 'absent' ? START : head;
  if (!isAt(last, written) && !isNext(last, written))
    return gap('the log does not end with what was written last', written.seq > last.seq ? written : last);
  if (tail.length === 0) return { after: last };
  if (holdsRecord(tail)) return gap('there are lines that are not of this log', last);
  return { after: last, notice: { type: 'torn', torn: true, ...evidence } };
}

/** The bytes of lines that are no records, as `torn` and `gap` count them: without the break that closes the last one. */
function withoutBreak(bytes: Buffer): Buffer {
  return bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes;
}

function isAt(last: Link, head: Link): boolean {
  return last.seq === head.seq && last.hash === head.hash;
}

export function isNext(last: Sealed, head: Link): boolean {
  return last.seq === head.seq + 1 && last.prev === head.hash;
}

/** A crash leaves no whole record of another kind. */
function holdsRecord(tail: Buffer): boolean {
  const lines = tail.toString('utf8').split('\n').slice(0, -1);
  return lines.some((line) => readRecord(line) !== undefined);
}
