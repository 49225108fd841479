/** `retention`: deletes the events that are too old, or says which they are. */
import { resolveCollector } from '../collector/config.ts';
import { collectorSections, openEventStore } from '../event-stores.ts';
import { createLogger, stderrSink } from '../logger.ts';
import type { Settings } from '../settings.ts';
import type { Said } from '../types.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Flags = Readonly<Record<string, string | true>>;

/** Throws AppError('usage' | 'bad-config' | 'store' | 'store-busy'). */
export async function runRetention(flags: Flags, getSettings: () => Settings, env: Environment): Promise<Said> {
  process.umask(0o077);
  const settings = resolveCollector(flags, env, collectorSections(getSettings().configFile).collector);
  const isDryRun = flags['dry-run'] === true;
  const store = await openEventStore(settings, createLogger(settings.logLevel, stderrSink));
  try {
    const report = await store.retain(settings, Date.now(), isDryRun);
    if (flags.json === true) return { stdout: `${JSON.stringify(report)}\n`, stderr: '', exitCode: 0 };
    const [verb, done] = isDryRun ? ['Would delete', 'Would compress'] : ['Deleted', 'Compressed'];
    const lines = [
      ...report.deleted.map(({ what, events }) => `${verb} ${what} (${events} events)`),
      ...report.compressed.map((what) => `${done} ${what}`),
    ];
    const text = lines.length === 0 ? 'Nothing is too old.' : lines.join('\n');
    return { stdout: `${text}\n`, stderr: '', exitCode: 0 };
  } finally {
    await store.close();
  }
}
