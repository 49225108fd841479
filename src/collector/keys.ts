/** Who may send and read: keys, of which only hashes are kept. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { AppError } from '../errors.ts';

/** `ingest` sends events, `read` sees them, `admin` may also tell of approvals, as our daemons do. */
export const SCOPES = ['ingest', 'read', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Whoever has shown a key. */
export interface Principal {
  readonly id: string;
  readonly scopes: ReadonlySet<Scope>;
  /** Its events are of this project, whatever they say; and it reads no other's. */
  readonly project?: string;
  /** Events a second; without it as many as come. */
  readonly rate?: number;
}

const storedKey = v.object({
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{8}$/)),
  name: v.string(),
  /** SHA-256 of the whole key, hex. */
  hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  scopes: v.pipe(v.array(v.picklist(SCOPES)), v.minLength(1)),
  project: v.optional(v.string()),
  rate: v.optional(v.pipe(v.number(), v.minValue(1))),
  /** ISO 8601. */
  createdAt: v.string(),
  revokedAt: v.optional(v.string()),
});
const keyFile = v.object({ keys: v.array(storedKey) });

export type StoredKey = v.InferOutput<typeof storedKey>;

export interface NewKey {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly project?: string;
  readonly rate?: number;
}

/** 256 bits. */
const SECRET_BYTES = 32;

/** Throws AppError('state-dir') for a file that others can read or that is no file of keys. */
export function readKeys(path: string): readonly StoredKey[] {
  let text: string;
  try {
    if ((statSync(path).mode & 0o077) !== 0)
      throw new AppError('state-dir', `Expected mode 0600 for ${path}`, { hint: `Run: chmod 600 ${path}` });
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error instanceof AppError ? error : new AppError('state-dir', `Cannot read ${path}`, { cause: error });
  }
  try {
    return v.parse(keyFile, JSON.parse(text)).keys;
  } catch (error) {
    throw new AppError('state-dir', `Expected ${path} to hold keys, got something else`, { cause: error });
  }
}

/** Adds a key and returns it: it cannot be read again. */
export function createKey(
  path: string,
  wish: NewKey,
  now: number,
): { readonly key: string; readonly stored: StoredKey } {
  const id = randomBytes(4).toString('hex');
  const key = `csh_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
  const { name, scopes, project, rate } = wish;
  const stored: StoredKey = {
    ...{ id, name, hash: hashOf(key).toString('hex'), scopes: [...scopes], createdAt: new Date(now).toISOString() },
    ...(project === undefined ? {} : { project }),
    ...(rate === undefined ? {} : { rate }),
  };
  writeKeys(path, [...readKeys(path), stored]);
  return { key, stored };
}

/** False when there is no such key that is valid. */
export function revokeKey(path: string, id: string, now: number): boolean {
  const keys = readKeys(path);
  if (!keys.some((key) => key.id === id && key.revokedAt === undefined)) return false;
  const revokedAt = new Date(now).toISOString();
  writeKeys(
    path,
    keys.map((key) => (key.id === id ? { ...key, revokedAt } : key)),
  );
  return true;
}

function writeKeys(path: string, keys: readonly StoredKey[]): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600 });
    chmodSync(temporary, 0o600);
    renameSync(temporary, path);
  } catch (error) {
    throw new AppError('state-dir', `Cannot write ${path}: ${(error as Error).message}`, { cause: error });
  }
}

export interface KeyRing {
  /** Whose key it is; undefined for nobody's. */
  principalOf(given: string): Principal | undefined;
  /** Whether there is any key at all. */
  isEmpty(): boolean;
}

export interface KeyRingOptions {
  /** See `createKey`; read again when it has changed. */
  readonly path: string;
  /** Keys that come from the environment or from the daemon, by what they are called. */
  readonly fixed?: readonly { readonly id: string; readonly key: string; readonly scopes: readonly Scope[] }[];
  /** Milliseconds on a clock that only grows. */
  readonly elapsed?: () => number;
}

/** How long a revoked key may still be taken, in milliseconds. */
const LOOK_MS = 500;

export function createKeyRing({ path, fixed = [], elapsed = () => performance.now() }: KeyRingOptions): KeyRing {
  const known = fixed.map(({ id, key, scopes }) => ({ id, hash: hashOf(key), scopes: new Set(scopes) }));
  let stored: readonly { readonly hash: Buffer; readonly principal: Principal }[] = [];
  let stamp = '';
  let lookedAt = Number.NEGATIVE_INFINITY;

  const look = (): void => {
    if (elapsed() - lookedAt < LOOK_MS) return;
    lookedAt = elapsed();
    const stat = statSync(path, { throwIfNoEntry: false });
    const current = stat === undefined ? '' : `${stat.ino} ${stat.mtimeMs} ${stat.size} ${stat.mode}`;
    if (current === stamp) return;
    stored = readKeys(path)
      .filter(({ revokedAt }) => revokedAt === undefined)
      .map(({ id, hash, scopes, project, rate }) => ({
        hash: Buffer.from(hash, 'hex'),
        principal: {
          id,
          scopes: new Set(scopes),
          ...(project === undefined ? {} : { project }),
          ...(rate === undefined ? {} : { rate }),
        },
      }));
    stamp = current;
  };

  return {
    principalOf: (given) => {
      look();
      const hash = hashOf(given);
      // Every key is compared, whichever fits, and each in the same time wherever it differs.
      let found: Principal | undefined;
      for (const { id, hash: own, scopes } of known) if (timingSafeEqual(own, hash)) found = { id, scopes };
      for (const { hash: own, principal } of stored) if (timingSafeEqual(own, hash)) found = principal;
      return found;
    },
    isEmpty: () => {
      look();
      return known.length === 0 && stored.length === 0;
    },
  };
}

function hashOf(key: string): Buffer {
  const hash = Buffer.allocUnsafe(32);
  Bun.SHA256.hash(key, hash);
  return hash;
}
