import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { MAX_DEPTH, parseBody } from '../../src/collector/event-text.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('\0', '\ud800', '\udc00\ud800', '\\u0000', '\\', '"', '__proto__', '🙂'),
);
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small' },
    anyText,
    fc.constantFrom(null, true, 0, -0.5, 1e300),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.array(fc.tuple(anyText, tie('json')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
}));
/** As a sender that escapes everything writes it, so that half pairs get through. */
const escaped = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
const textsIn = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => [key, ...textsIn(item)]);
};
const isKept = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

describe('a body', () => {
  test('has neither NUL nor half a pair in any text or key, and says when it had', () =>
    fc.assert(
      fc.property(json, (value) => {
        const parsed = parseBody(bytesOf(escaped(value)));
        if (!parsed.ok) throw new Error('Expected it to be read');
        expect(textsIn(parsed.value).every(isKept)).toBe(true);
        expect(parsed.isChanged).toBe(!textsIn(value).every(isKept));
      }),
      { numRuns: 2_000 },
    ));

  test('is what the sender wrote where there was nothing to replace', () =>
    fc.assert(
      fc.property(json, (value) => {
        fc.pre(textsIn(value).every(isKept));
        for (const text of [JSON.stringify(value), escaped(value)])
          expect(parseBody(bytesOf(text))).toEqual({ ok: true, value: JSON.parse(text), isChanged: false });
      }),
      { numRuns: 2_000 },
    ));

  test('keeps everything but what was replaced', () => {
    const parsed = parseBody(
      bytesOf('{"a\\u0000":["\\ud83d\\ude42","\\ud83d","\\\\u0000","x"],"__proto__":{"\\udc00":1}}'),
    );
    expect(parsed).toMatchObject({ ok: true, isChanged: true });
    if (parsed.ok)
      expect(JSON.stringify(parsed.value)).toBe('{"a\ufffd":["🙂","\ufffd","\\\\u0000","x"],"__proto__":{"\ufffd":1}}');
  });

  test('may be 64 levels deep and no deeper, whatever stands in its texts', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.boolean(), { minLength: 100, maxLength: 100 }),
        anyText,
        (levels, kinds, inside) => {
          const used = kinds.slice(0, levels);
          const opening = used.map((isList) => (isList ? '[' : '{"[{\\"":')).join('');
          const closing = used
            .map((isList) => (isList ? ']' : '}'))
            .reverse()
            .join('');
          const text = `${opening}${JSON.stringify(`${inside}[{"\\`)}${closing}`;
          const parsed = parseBody(bytesOf(text.toWellFormed()));
          expect(parsed.ok).toBe(levels <= MAX_DEPTH);
          if (!parsed.ok) expect(parsed.why).toBe('depth');
        },
      ),
      { numRuns: 1_000 },
    ));

  test('that is no JSON in UTF-8 is told from one that is', () => {
    const broken = [
      '',
      ' ',
      '{',
      '{"a":}',
      '[1,]',
      '"\n"',
      '"\0"',
      'nul',
      '01',
      '\\',
      '"',
      '"\\',
      '"\\"',
      '{"a":1}}',
      ']',
      ']]]][[[[',
    ];
    for (const text of broken) expect([text, parseBody(bytesOf(text))]).toEqual([text, { ok: false, why: 'syntax' }]);
    expect(parseBody(new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]))).toEqual({ ok: false, why: 'syntax' });
    expect(parseBody(bytesOf('\ufeff{"a":1}'))).toMatchObject({ ok: true, value: { a: 1 } });
  });

  test('made to be slow is read in a moment', () => {
    const mean = [
      '\\\\'.repeat(500_000),
      '\\"'.repeat(500_000),
      '\\u0000'.repeat(170_000),
      '[{'.repeat(500_000),
      `${'\\'.repeat(999_998)}"`,
    ];
    for (const inside of mean) {
      const from = performance.now();
      parseBody(bytesOf(`"${inside}"`));
      parseBody(bytesOf(inside));
      expect(performance.now() - from).toBeLessThan(2_000);
    }
  });
});
