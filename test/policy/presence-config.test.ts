import { expect, test } from 'bun:test';
import { AppError } from '../../src/errors.ts';
import { readPolicyConfig } from '../../src/policy/config.ts';

function read(presence: unknown): unknown {
  try {
    return readPolicyConfig({ presence }, 'FILE').presence;
  } catch (error) {
    if (error instanceof AppError && error.code === 'bad-config') return error.message;
    throw error;
  }
}

test('the ladder is read whole', () => {
  expect(
    read({
      idleAfter: '5m',
      delay: 20,
      escalate: { after: '10m', userId: 'U2,U3', channel: 'C0OPS' },
      quietHours: JSON.parse('{ "from": "22:00", "to": "07:30", "then": "fail", "timeZone": "Europe/Berlin" }'),
    }),
  ).toEqual({
    delayMs: 20_000,
    escalate: { afterMs: 600_000, to: ['U2', 'U3', 'C0OPS'] },
    quietHours: { from: 1_320, to: 450, isHeld: false, timeZone: 'Europe/Berlin' },
  });
  expect(read({})).toEqual({ delayMs: 0 });
  expect(read({ quietHours: { from: '12:00', to: '13:00' } })).toEqual({
    delayMs: 0,
    quietHours: { from: 720, to: 780, isHeld: true },
  });
});

test('the ladder says which of its keys is wrong', () => {
  expect(read('5m')).toContain('Expected presence in FILE to be an object');
  expect(read({ idle: '5m' })).toBe('Unknown key presence.idle in FILE');
  expect(read({ idleAfter: 'soon' })).toContain('presence.idleAfter in FILE to be a time');
  expect(read({ delay: 0 })).toContain('presence.delay in FILE to be a time');
  expect(read({ delay: '900h' })).toContain('presence.delay in FILE to be a time');
  expect(read({ escalate: { userId: 'U2' } })).toBe('Expected presence.escalate.after in FILE, got none');
  expect(read({ escalate: { after: '1m' } })).toContain('to name a userId or a channel');
  expect(read({ escalate: { after: '1m', channel: 'general' } })).toContain('to be the id of a Slack channel');
  expect(read({ escalate: { after: '1m', userId: 'ada' } })).toContain('to be a Slack user id');
  expect(read({ quietHours: { from: '22:00' } })).toBe('Expected presence.quietHours.to in FILE, got none');
  expect(read({ quietHours: { from: '24:00', to: '7:00' } })).toContain('to be a time of the day');
  expect(read({ quietHours: { from: '22:00', to: '22:00' } })).toContain('to end at another time than they begin');
  expect(read(JSON.parse('{ "quietHours": { "from": "22:00", "to": "07:00", "then": "allow" } }'))).toContain(
    'to be "hold" or "fail"',
  );
  expect(read({ quietHours: { from: '22:00', to: '07:00', timeZone: 'Mars' } })).toContain('to be a time zone');
});
