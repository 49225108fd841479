/** `collect`: takes hook events over HTTP, keeps them, and shows them. Runs until it is told to stop. */
import { readFileSync } from 'node:fs';
import { createCollector } from '../collector/collector.ts';
import { type CollectorSettings, checkExposure, resolveCollector } from '../collector/config.ts';
import { createKey, createKeyRing, type KeyRing } from '../collector/keys.ts';
import { serve } from '../collector/serve.ts';
import { raiseDescriptors } from '../daemon-limits.ts';
import { AppError } from '../errors.ts';
import { changingKeys, collectorSections, keysFile, openEventStore, retainRegularly } from '../event-stores.ts';
import type { EventStore } from '../events.ts';
import { createLogger, type Logger, stderrSink } from '../logger.ts';
import { isLoopback } from '../loopback.ts';
import type { Settings } from '../settings.ts';
import { statePaths } from '../state.ts';
import type { Said } from '../types.ts';
import { VERSION } from '../version.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Flags = Readonly<Record<string, string | true>>;

export interface CollectSurroundings {
  readonly getSettings: () => Settings;
  readonly env: Environment;
  readonly print: (text: string) => void;
}

/** How long answers that are due may take when it stops. */
const GRACE_MS = 3_000;

/** Throws AppError('usage' | 'bad-config' | 'state-dir' | 'store' | 'store-busy') for what keeps it from starting. */
export async function runCollect(flags: Flags, { getSettings, env, print }: CollectSurroundings): Promise<Said> {
  process.umask(0o077);
  raiseDescriptors();
  const settings = resolveCollector(flags, env, collectorSections(getSettings().configFile).collector);
  const secrets = [settings.apiKey, settings.databaseUrl].filter((secret) => secret !== undefined);
  const logger = createLogger(settings.logLevel, stderrSink, secrets);
  const path = keysFile(statePaths(env));
  const keys = openKeys(settings, path);
  checkExposure(settings, !keys.isEmpty());
  const store = await openEventStore(settings, logger);
  const server = await start(settings, keys, store, logger);
  const firstKey = settings.isKeyed && keys.isEmpty() ? await makeFirstKey(settings, path) : undefined;
  const stopRetaining = retainRegularly(store, settings, logger);
  print(`${intro(settings, server.url, store, firstKey).join('\n')}\n`);
  logger.info({ url: server.url, storage: store.kind, version: VERSION }, 'collecting events');

  const signal = await new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => resolve(name));
  });
  logger.info({ reason: signal }, 'stopping');
  stopRetaining();
  await server.stop();
  logger.info('stopped');
  return { stdout: '', stderr: '', exitCode: 0 };
}

/** Keys of the file and of the environment. */
function openKeys({ apiKey }: CollectorSettings, path: string): KeyRing {
  const fixed = apiKey === undefined ? [] : [{ id: 'environment', key: apiKey, scopes: ['ingest', 'read'] as const }];
  return createKeyRing({ path, fixed });
}

/** Only when everything else is there: a key that nobody was shown would keep the next start from making one. */
async function makeFirstKey({ host }: CollectorSettings, path: string): Promise<string> {
  const wish = { name: `first, for ${host}`, scopes: ['ingest', 'read'] } as const;
  return (await changingKeys(path, () => createKey(path, wish, Date.now()))).key;
}

interface Running {
  readonly url: string;
  stop(): Promise<void>;
}

async function start(settings: CollectorSettings, keys: KeyRing, store: EventStore, logger: Logger): Promise<Running> {
  try {
    const { host, port, tlsCert, tlsKey, isKeyed, allowedHosts, rate, webhooks, isBehindProxy } = settings;
    const collector = await createCollector({
      ...{ store, keys, isKeyed, hosts: allowedHosts, rate, version: VERSION, logger, webhooks },
      isLocal: isLoopback(host) && !isBehindProxy,
      isSecure: tlsCert !== undefined || isBehindProxy,
    });
    const tls =
      tlsCert === undefined || tlsKey === undefined ? undefined : { cert: readPem(tlsCert), key: readPem(tlsKey) };
    const server = serve({ host, port, tls, fetch: collector.fetch });
    return {
      url: server.url,
      stop: async () => {
        collector.hangUp();
        await server.stop(GRACE_MS);
        await collector.stop();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new AppError('bad-config', `Cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function intro(settings: CollectorSettings, url: string, store: EventStore, firstKey: string | undefined): string[] {
  const { isKeyed, apiKey, jsonlPath } = settings;
  return [
    `Collecting at ${url}/events; dashboard: ${url}/`,
    `Stored in ${store.kind === 'jsonl' ? jsonlPath : 'PostgreSQL'}`,
    ...(isKeyed ? [] : ['HOOK_AUTH=off: everybody on this machine may send and read']),
    ...(apiKey === undefined ? [] : ['Key: the one in HOOK_API_KEY']),
    ...(firstKey === undefined ? [] : [`Key, shown this once: ${firstKey}`]),
  ];
}
