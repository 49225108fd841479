/** A tool call as the rules see it. */
import type { AgentName, HookInput, ToolInput } from '../types.ts';
import { type CommandTexts, commandTexts } from './arguments.ts';
import { type Located, locate } from './paths.ts';

/** A tool call with all that conditions look at; what is costly is found out when first asked for. */
export interface Call {
  readonly tool: string;
  readonly agent: AgentName;
  readonly input: ToolInput;
  readonly cwd: () => Located;
  /** The file of a file tool. */
  readonly file: () => Located | undefined;
  /** Everything in the input that names files. */
  readonly files: () => readonly Located[];
  /** What a field's text could be meant by. */
  readonly command: (text: string) => CommandTexts;
}

/** The one field that says which file a tool works on. Glob is not among them: its pattern leads anywhere. */
export const FILE_FIELDS: ReadonlyMap<string, string> = new Map([
  ['Read', 'file_path'],
  ['Write', 'file_path'],
  ['Edit', 'file_path'],
  ['MultiEdit', 'file_path'],
  ['NotebookEdit', 'notebook_path'],
  ['Grep', 'path'],
  ['LS', 'path'],
]);

/** Without a path these work on the agent's directory. */
const SEARCHES: ReadonlySet<string> = new Set(['Grep', 'Glob', 'LS']);

/** The tool call in a hook input; undefined when there is none in it. */
export function readCall(input: HookInput, agent: AgentName, home: string): Call | undefined {
  if (input.tool_name === undefined || input.tool_name === '') return undefined;
  const call = { tool: input.tool_name, agent, input: input.tool_input ?? {} };
  const at = (path: string): Located => locate(path, input.cwd, home);
  const memory = new Map<string, CommandTexts>();
  return {
    ...call,
    cwd: once(() => at(input.cwd)),
    file: once(() => {
      const path = fileOf(call.tool, call.input);
      return path === undefined ? undefined : at(path);
    }),
    files: once(() => filesOf(call.tool, call.input).map(at)),
    command: (text) => {
      const texts = memory.get(text) ?? commandTexts(text);
      memory.set(text, texts);
      return texts;
    },
  };
}

function fileOf(tool: string, input: ToolInput): string | undefined {
  const field = FILE_FIELDS.get(tool);
  const value = field === undefined ? undefined : input[field];
  if (value === undefined && SEARCHES.has(tool) && field !== undefined) return '.';
  return typeof value === 'string' ? value : undefined;
}

function filesOf(tool: string, input: ToolInput): readonly string[] {
  const named = ['file_path', 'notebook_path', 'path'].flatMap((field) => {
    const value = input[field];
    return typeof value === 'string' ? [value] : [];
  });
  if (!SEARCHES.has(tool)) return named;
  const start = typeof input.path === 'string' ? input.path : '.';
  const sought = [input.pattern, input.glob].flatMap((value) => (typeof value === 'string' ? [value] : []));
  // Grep's pattern is about what is in files; Glob's names them.
  const names = tool === 'Glob' ? sought : sought.filter((value) => value === input.glob);
  return [...named, start, ...names, ...names.map((name) => `${start}/${name}`)];
}

/** Enough of an agent's text to recognise it, in characters. */
const SHOWN = 80;

/** An agent's text for people: nothing in it can begin a line, move the cursor or turn the direction of writing. */
export function quote(text: string): string {
  const cut = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  return escapeHidden(JSON.stringify(cut));
}

/** Characters that are not seen, or change how others are, as `\uXXXX`. */
export function escapeHidden(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
