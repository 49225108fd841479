/** How many events a key may send: a bucket of tokens for each, which fills at its rate and holds one second's worth. */
export interface RateLimit {
  /** 0 when they may come; else after how many seconds to try again. */
  take(id: string, rate: number | undefined, events: number): number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** @param elapsed milliseconds on a clock that only grows */
export function createRateLimit(elapsed: () => number): RateLimit {
  const buckets = new Map<string, Bucket>();
  return {
    take: (id, rate, events) => {
      if (rate === undefined) return 0;
      const now = elapsed();
      const bucket = buckets.get(id) ?? { tokens: rate, at: now };
      bucket.tokens = Math.min(rate, bucket.tokens + ((now - bucket.at) / 1000) * rate);
      bucket.at = now;
      buckets.set(id, bucket);
      // A batch larger than a second's worth goes through a full bucket, and is paid for afterwards.
      if (bucket.tokens >= Math.min(events, rate)) {
        bucket.tokens -= events;
        return 0;
      }
      return Math.max(1, Math.ceil((Math.min(events, rate) - bucket.tokens) / rate));
    },
  };
}
