/** What a hook's command line runs, as far as that can be said without running it. */

export interface HookCommand {
  /** It names our program, or something beside it. */
  readonly isOurs: boolean;
  /** What is started, with its quotes removed; undefined when only a shell can tell. */
  readonly program: string | undefined;
  /** The words of the part that is ours. */
  readonly words: readonly string[];
}

export const OUR_NAME = 'claude-slack-hook';

/** Words before the program itself. */
const BEFORE: ReadonlySet<string> = new Set(['exec', 'env', 'command', 'nohup', 'time']);
const ASSIGNMENT = /^[A-Za-z_]\w*=/;

interface Word {
  readonly text: string;
  /** A variable or another command decides what it is. */
  readonly isOpen: boolean;
}

/** Of a command line for `sh -c`: the first part that names our program, else the first part. */
export function readCommand(line: string): HookCommand {
  const parts = split(line);
  const ours = parts.find((words) => words.some(({ text }) => text.includes(OUR_NAME)));
  const words = ours ?? parts[0] ?? [];
  const program = words.find(({ text }) => !ASSIGNMENT.test(text) && !BEFORE.has(text));
  return {
    isOurs: ours !== undefined,
    program: program === undefined || program.isOpen ? undefined : program.text,
    words: words.map(({ text }) => text),
  };
}

/** Words that start the program that stands behind them, with options and numbers of their own. */
const RUNNERS: ReadonlySet<string> = new Set([...BEFORE, 'timeout', 'nice', 'npx', 'bunx']);
const SHELLS = /(^|\/)(sh|bash|zsh|dash)$/;

/** Whether a command line for `sh -c` runs our program, whoever else it runs; one that only speaks of it does not. */
export function runsOurs(line: string): boolean {
  return split(line).some((words) => {
    const texts = words.map(({ text }) => text);
    const at = texts.findIndex((text) => !ASSIGNMENT.test(text) && !RUNNERS.has(text) && !/^(-|\d)/.test(text));
    const [program = '', ...args] = texts.slice(Math.max(at, 0));
    if (!SHELLS.test(program)) return isOurProgram(program);
    const script = args[args.findIndex((word) => /^-\w*c$/.test(word)) + 1];
    return script !== undefined && script !== line && runsOurs(script);
  });
}

/** By its name, wherever it is. */
export function isOurProgram(path: string): boolean {
  return path.slice(path.lastIndexOf('/') + 1) === OUR_NAME;
}

/** Of a program with its arguments, which no shell reads. */
export function readArguments(program: string, args: readonly string[]): HookCommand {
  const words = [program, ...args];
  return { isOurs: words.some((word) => word.includes(OUR_NAME)), program, words };
}

/** The value of `--name value` or `--name=value`; the last one. */
export function flagValue(words: readonly string[], name: string): string | undefined {
  const flag = `--${name}`;
  return words.reduce<string | undefined>((found, word, index) => {
    if (word === flag) return words[index + 1];
    return word.startsWith(`${flag}=`) ? word.slice(flag.length + 1) : found;
  }, undefined);
}

/** Simple commands and their words: what stands between `;`, `&`, `|` and line breaks. */
function split(line: string): readonly (readonly Word[])[] {
  const parts: Word[][] = [[]];
  let text = '';
  let isOpen = false;
  let isWord = false;
  let quote = '';
  const end = (): void => {
    if (isWord) parts.at(-1)?.push({ text, isOpen });
    text = '';
    isOpen = false;
    isWord = false;
  };
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (char === '\\' && quote !== "'" && at + 1 < line.length) {
      at += 1;
      text += line.charAt(at);
      isWord = true;
    } else if (quote !== '') {
      if (char === quote) quote = '';
      else {
        text += char;
        isOpen ||= quote === '"' && /[$`]/.test(char);
      }
    } else if (char === '"' || char === "'") {
      quote = char;
      isWord = true;
    } else if (/[;&|\n()]/.test(char)) {
      end();
      if (parts.at(-1)?.length !== 0) parts.push([]);
    } else if (/\s/.test(char)) end();
    else {
      text += char;
      isWord = true;
      isOpen ||= /[$`*?[]/.test(char);
    }
  }
  end();
  return parts.filter((words) => words.length > 0);
}
