/** What has come before: Slack delivers a thing again when it was not acknowledged, or on another connection too. */

/** Returns whether a key was given before; remembers the last `kept` keys only. */
export function createMemory(kept: number): (key: string) => boolean {
  const seen = new Set<string>();
  return (key) => {
    if (seen.has(key)) return true;
    seen.add(key);
    for (const oldest of seen) {
      if (seen.size <= kept) break;
      seen.delete(oldest);
    }
    return false;
  };
}
