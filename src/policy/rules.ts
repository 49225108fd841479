/** Rules of the config: whether one fires for a call, and why not. */

import { isLiteral, matchesWildcard, type Strictness } from '../wildcard.ts';
import { concernsCommand, permitsCommand, permitsUrl, urlTexts } from './arguments.ts';
import { type Call, FILE_FIELDS, quote } from './call.ts';
import type { Argument, Conditions, RuleConfig, RuleDecision } from './config.ts';
import { compileGlob } from './paths.ts';

/** What a rule decided. */
export interface Ruling {
  readonly decision: RuleDecision;
  /** The rule's name, or its number and what it is about. */
  readonly rule: string;
  readonly reason?: string;
}

/** One rule, and what it makes of a call. */
export interface Explanation {
  readonly rule: string;
  readonly decision: RuleDecision;
  readonly fires: boolean;
  /** For people; what comes from the agent is quoted in it. */
  readonly why: string;
}

/** A rule made ready. */
export interface Rule {
  readonly label: string;
  readonly decision: RuleDecision;
  readonly reason?: string;
  /** Why it does not fire for a call; undefined when it does. */
  readonly objection: Objection;
  /** What fires it, for people. */
  readonly about: string;
}

/** Why conditions do not hold for a call, for people; undefined when they do. */
export type Objection = (call: Call) => string | undefined;

/** The field that an argument without a field's name is about. */
const MAIN_FIELDS: ReadonlyMap<string, string> = new Map([
  ['Bash', 'command'],
  ['WebFetch', 'url'],
  ['WebSearch', 'query'],
  ['Read', 'file_path'],
  ['Write', 'file_path'],
  ['Edit', 'file_path'],
  ['MultiEdit', 'file_path'],
  ['NotebookEdit', 'notebook_path'],
  ['Agent', 'prompt'],
  ['Task', 'prompt'],
]);

/** No rule has answers to questions. */
const QUESTIONS = 'AskUserQuestion';
/** What begins when a plan is approved is more than one call: a rule must mean it by its name. */
const PLAN = 'ExitPlanMode';

/** Makes rules ready. `home` is what `~` stands for. */
export function compileRules(rules: readonly RuleConfig[], home: string): readonly Rule[] {
  return rules.map((rule, index) => {
    const about = describe(rule);
    return {
      label: rule.name ?? `rule ${index + 1}: ${rule.decision} ${about}`,
      decision: rule.decision,
      about,
      ...(rule.reason === undefined ? {} : { reason: rule.reason }),
      objection: compileConditions(rule, rule.decision === 'allow' ? 'strict' : 'liberal', home),
    };
  });
}

/** Makes conditions ready: strict for what permits, liberal for what forbids. */
export function compileConditions(conditions: Conditions, strictness: Strictness, home: string): Objection {
  const { agent, tool, argument, path, project } = conditions;
  const objections: Objection[] = [];
  if (agent !== undefined) objections.push((call) => ifNot(call.agent === agent, `the agent is ${quote(call.agent)}`));
  if (tool !== undefined) objections.push(objectToTool(tool));
  if (project !== undefined) objections.push(objectToProject(project, strictness, home));
  if (path !== undefined) objections.push(objectToPath(path, strictness, home));
  if (argument !== undefined) objections.push((call) => objectToArgument(call, argument, strictness));
  if (strictness === 'strict') objections.push((call) => objectToPermitting(call, conditions));
  return (call) => {
    for (const objection of objections) {
      const why = objection(call);
      if (why !== undefined) return why;
    }
    return undefined;
  };
}

/** Every rule in order, and what it makes of a call; without a call none fires. */
export function explainRules(rules: readonly Rule[], call: Call | undefined): readonly Explanation[] {
  return rules.map(({ label, decision, about, objection }) => {
    const why = call === undefined ? 'the event is no tool call' : objection(call);
    return { rule: label, decision, fires: why === undefined, why: why ?? `all of it holds: ${about}` };
  });
}

/** The strictest rule that fires; among equals the first. */
export function firstRule(rules: readonly Rule[], call: Call): Rule | undefined {
  for (const decision of ['deny', 'ask', 'allow'] as const) {
    const found = rules.find((rule) => rule.decision === decision && rule.objection(call) === undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

function describe({ agent, tool, argument, path, project }: Conditions): string {
  const wanted =
    typeof argument === 'object' ? Object.entries(argument).map(([field, text]) => `${field}=${text}`) : [];
  return [
    tool?.join(' or ') ?? 'any tool',
    ...(typeof argument === 'string' ? [argument] : wanted),
    ...(path === undefined ? [] : [`on ${path}`]),
    ...(project === undefined ? [] : [`in ${project}`]),
    ...(agent === undefined ? [] : [`by ${agent}`]),
  ].join(' ');
}

function objectToTool(patterns: readonly string[]): Objection {
  return ({ tool }) =>
    ifNot(
      patterns.some((pattern) => matchesWildcard(pattern, tool, 'strict')),
      `the tool is ${quote(tool)}`,
    );
}

function objectToProject(project: string, strictness: Strictness, home: string): Objection {
  const glob = compileGlob(project, home);
  return ({ cwd }) => {
    const { written, real } = cwd();
    const where = `the directory ${quote(written[0] ?? '')}`;
    if (strictness === 'liberal') {
      return ifNot(glob.coversAny([...written, ...(real ?? [])]), `${where} is not in ${project}`);
    }
    if (!glob.coversAll(written)) return `${where} is not in ${project}`;
    return ifNot(real !== undefined && glob.coversAll(real), `${where} is really ${place(real)}, not in ${project}`);
  };
}

function objectToPath(path: string, strictness: Strictness, home: string): Objection {
  const glob = compileGlob(path, home);
  return (call) => {
    if (strictness === 'liberal') {
      const paths = call.files().flatMap(({ written, real }) => [...written, ...(real ?? [])]);
      return ifNot(glob.coversAny(paths), paths.length === 0 ? 'no file is named' : `no file is in ${path}`);
    }
    const file = call.file();
    if (file === undefined) return `${quote(call.tool)} is no tool that names one file`;
    if (!glob.coversAll(file.written)) return `the file ${quote(file.written[0] ?? '')} is not in ${path}`;
    return ifNot(
      file.real !== undefined && glob.coversAll(file.real),
      `the file ${quote(file.written[0] ?? '')} is really ${place(file.real)}, not in ${path}`,
    );
  };
}

function objectToArgument(call: Call, argument: Argument, strictness: Strictness): string | undefined {
  if (typeof argument === 'string') {
    const field = MAIN_FIELDS.get(call.tool);
    if (field !== undefined) return objectToField(call, field, argument, strictness);
    if (strictness === 'strict') return `${quote(call.tool)} has no main field: name the field in the argument`;
    return ifNot(
      matchesWildcard(argument, JSON.stringify(call.input), strictness),
      `the input does not match ${quote(argument)}`,
    );
  }
  for (const [field, pattern] of Object.entries(argument)) {
    const why = objectToField(call, field, pattern, strictness);
    if (why !== undefined) return why;
  }
  return undefined;
}

function objectToField(call: Call, field: string, pattern: string, strictness: Strictness): string | undefined {
  const value = Object.hasOwn(call.input, field) ? call.input[field] : undefined;
  if (value === undefined || value === null) return `there is no ${field}`;
  if (strictness === 'liberal') {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return ifNot(concernsField(call, field, pattern, text), `the ${field} does not match ${quote(pattern)}`);
  }
  if (typeof value === 'object') return `the ${field} is no text`;
  return objectToText(call, field, pattern, String(value));
}

function objectToText(call: Call, field: string, pattern: string, text: string): string | undefined {
  const mismatch = `the ${field} ${quote(text)} does not match ${quote(pattern)}`;
  if (field === 'command') {
    if (permitsCommand(pattern, text)) return undefined;
    return matchesWildcard(pattern, text, 'strict') ? NOT_SIMPLE : mismatch;
  }
  if (field === 'url' || pattern.includes('://')) return ifNot(permitsUrl(pattern, text), mismatch);
  if (FILE_FIELDS.get(call.tool) === field) {
    const file = call.file();
    const paths = [...(file?.written ?? []), ...(file?.real ?? [])];
    const isIn = file?.real !== undefined && paths.every((path) => matchesWildcard(pattern, path, 'strict'));
    return ifNot(isIn, `the ${field} ${quote(text)}, or where it leads, does not match ${quote(pattern)}`);
  }
  // Where another tool would look for it nobody knows, but upwards it must not go.
  if (/(^|[/\\])\.\.([/\\]|$)/.test(text) && !isLiteral(pattern)) return `the ${field} ${quote(text)} has ".." in it`;
  return ifNot(matchesWildcard(pattern, text, 'strict'), mismatch);
}

function concernsField(call: Call, field: string, pattern: string, text: string): boolean {
  if (field === 'command') return concernsCommand(pattern, call.command(text));
  const paths = call.files().flatMap(({ written, real }) => [...written, ...(real ?? [])]);
  const texts = /path$/.test(field) ? [text, ...paths] : urlTexts(text);
  return texts.some((each) => matchesWildcard(pattern, each, 'liberal'));
}

const NOT_SIMPLE = 'the command is not one simple command: it has an operator, an expansion or the like';

/** What no rule permits unless it says so itself. */
function objectToPermitting(call: Call, { tool, argument }: Conditions): string | undefined {
  if (call.tool === QUESTIONS) return 'questions take a person';
  if (call.tool === PLAN && tool?.includes(PLAN) !== true) return 'a plan takes a rule that names ExitPlanMode';
  if (call.tool !== 'Bash') return undefined;
  const isNamed = typeof argument === 'object' && Object.hasOwn(argument, 'dangerouslyDisableSandbox');
  // Claude Code's own field for a command that is to run outside its sandbox.
  if (call.input.dangerouslyDisableSandbox === true && !isNamed) return 'the command is to run outside the sandbox';
  const pattern = typeof argument === 'object' ? argument.command : argument;
  const { command } = call.input;
  return ifNot(typeof command === 'string' && permitsCommand(pattern ?? '*', command), NOT_SIMPLE);
}

function ifNot(isSo: boolean, why: string): string | undefined {
  return isSo ? undefined : why;
}

function place(real: readonly string[] | undefined): string {
  return real === undefined ? 'somewhere that cannot be found out' : real.map(quote).join(' or ');
}
