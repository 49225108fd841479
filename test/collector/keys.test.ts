import { describe, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKey, createKeyRing, readKeys, revokeKey } from '../../src/collector/keys.ts';

const WISH = { name: 'test', scopes: ['ingest', 'read'] } as const;

function withFile(body: (path: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'csh-keys-'));
  try {
    body(join(directory, 'deep', 'keys.json'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe('a key', () => {
  test('has 256 bits, is kept as a hash with mode 0600, and gives what was wished for', () =>
    withFile((path) => {
      const { key, stored } = createKey(path, { ...WISH, project: 'shop', rate: 5 }, 0);
      expect(key).toMatch(/^csh_[0-9a-f]{8}_[\w-]{43}$/);
      expect(stored).toMatchObject({
        id: key.slice(4, 12),
        scopes: ['ingest', 'read'],
        createdAt: '1970-01-01T00:00:00.000Z',
      });
      expect(stored.hash).toBe(new Bun.CryptoHasher('sha256').update(key).digest('hex'));
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
      expect(readFileSync(path, 'utf8')).not.toContain(key.slice(13));
      expect(createKeyRing({ path }).principalOf(key)).toEqual({
        id: stored.id,
        scopes: new Set(['ingest', 'read'] as const),
        project: 'shop',
        rate: 5,
      });
    }));

  test('is nobody else, however near: not a part of it, not its hash, not its id', () =>
    withFile((path) => {
      const { key, stored } = createKey(path, WISH, 0);
      const ring = createKeyRing({ path });
      for (const given of [
        '',
        key.slice(0, -1),
        `${key}x`,
        ` ${key}`,
        key.toUpperCase(),
        stored.hash,
        stored.id,
        `${key}\0`,
        'undefined',
      ])
        expect([given, ring.principalOf(given)]).toEqual([given, undefined]);
    }));

  test('that is revoked is nobody within a second, and others stay', () =>
    withFile((path) => {
      let now = 0;
      const [gone, kept] = [createKey(path, WISH, 0).key, createKey(path, WISH, 0).key];
      const ring = createKeyRing({ path, elapsed: () => now });
      expect(ring.principalOf(gone)).toBeDefined();
      expect(revokeKey(path, gone.slice(4, 12), 0)).toBe(true);
      now = 999;
      expect(ring.principalOf(gone)).toBeUndefined();
      expect(ring.principalOf(kept)).toBeDefined();
      expect(revokeKey(path, gone.slice(4, 12), 0)).toBe(false);
      expect(revokeKey(path, 'ffffffff', 0)).toBe(false);
      expect(readKeys(path)).toHaveLength(2);
    }));

  test('that was made a moment ago is known at once', () =>
    withFile((path) => {
      const ring = createKeyRing({ path, elapsed: () => 0 });
      expect(ring.principalOf('nobody')).toBeUndefined();
      const { key } = createKey(path, WISH, 0);
      expect(ring.principalOf(key)).toBeDefined();
    }));
});

describe('a file of keys', () => {
  test('that is not there has none', () =>
    withFile((path) => {
      expect(readKeys(path)).toEqual([]);
      expect(createKeyRing({ path }).isEmpty()).toBe(true);
      const fixed = [{ id: 'environment', key: 'k', scopes: ['ingest'] as const }];
      const ring = createKeyRing({ path, fixed });
      expect([ring.isEmpty(), ring.principalOf('k')?.id]).toEqual([false, 'environment']);
    }));

  test('that others can read, or that is none, gives no key at any look until it is mended', () =>
    withFile((path) => {
      const { key } = createKey(path, WISH, 0);
      const text = readFileSync(path, 'utf8');
      const ring = createKeyRing({ path, elapsed: () => 0 });
      expect(ring.principalOf('nobody')).toBeUndefined();
      const mean = [
        () => chmodSync(path, 0o640),
        () => writeFileSync(path, '{'),
        () => writeFileSync(path, '{"keys":[{"id":"x"}]}'),
        () => writeFileSync(path, '{"keys":{"__proto__":[]}}'),
      ];
      for (const spoil of mean) {
        let now = 0;
        const other = createKeyRing({ path, elapsed: () => now });
        expect(other.principalOf(key)).toBeDefined();
        spoil();
        now = 1_000;
        for (let look = 0; look < 2; look += 1) expect(() => other.principalOf(key)).toThrow(path);
        writeFileSync(path, text);
        chmodSync(path, 0o600);
        expect(other.principalOf(key)).toBeDefined();
      }
    }));
});
