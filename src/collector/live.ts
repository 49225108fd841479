/** What happens, to everybody who has a page open: an event stream, in frames of a quarter of a second. */
import type { EventFilter, EventRecord, EventStore } from '../events.ts';
import { matches } from './event-match.ts';
import { address, readCount, readQuery } from './event-query.ts';
import { createViewer, type Viewer } from './live-viewer.ts';
import { type RowModel, rowModel } from './row-model.ts';
import type { Waiting } from './waiting.ts';
import { waitingModel } from './waiting-model.ts';

export interface LiveOptions {
  readonly store: Pick<EventStore, 'find'>;
  readonly waiting: Pick<Waiting, 'picture' | 'count'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** How long events are gathered for one frame. */
  readonly coalesceMs?: number;
  /** How often something is sent at least: a connection that is silent for long is closed by what lies between. */
  readonly heartbeatMs?: number;
  readonly maxViewers?: number;
}

export interface Live {
  /** Events that have just been stored; those of approvals must have been given to `waiting` before. */
  publish(events: readonly EventRecord[]): void;
  /**
   * The stream for one page: `view` says which, the other parameters are those of the page itself. It begins after
   * `Last-Event-ID`, else after the parameter `after`, both a `seq`. 503 when too many look on.
   */
  open(request: Request): Promise<Response>;
  viewers(): number;
  /** Ends all streams. */
  stop(): void;
}

/** What one frame carries at most; the rest is counted. */
export const MAX_ROWS = 50;
/** Of more events than this in one frame nobody reads the JSON as they come: less of it is sent, in bytes. */
const CROWDED = 10;
const CROWDED_JSON = 600;
/** What is sent again after a cut; whoever missed more loads the page anew. */
const MAX_RESUMED = 200;
/**
 * How far back a resumed stream looks beyond what was seen, in microseconds: events get their number before they are stored, so
 * that an earlier one may appear later. The page knows what it has.
 */
const OVERLAP = 5_000_000;
/** What is gathered for a frame at most, so that a flood does not fill the memory; more is only counted. */
const MAX_GATHERED = 5000;

const VIEWS = ['activity', 'waiting', 'session', 'other'] as const;
type View = (typeof VIEWS)[number];

interface Follower {
  readonly viewer: Viewer;
  readonly view: View;
  readonly filter: EventFilter;
  /** Followers with the same one get the same frame. */
  readonly group: string;
  /** The last picture of who waits that it was sent. */
  waiting: string;
}

export function createLive(options: LiveOptions): Live {
  const { store, waiting, now, coalesceMs = 250, heartbeatMs = 5000, maxViewers = 200 } = options;
  const followers = new Set<Follower>();
  let gathered: EventRecord[] = [];
  let uncounted = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let heart: ReturnType<typeof setInterval> | undefined;

  const leave = (follower: Follower): void => {
    followers.delete(follower);
    if (followers.size > 0) return;
    clearInterval(heart);
    heart = undefined;
    clearTimeout(timer);
    [timer, gathered, uncounted] = [undefined, [], 0];
  };

  /** To those who have not been sent the same before. Their clocks show the time that passes by themselves. */
  const sendWaiting = (to: Iterable<Follower>): void => {
    const at = now();
    const short = { count: waiting.count(at) };
    let full: object | undefined;
    const keys = new Map<boolean, string>();
    for (const follower of to) {
      const isFull = follower.view === 'waiting';
      if (isFull) full ??= { ...short, model: waitingModel(waiting.picture(at), at) };
      const body = isFull ? full : short;
      const key = keys.get(isFull) ?? JSON.stringify(body);
      keys.set(isFull, key);
      if (key === follower.waiting) continue;
      follower.waiting = key;
      follower.viewer.send(encoder.encode(`event: waiting\ndata: {"now":${at},"is":${key}}\n\n`));
    }
  };

  const flush = (): void => {
    timer = undefined;
    const [events, more] = [gathered, uncounted];
    [gathered, uncounted] = [[], 0];
    const models = new Map<string, RowModel>();
    const jsonBytes = events.length > CROWDED ? CROWDED_JSON : undefined;
    const at = now();
    for (const group of Map.groupBy(followers, (follower) => follower.group).values()) {
      const [first] = group;
      if (first === undefined || first.view === 'waiting' || first.view === 'other') continue;
      const found = events.filter((event) => matches(first.filter, event));
      if (found.length === 0) continue;
      const frame = frameOf(found, more, first.view, (event) => {
        const model = models.get(event.id) ?? rowModel(event, at, jsonBytes);
        models.set(event.id, model);
        return model;
      });
      for (const { viewer } of group) viewer.send(frame);
    }
    if (events.some(({ kind }) => kind.startsWith('approval.'))) sendWaiting(followers);
  };

  const beat = (): void => {
    // An approval can also stop waiting because its time is over.
    sendWaiting(followers);
    for (const { viewer } of followers) viewer.send(HERE);
  };

  /** What came after `seq`, oldest frame first. */
  const resume = async ({ viewer, view, filter }: Follower, seq: number): Promise<void> => {
    if (view === 'waiting' || view === 'other') return;
    // A session's page only counts: what it has seen must not count again.
    const afterSeq = view === 'session' ? seq : Math.max(0, seq - OVERLAP);
    const missed = (await store.find({ ...filter, afterSeq }, MAX_RESUMED + 1, 'newest')).toReversed();
    const isTooMuch = missed.length > MAX_RESUMED;
    const events = isTooMuch ? missed.slice(1) : missed;
    const at = now();
    for (let from = 0; from < events.length; from += MAX_ROWS) {
      const more = isTooMuch && from === 0 ? 1 : 0;
      viewer.send(frameOf(events.slice(from, from + MAX_ROWS), more, view, (event) => rowModel(event, at)));
    }
  };

  return {
    publish: (events) => {
      if (followers.size === 0 || events.length === 0) return;
      gathered.push(...events);
      uncounted += gathered.splice(0, Math.max(0, gathered.length - MAX_GATHERED)).length;
      timer ??= setTimeout(flush, coalesceMs);
    },
    open: async (request) => {
      if (followers.size >= maxViewers) return tooMany();
      const query = new URL(request.url).searchParams;
      const { filter, values } = readQuery(query);
      const view = VIEWS.find((name) => name === query.get('view')) ?? 'other';
      const seq = readCount(request.headers.get('last-event-id')) ?? readCount(query.get('after'));
      const viewer = createViewer(() => leave(follower));
      const follower: Follower = { viewer, view, filter, group: address(view, values), waiting: '' };
      followers.add(follower);
      heart ??= setInterval(beat, heartbeatMs);
      request.signal.addEventListener('abort', viewer.end, { once: true });
      // What arrives while the store is asked comes twice rather than not at all.
      viewer.send(RETRY);
      sendWaiting([follower]);
      if (seq !== undefined) await resume(follower, seq).catch(viewer.end);
      // Nobody would read the answer, nor say so.
      if (request.signal.aborted) viewer.end();
      return new Response(viewer.body, { headers: HEADERS });
    },
    viewers: () => followers.size,
    stop: () => {
      for (const { viewer } of [...followers]) viewer.end();
    },
  };
}

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // For proxies that would gather the frames.
  'x-accel-buffering': 'no',
};

/** Once for all who are sent it. */
const encoder = new TextEncoder();
const HERE = encoder.encode(': here\n\n');
/** A browser connects again after two seconds. */
const RETRY = encoder.encode('retry: 2000\n\n');

function tooMany(): Response {
  return new Response('Too many pages follow the events.\n', { status: 503, headers: { 'retry-after': '30' } });
}

/** Newest first, as a page shows them. A session's page is told only that there is more. */
function frameOf(
  events: readonly EventRecord[],
  uncounted: number,
  view: View,
  modelOf: (event: EventRecord) => RowModel,
): Uint8Array {
  const shown = view === 'session' ? [] : events.slice(-MAX_ROWS).reverse();
  const data = { rows: shown.map(modelOf), more: events.length - shown.length + uncounted };
  const last = events.reduce((highest, { seq }) => Math.max(highest, seq), 0);
  return encoder.encode(`id: ${last}\nevent: rows\ndata: ${JSON.stringify(data)}\n\n`);
}
