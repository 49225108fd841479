import { describe, expect, test } from 'bun:test';
import { asJson, type Check, exitCodeOf, fail, failure, ok, printed, skipped, warn } from '../../src/doctor/check.ts';
import { AppError } from '../../src/errors.ts';

const CHECKS: readonly Check[] = [
  ok('a', 'first: fine', ['more']),
  warn('b', 'second: odd', 'Look at it.'),
  fail('c', 'third: wrong', 'Mend it.'),
  skipped('d', 'fourth: not known'),
];
const same = (text: string): string => text;

describe('the lines of the doctor', () => {
  test('are one for each check, and one with the fix below what is not right', () => {
    expect(printed(CHECKS, same).split('\n')).toEqual([
      '✓ first: fine',
      '! second: odd',
      '  fix: Look at it.',
      '✗ third: wrong',
      '  fix: Mend it.',
      '- fourth: not known',
      '1 to mend, 1 to look at.',
      '',
    ]);
    expect(printed([ok('a', 'fine'), skipped('b', 'not known')], same)).toEndWith('All good.\n');
  });

  test('are one JSON document with --json, with the details', () => {
    expect(JSON.parse(asJson(CHECKS, same))).toEqual({ ok: false, checks: CHECKS });
    expect(JSON.parse(asJson(CHECKS.slice(0, 2), same)).ok).toBe(true);
  });

  test('go through what makes them fit to be shown, each part of them', () => {
    const show = (text: string): string => text.replaceAll('o', '0');
    expect(printed(CHECKS.slice(1, 2), show)).toStartWith('! sec0nd: 0dd\n  fix: L00k at it.\n');
    expect(JSON.parse(asJson(CHECKS.slice(0, 1), show)).checks[0].details).toEqual(['m0re']);
  });

  test('end with 0 when nothing fails, else with the code of the first failure, or 69', () => {
    expect(exitCodeOf(CHECKS.slice(0, 2))).toBe(0);
    expect(exitCodeOf(CHECKS)).toBe(69);
    const scope = failure('x', 'scopes', new AppError('slack-scope', 'Expected chat:write, got none'));
    expect(exitCodeOf([ok('a', 'fine'), scope, ...CHECKS])).toBe(77);
    expect(exitCodeOf([...CHECKS, scope])).toBe(69);
    expect(scope).toMatchObject({ state: 'fail', what: 'scopes: Expected chat:write, got none', code: 'slack-scope' });
  });
});
