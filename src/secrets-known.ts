/** Secrets that we are told: values of the agent's environment, and patterns of the user's. */
import { BLANK_ESCAPE, piecesBetween, type Span } from './secrets-spans.ts';
import { couldRun } from './secrets-values.ts';

const KIND = 'value from the environment';
/** Shorter ones stand in a text by chance. */
const MIN_LENGTH = 8;

/** What is written in another way where people see it: white space, hidden characters, our brackets. */
const REWRITTEN = /[\s⟦⟧\u2800\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\p{Variation_Selector}]+/u;
const ESCAPE = `${BLANK_ESCAPE}|⟦U\\+[0-9A-F]{4,6}⟧`;
const MARK = '(?<=\\n|newlines?⟧)[-+>|] ';
/** Any way to write one of them, a few times, with the mark of a diff where a new line begins. */
const GAP = `(?:${REWRITTEN.source.slice(0, -1)}|${ESCAPE}|\\\\+(?:[bfnrt]|u[0-9a-fA-F]{4})|${MARK}){1,40}`;
const BREAK = new RegExp(`(?:${ESCAPE}|\\n|${MARK})+`, 'gu');

export interface KnownSecret {
  readonly value: string;
  /** A part without anything that is written in more than one way: without it, the value is not there. */
  readonly probe: string;
  readonly pattern: RegExp;
  readonly isRunnable: boolean;
}

/** Prepares values for `findKnown`; those that are too short are left out. */
export function readKnown(values: readonly string[]): readonly KnownSecret[] {
  return [...new Set(values)].flatMap((value) => {
    const pieces = value.split(REWRITTEN).filter((piece) => piece !== '');
    const probe = pieces.flatMap((piece) => piece.split(/["\\]/)).reduce(longer, '');
    if (value.trim().length < MIN_LENGTH || probe === '') return [];
    return [
      { value, probe, pattern: new RegExp(pieces.map(inAnyJson).join(GAP), 'gu'), isRunnable: isRunnable(value) },
    ];
  });
}

/** Where known values stand, as themselves, in JSON, escaped for the eye, or over the lines of a diff. */
export function findKnown(text: string, known: readonly KnownSecret[]): readonly Span[] {
  return known.flatMap(({ value, probe, pattern, isRunnable }) => {
    if (!text.includes(probe)) return [];
    return [...text.matchAll(pattern)].flatMap((match) => {
      const pieces = piecesBetween(text, match.index, match.index + match[0].length, BREAK);
      return pieces.map(([start, end], index): Span => {
        const span = { start, end, kind: KIND, key: value, why: 'known', isRunnable } as const;
        return pieces.length === 1 ? span : { ...span, part: index + 1 };
      });
    });
  });
}

/** A known value that may be a command: a path, a word of small letters, or anything that a shell would act on. */
function isRunnable(value: string): boolean {
  return value.includes('/') || couldRun(value);
}

/** A piece as the source of a regular expression, with its quotes and backslashes escaped or not. */
function inAnyJson(piece: string): string {
  return [...piece].map(characterInAnyJson).join('');
}

function characterInAnyJson(character: string): string {
  if (character === '"') return '\\\\{0,3}"';
  if (character === '\\') return '\\\\{1,4}';
  return character.replace(/[$()*+./?[\\\]^{|}]/g, '\\$&');
}

function longer(one: string, other: string): string {
  return other.length > one.length ? other : one;
}
