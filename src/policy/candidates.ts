/** Rules that a person may choose instead of being asked again, made from one request. */
import { createHash } from 'node:crypto';
import type { ApprovalRequest, CallRule, Candidate, PermissionRule, ToolInput } from '../types.ts';
import { type JudgedCall, matchesCall } from './call-rule.ts';
import { ruleText } from './claude-rules.ts';
import { dangerOf } from './danger.ts';
import { ownRules } from './own-rules.ts';
import { suggestedRules } from './suggestions.ts';

/** A request of the past. */
export interface HistoryEntry {
  readonly tool: string;
  readonly input: ToolInput;
  readonly cwd: string;
  readonly digest: string;
  readonly decision: 'allowed' | 'denied' | 'none';
}

/** As many as a person reads; two of them are grants. */
const MAX_PERMANENT = 4;
const MAX_DENIED = 5;
/** UTF-16 units of one denied call. */
const MAX_LINE = 120;
/** These are answered, not allowed; the next one is another question. */
const NEVER_AGAIN: ReadonlySet<string> = new Set(['ExitPlanMode', 'AskUserQuestion']);
/** The argument that tells most about a call; the first that is there. */
const MAIN_KEYS = ['command', 'file_path', 'notebook_path', 'url', 'query', 'pattern', 'prompt'] as const;
/** Every key of a CallRule, so that the JSON of equal rules is equal. */
const RULE_KEYS = ['kind', 'digest', 'rules', 'toolName', 'ruleContent', 'tool', 'directory'];

type Proposal = Pick<Candidate, 'rule' | 'text' | 'isPermanent'>;

/**
 * At most six, narrow ones first, grants behind the agent's own rules; none for what is no tool call. `history`, with
 * the latest last, only fills in the counts: the rules and their ids depend on the request alone. A rule that
 * `isRestricted` is about can only be a grant: an agent with a rule of its own would not ask us any more.
 */
export function candidatesFor(
  request: ApprovalRequest,
  history: readonly HistoryEntry[],
  isRestricted: (rule: PermissionRule) => boolean = () => false,
): readonly Candidate[] {
  const tool = request.input.tool_name;
  if (tool === undefined || tool === '' || NEVER_AGAIN.has(tool)) return [];
  const own = ownRules(request.input);
  const permanent = [
    ...own.narrow.map((rule) => [rule]),
    ...suggestedRules(request.input),
    ...own.broad.map((rule) => [rule]),
  ];
  const proposals = [
    ...distinct(permanent.map((rules) => ruleProposal(rules, !rules.some(isRestricted)))).slice(0, MAX_PERMANENT),
    ...grantProposals(request, tool),
  ];
  return proposals.map((proposal) => withHistory(proposal, history));
}

function ruleProposal(rules: readonly PermissionRule[], isPermanent: boolean): Proposal {
  return { rule: { kind: 'permission', rules }, text: rules.map(ruleText).join(', '), isPermanent };
}

function grantProposals(request: ApprovalRequest, tool: string): readonly Proposal[] {
  const { input, digest } = request;
  const directory: CallRule = { kind: 'directory', tool, directory: input.cwd };
  return [
    { rule: { kind: 'exact', digest }, text: 'This exact call', isPermanent: false },
    // A file elsewhere is not what the directory is about, and what may do harm it does not cover.
    ...(matchesCall(directory, request) && dangerOf(input, false) === undefined
      ? [{ rule: directory, text: `${tool} in ${input.cwd}`, isPermanent: false }]
      : []),
  ];
}

function distinct(proposals: readonly Proposal[]): readonly Proposal[] {
  return [...new Map(proposals.map((proposal) => [ruleJson(proposal.rule), proposal])).values()];
}

function withHistory(proposal: Proposal, history: readonly HistoryEntry[]): Candidate {
  const matched = history.filter((entry) => matchesCall(proposal.rule, pastCall(entry)));
  const denied = matched
    .filter(({ decision }) => decision === 'denied')
    .slice(-MAX_DENIED)
    .reverse();
  return {
    id: createHash('sha256').update(ruleJson(proposal.rule)).digest('hex').slice(0, 16),
    ...proposal,
    matched: matched.length,
    outOf: history.length,
    denied: denied.map(firstLine),
  };
}

function pastCall({ tool, input, cwd, digest }: HistoryEntry): JudgedCall {
  return { digest, input: { cwd, tool_name: tool, tool_input: input } };
}

function ruleJson(rule: CallRule): string {
  return JSON.stringify(rule, RULE_KEYS);
}

/** The first line with something in it of what the call is mostly about; its input where that is unknown. */
function firstLine({ tool, input }: HistoryEntry): string {
  const main = MAIN_KEYS.map((key) => input[key]).find((value) => typeof value === 'string' && value.trim() !== '');
  const text = typeof main === 'string' ? main : `${tool} ${JSON.stringify(input)}`;
  const line = (/\S[^\r\n]*/.exec(text)?.[0] ?? '').trimEnd();
  if (line.length <= MAX_LINE) return line;
  // Not between the halves of a character.
  return `${line.slice(0, MAX_LINE - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
