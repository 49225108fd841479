import { describe, expect, test } from 'bun:test';
import { kindOf, listed, own, quoted } from '../../src/doctor/outside.ts';

describe('what somebody else wrote', () => {
  test('is short, on one line, and without what looks like a secret', () => {
    expect(quoted('lint\n--fix')).toBe('"lint\\n--fix"');
    expect(quoted('x'.repeat(1_000_000))).toBe(`"${'x'.repeat(80)}…"`);
    const shown = quoted('curl -H "Authorization: Bearer abcdefghijklmnop0123456789" https://example.com');
    expect(shown).toContain('masked');
    expect(shown).not.toContain('abcdefgh');
  });

  test('has only the properties that stand in it', () => {
    expect(own({ a: 1 }, 'a')).toBe(1);
    expect(own({}, 'constructor')).toBeUndefined();
    expect(own(JSON.parse('{"__proto__": {"env": 1}}'), 'env')).toBeUndefined();
    for (const value of [null, undefined, 'text', 7, ['a']]) expect(own(value, 'length')).toBeUndefined();
  });

  test('is of a kind that has a name', () => {
    expect([null, undefined, [], {}, '', 1, true].map(kindOf)).toEqual([
      ...['null', 'missing', 'a list', 'an object', 'a string', 'a number', 'a boolean'],
    ]);
  });

  test('is listed as people list things', () => {
    expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd', 'e']].map((items) => listed(items))).toEqual([
      ...['', 'a', 'a and b', 'a, b and c', 'a, b, c and 2 more'],
    ]);
  });
});
