import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKey, createKeyRing, revokeKey } from '../../src/collector/keys.ts';

function withFile(body: (path: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'csh-keys-'));
  try {
    body(join(dir, 'keys.json'));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const WISH = { name: 'one', scopes: ['ingest'] } as const;

test('a key that was made a moment ago is taken at once', () =>
  withFile((path) => {
    const ring = createKeyRing({ path, elapsed: () => 1_000 });
    expect(ring.principalOf('csh_00000000_nobody')).toBeUndefined();
    const { key, stored } = createKey(path, WISH, 0);
    expect(ring.principalOf(key)?.id).toBe(stored.id);
  }));

test('a key that was revoked is taken for half a second at most', () =>
  withFile((path) => {
    let at = 1_000;
    const { key, stored } = createKey(path, WISH, 0);
    const ring = createKeyRing({ path, elapsed: () => at });
    expect(ring.principalOf(key)?.id).toBe(stored.id);
    expect(revokeKey(path, stored.id, 1)).toBe(true);
    at += 500;
    expect(ring.principalOf(key)).toBeUndefined();
  }));
