/** The daemon in the foreground, from source, restarted at every change, with its log on stderr (pipe it through pino-pretty). */
import { join } from 'node:path';
import { BUN, ensureInstalled, HERMETIC, ROOT, run } from './setup.mjs';

ensureInstalled();
// An absolute path: the daemon's directory is `/`, and a restart starts from there.
run(BUN, ['--watch', ...HERMETIC, join(ROOT, 'src/index.ts'), 'daemon', ...process.argv.slice(2)], {
  env: { ...process.env, __CLAUDE_SLACK_SERVER__: '1' },
});
