/** The policy's part of config.json: what its keys mean, and what is wrong with them in words for people. */
import * as v from 'valibot';
import { describeIssue } from '../config-words.ts';
import { AppError } from '../errors.ts';
import { AGENT_NAMES } from '../protocol.ts';
import { isAgent } from '../protocol-daemon.ts';
import { checkSecretRule } from '../secrets.ts';
import type { AgentName, PresenceRules } from '../types.ts';
import { isAnything } from '../wildcard.ts';
import { globProblem, isEveryPath } from './paths.ts';
import { presenceRules } from './presence-config.ts';
import { users } from './users.ts';

/** A pattern for the tool's main field, or patterns by field name. */
export type Argument = string | Readonly<Record<string, string>>;

/** What a call must be like; all that are there must hold. */
export interface Conditions {
  readonly agent?: AgentName;
  readonly tool?: readonly string[];
  readonly argument?: Argument;
  /** A glob for the file of a file tool. */
  readonly path?: string;
  /** A glob for the directory the agent works in. */
  readonly project?: string;
}

export type RuleDecision = 'allow' | 'deny' | 'ask';

export interface RuleConfig extends Conditions {
  readonly decision: RuleDecision;
  readonly name?: string;
  readonly reason?: string;
}

export interface PolicyConfig {
  /** Who may answer everywhere else. */
  readonly userId?: readonly string[];
  readonly approvers: readonly { readonly project: string; readonly userId: readonly string[] }[];
  readonly secondApprover: readonly Conditions[];
  readonly rules: readonly RuleConfig[];
  readonly mask: readonly { readonly name: string; readonly pattern: string }[];
  /** When people are asked; without it at once. */
  readonly presence?: PresenceRules;
  /** Full files of the audit log that are older are deleted; without it none is. */
  readonly auditKeepDays?: number;
}

const text = (what: string) =>
  v.pipe(
    v.string(what),
    v.check((value) => value.trim() !== '', what),
  );

const GLOB_WORDS = 'to be a path such as "~/work/**"';
const glob = v.pipe(
  text(GLOB_WORDS),
  v.check(
    (value) => globProblem(value) === undefined,
    ({ input }) => globProblem(input) ?? GLOB_WORDS,
  ),
);

const TOOL_WORDS = 'to be a tool such as "Bash" or "mcp__inventory__*", or a list of at least one';
const toolName = text(TOOL_WORDS);
const tools = v.pipe(
  v.union([toolName, v.array(toolName)], TOOL_WORDS),
  v.transform((value) => (typeof value === 'string' ? [value] : value)),
  v.check((value) => value.length > 0, TOOL_WORDS),
);

const ARGUMENT_WORDS = 'to be a text such as "npm test*", or an object with one such text per field';
const pattern = v.pipe(v.string(ARGUMENT_WORDS), v.nonEmpty(ARGUMENT_WORDS));
const argument = v.union(
  [
    pattern,
    v.pipe(
      v.record(v.string(), pattern),
      v.check((value) => Object.keys(value).length > 0, ARGUMENT_WORDS),
    ),
  ],
  ARGUMENT_WORDS,
);

const NO_LIST = 'to be a list';
const OBJECT_WORDS = 'to be an object';

const conditions = {
  agent: v.exactOptional(v.custom<AgentName>(isAgent, `to be one of ${AGENT_NAMES.join(', ')}`)),
  tool: v.exactOptional(tools),
  argument: v.exactOptional(argument),
  path: v.exactOptional(glob),
  project: v.exactOptional(glob),
};

const ALLOWS_ALL =
  'to say what it allows: a tool, an argument, a path or a project; as it stands it would allow everything';

const rule = v.pipe(
  v.strictObject(
    {
      decision: v.picklist(['allow', 'deny', 'ask'], 'to be "allow", "deny" or "ask"'),
      name: v.exactOptional(text('to be a text that is not empty')),
      reason: v.exactOptional(text('to be a text that is not empty')),
      ...conditions,
    },
    OBJECT_WORDS,
  ),
  v.check((value) => value.decision !== 'allow' || isNarrow(value), ALLOWS_ALL),
);

const maskRule = v.strictObject(
  {
    name: text('to be a text that is not empty'),
    pattern: v.pipe(
      text('to be a regular expression'),
      v.check(isExpression, 'to be a regular expression that does not match an empty text'),
    ),
  },
  OBJECT_WORDS,
);

const DAYS_WORDS = 'to be a number of whole days, at least 1';
const days = v.pipe(v.number(DAYS_WORDS), v.safeInteger(DAYS_WORDS), v.minValue(1, DAYS_WORDS));

/** The other keys of the file are settings.ts's to check. */
const schema = v.object(
  {
    userId: v.exactOptional(users),
    approvers: v.optional(
      v.pipe(
        v.array(v.strictObject({ project: glob, userId: users }, OBJECT_WORDS), NO_LIST),
        v.minLength(1, 'to be a list of at least one'),
      ),
    ),
    secondApprover: v.optional(v.array(v.strictObject(conditions, OBJECT_WORDS), NO_LIST), []),
    rules: v.optional(v.array(rule, NO_LIST), []),
    mask: v.optional(v.array(maskRule, NO_LIST), []),
    presence: v.exactOptional(presenceRules),
    auditKeepDays: v.exactOptional(days),
  },
  'to hold one JSON object',
);

/** Checks the parsed content of the config file. Throws AppError('bad-config') that names the first entry that is wrong. */
export function readPolicyConfig(value: unknown, file: string): PolicyConfig {
  // A list passes for an object with the library.
  const result = v.safeParse(schema, Array.isArray(value) ? undefined : value, { abortEarly: true });
  if (!result.success) {
    throw new AppError('bad-config', describeIssue(result.issues[0], file, ['mask']));
  }
  return { ...result.output, approvers: result.output.approvers ?? [] };
}

/** The conditions that say nothing about what is done do not count. */
function isNarrow({ tool, argument: wanted, path, project }: Omit<Conditions, 'agent'>): boolean {
  return (
    (tool !== undefined && !tool.some(isAnything)) ||
    (wanted !== undefined && !Object.values(typeof wanted === 'string' ? [wanted] : wanted).every(isAnything)) ||
    (path !== undefined && !isEveryPath(path)) ||
    (project !== undefined && !isEveryPath(project))
  );
}

function isExpression(pattern: string): boolean {
  try {
    checkSecretRule({ name: '', pattern });
    return true;
  } catch {
    return false;
  }
}
