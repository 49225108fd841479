/** tsc over everything, the agents' published types included. */
import { join } from 'node:path';
import { ensureInstalled, ensureOfficialTypes, ROOT, run } from './setup.mjs';

ensureInstalled();
ensureOfficialTypes();
run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', '.']);
