/** Secrets leave the machine as `⟦masked 1: AWS key, 20 characters⟧`: in cards, in files and in the audit log. */
import { AppError, oneLine } from './errors.ts';
import { findByContext } from './secrets-context.ts';
import { findFormats } from './secrets-formats.ts';
import { findKnown, readKnown } from './secrets-known.ts';
import { findPrivateKeys } from './secrets-pem.ts';
import { createPlaces } from './secrets-places.ts';
import { type Span, settle } from './secrets-spans.ts';
import { couldRun } from './secrets-values.ts';

/** A form of secrets that the user's config adds. */
export interface SecretRule {
  /** What its secrets are called in the marker. */
  readonly name: string;
  /** A regular expression as JavaScript writes them, with the flag `u`; all of a match is the secret. */
  readonly pattern: string;
}

export interface Masked {
  readonly text: string;
  /** What is masked could be run: whoever sees only this text must not be able to approve it. */
  readonly isOpaque: boolean;
}

/** Masks the texts of one request. The same secret has the same number in all of them. */
export interface Masker {
  /**
   * A text with a marker in the place of each secret, and nothing else changed. Takes what `encodeVisible` and
   * `encodeInline` give back, lines of a diff, JSON, or text as it is. Existing `⟦…⟧` escapes stay as they are.
   */
  mask(text: string): Masked;
  /** How many different values are masked so far. */
  count(): number;
  /** What they are, in words for people, each once. */
  kinds(): readonly string[];
  /** A text with the values back in the place of the markers; undefined when it holds a marker that is none of ours. */
  restore(text: string): string | undefined;
}

interface CompiledRule {
  readonly kind: string;
  readonly pattern: RegExp;
}

const MAX_NAME = 40;
/** A marker can be the boundary that a second secret, written right beside the first, was missing. */
const MAX_ROUNDS = 8;
/** On these a pattern shows whether it can match without reading anything. */
const SAMPLES = ['', 'aZ 09_-=:/."\n'];
const MARKER = /⟦masked \d+: [^⟦⟧\n]*⟧/g;
/** What is left of a marker that somebody has changed. */
const MARKER_LIKE = /⟦\s*masked|masked \d+: [^⟦⟧\n]{1,80}, \d+ characters?/i;

/**
 * @param options.known values that are secrets wherever they stand; shorter ones than 8 characters are not looked for
 * @param options.rules forms that the user's config adds
 * @throws AppError('bad-config') for a rule that `checkSecretRule` refuses
 */
export function createMasker(options: {
  readonly known: readonly string[];
  readonly rules?: readonly SecretRule[];
}): Masker {
  const known = readKnown(options.known);
  const rules = (options.rules ?? []).map(compileRule);
  const book = createBook();

  const maskOnce = (text: string): Masked => {
    const spans = settle(text, [
      ...findPrivateKeys(text),
      ...findFormats(text),
      ...findByRules(text, rules),
      ...findKnown(text, known),
      ...findByContext(text),
    ]);
    if (spans.length === 0) return { text, isOpaque: false };
    const parts: string[] = [];
    let done = 0;
    for (const span of spans) {
      parts.push(text.slice(done, span.start), book.markerOf(span, text.slice(span.start, span.end)));
      done = span.end;
    }
    return { text: parts.join('') + text.slice(done), isOpaque: isOpaque(text, spans) };
  };

  return {
    mask(text) {
      let masked: Masked = { text, isOpaque: false };
      for (let round = 0; round < MAX_ROUNDS; round += 1) {
        const next = maskOnce(masked.text);
        if (next.text === masked.text) break;
        masked = { text: next.text, isOpaque: masked.isOpaque || next.isOpaque };
      }
      return masked;
    },
    count: book.count,
    kinds: book.kinds,
    restore(text) {
      if (MARKER_LIKE.test(text.replace(MARKER, (marker) => (book.valueOf(marker) === undefined ? marker : '\n')))) {
        return undefined;
      }
      return text.replace(MARKER, (marker) => book.valueOf(marker) ?? marker);
    },
  };
}

/** Whether a span could be run for what it is, or for where it stands. */
function isOpaque(text: string, spans: readonly Span[]): boolean {
  if (spans.some((span) => span.isRunnable)) return true;
  const isRisky = createPlaces(text);
  return spans.some(({ start, end, why, isBlock }) => why !== 'context' && !isBlock && isRisky(start, end));
}

/** @throws AppError('bad-config') when the pattern does not compile, or matches without reading anything */
export function checkSecretRule(rule: SecretRule): void {
  compileRule(rule);
}

function compileRule(rule: SecretRule): CompiledRule {
  const pattern = compile(rule);
  if (SAMPLES.some((sample) => [...sample.matchAll(pattern)].some(([found]) => found === ''))) {
    throw new AppError('bad-config', `${named(rule)} matches the empty string: ${rule.pattern}`, {
      hint: 'Write a pattern that matches the whole secret and at least one character.',
    });
  }
  return { kind: nameOf(rule), pattern };
}

function compile(rule: SecretRule): RegExp {
  try {
    return new RegExp(rule.pattern, 'gu');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AppError('bad-config', `${named(rule)} has no valid regular expression: ${why}`, { cause: error });
  }
}

function named(rule: SecretRule): string {
  return `The secret rule "${oneLine(rule.name)}"`;
}

/** A name that fits into a marker. */
function nameOf(rule: SecretRule): string {
  const name = rule.name.replace(/[⟦⟧\p{C}\p{Zl}\p{Zp}]/gu, ' ').trim();
  return [...name].slice(0, MAX_NAME).join('').trim() || 'secret';
}

function findByRules(text: string, rules: readonly CompiledRule[]): readonly Span[] {
  return rules.flatMap(({ kind, pattern }) =>
    [...text.matchAll(pattern)].flatMap(({ index: start, 0: key }): readonly Span[] =>
      key === '' ? [] : [{ start, end: start + key.length, kind, key, why: 'format', isRunnable: couldRun(key) }],
    ),
  );
}

/** What the markers of one request stand for. */
function createBook() {
  const entries = new Map<string, { readonly number: number; readonly kind: string }>();
  const values = new Map<string, string>();
  let last = 0;

  const enter = (kind: string, key?: string) => {
    last += 1;
    const entry = { number: last, kind };
    if (key !== undefined) entries.set(key, entry);
    return entry;
  };
  return {
    markerOf(span: Span, value: string): string {
      const entry = entries.get(span.key) ?? enter(span.kind, span.key);
      const marker = markerFor(entry, span.part, value);
      if ((values.get(marker) ?? value) === value) return remember(values, marker, value);
      // The same secret, written in another way of the same length: its own number, or it could not be given back.
      const other = [...values].find(([name, held]) => held === value && name.startsWith('⟦masked'))?.[0];
      return other ?? remember(values, markerFor(enter(entry.kind), span.part, value), value);
    },
    valueOf: (marker: string): string | undefined => values.get(marker),
    count: (): number => entries.size,
    kinds: (): readonly string[] => [...new Set([...entries.values()].map(({ kind }) => kind))],
  };
}

function markerFor(entry: { readonly number: number; readonly kind: string }, part: number | undefined, value: string) {
  const name = part === undefined ? entry.kind : `${entry.kind}, part ${part}`;
  return `⟦masked ${entry.number}: ${name}, ${value.length} ${value.length === 1 ? 'character' : 'characters'}⟧`;
}

function remember(values: Map<string, string>, marker: string, value: string): string {
  values.set(marker, value);
  return marker;
}
