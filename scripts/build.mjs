/** src -> dist/js: the same bundle as the binary's, readable, to run with Bun. */
import { BUN, ensureInstalled, run } from './setup.mjs';

ensureInstalled();
run(BUN, [
  'build',
  'src/index.ts',
  '--target=bun',
  '--splitting',
  '--format=esm',
  '--sourcemap=linked',
  '--outdir',
  'dist/js',
]);
