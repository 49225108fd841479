import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { textField } from '../../src/channels/slack-field.ts';
import { costOf, fitFields } from '../../src/channels/slack-fit.ts';
import { decodeVisible } from '../../src/channels/visible.ts';
import { longText } from './arbitraries.ts';

const costs = (fitted: ReturnType<typeof fitFields>): number =>
  fitted.reduce((sum, { shown, cut }) => sum + costOf(shown) + (cut ? costOf(cut.head) + costOf(cut.tail) : 0), 0);

describe('fitFields', () => {
  test('leaves alone what fits, to the last character', () => {
    const fields = [textField('a', 'x'.repeat(600), 'box'), textField('b', 'y'.repeat(400), 'box')];
    expect(fitFields(fields, 1000).every(({ cut }) => cut === undefined)).toBe(true);
    expect(fitFields(fields, 999).some(({ cut }) => cut !== undefined)).toBe(true);
  });

  test('keeps no more lines of a long text than people read on the way to the buttons', () => {
    const lines = Array.from({ length: 500 }, (_, index) => `line ${index}`).join('\n');
    const [cut] = fitFields([textField('a', lines, 'box')], 3000).map((field) => field.cut);
    expect(cut?.head.split('\n')).toHaveLength(40);
    expect(cut?.tail.split('\n')).toHaveLength(25);
    expect(cut?.tail).toEndWith('line 499');
    expect(cut?.lines).toBe(500 - 40 - 25 + 1);
  });

  test('keeps small fields whole and cuts the large one', () => {
    const fields = [textField('a', 'small', 'line'), textField('b', 'x'.repeat(5000), 'box')];
    const [small, large] = fitFields(fields, 1000);
    expect(small?.cut).toBeUndefined();
    expect(large?.cut?.characters).toBe(5000 - (large?.cut?.head.length ?? 0) - (large?.cut?.tail.length ?? 0));
    expect(large?.cut?.head.length).toBeGreaterThan(400);
  });

  test('never costs more than it may, and accounts for every character and line, for all texts', () => {
    fc.assert(
      fc.property(fc.array(longText(), { maxLength: 6 }), fc.integer({ min: 0, max: 3000 }), (texts, budget) => {
        const fields = texts.map((text) => textField('x', text, 'box'));
        const fitted = fitFields(fields, budget);
        expect(costs(fitted)).toBeLessThanOrEqual(budget);
        for (const [index, { cut, shown }] of fitted.entries()) {
          const text = texts[index] ?? '';
          if (cut === undefined) expect(decodeVisible(shown)).toBe(text);
          else {
            const [head, tail] = [decodeVisible(cut.head), decodeVisible(cut.tail)];
            expect(text.startsWith(head) && text.endsWith(tail)).toBe(true);
            expect(cut.characters).toBe(text.length - head.length - tail.length);
            const middle = text.slice(head.length, text.length - tail.length);
            expect(cut.lines).toBe(middle.split('\n').length - 1);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
