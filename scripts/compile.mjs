/** src -> dist/bin/claude-slack-hook, one executable that needs nothing else. */
import { BINARY, BUN, ensureInstalled, run } from './setup.mjs';

ensureInstalled();
run(BUN, [
  ...['build', 'src/index.ts', '--compile', '--outfile', BINARY],
  // Minified bytecode in chunks: the hook's own chunk starts in about 5 ms, with Slack's code left on disk.
  ...['--minify', '--bytecode', '--splitting', '--format=esm'],
  // Without these two, a bunfig.toml preload or a .env in the project's directory would run inside the hook.
  ...['--no-compile-autoload-bunfig', '--no-compile-autoload-dotenv'],
]);
