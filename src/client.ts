/**
 * The hook: one document from stdin, one decision from the daemon, one document to stdout. This is the one place of
 * the failure policy: whatever goes wrong ends in the failure answer of the event, never in a silent allow.
 */
import { claude } from './agents/claude.ts';
import { recognise } from './agents/recognise.ts';
import { askDaemon, PREPARE_MS, wantedIfAny } from './asking.ts';
import { AppError, explain, knownCode, oneLine, toAppError } from './errors.ts';
import type { ParsedArgv } from './options.ts';
import { MAX_INPUT_BYTES } from './protocol.ts';
import type { Person, PersonOptions } from './screen/presence.ts';
import { failurePolicy, type Settings } from './settings.ts';
import { readDocument, salvageTopLevel } from './stdin.ts';
import type { Agent, FailurePolicy, HookInput, Outcome, Said, Undecided } from './types.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const NOTHING: Said = { stdout: '', stderr: '', exitCode: 0 };

/** A stop by the agent (Esc) or the terminal blocks a PreToolUse: nobody has decided. */
export const STOPPED: Said = { stdout: '', stderr: 'claude-slack-hook: stopped before anybody decided\n', exitCode: 2 };

export interface HookOptions {
  readonly flags: ParsedArgv['flags'];
  readonly env: Environment;
  /** Called only when an answer is needed: a broken config must not cost the events that need none. */
  readonly getSettings: () => Settings;
  /** Changes what a signal makes the process say; until called it is STOPPED. */
  readonly onStopSay: (said: Said) => void;
}

/** Runs the hook and returns what to print. Never rejects. */
export async function runHook({ flags, env, getSettings, onStopSay }: HookOptions): Promise<Said> {
  const document = await readDocument(() => maxInputOf(getSettings), PREPARE_MS - performance.now());
  const known = document.ok ? strings(document.value) : salvaged(document.text);
  let agent: Agent | undefined;
  let input: HookInput;
  try {
    agent = await agentOf(flags, known);
    if (!document.ok) throw document.error;
    input = agent.read(document.value);
  } catch (error) {
    return sayBroken(agent, known, toAppError(error), failurePolicy(flags, env));
  }
  const offers = flags.observe === true ? undefined : agent.offers(input);
  if (offers === undefined || (offers.form === 'stop' && !isReplyWanted(getSettings))) {
    const { WITNESSES } = await import('./agents/evidence.ts');
    if (WITNESSES[agent.name].evidence(input) !== undefined) {
      const wanted = wantedIfAny(getSettings, env);
      if (wanted !== undefined) {
        const { observe } = await import('./observe.ts');
        await observe(agent.name, input, wanted, env);
      }
    }
    return NOTHING;
  }
  // Exit 2 blocks what has no dialog: that of a PermissionRequest stays on the screen, and a Stop must not go on.
  const hasDialog = offers.form === 'stop' || offers.prompt === true || input.hook_event_name === 'PermissionRequest';
  const stopped = hasDialog ? NOTHING : STOPPED;
  onStopSay(stopped);

  let onFailure: FailurePolicy | undefined;
  try {
    const settings = getSettings();
    onFailure = settings.onFailure;
    const person = await personAt({ settings, env, input, offers, hasDialog });
    if (person?.isLeft) return NOTHING;
    const isStop = offers.form === 'stop';
    const outcome = await askDaemon({ agent: agent.name, input, isStop, person, settings, getSettings, flags, env });
    if (outcome === undefined) return stopped;
    if (outcome.kind === 'undeliverable') throw appErrorOf(outcome);
    return agent.say(input, outcome, onFailure);
  } catch (error) {
    const failure = toAppError(error);
    const said = agent.say(input, undecided(failure), onFailure ?? failurePolicy(flags, env));
    // A wrong command line keeps its exit code, as an unknown flag does.
    const exitCode = failure.code === 'usage' ? failure.exitCode : said.exitCode;
    return { ...said, stderr: said.stderr + explain(failure), exitCode };
  }
}

/** Settings that cannot be had are told where an answer is needed. */
function maxInputOf(getSettings: () => Settings): number {
  try {
    return getSettings().maxInputBytes;
  } catch {
    return MAX_INPUT_BYTES;
  }
}

/** A config that cannot be read must not cost an event that may do without an answer. */
function isReplyWanted(getSettings: () => Settings): boolean {
  try {
    return getSettings().stopReplyMs !== undefined;
  } catch {
    return false;
  }
}

/** The dialect that the command names, else that of the payload. Throws AppError('usage' | 'bad-input'). */
export async function agentOf(
  { agent: named }: ParsedArgv['flags'],
  known: Readonly<Record<string, string>>,
): Promise<Agent> {
  const name = named ?? recognise(known);
  if (named === undefined && name === 'claude') return claude;
  const { agentNamed } = await import('./agents/named.ts');
  return agentNamed(String(name), known.hook_event_name);
}

/** The failure answer for input that is not a usable document: the event's own when that and the agent are known, else a block. */
export function sayBroken(
  agent: Agent | undefined,
  known: Readonly<Record<string, string>>,
  error: AppError,
  onFailure: FailurePolicy,
): Said {
  const event = known.hook_event_name;
  if (event === undefined || agent === undefined) {
    return { stdout: '', stderr: `claude-slack-hook: ${oneLine(error.message)} (${error.code})\n`, exitCode: 2 };
  }
  const input: HookInput = { ...known, hook_event_name: event, session_id: '', cwd: '' };
  const said = agent.say(input, undecided(error), onFailure);
  return { ...said, stderr: explain(error) };
}

/** What can be made out of a broken document. */
export function salvaged(text: string): Readonly<Record<string, string>> {
  return salvageTopLevel(text, ['hook_event_name', 'permission_mode', 'conversation_id', 'turn_id', 'prompt_id']);
}

/** The top-level values that are strings. */
export function strings(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** The daemon's reason, with the hint of its code. */
function appErrorOf({ reason, code = '' }: Undecided): AppError {
  return new AppError(knownCode(code, 'daemon-gone'), reason);
}

function undecided({ message, code }: AppError): Outcome {
  return { kind: 'undeliverable', reason: message, code, at: Date.now() };
}

/** Where the person is, where it matters. */
async function personAt(options: PersonOptions): Promise<Person | undefined> {
  const { onlyScreenLock, idleAfterMs } = options.settings;
  if (!onlyScreenLock && !idleAfterMs) return undefined;
  const { lookForPerson } = await import('./screen/presence.ts');
  const person = await lookForPerson(options);
  if (person.remark) (await import('./client-log.ts')).logLine(options.env, person.remark);
  return person;
}
