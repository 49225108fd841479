/** `doctor`: everything that has to be right for an agent's question to reach a person, one line each, with the fix. */
import { existsSync, readFileSync } from 'node:fs';
import { checkRuntime } from '../channels/slack-runtime.ts';
import { raiseDescriptors } from '../daemon-limits.ts';
import { asJson, type Check, exitCodeOf, printed, skipped } from '../doctor/check.ts';
import { checkDaemon, type DaemonFacts } from '../doctor/daemon.ts';
import { createProbe } from '../doctor/hook-program.ts';
import { type FoundHooks, findHooks } from '../doctor/hook-sources.ts';
import { checkHooks } from '../doctor/hooks.ts';
import { projectVariables } from '../doctor/hooks-claude.ts';
import { checkMachine } from '../doctor/machine.ts';
import { type ConfigFacts, checkConfig, checkProgram, type ProgramFacts } from '../doctor/program.ts';
import { checkSlack } from '../doctor/slack.ts';
import { checkTokens } from '../doctor/tokens.ts';
import { readDuration } from '../durations.ts';
import { AppError, attempt } from '../errors.ts';
import { httpPortOf } from '../http-port.ts';
import { VISIBLE_TOKENS } from '../misused.ts';
import { TABLE } from '../options.ts';
import { escapeHidden } from '../policy/call.ts';
import { type PolicyConfig, readPolicyConfig } from '../policy/config.ts';
import { isObject } from '../protocol.ts';
import { detectScreenLock } from '../screen/screen.ts';
import { findFormats } from '../secrets-formats.ts';
import { configFileOf, type Settings } from '../settings.ts';
import { homeOf } from '../state.ts';
import type { Said } from '../types.ts';
import { VERSION } from '../version.ts';
import { daemonFacts, statusOf } from './doctor-daemon.ts';
import { askSlack, type SlackQuestions } from './doctor-slack.ts';
import { appOf } from './status.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const MASK = '[masked]';
/** For a config that cannot be read: the defaults of the table of options. */
const DEADLINE_MS = 570_000;

/** Exit code 0 when nothing fails. Starts no daemon, and changes no file. */
export async function runDoctor(
  flags: Readonly<Record<string, string | true>>,
  getSettings: () => Settings,
  env: Environment,
): Promise<Said> {
  const settings = attempt(getSettings);
  const cwd = attempt(() => process.cwd());
  // A directory that was removed has no settings either.
  const found = findHooks({
    ...{ home: homeOf(env), cwd: typeof cwd === 'string' ? cwd : '/', platform: process.platform, env },
  });
  const file = attempt(() => configFileOf(flags, env));
  const config = configFacts(settings, typeof file === 'string' ? file : '', found, env);
  const app = settings instanceof AppError ? undefined : appOf(settings, env);
  const status = await statusOf(app, env);
  const daemon = daemonFacts(app, env, status);
  const probe = createProbe(homeOf(env), env.PATH);
  const checks = [
    ...checkProgram(programFacts()),
    ...checkConfig(config.facts),
    ...(await slackChecks(settings, {
      approvers: config.approvers,
      env,
      daemon: status,
      isQuick: flags.quick === true,
    })),
    ...checkDaemon(daemon),
    ...checkHooks({ found, home: homeOf(env), probe, ...timesOf(settings), httpPorts: httpPortsOf(settings, daemon) }),
    ...checkMachine(await machineFacts(settings, env)),
  ];
  const show = createShow(settings, env);
  const print = flags.json === true ? asJson : printed;
  return { stdout: print(checks, show), stderr: '', exitCode: exitCodeOf(checks) };
}

async function slackChecks(
  settings: Settings | AppError,
  questions: Omit<SlackQuestions, 'settings'>,
): Promise<readonly Check[]> {
  if (settings instanceof AppError)
    return [skipped('tokens', 'tokens and Slack: not looked at, because the settings cannot be used')];
  const { tokens, slack } = await askSlack({ settings, ...questions });
  return [...checkTokens(tokens), ...checkSlack(slack)];
}

/** By the config file, and of the daemon that runs. */
function httpPortsOf(settings: Settings | AppError, { running }: DaemonFacts): readonly number[] {
  const configured = settings instanceof AppError ? undefined : attempt(() => httpPortOf(settings));
  const used = typeof running === 'string' || running instanceof AppError ? undefined : running.http?.port;
  return [configured, used].filter((port) => typeof port === 'number');
}

function programFacts(): ProgramFacts {
  const runtime = attempt(() => checkRuntime());
  const isCompiled = Bun.main.startsWith('/$bunfs/');
  return {
    ...{ version: VERSION, bun: process.versions.bun, isCompiled, path: isCompiled ? process.execPath : Bun.main },
    runtime: runtime instanceof AppError ? runtime : undefined,
  };
}

/** The file's own part of the settings, and everybody whom it names. */
function configFacts(
  settings: Settings | AppError,
  file: string,
  found: FoundHooks,
  env: Environment,
): { readonly facts: ConfigFacts; readonly approvers: readonly string[] } {
  const isUsable = !(settings instanceof AppError);
  const isThere = file !== '' && existsSync(file);
  const content = isThere && isUsable ? attempt((): unknown => JSON.parse(readFileSync(file, 'utf8'))) : undefined;
  const policy = content === undefined ? undefined : attempt(() => readPolicyConfig(content, file));
  const names = TABLE.flatMap(({ env: name, key }) => (name === undefined || key === undefined ? [] : [{ name, key }]));
  const isInFile = (key: string): boolean => isObject(content) && Object.hasOwn(content, key);
  const set = names.filter(({ name }) => env[name] !== undefined && env[name] !== '');
  const claude = found.agents.find(({ agent }) => agent === 'claude');
  const given = names.flatMap(({ name, key }) =>
    claude === undefined
      ? []
      : projectVariables(claude, [name]).map((variable) => ({ ...variable, isBeaten: isInFile(key) })),
  );
  const policyOf = policy instanceof AppError ? undefined : policy;
  return {
    facts: {
      ...{ file, isThere, settings: isUsable ? portError(settings) : settings },
      policy: policy instanceof AppError ? policy : undefined,
      rules: policyOf?.rules.length ?? 0,
      fromEnvironment: isUsable ? set.filter(({ key }) => !isInFile(key)).map(({ name }) => name) : [],
      beaten: set.filter(({ key }) => isInFile(key)).map(({ name }) => name),
      fromProject: isUsable ? given : [],
      visible: isUsable && settings.areTokensVisible ? VISIBLE_TOKENS : undefined,
    },
    approvers: [...new Set([...(isUsable ? settings.approvers : []), ...namedBy(policyOf)])],
  };
}

/** Only the daemon looks at the port, and does not start with a wrong one. */
function portError(settings: Settings): AppError | undefined {
  const port = attempt(() => httpPortOf(settings));
  return port instanceof AppError ? port : undefined;
}

function namedBy(policy: PolicyConfig | undefined): readonly string[] {
  return policy?.approvers.flatMap(({ userId }) => userId) ?? [];
}

function timesOf(settings: Settings | AppError) {
  const isUsable = !(settings instanceof AppError);
  return {
    deadlineMs: isUsable ? settings.deadlineMs : DEADLINE_MS,
    stopReplyMs: isUsable ? settings.stopReplyMs : undefined,
    toMs: readDuration,
  };
}

async function machineFacts(settings: Settings | AppError, env: Environment) {
  const { lockCommand, onlyScreenLock } = settings instanceof AppError ? {} : settings;
  const screen = await detectScreenLock({ env, ...(lockCommand === undefined ? {} : { lockCommand }) });
  return { screen, isScreenAsked: onlyScreenLock === true, descriptors: raiseDescriptors() };
}

/**
 * Nothing secret, and nothing that a terminal would act on. The tokens are known, others have a form of their own; what
 * may hide a secret by where it stands, such as a hook's command, has been masked whole already.
 */
function createShow(settings: Settings | AppError, env: Environment): (text: string) => string {
  const { botToken, appToken } = settings instanceof AppError ? {} : settings;
  const known = [botToken, appToken, env.SLACK_BOT_TOKEN, env.SLACK_APP_TOKEN].filter((token) => token !== undefined);
  return (text) => {
    const open = known.filter((token) => token.length >= 8).reduce((left, token) => left.replaceAll(token, MASK), text);
    const parts = findFormats(open).reduceRight(
      (left, { start, end }) => `${left.slice(0, start)}${MASK}${left.slice(end)}`,
      open,
    );
    return escapeHidden(parts);
  };
}
