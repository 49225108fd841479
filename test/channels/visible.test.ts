import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  countHidden,
  cutAfter,
  cutBefore,
  decodeVisible,
  encodeInline,
  encodeVisible,
  mixedWords,
  spellOut,
} from '../../src/channels/visible.ts';
import { hostileText } from './arbitraries.ts';

describe('encodeVisible', () => {
  test('gives back exactly what it was given, for all strings', () => {
    fc.assert(
      fc.property(hostileText(), (text) => {
        expect(decodeVisible(encodeVisible(text))).toBe(text);
        expect(decodeVisible(encodeInline(text))).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  test('leaves no hidden character, tab, long run or trailing space in what is shown', () => {
    fc.assert(
      fc.property(hostileText(), (text) => {
        const shown = encodeVisible(text);
        expect(countHidden(shown)).toBe(0);
        expect(shown).not.toMatch(/\t| {9}|\n{4}| \n| $/);
        expect(encodeInline(text)).not.toContain('\n');
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['right-to-left override', 'a\u202eb', 'a⟦U+202E⟧b'],
    ['escape sequence', '\u001b[31m', '⟦U+001B⟧[31m'],
    ['carriage return', 'rm x\rls', 'rm x⟦U+000D⟧ls'],
    ['tag character', 'a\u{e0041}', 'a⟦U+E0041⟧'],
    ['variation selector', '\u2764\ufe0f', '\u2764⟦U+FE0F⟧'],
    ['supplementary variation selector', 'a\u{e0100}', 'a⟦U+E0100⟧'],
    ['line separator', 'a\u2028b', 'a⟦U+2028⟧b'],
    ['lone surrogate', 'a\ud800b', 'a⟦U+D800⟧b'],
    ['noncharacter', 'a\uffffb', 'a⟦U+FFFF⟧b'],
    ['Hangul filler', 'a\u3164b', 'a⟦U+3164⟧b'],
    ['no-break space', 'a\u00a0b', 'a⟦U+00A0⟧b'],
    ['Mongolian vowel separator', 'a\u180eb', 'a⟦U+180E⟧b'],
    ['the mark itself', '⟦U+202E⟧', '⟦U+27E6⟧U+202E⟧'],
    ['many spaces', `a${' '.repeat(5000)}b`, 'a⟦5000 spaces⟧b'],
    ['many line breaks', `a${'\n'.repeat(500)}b`, 'a⟦500 newlines⟧b'],
    ['one tab and three', '\ta\t\t\tb', '⟦tab⟧a⟦3 tabs⟧b'],
    ['trailing spaces', 'a \nb  ', 'a⟦1 space⟧\nb⟦2 spaces⟧'],
    ['ordinary code', '  if (a) {\n\n    b();\n  }', '  if (a) {\n\n    b();\n  }'],
    ['emoji and accents', 'é 👍🏽 ü 漢字', 'é 👍🏽 ü 漢字'],
  ])('shows %s', (_name, text, shown) => {
    expect(encodeVisible(text)).toBe(shown);
  });

  test('takes linear time for a million characters of blanks and marks', () => {
    const started = performance.now();
    encodeVisible(`${' a'.repeat(300_000)}${'       \t'.repeat(50_000)}`);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('countHidden', () => {
  test('counts invisible and direction-changing characters and no ordinary blanks', () => {
    expect(countHidden('a\u202e\u200b\u001b b\t\n⟦')).toBe(3);
  });
});

describe('mixedWords', () => {
  test.each([
    ['a Cyrillic letter in a Latin word', 'curl p\u0430ypal.com', ['p\u0430ypal']],
    ['a Greek one', 'r\u03bfot', ['r\u03bfot']],
    ['fullwidth and mathematical letters', 'rm\uff41 \u{1d41a}b', ['rm\uff41', '\u{1d41a}b']],
    ['a word once', 'x\u0430 x\u0430', ['x\u0430']],
    [
      'words of one alphabet each',
      'hello \u043f\u0440\u0438\u0432\u0435\u0442 \u03b1\u03b2 caf\u00e9 \u6f22\u5b57kana\u304b 10\u00b5s',
      [],
    ],
    ['ASCII', 'rm -rf ~', []],
  ])('finds %s', (_name, text, words) => {
    expect(mixedWords(text, 5)).toEqual(words);
  });

  test('gives no more than it is asked for, and spells a word out', () => {
    expect(mixedWords('a\u0430 b\u0430 c\u0430', 2)).toHaveLength(2);
    expect(spellOut('p\u0430y')).toBe('p⟦U+0430⟧y');
  });
});

describe('cutBefore and cutAfter', () => {
  test('never split an escape or a surrogate pair', () => {
    fc.assert(
      fc.property(hostileText(), fc.nat(), (text, seed) => {
        const shown = encodeVisible(text);
        const position = shown.length === 0 ? 0 : seed % (shown.length + 1);
        for (const cut of [cutBefore(shown, position), cutAfter(shown, position)]) {
          expect(decodeVisible(shown.slice(0, cut)) + decodeVisible(shown.slice(cut))).toBe(text);
          expect(countHidden(shown.slice(0, cut))).toBe(0);
          expect(countHidden(shown.slice(cut))).toBe(0);
        }
        expect(cutBefore(shown, position)).toBeLessThanOrEqual(position);
        expect(cutAfter(shown, position)).toBeGreaterThanOrEqual(position);
      }),
      { numRuns: 2000 },
    );
  });
});
