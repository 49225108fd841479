/** Taking a compound command apart: every command that a shell would find in it, and sometimes more. */

/** One command of a compound one. */
export interface CommandPart {
  readonly text: string;
  /** Whether it is given the output of another. */
  readonly isPiped: boolean;
}

/** Deeper nesting is split without keeping the texts around it, so that a part's text is repeated at most this often. */
const MAX_DEPTH = 32;
const KEYWORD = /(?:if|then|else|elif|do|while|until|coproc|!|\{)\s+/y;
const REDIRECTION = /\d*(?:&>>?|>>|>\||<>|[<>]&?)\s*[^\s<>]+\s+/y;
const FLAT_PART = /([;&|\n\r(){}`]*)([^;&|\n\r(){}`]*)/g;
const FLAT_PIPE = /(?:^|[^|])\|[&\s({]*$/;

/**
 * The texts of all parts, trimmed, each once: split at `;`, `&`, `|`, `&&`, `||` and line breaks, and the insides of
 * `$( )`, backticks, `( )`, `{ }`, `<( )`. Quotes count where they are balanced. A text may also be found behind its
 * leading keywords and redirections.
 */
export function commandParts(command: string): readonly string[] {
  return [...new Set(splitCommand(command).map(({ text }) => text))];
}

/** As `commandParts`, with what comes out of a pipe. */
export function splitCommand(command: string): readonly CommandPart[] {
  const { parts, isCertain } = scan(command);
  const all = isCertain ? parts : [...parts, ...flatParts(command)];
  return all.flatMap((part) => {
    const bare = withoutLead(part.text);
    return bare === part.text || bare === '' ? [part] : [part, { ...part, text: bare }];
  });
}

interface Frame {
  /** What ends it; empty for the outermost. */
  readonly closer: ')' | '`' | '';
  /** `( )` is a command of its own; what a substitution stands in goes on behind it. */
  readonly isGroup: boolean;
  start: number;
  isPiped: boolean;
  inQuotes: boolean;
}

interface Scan {
  readonly command: string;
  readonly parts: CommandPart[];
  readonly frames: Frame[];
  at: number;
  isWordStart: boolean;
  isCertain: boolean;
}

function scan(command: string): Pick<Scan, 'parts' | 'isCertain'> {
  const outermost: Frame = { closer: '', isGroup: true, start: 0, isPiped: false, inQuotes: false };
  const state: Scan = { command, parts: [], frames: [outermost], at: 0, isWordStart: true, isCertain: true };
  // A case pattern has a `)` without a `(`.
  if (command.includes('esac')) state.isCertain = false;
  let top: Frame = outermost;
  while (state.at < command.length) {
    if (top.inQuotes) stepInQuotes(state, top);
    else step(state, top);
    top = state.frames.at(-1) ?? outermost;
  }
  if (state.frames.length > 1 || top.inQuotes) state.isCertain = false;
  for (const frame of state.frames) endPart(state, frame);
  return state;
}

function stepInQuotes(state: Scan, top: Frame): void {
  const char = state.command.charAt(state.at);
  state.isWordStart = false;
  if (char === '\\') skipEscaped(state);
  else if (char === '`') backtick(state, top);
  else if (char === '(' && state.command.charAt(state.at - 1) === '$') open(state, top, ')', false);
  else {
    if (char === '"') top.inQuotes = false;
    state.at += 1;
  }
}

function step(state: Scan, top: Frame): void {
  const char = state.command.charAt(state.at);
  const { isWordStart } = state;
  state.isWordStart = false;
  if (char === '\\') skipEscaped(state);
  else if (char === "'") skipSingleQuoted(state);
  else if (char === '`') backtick(state, top);
  else if (char === '(') open(state, top, ')', isWordStart);
  else if (char === ')') close(state, top);
  else if (char === '#' && isWordStart) skipComment(state, top);
  else if ((char === '{' || char === '}') && isWordStart) separate(state, top, top.isPiped);
  else if (/[;&|\n]/.test(char)) operator(state, top, char);
  else plain(state, top, char);
}

function plain(state: Scan, top: Frame, char: string): void {
  if (char === '"') top.inQuotes = true;
  // What follows a here-document's line is text, in which quotes mean nothing.
  if (state.command.startsWith('<<', state.at) && state.command.charAt(state.at + 2) !== '<') state.isCertain = false;
  state.isWordStart = /\s/.test(char);
  state.at += 1;
}

function skipEscaped(state: Scan): void {
  // Backticks inside backticks are written with a backslash.
  if (state.command.charAt(state.at + 1) === '`') state.isCertain = false;
  state.at += 2;
}

function skipSingleQuoted(state: Scan): void {
  const { command, at } = state;
  let end = command.indexOf("'", at + 1);
  if (command.charAt(at - 1) === '$') {
    while (end > 0 && isEscaped(command, end, at)) end = command.indexOf("'", end + 1);
  }
  if (end < 0) state.isCertain = false;
  state.at = end < 0 ? at + 1 : end + 1;
}

function isEscaped(command: string, index: number, start: number): boolean {
  let backslashes = 0;
  while (index - 1 - backslashes > start && command.charAt(index - 1 - backslashes) === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}

/** Whether a `#` starts a comment depends on the shell and its options, so the result is not certain. */
function skipComment(state: Scan, top: Frame): void {
  state.isCertain = false;
  endPart(state, top);
  const end = state.command.indexOf('\n', state.at);
  state.at = end < 0 ? state.command.length : end;
  top.start = state.at;
}

function operator(state: Scan, top: Frame, char: string): void {
  const before = state.command.charAt(state.at - 1);
  const after = state.command.charAt(state.at + 1);
  // `2>&1` and `>| file` are redirections everywhere, `&> file` only in some shells.
  const isRedirection = (char === '&' && /[<>]/.test(before)) || (char === '|' && before === '>');
  if (char === '&' && after === '>') state.isCertain = false;
  if (isRedirection || (char === '&' && after === '>')) {
    state.at += 1;
    return;
  }
  const isEmpty = state.command.slice(top.start, state.at).trim() === '';
  const isPipe = char === '|' && before !== '|' && after !== '|';
  separate(state, top, isPipe || (isEmpty && top.isPiped && (char === '\n' || before === '|') && char !== '|'));
}

function separate(state: Scan, top: Frame, isPiped: boolean): void {
  endPart(state, top);
  state.at += 1;
  top.start = state.at;
  top.isPiped = isPiped;
  state.isWordStart = true;
}

function backtick(state: Scan, top: Frame): void {
  if (top.closer === '`') close(state, top);
  else open(state, top, '`', false);
}

function open(state: Scan, top: Frame, closer: ')' | '`', isGroup: boolean): void {
  if (state.frames.length >= MAX_DEPTH) {
    state.isCertain = false;
    separate(state, top, top.isPiped);
    return;
  }
  if (isGroup) endPart(state, top);
  state.at += 1;
  state.frames.push({ closer, isGroup, start: state.at, isPiped: isGroup && top.isPiped, inQuotes: false });
  state.isWordStart = true;
}

function close(state: Scan, top: Frame): void {
  if (top.closer !== state.command.charAt(state.at)) {
    separate(state, top, false);
    return;
  }
  endPart(state, top);
  state.frames.pop();
  state.at += 1;
  const outer = state.frames.at(-1);
  if (outer !== undefined && top.isGroup) outer.start = state.at;
  state.isWordStart = top.isGroup;
}

function endPart(state: Scan, frame: Frame): void {
  const text = state.command.slice(frame.start, state.at).trim();
  if (text !== '') state.parts.push({ text, isPiped: frame.isPiped });
}

/** Split at every separator, whatever the quotes say. */
function flatParts(command: string): readonly CommandPart[] {
  return [...command.matchAll(FLAT_PART)]
    .map(([, before = '', text = '']) => ({ text: text.trim(), isPiped: FLAT_PIPE.test(before) }))
    .filter(({ text }) => text !== '');
}

function withoutLead(text: string): string {
  let at = 0;
  for (const pattern of [KEYWORD, REDIRECTION, KEYWORD, REDIRECTION]) {
    for (let next = matchAt(pattern, text, at); next > at; next = matchAt(pattern, text, at)) at = next;
  }
  return text.slice(at);
}

function matchAt(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
