/** A file of the spool as lines: which of them are events, and where each ends. */
import type { Entry } from './event.ts';

/** Where in a queue somebody has come to. */
export interface Position {
  readonly segment: string;
  readonly offset: number;
}

export interface Waiting {
  readonly entry: Entry;
  /** Behind it. */
  readonly end: Position;
}

export const LF = 0x0a;

/** How many lines end behind `from`. */
export function linesIn(bytes: Buffer, from: number): number {
  let count = 0;
  for (let at = bytes.indexOf(LF, from); at !== -1; at = bytes.indexOf(LF, at + 1)) count += 1;
  return count;
}

export interface Lines {
  readonly waiting: readonly Waiting[];
  /** Lines that are none, or too old, in front of those. */
  readonly unreadable: number;
  /** Behind those. */
  readonly start: number;
  /** Behind all that was read. */
  readonly offset: number;
}

/** Whole lines from `from` on, of one project and environment, so that they can share a request. */
export function linesOf(
  bytes: Buffer,
  from: number,
  segment: string,
  limit: { readonly events: number; readonly bytes: number },
  oldest: number,
): Lines {
  const waiting: Waiting[] = [];
  let unreadable = 0;
  let start = from;
  let offset = from;
  for (let end = bytes.indexOf(LF, offset); end !== -1; end = bytes.indexOf(LF, offset)) {
    const entry = readEntry(bytes.subarray(offset, end).toString(), oldest);
    if (entry !== undefined) {
      const [first] = waiting;
      const isOther =
        first !== undefined && (first.entry.project !== entry.project || first.entry.environment !== entry.environment);
      const isMuch = waiting.length >= limit.events || end - from > limit.bytes;
      if (first !== undefined && (isOther || isMuch)) break;
      waiting.push({ entry, end: { segment, offset: end + 1 } });
    } else if (waiting.length > 0) break;
    else {
      unreadable += 1;
      start = end + 1;
    }
    offset = end + 1;
  }
  return { waiting, unreadable, start, offset };
}

function readEntry(line: string, oldest: number): Entry | undefined {
  try {
    const { at, id, project, environment, event } = Object(JSON.parse(line));
    const isEvent = typeof event === 'object' && event !== null && !Array.isArray(event);
    if (!isEvent || typeof at !== 'number' || at < oldest || typeof id !== 'string') return undefined;
    return {
      at,
      id,
      project: project === undefined ? undefined : String(project),
      environment: String(environment),
      event,
    };
  } catch {
    return undefined;
  }
}
