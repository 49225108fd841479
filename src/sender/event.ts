/** What is made of a hook's input before it is sent: whatever the agent said stays as it is, and only what is missing is added. */
import { hostname, userInfo } from 'node:os';
import { lastPart } from '../last-part.ts';

export type SentEvent = Readonly<Record<string, unknown>>;

/** One event on its way. */
export interface Entry {
  /** When the sender got it, in ms since the epoch. */
  readonly at: number;
  /** The event's own id: a second delivery is known by it. */
  readonly id: string;
  readonly project: string | undefined;
  readonly environment: string;
  readonly event: SentEvent;
  /** In the spool, where it is to go, for people: its queue decides. */
  readonly to?: string;
}

export interface PrepareOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: number;
  readonly isEnriched: boolean;
  /** Given by the person who set up the hook. */
  readonly project: string | undefined;
  /** Where the hook runs, for events that do not say where the agent works. */
  readonly cwd: string;
}

/** Longer ids are not an event's id for a collector. */
const MAX_ID = 128;

/**
 * Adds `event_id` (UUIDv7), `timestamp` (ISO 8601, UTC), and with enrichment `session_name` and `custom_metadata`, each only where
 * the event has no such key. The id and the time make a second delivery the same event.
 */
export function prepareEvent(event: SentEvent, { env, now, isEnriched, project, cwd }: PrepareOptions): Entry {
  const place = lastPart(placeOf(event) ?? cwd);
  const given = event.event_id;
  const id = typeof given === 'string' && given !== '' && given.length <= MAX_ID ? given : Bun.randomUUIDv7();
  const identity = { event_id: id, timestamp: new Date(now).toISOString() };
  const enriched = isEnriched ? { ...named(place), custom_metadata: machine() } : {};
  return {
    at: now,
    id,
    project: project ?? place,
    environment: env.NODE_ENV || 'development',
    // What the event has itself comes last, and wins.
    event: { ...identity, ...enriched, ...event },
  };
}

/** As the sender called it: hooks say `hook_event_name`, typed events `event_type`. */
export function eventNameOf(event: SentEvent): string | undefined {
  return firstText([event.hook_event_name, event.event_type, Object(event.hook).hook_event_name]);
}

export function toolOf(event: SentEvent): string | undefined {
  return firstText([event.tool_name, Object(event.hook).tool_name]);
}

/** The directory the agent works in; Cursor has a list of them. */
function placeOf(event: SentEvent): string | undefined {
  const roots: unknown = event.workspace_roots;
  return firstText([event.cwd, Object(event.hook).cwd, Array.isArray(roots) ? roots[0] : undefined]);
}

function firstText(values: readonly unknown[]): string | undefined {
  return values.find((value): value is string => typeof value === 'string' && value !== '');
}

function named(name: string | undefined): Readonly<Record<string, string>> {
  return name === undefined ? {} : { session_name: name };
}

function machine(): Readonly<Record<string, string>> {
  return { hostname: hostname(), user: userName(), platform: process.platform, node_version: process.version };
}

/** Bun takes the name from USER alone, which a service does not have; a container may run as a user that has none. */
function userName(): string {
  try {
    const { username, uid } = userInfo();
    return username === 'unknown' ? (nameOfUid(uid) ?? String(uid)) : username;
  } catch {
    return 'unknown';
  }
}

function nameOfUid(uid: number): string | undefined {
  const lines = process.getBuiltinModule('node:fs').readFileSync('/etc/passwd', 'utf8').split('\n');
  return lines.map((line) => line.split(':')).find(([, , id]) => id === String(uid))?.[0];
}
