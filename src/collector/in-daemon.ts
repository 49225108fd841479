/**
 * The collector inside the daemon: what the daemon knows of hooks and approvals becomes events, and its HTTP port also
 * answers as a collector. It may come later than the daemon, or not at all; no approval ever waits for it.
 */
import { toAppError } from '../errors.ts';
import type { EventRecord, EventStore } from '../events.ts';
import type { Logger } from '../logger.ts';
import type { AgentName, HookInput, StoreRecord } from '../types.ts';
import { createApprovalEvents } from './approval-events.ts';
import type { Collector } from './collector.ts';
import { createSequence } from './event-identity.ts';
import { storable } from './event-text.ts';
import type { SlackView } from './health.ts';
import { createHeld } from './held.ts';
import type { KeyRing } from './keys.ts';
import { normalise } from './normalise.ts';
import type { WebhookRule } from './webhooks-rules.ts';

export interface InDaemonOptions {
  /** Opens the store. Rejects with AppError('store-busy') while somebody else has it: an earlier daemon, for a moment. */
  readonly openStore: () => Promise<EventStore>;
  readonly keys: KeyRing;
  readonly allowedHosts: readonly string[];
  /** See `CollectorOptions`. */
  readonly rate?: number | undefined;
  readonly webhooks: readonly WebhookRule[];
  readonly host: string;
  readonly version: string;
  readonly slack: () => SlackView;
  /** See `ApprovalEventsOptions`. */
  readonly linkTo: (conversation: string, message: string) => string | undefined;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** How long until a store that could not be had is tried again, in milliseconds. */
  readonly retryMs?: number;
}

export interface Heard {
  readonly agent: AgentName;
  /** With secrets masked. */
  readonly input: HookInput;
  readonly src: 'socket' | 'http';
  /** Of the request that it asks; a hook that comes back to a later daemon asks it again. */
  readonly id?: string | undefined;
}

export interface InDaemon {
  /** A record of an approval. */
  note(record: StoreRecord): void;
  /** A hook's input. Resolves when it is on disk, or cannot be. */
  heard(hook: Heard): Promise<void>;
  fetch(request: Request): Response | Promise<Response>;
  stop(): Promise<void>;
}

/** A store that is another's belongs to the daemon that makes room, which takes a second at most; or to a collector of the user's. */
const RETRY_MS = 1_000;
/** The longest wait until what could not be stored is tried again: some of it may be what no store takes. */
const MAX_RETRY_MS = 60_000;

export function createInDaemon(options: InDaemonOptions): InDaemon {
  const { openStore, host, logger, slack, linkTo, retryMs = RETRY_MS } = options;
  // Until the store says what numbers it has: the collector gives others.
  const nextSeq = createSequence(Date.now);
  const approvals = createApprovalEvents({ host, nextSeq, linkTo });
  const held = createHeld();
  let collector: Collector | undefined;
  let trouble = 'The collector is starting';
  let retry: Timer | undefined;
  let again: Timer | undefined;
  let waitMs = retryMs;
  let isStopped = false;

  /** Each by itself: the store writes them together, and what it cannot take does not keep the others back. */
  const write = async (event: EventRecord): Promise<void> => {
    try {
      await collector?.record([event]);
      waitMs = retryMs;
    } catch (error) {
      if (held.isEmpty()) logger.warn({ err: error }, 'events not stored yet; trying again');
      held.add(event);
      if (isStopped || again !== undefined) return;
      again = setTimeout(release, waitMs);
      waitMs = Math.min(waitMs * 2, MAX_RETRY_MS);
    }
  };
  const release = (): void => {
    again = undefined;
    const { events, lost } = held.take();
    if (lost > 0) logger.warn({ lost }, 'events lost while there was no store');
    for (const event of events) void write(event);
  };
  const take = async (event: EventRecord): Promise<void> => {
    const { value, isChanged } = storable(event);
    const clean = isChanged ? { ...value, flags: [...(value.flags ?? []), 'text'] } : event;
    if (collector !== undefined) return write(clean);
    held.add(clean);
  };
  const open = async (): Promise<void> => {
    let store: EventStore | undefined;
    try {
      const { createCollector } = await import('./collector.ts');
      store = await openStore();
      const opened = await createCollector({
        ...{ store, keys: options.keys, isKeyed: true, hosts: options.allowedHosts, isLocal: true, isSecure: false },
        ...{ version: options.version, logger, slack, webhooks: options.webhooks, rate: options.rate },
      });
      if (isStopped) return await opened.stop();
      collector = opened;
      release();
      logger.info('collecting events');
    } catch (error) {
      if (collector === undefined) await store?.close().catch(() => {});
      const { message, code } = toAppError(error);
      if (trouble !== message) logger.warn({ code, reason: message }, 'no store for events; trying again');
      trouble = message;
      if (!isStopped) retry = setTimeout(() => void start(), retryMs);
    }
  };
  let opening: Promise<void> = Promise.resolve();
  const start = (): Promise<void> => {
    opening = open();
    return opening;
  };
  void start();

  return {
    note: (record) => {
      const event = approvals.of(record);
      if (event !== undefined) take(event).catch((error) => logger.warn({ err: error }, 'event not stored'));
    },
    heard: async ({ agent, input, src, id }) => {
      const moment = { now: Date.now(), nextSeq };
      const named = id === undefined ? {} : { idempotencyKey: id };
      const result = normalise(input, 0, { src, agent, isTrusted: false, ...named }, moment);
      if (result.ok) await take({ ...result.record, host });
    },
    fetch: (request) =>
      collector?.fetch(request) ??
      Response.json({ error: { code: 'store', message: trouble } }, { status: 503, headers: { 'Retry-After': '1' } }),
    stop: async () => {
      isStopped = true;
      clearTimeout(retry);
      clearTimeout(again);
      await opening;
      await collector?.stop();
    },
  };
}
