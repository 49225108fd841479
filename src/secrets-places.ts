/** Where a masked value stands: what is run, installed or connected to must be seen by whoever approves it. */
import { isCommandNext, isPipedToRunner, isPlaceName, isRunnerBefore } from './secrets-runners.ts';

/** Characters before a value that are looked at; a command that began earlier is taken for one that runs its arguments. */
const WINDOW = 2_000;
/** The longest name with its sign before a value. */
const NAME_WINDOW = 120;

/** What ends a command; not in `2>&1`, and not escaped. */
const SEPARATOR = /(?<![<>\\])[;|&](?!>)/g;
const COMMAND_START = /(?<![<>\\])[;|&](?!>)|[()`\v]/g;
const SCHEME = '(?:(?:bearer|basic|token|bot)\\s+)?';
const VARIABLE = /(?:^|[\s"'=&?,;(])([A-Za-z_][\w.-]*)=\\*["']?$/;
const FLAG = /(?:^|[\s"'[,])-{1,2}([\w-]+)(=|["']?,?\s+)["']?$/;
/** Flags whose value is a secret in every program; `--ask-password` and `--no-token` have none. */
const SECRET_FLAG =
  /^(?:(?:access|api|auth|bearer|client|id|oauth2?|refresh|session|user)-)*(?:token|jwt|key|secret|password|bearer)$/;
/** `-H "Name: value"`: from its quotation mark on. */
const HEADER = new RegExp(`(["'])([\\w-]+):\\s*${SCHEME}$`, 'i');
/** A field at the start of a line, in a file or in a list of arguments. */
const FIELD = new RegExp(`^[\\s+>|-]*\\\\*["']?([\\w.-]+)\\\\*["']?\\s*:\\s*\\\\*["']?${SCHEME}$`, 'i');
const JSON_FIELD = new RegExp(`(\\s|[{,]\\s*)?\\\\*["']([\\w.-]+)\\\\*["']:(\\s*)\\\\*["']${SCHEME}$`, 'i');
/** `const jwt = '…'`, `api_key = "…"`: the first word is no program. */
const CODE =
  /^[\s+>|-]*(?:(?:export\s+)?(?:const|let|var)\s+([\w$]+)|([\w.-]*(?:token|key|secret|password|jwt)))\s+=\s+["'`]$/i;
const CREDENTIALS = /\s(?:-u|--user)(?:\s*|=)["']?[\w.@+-]+:$/;
/** What may stand between a user, or a password, and the host of an address. */
const BEFORE_HOST = /^(?::[^\s/?#\\@"'`$;&|<>(){},]*)?@(?=[A-Za-z0-9[])/;
const NAME_USE = /\$\{?([A-Za-z_]\w*)/g;

/** How a value is named where it stands: as something to run or to connect to, or as plain data. */
interface Naming {
  readonly isPlace: boolean;
  readonly variable?: string;
  /** The next word is this one's value in every program. */
  readonly isSure: boolean;
}

/** Tells for the text of one call whether a value that stands from `start` to `end` could be run or connected to. */
export function createPlaces(text: string): (start: number, end: number) => boolean {
  const plain = inPlain(text);
  let uses: ReadonlyMap<string, readonly number[]> | undefined;
  const judged = new Map<string, boolean>();
  const isUsed = (name: string, value: string): boolean => {
    uses ??= usesIn(plain);
    const key = `${name} ${value.includes('.')}`;
    const known = judged.get(key);
    if (known !== undefined) return known;
    const found = (uses.get(name) ?? []).some((at) => judge(plain, at, endOfUse(plain, at), value).isRisky);
    judged.set(key, found);
    return found;
  };
  return (start, end) => {
    const value = text.slice(start, end);
    const { isRisky, variable } = judge(plain, start, end, value);
    return isRisky || (variable !== undefined && isUsed(variable, value));
  };
}

/** The text at the same length with every escape as the blank that it stands for; `\v` where a line may have ended. */
function inPlain(text: string): string {
  return text
    .replaceAll(/⟦([^⟦⟧]*)⟧/g, (whole, inside: string) => {
      if (/^(?:1 )?newline$/.test(inside)) return '\n'.padEnd(whole.length);
      if (/^\d+ newlines$/.test(inside)) return '\n\n'.padEnd(whole.length);
      return (/^(?:\d+ )?(?:space|tab)s?$/.test(inside) ? ' ' : 'x').repeat(whole.length);
    })
    .replaceAll(/\\\r?\n/g, (whole) => '\v'.padEnd(whole.length))
    .replaceAll('\\/', '//')
    .replaceAll(/\\+[nr]/g, (whole) => '\v'.padEnd(whole.length));
}

function usesIn(plain: string): ReadonlyMap<string, readonly number[]> {
  const uses = new Map<string, number[]>();
  for (const { index, 1: name = '' } of plain.matchAll(NAME_USE)) {
    const found = uses.get(name);
    if (found === undefined) uses.set(name, [index]);
    else found.push(index);
  }
  return uses;
}

function endOfUse(plain: string, at: number): number {
  const end = plain.slice(at, at + NAME_WINDOW).search(/(?<=.)[^\w{}$]/s);
  return end < 0 ? Math.min(plain.length, at + NAME_WINDOW) : at + end;
}

function judge(
  plain: string,
  start: number,
  end: number,
  value: string,
): { readonly isRisky: boolean; readonly variable?: string } {
  const before = plain.slice(Math.max(0, start - WINDOW), start);
  const line = before.slice(before.lastIndexOf('\n') + 1);
  const segment = segmentOf(line);
  const isCut = start > WINDOW && segment.length === before.length;
  const rest = plain.slice(end, end + WINDOW).split('\n', 1)[0] ?? '';
  const inAddress = judgeAddress(line, segment, rest, value);
  if (inAddress !== undefined) return { isRisky: inAddress };
  const naming = namingOf(line, value);
  if (naming?.isPlace || /[@!/]["']?$/.test(line) || isCommand(line)) {
    return { isRisky: naming?.isPlace !== false || !naming.isSure };
  }
  if (naming?.isSure) {
    return { isRisky: false, ...(naming.variable === undefined ? {} : { variable: naming.variable }) };
  }
  const isRun = isCut || isRunnerBefore(segment) || (/\b(?:echo|printf|cat)\s/.test(segment) && isPipedToRunner(rest));
  return { isRisky: isRun || (naming === undefined && canBeHost(line, value, rest)) };
}

/** The line since its last `;`, `|` or `&`, or all of it when that may stand in quotation marks. */
function segmentOf(line: string): string {
  const segment = afterLast(line, SEPARATOR);
  const isOdd = [segment, segment.replaceAll(/\\./g, '')].some((text) => isOpen(text, '"') || isOpen(text, "'"));
  return isOdd ? line : segment;
}

function afterLast(line: string, separator: RegExp): string {
  let from = 0;
  for (const { index } of line.matchAll(separator)) from = index + 1;
  return line.slice(from);
}

/** Undefined outside of addresses; a user, a password and a path are no risk beside a host that is seen. */
function judgeAddress(line: string, segment: string, rest: string, value: string): boolean | undefined {
  const at = line.lastIndexOf('://');
  if (at < 0) return undefined;
  const tail = line.slice(at + 3).replace(/^[\\/]+/, '');
  if (/[\s"'`<>|;&]/.test(tail)) return undefined;
  const isExpanded = tail.includes(',') && /(?:^|[^$]){/.test(segment);
  if (isExpanded) return true;
  if (!/[/?#\\]/.test(tail)) return !BEFORE_HOST.test(rest) || /[/?#\\]/.test(value);
  // A path says which program is fetched, where one is.
  const isFetched = /\b(?:curl|wget)\s/.test(segment) && !/(?:[$<]\(|`)[^)]*$/.test(segment);
  return (!isFetched && isRunnerBefore(segment)) || isPipedToRunner(rest);
}

function namingOf(line: string, value: string): Naming | undefined {
  const near = line.slice(-NAME_WINDOW);
  const variable =
    VARIABLE.exec(near)?.[1] ?? (/(?:^|[\s"'(])$/.test(near) ? /^([A-Za-z_]\w*)=/.exec(value)?.[1] : undefined);
  if (variable !== undefined) return { isPlace: isPlaceName(variable), variable, isSure: true };
  const [flagged, flag, sign] = FLAG.exec(near) ?? [];
  if (flagged !== undefined && flag !== undefined) {
    if (isPlaceName(flag)) return { isPlace: true, isSure: true };
    return SECRET_FLAG.test(flag) ? { isPlace: false, isSure: sign === '=' || hasProgram(line) } : undefined;
  }
  const field = fieldOf(line, near);
  if (field !== undefined) return { isPlace: isPlaceName(field), isSure: true };
  return CREDENTIALS.test(near) || /<<<\s*["']?$/.test(near) ? { isPlace: false, isSure: false } : undefined;
}

/** `node deploy.js --token …`: what is run is there already, and installs nothing. */
function hasProgram(line: string): boolean {
  return /(?:^|\s)(?:node|bun|deno|python[\d.]*|ruby|perl|php|(?:ba|z)?sh)\s+(?:run\s+)?[\w./~][^\s;|&]*\s[^;|&]*$/.test(
    line,
  );
}

/** The name of a field or a header, when that and the value cannot be two words of a command. */
function fieldOf(line: string, near: string): string | undefined {
  const [, quote = '', header] = HEADER.exec(near) ?? [];
  if (header !== undefined && isOpen(line, quote)) return header;
  const isWhole = near.length === line.length;
  const [, constant, assigned] = (isWhole ? CODE.exec(near) : null) ?? [];
  const field = constant ?? assigned ?? (isWhole ? FIELD.exec(near)?.[1] : undefined);
  if (field !== undefined) return field;
  const [, , name, gap] = JSON_FIELD.exec(near) ?? [];
  return gap === '' || isOpen(line, "'") || /^(?:[\w.-]+: )?\s*[{[]/.test(line) ? name : undefined;
}

function isOpen(line: string, quote: string): boolean {
  return line.split(quote).length % 2 === 0;
}

/** Whether the word that the line ends with is a command: at the start of a line, after `;` `|` `&` `(`, after `sudo`. */
function isCommand(line: string): boolean {
  const part = afterLast(line, COMMAND_START);
  const word = afterLast(part, /\s/g);
  if (/^["'\\]*(?:-|[\w.-]+=)/.test(word)) return false;
  const words = part
    .slice(0, part.length - word.length)
    .replaceAll(/["'\\]/g, '')
    .split(/\s+/);
  return isCommandNext(words.filter((one) => one !== ''));
}

/** A name with dots, which programs connect to wherever it stands. */
function canBeHost(line: string, value: string, rest: string): boolean {
  return value.includes('.') || /\w\.$/.test(line) || /^\.\w/.test(rest);
}
