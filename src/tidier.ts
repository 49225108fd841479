/** Gives memory back after a flood: what a daemon has thrown away is otherwise kept by the engine until it needs it again. */

/** So much has to come in between, in bytes: what is asked in an hour of ordinary work is a hundredth of it. */
const FLOOD_BYTES = 16 * 1024 * 1024;
/** Collecting takes some 20 ms: not in the middle of it. */
const CALM_MS = 2_000;

export interface TidierOptions {
  readonly collect?: () => void;
  /** Calls back after so many milliseconds. */
  readonly after?: (ms: number, call: () => void) => void;
}

/** Returns what is to be told of every number of bytes that came in. */
export function createTidier({
  collect = () => Bun.gc(true),
  after = (ms, call) => void setTimeout(call, ms).unref(),
}: TidierOptions = {}): (bytes: number) => void {
  let bytes = 0;
  let isDue = false;
  const tidy = (seen: number): void => {
    if (bytes > seen) {
      wait();
      return;
    }
    bytes = 0;
    isDue = false;
    collect();
    // What the first one has let go of is given back by the second: measured, 11 MB of 75 MB of garbage.
    after(CALM_MS, collect);
  };
  const wait = (): void => {
    const seen = bytes;
    after(CALM_MS, () => tidy(seen));
  };
  return (more) => {
    bytes += more;
    if (isDue || bytes < FLOOD_BYTES) return;
    isDue = true;
    wait();
  };
}
