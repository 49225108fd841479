/** The store of events as its settings say, and what every holder of one has to do. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type CollectorSettings, readSections, type Sections } from './collector/config.ts';
import { takeLock } from './daemon-lock.ts';
import { AppError } from './errors.ts';
import type { EventStore } from './events.ts';
import type { Logger } from './logger.ts';
import type { StatePaths } from './state.ts';

/** What the config file, whose mode `resolveSettings` has checked, says of collectors. Throws AppError('bad-config'). */
export function collectorSections(configFile: string): Sections {
  if (!existsSync(configFile)) return readSections({}, configFile);
  try {
    return readSections(JSON.parse(readFileSync(configFile, 'utf8')), configFile);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('bad-config', `Expected ${configFile} to hold one JSON object`, { cause: error });
  }
}

export function keysFile({ dir }: Pick<StatePaths, 'dir'>): string {
  return `${dir}/keys.json`;
}

/** Somebody else changes the keys for a millisecond. */
const KEYS_POLL_MS = 5;
const KEYS_WAIT_MS = 5_000;

/**
 * Does this while no other process changes the keys: of two that read and write them at once, one would undo the other's,
 * and bring back a key that was revoked. Rejects with AppError('state-dir') when they cannot be had.
 */
export async function changingKeys<T>(path: string, change: () => T): Promise<T> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  for (const until = performance.now() + KEYS_WAIT_MS; performance.now() < until; await Bun.sleep(KEYS_POLL_MS)) {
    const lock = takeLock(`${path}.lock`);
    if (lock === undefined) continue;
    try {
      return change();
    } finally {
      lock.release();
    }
  }
  throw new AppError('state-dir', `Expected to be alone with ${path}, got another process that changes it`);
}

/** Rejects with AppError('store' | 'store-busy' | 'bad-config'). Loads only the store that is wanted. */
export async function openEventStore(
  { storage, databaseUrl, jsonlPath }: Pick<CollectorSettings, 'storage' | 'databaseUrl' | 'jsonlPath'>,
  logger: Logger,
): Promise<EventStore> {
  if (storage === 'postgres' && databaseUrl !== undefined) {
    const { createPostgresStore } = await import('./store/event-postgres.ts');
    return createPostgresStore({ url: databaseUrl, logger });
  }
  const { createEventLog } = await import('./store/event-log.ts');
  return createEventLog({ path: jsonlPath, lock: () => lockOf(jsonlPath) });
}

/** Held as long as the process lives, or until it is released. */
function lockOf(path: string): (() => void) | undefined {
  const lock = takeLock(`${path}.lock`);
  return lock === undefined ? undefined : () => lock.release();
}

const HOUR_MS = 3_600_000;

const DAY_MS = 86_400_000;

type Rules = Pick<CollectorSettings, 'eventDays' | 'approvalDays'>;

/** Deletes what is too old, soon and then every hour. Returns what ends that. */
export function retainRegularly(store: EventStore, rules: Rules, logger: Pick<Logger, 'info' | 'warn'>): () => void {
  const retain = createRetaining(store, rules, logger, Date.now);
  const first = setTimeout(() => void retain(), HOUR_MS / 60);
  const timer = setInterval(() => void retain(), HOUR_MS);
  return () => {
    clearTimeout(first);
    clearInterval(timer);
  };
}

/**
 * What is done every hour. Never rejects. A clock that is years ahead for a moment must not delete everything: when more than
 * a day has gone by since the last time, or since the newest event, it is believed only if it still says so the next time.
 * @param now milliseconds since the epoch
 */
export function createRetaining(
  store: Pick<EventStore, 'find' | 'retain'>,
  rules: Rules,
  logger: Pick<Logger, 'info' | 'warn'>,
  now: () => number,
): () => Promise<void> {
  let lookedAt: number | undefined;
  return async () => {
    try {
      const at = now();
      const before = lookedAt ?? ((await store.find({}, 1))[0]?.seq ?? at * 1000) / 1000;
      lookedAt = at;
      if (at - before > DAY_MS) {
        logger.warn({ hours: Math.round((at - before) / HOUR_MS) }, 'the clock has gone on by more than a day');
        return;
      }
      const report = await store.retain(rules, at, false);
      if (report.deleted.length > 0 || report.compressed.length > 0) logger.info(report, 'old events put away');
    } catch (error) {
      logger.warn({ err: error }, 'old events not put away');
    }
  };
}
