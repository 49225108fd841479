import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Approval, ApprovalOutcome } from '../../src/collector/approval.ts';
import { insightsOf, numbersOf, THE_REST, UNNAMED } from '../../src/collector/insights.ts';

const NOON = new Date(2026, 10, 21, 12, 0).getTime();

function ended(waitMs: number, outcome: ApprovalOutcome, changes: Partial<Approval> = {}, by?: string): Approval {
  const end = { outcome, at: NOON + waitMs, ...(by === undefined ? {} : { by }) };
  return {
    ...{ id: `${waitMs}`, session: 's', agent: 'claude', project: 'shop', host: 'h', tool: 'Bash', since: NOON },
    ...{ isRequestKnown: true, call: '', approvers: [], needed: 1, cards: [], end },
    ...changes,
  };
}

describe('the numbers', () => {
  test('are the median and the 95th percentile by nearest rank', () => {
    const waits = Array.from({ length: 100 }, (_, index) => ended((index + 1) * 1000, 'allowed'));
    expect(numbersOf(waits)).toMatchObject({ waits: 100, median: 50_000, p95: 95_000, total: 5_050_000, allowed: 100 });
    expect(numbersOf([ended(7000, 'denied')])).toMatchObject({ waits: 1, median: 7000, p95: 7000, denied: 1 });
    expect(numbersOf([])).toMatchObject({ waits: 0, median: null, p95: null, total: 0 });
  });

  test('are of waits that there were, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(600_000), { minLength: 1 }), (waits) => {
        const { median, p95 } = numbersOf(waits.map((wait) => ended(wait, 'allowed')));
        const sorted = waits.toSorted((one, two) => one - two);
        expect(sorted).toContain(Number(median));
        expect(sorted).toContain(Number(p95));
        expect(sorted.filter((wait) => wait <= Number(p95)).length / sorted.length).toBeGreaterThanOrEqual(0.95);
      }),
    );
  });

  test('count every end, but no wait that nobody knows', () => {
    const numbers = numbersOf([
      ended(1000, 'expired'),
      ended(2000, 'elsewhere'),
      ended(9_000_000, 'unknown'),
      ended(9_000_000, 'undeliverable'),
      ended(9_000_000, 'allowed', { isRequestKnown: false }),
    ]);
    expect(numbers).toMatchObject({ waits: 2, total: 3000, expired: 1, allowed: 1, other: 3 });
  });

  test('never fall below nothing when clocks disagree', () => {
    expect(numbersOf([ended(-5000, 'allowed')])).toMatchObject({ median: 0, total: 0 });
  });
});

describe('the tables', () => {
  test('leave out what a rule decided, which kept nobody waiting', () => {
    const ruled = ended(2, 'allowed', { end: { outcome: 'allowed', at: NOON + 2, by: 'policy', rule: 'Bash(ls *)' } });
    const { all, unasked, approvers, outcomes } = insightsOf([ruled, ended(4000, 'allowed', {}, 'U1')]);
    expect([all.waits, unasked, outcomes.allowed]).toEqual([1, 1, 1]);
    expect(approvers.map(({ name }) => name)).toEqual(['U1']);
  });

  test('have most time blocked first, by tool, project and approver', () => {
    const { tools, projects, approvers } = insightsOf([
      ended(1000, 'allowed', { tool: 'Bash', project: 'a' }, 'U1'),
      ended(2000, 'denied', { tool: 'Edit', project: 'b' }, 'U2'),
      ended(5000, 'expired', { tool: null, project: null }),
    ]);
    expect(tools.map(({ name }) => name)).toEqual([UNNAMED, 'Edit', 'Bash']);
    expect(projects.map(({ name, total }) => [name, total])).toEqual([
      [UNNAMED, 5000],
      ['b', 2000],
      ['a', 1000],
    ]);
    expect(approvers.map(({ name, denied }) => [name, denied])).toEqual([
      ['U2', 1],
      ['U1', 0],
    ]);
  });

  test('add up what is more than a table takes', () => {
    const many = Array.from({ length: 50 }, (_, index) => ended(1000 + index, 'allowed', { tool: `tool-${index}` }));
    const { tools } = insightsOf(many);
    expect(tools.length).toBe(21);
    expect(tools.at(-1)).toMatchObject({ name: THE_REST, allowed: 30 });
    expect(tools.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(50);
  });

  test('have a row for each hour, in which the question was put', () => {
    const { hours } = insightsOf([ended(3_600_000, 'allowed'), ended(1000, 'allowed', { since: NOON - 1 })]);
    expect(hours.length).toBe(24);
    expect(hours.filter(({ waits }) => waits > 0).map(({ name }) => name)).toEqual(['11:00', '12:00']);
  });
});
