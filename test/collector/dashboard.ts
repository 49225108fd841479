/** The dashboard on a port of its own, with a store in memory and without the rest of the collector. */
import { createLive, type LiveOptions } from '../../src/collector/live.ts';
import { createPages } from '../../src/collector/pages.ts';
import { createWaiting } from '../../src/collector/waiting.ts';
import type { EventRecord } from '../../src/events.ts';
import { createMemoryStore, type MemoryStore } from './memory-store.ts';

export interface Dashboard {
  readonly url: string;
  readonly store: MemoryStore;
  readonly errors: readonly unknown[];
  viewers(): number;
  /** As the collector does it: stored, then told. */
  add(...events: readonly EventRecord[]): Promise<void>;
  /** Ends all event streams, as a network does; new ones can be opened. */
  cut(): void;
  stop(): Promise<void>;
}

/** `now` is the clock's start; it goes on from there. */
export function openDashboard(
  beginning: readonly EventRecord[] = [],
  options: { readonly now?: () => number } & Partial<Omit<LiveOptions, 'now' | 'store' | 'waiting'>> = {},
): Dashboard {
  const { now = Date.now, ...limits } = options;
  const store = createMemoryStore(beginning);
  const waiting = createWaiting();
  waiting.add(beginning);
  const live = createLive({ store, waiting, now, ...limits });
  const errors: unknown[] = [];
  const app = createPages({ store, waiting, live, now, version: '9.9.9', onError: (error) => errors.push(error) });
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch });
  return {
    url: server.url.href,
    store,
    errors,
    viewers: live.viewers,
    add: async (...events) => {
      await store.append(events);
      waiting.add(events);
      live.publish(events);
    },
    cut: live.stop,
    stop: async () => {
      live.stop();
      await server.stop(true);
    },
  };
}

/** Runs `work` with a dashboard and ends it. */
export function withDashboard(
  beginning: () => readonly EventRecord[],
  work: (dashboard: Dashboard) => Promise<void>,
  options: Parameters<typeof openDashboard>[1] = {},
): () => Promise<void> {
  return async () => {
    const dashboard = openDashboard(beginning(), options);
    try {
      await work(dashboard);
    } finally {
      await dashboard.stop();
    }
  };
}
