import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { prettyJson } from '../../src/collector/pretty-json.ts';
import { clip, clipLine, visible } from '../../src/collector/shown-text.ts';

/** As hono writes it into the page. */
const markup = (text: string): string => Bun.escapeHTML(text).replaceAll('&#x27;', '&#39;');
const bytes = (text: string): number => Buffer.byteLength(markup(text));

test('what turns text around or cannot be seen is written out', () => {
  expect(visible('abc\u202Edef\u0007\u200B')).toBe('abc⟦U+202E⟧def⟦U+0007⟧⟦U+200B⟧');
  expect(visible('Zeile\n\tzwei, grüße 🙂')).toBe('Zeile\n\tzwei, grüße 🙂');
});

describe('a cut text', () => {
  test('never takes more bytes of markup than it may', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.integer({ min: 1, max: 200 }), (text, limit) => {
        const { text: shown, bytes: said, isCut } = clip(text.toWellFormed(), limit);
        expect(bytes(shown)).toBe(said);
        expect(said).toBeLessThanOrEqual(limit + (isCut ? 3 : 0));
        if (!isCut) expect(shown).toBe(visible(text.toWellFormed()));
      }),
    );
  });

  test('does not end within a character, and a line has no line breaks', () => {
    expect(clip('🙂🙂', 5).text).toBe('🙂…');
    expect(clipLine('  one\n\n two  ', 50)).toBe('one two');
  });
});

describe('JSON', () => {
  test('is what JSON.stringify says when there is room', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const { text, isCut } = prettyJson(value, 1_000_000);
        expect(isCut).toBe(false);
        expect(text).toBe(visible(JSON.stringify(value, null, 2)));
      }),
    );
  });

  test('ends where the room does', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 1, max: 300 }), (value, limit) => {
        const { text, bytes: said } = prettyJson(value, limit);
        expect(bytes(text)).toBeLessThanOrEqual(limit + 3);
        expect(bytes(text)).toBe(said);
      }),
    );
  });

  test('looks at no more than it writes', () => {
    let looks = 0;
    const item = {
      get a() {
        looks += 1;
        return '"'.repeat(1_000_000);
      },
    };
    expect(prettyJson({ list: Array.from({ length: 100_000 }, () => item) }, 2000).isCut).toBe(true);
    expect(looks).toBe(1);
  });

  test('can be deep', () => {
    let deep: unknown = 1;
    for (let index = 0; index < 10_000; index += 1) deep = [deep];
    expect(prettyJson(deep, 1_000_000).isCut).toBe(true);
  });
});
