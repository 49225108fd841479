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

/** A value that only the environment knows to be secret. */
export const KNOWN_SECRET = 'correct-horse-Battery-9';

/** What leaves no doubt: put together here, so that nobody takes this file for a leak. */
export const SECRETS: readonly string[] = [
  KNOWN_SECRET,
  ['ghp', 'Q7w8E9r0T1y2U3i4O5p6A7s8D9f0G1h2J3k4'].join('_'),
  ['AKIA', 'Q7W8E9R0T1Y2U3I4'].join(''),
  ['xoxb', '904817263551', '730192846455', 'Q7w8E9r0T1y2U3i4O5p6A7s8'].join('-'),
];

/** Hostile text with secrets in it, each a word of its own. */
export function secretText(): fc.Arbitrary<string> {
  const secret = fc.constantFrom(...SECRETS).map((value) => ` ${value} `);
  return fc
    .array(fc.oneof(secret, hostileText().filter(isNoMarker)), { minLength: 1, maxLength: 4 })
    .map((pieces) => pieces.join(''));
}

/** What looks like a marker cannot be told from one. */
function isNoMarker(text: string): boolean {
  return !/masked \d/.test(text);
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
