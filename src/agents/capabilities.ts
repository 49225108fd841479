/** What can be answered to which agent, asked of the dialects themselves: for the README's table and for setup. */
import type { Agent, AgentName, HookInput, Offers } from '../types.ts';
import { AGENTS } from './agent.ts';

/** Events at which an agent waits for an answer. */
const GATES: Readonly<Record<AgentName, readonly string[]>> = {
  claude: ['PermissionRequest', 'PreToolUse'],
  codex: ['PermissionRequest', 'PreToolUse'],
  cursor: ['beforeShellExecution', 'beforeMCPExecution', 'preToolUse'],
  gemini: ['BeforeTool'],
  opencode: ['permission.asked'],
};

const STOPS: Readonly<Record<AgentName, string | undefined>> = {
  claude: 'Stop',
  codex: 'Stop',
  cursor: undefined,
  gemini: 'AfterAgent',
  opencode: undefined,
};

/** With what the real program was seen to do it; otherwise its documents say so. */
const SEEN: Readonly<Record<AgentName, string>> = {
  claude: '2.1.197, 2.1.329',
  codex: '0.169.0',
  cursor: 'no, documents only',
  gemini: 'no, documents only',
  opencode: 'no, documents only',
};

export interface Capability {
  readonly agent: AgentName;
  readonly event: string;
  /** A shell command may be changed before it runs. */
  readonly edit: boolean;
  /** Rules of the agent's own, so that it does not ask again. */
  readonly always: boolean;
  /** The agent's questions are answered in Slack. */
  readonly questions: boolean;
  /** Its own prompt stays usable meanwhile. */
  readonly prompt: boolean;
  /** An agent that has stopped can be sent on. */
  readonly reply: boolean;
  /** What it is told when nobody has decided. */
  readonly undecided: 'ask' | 'deny' | 'nothing';
  readonly seen: string;
}

export function capabilities(): readonly Capability[] {
  return (Object.keys(GATES) as AgentName[]).flatMap((name) => GATES[name].map((event) => capabilityOf(name, event)));
}

function capabilityOf(name: AgentName, event: string): Capability {
  const agent = AGENTS[name];
  const offers = offersOf(agent, event, 'Bash');
  const stop = STOPS[name];
  return {
    ...{ agent: name, event, seen: SEEN[name] },
    edit: offers?.edit === true,
    always: offers?.always === true,
    questions: offersOf(agent, event, 'AskUserQuestion')?.form === 'questions',
    prompt: offers?.prompt === true,
    reply: stop !== undefined && offersOf(agent, stop)?.form === 'stop',
    undecided: undecidedOf(agent, event),
  };
}

function inputOf(event: string, tool?: string): HookInput {
  const call = tool === undefined ? {} : { tool_name: tool, tool_input: { command: 'ls' } };
  return { hook_event_name: event, session_id: 's', cwd: '/', ...call };
}

function offersOf(agent: Agent, event: string, tool?: string): Offers | undefined {
  return agent.offers(inputOf(event, tool));
}

function undecidedOf(agent: Agent, event: string): Capability['undecided'] {
  const { stdout } = agent.say(inputOf(event, 'Bash'), { kind: 'expired', reason: '', at: 0 }, 'ask');
  if (stdout === '') return 'nothing';
  return /"(permissionDecision|permission)":"ask"/.test(stdout) ? 'ask' : 'deny';
}

const YES = 'yes';
const mark = (is: boolean): string => (is ? YES : '');

/** As a Markdown table, for the README. */
export function capabilitiesTable(): string {
  const rows = capabilities().map(({ agent, event, edit, always, questions, prompt, reply, undecided, seen }) =>
    [agent, event, mark(edit), mark(always), mark(questions), mark(prompt), mark(reply), undecided, seen].join(' | '),
  );
  return [
    '| agent | asks at | edit | always | questions, plans | own prompt beside | reply at its stop | told when nobody decided | seen with the real program |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n');
}

/** What an agent cannot be answered, in words; undefined for one that can be answered everything. */
export function limitsOf(agent: AgentName): string | undefined {
  const own = capabilities().filter((capability) => capability.agent === agent);
  const lacks = [
    ...(own.some(({ edit }) => edit) ? [] : ['no editing before it runs']),
    ...(own.some(({ always }) => always) ? [] : ['no rules for always']),
    ...(own.some(({ questions }) => questions) ? [] : ['no answers to its questions']),
    ...(own.some(({ reply }) => reply) ? [] : ['no replies when it stops']),
  ];
  return lacks.length === 0 ? undefined : lacks.join(', ');
}
