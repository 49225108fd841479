/** A collector in this process, on the store of files in a directory of its own. */
import { expect } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Collector, type CollectorOptions, createCollector } from '../../src/collector/collector.ts';
import { createKey, createKeyRing, type NewKey } from '../../src/collector/keys.ts';
import type { EventRecord, EventStore } from '../../src/events.ts';
import { createEventLog } from '../../src/store/event-log.ts';

export const KEY = 'demo-key-12345';
export const BASE = 'http://127.0.0.1:3030';

export interface OpenedCollector {
  readonly collector: Collector;
  readonly store: EventStore;
  /** Of the keys. */
  readonly keysPath: string;
  readonly path: string;
  /** A key of the file, for a sender or a reader of its own. */
  key(wish?: Partial<NewKey>): string;
  /** Without a key of its own the first one's is shown. */
  request(method: string, path: string, init?: RequestInit & { readonly key?: string | null }): Promise<Response>;
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** What is stored, oldest first. */
  rows(): Promise<readonly EventRecord[]>;
  /** The lines of the file. */
  lines(): readonly Record<string, unknown>[];
  /** Errors that were logged. */
  readonly logged: readonly unknown[];
}

export interface OpenOptions extends Partial<CollectorOptions> {
  /** In place of the store of files. */
  readonly wrap?: (store: EventStore) => EventStore;
  /** The clock of the keys; see `KeyRingOptions`. */
  readonly elapsed?: () => number;
}

/** Opens one, and takes it away again. */
export async function withCollector(
  body: (opened: OpenedCollector) => Promise<void>,
  { wrap = (store) => store, elapsed = () => performance.now(), ...options }: OpenOptions = {},
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'csh-collector-'));
  const path = join(directory, 'events.jsonl');
  const keysPath = join(directory, 'keys.json');
  const logged: unknown[] = [];
  const note = (...said: readonly unknown[]): void => void logged.push(said);
  const store = wrap(await createEventLog({ path }));
  const fixed = [{ id: 'environment', key: KEY, scopes: ['ingest', 'read'] as const }];
  const collector = await createCollector({
    ...{ store, keys: createKeyRing({ path: keysPath, fixed, elapsed }), isKeyed: true, hosts: [], isLocal: true },
    ...{ isSecure: false, version: '1.2.3', webhooks: [] },
    logger: { info: () => {}, warn: note, error: note },
    ...options,
  });
  const request: OpenedCollector['request'] = async (method, place, { key = KEY, ...init } = {}) => {
    const headers = new Headers(init.headers);
    if (!headers.has('host')) headers.set('host', '127.0.0.1:3030');
    if (key !== null && !headers.has('x-api-key')) headers.set('x-api-key', key);
    return collector.fetch(new Request(`${BASE}${place}`, { ...init, method, headers }));
  };
  try {
    await body({
      ...{ collector, store, keysPath, path, logged, request },
      key: (wish = {}) => createKey(keysPath, { name: 'test', scopes: ['ingest', 'read'], ...wish }, Date.now()).key,
      post: (place, value, headers = {}) =>
        request('POST', place, {
          body: typeof value === 'string' || value instanceof Uint8Array ? (value as string) : JSON.stringify(value),
          headers: { 'content-type': 'application/json', ...headers },
        }),
      rows: () => store.find({}, 100_000, 'oldest'),
      lines: () =>
        readFileSync(path, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line)),
    });
  } finally {
    await collector.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The first collector's own example. */
export const HELLO = {
  hook_event_name: 'test_event',
  session_id: 'test-session-123',
  timestamp: '2025-11-23T10:00:00.000Z',
  cwd: '/test',
  context: { message: 'Hello from curl!' },
};
/** The other's. */
export const TYPED = { event_type: 'session_started', session_id: 'test-123' };

export const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
/** A typed event of so many bytes. */
export const sizeOf = (bytes: number): string => {
  const shell = JSON.stringify({ ...TYPED, data: '' });
  return JSON.stringify({ ...TYPED, data: 'x'.repeat(bytes - shell.length) });
};
export const nothingStored = async ({ rows }: Pick<OpenedCollector, 'rows'>): Promise<void> => {
  expect(await rows()).toEqual([]);
};
