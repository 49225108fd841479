/** Generators for text that tries to deceive, and for the tool inputs that carry it. */
import fc from 'fast-check';

const NASTY = [
  '`',
  '```',
  '<!channel>',
  '<@U0OTHER>',
  '<https://x.example|y>',
  '&lt;',
  '&',
  '*bold*',
  '_',
  '~',
  ':smile:',
  '\u202e',
  '\u2066',
  '\u200b',
  '\u200d',
  '\u2060',
  '\ufeff',
  '\u180e',
  '\u061c',
  '\u{e0041}',
  '\ufe0f',
  '\u2028',
  '\ud800',
  '\udc00',
  '\uffff',
  '\u001b[31m',
  '\r',
  '\u0000',
  '\u0085',
  '\t',
  '\t\t',
  ' ',
  '         ',
  '\n',
  '\n\n\n\n',
  ' \n',
  '⟦',
  '⟧',
  '⟦U+202E⟧',
  '⟦5 spaces⟧',
  '⟦tab⟧',
  '😀',
  '漢',
  'rm -rf ~',
  '"',
  '\\',
];

/** Any string up to a few hundred characters, mostly nasty ones. */
export function hostileText(): fc.Arbitrary<string> {
  const piece = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...NASTY) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) },
  );
  return fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));
}

/** As `hostileText`, now and then up to 200,000 characters. */
export function longText(): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 6, arbitrary: hostileText() },
    {
      weight: 1,
      arbitrary: fc
        .tuple(hostileText(), fc.integer({ min: 1, max: 2000 }))
        .map(([text, times]) => text.repeat(times).slice(0, 200_000)),
    },
    { weight: 1, arbitrary: fc.integer({ min: 8000, max: 10_000 }).map((length) => 'x'.repeat(length)) },
  );
}
