/** One executable of `src`, made of a sealed runtime; see seal.mjs. */
import { BUN, run } from './setup.mjs';

/**
 * Compiles to `to`. Ends this process when Bun cannot.
 * @param runtime path of the sealed Bun that it is made of
 * @param options.target what `bun build --target` calls the runtime's platform; without it this one
 * @param options.cwd where the sources are
 */
export function buildExecutable(to, runtime, { isTest = false, target, cwd, stdio = 'inherit' } = {}) {
  run(
    BUN,
    [
      ...['build', 'src/index.ts', '--compile', '--outfile', to, `--compile-executable-path=${runtime}`],
      ...(target === undefined ? [] : [`--target=${target}`]),
      // Minified bytecode in chunks: the hook's own chunk starts in about 5 ms, with Slack's code left on disk.
      ...['--minify', '--bytecode', '--splitting', '--format=esm', '--define', `CSH_TEST_BUILD=${isTest}`],
      // Two packages ask for their folder: that of the build would stand in the program, and make it another one everywhere.
      ...['--define', '__dirname="/$bunfs/root"'],
      // Without these two, a bunfig.toml preload or a .env in the project's directory would run inside the hook.
      ...['--no-compile-autoload-bunfig', '--no-compile-autoload-dotenv'],
    ],
    { stdio, ...(cwd === undefined ? {} : { cwd }) },
  );
}
