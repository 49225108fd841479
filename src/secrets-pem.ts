/** Private keys in PEM: https://www.rfc-editor.org/rfc/rfc7468, with the headers of RFC 1421 and the blocks of RFC 4880. */
import { BLANK_ESCAPE, endOfMatch, type Span } from './secrets-spans.ts';

const KIND = 'private key';
const HEADER = /-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----/g;
const FOOTER = /-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----/y;

/** Between lines: white space as itself, as JSON writes it, or as an escape, and the mark of a diff or a quotation. */
const GAP = new RegExp(`(?:\\s|\\\\+[nrt]|${BLANK_ESCAPE})+(?:[-+>|](?:[ \\t]|${BLANK_ESCAPE})+)*`, 'y');
/** A gap that can go with the key: nothing in it says anything. */
const PLAIN_GAP = /^(?:\s|\\+[nrt])+$/;
/** Headers that can say nothing but how the key is encrypted; others stay visible. */
const STRICT_FIELD = /Proc-Type: 4,ENCRYPTED|DEK-Info: [A-Z0-9-]+,[0-9A-Fa-f]+/y;
const FIELD = /[A-Z][A-Za-z-]{1,30}: [^\n\\⟦⟧]{0,200}/y;
const LINE = /[A-Za-z0-9+/]+={0,2}|=[A-Za-z0-9+/]{4}/y;

/** The shortest keys (Ed25519 in PKCS #8) have 64 characters; fewer than this are none. */
const MIN_LENGTH = 40;
/** Full lines of a key whose end is missing; RFC 7468 writes 64 on a line, OpenSSH 70. The last one may be cut. */
const MIN_LINE = 40;

interface Body {
  readonly end: number;
  readonly lines: readonly (readonly [number, number])[];
  /** Nothing but key, white space and strict headers. */
  readonly isPlain: boolean;
}

/**
 * Private keys. One that stands in plain lines is one span from header to footer; where each line has a mark of its own
 * before it, each line is a part, so that marks and escapes stay. Anything else than key between the two: no key.
 */
export function findPrivateKeys(text: string): readonly Span[] {
  if (!text.includes('-----BEGIN ')) return [];
  const spans: Span[] = [];
  HEADER.lastIndex = 0;
  for (let header = HEADER.exec(text); header !== null; header = HEADER.exec(text)) {
    const body = readBody(text, header.index + header[0].length, isTight(text, header.index));
    const footer = endOfMatch(FOOTER, text, body.end);
    spans.push(...spansOf(text, header.index, body, footer));
    HEADER.lastIndex = footer ?? body.end;
  }
  return spans;
}

/** Whether the mark of a diff stands before the header without a space between. */
function isTight(text: string, header: number): boolean {
  return /(?:^|\n|⟧|\\n)[-+]$/.test(text.slice(Math.max(0, header - 3), header));
}

/** Reads lines of a key from `from` on, up to the first thing that is none. */
function readBody(text: string, from: number, isTightDiff: boolean): Body {
  const lines: [number, number][] = [];
  let isPlain = true;
  let at = from;
  for (;;) {
    const gap = endOfMatch(GAP, text, at);
    if (gap === undefined) break;
    const mark = isTightDiff && /[-+ ]/.test(text.charAt(gap)) && !text.startsWith('-----', gap) ? 1 : 0;
    isPlain &&= mark === 0 && PLAIN_GAP.test(text.slice(at, gap));
    at = gap + mark;
    const field = endOfMatch(STRICT_FIELD, text, at) ?? endOfMatch(FIELD, text, at);
    const end = field ?? endOfMatch(LINE, text, at);
    if (end === undefined) break;
    if (field === undefined) lines.push([at, end]);
    else isPlain &&= endOfMatch(STRICT_FIELD, text, at) === field;
    at = end;
  }
  // A diff's mark stands before the footer as well: `------END`.
  if (isTightDiff && text.startsWith('------END ', at)) return { end: at + 1, lines, isPlain: false };
  return { end: at, lines, isPlain };
}

function spansOf(text: string, start: number, body: Body, footer: number | undefined): readonly Span[] {
  const isWhole = footer !== undefined;
  const lines = isWhole ? body.lines : body.lines.filter(([from, to]) => to - from >= MIN_LINE || to === text.length);
  const key = lines.map(([from, to]) => text.slice(from, to)).join('');
  if (key.length < MIN_LENGTH) return [];
  const isRunnable = lines.some(([from, to]) => isCommand(text.slice(from, to)));
  const common = { kind: KIND, key, why: 'format', isRunnable, isBlock: true } as const;
  if (isWhole && body.isPlain) return [{ ...common, start, end: footer }];
  return lines.map(([from, to], index) => ({ ...common, start: from, end: to, part: index + 1 }));
}

/** Base64 that a shell could take for a command: no capitals and no padding, or a path that is filled up with slashes. */
function isCommand(line: string): boolean {
  return line.startsWith('//') || /^[a-z0-9/]+$/.test(line);
}
