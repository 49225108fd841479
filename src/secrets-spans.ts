/** Places in a text that hold a secret: what the finders return, and how overlapping ones become one. */

/** One stretch of text to mask. Offsets are UTF-16 units; `end` is the first one after it. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** In words for people. */
  readonly kind: string;
  /** The secret itself without how it happens to be written here: the same secret has the same key. */
  readonly key: string;
  /** Which part of the secret, from 1, when it stands in several places: a key over lines with a mark before each. */
  readonly part?: number;
  /** Why it is masked. The form of a `format` cannot be anything else; the others only stand where secrets stand. */
  readonly why: 'format' | 'known' | 'context';
  /** What is masked could be a command or a file that the text runs. */
  readonly isRunnable: boolean;
  /** A block of lines that no word of a command can be: where it stands says nothing. */
  readonly isBlock?: true;
}

const RANK: Readonly<Record<Span['why'], number>> = { format: 0, known: 1, context: 2 };

/** An escape of visible text, or a marker of ours: nothing in it is changed. */
const ESCAPE = /⟦(?:U\+[0-9A-F]{4,6}|(?:\d+ )?(?:space|tab|newline)s?|masked \d+: [^⟦⟧\n]*)⟧/g;

/** Escapes that stand for white space, as the source of a regular expression. */
export const BLANK_ESCAPE = '⟦(?:(?:\\d+ )?(?:space|tab|newline)s?|U\\+000D)⟧';

/** Spans in the order of the text, none of which overlaps another or an escape. */
export function settle(text: string, spans: readonly Span[]): readonly Span[] {
  if (spans.length === 0) return spans;
  const sorted = [...spans].sort((one, other) => one.start - other.start || other.end - one.end);
  const merged: Span[] = [];
  let cluster: Span[] = [];
  let end = 0;
  for (const span of sorted) {
    if (cluster.length > 0 && span.start >= end) {
      merged.push(mergeOf(text, cluster));
      cluster = [];
    }
    end = cluster.length === 0 ? span.end : Math.max(end, span.end);
    cluster.push(span);
  }
  merged.push(mergeOf(text, cluster));
  return outsideEscapes(text, merged);
}

/** The pieces of `start`..`end` that are left between the matches of a global `separator`. */
export function piecesBetween(
  text: string,
  start: number,
  end: number,
  separator: RegExp,
): readonly [number, number][] {
  const pieces: [number, number][] = [];
  let from = start;
  for (const gap of text.slice(start, end).matchAll(separator)) {
    if (start + gap.index > from) pieces.push([from, start + gap.index]);
    from = start + gap.index + gap[0].length;
  }
  if (end > from) pieces.push([from, end]);
  return pieces;
}

/** Where a sticky pattern's match at `at` ends; undefined when there is none. */
export function endOfMatch(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

/** One span over all that overlap. What a format covers needs no other reason, and no doubt of another reason counts. */
function mergeOf(text: string, cluster: readonly Span[]): Span {
  const [first] = cluster;
  if (first === undefined) throw new RangeError('Expected at least one span');
  if (cluster.length === 1) return first;
  const best = cluster.reduce((one, other) => (RANK[other.why] < RANK[one.why] ? other : one));
  const start = first.start;
  const end = cluster.reduce((most, span) => Math.max(most, span.end), 0);
  const formats = cluster.filter((span) => span.why === 'format');
  const isCovered = (span: Span): boolean =>
    formats.some((format) => format !== span && format.start <= span.start && span.end <= format.end);
  const isRunnable = cluster.some((span) => span.isRunnable && (span.why === 'format' || !isCovered(span)));
  if (best.start === start && best.end === end) return { ...best, isRunnable };
  return { start, end, kind: best.kind, key: text.slice(start, end), why: best.why, isRunnable };
}

function outsideEscapes(text: string, spans: readonly Span[]): readonly Span[] {
  const escapes = text.includes('⟦') ? [...text.matchAll(ESCAPE)] : [];
  if (escapes.length === 0) return spans;
  const outside: Span[] = [];
  let next = 0;
  for (const span of spans) {
    while (next < escapes.length && endOf(escapes[next]) <= span.start) next += 1;
    outside.push(...cut(span, escapes, next));
  }
  return outside;
}

/** What is left of a span beside the escapes from the `next` one on. */
function cut(span: Span, escapes: readonly RegExpExecArray[], next: number): readonly Span[] {
  const pieces: Span[] = [];
  let from = span.start;
  for (let index = next; index < escapes.length && from < span.end; index += 1) {
    const at = escapes[index]?.index ?? span.end;
    if (at >= span.end) break;
    if (at > from) pieces.push({ ...span, start: from, end: at });
    from = endOf(escapes[index]);
  }
  if (from === span.start) return [span];
  if (from < span.end) pieces.push({ ...span, start: from });
  return pieces.length < 2 ? pieces : pieces.map((piece, index) => ({ ...piece, part: index + 1 }));
}

function endOf(match: RegExpExecArray | undefined): number {
  return match === undefined ? 0 : match.index + match[0].length;
}
