/** Biome: lint and format. With --write it formats. */
import { join } from 'node:path';
import { ensureInstalled, ROOT, run } from './setup.mjs';

ensureInstalled();
const biome = join(ROOT, 'node_modules/.bin/biome');
if (process.argv.includes('--write')) run(biome, ['check', '--write', '.']);
else run(biome, ['ci', '--error-on-warnings', '.']);
