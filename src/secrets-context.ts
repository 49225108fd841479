/** Values that are secrets because of where they stand: after a telling name, in an address, in a header. */
import { BLANK_ESCAPE, endOfMatch, type Span } from './secrets-spans.ts';
import { isCommandWord, isDynamic, isPath, isSecretValue } from './secrets-values.ts';
import { findWords, type Word } from './secrets-words.ts';

const BLANK = '(?:[ \\t]|⟦(?:\\d+ )?(?:space|tab)s?⟧)';
/** After a name: the end of its quotation, then the sign and the space around it, which tells code and commands apart. */
const ASSIGN = new RegExp(`((?:\\\\*["'\`])?\\]?)(${BLANK}*)(=>|:=|=(?![=~>])|:(?![:=]))(${BLANK}*)`, 'y');
/** After a flag: space, or the next item of a list of arguments. */
const FLAG_GAP = new RegExp(`(?:${BLANK}+|\\\\*["'],${BLANK}*(?=\\\\*["']))`, 'y');

const OPEN = /(?:[bru]{1,2}(?=["']))?(\\*["'])/iy;
/** Bash's metacharacters, quotes, backslashes and references end a value; so do our escapes. */
const QUOTED_RUN = /[^\s;&|<>()$`\\"'⟦⟧]*/y;
const BARE_RUN = /[^\s;&|<>()$`\\"'⟦⟧{}[\]]*/y;
/** Nothing may be joined to a value: `"reb""oot"` is one word. */
const NOT_JOINED = `(?![\\w$\`("']|\\\\(?!\\\\*[nrt])|(?!${BLANK_ESCAPE})⟦)`;
const AFTER_QUOTED = new RegExp(`(?:\\\\*["']){0,2}${NOT_JOINED}`, 'y');
const AFTER_BARE = new RegExp(
  `$|[\\s;&|>)\\]}]|\\\\+[nrt]|${BLANK_ESCAPE}|(?:\\\\*["']){1,3}${NOT_JOINED}|\`(?=[\\s.,:)]|$)`,
  'y',
);
/** A list that goes on, or its end. */
const NEXT_ITEM = /,(?:$|(?=[\w.-]+[=:]))/;

const AUTHORIZATION = new RegExp(
  `(?:\\\\*["'])?\\]?${BLANK}*[:=,]${BLANK}*(?:\\\\*["'\`])?(bearer|basic|token|bot)${BLANK}+([\\w.~+/-]{6,}={0,2})(?![$\`({<])`,
  'iy',
);
/** User and password of https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1, without what a shell would act on. */
const USER_INFO = /[^\s:/@?#"'`$;&|<>(){}\\⟦⟧]{0,200}:([^\s/?#"'`$;&|<>(){}\\⟦⟧]+)@/y;

/** Where a value stands, and what can be said from the place alone. */
interface Value {
  readonly start: number;
  readonly end: number;
  /** Unquoted, with space around the sign: `password = userInput` is code. */
  readonly isCode: boolean;
  /** A shell would run it: `NAME= value`. */
  readonly isCommand: boolean;
}

/** A named value that is to be masked. */
interface Named extends Value {
  readonly word: Word;
}

/** Secrets by their place. Takes any text; time grows with its length only. */
export function findByContext(text: string): readonly Span[] {
  const words = findWords(text);
  const dynamic = lazily(() => isDynamic(text));
  const canRun = (value: string): boolean => isPath(value) || (isCommandWord(value) && dynamic());
  const named = words.length === 0 ? [] : findNamed(text, words);
  return [
    ...spansOfNamed(text, words, named, canRun),
    ...findAuthorization(text, words, canRun),
    ...findInAddresses(text, canRun),
  ];
}

function findNamed(text: string, words: readonly Word[]): readonly Named[] {
  const readValue = createValueReader(text);
  const named: Named[] = [];
  let done = 0;
  for (const word of words) {
    if (word.secret === undefined || word.start < done || isReference(text, word)) continue;
    const value = readAssigned(text, word, readValue) ?? readArgument(text, word, readValue);
    if (value === undefined || !isSecretValue(text.slice(value.start, value.end), value.isCode)) continue;
    if (word.secret === 'working directory or password' && text.slice(value.start, value.end).includes('/')) continue;
    named.push({ ...value, word });
    done = value.end;
  }
  return named;
}

/** `$NAME` and `${NAME:-…}` read a variable; `scheme://name:…@` is an address. */
function isReference(text: string, { start }: Word): boolean {
  return /(?:\$\{?[!#]?|:\/\/)$/.test(text.slice(Math.max(0, start - 3), start));
}

type ReadValue = (at: number) => (Pick<Value, 'start' | 'end'> & { readonly isQuoted: boolean }) | undefined;

function readAssigned(text: string, word: Word, readValue: ReadValue): Value | undefined {
  ASSIGN.lastIndex = word.end;
  const [whole, close, before, sign, after] = ASSIGN.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const value = readValue(word.end + whole.length);
  if (value === undefined) return undefined;
  const isSpaced = after !== '' && (before !== '' || sign === ':');
  return {
    ...value,
    isCode: isSpaced && !value.isQuoted,
    isCommand: sign === '=' && !close && !before && after !== '',
  };
}

/** `--password VALUE`. A flag that takes no value may have a command after it. */
function readArgument(text: string, word: Word, readValue: ReadValue): Value | undefined {
  if (!word.isFlag) return undefined;
  const gap = endOfMatch(FLAG_GAP, text, word.end);
  if (gap === undefined || text.startsWith('-', gap)) return undefined;
  const value = readValue(gap);
  if (value === undefined) return undefined;
  return { ...value, isCode: false, isCommand: isAfterFlag(text.slice(value.start, value.end)) };
}

/** What a flag without a value could have behind it: a command, the path of one, or a variable for it. */
function isAfterFlag(value: string): boolean {
  return isCommandWord(value) || value.includes('/') || /^\w+=[^=]/.test(value);
}

/** Reads one value, quoted or not; undefined when it is no plain literal. Remembers how far the last run went: many names can stand in one. */
function createValueReader(text: string): ReadValue {
  const quotedEnd = createRunner(text, QUOTED_RUN);
  const bareEnd = createRunner(text, BARE_RUN);
  return (at) => {
    OPEN.lastIndex = at;
    const [opening, quote] = OPEN.exec(text) ?? [];
    if (opening !== undefined && quote !== undefined) {
      const start = at + opening.length;
      const end = quotedEnd(start);
      const isClosed = text.startsWith(quote, end) && endOfMatch(AFTER_QUOTED, text, end + quote.length) !== undefined;
      return isClosed ? { start, end, isQuoted: true } : undefined;
    }
    const end = bareEnd(at);
    if (end === at || text.startsWith('--', at) || endOfMatch(AFTER_BARE, text, end) === undefined) return undefined;
    const next = NEXT_ITEM.exec(text.slice(at, end));
    return { start: at, end: next === null ? end : at + next.index, isQuoted: false };
  };
}

function createRunner(text: string, run: RegExp): (at: number) => number {
  let from = 0;
  let to = -1;
  return (at) => {
    if (at >= from && at <= to) return to;
    from = at;
    to = endOfMatch(run, text, at) ?? at;
    return to;
  };
}

function spansOfNamed(
  text: string,
  words: readonly Word[],
  named: readonly Named[],
  canRun: (value: string) => boolean,
): readonly Span[] {
  if (named.length === 0) return [];
  const uses = new Map<string, number>();
  for (const name of words.flatMap((word) => word.names)) uses.set(name, (uses.get(name) ?? 0) + 1);
  const definitions = new Map<string, number>();
  for (const { word } of named) definitions.set(word.name, (definitions.get(word.name) ?? 0) + 1);
  return named.map(({ start, end, word, isCommand }) => {
    const isUsed = !word.isLongFlag && (uses.get(word.name) ?? 0) > (definitions.get(word.name) ?? 0);
    const key = text.slice(start, end);
    const kind = word.secret === 'working directory or password' ? 'password' : (word.secret ?? 'secret');
    return { start, end, kind, key, why: 'context', isRunnable: isCommand || isUsed || canRun(key) };
  });
}

/** `Authorization: Bearer …` and its kin: https://www.rfc-editor.org/rfc/rfc9110#section-11.4 (token68). */
function findAuthorization(text: string, words: readonly Word[], canRun: (value: string) => boolean): readonly Span[] {
  return words.flatMap((word) => {
    if (!word.isAuthorization) return [];
    AUTHORIZATION.lastIndex = word.end;
    const [whole, scheme, key] = AUTHORIZATION.exec(text) ?? [];
    if (whole === undefined || scheme === undefined || key === undefined || !isSecretValue(key, false)) return [];
    const end = word.end + whole.length;
    const kind = scheme.toLowerCase() === 'basic' ? 'credentials' : 'token';
    return [{ start: end - key.length, end, kind, key, why: 'context', isRunnable: canRun(key) } as const];
  });
}

/** The password of `scheme://user:password@host`. */
function findInAddresses(text: string, canRun: (value: string) => boolean): readonly Span[] {
  const spans: Span[] = [];
  for (let at = text.indexOf('://'); at >= 0; at = text.indexOf('://', at + 3)) {
    USER_INFO.lastIndex = at + 3;
    const [whole, key] = USER_INFO.exec(text) ?? [];
    if (whole === undefined || key === undefined || !/[a-z0-9]/i.test(text.charAt(at - 1)) || isExample(key)) continue;
    const end = at + 3 + whole.length - 1;
    spans.push({ start: end - key.length, end, kind: 'password', key, why: 'context', isRunnable: canRun(key) });
  }
  return spans;
}

/** Short passwords are passwords, too, in an address; placeholders are not. */
function isExample(key: string): boolean {
  return !isSecretValue(key.padEnd(6, key.at(-1)), false);
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
