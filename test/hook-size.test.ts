/** What every tool call loads: gates that no noisy machine can fake. */
import { expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ENTRY_LIMIT_BYTES = 20_000;
const ALL_LIMIT_BYTES = 38_000;

test('the entry chunk is under 20 kB, all that a hook call loads is under 38 kB, and none of it is Slack or logging code', async () => {
  const out = mkdtempSync(join(tmpdir(), 'csh-size-'));
  try {
    const entry = join(import.meta.dir, '../src/index.ts');
    const child = Bun.spawn(
      [
        ...[process.execPath, 'build', entry, '--target=bun', '--minify', '--splitting', '--format=esm'],
        ...['--define', 'CSH_TEST_BUILD=false', '--outdir', out],
      ],
      { stdout: 'ignore' },
    );
    expect(await child.exited).toBe(0);
    const loaded = new Set<string>();
    const load = (name: string): void => {
      if (loaded.has(name)) return;
      loaded.add(name);
      const text = readFileSync(join(out, name), 'utf8');
      // Static imports only: `import(` is loaded when it is called.
      for (const [, next] of text.matchAll(/(?:from|import)\s*"\.\/([\w-]+\.js)"/g)) load(next ?? '');
    };
    load('index.js');
    const code = [...loaded].map((name) => readFileSync(join(out, name), 'utf8')).join('\n');
    expect(code).not.toMatch(/slack\/bolt|SocketModeClient|WebClient|pino|chat\.postMessage/);
    expect(Bun.file(join(out, 'index.js')).size).toBeLessThan(ENTRY_LIMIT_BYTES);
    expect(Buffer.byteLength(code)).toBeLessThan(ALL_LIMIT_BYTES);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});
