/** Work on the log, one piece at a time: what waits to be written is written together. */

/** Something that waits to be written. */
export interface Job<T, R> {
  readonly events: readonly T[];
  /** About how much it is, in bytes. */
  readonly size: number;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

export interface Queue<T, R> {
  /** Resolves or rejects with what `write` says of it. */
  push(events: readonly T[], size: number): Promise<R>;
  /** Runs between two writes. */
  exclusive<A>(work: () => Promise<A>): Promise<A>;
  /** Resolves when all that was given before is done. */
  idle(): Promise<void>;
}

/** `write` gets at most `maxSize` at once, unless one alone is larger; it settles what it is given. */
export function createQueue<T, R>(write: (jobs: readonly Job<T, R>[]) => Promise<void>, maxSize: number): Queue<T, R> {
  let waiting: Job<T, R>[] = [];
  let works: (() => Promise<void>)[] = [];
  let running: Promise<void> | undefined;

  const take = (): readonly Job<T, R>[] => {
    let size = 0;
    const until = waiting.findIndex((job, number) => {
      size += job.size;
      return size > maxSize && number > 0;
    });
    const taken = until < 0 ? waiting : waiting.slice(0, until);
    waiting = until < 0 ? [] : waiting.slice(until);
    return taken;
  };

  const run = async (): Promise<void> => {
    while (waiting.length > 0 || works.length > 0) {
      const [work, ...rest] = works;
      works = rest;
      await work?.();
      const jobs = take();
      if (jobs.length > 0) await write(jobs).catch((error) => jobs.forEach(({ reject }) => void reject(error)));
    }
    running = undefined;
  };
  /** From the next turn on, so that what comes in the same one is written together. */
  const start = (): void => {
    running ??= Promise.resolve().then(run);
  };

  return {
    push: (events, size) =>
      new Promise((resolve, reject) => {
        waiting.push({ events, size, resolve, reject });
        start();
      }),
    exclusive: (work) =>
      new Promise((resolve, reject) => {
        works.push(() => work().then(resolve, reject));
        start();
      }),
    idle: async () => {
      while (running !== undefined) await running;
    },
  };
}
