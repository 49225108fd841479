/** Is this the program that it should be, and how is it set up? */
import type { AppError } from '../errors.ts';
import { type Check, failure, isError, ok, skipped, warn } from './check.ts';
import { listed } from './outside.ts';

export interface ProgramFacts {
  readonly version: string;
  /** Of the runtime; undefined when it is not Bun. */
  readonly bun: string | undefined;
  /** Why this runtime cannot keep a connection. */
  readonly runtime: AppError | undefined;
  readonly isCompiled: boolean;
  /** The executable, or from source the entry. */
  readonly path: string;
}

export interface ConfigFacts {
  readonly file: string;
  readonly isThere: boolean;
  /** Why the settings cannot be had: the file's mode, its owner, its text, or a value. */
  readonly settings: AppError | undefined;
  /** Why the rules in it cannot be had. */
  readonly policy: AppError | undefined;
  /** How many rules it has. */
  readonly rules: number;
  /** Variables that say what the file does not: an agent's settings in a project can set them. */
  readonly fromEnvironment: readonly string[];
  /** Variables that are set and count for nothing, because the file says it. */
  readonly beaten: readonly string[];
  /** Variables that the agent's settings in this directory set. */
  readonly fromProject: readonly { readonly name: string; readonly path: string; readonly isBeaten: boolean }[];
  /** Tokens on the command line. */
  readonly visible: string | undefined;
}

/** Two lines: what it is, and what runs it. */
export function checkProgram({ version, bun, runtime, isCompiled, path }: ProgramFacts): readonly Check[] {
  const how = isCompiled ? 'compiled' : 'from source';
  const program = ok('program', `program: version ${version}, ${how}, ${path}`);
  if (runtime !== undefined) return [program, failure('runtime', 'runtime', runtime)];
  return [program, ok('runtime', `runtime: Bun ${bun ?? 'unknown'}`)];
}

/** The file, the rules in it, and who else has a say. */
export function checkConfig(facts: ConfigFacts): readonly Check[] {
  const { file, isThere, settings, policy, fromEnvironment, beaten, fromProject, visible } = facts;
  const them = fromEnvironment.length === 1 ? 'it' : 'them';
  const winning = fromProject.filter(({ isBeaten }) => !isBeaten);
  return [
    fileCheck(facts),
    settings !== undefined || !isThere
      ? skipped(
          'policy',
          `policy: ${isThere ? 'the config file cannot be used' : 'there is no config file, so no rule'}`,
        )
      : isError(policy)
        ? failure('policy', 'policy', policy)
        : ok('policy', `policy: ${facts.rules} rule${facts.rules === 1 ? '' : 's'}`),
    // Without a file the line about it says so.
    ...(fromEnvironment.length === 0 || !isThere
      ? []
      : [
          warn(
            'environment',
            `environment: says ${listed(fromEnvironment, 5)}, the config file does not; a project's agent settings can set ${them}, too`,
            `Put ${them} into ${file}: the file beats the environment.`,
          ),
        ]),
    ...(beaten.length === 0
      ? []
      : [ok('environment-beaten', `environment: ${listed(beaten, 5)} set, but the config file says it`)]),
    ...winning.map(({ name, path }) =>
      warn(
        'project-environment',
        `environment: ${path} sets ${name}, and the config file does not say it: the project decides`,
        `Put it into ${file}, or remove it from ${path}.`,
      ),
    ),
    ...fromProject
      .filter(({ isBeaten }) => isBeaten)
      .map(({ name, path }) =>
        ok('project-environment', `environment: ${path} sets ${name} in vain, the config file says it`),
      ),
    ...(visible === undefined
      ? []
      : [warn('visible-tokens', `tokens: ${visible}`, `Put the tokens into ${file}, mode 0600.`)]),
  ];
}

function fileCheck({ file, isThere, settings, fromEnvironment }: ConfigFacts): Check {
  if (settings !== undefined) return failure('config', 'config file', settings);
  if (!isThere) {
    return warn(
      'config',
      `config file: there is none at ${file}${fromEnvironment.length === 0 ? '' : `; a project's agent settings can set ${listed(fromEnvironment, 5)}, too`}`,
      `Run claude-slack-hook setup, or write botToken, appToken and userId into ${file}, mode 0600.`,
    );
  }
  return ok('config', `config file: ${file}, private and readable`);
}
