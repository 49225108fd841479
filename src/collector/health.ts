/** Whether the collector can do its work, looked at in the background so that asking costs nothing. */
import type { EventStore } from '../events.ts';

/** What the daemon says of its connection. */
export interface SlackView {
  readonly isConnected: boolean;
  readonly reason?: string | undefined;
}

export interface Health {
  /** Why each part that cannot be used cannot; empty when all can. */
  troubles(): Readonly<Record<string, string>>;
  /** An append has failed or was done: known before the next look. */
  note(error: unknown): void;
  stop(): void;
}

export interface HealthOptions {
  readonly store: Pick<EventStore, 'check'>;
  readonly slack?: (() => SlackView) | undefined;
  /** How often it is looked, in milliseconds. */
  readonly everyMs?: number;
}

const LOOK_MS = 2_000;

export async function createHealth({ store, slack, everyMs = LOOK_MS }: HealthOptions): Promise<Health> {
  let storeTrouble: string | undefined;
  let timer: Timer | undefined;
  let isStopped = false;
  const note = (error: unknown): void => {
    storeTrouble = error === undefined ? undefined : error instanceof Error ? error.message : String(error);
  };
  const look = async (): Promise<void> => {
    await store.check().then(() => note(undefined), note);
    if (!isStopped) timer = setTimeout(() => void look(), everyMs);
  };
  await look();
  return {
    troubles: () => {
      const view = slack?.();
      return {
        ...(storeTrouble === undefined ? {} : { store: storeTrouble }),
        ...(view === undefined || view.isConnected ? {} : { slack: view.reason ?? 'not connected' }),
      };
    },
    note,
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
