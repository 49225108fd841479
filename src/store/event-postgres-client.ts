/** Connections to one PostgreSQL database through Bun's client: few, every wait bounded, and failures told without secrets or data. */
import { AppError } from '../errors.ts';

export interface PostgresPool {
  /** Runs what `work` asks of the database; rejects with what the client rejects with, or when nobody answers in time. */
  run<T>(work: (sql: Bun.SQL) => PromiseLike<T>): Promise<T>;
  /** Waits a little for what runs. */
  close(): Promise<void>;
}

export interface PoolOptions {
  readonly url: string;
  /** Connections at most; none is opened before it is needed. */
  readonly max: number;
  /** How long one statement may run at the server. */
  readonly statementMs: number;
  /** Further settings of its sessions. */
  readonly settings?: Readonly<Record<string, string>>;
}

const CONNECT_S = 5;
/** An idle connection is given back: firewalls forget it in minutes. */
const IDLE_S = 60;
/** What the server's own bound gets to reach us. A server that has gone without a word is noticed by this alone. */
const GRACE_MS = 2000;
const CLOSE_S = 10;
/** Waits before a further try: what a restart or a lost connection needs, and no longer than a sender waits for its answer. */
const RETRY_AFTER_MS = [0, 100, 400, 1500];
/** SQLSTATEs that another try can cure: connections, restarts, deadlocks, a lock or a partition that somebody was at. */
const PASSING =
  /^(08|57P0[1-3]|40001|40P01|53300|55P03|23514|26000)|^ERR_POSTGRES_(CONNECTION|IDLE_TIMEOUT|LIFETIME_TIMEOUT)/;
/** Their messages quote values, which nobody must read in a log. */
const QUOTING = /^2[23]/;
const REASON_LENGTH = 200;

/** @throws AppError('store') for an address that is none of PostgreSQL */
export function createPool({ url, max, statementMs, settings = {} }: PoolOptions): PostgresPool {
  const { address, database, isBounced } = readAddress(url);
  const connection = { application_name: 'claude-slack-hook', statement_timeout: String(statementMs), ...settings };
  const open = (): Bun.SQL =>
    new Bun.SQL(address, {
      adapter: 'postgres',
      max,
      connectionTimeout: CONNECT_S,
      idleTimeout: IDLE_S,
      // Without it PGDATABASE would choose another database than the address.
      ...(database === undefined ? {} : { database }),
      // PgBouncer hands every transaction to another session: it refuses settings, and old ones know no prepared statements.
      ...(isBounced ? { prepare: false } : { connection }),
    });
  let sql = opened(open);
  let isClosed = false;

  const replace = (broken: Bun.SQL): void => {
    if (broken === sql) sql = open();
    broken.close({ timeout: 0 }).catch(() => undefined);
  };

  return {
    async run(work) {
      if (isClosed) throw new AppError('store', 'Expected an open store, got one that is closed');
      const used = sql;
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(() => {
        late.reject(new AppError('store', `no answer within ${Math.round((statementMs + GRACE_MS) / 1000)} s`));
        replace(used);
      }, statementMs + GRACE_MS);
      try {
        return await Promise.race([work(used), late.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      isClosed = true;
      await sql.close({ timeout: CLOSE_S }).catch(() => undefined);
    },
  };
}

/** What `work` gives, tried again while the failure is one that passes. It is told whether an earlier try may have been done. */
export async function retried<T>(work: (isAgain: boolean) => Promise<T>): Promise<T> {
  for (let tried = 0; ; tried += 1) {
    try {
      return await work(tried > 0);
    } catch (error) {
      const wait = RETRY_AFTER_MS[tried];
      if (wait === undefined || !PASSING.test(stateOf(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

/** The server's SQLSTATE, else the client's own code. */
export function stateOf(error: unknown): string {
  const { errno, code } = (error ?? {}) as { errno?: unknown; code?: unknown };
  return typeof errno === 'string' ? errno : typeof code === 'string' ? code : '';
}

/** A failure as users see it: what was wanted of which server, and why not. Neither passwords nor values of events stand in it. */
export function failureOf(error: unknown, url: string, wanted: string): AppError {
  if (error instanceof AppError && error.message.startsWith('Expected')) return error;
  const hint = HINTS[stateOf(error)];
  const options = hint === undefined ? {} : { hint };
  return new AppError(
    'store',
    `Expected PostgreSQL at ${placeOf(url)} to ${wanted}, got: ${reasonOf(error, url)}`,
    options,
  );
}

/** What to do where the catalogue does not know. */
const HINTS: Readonly<Record<string, string>> = {
  '42501': 'Give the role of DATABASE_URL the right to create tables: GRANT CREATE ON SCHEMA public TO it.',
  '57014': 'Ask for less: for one session, or for a shorter time.',
};

function reasonOf(error: unknown, url: string): string {
  const state = stateOf(error);
  if (QUOTING.test(state)) return `a value was refused (${state})`;
  const text = error instanceof Error ? error.message : 'an unknown failure';
  const clean = secretsOf(url).reduce((message, secret) => message.replaceAll(secret, '[redacted]'), text);
  return `${clean.slice(0, REASON_LENGTH)}${state === '' || error instanceof AppError ? '' : ` (${state})`}`;
}

/** Host, port and database of an address, and nothing else of it. */
export function placeOf(url: string): string {
  const [, place] = /^[a-z]+:\/\/(?:.*@)?([^?#]*)/is.exec(url) ?? [];
  return place === undefined || place === '' ? 'its address' : place;
}

/** Passwords in an address, as written and as meant. */
function secretsOf(url: string): readonly string[] {
  const [, password] = /^[a-z]+:\/\/[^:@/]*:(.*)@/is.exec(url) ?? [];
  const [, parameter] = /[?&]password=([^&#]*)/i.exec(url) ?? [];
  return [password, parameter]
    .filter((secret) => secret !== undefined && secret !== '')
    .flatMap((secret) => [secret ?? '', decoded(secret ?? '')]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

interface Address {
  readonly address: string;
  readonly database: string | undefined;
  /** It says `pgbouncer=true`, as Prisma's addresses do. */
  readonly isBounced: boolean;
}

function readAddress(url: string): Address {
  if (!/^postgres(ql)?:\/\//i.test(url))
    throw new AppError('store', 'Expected DATABASE_URL to start with postgres://, got another address');
  const [base = '', query = ''] = url.split(/\?(.*)/s, 2);
  const parameters = new URLSearchParams(query);
  const isBounced = /^(true|1)$/.test(parameters.get('pgbouncer') ?? '');
  parameters.delete('pgbouncer');
  const [, name] = /^[a-z]+:\/\/(?:.*@)?[^/]*\/(.+)$/is.exec(base) ?? [];
  return {
    address: parameters.size === 0 ? base : `${base}?${parameters.toString()}`,
    database: name === undefined ? undefined : decoded(name),
    isBounced,
  };
}

/** The client's own error for an address that it cannot read could quote it. */
function opened(open: () => Bun.SQL): Bun.SQL {
  try {
    return open();
  } catch {
    throw new AppError('store', 'Expected DATABASE_URL to be an address of PostgreSQL, got one that cannot be read');
  }
}
