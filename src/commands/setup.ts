/** `setup`: from nothing to hooks that ask in Slack, step by step or, with flags, at once; again at any time. */
import { AGENTS } from '../agents/agent.ts';
import { limitsOf } from '../agents/capabilities.ts';
import { AppError, attempt } from '../errors.ts';
import { isOurProgram, OUR_NAME } from '../hook-command.ts';
import { httpPortOf } from '../http-port.ts';
import type { ParsedArgv } from '../options.ts';
import type { Settings } from '../settings.ts';
import { agentsHere, titleOf } from '../setup/agents-here.ts';
import { diffOf } from '../setup/diff.ts';
import { withHooks, withoutHooks } from '../setup/hook-edits.ts';
import {
  GATE_MODES,
  type GateMode,
  type HookPlan,
  type PlanOptions,
  planHooks,
  SCOPES,
  type Scope,
} from '../setup/hook-plans.ts';
import {
  type FileChange,
  install,
  isChange,
  planChange,
  planRemoval,
  uninstall as takeOut,
} from '../setup/installation.ts';
import { openLedger } from '../setup/ledger.ts';
import { isOpencodePlugin, opencodePlugin, opencodePluginPath } from '../setup/opencode-plugin.ts';
import type { Prompts } from '../setup/prompts.ts';
import { checkInside, replaceSettingsFile } from '../setup/settings-file.ts';
import { manifest as manifestText } from '../setup/slack-app.ts';
import { homeOf, statePaths } from '../state.ts';
import type { AgentName, Said } from '../types.ts';
import { runDoctor } from './doctor.ts';
import { HTTP_WORDS, httpPlan, planPort } from './setup-http.ts';
import { connect } from './setup-slack.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface SetupOptions {
  readonly flags: ParsedArgv['flags'];
  readonly env: Environment;
  readonly getSettings: () => Settings;
  readonly print: (text: string) => void;
  /** The settings with the tokens themselves, where the config file only refers to them. */
  readonly withTokens: () => Promise<() => Settings>;
}

const DONE: Said = { stdout: '', stderr: '', exitCode: 0 };

/** Throws AppError, with nothing changed by the step that failed. */
export async function setup({ flags, env, withTokens, ...others }: SetupOptions): Promise<Said> {
  const print = patient(others.print);
  const choice = readChoice(flags);
  const isDry = flags['dry-run'] === true;
  const prompts = flags.yes === true || isDry || !process.stdin.isTTY ? undefined : await openPrompts();
  const home = homeOf(env);
  const planOptions = ({ deadlineMs, configFile }: Settings): PlanOptions => ({
    ...{ scope: choice.scope, mode: choice.mode ?? 'dialog', program: programPath(), deadlineMs },
    ...{ args: flags.config === undefined ? [] : ['--config', configFile], home, project: process.cwd(), env },
  });
  prompts?.begin('claude-slack-hook: approvals for coding agents, in Slack');
  const given = (await withTokens())();
  if (choice.transport === 'http') httpPortOf(given);
  // Who answers no questions is told of a file that cannot be edited before anything is written.
  if (prompts === undefined)
    for (const agent of choice.agents ?? agentsHere(home, env)) planFor(agent, planOptions(given), undefined);
  const settings = await connect({ settings: given, flags, env, prompts, isDry, print });
  const agents = choice.agents ?? (await chooseAgents(prompts, agentsHere(home, env)));
  const mode = choice.mode ?? (await chooseMode(prompts, agents));
  const options = { ...planOptions(settings), mode };
  const isHttp = choice.transport === 'http' && agents.includes('claude');
  const http = isHttp ? httpPlan(settings, options, isDry) : undefined;
  const port = isHttp ? [planPort(settings)].filter(isChange) : [];
  const plans = agents.map((agent) => planFor(agent, options, http));
  const changes = plans.map(({ change }) => change).filter(isChange);
  for (const change of [...port, ...changes]) {
    if (prompts === undefined) print(diffOf(change));
    else prompts.show(change.path, diffOf(change));
  }
  if (isDry) {
    print(
      changes.length === 0 ? 'Nothing would change in any agent’s settings.\n' : 'Nothing was written: --dry-run.\n',
    );
    return DONE;
  }
  if (changes.length > 0 && prompts !== undefined && !(await prompts.confirm('Write these hooks?')))
    throw new AppError('stopped', 'The hooks were not written');
  // It is a setting, which stays when the hooks go.
  for (const { path, after = '', mode } of port) replaceSettingsFile(path, after, mode);
  install(changes, openLedger(ledgerPath(env)));
  for (const { agent, trust } of plans) {
    const limits = limitsOf(agent);
    const words = [
      `${titleOf(agent)} asks in Slack from its next start on${limits === undefined ? '' : ` (${limits})`}.`,
      ...(trust === undefined ? [] : [trust]),
    ].join(' ');
    if (prompts === undefined) print(`${words}\n`);
    else prompts.say(words);
  }
  if (agents.length === 0) print('No agent was chosen, so no hooks were written.\n');
  if (changes.length > 0) print(`What was in these files before is kept in ${ledgerPath(env)}.\n`);
  const { stdout: checks } = await runDoctor({ ...flags, quick: true }, await withTokens(), env);
  if (prompts === undefined) print(checks);
  else prompts.show('doctor', checks.trimEnd());
  const end = 'claude-slack-hook doctor says that again; setup uninstall takes the hooks out.';
  if (prompts === undefined) print(`${end}\n`);
  else prompts.done(end);
  return DONE;
}

/** Prints what *From a manifest* takes. */
export async function manifest(_options: SetupOptions): Promise<Said> {
  return { ...DONE, stdout: manifestText() };
}

/** Takes every hook of ours out, in all scopes; settings and tokens stay. Throws AppError('bad-settings'). */
export async function uninstall({ flags, env, ...others }: SetupOptions): Promise<Said> {
  const print = patient(others.print);
  const unused = ['scope', 'mode', 'transport'].find((name) => flags[name] !== undefined);
  if (unused !== undefined)
    throw new AppError(
      'usage',
      `Expected setup uninstall without --${unused}: it takes the hooks out wherever they are`,
    );
  const { agents = Object.keys(AGENTS) as AgentName[] } = readChoice(flags);
  const ledger = openLedger(ledgerPath(env));
  const paths = new Set(
    SCOPES.flatMap((scope) => agents.map((agent) => pathOf(agent, scope, env))).concat(
      flags.agent === undefined ? ledger.all().map(({ path }) => path) : [],
    ),
  );
  const changes = [...paths].flatMap((path) => {
    const edit = path.endsWith('.js')
      ? (text: string) => (isOpencodePlugin(text) ? undefined : text)
      : (text: string) => withoutHooks(text, path);
    return planRemoval(path, ledger, edit) ?? [];
  });
  for (const change of changes) {
    print(diffOf(change));
    if (flags['dry-run'] !== true) takeOut(change, ledger);
  }
  if (changes.length === 0) print('There is no hook of claude-slack-hook anywhere.\n');
  else
    print(flags['dry-run'] === true ? 'Nothing was written: --dry-run.\n' : `Taken out of ${changes.length} files.\n`);
  return DONE;
}

/** Whoever reads only the beginning of what is said, such as head, does not stop what was begun. */
function patient(print: (text: string) => void): (text: string) => void {
  return (text) => void attempt(() => print(text));
}

interface Choice {
  readonly agents: readonly AgentName[] | undefined;
  readonly scope: Scope;
  readonly mode: GateMode | undefined;
  readonly transport: 'command' | 'http';
}

/** Throws AppError('usage'). */
function readChoice({ agent, scope = 'user', mode, transport = 'command' }: ParsedArgv['flags']): Choice {
  const names = typeof agent === 'string' ? [...new Set(agent.split(',').map((name) => name.trim()))] : undefined;
  const unknown = names?.find((name) => !Object.hasOwn(AGENTS, name));
  if (unknown !== undefined)
    throw new AppError('usage', `Expected --agent to be one of ${Object.keys(AGENTS).join(', ')}, got ${unknown}`);
  const isScope = SCOPES.find((known) => known === scope);
  if (isScope === undefined)
    throw new AppError('usage', `Expected --scope to be one of ${SCOPES.join(', ')}, got ${scope}`);
  const isMode = GATE_MODES.find((known) => known === mode);
  if (mode !== undefined && isMode === undefined)
    throw new AppError('usage', `Expected --mode to be one of ${GATE_MODES.join(', ')}, got ${mode}`);
  if (transport !== 'command' && transport !== 'http')
    throw new AppError('usage', `Expected --transport to be command or http, got ${transport}`);
  if (transport === 'http' && isScope === 'project')
    throw new AppError('usage', 'Expected --scope user or local with --transport http: the token is in the file');
  return { agents: names as readonly AgentName[] | undefined, scope: isScope, mode: isMode, transport };
}

interface FilePlan {
  readonly agent: AgentName;
  readonly change: FileChange;
  readonly trust: string | undefined;
}

/** @param http Claude Code's hooks, when they go over HTTP; the others have none of that kind */
function planFor(agent: AgentName, options: PlanOptions, http: HookPlan['hooks'] | undefined): FilePlan {
  const plan = planHooks(agent, options);
  if (options.scope !== 'user') checkInside(plan?.path ?? opencodePluginPath(options.scope, options), options.project);
  if (plan !== undefined && agent === 'claude' && http !== undefined) {
    const change = planChange(plan.path, (text) => withHooks(text, { ...plan, hooks: http }));
    // The token is in it.
    return { agent, change: { ...change, mode: 0o600 }, trust: HTTP_WORDS };
  }
  if (plan !== undefined)
    return { agent, change: planChange(plan.path, (text) => withHooks(text, plan)), trust: plan.trust };
  const plugin = opencodePlugin([options.program, ...(options.args ?? []), '--agent', 'opencode']);
  return { agent, change: planChange(opencodePluginPath(options.scope, options), () => plugin), trust: undefined };
}

/** Where the hooks of an agent are; the plan's other parts do not matter for that. */
function pathOf(agent: AgentName, scope: Scope, env: Environment): string {
  const home = homeOf(env);
  const project = process.cwd();
  const plan = planHooks(agent, { scope, mode: 'dialog', program: '', deadlineMs: 0, home, project, env });
  return plan?.path ?? opencodePluginPath(scope, { home, project, env });
}

function ledgerPath(env: Environment): string {
  return `${statePaths(env).dir}/setup.json`;
}

/** Throws AppError('usage') from source: a hook that starts an interpreter on a working tree is nobody's gate. */
function programPath(): string {
  if (!Bun.main.startsWith('/$bunfs/'))
    throw new AppError('usage', 'Expected the compiled program, got its source', {
      hint: 'Run npm run compile, and then dist/bin/claude-slack-hook setup.',
    });
  // By its name a hook is known to be ours: by another one it would be there twice after the next set-up, and stay for ever.
  if (!isOurProgram(process.execPath))
    throw new AppError('usage', `Expected the program to be called ${OUR_NAME}, got ${process.execPath}`, {
      hint: 'Give the executable its name back, and run setup again.',
    });
  return process.execPath;
}

async function openPrompts(): Promise<Prompts> {
  const { createPrompts } = await import('../setup/prompts.ts');
  return createPrompts();
}

async function chooseAgents(prompts: Prompts | undefined, here: readonly AgentName[]): Promise<readonly AgentName[]> {
  if (prompts === undefined) return here;
  const choices = (Object.keys(AGENTS) as AgentName[]).map((value) => ({
    value,
    label: titleOf(value),
    ...(here.includes(value) ? { hint: 'found on this machine' } : {}),
  }));
  return prompts.chooseMany('Which agents shall ask?', choices, here);
}

const MODES: Readonly<Record<GateMode, { readonly label: string; readonly hint: string }>> = {
  dialog: {
    label: 'When the agent would ask',
    hint: 'The terminal’s dialog stays usable, and the first answer counts. In auto mode and in scripts the agent hardly ever asks.',
  },
  'every-call': {
    label: 'Before every call that changes something',
    hint: 'Also in auto mode and in scripts. There is no dialog meanwhile: the agent waits for Slack.',
  },
};

async function chooseMode(prompts: Prompts | undefined, agents: readonly AgentName[]): Promise<GateMode> {
  if (prompts === undefined || !agents.some((agent) => agent === 'claude' || agent === 'codex')) return 'dialog';
  const choices = GATE_MODES.map((value) => ({ value, ...MODES[value] }));
  return prompts.choose('When are you asked?', choices, 'dialog');
}
