/** Which events are stored already: looked up by the hash of their identity, and then compared with the line itself. */
import type { ActiveFile } from './event-active.ts';
import { type Hash, hashOf } from './event-buckets.ts';
import { breathe } from './event-files.ts';
import { identityOf, readEvent } from './event-lines.ts';
import type { Segment, Segments } from './event-segments.ts';
import type { EventView } from './event-view.ts';

/** Something that a sender has named. */
export interface Named {
  readonly identity: string;
  /** When it says that it happened; undefined where identity does not depend on that. */
  readonly time: number | undefined;
}

interface Asked extends Named {
  readonly hash: Hash;
}

/** Those identities that are stored. Rejects with AppError('store') when a file cannot be read. */
export async function knownAmong(
  events: readonly Named[],
  active: ActiveFile,
  segments: Segments,
): Promise<ReadonlySet<string>> {
  const known = new Set<string>();
  const asked = events.map((event) => ({ ...event, hash: hashOf(event.identity) }));
  await compare(
    asked,
    asked.map(({ hash }) => active.named(hash)),
    () => active.view(),
    known,
  );
  const times = asked.flatMap(({ time }) => time ?? []);
  const range = {
    isUndated: times.length < asked.length,
    from: times.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    to: times.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  };
  for (const segment of segments.list()) {
    const { namedFrom, namedTo, undated } = segment.head.summary;
    // Nearly always so: senders mostly name what has just happened.
    if ((namedTo < range.from || namedFrom > range.to) && !(range.isUndated && undated > 0)) continue;
    const possible = asked.filter((event) => canHold(segment, event) && !known.has(event.identity));
    if (possible.length === 0) continue;
    const rows = segments.named(
      segment,
      possible.map(({ hash }) => hash),
    );
    await compare(possible, rows, () => segments.view(segment.name), known);
    if (possible.length > MANY) await breathe();
  }
  return known;
}

/** Questions to one file after which others get their turn. */
const MANY = 100;

function canHold({ head: { summary } }: Segment, { time }: Named): boolean {
  if (time === undefined) return summary.undated > 0;
  return summary.named > summary.undated && time >= summary.namedFrom && time <= summary.namedTo;
}

/** Adds those whose identity one of their rows has. Nearly always there is no row at all. */
async function compare(
  asked: readonly Asked[],
  rows: readonly (readonly number[])[],
  open: () => EventView | undefined,
  known: Set<string>,
): Promise<void> {
  if (rows.every((found) => found.length === 0)) return;
  const view = open();
  if (view === undefined) return;
  try {
    const numbers = [...new Set(rows.flat())].sort((a, b) => a - b);
    const stored = new Set<string>();
    for (const line of await view.lines(numbers.map((number) => view.index.row(number)))) {
      const event = readEvent(line);
      stored.add((event && identityOf(event)) ?? '');
    }
    for (const { identity } of asked) if (stored.has(identity)) known.add(identity);
  } finally {
    view.close();
  }
}
