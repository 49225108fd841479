import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isAnything, isLiteral, matchesWildcard } from '../src/wildcard.ts';

/** The definition, tried out in full: every `*` takes every run. */
function naive(pattern: string, text: string, mayBreak: boolean): boolean {
  if (pattern === '') return text === '';
  if (pattern[0] !== '*') return text[0] === pattern[0] && naive(pattern.slice(1), text.slice(1), mayBreak);
  for (let length = 0; length <= text.length; length += 1) {
    if (!mayBreak && text.slice(0, length).includes('\n')) return false;
    if (naive(pattern.slice(1), text.slice(length), mayBreak)) return true;
  }
  return false;
}

const patterns = fc.string({ unit: fc.constantFrom('a', 'B', 'b', '*', '*', '\n', '.'), maxLength: 7 });
const texts = fc.string({ unit: fc.constantFrom('a', 'A', 'b', 'B', '\n', '.'), maxLength: 9 });

describe('a pattern', () => {
  test('matches what its definition says, when it permits', () => {
    fc.assert(
      fc.property(patterns, texts, (pattern, text) => {
        expect(matchesWildcard(pattern, text, 'strict')).toBe(naive(pattern, text, false));
      }),
      { numRuns: 2000 },
    );
  });

  test('matches what its definition says in any case and over line breaks, when it forbids', () => {
    fc.assert(
      fc.property(patterns, texts, (pattern, text) => {
        expect(matchesWildcard(pattern, text, 'liberal')).toBe(naive(pattern.toLowerCase(), text.toLowerCase(), true));
      }),
      { numRuns: 2000 },
    );
  });

  test('that permits something also forbids it', () => {
    fc.assert(
      fc.property(patterns, texts, (pattern, text) => {
        if (matchesWildcard(pattern, text, 'strict')) expect(matchesWildcard(pattern, text, 'liberal')).toBe(true);
      }),
    );
  });

  test('takes everything but the star as it is written', () => {
    expect(matchesWildcard('a.c', 'abc', 'liberal')).toBe(false);
    expect(matchesWildcard('[ab]?', '[ab]?', 'strict')).toBe(true);
    expect(matchesWildcard('npm test*', 'npm test', 'strict')).toBe(true);
    expect(matchesWildcard('npm test*', 'npm test\nrm -rf ~', 'strict')).toBe(false);
    expect(matchesWildcard('npm test*', 'NPM test', 'strict')).toBe(false);
  });

  test('does not go back and forth over a long text', () => {
    const started = performance.now();
    expect(matchesWildcard('*a*a*a*a*a*a*a*a*b', 'a'.repeat(1_000_000), 'liberal')).toBe(false);
    expect(matchesWildcard(`${'*a'.repeat(200)}*b*`, 'a'.repeat(1_000_000), 'strict')).toBe(false);
    // Measured: 2 ms.
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test('is known for one text alone, or for all texts', () => {
    expect([isLiteral('npm test'), isLiteral('npm *')]).toEqual([true, false]);
    expect([isAnything('**'), isAnything('*a'), isAnything('')]).toEqual([true, false, false]);
  });
});
