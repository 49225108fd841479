/** The store of events as its settings say, and what every holder of one has to do. */
import { existsSync, readFileSync } from 'node:fs';
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

/** Deletes what is too old, soon and then every hour. Returns what ends that. */
export function retainRegularly(
  store: EventStore,
  rules: Pick<CollectorSettings, 'eventDays' | 'approvalDays'>,
  logger: Pick<Logger, 'info' | 'warn'>,
): () => void {
  const retain = async (): Promise<void> => {
    try {
      const report = await store.retain(rules, Date.now(), false);
      if (report.deleted.length > 0 || report.compressed.length > 0) logger.info(report, 'old events put away');
    } catch (error) {
      logger.warn({ err: error }, 'old events not put away');
    }
  };
  const first = setTimeout(() => void retain(), HOUR_MS / 60);
  const timer = setInterval(() => void retain(), HOUR_MS);
  return () => {
    clearTimeout(first);
    clearInterval(timer);
  };
}
