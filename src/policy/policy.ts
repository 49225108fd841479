/** The policy of the config file, as it is now: who is asked, how many must approve, and what is decided without asking. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { AppError, toAppError } from '../errors.ts';
import type { AgentName, HookInput, PermissionRule, PresenceRules } from '../types.ts';
import { type Call, readCall } from './call.ts';
import { type PolicyConfig, readPolicyConfig } from './config.ts';
import { compileGlob, locate, type PathGlob } from './paths.ts';
import { isRestricted } from './restrictions.ts';
import {
  compileConditions,
  compileRules,
  type Explanation,
  explainRules,
  firstRule,
  type Objection,
  type Rule,
  type Ruling,
} from './rules.ts';

/**
 * Every function throws AppError('bad-config' | 'config-mode') while the file is wrong, or gone after it was there: the
 * rules in it may forbid something.
 */
export interface Policy {
  /** Who may answer for a project, as Slack user ids, each of whom gets a card; undefined when the file does not say. */
  approversFor(cwd: string): readonly string[] | undefined;
  /** How many different people must approve. */
  needed(input: HookInput, agent: AgentName): 1 | 2;
  /** What is decided without asking, or that a person must be asked; undefined when no rule is about it. */
  rule(input: HookInput, agent: AgentName): Ruling | undefined;
  /** Every rule in the order of the file, and whether it fires. */
  explain(input: HookInput, agent: AgentName): readonly Explanation[];
  /** Whether the file denies, asks about, or wants two people for, some call of the tools that a rule of the agent's own is about. */
  restricts(rule: PermissionRule): boolean;
  maskRules(): readonly { readonly name: string; readonly pattern: string }[];
  /** When people are asked; undefined: at once. */
  presence(): PresenceRules | undefined;
  /** How long full files of the audit log are kept; undefined: for ever. */
  auditKeepDays(): number | undefined;
}

export interface PolicyOptions {
  readonly configFile: string;
  /** What `~` stands for: an absolute path. */
  readonly home: string;
  /** Reads an open file to its end. */
  readonly read?: (descriptor: number) => string;
}

/** The file made ready. */
interface Ready {
  readonly config: PolicyConfig;
  readonly approvers: readonly { readonly glob: PathGlob; readonly userId: readonly string[] }[];
  readonly secondApprover: readonly Objection[];
  readonly rules: readonly Rule[];
}

type Loaded = { readonly version: string } & ({ readonly ready: Ready } | { readonly error: AppError });

/** The file is looked at in every call and read again when it has changed; where there never was one nothing is decided. */
export function createPolicy({ configFile, home, read = (file) => readFileSync(file, 'utf8') }: PolicyOptions): Policy {
  const none = makeReady(readPolicyConfig({}, configFile), home);
  let loaded: Loaded | undefined;
  let wasThere = false;

  // Some editors move a file away before they write the new one: for that moment its rules must not be gone.
  const absent = (): Ready => {
    if (wasThere) throw gone(configFile);
    return none;
  };
  const current = (): Ready => {
    const status = lookAt(configFile);
    if (status === undefined) return absent();
    wasThere = true;
    checkStatus(status, configFile);
    if (loaded?.version !== versionOf(status)) loaded = load(configFile, home, read);
    if (loaded === undefined) return absent();
    if ('error' in loaded) throw loaded.error;
    return loaded.ready;
  };

  return {
    approversFor: (cwd) => approversFor(current(), cwd, home),
    needed: (input, agent) => neededFor(current(), readCall(input, agent, home)),
    rule: (input, agent) => rulingFor(current(), readCall(input, agent, home)),
    explain: (input, agent) => explanationsFor(current(), readCall(input, agent, home)),
    restricts: (rule) => isRestricted(rule, current().config),
    maskRules: () => current().config.mask,
    presence: () => current().config.presence,
    auditKeepDays: () => current().config.auditKeepDays,
  };
}

function approversFor({ approvers, config }: Ready, cwd: string, home: string): readonly string[] | undefined {
  const { written, real } = locate(cwd, cwd, home);
  const found = approvers.find(({ glob }) => glob.coversAny([...written, ...(real ?? [])]));
  return found?.userId ?? config.userId;
}

function neededFor({ secondApprover }: Ready, call: Call | undefined): 1 | 2 {
  return call !== undefined && secondApprover.some((objection) => objection(call) === undefined) ? 2 : 1;
}

function rulingFor(ready: Ready, call: Call | undefined): Ruling | undefined {
  const rule = call === undefined ? undefined : firstRule(ready.rules, call);
  // Where one person is not enough, none is not either.
  if (rule === undefined || (rule.decision === 'allow' && neededFor(ready, call) === 2)) return undefined;
  const { decision, label, reason } = rule;
  return { decision, rule: label, ...(reason === undefined ? {} : { reason }) };
}

function explanationsFor(ready: Ready, call: Call | undefined): readonly Explanation[] {
  const needsTwo = neededFor(ready, call) === 2;
  return explainRules(ready.rules, call).map((each) =>
    each.fires && each.decision === 'allow' && needsTwo
      ? { ...each, fires: false, why: 'two people must approve this call' }
      : each,
  );
}

function makeReady(config: PolicyConfig, home: string): Ready {
  return {
    config,
    approvers: config.approvers.map(({ project, userId }) => ({ glob: compileGlob(project, home), userId })),
    secondApprover: config.secondApprover.map((conditions) => compileConditions(conditions, 'liberal', home)),
    rules: compileRules(config.rules, home),
  };
}

function lookAt(file: string): Stats | undefined {
  try {
    return lstatSync(file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(file, error);
  }
}

function checkStatus(status: Stats, file: string): void {
  if (!status.isFile()) throw new AppError('bad-config', `Expected ${file} to be a regular file`);
  const uid = process.getuid?.();
  if (uid !== undefined && status.uid !== uid) {
    throw new AppError('config-mode', `Expected ${file} to belong to uid ${uid}, got uid ${status.uid}`);
  }
  if ((status.mode & 0o077) !== 0) {
    throw new AppError('config-mode', `Expected mode 0600 for ${file}, got 0${(status.mode & 0o7777).toString(8)}`, {
      hint: `Run: chmod 600 ${file}`,
    });
  }
}

/** With the time of the last change of any kind: the others can be set back. */
function versionOf({ mtimeMs, ctimeMs, size, ino, dev }: Stats): string {
  return [mtimeMs, ctimeMs, size, ino, dev].join(' ');
}

/** One file descriptor for the look and the reading, so that they are of the same file. Undefined when it is gone. */
function load(file: string, home: string, read: (descriptor: number) => string): Loaded | undefined {
  const descriptor = open(file);
  if (descriptor === undefined) return undefined;
  try {
    const status = fstatSync(descriptor);
    checkStatus(status, file);
    const version = versionOf(status);
    try {
      return { version, ready: makeReady(readPolicyConfig(parse(read(descriptor), file), file), home) };
    } catch (error) {
      return { version, error: toAppError(error) };
    }
  } finally {
    closeSync(descriptor);
  }
}

function open(file: string): number | undefined {
  try {
    // Not waiting: something else than a file may have been put there meanwhile.
    return openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(file, error);
  }
}

/** The engine's own message may hold a piece of the file, and with it of a token. */
function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new AppError('bad-config', `Expected ${file} to hold one JSON object, got something that is not JSON`);
  }
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function gone(file: string): AppError {
  return new AppError('bad-config', `Expected ${file} to be there as before, but it is gone`, {
    hint: `Put ${file} back, or run --stop to go on without it.`,
  });
}

function unreadable(file: string, cause: unknown): AppError {
  return new AppError('bad-config', `Expected to be able to read ${file}: ${(cause as Error).message}`, { cause });
}
