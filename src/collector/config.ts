/** What the collector runs with: its flags, its environment, and `collector` in the config file, in this order. */
import * as v from 'valibot';
import { describeIssue } from '../config-words.ts';
import { AppError } from '../errors.ts';
import { isLoopback } from '../loopback.ts';
import { type WebhookRule, webhookRules } from './webhooks-rules.ts';

export interface CollectorSettings {
  readonly port: number;
  readonly host: string;
  readonly storage: 'postgres' | 'jsonl';
  /** Of postgres. Holds a password. */
  readonly databaseUrl: string | undefined;
  /** Of jsonl. */
  readonly jsonlPath: string;
  /** See `DoorOptions`. */
  readonly allowedHosts: readonly string[];
  /** Events a second for each key without a rate of its own. */
  readonly rate: number | undefined;
  readonly isKeyed: boolean;
  /** A key that may send and read. */
  readonly apiKey: string | undefined;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly isBehindProxy: boolean;
  readonly logLevel: string;
  readonly eventDays: number;
  readonly approvalDays: number;
  readonly webhooks: readonly WebhookRule[];
}

type Environment = Readonly<Record<string, string | undefined>>;
type Flags = Readonly<Record<string, string | true>>;

const WHOLE = 'to be a whole number, at least 1';
const whole = v.pipe(v.number(WHOLE), v.safeInteger(WHOLE), v.minValue(1, WHOLE));
const TEXT = 'to be a text that is not empty';
const text = v.pipe(v.string(TEXT), v.minLength(1, TEXT));

const section = v.strictObject(
  {
    port: v.exactOptional(whole),
    host: v.exactOptional(text),
    storage: v.exactOptional(v.picklist(['auto', 'postgres', 'jsonl'], 'to be "auto", "postgres" or "jsonl"')),
    databaseUrl: v.exactOptional(text),
    jsonlPath: v.exactOptional(text),
    allowedHosts: v.exactOptional(v.array(text, 'to be a list of host names')),
    rate: v.exactOptional(whole),
    eventDays: v.exactOptional(whole),
    approvalDays: v.exactOptional(whole),
    webhooks: v.exactOptional(webhookRules),
  },
  'to be an object',
);
/** Another collector, which this machine sends to. */
const target = v.object({ url: v.exactOptional(text), apiKey: v.exactOptional(text) }, 'to be an object');
const file = v.object({ collector: v.optional(section, {}), send: v.optional(target, {}) }, 'to hold one JSON object');

export type CollectorSection = v.InferOutput<typeof section>;
/** `collector` and `send` of the config file. */
export type Sections = v.InferOutput<typeof file>;

/** Takes what the config file holds. Throws AppError('bad-config') that names what is wrong. */
export function readSections(config: unknown, path: string): Sections {
  const checked = v.safeParse(file, config, { abortEarly: true });
  if (checked.success) return checked.output;
  throw new AppError(
    'bad-config',
    describeIssue(checked.issues[0], path, ['collector.databaseUrl', 'collector.webhooks', 'send']),
  );
}

const DEFAULT_PORT = 3030;
/** Where the library that these events come from keeps them. */
const DEFAULT_PATH = '.agentic/analytics/events.jsonl';
const EVENT_DAYS = 30;
const APPROVAL_DAYS = 365;
/** The key of the first collector's example: everybody knows it. */
const DEMO_KEY = 'demo-key-12345';

/** Other programs' names for pino's levels. */
const LEVELS: Readonly<Record<string, string>> = { warning: 'warn', critical: 'fatal' };

/** Throws AppError('usage' | 'bad-config'). */
export function resolveCollector(flags: Flags, env: Environment, config: CollectorSection): CollectorSettings {
  const flag = (name: string): string | undefined => (typeof flags[name] === 'string' ? flags[name] : undefined);
  const host = flag('host') ?? (env.HOST || config.host) ?? '127.0.0.1';
  const databaseUrl = env.DATABASE_URL || config.databaseUrl;
  const settings: CollectorSettings = {
    port: portOf(
      flag('port') ?? (env.PORT || config.port) ?? DEFAULT_PORT,
      flag('port') === undefined ? 'PORT' : '--port',
    ),
    host,
    storage: storageOf(flag('storage') ?? (env.STORAGE_TYPE || config.storage) ?? 'auto', databaseUrl),
    databaseUrl,
    jsonlPath: flag('jsonl-path') ?? (env.JSONL_PATH || config.jsonlPath) ?? DEFAULT_PATH,
    allowedHosts: [...listOf(flag('allow-host') ?? env.ALLOWED_HOSTS), ...(config.allowedHosts ?? [])],
    rate: rateOf(flag('rate')) ?? config.rate,
    isKeyed: isKeyed(env.HOOK_AUTH),
    apiKey: env.HOOK_API_KEY || undefined,
    tlsCert: flag('tls-cert'),
    tlsKey: flag('tls-key'),
    isBehindProxy: flags['behind-proxy'] === true || env.BEHIND_PROXY === '1',
    logLevel: levelOf(flag('log-level') ?? (env.LOG_LEVEL || 'info')),
    eventDays: config.eventDays ?? EVENT_DAYS,
    approvalDays: config.approvalDays ?? APPROVAL_DAYS,
    webhooks: config.webhooks ?? [],
  };
  if ((settings.tlsCert === undefined) !== (settings.tlsKey === undefined))
    throw new AppError('usage', 'Expected --tls-cert and --tls-key together, got one of them');
  return settings;
}

/**
 * What others can reach has to know its senders, and must not have keys travel in the clear.
 * Throws AppError('bad-config').
 */
export function checkExposure(settings: CollectorSettings, hasKeys: boolean): void {
  const { host, isKeyed: asksForKeys, apiKey, tlsCert, isBehindProxy } = settings;
  // A proxy on this machine brings everybody's requests.
  if (isLoopback(host) && !isBehindProxy) return;
  const refuse = (expected: string, hint: string): never => {
    const place = isLoopback(host) ? 'behind a proxy' : `on ${host}`;
    throw new AppError('bad-config', `Expected ${expected} to listen ${place}`, { hint });
  };
  if (!asksForKeys) refuse('keys, not HOOK_AUTH=off,', 'HOOK_AUTH=off works on 127.0.0.1 only, and without a proxy.');
  if (apiKey === DEMO_KEY)
    refuse('a key of your own, not the one of the example,', 'Set HOOK_API_KEY to a random text.');
  if (!hasKeys) refuse('a key', 'Run claude-slack-hook keys create, or set HOOK_API_KEY.');
  if (tlsCert === undefined && !isBehindProxy)
    refuse('TLS or a proxy that has it', 'Give --tls-cert and --tls-key, or --behind-proxy (BEHIND_PROXY=1).');
}

function portOf(value: string | number, from: string): number {
  const port = /^\d{1,5}$/.test(String(value)) ? Number(value) : Number.NaN;
  if (port >= 0 && port <= 65_535) return port;
  throw new AppError(
    from === '--port' ? 'usage' : 'bad-config',
    `Expected ${from} to be a port from 0 to 65535, got ${JSON.stringify(value)}`,
  );
}

function storageOf(choice: string, databaseUrl: string | undefined): 'postgres' | 'jsonl' {
  if (choice === 'auto') return databaseUrl === undefined ? 'jsonl' : 'postgres';
  if (choice === 'jsonl') return 'jsonl';
  if (choice !== 'postgres')
    throw new AppError(
      'bad-config',
      `Expected STORAGE_TYPE to be auto, postgres or jsonl, got ${JSON.stringify(choice)}`,
    );
  if (databaseUrl === undefined)
    throw new AppError('bad-config', 'Expected DATABASE_URL for STORAGE_TYPE=postgres, got none', {
      hint: 'Set DATABASE_URL=postgresql://user:password@host:5432/database, or STORAGE_TYPE=jsonl.',
    });
  return 'postgres';
}

function listOf(value: string | undefined): readonly string[] {
  return (value ?? '').split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
}

function rateOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
  throw new AppError('usage', `Expected --rate to be a number of events a second, got ${JSON.stringify(value)}`);
}

function isKeyed(value: string | undefined): boolean {
  if (value === undefined || value === '' || value === 'on') return true;
  if (value === 'off') return false;
  throw new AppError('bad-config', `Expected HOOK_AUTH to be on or off, got ${JSON.stringify(value)}`);
}

const LOG_LEVELS: ReadonlySet<string> = new Set(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']);

function levelOf(value: string): string {
  const level = LEVELS[value.toLowerCase()] ?? value.toLowerCase();
  if (LOG_LEVELS.has(level)) return level;
  throw new AppError(
    'bad-config',
    `Expected LOG_LEVEL to be one of ${[...LOG_LEVELS].join(', ')}, got ${JSON.stringify(value)}`,
  );
}
