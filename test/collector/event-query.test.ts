import { describe, expect, test } from 'bun:test';
import { matches } from '../../src/collector/event-match.ts';
import { address, readCount, readQuery, readTime } from '../../src/collector/event-query.ts';
import { event } from './events.ts';

const read = (query: string) => readQuery(new URLSearchParams(query));

describe('the address', () => {
  test('says what is looked for, and says it again', () => {
    const { values, filter, problems } = read('q=npm&kind=tool.&agent=&project=shop&other=1&from=2026-11-21T10:00');
    expect(problems).toEqual([]);
    const from = new Date(2026, 10, 21, 10).getTime();
    expect(filter).toEqual({ text: 'npm', kind: 'tool.', project: 'shop', from });
    expect(address('/', values, { before: '7' })).toBe(
      '/?q=npm&kind=tool.&project=shop&from=2026-11-21T10%3A00&before=7',
    );
    expect(address('/', {})).toBe('/');
  });

  test('has times in the zone of this machine, or in one that they name', () => {
    expect(readTime('2026-11-21')).toBe(new Date(2026, 10, 21).getTime());
    expect(readTime('2026-11-21 10:30:15')).toBe(new Date(2026, 10, 21, 10, 30, 15).getTime());
    expect(readTime('2026-11-21T10:30:00.5Z')).toBe(Date.UTC(2026, 10, 21, 10, 30, 0, 500));
    expect(readTime('2026-11-21T10:30+01:00')).toBe(Date.UTC(2026, 10, 21, 9, 30));
    for (const wrong of ['yesterday', '1', '2026-13-01', '2026-11-21T25:00', ''])
      expect(readTime(wrong)).toBe(undefined);
  });

  test('with a time that is none says so', () => {
    expect(read('to=soon').problems).toEqual(['Expected to to be a time like 2026-11-21T14:30, got soon']);
  });

  test('counts with whole numbers only', () => {
    expect(['5', '0', '-1', '1.5', '', null, '9'.repeat(17), 'x'].map(readCount)).toEqual([
      5,
      ...Array(7).fill(undefined),
    ]);
  });

  test('of any length is cut', () => {
    expect(read(`q=${'a'.repeat(9999)}`).filter.text?.length).toBe(300);
  });
});

test('an event is one of those that are looked for when everything holds', () => {
  const one = event('PreToolUse', {
    tool: 'Bash',
    data: { command: 'Npm Test' },
    timestamp: '2026-11-21T10:00:00.000Z',
  });
  const at = Date.parse(one.timestamp);
  for (const fits of [
    ...[{}, { kind: 'tool.' }, { kind: 'tool.requested', agent: 'claude', project: 'shop', tool: 'Bash' }],
    ...[
      { text: 'npm t' },
      { text: 'SHOP' },
      { from: at, to: at + 1 },
      { beforeSeq: one.seq + 1, afterSeq: one.seq - 1 },
    ],
    ...[{ session: 'session-1', type: 'PreToolUse' }],
  ])
    expect([fits, matches(fits, one)]).toEqual([fits, true]);
  for (const other of [
    ...[{ kind: 'tool' }, { kind: 'approval.' }, { agent: 'codex' }, { project: 'sho' }, { tool: 'bash' }],
    ...[
      { text: 'yarn' },
      { from: at + 1 },
      { to: at },
      { beforeSeq: one.seq },
      { afterSeq: one.seq },
      { session: 's' },
    ],
    ...[{ type: 'Stop' }, { text: 'npm', kind: 'other' }],
  ])
    expect([other, matches(other, one)]).toEqual([other, false]);
});
