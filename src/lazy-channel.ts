import { AppError } from './errors.ts';
import type { Channel } from './types.ts';

/** These may pass. */
const TRANSIENT: ReadonlySet<unknown> = new Set(['slack-unreachable', 'slack-rate-limited']);
/** The first wait; it doubles. */
const RETRY_MS = 500;
const RETRY_CAP_MS = 4_000;

/**
 * A channel whose code is loaded by `start`; nothing can be asked before that has resolved.
 * @param isWorthWaiting whether a start that fails for a reason that may pass is tried again: somebody waits who was shown already
 */
export function createLazyChannel(
  name: string,
  load: () => Promise<Channel>,
  isWorthWaiting: () => boolean = () => false,
): Channel {
  let loaded: Channel | undefined;
  return {
    name,
    start: async (core) => {
      loaded = await load();
      for (let waitMs = RETRY_MS; ; waitMs = Math.min(2 * waitMs, RETRY_CAP_MS)) {
        try {
          return await loaded.start(core);
        } catch (error) {
          if (!(error instanceof AppError && TRANSIENT.has(error.code)) || !isWorthWaiting()) throw error;
        }
        await Bun.sleep(waitMs);
      }
    },
    ask: async (request, signal, onShown) => {
      if (loaded === undefined) throw new AppError('internal', 'Expected the channel to be started before it asks');
      return loaded.ask(request, signal, onShown);
    },
    adopt: (left) => loaded?.adopt(left),
    close: async (request, outcome) => loaded?.close(request, outcome),
    tell: async (news) => loaded?.tell(news),
    stop: async () => loaded?.stop(),
  };
}
