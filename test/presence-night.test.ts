import { describe, expect, test } from 'bun:test';
import { quietWindow } from '../src/presence.ts';
import { createNight } from '../src/presence-night.ts';
import type { NightItem, PresenceRules, QuietHours, StoreRecord } from '../src/types.ts';
import { bash } from './channels/requests.ts';

const HOUR = 3_600_000;
const MIDNIGHT = Date.UTC(2026, 2, 10);
const MORNING = MIDNIGHT + 7 * HOUR;
const HOURS: QuietHours = { from: 22 * 60, to: 7 * 60, isHeld: false, timeZone: 'UTC' };

/** A daemon's log and clock; what was told, by person. */
function watch(records: StoreRecord[] = [], rules: PresenceRules | undefined = { delayMs: 0, quietHours: HOURS }) {
  const clock = { now: MIDNIGHT };
  const told: [string, readonly NightItem[]][] = [];
  const reads = { count: 0 };
  const write = (record: StoreRecord): void => {
    records.push(record);
    night.note(record);
  };
  const night = createNight({
    ...{ rules: () => rules, append: write, app: 'app', now: () => clock.now },
    recent: () => {
      reads.count += 1;
      return records;
    },
    tell: (approver, items) => told.push([approver, items]),
  });
  return { night, clock, told, write, records, reads };
}

function request(id: string, at: number, end: Record<string, unknown>, change: Record<string, unknown> = {}) {
  const asked = { type: 'asked', at, id, app: 'app', approvers: ['U1', 'U2'], input: bash(`make ${id}`), ...change };
  return [asked, { type: 'ended', at: at + 1, id, ...end }] satisfies StoreRecord[];
}
const EXPIRED = { kind: 'expired' };

describe('what happened in quiet hours', () => {
  test('is told to every approver once, when they are over', () => {
    const { night, clock, told, write, records } = watch();
    for (const record of request('a', MIDNIGHT, EXPIRED)) write(record);
    for (const record of request('b', MIDNIGHT, { kind: 'allowed', by: 'policy', rule: 'make' })) write(record);
    night.look();
    expect([told, night.isOwed()]).toEqual([[], true]);
    clock.now = MORNING;
    expect(night.isOwed()).toBe(false);
    night.look();
    const items = [
      { at: MIDNIGHT + 1, tool: 'Bash', call: 'make a', kind: 'expired' },
      { at: MIDNIGHT + 1, tool: 'Bash', call: 'make b', kind: 'allowed', rule: 'make' },
    ];
    expect(told as unknown).toEqual([
      ['U1', items],
      ['U2', items],
    ]);
    clock.now += HOUR;
    night.look();
    expect(told).toHaveLength(2);
    const digest = { type: 'digest', app: 'app', from: MIDNIGHT - 2 * HOUR, until: MORNING, to: ['U1', 'U2'] };
    expect(records.at(-1)).toEqual({ ...digest, at: MORNING });
    // Nor by a daemon that comes later.
    const later = watch(records);
    later.clock.now = MORNING + 2 * HOUR;
    later.night.look();
    expect(later.told).toEqual([]);
  });

  test('is told by a later daemon where the one of the night has ended', () => {
    const { night, clock, told } = watch(request('a', MIDNIGHT - HOUR, EXPIRED));
    night.look();
    expect(night.isOwed()).toBe(true);
    const morning = watch(request('a', MIDNIGHT - HOUR, EXPIRED));
    morning.clock.now = MORNING + 3 * HOUR;
    morning.night.look();
    expect(morning.told.map(([who]) => who)).toEqual(['U1', 'U2']);
    expect([told, clock.now]).toEqual([[], MIDNIGHT]);
  });

  test('is nothing that had a card, was answered at the terminal, belongs to another app or came at another time', () => {
    const shown = request('shown', MIDNIGHT, EXPIRED);
    const { night, clock, told, records, reads } = watch([
      ...[shown[0], { type: 'posted', at: MIDNIGHT, id: 'shown' }, shown[1]].filter((record) => record !== undefined),
      ...request('there', MIDNIGHT, { kind: 'elsewhere' }),
      ...request('other', MIDNIGHT, EXPIRED, { app: 'other' }),
      ...request('before', MIDNIGHT - 3 * HOUR, EXPIRED),
      ...request('after', MORNING, EXPIRED),
    ]);
    const before = records.length;
    clock.now = MORNING + HOUR;
    night.look();
    night.look();
    expect([told, records.length, reads.count]).toEqual([[], before, 1]);
  });

  test('is not looked for without quiet hours', () => {
    const { night, clock, told } = watch(request('a', MIDNIGHT, EXPIRED), { delayMs: 0 });
    night.look();
    expect(night.isOwed()).toBe(false);
    clock.now = MORNING;
    night.look();
    expect(told).toEqual([]);
  });
});

test('the window is the night that it is, or else the last one', () => {
  const night = { from: MIDNIGHT - 2 * HOUR, to: MORNING };
  for (const now of [MIDNIGHT - 2 * HOUR, MIDNIGHT + 59_999, MORNING, MIDNIGHT + 22 * HOUR - 1])
    expect(quietWindow(HOURS, now)).toEqual(night);
  expect(quietWindow(HOURS, MIDNIGHT + 22 * HOUR).from).toBe(MIDNIGHT + 22 * HOUR);
});
