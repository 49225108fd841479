/** What an agent that has a rule of its own would no longer ask about, although the config has something to say about it. */
import type { PermissionRule } from '../types.ts';
import { isLiteral, matchesWildcard } from '../wildcard.ts';
import { EDIT_TOOLS } from './claude-rules.ts';
import type { Conditions, PolicyConfig } from './config.ts';

/** A rule about reading is also about searching (https://code.claude.com/docs/en/permissions). */
const READ_TOOLS: ReadonlySet<string> = new Set(['Read', 'Grep', 'Glob', 'LS']);

/**
 * Whether the config denies, asks about, or wants two people for, some call of the tools that the rule is about. Only
 * tools are compared, not what they are called with: there are more ways to write a call than patterns.
 */
export function isRestricted(rule: PermissionRule, config: Pick<PolicyConfig, 'rules' | 'secondApprover'>): boolean {
  const restrictions: readonly Conditions[] = [
    ...config.rules.filter(({ decision }) => decision !== 'allow'),
    ...config.secondApprover,
  ];
  const tools = toolsOf(rule);
  return restrictions.some(
    ({ tool: patterns }) =>
      patterns === undefined || patterns.some((pattern) => tools.some((tool) => isCommon(pattern, tool))),
  );
}

/** Names; one that ends in `*` stands for all that begin so. */
function toolsOf({ toolName }: PermissionRule): readonly string[] {
  if (toolName === 'Edit') return [...EDIT_TOOLS];
  if (toolName === 'Read') return [...READ_TOOLS];
  // `mcp__server` is about every tool of the server.
  return toolName.startsWith('mcp__') ? [toolName, `${toolName.replace(/__\*$/, '')}__*`] : [toolName];
}

/** Whether any name could be of both; of two with `*` only the beginnings are compared. */
function isCommon(pattern: string, tool: string): boolean {
  if (isLiteral(tool)) return matchesWildcard(pattern, tool, 'strict');
  if (isLiteral(pattern)) return matchesWildcard(tool, pattern, 'strict');
  const [one, other] = [beginning(pattern), beginning(tool)];
  return one.startsWith(other) || other.startsWith(one);
}

function beginning(pattern: string): string {
  return pattern.slice(0, pattern.indexOf('*'));
}
