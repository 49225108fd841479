import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Approval, foldApproval, httpsLink } from '../../src/collector/approval.ts';
import { createWaiting, END_GRACE_MS, readWaiting } from '../../src/collector/waiting.ts';
import type { EventRecord } from '../../src/events.ts';
import { approval, dayOfEvents, event } from './events.ts';
import { createMemoryStore } from './memory-store.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const at = (ms: number): { timestamp: string } => ({ timestamp: new Date(NOW + ms).toISOString() });
const asked = (id: string, ms: number, data: object = {}): EventRecord =>
  approval(
    'approval.requested',
    id,
    { approvers: ['U1', 'U2'], needed: 1, expires_at: NOW + ms + 570_000, ...data },
    at(ms),
  );
const shown = (id: string, ms: number, data: object): EventRecord => approval('approval.shown', id, data, at(ms));
const decided = (id: string, ms: number, data: object): EventRecord => approval('approval.decided', id, data, at(ms));
const ended = (id: string, ms: number, data: object): EventRecord => approval('approval.ended', id, data, at(ms));

describe('an approval', () => {
  test('waits from its request until it is decided, with everything that people need to know', () => {
    const waiting = createWaiting();
    const input = { tool_name: 'Bash', tool_input: { command: 'npm test' }, tool_use_id: 't1' };
    waiting.add([asked('a', 0, { input }), shown('a', 200, { approver: 'U1', link: 'https://x.slack.com/p1' })]);
    expect(waiting.picture(NOW + 5000).waiting).toMatchObject([
      {
        ...{ id: 'a', tool: 'Bash', call: 'npm test', toolUseId: 't1', since: NOW, expiresAt: NOW + 570_000 },
        ...{ approvers: ['U1', 'U2'], needed: 1, project: 'shop', host: 'laptop', agent: 'claude' },
        cards: [{ approver: 'U1', link: 'https://x.slack.com/p1' }],
      },
    ]);
    waiting.add([decided('a', 9000, { outcome: 'allowed', by: 'U1', via: 'slack' })]);
    const { waiting: open, finished } = waiting.picture(NOW + 9000);
    expect(open).toEqual([]);
    expect(finished).toMatchObject([{ id: 'a', end: { outcome: 'allowed', by: 'U1', at: NOW + 9000 } }]);
  });

  test('is the same in whatever order its events come, and however often', () => {
    const events = [
      asked('a', 0, { input: { tool_input: { command: 'ls' } } }),
      shown('a', 300, { approver: 'U1', link: 'https://x.slack.com/p1' }),
      shown('a', 400, { approver: 'U2' }),
      ended('a', 800, { outcome: 'unknown', reason: 'It went on.' }),
      ended('a', 900, { outcome: 'withdrawn', reason: 'Gone.' }),
      decided('a', 1000, { outcome: 'denied', by: 'U2', reason: 'No.' }),
      decided('a', 1100, { outcome: 'allowed', by: 'U1' }),
    ];
    const fold = (order: readonly EventRecord[]): Approval | undefined =>
      order.reduce<Approval | undefined>((before, one) => foldApproval(before, one), undefined);
    expect(fold(events)?.end).toMatchObject({ outcome: 'denied', by: 'U2' });
    // The request may have been lost.
    for (const known of [events, events.slice(1)]) {
      const expected = fold(known);
      fc.assert(
        fc.property(fc.shuffledSubarray(known, { minLength: known.length }), fc.subarray(known), (order, again) =>
          expect(fold([...order, ...again])).toEqual(expected),
        ),
      );
    }
  });

  test('that is decided before its request arrives never waits', () => {
    const waiting = createWaiting();
    waiting.add([decided('a', 50, { outcome: 'allowed', by: 'policy', rule: 'Bash(ls *)' }), asked('a', 0)]);
    expect(waiting.count(NOW + 100)).toBe(0);
    expect(waiting.picture(NOW).finished).toMatchObject([{ since: NOW, end: { rule: 'Bash(ls *)' } }]);
  });

  test('is told apart when its time is over and nothing tells its end', () => {
    const waiting = createWaiting();
    waiting.add([asked('a', 0), asked('b', 1000)]);
    const over = NOW + 570_000 + END_GRACE_MS;
    expect(waiting.picture(over).waiting.map(({ id }) => id)).toEqual(['a', 'b']);
    const { waiting: open, lost } = waiting.picture(over + 1);
    expect(open.map(({ id }) => id)).toEqual(['b']);
    expect(lost.map(({ id }) => id)).toEqual(['a']);
    waiting.add([ended('a', 570_000, { outcome: 'expired', reason: 'Nobody answered.' })]);
    expect(waiting.picture(over + 1).lost).toEqual([]);
  });

  test('with an outcome that is none has no end that is known', () => {
    const end = foldApproval(undefined, ended('a', 0, { outcome: 'allowed', by: 'U1' }))?.end;
    expect(end?.outcome).toBe('unknown');
    expect(foldApproval(undefined, decided('a', 0, { outcome: 'expired' }))?.end?.outcome).toBe('unknown');
    expect(foldApproval(undefined, decided('a', 0, {}))?.end?.outcome).toBe('unknown');
  });

  test('links to nothing but https', () => {
    for (const link of [
      ...[
        'javascript:alert(1)',
        'JAVASCRIPT:alert(1)',
        ' javascript:alert(1)',
        'data:text/html,x',
        'http://x/',
        '//x/',
      ],
      ...['https://user:pass@x.slack.com/', 'slack://x', '', 7, null, `https://x/${'a'.repeat(2000)}`],
    ])
      expect([link, httpsLink(link)]).toEqual([link, undefined]);
    expect(httpsLink('https://x.slack.com/archives/C1/p1')).toBe('https://x.slack.com/archives/C1/p1');
  });
});

test('events that are about no approval change nothing', () => {
  const waiting = createWaiting();
  // The agent's own question has no approval of ours.
  waiting.add([event('PermissionRequest'), event('approval.requested', { kind: 'other', approval_id: 'a' })]);
  expect(waiting.picture(NOW)).toEqual({ waiting: [], lost: [], finished: [] });
});

test('who waited before a restart still waits after it', async () => {
  const day = dayOfEvents(NOW);
  const before = createWaiting();
  before.add(day);
  const after = await readWaiting(createMemoryStore(day), NOW);
  expect(after.picture(NOW)).toEqual(before.picture(NOW));
  expect(after.count(NOW)).toBe(2);
});

test('the memory is bounded: the oldest leave first', () => {
  const waiting = createWaiting({ open: 3, finished: 2 });
  for (let index = 0; index < 10; index += 1) waiting.add([asked(`a${index}`, index)]);
  expect(waiting.picture(NOW).waiting.map(({ id }) => id)).toEqual(['a7', 'a8', 'a9']);
  for (let index = 0; index < 10; index += 1)
    waiting.add([decided(`b${index}`, index, { outcome: 'allowed', by: 'U1' })]);
  expect(waiting.picture(NOW).finished.map(({ id }) => id)).toEqual(['b9', 'b8']);
});

test('a request of a megabyte is kept as a line', () => {
  const waiting = createWaiting();
  const huge = 'x'.repeat(1_000_000);
  waiting.add([
    asked('a', 0, { input: { tool_input: { command: huge } }, approvers: Array.from({ length: 9999 }, () => 'U1') }),
    ended('b', 0, { outcome: 'expired', reason: huge }),
  ]);
  expect(JSON.stringify(waiting.picture(NOW)).length).toBeLessThan(4000);
});
