/** Which hooks go into which file of which agent. Pure; the files are edited by hook-edits.ts. */
import type { AgentName } from '../types.ts';

/** For everything that this user does, for a project and everybody who works on it, or for a project and this user only. */
export type Scope = 'user' | 'project' | 'local';

/** How Claude Code asks: instead of its own dialog and beside it, or before every matching call, whatever its mode. */
export type GateMode = 'dialog' | 'every-call';

export const SCOPES: readonly Scope[] = ['user', 'project', 'local'];
export const GATE_MODES: readonly GateMode[] = ['dialog', 'every-call'];

export interface PlanOptions {
  readonly scope: Scope;
  readonly mode: GateMode;
  /** Absolute path of this program. */
  readonly program: string;
  /** Further arguments, such as `--config FILE`. */
  readonly args?: readonly string[];
  /** How long a request waits, in milliseconds; the agent's own timeout is above it. */
  readonly deadlineMs: number;
  readonly home: string;
  /** The project's directory. */
  readonly project: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What is to stand in one file. */
export interface HookPlan {
  readonly agent: AgentName;
  readonly path: string;
  /** In the order in which they are added. */
  readonly hooks: readonly (readonly [event: string, entry: unknown])[];
  /** Keys that the file must have, added where they are absent. */
  readonly base?: Readonly<Record<string, unknown>>;
  /** What the person has to do for them to run. */
  readonly trust?: string;
}

/** An agent gives up this much after we have, in seconds: what is said before its timeout counts. */
const MARGIN_S = 30;
/** An observer is done within milliseconds. */
const OBSERVER_S = 5;

/** Tools whose calls change or send something; the others ask for nothing that a person would look at. */
export const CHANGING = 'Bash|Write|Edit|MultiEdit|NotebookEdit|WebFetch|mcp__.*';

/** Undefined for opencode, which has no hook commands but a plugin; see opencode-plugin.ts. */
export function planHooks(agent: AgentName, options: PlanOptions): HookPlan | undefined {
  switch (agent) {
    case 'claude':
      return planClaude(options);
    case 'codex':
      return planCodex(options);
    case 'cursor':
      return planCursor(options);
    case 'gemini':
      return planGemini(options);
    case 'opencode':
      return undefined;
  }
}

/** A command line for /bin/sh. */
export function commandLine(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
}

/** In seconds, a whole number above the deadline. */
export function timeoutFor(deadlineMs: number): number {
  return Math.ceil(deadlineMs / 1000) + MARGIN_S;
}

/**
 * The hooks of this repository as a plugin of Claude Code: as in the mode `dialog`, started without a shell.
 * @param deadlineMs the default one; a plugin does not know the config file
 */
export function pluginHooks(deadlineMs: number): Readonly<Record<string, readonly unknown[]>> {
  const program = `\${CLAUDE_PLUGIN_ROOT}/bin/claude-slack-hook`;
  const asking = { type: 'command', command: program, args: [], timeout: timeoutFor(deadlineMs) };
  const observing = { type: 'command', command: program, args: ['--observe'], timeout: OBSERVER_S };
  return Object.fromEntries([
    ['PermissionRequest', [matched('PermissionRequest', asking)]],
    ...['PreToolUse', ...OBSERVED].map((event) => [event, [matched(event, observing)]] as const),
  ]);
}

/** What closes cards and tells how a run went. PreToolUse is among them where it does not ask itself. */
const OBSERVED = ['PostToolUse', 'PostToolUseFailure', 'PermissionDenied', 'Stop', 'UserPromptSubmit', 'SessionEnd'];
/** Only these take a matcher. */
const MATCHED: ReadonlySet<string> = new Set([
  ...['PreToolUse', 'PermissionRequest', 'PostToolUse', 'PostToolUseFailure', 'PermissionDenied'],
]);

/** Where Claude Code reads this user's settings. */
export function claudeFolder(home: string, env: PlanOptions['env']): string {
  return env.CLAUDE_CONFIG_DIR?.startsWith('/') ? env.CLAUDE_CONFIG_DIR : `${home}/.claude`;
}

function planClaude(options: PlanOptions): HookPlan {
  const { scope, mode, program, args = [], deadlineMs, home, project, env } = options;
  const folder = scope === 'user' ? claudeFolder(home, env) : `${project}/.claude`;
  const timeout = timeoutFor(deadlineMs);
  const asking = { type: 'command', command: commandLine([program, ...args]), timeout };
  const observing = { type: 'command', command: commandLine([program, ...args, '--observe']), timeout: OBSERVER_S };
  const gate: HookPlan['hooks'] =
    mode === 'dialog'
      ? [
          ['PermissionRequest', { matcher: '*', hooks: [asking] }],
          ['PreToolUse', { matcher: '*', hooks: [observing] }],
        ]
      : // Without an answer of ours an allow rule would let the call run.
        [['PreToolUse', { matcher: CHANGING, hooks: [{ ...asking, onFailure: 'block' }] }]];
  return {
    agent: 'claude',
    path: `${folder}/${scope === 'local' ? 'settings.local.json' : 'settings.json'}`,
    hooks: [...gate, ...OBSERVED.map((event) => [event, matched(event, observing)] as const)],
  };
}

function matched(event: string, hook: unknown): unknown {
  return MATCHED.has(event) ? { matcher: '*', hooks: [hook] } : { hooks: [hook] };
}

function planCodex({ scope, mode, program, args = [], deadlineMs, home, project, env }: PlanOptions): HookPlan {
  const own = env.CODEX_HOME?.startsWith('/') ? env.CODEX_HOME : `${home}/.codex`;
  const words = [program, ...args, '--agent', 'codex'];
  const asking = { type: 'command', command: commandLine(words), timeout: timeoutFor(deadlineMs) };
  const observing = { type: 'command', command: commandLine([...words, '--observe']), timeout: OBSERVER_S };
  const gate = mode === 'dialog' ? 'PermissionRequest' : 'PreToolUse';
  const observed = ['PostToolUse', 'Stop', 'UserPromptSubmit', 'SessionEnd'];
  return {
    agent: 'codex',
    path: `${scope === 'user' ? own : `${project}/.codex`}/hooks.json`,
    hooks: [
      [gate, { matcher: '*', hooks: [asking] }],
      ...observed.map((event) => [event, matched(event, observing)] as const),
    ],
    trust:
      'Codex runs a hook only once you trust it, and says nothing when it does not: start codex, open /hooks and trust each of them.',
  };
}

/** Cursor has neither matchers nor observers of its own: its events are the tools. */
function planCursor({ scope, program, args = [], deadlineMs, home, project }: PlanOptions): HookPlan {
  const words = [program, ...args, '--agent', 'cursor'];
  const asking = { command: commandLine(words), timeout: timeoutFor(deadlineMs) };
  const observing = { command: commandLine([...words, '--observe']), timeout: OBSERVER_S };
  const asked = ['beforeShellExecution', 'beforeMCPExecution'];
  const observed = ['afterShellExecution', 'afterMCPExecution', 'beforeSubmitPrompt', 'stop'];
  return {
    agent: 'cursor',
    path: `${scope === 'user' ? home : project}/.cursor/hooks.json`,
    base: { version: 1 },
    hooks: [...asked.map((event) => [event, asking] as const), ...observed.map((event) => [event, observing] as const)],
  };
}

/** Gemini counts in milliseconds. */
function planGemini({ scope, program, args = [], deadlineMs, home, project }: PlanOptions): HookPlan {
  const words = [program, ...args, '--agent', 'gemini'];
  const hook = (more: readonly string[], seconds: number) => ({
    ...{ name: 'claude-slack-hook', type: 'command', command: commandLine([...words, ...more]) },
    timeout: seconds * 1000,
  });
  const observed = ['AfterTool', 'BeforeAgent', 'SessionEnd'];
  return {
    agent: 'gemini',
    path: `${scope === 'user' ? home : project}/.gemini/settings.json`,
    hooks: [
      [
        'BeforeTool',
        { matcher: 'run_shell_command|write_file|replace|web_fetch|mcp_.*', hooks: [hook([], timeoutFor(deadlineMs))] },
      ],
      ...observed.map((event) => [event, { hooks: [hook(['--observe'], OBSERVER_S)] }] as const),
    ],
  };
}
