/** src -> dist/bin/claude-slack-hook, one executable that needs nothing else. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { checkSealed, sealRuntime } from './seal.mjs';
import { BINARY, BUN, ensureInstalled, ROOT, run } from './setup.mjs';

ensureInstalled();
mkdirSync(dirname(BINARY), { recursive: true });
const work = mkdtempSync(join(ROOT, 'dist/compile-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
const runtime = join(work, 'bun');
const unchecked = join(work, basename(BINARY));
sealRuntime(realpathSync(BUN), runtime);
run(BUN, [
  ...['build', 'src/index.ts', '--compile', '--outfile', unchecked],
  `--compile-executable-path=${runtime}`,
  // Minified bytecode in chunks: the hook's own chunk starts in about 5 ms, with Slack's code left on disk.
  ...['--minify', '--bytecode', '--splitting', '--format=esm'],
  // Without these two, a bunfig.toml preload or a .env in the project's directory would run inside the hook.
  ...['--no-compile-autoload-bunfig', '--no-compile-autoload-dotenv'],
]);
signForIntelMacs(unchecked);
checkSealed(unchecked);
renameSync(unchecked, BINARY);

/**
 * What Bun builds for Apple silicon it signs itself; what it builds for Intel keeps the signature of its own release, which fits
 * no more. Not tried on a Mac yet, so a failure is left to the check, which runs the executable.
 */
function signForIntelMacs(executable) {
  if (process.platform !== 'darwin' || process.arch !== 'x64') return;
  spawnSync('/usr/bin/codesign', ['--sign', '-', '--force', executable], { stdio: 'inherit' });
}
