/** Rules of the agent's own for one call, made here: the call as it is, and what lies around it. */
import { homedir } from 'node:os';
import { posix } from 'node:path';
import type { HookInput, PermissionRule } from '../types.ts';
import { EDIT_TOOLS, webHost } from './claude-rules.ts';
import { dangerOf } from './danger.ts';
import { prefixProblem } from './prefix-rules.ts';
import { sensitiveFile } from './sensitive-paths.ts';
import { isPlainLine, simpleCommand } from './shell.ts';

export interface OwnRules {
  /** The call as it is, as far as the agent's rules can say that; one or none. */
  readonly narrow: readonly PermissionRule[];
  /** Wider and wider. */
  readonly broad: readonly PermissionRule[];
}

/** UTF-16 units; a longer command is not recognised when it comes back as a line of a settings file. */
const MAX_EXACT = 500;
const NONE: OwnRules = { narrow: [], broad: [] };
/** Characters that mean themselves in a path pattern of any kind. */
const LITERAL_PATH = /^\/[\p{L}\p{M}\p{N}/_.@+=,: -]*[\p{L}\p{M}\p{N}_.@+=,:-]$/u;

export function ownRules(input: HookInput): OwnRules {
  const { tool_name: tool = '', tool_input: toolInput = {} } = input;
  if (tool === 'Bash') return commandRules(input);
  if (EDIT_TOOLS.has(tool)) return fileRules('Edit', input);
  if (tool === 'Read') return fileRules('Read', input);
  if (tool === 'WebFetch') return domainRules(toolInput.url);
  if (tool.startsWith('mcp__')) return mcpRules(tool, input.mcp_server);
  // Another kind of shell: a rule about it by name would allow every command.
  if (typeof toolInput.command === 'string' || !/^\w+$/.test(tool)) return NONE;
  return { narrow: [{ toolName: tool }], broad: [] };
}

function commandRules(input: HookInput): OwnRules {
  const command = input.tool_input?.command;
  if (typeof command !== 'string') return NONE;
  const rule = (ruleContent: string): PermissionRule => ({ toolName: 'Bash', ruleContent });
  return {
    narrow: isExactRule(command) ? [rule(command)] : [],
    broad: prefixes(input, command).map((prefix) => rule(`${prefix} *`)),
  };
}

/** A `*` anywhere would make it a pattern, and what is not seen could make it another command. */
function isExactRule(command: string): boolean {
  const isShort = command.length > 0 && command.length <= MAX_EXACT && command === command.trim();
  return isShort && !command.includes('*') && isPlainLine(command);
}

/** The first word, or, of a program with subcommands, the first two; one or none, and none from a command that is dangerous as it is. */
function prefixes(input: HookInput, command: string): readonly string[] {
  const words = simpleCommand(command);
  if (words === undefined || dangerOf(input, false) !== undefined) return [];
  const text = command.trim();
  return (
    [words.slice(0, 1), words.slice(0, 2)]
      .map((some) => some.join(' '))
      // In quotes a word is written differently, and the agent compares what is written.
      .filter((prefix) => text === prefix || text.startsWith(`${prefix} `))
      .filter((prefix) => prefixProblem(prefix) === undefined)
      .slice(0, 1)
  );
}

function fileRules(toolName: string, input: HookInput): OwnRules {
  const file = input.tool_input?.notebook_path ?? input.tool_input?.file_path;
  if (typeof file !== 'string' || file.startsWith('~') || !input.cwd.startsWith('/')) return NONE;
  const path = posix.resolve(input.cwd, file);
  if (!LITERAL_PATH.test(path) || dangerOf(input, false) !== undefined) return NONE;
  const directory = posix.dirname(path);
  return {
    narrow: [{ toolName, ruleContent: `/${path}` }],
    broad: isTooWide(directory) ? [] : [{ toolName, ruleContent: `/${directory}/**` }],
  };
}

/** Whether a rule about everything in a directory would be about more than some project: the root, homes, the system. */
export function isTooWide(directory: string): boolean {
  const home = posix.resolve(homedir());
  const depth = directory.split('/').filter((name) => name !== '').length;
  return depth < 2 || home === directory || home.startsWith(`${directory}/`) || sensitiveFile(directory) !== undefined;
}

function domainRules(url: unknown): OwnRules {
  const host = typeof url === 'string' ? webHost(url) : undefined;
  return host === undefined ? NONE : { narrow: [{ toolName: 'WebFetch', ruleContent: `domain:${host}` }], broad: [] };
}

/** Names may hold `__`, so the server is taken from the call's own words where they are given. */
function mcpRules(tool: string, server: unknown): OwnRules {
  if (!/^[\w-]+$/.test(tool)) return NONE;
  const named = typeof server === 'object' && server !== null && 'name' in server ? server.name : undefined;
  const [, first = '', second = '', ...others] = tool.split('__');
  const name = typeof named === 'string' ? named : others.length === 0 && second !== '' ? first : '';
  const isServer = name !== '' && tool.startsWith(`mcp__${name}__`) && !name.includes('__');
  return { narrow: [{ toolName: tool }], broad: isServer ? [{ toolName: `mcp__${name}` }] : [] };
}
