/** `rules`: which rule of the policy fires for a hook's payload, and why the others do not. */
import { agentOf, strings } from '../client.ts';
import { AppError } from '../errors.ts';
import { escapeHidden } from '../policy/call.ts';
import { createPolicy, type Policy } from '../policy/policy.ts';
import type { Explanation, Ruling } from '../policy/rules.ts';
import type { Settings } from '../settings.ts';
import { homeOf } from '../state.ts';
import type { AgentName, HookInput, Said } from '../types.ts';

export interface RulesOptions {
  /** What the agent would write to the hook's stdin. */
  readonly payload: string;
  readonly policy: Policy;
  /** As given on the command line; by default what the payload tells. */
  readonly agent?: string | true;
  /** Who is asked where the policy does not say. */
  readonly approvers?: readonly string[];
}

/** Decides nothing and asks nobody. Throws AppError('bad-input'), and what the policy throws. */
export async function runRules({ payload, policy, agent: named, approvers = [] }: RulesOptions): Promise<Said> {
  const { agent, input } = await readPayload(payload, named);
  const explanations = policy.explain(input, agent);
  const asked = policy.approversFor(input.cwd) ?? approvers;
  const needed = policy.needed(input, agent);
  const lines = [
    headline(policy.rule(input, agent), explanations, input),
    ...explanations.map(
      ({ rule, decision, fires, why }, index) =>
        `  ${nameOf(rule, index)} (${decision}) ${fires ? 'fires' : 'does not fire'}: ${why}`,
    ),
    asked.length === 0 ? 'approvers: nobody is set' : `approvers: ${asked.join(', ')}`,
    needed === 1 ? 'needed: one of them must approve' : 'needed: two of them must approve',
    ...(asked.length < needed ? ['warning: there are fewer approvers than must approve'] : []),
  ];
  return { stdout: `${lines.map(escapeHidden).join('\n')}\n`, stderr: '', exitCode: 0 };
}

/** The same for the payload on stdin and the policy of the config file; `env` has the home directory, as for settings. */
export async function runRulesTest(
  { configFile, approvers }: Settings,
  env: Readonly<Record<string, string | undefined>>,
  agent?: string | true,
): Promise<Said> {
  const home = homeOf(env);
  const policy = createPolicy({ configFile, home });
  return runRules({ payload: await Bun.stdin.text(), policy, approvers, ...(agent === undefined ? {} : { agent }) });
}

async function readPayload(
  payload: string,
  named: string | true | undefined,
): Promise<{ readonly agent: AgentName; readonly input: HookInput }> {
  let raw: unknown;
  try {
    raw = JSON.parse(payload);
  } catch (error) {
    throw new AppError('bad-input', 'Expected the payload to be one JSON object, got something that is not JSON', {
      cause: error,
    });
  }
  const agent = await agentOf(named === undefined ? {} : { agent: named }, strings(raw));
  return { agent: agent.name, input: agent.read(raw) };
}

function headline(ruling: Ruling | undefined, explanations: readonly Explanation[], input: HookInput): string {
  if (input.tool_name === undefined) return 'ask: no rule fires, the event is no tool call';
  if (ruling === undefined) return 'ask: no rule fires, a person is asked';
  const index = explanations.findIndex(
    ({ rule, decision, fires }) => fires && rule === ruling.rule && decision === ruling.decision,
  );
  const reason = ruling.reason === undefined ? '' : ` (${ruling.reason})`;
  return `${ruling.decision}: ${nameOf(ruling.rule, index)}${reason}`;
}

/** `rule 2 "no force push"`, or `rule 3: deny Bash git push*` for one without a name. */
function nameOf(rule: string, index: number): string {
  const number = `rule ${index + 1}`;
  return rule.startsWith(`${number}: `) ? rule : `${number} ${JSON.stringify(rule)}`;
}
