/** What takes events: POST /events, /events/batch, and the places that agents' http hooks post to. */
import type { EventRecord } from '../events.ts';
import type { Logger } from '../logger.ts';
import type { AgentName } from '../types.ts';
import {
  INVALID_JSON,
  invalidEvent,
  NO_STORE,
  NOT_JSON,
  type Rejected,
  TOO_BUSY,
  TOO_DEEP,
  TOO_LARGE,
  type Trouble,
  tooMany,
} from './answers.ts';
import { type Room, readBody } from './body.ts';
import { parseBody } from './event-text.ts';
import type { Ingest } from './ingest.ts';
import type { Principal } from './keys.ts';
import type { Metrics } from './metrics.ts';
import { normalise, type Sender } from './normalise.ts';
import type { RateLimit } from './rate-limit.ts';

export interface IngestRoutesOptions {
  readonly ingest: Pick<Ingest, 'offer'>;
  readonly metrics: Pick<Metrics, 'received'>;
  readonly rateLimit: RateLimit;
  /** Events a second that a key may send which has no rate of its own. */
  readonly rate?: number | undefined;
  /** See `createSequence`. */
  readonly nextSeq: () => number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** All events that are stored. */
  readonly total: () => number;
  readonly logger: Pick<Logger, 'warn'>;
}

/** A status and a JSON body. */
export interface Done {
  readonly status: 200 | 202 | 207;
  readonly body: unknown;
}

export interface IngestRoutes {
  /** One event, written in either form; the answer is in the same form. */
  single(request: Request, principal: Principal): Promise<Done | Trouble>;
  /** An array of events. With `isPartial` those that are right are stored, though others are wrong. */
  batch(request: Request, principal: Principal, isPartial: boolean): Promise<Done | Trouble>;
  /** An agent's own hook input. The answer decides nothing. */
  hook(request: Request, principal: Principal, agent: AgentName): Promise<Done | Trouble>;
}

const MAX_BYTES = 1024 * 1024;
const MAX_BATCH_BYTES = 8 * 1024 * 1024;
const MAX_BATCH = 5_000;
/** Of bodies that are being read or wait for the store, all together: what is read takes six times as much, and up to twenty at worst. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;
const MAX_META = 256;
/** Room for the index behind it in an event's name. */
const MAX_IDEMPOTENCY_KEY = 120;

const META_HEADERS = [
  ['x-hook-event', 'hook_event'],
  ['x-session-name', 'session_name'],
  ['x-client-version', 'client_version'],
  ['x-environment', 'environment'],
  ['user-agent', 'user_agent'],
] as const;

export function createIngestRoutes(options: IngestRoutesOptions): IngestRoutes {
  const { ingest, metrics, rateLimit, rate, nextSeq, now, total, logger } = options;

  let heldBytes = 0;
  /** Does this with room for a body, which is there again when it is done. */
  const withRoom = async <T>(work: (room: Room) => Promise<T>): Promise<T> => {
    let taken = 0;
    const take = (bytes: number): boolean => {
      if (heldBytes + bytes > MAX_HELD_BYTES) return false;
      heldBytes += bytes;
      taken += bytes;
      return true;
    };
    try {
      return await work({ take });
    } finally {
      heldBytes -= taken;
    }
  };

  const read = async (request: Request, maxBytes: number, room: Room): Promise<Trouble | Read> => {
    if (!isPlainJson(request.headers)) return NOT_JSON;
    const bytes = await readBody(request, maxBytes, room);
    if (typeof bytes === 'string') return NO_BODY[bytes];
    const parsed = parseBody(bytes);
    if (!parsed.ok) return parsed.why === 'depth' ? TOO_DEEP : INVALID_JSON;
    return { value: parsed.value, isChanged: parsed.isChanged, bytes: bytes.byteLength };
  };

  const store = async (
    principal: Principal,
    events: readonly EventRecord[],
    bytes: number,
  ): Promise<Trouble | undefined> => {
    const wait = rateLimit.take(principal.id, principal.rate ?? rate, events.length);
    if (wait > 0) return tooMany(wait);
    try {
      return (await ingest.offer(events, bytes)) ? undefined : TOO_BUSY;
    } catch (error) {
      logger.warn({ err: error }, 'events not stored');
      return NO_STORE;
    }
  };

  const one = async (
    request: Request,
    principal: Principal,
    agent: AgentName | undefined,
    room: Room,
  ): Promise<Trouble | 'hook' | 'typed'> => {
    const body = await read(request, MAX_BYTES, room);
    if ('status' in body) return body;
    const sender = senderOf(request, principal, body.isChanged, agent);
    if (sender === undefined) return invalidEvent('Idempotency-Key');
    const result = normalise(body.value, 0, sender, { now: now(), nextSeq });
    if (!result.ok) return invalidEvent(result.path);
    metrics.received(result.form, 1);
    return (await store(principal, [result.record], body.bytes)) ?? result.form;
  };

  const many = async (
    request: Request,
    principal: Principal,
    isPartial: boolean,
    room: Room,
  ): Promise<Done | Trouble> => {
    const body = await read(request, MAX_BATCH_BYTES, room);
    if ('status' in body) return body;
    if (!Array.isArray(body.value)) return invalidEvent('');
    if (body.value.length > MAX_BATCH) return TOO_LARGE;
    const sender = senderOf(request, principal, body.isChanged, undefined);
    if (sender === undefined) return invalidEvent('Idempotency-Key');
    const moment = { now: now(), nextSeq };
    const events: EventRecord[] = [];
    const rejected: Rejected[] = [];
    let hooks = 0;
    for (const [index, item] of body.value.entries()) {
      const result = normalise(item, index, sender, moment);
      if (!result.ok) {
        rejected.push({ index, path: result.path });
        continue;
      }
      events.push(result.record);
      if (result.form === 'hook') hooks += 1;
    }
    const [first] = rejected;
    if (first !== undefined && !isPartial) return invalidEvent(first.path, rejected);
    if (hooks > 0) metrics.received('hook', hooks);
    if (events.length > hooks) metrics.received('typed', events.length - hooks);
    const trouble = await store(principal, events, body.bytes);
    if (trouble !== undefined) return trouble;
    const accepted = events.length;
    if (first !== undefined) return { status: 207, body: { accepted, rejected, message: 'Some events rejected' } };
    return { status: 202, body: { accepted, message: accepted === 0 ? 'No events to store' : 'Events accepted' } };
  };

  return {
    single: async (request, principal) => {
      const form = await withRoom((room) => one(request, principal, undefined, room));
      if (typeof form !== 'string') return form;
      if (form === 'typed') return { status: 202, body: { accepted: 1, message: 'Events accepted' } };
      return { status: 200, body: { success: true, message: 'Event received', accepted: 1, total_events: total() } };
    },
    hook: async (request, principal, agent) => {
      const form = await withRoom((room) => one(request, principal, agent, room));
      return typeof form === 'string' ? { status: 200, body: {} } : form;
    },
    batch: (request, principal, isPartial) => withRoom((room) => many(request, principal, isPartial, room)),
  };
}

/** What is cut off nobody hears of any more. */
const NO_BODY = { 'too-large': TOO_LARGE, 'no-room': TOO_BUSY, 'cut-off': INVALID_JSON } as const;

interface Read {
  readonly value: unknown;
  readonly isChanged: boolean;
  readonly bytes: number;
}

function isPlainJson(headers: Headers): boolean {
  return /^application\/json *(;|$)/i.test(headers.get('content-type') ?? '') && !headers.has('content-encoding');
}

/** Undefined for an Idempotency-Key that is too long. */
function senderOf(
  { headers }: Request,
  { id, project, scopes }: Principal,
  isChanged: boolean,
  agent: AgentName | undefined,
): Sender | undefined {
  const idempotencyKey = headers.get('idempotency-key') ?? undefined;
  if (idempotencyKey !== undefined && (idempotencyKey === '' || idempotencyKey.length > MAX_IDEMPOTENCY_KEY))
    return undefined;
  const isOurs = headers.get('user-agent')?.startsWith(OUR_SENDER) === true;
  const read = (header: string): string => clean(isOurs ? decoded(headers.get(header)) : (headers.get(header) ?? ''));
  const said = META_HEADERS.flatMap(([header, key]) => (headers.has(header) ? [[key, read(header)] as const] : []));
  return {
    src: agent === undefined ? 'api' : 'http',
    isTrusted: scopes.has('admin'),
    isChanged,
    project,
    statedProject: read('x-project') || undefined,
    ...(agent === undefined ? {} : { agent }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey, principal: id }),
    ...(said.length === 0 ? {} : { meta: Object.fromEntries(said) }),
  };
}

/** A header holds Latin-1 only, so `send` writes what goes beyond in percent signs (RFC 3986). */
const OUR_SENDER = 'claude-slack-hook/';

function decoded(value: string | null): string {
  try {
    return decodeURIComponent(value ?? '');
  } catch {
    return value ?? '';
  }
}

function clean(value: string): string {
  return value
    .replaceAll(/\p{Cc}/gu, '')
    .slice(0, MAX_META)
    .toWellFormed();
}
