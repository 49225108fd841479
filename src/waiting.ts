/** What a hook looks after while it waits: that the daemon is alive, and that somebody still wants the answer. Loaded only then. */
import { forbidCore } from './daemon-limits.ts';
import { createOrphanCheck } from './orphan.ts';

/** A daemon that was not heard of for this long has hung. */
export const SILENCE_MS = 5_000;
/** How often we look whether the agent lives. */
const LOOK_MS = 1_000;
/** A timer that is this late means that we were stopped (a laptop that sleeps) or starved: nobody can have been heard then. */
const LATE_MS = 1_000;
/** What has come meanwhile is read before the daemon is given up. */
const LAST_LOOK_MS = 50;

/** What the client has heard of the daemon; the client writes it. */
export interface Pulse {
  /** On the clock of performance.now(). */
  heardAt: number;
}

export interface WatchOptions {
  readonly pulse: Readonly<Pulse>;
  readonly onSilent: () => void;
  readonly onOrphan: () => void;
  /** Undefined watches for no orphan. */
  readonly orphan?: { isOrphaned(): boolean } | undefined;
  readonly now?: () => number;
  /** Calls back after so many milliseconds, and returns what takes it back. */
  readonly after?: (ms: number, call: () => void) => () => void;
}

/** Watches until one of the two is called or it is stopped, whichever is first. */
export function watchOver({
  pulse,
  onSilent,
  onOrphan,
  orphan = createOrphanCheck(),
  now = () => performance.now(),
  after = timer,
}: WatchOptions): () => void {
  forbidCore();
  let since = pulse.heardAt;
  let isLastLook = false;
  let cancel = (): void => {};
  const wait = (ms: number): void => {
    const dueAt = now() + ms;
    cancel = after(ms, () => look(now() - dueAt));
  };
  const look = (lateMs: number): void => {
    if (orphan?.isOrphaned() === true) {
      onOrphan();
      return;
    }
    since = lateMs > LATE_MS ? now() : Math.max(since, pulse.heardAt);
    const silentMs = now() - since;
    if (silentMs >= SILENCE_MS && isLastLook) {
      onSilent();
      return;
    }
    isLastLook = silentMs >= SILENCE_MS;
    wait(isLastLook ? LAST_LOOK_MS : Math.min(LOOK_MS, SILENCE_MS - silentMs));
  };
  look(0);
  return () => cancel();
}

function timer(ms: number, call: () => void): () => void {
  const id = setTimeout(call, ms);
  return () => clearTimeout(id);
}
