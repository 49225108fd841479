/** The daemon in the foreground, from source, restarted at every change, with its log on stderr (pipe it through pino-pretty). */
import { BUN, ensureInstalled, HERMETIC, run } from './setup.mjs';

ensureInstalled();
run(BUN, ['--watch', ...HERMETIC, 'src/index.ts', 'daemon', ...process.argv.slice(2)], {
  env: { ...process.env, __CLAUDE_SLACK_SERVER__: '1' },
});
