import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Course, presenceStep, quietUntil } from '../src/presence.ts';
import type { Offers, PresenceRules, QuietHours } from '../src/types.ts';
import { PERMISSION } from './channels/requests.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** 2026-03-10T00:00Z, a Tuesday. */
const MIDNIGHT = Date.UTC(2026, 2, 10);
const NIGHT: QuietHours = { from: 22 * 60, to: 7 * 60, isHeld: true, timeZone: 'UTC' };
const RULES: PresenceRules = { delayMs: 20_000, escalate: { afterMs: 10 * MINUTE, to: ['U2'] } };

function courseAt(askedAt: number, change: Partial<Course> & { form?: 'stop'; escalatedTo?: readonly string[] } = {}) {
  const { form = 'permission', escalatedTo, ...rest } = change;
  const offers: Offers = { ...PERMISSION, form };
  const request: Course['request'] = {
    ...{ askedAt, approvers: ['U1'], offers },
    ...(escalatedTo === undefined ? {} : { escalatedTo }),
  };
  const course: Course = { request, isHere: false, isPosting: false, shownAt: undefined, ...rest };
  return course;
}

describe('the presence ladder', () => {
  const noon = MIDNIGHT + 12 * HOUR;

  test('asks at once where the config file says nothing about it', () => {
    expect(presenceStep(undefined, courseAt(noon, { isHere: true }), noon)).toEqual({ type: 'post' });
    expect(presenceStep({ delayMs: 0 }, courseAt(noon), noon)).toEqual({ type: 'post' });
  });

  test('waits for the delay and not longer', () => {
    const course = courseAt(noon);
    expect(presenceStep(RULES, course, noon)).toMatchObject({ type: 'hold', until: noon + 20_000 });
    expect(presenceStep(RULES, course, noon + 19_999)).toMatchObject({ type: 'hold' });
    expect(presenceStep(RULES, course, noon + 20_000)).toEqual({ type: 'post' });
  });

  test('leaves the question to the terminal for as long as somebody is at the keyboard', () => {
    const here = presenceStep(RULES, courseAt(noon, { isHere: true }), noon + 3 * HOUR);
    expect(here).toMatchObject({ type: 'hold', why: expect.stringContaining('left to the terminal') });
    expect(here).not.toHaveProperty('until');
    expect(presenceStep(RULES, courseAt(noon), noon + 3 * HOUR)).toEqual({ type: 'post' });
  });

  test('asks others once, so long after the first message, and nobody who is asked already', () => {
    const shown = courseAt(noon, { shownAt: noon + MINUTE });
    expect(presenceStep(RULES, shown, noon + 10 * MINUTE)).toEqual({ type: 'wait', until: noon + 11 * MINUTE });
    expect(presenceStep(RULES, shown, noon + 11 * MINUTE)).toEqual({ type: 'escalate', to: ['U2'] });
    const asked = courseAt(noon, { shownAt: noon, escalatedTo: ['U2'] });
    expect(presenceStep(RULES, asked, noon + HOUR)).toEqual({ type: 'wait' });
    const same = { ...RULES, escalate: { afterMs: MINUTE, to: ['U1'] } };
    expect(presenceStep(same, courseAt(noon, { shownAt: noon }), noon + HOUR)).toEqual({ type: 'wait' });
    expect(presenceStep(RULES, courseAt(noon, { shownAt: noon, form: 'stop' }), noon + HOUR)).toEqual({ type: 'wait' });
    expect(presenceStep(RULES, { ...shown, isPosting: true }, noon + HOUR)).toEqual({ type: 'wait' });
  });

  test('pings nobody in quiet hours, and goes on when they end', () => {
    const rules = { ...RULES, quietHours: NIGHT };
    const night = MIDNIGHT + 6 * HOUR + 58 * MINUTE;
    expect(presenceStep(rules, courseAt(night), night + MINUTE)).toEqual({
      ...{ type: 'hold', until: MIDNIGHT + 7 * HOUR },
      why: 'Nobody was asked: quiet hours are from 22:00 to 07:00 (UTC).',
    });
    expect(presenceStep(rules, courseAt(night), MIDNIGHT + 7 * HOUR)).toEqual({ type: 'post' });
    const evening = courseAt(0, { shownAt: MIDNIGHT + 21 * HOUR + 55 * MINUTE });
    expect(presenceStep(rules, evening, MIDNIGHT + 22 * HOUR + 5 * MINUTE)).toMatchObject({ type: 'wait' });
    expect(presenceStep(rules, evening, MIDNIGHT + 31 * HOUR)).toMatchObject({ type: 'escalate' });
  });

  test('fails at once in quiet hours where the config file says so, and never holds up an agent that has stopped', () => {
    const why = 'Nobody was asked: quiet hours are from 22:00 to 07:00 (UTC).';
    const rules = { ...RULES, quietHours: { ...NIGHT, isHeld: false } };
    expect(presenceStep(rules, courseAt(MIDNIGHT), MIDNIGHT)).toEqual({ type: 'fail', why });
    const held = { ...RULES, quietHours: NIGHT };
    expect(presenceStep(held, courseAt(MIDNIGHT, { form: 'stop' }), MIDNIGHT)).toEqual({ type: 'fail', why });
    // Who is at the keyboard needs nobody to be asked.
    expect(presenceStep(rules, courseAt(MIDNIGHT, { isHere: true }), MIDNIGHT).type).toBe('hold');
    expect(presenceStep(rules, courseAt(noon), noon + MINUTE)).toEqual({ type: 'post' });
  });

  test('comes to a post or a failure once nobody is there and no hour is quiet, and says when to look again until then', () => {
    const time = fc.integer({ min: MIDNIGHT, max: MIDNIGHT + 400 * 24 * HOUR });
    const minute = fc.integer({ min: 0, max: 1_439 });
    const quiet = fc.record({ from: minute, to: minute, isHeld: fc.boolean(), timeZone: fc.constantFrom(...ZONES) });
    fc.assert(
      fc.property(time, quiet, fc.integer({ min: 0, max: HOUR }), (askedAt, quietHours, delayMs) => {
        fc.pre(quietHours.from !== quietHours.to);
        let now = askedAt;
        for (let steps = 0; steps < 400; steps += 1) {
          const step = presenceStep({ delayMs, quietHours }, courseAt(askedAt), now);
          if (step.type === 'post') {
            expect(now).toBeGreaterThanOrEqual(askedAt + delayMs);
            expect(quietUntil(quietHours, now)).toBeUndefined();
            return;
          }
          if (step.type === 'fail') return;
          if (step.type !== 'hold' || step.until === undefined) throw new Error(`Expected a time, got ${step.type}`);
          expect(step.until).toBeGreaterThan(now);
          now = step.until;
        }
        throw new Error('Expected an end within a day');
      }),
    );
  });
});

const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Pacific/Chatham'];

describe('quiet hours', () => {
  test('are those of their time zone', () => {
    const berlin = { ...NIGHT, timeZone: 'Europe/Berlin' };
    // 22:00 there is 21:00 in UTC.
    expect(quietUntil(berlin, MIDNIGHT + 21 * HOUR - 1)).toBeUndefined();
    expect(quietUntil(berlin, MIDNIGHT + 21 * HOUR)).toBe(MIDNIGHT + 21 * HOUR + 5 * MINUTE);
    expect(quietUntil(NIGHT, MIDNIGHT + 21 * HOUR)).toBeUndefined();
  });

  test('may lie within one day', () => {
    const lunch = { ...NIGHT, from: 12 * 60, to: 13 * 60 };
    expect(quietUntil(lunch, MIDNIGHT + 12 * HOUR - 1)).toBeUndefined();
    expect(quietUntil(lunch, MIDNIGHT + 12 * HOUR + 59 * MINUTE + 30_000)).toBe(MIDNIGHT + 13 * HOUR);
    expect(quietUntil(lunch, MIDNIGHT + 13 * HOUR)).toBeUndefined();
  });

  test('end with the clock on the wall when it is put forward', () => {
    // In Berlin 02:00 became 03:00 on 2026-03-29 at 01:00 UTC: 07:00 was 05:00 UTC.
    const berlin = { ...NIGHT, timeZone: 'Europe/Berlin' };
    const change = Date.UTC(2026, 2, 29);
    expect(quietUntil(berlin, change + 5 * HOUR - 1)).toBe(change + 5 * HOUR);
    expect(quietUntil(berlin, change + 5 * HOUR)).toBeUndefined();
  });
});
