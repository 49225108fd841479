/** Which calls a rule that a person chose is about. */
import { homedir } from 'node:os';
import { posix } from 'node:path';
import type { CallRule, HookInput } from '../types.ts';
import { matchesRules, type RuledCall } from './claude-rules.ts';
import { locate } from './paths.ts';
import { isPlainProgram } from './prefix-rules.ts';
import { simpleCommands } from './shell.ts';

export interface JudgedCall {
  /** SHA-256 (hex) of the canonical tool name and tool input. */
  readonly digest: string;
  readonly input: Pick<HookInput, keyof RuledCall>;
}

/** Tools whose place is known, and the keys by which they name it. Where others look, or what they reach, their input does not tell. */
const FILE_TOOLS: ReadonlySet<string> = new Set(['Read', 'Edit', 'Write', 'MultiEdit', 'NotebookEdit']);
const PLACES = ['file_path', 'notebook_path', 'path'] as const;
/** UTF-16 units. A longer command is not taken apart: nobody can oversee it. */
const MAX_COMMAND = 2000;

/** In doubt false: then a person is asked. */
export function matchesCall(rule: CallRule, call: JudgedCall): boolean {
  switch (rule.kind) {
    case 'exact':
      return rule.digest !== '' && rule.digest === call.digest;
    case 'permission':
      return matchesRules(rule.rules, call.input);
    case 'directory':
      return rule.tool === call.input.tool_name && isInDirectory(rule.directory, call.input);
  }
}

function isInDirectory(directory: string, { cwd, tool_name: tool = '', tool_input: input = {} }: RuledCall): boolean {
  if (!isPlain(directory) || !isPlain(cwd)) return false;
  const isBelow = below(directory);
  if (!isBelow(cwd, '/')) return false;
  const isHere = (path: string): boolean => isBelow(path, cwd);
  if (tool === 'Bash') return isPlainCommand(input.command, isHere);
  const places = PLACES.flatMap((key) => (input[key] === undefined ? [] : [input[key]]));
  return (
    FILE_TOOLS.has(tool) && places.length > 0 && places.every((place) => typeof place === 'string' && isHere(place))
  );
}

/** A list of commands without anything that a shell would replace or redirect, each of a well-known program and about what is there. */
function isPlainCommand(command: unknown, isHere: (path: string) => boolean): boolean {
  if (typeof command !== 'string' || command.length > MAX_COMMAND) return false;
  const parts = simpleCommands(command);
  return (
    parts?.every(
      ({ words }) => isPlainProgram(words) && words.slice(1).every((argument) => isArgumentHere(argument, isHere)),
    ) === true
  );
}

/** Every argument may be a path, or have one behind an option's name: `--file=/etc/hosts`, `-I/etc`. */
function isArgumentHere(argument: string, isHere: (path: string) => boolean): boolean {
  if (argument.includes('..')) return false;
  const glued = /^-[^/]*(\/.*)$/s.exec(argument)?.[1];
  const paths = [argument, ...argument.split(/[=:,@]/).slice(1), ...(glued === undefined ? [] : [glued])];
  return paths.every((path) => !path.startsWith('~') && isHere(path));
}

/** Absolute, with nothing in it that stands for another name. */
function isPlain(path: string): boolean {
  return path.startsWith('/') && posix.normalize(path) === path;
}

/** Both as it is written and with symbolic links followed; the directory's own link counts as where it leads. */
function below(directory: string): (path: string, cwd: string) => boolean {
  const base = locate(directory, '/', homedir());
  return (path, cwd) => {
    const place = locate(path, cwd, homedir());
    if (base.real === undefined || place.real === undefined) return false;
    return isEachBelow(base.written, place.written) && isEachBelow(base.real, place.real);
  };
}

function isEachBelow(directories: readonly string[], paths: readonly string[]): boolean {
  return paths.every((path) =>
    directories.every((directory) => path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`)),
  );
}
