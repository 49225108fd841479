/** The presence ladder: when a request is shown to anybody, and when to somebody else as well. Pure; times are milliseconds since the epoch. */
import type { ApprovalRequest, PresenceRules, QuietHours } from './types.ts';

/** How far a request has come. */
export interface Course {
  readonly request: Pick<ApprovalRequest, 'askedAt' | 'approvers' | 'escalatedTo' | 'offers'>;
  /** Its hook says that the person is at the keyboard, with the agent's own prompt. */
  readonly isHere: boolean;
  /** Messages are on their way. */
  readonly isPosting: boolean;
  /** When it was shown first; undefined when nobody has seen it yet. */
  readonly shownAt: number | undefined;
}

/** What to do now. `until`: when to look again; without it the time alone changes nothing. */
export type Step =
  | { readonly type: 'wait'; readonly until?: number }
  /** `why`: what to say when the deadline comes before it is shown. */
  | { readonly type: 'hold'; readonly why: string; readonly until?: number }
  | { readonly type: 'post' }
  | { readonly type: 'fail'; readonly why: string }
  | { readonly type: 'escalate'; readonly to: readonly string[] };

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
/** Clocks are changed and files are edited: quiet hours are looked at again after this. */
const LOOK_AGAIN_MS = 5 * MINUTE_MS;

const AT_KEYBOARD = 'Nobody answered in time: it was left to the terminal, because somebody is at the keyboard.';
const TOO_SOON = 'Nobody was asked: the deadline came before the delay was over.';

/** The one rung that a request is on now. */
export function presenceStep(rules: PresenceRules | undefined, course: Course, now: number): Step {
  if (course.isPosting) return { type: 'wait' };
  return course.shownAt === undefined
    ? beforeShown(rules, course, now)
    : afterShown(rules, course, course.shownAt, now);
}

function beforeShown(rules: PresenceRules | undefined, { request, isHere }: Course, now: number): Step {
  if (rules === undefined) return { type: 'post' };
  if (isHere) return { type: 'hold', why: AT_KEYBOARD };
  const { delayMs, quietHours } = rules;
  const quiet = quietHours === undefined ? undefined : quietUntil(quietHours, now);
  if (quietHours !== undefined && quiet !== undefined) {
    // An agent that has stopped is not kept from its end by the night.
    if (!quietHours.isHeld || request.offers.form === 'stop') return { type: 'fail', why: quietWords(quietHours) };
    return { type: 'hold', why: quietWords(quietHours), until: quiet };
  }
  const at = request.askedAt + delayMs;
  return now < at ? { type: 'hold', why: TOO_SOON, until: at } : { type: 'post' };
}

function afterShown(rules: PresenceRules | undefined, { request }: Course, shownAt: number, now: number): Step {
  const { approvers, escalatedTo, offers } = request;
  if (rules?.escalate === undefined || escalatedTo !== undefined || offers.form === 'stop') return { type: 'wait' };
  const to = rules.escalate.to.filter((each) => !approvers.includes(each));
  if (to.length === 0) return { type: 'wait' };
  const at = shownAt + rules.escalate.afterMs;
  const until = now < at ? at : rules.quietHours === undefined ? undefined : quietUntil(rules.quietHours, now);
  return until === undefined ? { type: 'escalate', to } : { type: 'wait', until };
}

/** When to look again while it is quiet; undefined when it is not. */
export function quietUntil(quietHours: QuietHours, now: number): number | undefined {
  const { from, to, timeZone } = quietHours;
  const minute = minuteOfDay(now, timeZone);
  const isQuiet = from < to ? minute >= from && minute < to : minute >= from || minute < to;
  if (!isQuiet) return undefined;
  const left = (to - minute + DAY_MINUTES) % DAY_MINUTES;
  return Math.min(now - (now % MINUTE_MS) + left * MINUTE_MS, now + LOOK_AGAIN_MS);
}

/** The quiet hours that it is in, or else the last ones, in milliseconds since the epoch; an hour off when clocks were changed since. */
export function quietWindow(quietHours: QuietHours, now: number): { readonly from: number; readonly to: number } {
  const { from, to, timeZone } = quietHours;
  const minute = minuteOfDay(now, timeZone);
  const since = (minute - from + DAY_MINUTES) % DAY_MINUTES;
  const start = now - (now % MINUTE_MS) - since * MINUTE_MS;
  return { from: start, to: start + ((to - from + DAY_MINUTES) % DAY_MINUTES) * MINUTE_MS };
}

function minuteOfDay(now: number, timeZone: string | undefined): number {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
    ...(timeZone === undefined ? {} : { timeZone }),
  });
  const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, Number(value)]));
  return (parts.get('hour') ?? 0) * 60 + (parts.get('minute') ?? 0);
}

function quietWords({ from, to, timeZone }: QuietHours): string {
  const zone = timeZone === undefined ? '' : ` (${timeZone})`;
  return `Nobody was asked: quiet hours are from ${clock(from)} to ${clock(to)}${zone}.`;
}

function clock(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
}
