/** Which calls a rule that a person chose is about. */
import { homedir } from 'node:os';
import { posix } from 'node:path';
import type { CallRule, HookInput } from '../types.ts';
import { matchesRules, type RuledCall } from './claude-rules.ts';
import { locate } from './paths.ts';

export interface JudgedCall {
  /** SHA-256 (hex) of the canonical tool name and tool input. */
  readonly digest: string;
  readonly input: Pick<HookInput, keyof RuledCall>;
}

/** Keys by which tools name the file or directory that they work on. */
const PLACES = ['file_path', 'notebook_path', 'path'] as const;
/** Without a file these are not understood. */
const FILE_TOOLS: ReadonlySet<string> = new Set(['Read', 'Edit', 'Write', 'MultiEdit', 'NotebookEdit']);

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
  if (!isPlain(directory) || !isPlain(cwd) || !isBelow(directory, cwd, '/')) return false;
  const places = PLACES.flatMap((key) => (input[key] === undefined ? [] : [input[key]]));
  if (places.length === 0) return !FILE_TOOLS.has(tool);
  return places.every((place) => typeof place === 'string' && isBelow(directory, place, cwd));
}

/** Absolute, with nothing in it that stands for another name. */
function isPlain(path: string): boolean {
  return path.startsWith('/') && posix.normalize(path) === path;
}

/** Both as it is written and with symbolic links followed; the directory's own link counts as where it leads. */
function isBelow(directory: string, path: string, cwd: string): boolean {
  const base = locate(directory, '/', homedir());
  const place = locate(path, cwd, homedir());
  if (base.real === undefined || place.real === undefined) return false;
  return isEachBelow(base.written, place.written) && isEachBelow(base.real, place.real);
}

function isEachBelow(directories: readonly string[], paths: readonly string[]): boolean {
  return paths.every((path) =>
    directories.every((directory) => path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`)),
  );
}
