/** Secrets out of the fields of a card. */
import type { Masker } from '../secrets.ts';
import { costOfBlocks } from './slack-elements.ts';
import type { Around, Field } from './slack-field.ts';
import { costOf } from './slack-fit.ts';
import { planElements } from './slack-plan.ts';
import type { FileOnDisk } from './slack-surroundings.ts';
import { cutBefore, decodeVisible, encodeInline } from './visible.ts';
import { FROM_DISK } from './wording.ts';

/** Masks secrets in text that is encoded already. */
type Mask = (shown: string) => string;

/** Markdown laid out takes about as much room as its text; the total leaves this much to spare. */
const RICH_MORE = 1_000;
/** What of a line is looked at for where a secret in it begins; a private key on one line is longer than most. */
const MAX_LOOK = 4_000;
const PRIVATE_KEY = /PRIVATE KEY-----/;
/** The last word before a cut. */
const LAST_WORD = /[^\s⟦⟧]+$/;

/**
 * Every text of the fields masked; a plan is also laid out as what its Markdown means. `isOpaque`: what is masked could
 * be run. `file`: what the lines around a diff are from.
 */
export function maskFields(
  fields: readonly Field[],
  masker: Masker,
  file?: FileOnDisk,
): { readonly fields: readonly Field[]; readonly isOpaque: boolean } {
  let isOpaque = false;
  const mask: Mask = (shown) => {
    const masked = masker.mask(shown);
    isOpaque ||= masked.isOpaque;
    return masked.text;
  };
  const masked = fields.map((field) => maskField(field, mask, file));
  return { fields: masked, isOpaque };
}

export function maskField(field: Field, mask: Mask, file?: FileOnDisk): Field {
  const { brief, remark, around, instead, ...whole } = field;
  // The lines that make a key what it is may stand outside of a part.
  const hasKey = PRIVATE_KEY.test(field.shown) || (file?.kind === 'text' && PRIVATE_KEY.test(file.text));
  return {
    ...whole,
    label: mask(field.label),
    shown: maskValue(field, mask),
    ...(brief === undefined || hasKey ? {} : { brief: mask(brief) }),
    ...(remark === undefined ? {} : { remark: mask(remark) }),
    ...(around === undefined || hasKey ? {} : { around: maskAround(around, mask, file) }),
    ...(instead === undefined ? {} : { instead: maskField(instead, mask, file) }),
    ...richOf(field, mask),
  };
}

/** A name such as `password` tells that the value beside it is one. */
function maskValue({ label, shown }: Field, mask: Mask): string {
  const before = `${label}: `;
  const both = mask(before + shown);
  return both.startsWith(before) ? both.slice(before.length) : mask(shown);
}

function richOf({ markdown }: Field, mask: Mask): Pick<Field, 'rich'> {
  const rich = markdown === undefined ? undefined : planElements(markdown, mask);
  // Fields are fitted by what their plain text costs.
  return rich === undefined || costOfBlocks(rich) > costOf(markdown ?? '') + RICH_MORE ? {} : { rich };
}

function maskAround({ above, below }: Around, mask: Mask, file: FileOnDisk | undefined): Around {
  const text = file?.kind === 'text' ? file.text : '';
  const masked = (lines: string): string =>
    mask(
      lines
        .split('\n')
        .map((line) => (line.endsWith('…') ? withoutHalf(line, mask, text) : line))
        .join('\n'),
    );
  return { above: masked(above), below: masked(below) };
}

/** A line that was cut, up to where the same line, masked as a whole, is another: half a secret is not known for one. */
function withoutHalf(line: string, mask: Mask, text: string): string {
  const shown = line.slice(FROM_DISK.length, -1);
  const at = shown === '' ? -1 : text.indexOf(decodeVisible(shown));
  if (at < 0) return `${FROM_DISK}${shown.replace(LAST_WORD, '')}…`;
  const [whole = ''] = text.slice(at, at + MAX_LOOK).split('\n', 1);
  const masked = mask(encodeInline(whole));
  let same = 0;
  while (same < shown.length && shown[same] === masked[same]) same += 1;
  return `${FROM_DISK}${shown.slice(0, cutBefore(shown, same))}…`;
}

/** Text that was masked before it was encoded: what was masked is shown as such again. */
export function encodeMasked(masked: string): string {
  return encodeInline(masked).replace(/⟦U\+27E6⟧(masked \d+: [^⟦⟧]{1,80})⟧/g, '⟦$1⟧');
}
