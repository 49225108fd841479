/**
 * The cases of docs/promises.md by their ids, with the compiled binary: all, or those whose ids are given. As root, those
 * about other users of the machine run a second time as one of them, who is not root.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUN, ensureCompiled, HERMETIC, ROOT } from './setup.mjs';

/** `nobody` on Debian and others. */
const NOBODY = 65_534;
const AS_NOBODY = ['I', 'X'];

ensureCompiled();
const ids = process.argv.slice(2);
const wanted = ids.length === 0 ? '[A-Z]\\d+' : `(${ids.join('|')})`;
let failed = run(wanted, {});
if (process.getuid?.() === 0 && ids.length === 0) {
  console.log('\nThe same as a user who is not root:');
  const home = mkdtempSync(join(tmpdir(), 'csh-nobody-'));
  chmodSync(home, 0o777);
  const env = { ...process.env, HOME: home, TMPDIR: home };
  // Also when something has failed already: both are to be seen.
  failed = run(`[${AS_NOBODY.join('')}]\\d+`, { uid: NOBODY, gid: NOBODY, env }) || failed;
  rmSync(home, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

/** True when a case fails. */
function run(pattern, options) {
  const args = [...HERMETIC, 'test', '--timeout=30000', './test', '--test-name-pattern', `\\[${pattern}\\]`];
  const { status, error } = spawnSync(BUN, args, { cwd: ROOT, stdio: 'inherit', ...options });
  if (error) console.error(`Cannot run ${BUN}: ${error.message}`);
  return status !== 0;
}
