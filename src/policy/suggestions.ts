/** The rules that the agent itself would offer at its prompt, as far as they say no more than they seem to. */
import { homedir } from 'node:os';
import { posix } from 'node:path';
import { isObject } from '../protocol.ts';
import type { HookInput, PermissionRule } from '../types.ts';
import { EDIT_TOOLS } from './claude-rules.ts';
import { isTooWide } from './own-rules.ts';
import { prefixProblem } from './prefix-rules.ts';
import { sensitiveFile } from './sensitive-paths.ts';
import { isPlainLine } from './shell.ts';

/** Of one suggestion; a person reads all of them before a click. */
const MAX_RULES = 10;
/** UTF-16 units, as for rules of ours. */
const MAX_CONTENT = 500;

/** The rules of each suggestion that adds allow rules; one that has a rule nobody should be offered is left out whole. */
export function suggestedRules(input: HookInput): readonly (readonly PermissionRule[])[] {
  const suggestions: unknown = input.permission_suggestions;
  if (!Array.isArray(suggestions)) return [];
  return suggestions.flatMap((suggestion: unknown) => {
    const rules = readRules(suggestion);
    return rules?.every((rule) => isOfferable(rule, input)) === true ? [rules] : [];
  });
}

function readRules(suggestion: unknown): readonly PermissionRule[] | undefined {
  if (!isObject(suggestion) || suggestion.type !== 'addRules' || suggestion.behavior !== 'allow') return undefined;
  const { rules } = suggestion;
  if (!Array.isArray(rules) || rules.length === 0 || rules.length > MAX_RULES) return undefined;
  const read = rules.map(readRule);
  return read.every((rule) => rule !== undefined) ? read : undefined;
}

function readRule(rule: unknown): PermissionRule | undefined {
  if (!isObject(rule) || typeof rule.toolName !== 'string') return undefined;
  const { toolName, ruleContent } = rule;
  if (ruleContent === undefined) return { toolName };
  return typeof ruleContent === 'string' ? { toolName, ruleContent } : undefined;
}

function isOfferable({ toolName, ruleContent }: PermissionRule, input: HookInput): boolean {
  if (!/^[\w-]+$/.test(toolName)) return false;
  const isFileTool = EDIT_TOOLS.has(toolName) || toolName === 'Read';
  // Every command, every file: nobody means that by one click. Another tool by name alone was not asked about.
  if (ruleContent === undefined)
    return toolName === input.tool_name && !isFileTool && input.tool_input?.command === undefined;
  if (ruleContent.trim() !== ruleContent || ruleContent === '' || ruleContent.length > MAX_CONTENT) return false;
  if (!isPlainLine(ruleContent)) return false;
  if (toolName === 'Bash') return isOfferableCommand(ruleContent);
  return isFileTool ? isOfferablePath(ruleContent, input.cwd) : !ruleContent.includes('*');
}

/** A pattern must be a beginning, and one that may become a rule. */
function isOfferableCommand(content: string): boolean {
  if (!content.includes('*')) return true;
  const prefix = /^([^*]+)(?: |:)\*$/.exec(content)?.[1];
  return prefix !== undefined && prefixProblem(prefix) === undefined;
}

function isOfferablePath(content: string, cwd: string): boolean {
  if (/[[\]{}\\!?]|(?:^|\/)\.\.(?:\/|$)/.test(content)) return false;
  const path = absolute(content, cwd);
  const wildcard = path.indexOf('*');
  if (wildcard < 0) return sensitiveFile(path) === undefined;
  const directory = posix.resolve(path.slice(0, path.lastIndexOf('/', wildcard) + 1));
  return !isTooWide(directory) && sensitiveFile(path) === undefined;
}

function absolute(content: string, cwd: string): string {
  if (content.startsWith('//')) return content.slice(1);
  if (content.startsWith('~/')) return `${homedir()}${content.slice(1)}`;
  return `${cwd}/${content.replace(/^\.?\//, '')}`;
}
