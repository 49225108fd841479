/** Measures the collector: events a second, what they cost, and what they do to approvals. `-- --soak` watches its memory for ten minutes instead. */
import { join } from 'node:path';
import { ensurePrograms } from './debian.mjs';
import { BUN, ensureCompiled, HERMETIC, ROOT, run } from './setup.mjs';

ensureCompiled();
ensurePrograms();
run(BUN, [...HERMETIC, 'run', join(ROOT, 'scripts/bench/collect.ts'), ...process.argv.slice(2)]);
