/** How long a server wants to be left alone. */

/**
 * Seconds or a date (RFC 9110, 10.2.3) -> milliseconds from now, at most `maxMs`; undefined for no header or another text.
 * @param now milliseconds since the epoch
 */
export function retryAfterOf(text: string | null, now: number, maxMs: number): number | undefined {
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), maxMs);
}
