/** The words of a text that tell of a secret, as names of variables, fields, flags and headers have them. */

export interface Word {
  readonly start: number;
  readonly end: number;
  /** In small letters, without the dashes of a flag. */
  readonly name: string;
  /** Every name that the word may stand for where it is used: `$NAME-x` is `NAME`. */
  readonly names: readonly string[];
  /** What such a name holds, in words for people; undefined when the name goes on: `token_count`, `password_file`. */
  readonly secret: string | undefined;
  readonly isAuthorization: boolean;
  readonly isFlag: boolean;
  /** `--name`, which is no variable. */
  readonly isLongFlag: boolean;
}

const TELLING = /pass(?:word|wd|phrase)|pwd|token|secret|api[_-]?key|access[_-]?key|private[_-]?key|authorization/gi;
/** What may follow in the name of a secret. */
const SUFFIX = /(?:[_-]?(?:key|value|base|b64|base64|string|text|\d+)){0,2}(?![\w-])/iy;
/** A name is not longer; a bound, so that a text of one word takes no longer than others. */
const MAX_SIDE = 64;
const WORD_CHARACTER = /[\w-]/;

/** Every word with something telling in it, in order. One with several is there once, with what its last part says. */
export function findWords(text: string): readonly Word[] {
  const words: Word[] = [];
  TELLING.lastIndex = 0;
  for (let hit = TELLING.exec(text); hit !== null; hit = TELLING.exec(text)) {
    const word = wordAround(text, hit.index, hit[0]);
    if (words.at(-1)?.start === word.start) words.pop();
    words.push(word);
  }
  return words;
}

function wordAround(text: string, at: number, telling: string): Word {
  const tail = at + telling.length;
  SUFFIX.lastIndex = tail;
  const isEnd = SUFFIX.test(text);
  const end = isEnd ? SUFFIX.lastIndex : boundRight(text, tail);
  const start = boundLeft(text, at);
  const full = text.slice(start, end);
  // In JSON and in code `\nNAME` is a line break and NAME.
  const isEscaped = text.charAt(start - 1) === '\\' && /^[bfnrt]./.test(full);
  const written = isEscaped ? full.slice(1) : full;
  const name = written.replace(/^-+/, '').toLowerCase();
  const parts = name.includes('-') ? name.split('-') : [];
  return {
    start: isEscaped ? start + 1 : start,
    end,
    name,
    names: [...new Set([name, ...parts, ...(isEscaped ? [full.toLowerCase()] : [])])],
    secret: isEnd ? secretOf(telling.toLowerCase()) : undefined,
    isAuthorization: isEnd && telling.length === 'authorization'.length,
    isFlag: written.startsWith('-'),
    isLongFlag: written.startsWith('--'),
  };
}

function secretOf(telling: string): string | undefined {
  if (telling === 'authorization') return undefined;
  // The shell's own PWD is a directory.
  if (telling === 'pwd') return 'working directory or password';
  if (telling.startsWith('passp')) return 'passphrase';
  if (telling.startsWith('pass')) return 'password';
  if (telling.startsWith('api')) return 'API key';
  if (telling.startsWith('access')) return 'access key';
  if (telling.startsWith('private')) return 'private key';
  return telling;
}

function boundLeft(text: string, at: number): number {
  let start = at;
  while (start > 0 && at - start < MAX_SIDE && WORD_CHARACTER.test(text.charAt(start - 1))) start -= 1;
  return start;
}

function boundRight(text: string, at: number): number {
  let end = at;
  while (end < text.length && end - at < MAX_SIDE && WORD_CHARACTER.test(text.charAt(end))) end += 1;
  return end;
}
