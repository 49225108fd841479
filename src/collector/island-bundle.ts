/** The island as one file, made while this program is bundled or first loaded. Import it `with { type: 'macro' }` only. */

/**
 * island.client.js with preact and the views that it shares with the server, minified. Run by Bun's bundler, so that the
 * program carries the text alone; in another process, because the bundler waits for its macros. Throws what Bun says.
 */
export function islandSource(): string {
  const { stdout, stderr, success } = Bun.spawnSync(
    [
      ...[process.execPath, 'build', `${import.meta.dir}/island.client.js`],
      ...['--minify', '--target=browser', '--format=esm', '--no-env-file'],
    ],
    { cwd: import.meta.dir },
  );
  if (!success) throw new Error(stderr.toString());
  return stdout.toString();
}
