/** How long a target is left alone after it has failed, told in a file: every hook call is a process of its own. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** The first wait, in ms; it doubles with every failure. */
const FIRST_MS = 1_000;
/** A hook asks again at least so often; who replays in the background may take longer. */
const MAX_MS = 60_000;

/** Milliseconds to wait after the `tries`-th failure: exponential, and half of it by chance, so that many do not come at once. */
export function backoffMs(tries: number, random: () => number, maxMs = MAX_MS): number {
  const full = Math.min(FIRST_MS * 2 ** Math.min(tries - 1, 30), maxMs);
  return Math.round(full / 2 + (full / 2) * random());
}

/** Until when nothing should be sent, in ms since the epoch; 0 where nothing stands against it. @param text what the file holds; undefined for none */
export function pauseUntil(text: string | undefined, now: number): number {
  const { until } = readPause(text);
  // A clock that went back must not silence a hook for long.
  return until > now && until <= now + 3_600_000 ? until : 0;
}

/** Leaves the target alone for a while: longer each time, or as long as it asks for. What cannot be written is not told. */
export function startPause(path: string, now: number, retryAfterMs: number | undefined, random = Math.random): void {
  try {
    const tries = readPause(readText(path)).tries + 1;
    const until = now + (retryAfterMs ?? backoffMs(tries, random));
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, JSON.stringify({ until, tries }), { mode: 0o600 });
  } catch {
    // The next hook tries the target itself.
  }
}

export function endPause(path: string): void {
  rmSync(path, { force: true });
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readPause(text = ''): { readonly until: number; readonly tries: number } {
  try {
    const { until, tries } = Object(JSON.parse(text));
    return Number.isFinite(until) && Number.isSafeInteger(tries) ? { until, tries } : { until: 0, tries: 0 };
  } catch {
    return { until: 0, tries: 0 };
  }
}
