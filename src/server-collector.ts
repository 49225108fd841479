/** The daemon's part in the record of everything: with `--http` it is a collector, and it can send its approvals to another one. */
import { hostname } from 'node:os';
import type { SlackHealth } from './channels/slack-health.ts';
import { createApprovalEvents } from './collector/approval-events.ts';
import { type CollectorSection, resolveCollector } from './collector/config.ts';
import { createSequence } from './collector/event-identity.ts';
import { createInDaemon, type InDaemon } from './collector/in-daemon.ts';
import { createKeyRing } from './collector/keys.ts';
import { takeLock } from './daemon-lock.ts';
import { AppError } from './errors.ts';
import { collectorSections, keysFile, openEventStore, retainRegularly } from './event-stores.ts';
import type { EventRecord, EventStore } from './events.ts';
import type { Logger } from './logger.ts';
import { isLoopback } from './loopback.ts';
import { maskDeep } from './recorder.ts';
import { createMasker, type SecretRule } from './secrets.ts';
import { createSpooler } from './sender/spooler.ts';
import type { StatePaths } from './state.ts';
import type { AgentName, HookInput, LeftBehind, StoreRecord } from './types.ts';
import { VERSION } from './version.ts';

export interface ServerCollectorOptions {
  readonly state: StatePaths;
  readonly configFile: string;
  /** Whether this daemon is to be a collector itself. */
  readonly isCollector: boolean;
  /** Of the daemon's HTTP door: agents have it, so it may send events and see none. */
  readonly token: () => string;
  readonly health: () => Pick<SlackHealth, 'state' | 'reason' | 'identity'> | undefined;
  readonly maskRules: () => readonly SecretRule[];
  readonly logger: Logger;
}

export interface ServerCollector {
  note(record: StoreRecord): void;
  /** Tells again of requests that an earlier daemon may have died over before it told; whoever has them knows them again. */
  restore(left: readonly LeftBehind[]): void;
  /** Resolves when it is on record, or cannot be. Never rejects. */
  heard(
    agent: AgentName,
    input: HookInput,
    secrets: readonly string[],
    src: 'socket' | 'http',
    id?: string,
  ): Promise<void>;
  readonly fetch: InDaemon['fetch'] | undefined;
  stop(): Promise<void>;
}

/** Throws AppError('bad-config') for a section of the config file that is wrong. */
export function openServerCollector(options: ServerCollectorOptions): ServerCollector {
  const { configFile, isCollector, health, maskRules, logger } = options;
  const { collector: section, send } = collectorSections(configFile);
  const linkTo = (conversation: string, message: string): string | undefined => {
    const url = health()?.identity?.url ?? '';
    return url.startsWith('https://') ? `${url}archives/${conversation}/p${message.replace('.', '')}` : undefined;
  };
  const own = isCollector ? openOwn(options, section, linkTo) : undefined;
  const sender = send.url === undefined ? undefined : openSender(options, send.url, send.apiKey, linkTo);
  const note = (record: StoreRecord): void => {
    for (const each of [own, sender]) {
      try {
        each?.note(record);
      } catch (error) {
        // Whoever writes it down is on the way to an answer: that must not end here.
        logger.warn({ err: error }, 'event not made');
      }
    }
  };
  return {
    note,
    restore: (left) => {
      for (const { request, receipts, shownAt, outcome } of left) {
        const { id, askedAt: at, agent, digest, approvers, needed, expiresAt, input } = request;
        note({ type: 'asked', at, id, agent, digest, approvers, needed, expiresAt, input });
        // Of several only the first one's time is known, and with another time it would be another event.
        const [receipt, ...others] = receipts;
        if (receipt !== undefined && others.length === 0) note({ ...receipt, type: 'posted', at: shownAt ?? at, id });
        if (outcome !== undefined) note({ ...outcome, type: 'ended', id });
      }
    },
    heard: async (agent, input, secrets, src, id) => {
      if (own === undefined) return;
      try {
        const masked = maskDeep(input, createMasker({ known: secrets, rules: maskRules() })) as HookInput;
        await own.heard({ agent, input: masked, src, id });
      } catch (error) {
        logger.warn({ err: error }, 'event not stored');
      }
    },
    fetch: own?.fetch,
    stop: async () => {
      await Promise.all([own?.stop(), sender?.stop()]);
    },
  };
}

type LinkTo = (conversation: string, message: string) => string | undefined;

function openOwn(
  { state, token, health, logger }: ServerCollectorOptions,
  section: CollectorSection,
  linkTo: LinkTo,
): InDaemon {
  // Its environment comes from a hook, and so may be a project's: only the config file counts.
  const jsonlPath = section.jsonlPath ?? `${state.dir}/events/events.jsonl`;
  if (!jsonlPath.startsWith('/'))
    throw new AppError(
      'bad-config',
      `Expected collector.jsonlPath to be an absolute path, got ${JSON.stringify(jsonlPath)}`,
    );
  const settings = resolveCollector({}, {}, { ...section, jsonlPath });
  let stopRetaining = (): void => {};
  const openStore = async (): Promise<EventStore> => {
    const store = await openEventStore(settings, logger);
    stopRetaining = retainRegularly(store, settings, logger);
    return store;
  };
  const collector = createInDaemon({
    openStore,
    keys: createKeyRing({ path: keysFile(state), fixed: [{ id: 'daemon', key: token(), scopes: ['ingest'] }] }),
    ...{ allowedHosts: settings.allowedHosts, webhooks: settings.webhooks, rate: settings.rate },
    ...{ host: hostname(), version: VERSION, linkTo, logger },
    slack: () => ({ isConnected: health()?.state === 'connected', reason: health()?.reason }),
  });
  return {
    ...collector,
    stop: () => {
      stopRetaining();
      return collector.stop();
    },
  };
}

/** Approvals for a collector elsewhere: first to this machine's spool, so that none is lost while that is away. */
function openSender(
  { state, logger }: ServerCollectorOptions,
  url: string,
  key: string | undefined,
  linkTo: LinkTo,
): { note(record: StoreRecord): void; stop(): Promise<void> } {
  const approvals = createApprovalEvents({ host: hostname(), nextSeq: createSequence(Date.now), linkTo });
  const spooler = createSpooler({
    ...{ dir: `${state.dir}/spool`, url, key, version: VERSION, takeLock, now: Date.now, logger },
    fetch: (address, init) => fetch(address, { ...init, ...connectionTo(address) }),
  });
  return {
    note: (record) => {
      const event = approvals.of(record);
      if (event !== undefined) spooler.offer(toSend(event));
    },
    stop: spooler.stop,
  };
}

/**
 * The daemon's environment comes from a hook, and so may be a project's: its proxy may carry what is encrypted, and must not
 * read the key, with which anybody could tell of approvals. Bun sends what is for this machine to a proxy, too.
 */
function connectionTo(address: string): BunFetchRequestInit {
  const url = new URL(address);
  // The types do not know that false means none (Bun 1.4.5).
  const direct = { proxy: false } as unknown as BunFetchRequestInit;
  return { tls: { rejectUnauthorized: true }, ...(url.protocol === 'http:' || isLoopback(url.hostname) ? direct : {}) };
}

function toSend({
  event_id,
  event_type,
  session_id,
  timestamp,
  data,
  agent,
  project,
  host,
  tool,
  approval_id,
}: EventRecord) {
  return { event_id, event_type, session_id, timestamp, data, agent, project, host, tool, approval_id };
}
