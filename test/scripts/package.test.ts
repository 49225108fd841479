import { describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SCRIPT = new URL('../../scripts/package.mjs', import.meta.url).pathname;

describe('package', () => {
  test('empties no folder that holds something else, and takes no flag that it does not know', () => {
    const folder = mkdtempSync(join(tmpdir(), 'csh-package-'));
    try {
      for (const name of ['notes.txt', 'SHA256SUMS']) writeFileSync(join(folder, name), 'mine');
      for (const args of [['--out', folder], ['--host', '--out', folder], ['--out'], ['--out', '--host'], ['--hots']]) {
        const { exitCode, stdout, stderr } = Bun.spawnSync(['node', SCRIPT, ...args], { cwd: folder });
        expect([args, exitCode, stdout.toString()]).toEqual([args, 64, '']);
        expect(stderr.toString()).toMatch(/^Expected [^\n]+\n$/);
      }
      expect(readdirSync(folder).toSorted()).toEqual(['SHA256SUMS', 'notes.txt']);
      expect(readFileSync(join(folder, 'notes.txt'), 'utf8')).toBe('mine');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
