/** The tests: sets everything up, runs them, and fails when fewer ran than test/floor.json asks for. `e2e` runs those with the real binary only. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrograms } from './debian.mjs';
import { BUN, ensureCompiled, ensureOfficialTypes, HERMETIC, ROOT } from './setup.mjs';

/** A bound against hangs, not a measure: a busy machine takes its time. */
const HANG_MS = 30_000;

const [only, ...rest] = process.argv.slice(2);
const isWhole = only === undefined;
ensureCompiled();
ensurePrograms();
ensureOfficialTypes();
mkdirSync(join(ROOT, 'dist'), { recursive: true });
const report = join(ROOT, 'dist/junit.xml');
const where = only === 'e2e' ? ['./test/e2e'] : isWhole ? ['./test'] : [only];
const { status } = spawnSync(
  BUN,
  [...HERMETIC, 'test', `--timeout=${HANG_MS}`, '--reporter=junit', `--reporter-outfile=${report}`, ...where, ...rest],
  {
    cwd: ROOT,
    stdio: 'inherit',
  },
);

const [, head = ''] = /<testsuites([^>]*)>/.exec(readFileSync(report, 'utf8')) ?? [];
const count = (name) => Number(new RegExp(`${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
const failed = count('failures') + count('errors');
const skipped = count('skipped');
const passed = count('tests') - failed - skipped;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);

const { floor } = JSON.parse(readFileSync(join(ROOT, 'test/floor.json'), 'utf8'));
if (isWhole && passed < floor) {
  console.error(`Expected at least ${floor} tests to pass (test/floor.json), got ${passed}`);
  process.exit(1);
}
process.exit(status ?? 1);
