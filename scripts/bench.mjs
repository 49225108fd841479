/** Times the hook beside others that do the same work, and prints a table. `--gate` prints only what CI asks and fails when it is missed. */
import { join } from 'node:path';
import { BUN, ensureCompiled, HERMETIC, ROOT, run } from './setup.mjs';

ensureCompiled();
run(BUN, [...HERMETIC, 'run', join(ROOT, 'scripts/bench/bench.ts'), ...process.argv.slice(2)]);
