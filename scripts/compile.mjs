/** src -> dist/bin/claude-slack-hook, one executable that needs nothing else. `--test` also builds the one that src/test-build.ts is for. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { buildExecutable } from './executable.mjs';
import { checkSealed, sealRuntime } from './seal.mjs';
import { BINARY, BUN, ensureInstalled, ROOT, TEST_BINARY } from './setup.mjs';

ensureInstalled();
for (const executable of [BINARY, TEST_BINARY]) mkdirSync(dirname(executable), { recursive: true });
const work = mkdtempSync(join(ROOT, 'dist/compile-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
const runtime = join(work, 'bun');
sealRuntime(realpathSync(BUN), runtime);
build(BINARY, false);
if (process.argv.includes('--test')) build(TEST_BINARY, true);

function build(executable, isTest) {
  const unchecked = join(work, basename(executable));
  buildExecutable(unchecked, runtime, { isTest });
  signForIntelMacs(unchecked);
  checkSealed(unchecked);
  renameSync(unchecked, executable);
}

/**
 * What Bun builds for Apple silicon it signs itself; what it builds for Intel keeps the signature of its own release, which fits
 * no more. Not tried on a Mac yet, so a failure is left to the check, which runs the executable.
 */
function signForIntelMacs(executable) {
  if (process.platform !== 'darwin' || process.arch !== 'x64') return;
  spawnSync('/usr/bin/codesign', ['--sign', '-', '--force', executable], { stdio: 'inherit' });
}
