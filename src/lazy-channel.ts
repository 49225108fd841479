import { AppError } from './errors.ts';
import type { Channel } from './types.ts';

/** A channel whose code is loaded by `start`; nothing can be asked before that has resolved. */
export function createLazyChannel(name: string, load: () => Promise<Channel>): Channel {
  let loaded: Channel | undefined;
  return {
    name,
    start: async (core) => {
      loaded = await load();
      await loaded.start(core);
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
