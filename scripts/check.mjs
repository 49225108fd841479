/** All that must be green before a commit is pushed: types, lint and format, every test. */
import { join } from 'node:path';
import { ensureInstalled, ROOT, run } from './setup.mjs';

ensureInstalled();
for (const script of ['typecheck.mjs', 'lint.mjs', 'test.mjs']) run(process.execPath, [join(ROOT, 'scripts', script)]);
