/** Durations as people write them (in options, the config file and agents' settings) and as they read them. */

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `90`, `90s`, `2m`, `500ms`, `1h` -> whole milliseconds; a bare number is seconds. Undefined for anything else, 0 included. */
export function readDuration(text: string): number | undefined {
  const [, digits = '', unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const ms = digits === '' ? Number.NaN : Math.round(Number(digits) * (UNIT_MS[unit] ?? Number.NaN));
  // Beyond 2^31-1 ms a JavaScript timer fires at once.
  return ms > 0 && ms < 2 ** 31 ? ms : undefined;
}

/** Milliseconds as people say them: `42 s`, `3 min`, `5 h`. */
export function age(ms: number): string {
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}
