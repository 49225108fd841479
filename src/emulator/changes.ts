/** One place that knows when anything changed: waits look again then, so that nobody polls. */

export interface Changes {
  /** Tells every wait and listener that the state is new. */
  notify(): void;
  /** Calls `listener` after every change; the returned function ends that. */
  listen(listener: () => void): () => void;
  /**
   * Resolves with the first value that `look` finds, now or after a change.
   * Rejects after `timeoutMs` with an error that names `what` was awaited and what there is (`found`).
   */
  until<T>(what: string, look: () => T | undefined, found: () => string, timeoutMs: number): Promise<T>;
  /** Rejects every open wait: nothing will change any more. */
  end(): void;
}

/** Creates the meeting point of changes and waits. */
export function createChanges(): Changes {
  const listeners = new Set<() => void>();
  const enders = new Set<() => void>();

  function listen(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  function until<T>(what: string, look: () => T | undefined, found: () => string, timeoutMs: number): Promise<T> {
    // A `look` that throws (a caller's own test function) rejects the wait.
    return new Promise((resolve, reject) => {
      const now = look();
      if (now !== undefined) {
        resolve(now);
        return;
      }
      const finish = () => {
        clearTimeout(timer);
        enders.delete(ended);
        unlisten();
      };
      const ended = () => {
        finish();
        reject(new Error(`The emulator was stopped while something waited for ${what}`));
      };
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`Expected ${what} within ${timeoutMs} ms, found ${found()}`));
      }, timeoutMs);
      const unlisten = listen(() => {
        try {
          const value = look();
          if (value === undefined) return;
          finish();
          resolve(value);
        } catch (error) {
          finish();
          reject(error);
        }
      });
      enders.add(ended);
    });
  }

  return {
    notify: () => {
      for (const listener of [...listeners]) listener();
    },
    listen,
    until,
    end: () => {
      for (const ender of [...enders]) ender();
    },
  };
}
