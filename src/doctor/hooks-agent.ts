/** What can be wrong with our hooks in any agent: files, programs, times, and hooks that are there twice. */

import { flagValue } from '../hook-command.ts';
import { type Check, fail, ok, skipped, warn } from './check.ts';
import { type HookAgent, type HookEntry, readEntries } from './hook-entries.ts';
import type { ProgramState } from './hook-program.ts';
import type { FoundAgent } from './hook-sources.ts';
import { listed, quoted } from './outside.ts';

/** What an agent calls things. */
export interface AgentWords {
  readonly name: string;
  /** Events at which our hook asks. */
  readonly gates: readonly string[];
  readonly unitMs: number;
  readonly unit: string;
  /** In its unit, for a hook that has none; undefined where nobody has measured it. */
  readonly defaultTimeout: number | undefined;
}

export interface HookContext {
  readonly home: string;
  /** How long a hook waits for a person when its command does not say. */
  readonly deadlineMs: number;
  /** How long it waits for a reply when the agent has stopped; undefined: not at all. */
  readonly stopReplyMs: number | undefined;
  /** Where a daemon takes requests over HTTP, or would by the config file. */
  readonly httpPorts: readonly number[];
  /** A time as the command line takes it, in milliseconds. */
  readonly toMs: (text: string) => number | undefined;
  /** Whether a hook could start this program. */
  readonly probe: (program: string) => ProgramState;
}

/** The agent's own timer must not end before ours has said so. */
const ROOM_MS = 30_000;
const STOPS: ReadonlySet<string> = new Set(['Stop', 'AfterAgent']);

/** The agent's summary first, then what is wrong. */
export function checkAgent(found: FoundAgent, words: AgentWords, context: HookContext): readonly Check[] {
  const read = found.sources.map((source) => readEntries(found.agent, source));
  const entries = read.flatMap((each) => each.entries);
  const ours = entries.filter(({ isOurs }) => isOurs);
  return [
    ...summary(found.agent, ours, words, context),
    ...fileChecks(found, words, context),
    ...programCheck(found.agent, ours, words, context),
    ...timeoutChecks(found.agent, ours, words, context),
    ...duplicateCheck(found.agent, ours, words, context),
    ...othersCheck(found.agent, entries, words),
  ];
}

/** `~/.claude/settings.json` */
export function shortPath(path: string, home: string): string {
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}

/** Each once. */
export function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

function summary(
  agent: HookAgent,
  ours: readonly HookEntry[],
  { name, gates }: AgentWords,
  { home }: HookContext,
): readonly Check[] {
  if (ours.length === 0) return [skipped(agent, `${name}: is here, without a hook of ours`)];
  const asking = ours.filter(({ event, isObserver }) => gates.includes(event) && !isObserver);
  const paths = listed(unique(ours.map(({ source }) => shortPath(source.path, home))));
  const details = ours.map(
    ({ event, matcher, text, source }) => `${event} (${matcher}) in ${source.path}: ${quoted(text)}`,
  );
  if (asking.length === 0) {
    return [
      warn(
        agent,
        `${name}: the hooks in ${paths} ask nothing`,
        `Add the command without --observe under ${gates.join(' or ')}.`,
        details,
      ),
    ];
  }
  const asked = unique(
    asking.map(({ event, matcher }) => (matcher === '*' ? event : `${event} for ${quoted(matcher)}`)),
  );
  return [
    ok(agent, `${name}: asks at ${listed(asked, 4)}, as ${paths} ${paths.includes(' and ') ? 'say' : 'says'}`, details),
  ];
}

function fileChecks({ agent, sources }: FoundAgent, { name }: AgentWords, { home }: HookContext): readonly Check[] {
  return sources.flatMap((source): readonly Check[] => {
    const path = shortPath(source.path, home);
    if (source.file.state === 'broken')
      return [
        fail(
          `${agent}-settings`,
          `${name}: ${path} cannot be used: ${source.file.why}`,
          `Mend ${path}; until then its hooks do not run.`,
        ),
      ];
    const { problems } = readEntries(agent, source);
    if (problems.length === 0) return [];
    const what = listed(unique(problems).map(escapeName));
    return [
      warn(
        `${agent}-settings`,
        `${name}: in ${path}, ${what}`,
        `Give the hooks in ${path} the form that ${name} documents.`,
      ),
    ];
  });
}

/** The name of an event in a file may be any text. */
function escapeName(problem: string): string {
  return problem.length > 120 ? `${problem.slice(0, 120)}…` : problem;
}

const WHY: Readonly<Record<Exclude<ProgramState, 'runs'>, string>> = {
  missing: 'is not there',
  'not-executable': 'cannot be executed',
  relative: 'is looked for in whatever directory the agent works in',
};

function programCheck(
  agent: HookAgent,
  ours: readonly HookEntry[],
  { name }: AgentWords,
  { probe, home }: HookContext,
): readonly Check[] {
  const programs = unique(ours.flatMap(({ command }) => (command?.program === undefined ? [] : [command.program])));
  const bad = programs.flatMap((program) => {
    const state = probe(program);
    return state === 'runs' ? [] : [{ program, state }];
  });
  const [first] = bad;
  if (first === undefined) return [];
  const where = ours.find(({ command }) => command?.program === first.program)?.source.path ?? '';
  const what = listed(bad.map(({ program, state }) => `${quoted(program)} ${WHY[state]}`));
  return [
    fail(
      `${agent}-program`,
      `${name}: ${what}`,
      `Write the absolute path of the program into ${shortPath(where, home)}; without it the hook fails and the agent goes on.`,
    ),
  ];
}

function timeoutChecks(
  agent: HookAgent,
  ours: readonly HookEntry[],
  words: AgentWords,
  context: HookContext,
): readonly Check[] {
  const { name, unit, unitMs, defaultTimeout } = words;
  const judged = ours.flatMap((entry) => {
    const neededMs = neededBy(entry, words, context);
    if (neededMs === undefined) return [];
    const timeout = entry.timeout ?? defaultTimeout;
    if (timeout === undefined) return [{ entry, neededMs, isKnown: false, what: 'no timeout' }];
    if (timeout !== 'wrong' && timeout * unitMs > neededMs) return [];
    const given = timeout === 'wrong' ? 'a timeout that is no number' : `a timeout of ${timeout} ${unit}`;
    return [{ entry, neededMs, isKnown: true, what: entry.timeout === undefined ? `${given} (the default)` : given }];
  });
  return [true, false].flatMap((isKnown): readonly Check[] => {
    const these = judged.filter((each) => each.isKnown === isKnown);
    const [first] = these;
    if (first === undefined) return [];
    const id = `${agent}-timeout`;
    const neededMs = Math.max(...these.map((each) => each.neededMs));
    const places = unique(these.map(({ entry, what }) => `${entry.event} has ${what}`));
    const what = `${name}: ${listed(places)}, but the hook waits ${neededMs / 1000} s`;
    const wanted = Math.ceil((neededMs + ROOM_MS) / unitMs);
    const fix = `Set "timeout": ${wanted} for it in ${shortPath(first.entry.source.path, context.home)}, or give a shorter --deadline.`;
    return [isKnown ? fail(id, what, fix) : warn(id, what, fix)];
  });
}

/** How long the agent must leave a hook alone, in milliseconds; undefined for one that does not wait. */
function neededBy(
  { event, isObserver, command }: HookEntry,
  { gates }: AgentWords,
  { deadlineMs, stopReplyMs, toMs }: HookContext,
): number | undefined {
  if (isObserver) return undefined;
  const given = (name: string): number | undefined => {
    const text = flagValue(command?.words ?? [], name);
    return text === undefined ? undefined : toMs(text);
  };
  if (gates.includes(event)) return given('deadline') ?? deadlineMs;
  return STOPS.has(event) ? (given('stop-reply') ?? stopReplyMs) : undefined;
}

function duplicateCheck(
  agent: HookAgent,
  ours: readonly HookEntry[],
  { name }: AgentWords,
  { home }: HookContext,
): readonly Check[] {
  const twice = ours.filter((entry, index) => ours.slice(0, index).some((earlier) => isSame(earlier, entry)));
  const [first] = twice;
  if (first === undefined) return [];
  const events = listed(unique(twice.map(({ event }) => event)), 6);
  const paths = unique(
    ours
      .filter((entry) => twice.some((each) => each === entry || isSame(entry, each)))
      .map(({ source }) => shortPath(source.path, home)),
  );
  return [
    warn(
      `${agent}-duplicates`,
      `${name}: the hook is there more than once for ${events} (${listed(paths)}); one call may be asked about twice`,
      `Leave it in one place, such as ${paths[0]}.`,
    ),
  ];
}

function isSame(one: HookEntry, other: HookEntry): boolean {
  return one.event === other.event && one.isObserver === other.isObserver && overlap(one.matcher, other.matcher);
}

/** Of matchers that are lists of names; other expressions overlap when they are the same. */
function overlap(one: string, other: string): boolean {
  if ([one, other].some((matcher) => matcher === '*' || matcher === '.*') || one === other) return true;
  const names = new Set(one.split('|'));
  return other.split('|').some((name) => names.has(name));
}

function othersCheck(agent: HookAgent, entries: readonly HookEntry[], { name }: AgentWords): readonly Check[] {
  const atPreTool = entries.filter(({ event }) => event === 'PreToolUse');
  if (!atPreTool.some(({ isOurs, isObserver }) => isOurs && !isObserver)) return [];
  const others = atPreTool.filter(({ isOurs }) => !isOurs);
  if (others.length === 0) return [];
  return [
    warn(
      `${agent}-others`,
      `${name}: other hooks at PreToolUse (${listed(unique(others.map(({ text }) => quoted(text))))}); where one of them changes the input, what you approved may not be what runs`,
      'Give them matchers of other tools, or make sure that they change no input.',
    ),
  ];
}
