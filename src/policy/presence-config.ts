/** The presence ladder in config.json: what its keys mean. `idleAfter` is the hook's to follow and is only checked here. */
import * as v from 'valibot';
import { readDuration } from '../durations.ts';
import type { PresenceRules } from '../types.ts';
import { users } from './users.ts';

const OBJECT_WORDS = 'to be an object';

const TIME_WORDS = 'to be a time such as 90s, 30m or 500ms';

/** As the options of the command line take it: a bare number is seconds. */
const time = v.pipe(
  v.union([v.string(), v.number()], TIME_WORDS),
  v.transform((value) => readDuration(String(value)) ?? Number.NaN),
  v.check((ms) => ms > 0, TIME_WORDS),
);

const CLOCK_WORDS = 'to be a time of the day such as "22:00"';
const clock = v.pipe(
  v.string(CLOCK_WORDS),
  v.regex(/^([01]\d|2[0-3]):[0-5]\d$/, CLOCK_WORDS),
  v.transform((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3))),
);

const ZONE_WORDS = 'to be a time zone such as "Europe/Berlin"';
const zone = v.pipe(v.string(ZONE_WORDS), v.check(isTimeZone, ZONE_WORDS));

const CHANNEL_WORDS = 'to be the id of a Slack channel such as C0123456789';

const escalate = v.pipe(
  v.strictObject(
    {
      after: time,
      userId: v.exactOptional(users),
      channel: v.exactOptional(v.pipe(v.string(CHANNEL_WORDS), v.regex(/^[CG][A-Z0-9]+$/, CHANNEL_WORDS))),
    },
    OBJECT_WORDS,
  ),
  v.check(({ userId, channel }) => userId !== undefined || channel !== undefined, 'to name a userId or a channel'),
  v.transform(({ after, userId = [], channel }) => ({
    afterMs: after,
    to: channel === undefined ? userId : [...userId, channel],
  })),
);

const quietHours = v.pipe(
  v.strictObject(
    {
      from: clock,
      to: clock,
      // biome-ignore lint/suspicious/noThenProperty: it is the word for it, and nothing awaits the config.
      then: v.optional(v.picklist(['hold', 'fail'], 'to be "hold" or "fail"'), 'hold'),
      timeZone: v.exactOptional(zone),
    },
    OBJECT_WORDS,
  ),
  v.check(({ from, to }) => from !== to, 'to end at another time than they begin'),
  v.transform(({ then, ...rest }) => ({ ...rest, isHeld: then === 'hold' })),
);

/** The value of `presence`. */
export const presenceRules = v.pipe(
  v.strictObject(
    {
      idleAfter: v.exactOptional(time),
      delay: v.exactOptional(time),
      escalate: v.exactOptional(escalate),
      quietHours: v.exactOptional(quietHours),
    },
    OBJECT_WORDS,
  ),
  v.transform(
    ({ idleAfter: _hooks, delay = 0, ...rest }): PresenceRules => ({
      delayMs: delay,
      ...rest,
    }),
  ),
);

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-GB', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
