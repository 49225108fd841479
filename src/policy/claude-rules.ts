/**
 * Claude Code's permission rules (https://code.claude.com/docs/en/permissions): what they say, and which calls they
 * match. Where its own matching is wider or undocumented, ours matches less: a rule of ours only ever allows.
 */
import { homedir } from 'node:os';
import { posix } from 'node:path';
import type { HookInput, PermissionRule, ToolInput } from '../types.ts';
import { matchesWildcard } from '../wildcard.ts';
import { compileGlob, locate, type PathGlob } from './paths.ts';
import { simpleCommands } from './shell.ts';

export type RuledCall = Pick<HookInput, 'tool_name' | 'tool_input' | 'cwd'>;

/** An `Edit` rule is about every tool that changes a file. */
export const EDIT_TOOLS: ReadonlySet<string> = new Set(['Edit', 'Write', 'MultiEdit', 'NotebookEdit']);
const FILE_RULES: Readonly<Record<string, ReadonlySet<string>>> = {
  Edit: EDIT_TOOLS,
  Write: new Set(['Write']),
  Read: new Set(['Read']),
};
/** In file rules these mean something to some matchers and not to others. */
const UNCLEAR_IN_PATHS = /[[\]{}\\!]|(?:^|\/)\.\.(?:\/|$)/;
const DOMAIN = 'domain:';
/** UTF-16 units. A longer command is not taken apart: nobody can oversee it, and the past may hold a thousand of them. */
const MAX_COMPOUND = 2000;

/** `Bash(npm test *)`; as it is, nothing in it encoded. */
export function ruleText(rule: PermissionRule): string {
  return rule.ruleContent === undefined ? rule.toolName : `${rule.toolName}(${rule.ruleContent})`;
}

/** Whether rules together allow a call: one of them all of it, or, of a command of several parts, one of them each part. */
export function matchesRules(rules: readonly PermissionRule[], call: RuledCall): boolean {
  if (rules.some((rule) => matchesWhole(rule, call))) return true;
  const command = call.tool_name === 'Bash' ? call.tool_input?.command : undefined;
  if (typeof command !== 'string' || command.length > MAX_COMPOUND) return false;
  const contents = rules.flatMap(({ toolName, ruleContent }) =>
    toolName === 'Bash' && ruleContent !== undefined ? [ruleContent] : [],
  );
  const parts = contents.length > 0 ? simpleCommands(command) : undefined;
  return parts?.every(({ text }) => contents.some((content) => matchesSimple(content, text))) === true;
}

function matchesWhole({ toolName, ruleContent }: PermissionRule, call: RuledCall): boolean {
  const { tool_name: tool, tool_input: input = {} } = call;
  if (tool === undefined) return false;
  if (toolName.startsWith('mcp__')) return ruleContent === undefined && matchesMcp(toolName, tool);
  if (ruleContent === undefined || ruleContent === '*') return toolName === tool;
  if (toolName === 'Bash') return tool === 'Bash' && isExact(ruleContent) && input.command === ruleContent;
  if (toolName === 'WebFetch') return tool === 'WebFetch' && matchesDomain(ruleContent, input.url);
  const tools = Object.hasOwn(FILE_RULES, toolName) ? FILE_RULES[toolName] : undefined;
  return tools?.has(tool) === true && matchesFiles(ruleContent, input, call.cwd);
}

/** `mcp__server`, `mcp__server__*` and `mcp__server__tool`. */
function matchesMcp(rule: string, tool: string): boolean {
  if (rule === tool) return true;
  const server = rule.replace(/__\*$/, '');
  return (
    /^mcp__[^*]+$/.test(server) &&
    (server !== rule || !server.slice('mcp__'.length).includes('__')) &&
    tool.startsWith(`${server}__`)
  );
}

function isExact(content: string): boolean {
  return !content.includes('*');
}

/** `text` is one simple command. `npm test *` and `npm test:*` match `npm test`, too, but not `npm tests`. */
function matchesSimple(content: string, text: string): boolean {
  if (isExact(content)) return content === text;
  const pattern = content.endsWith(':*') ? `${content.slice(0, -2)} *` : content;
  if (pattern.endsWith(' *') && isExact(pattern.slice(0, -2)) && pattern.slice(0, -2) === text) return true;
  return matchesWildcard(pattern, text, 'strict');
}

/** `domain:example.com` is that host alone; `domain:*.example.com` its subdomains. */
function matchesDomain(content: string, url: unknown): boolean {
  if (!content.startsWith(DOMAIN) || typeof url !== 'string') return false;
  const host = webHost(url);
  const wanted = content.slice(DOMAIN.length).toLowerCase();
  if (host === undefined || wanted === '') return false;
  const isSubdomains = wanted.startsWith('*.') && isExact(wanted.slice(1));
  return isSubdomains ? host.endsWith(wanted.slice(1)) : host === wanted;
}

/** The host of a web address; undefined when it is none, names a user, or has white space or control characters in it. */
export function webHost(address: string): string | undefined {
  const url = /[\s\p{C}\\]/u.test(address) ? null : URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return undefined;
  return url.hostname === '' ? undefined : url.hostname;
}

/**
 * `//abs/path`, `~/path`, `/path` and `./path` (both from where the call was made: the project's own directory is not
 * known here), with `*`, `**` and `?`. The file must match both as it is written and with symbolic links followed.
 */
function matchesFiles(content: string, input: ToolInput, cwd: string): boolean {
  const pattern = absolutePattern(content, cwd);
  if (!cwd.startsWith('/') || pattern === '/' || UNCLEAR_IN_PATHS.test(pattern)) return false;
  // A tool looks at one of the two; which one is not taken for granted.
  const files = [input.file_path, input.notebook_path].filter((file) => file !== undefined);
  const glob = compileGlob(pattern, homedir());
  return files.length > 0 && files.every((file) => typeof file === 'string' && isCovered(glob, file, cwd));
}

function isCovered(glob: PathGlob, file: string, cwd: string): boolean {
  // Most files are none of the rule's; links are only followed for the others.
  if (!glob.coversAll([posix.resolve(cwd, file)])) return false;
  const { written, real } = locate(file, cwd, homedir());
  return real !== undefined && glob.coversAll([...written, ...real]);
}

function absolutePattern(content: string, cwd: string): string {
  if (content.startsWith('//')) return content.slice(1);
  if (content.startsWith('~/')) return content;
  return `${cwd}/${content.replace(/^\.?\//, '')}`;
}
