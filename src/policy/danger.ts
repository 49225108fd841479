/** Calls that a person has to look at one by one, never in a bundle. */
import { homedir } from 'node:os';
import type { HookInput, ToolInput } from '../types.ts';
import { splitCommand } from './command-parts.ts';
import { dangerOfWords, isInterpreter } from './danger-commands.ts';
import { isInterpreterOrWrapper } from './interpreters.ts';
import { locate } from './paths.ts';
import { sensitiveFile, sensitivePath } from './sensitive-paths.ts';
import { shellWords } from './shell-words.ts';

export { isInterpreterOrWrapper } from './interpreters.ts';

/** Longer commands, in UTF-16 units, and parts with more words are not judged: nobody reads them in a bundle either. */
const MAX_COMMAND = 100_000;
const MAX_WORDS = 2000;

const BY_TOOL: Readonly<Record<string, string>> = {
  ExitPlanMode: 'a plan is approved by itself',
  AskUserQuestion: 'a question needs an answer of its own',
};
const FILE_KEYS = ['file_path', 'notebook_path', 'path'] as const;
const SQL = /\b(?:drop\s+(?:table|database|schema)|truncate\s+(?:table\s+)?["'`[\w])/i;
const ASSIGNMENT = /^[A-Za-z_]\w*(?:\[[^\]]*\])?\+?=/;
/** Variables that name code to load or programs to run. */
const STEERING =
  /^(?:LD_|DYLD_|PATH=|BASH_ENV=|ENV=|PROMPT_COMMAND=|NODE_OPTIONS=|PYTHON(?:STARTUP|PATH|HOME)=|PERL5|RUBYOPT=|GIT_|PAGER=|EDITOR=|VISUAL=|IFS=)/;

/**
 * Why this call must not be approved together with others: a few words of ours, never the agent's; undefined when
 * nothing is known against it. `mixedOrHidden`: its text has invisible characters or letters of several alphabets in a word.
 */
export function dangerOf(input: HookInput, mixedOrHidden: boolean): string | undefined {
  if (mixedOrHidden) return 'characters that may deceive';
  const tool = input.tool_name ?? '';
  const toolInput = input.tool_input ?? {};
  if (Object.hasOwn(BY_TOOL, tool)) return BY_TOOL[tool];
  const { command } = toolInput;
  const ofCommand = typeof command === 'string' ? dangerOfCommand(command) : undefined;
  return (
    ofCommand ??
    dangerOfFiles(toolInput, input.cwd) ??
    (tool.startsWith('mcp__') ? dangerOfTexts(toolInput) : undefined)
  );
}

function dangerOfCommand(command: string): string | undefined {
  if (command.length > MAX_COMMAND) return 'a very long command';
  if (SQL.test(command)) return 'deletes from a database';
  for (const { text, isPiped } of splitCommand(command)) {
    const danger = dangerOfPart(shellWords(text), isPiped);
    if (danger !== undefined) return danger;
  }
  return undefined;
}

function dangerOfPart(all: readonly string[], isPiped: boolean): string | undefined {
  if (all.length > MAX_WORDS) return 'a very long command';
  const start = all.findIndex((word) => !ASSIGNMENT.test(word));
  if (all.slice(0, start < 0 ? all.length : start).some((word) => STEERING.test(word)))
    return 'changes how programs run';
  const words = start < 0 ? [] : all.slice(start);
  const [program = ''] = words;
  if (isComputed(program)) return 'runs a command that is not written out';
  const isWrapped = isInterpreterOrWrapper(words);
  // Where the wrapped command begins depends on the wrapper's options, so it may be at any word.
  const beginnings = isWrapped ? words.keys() : [0];
  for (const index of beginnings) {
    const word = words[index] ?? '';
    if (isPiped && isInterpreter(word)) return 'runs code that it is given as input';
    // A dot further back is a directory, not the command that reads a script.
    const danger = index > 0 && word === '.' ? undefined : dangerOfWords(words.slice(index));
    if (danger !== undefined) return danger;
  }
  return dangerOfArguments(words.slice(1));
}

function dangerOfArguments(args: readonly string[]): string | undefined {
  for (const arg of args) {
    // `--file=/etc/hosts`, `@/etc/hosts`
    const what = sensitivePath(arg) ?? sensitivePath(arg.replace(/^[^=/]*=|^@/, ''));
    if (what !== undefined) return touches(what);
  }
  return undefined;
}

function dangerOfFiles(toolInput: ToolInput, cwd: string): string | undefined {
  for (const key of FILE_KEYS) {
    const path = toolInput[key];
    if (typeof path !== 'string') continue;
    const { written, real } = locate(path, cwd, homedir());
    if (real === undefined) return 'a file that cannot be located';
    const what = [...written, ...real].map(sensitiveFile).find((found) => found !== undefined);
    if (what !== undefined) return touches(what);
  }
  return undefined;
}

/** What other people's tools do is not known; their arguments tell something. */
function dangerOfTexts(toolInput: ToolInput): string | undefined {
  for (const value of Object.values(toolInput)) {
    if (typeof value !== 'string') continue;
    if (SQL.test(value)) return 'deletes from a database';
    const what = sensitivePath(value);
    if (what !== undefined) return touches(what);
  }
  return undefined;
}

function touches(what: string): string {
  return `touches ${what}`;
}

/** `$X`, `r?`, `{rm,-rf}`: what runs is only known when it runs. `[` is a command. */
function isComputed(program: string): boolean {
  return /[$`*?{}[\]\\]/.test(program) && program !== '[' && program !== '[[';
}
