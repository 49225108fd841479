/** Times and spans in words. Clock times are in the zone of this machine, which every page names. */

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

/** `14:03:07`; another day than `now`'s has its date in front. */
export function clock(at: number, now: number): string {
  const date = new Date(at);
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return date.toDateString() === new Date(now).toDateString() ? time : `${day(at)} ${time}`;
}

/** `2026-11-21` */
export function day(at: number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** How long somebody waits: `04:12`, `1:04:12`. Never negative. */
export function waited(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${hours > 0 ? `${hours}:` : ''}${two(minutes)}:${two(seconds % 60)}`;
}

/** A span of milliseconds in at most two words: `80 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function spanWords(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < MINUTE - 500) return `${Math.round(ms / 1000)} s`;
  if (ms < HOUR - 500) return pair(Math.round(ms / 1000), 60, 'min', 's');
  if (ms < DAY - MINUTE / 2) return pair(Math.round(ms / MINUTE), 60, 'h', 'min');
  return pair(Math.round(ms / HOUR), 24, 'd', 'h');
}

/** As `<time datetime>` and JSON have it. */
export function iso(at: number): string {
  return new Date(at).toISOString();
}

/** The zone of all clock times. */
export function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function pair(count: number, base: number, large: string, small: string): string {
  const rest = count % base;
  return `${Math.floor(count / base)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
