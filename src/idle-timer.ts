export interface IdleTimer {
  touch(): void;
  stop(): void;
}

/** Calls `onIdle` when `isIdle` has been true for `ms` since the last touch. */
export function createIdleTimer(ms: number, isIdle: () => boolean, onIdle: () => void): IdleTimer {
  let timer: Timer | undefined;
  const touch = (): void => {
    clearTimeout(timer);
    timer = isIdle() ? setTimeout(onIdle, ms) : undefined;
  };
  touch();
  return { touch, stop: () => clearTimeout(timer) };
}
