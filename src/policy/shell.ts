/**
 * Reading shell commands without a shell. Two readers with opposite mistakes: `simpleCommand` understands little and is
 * sure of it, for what allows; `commandParts` finds too many parts rather than too few, for what denies and warns.
 */
export { commandParts } from './command-parts.ts';

/** One command without anything that a shell would replace, redirect or combine. */
export interface SimpleCommand {
  /** As it is written. */
  readonly text: string;
  /** What the program is given: quotes removed. Never empty. */
  readonly words: readonly string[];
}

/** Whatever a shell does more with than end a word, in bash, dash or zsh. */
const SPECIAL = new Set('$`\\(){}[]*?<>!');
const SPECIAL_IN_DOUBLE_QUOTES = new Set('$`\\!');
/** Home directories, comments, and zsh's path of a command (`=ls`). */
const SPECIAL_AT_WORD_START = new Set('~#=');
const OPERATOR = /&&|\|\||\|&|;;|[;&|\n]/y;
const ASSIGNMENT = /^[A-Za-z_]\w*\+?=/;
const RESERVED = new Set(
  'if then else elif fi case esac for foreach select while until repeat do done end in function coproc'.split(' '),
);
/** Everything without a glyph of its own; a blank that is not a space passes for one and does not end a word. */
const HIDDEN = /(?![ \n])[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\p{Variation_Selector}\u2800]/u;

/**
 * The words of a command that is one simple command; undefined for everything else: operators, expansions, globs,
 * redirections, comments, assignments, reserved words, backslashes, line breaks, control and hidden characters.
 */
export function simpleCommand(command: string): readonly string[] | undefined {
  if (command.includes('\n')) return undefined;
  const [only, ...others] = simpleCommands(command) ?? [];
  return others.length === 0 ? only?.words : undefined;
}

/** The simple commands of a list such as `a && b | c; d`; undefined when any part of it is something else, or missing. */
export function simpleCommands(command: string): readonly SimpleCommand[] | undefined {
  if (HIDDEN.test(command)) return undefined;
  const found: SimpleCommand[] = [];
  let operator = '\n';
  for (let at = 0; at < command.length; ) {
    const read = readSimple(command, at);
    if (read === undefined) return undefined;
    at = read.end;
    if (read.words.length > 0) found.push({ text: command.slice(read.start, read.end).trim(), words: read.words });
    OPERATOR.lastIndex = at;
    const next = OPERATOR.exec(command)?.[0];
    // `;;` belongs to a case; an operator without a command before it is an error, or a sign that this is something else.
    if (next === ';;' || (next !== undefined && next !== '\n' && read.words.length === 0)) return undefined;
    if (read.words.length > 0) operator = next ?? '';
    at += next?.length ?? 0;
    if (next === undefined && read.words.length > 0) return found;
  }
  return found.length > 0 && operator === '\n' ? found : undefined;
}

/** Whether a text is one line without anything that a person would not see, or would take for a space. */
export function isPlainLine(text: string): boolean {
  return !text.includes('\n') && !HIDDEN.test(text);
}

interface Read {
  readonly start: number;
  readonly end: number;
  readonly words: readonly string[];
}

/** Reads words up to an operator or the end; undefined at anything that is not simple. */
function readSimple(command: string, start: number): Read | undefined {
  const words: string[] = [];
  let at = start;
  while (at < command.length) {
    const char = command.charAt(at);
    if (char === ' ') at += 1;
    else if (isOperator(char)) break;
    else {
      const word = readWord(command, at);
      if (word === undefined) return undefined;
      words.push(word.value);
      at = word.end;
    }
  }
  const [first] = words;
  if (first !== undefined && (first === '' || RESERVED.has(first) || ASSIGNMENT.test(first))) return undefined;
  return { start, end: at, words };
}

function readWord(command: string, start: number): { readonly value: string; readonly end: number } | undefined {
  if (SPECIAL_AT_WORD_START.has(command.charAt(start))) return undefined;
  let value = '';
  let at = start;
  while (at < command.length) {
    const char = command.charAt(at);
    if (char === ' ' || isOperator(char)) break;
    if (char === "'" || char === '"') {
      const quoted = readQuoted(command, at);
      if (quoted === undefined) return undefined;
      value += quoted;
      at += quoted.length + 2;
      continue;
    }
    if (SPECIAL.has(char)) return undefined;
    // Shells look for a home directory behind these, too: `PATH=~/bin:~/sbin`.
    if (char === '~' && /[=:]/.test(command.charAt(at - 1))) return undefined;
    value += char;
    at += 1;
  }
  return { value, end: at };
}

/** What stands between the quote at `start` and its end; undefined without an end, or when it is not literal. */
function readQuoted(command: string, start: number): string | undefined {
  const quote = command.charAt(start);
  const end = command.indexOf(quote, start + 1);
  if (end < 0) return undefined;
  const text = command.slice(start + 1, end);
  if (text.includes('\n')) return undefined;
  return quote === '"' && [...text].some((char) => SPECIAL_IN_DOUBLE_QUOTES.has(char)) ? undefined : text;
}

function isOperator(char: string): boolean {
  return char === ';' || char === '&' || char === '|' || char === '\n';
}
