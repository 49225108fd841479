/**
 * The hook: one document from stdin, one decision from the daemon, one document to stdout. This is the one place of
 * the failure policy: whatever goes wrong ends in the failure answer of the event, never in a silent allow.
 */
import { claude } from './agents/claude.ts';
import { recognise } from './agents/recognise.ts';
import { appFingerprint, appKey, type Connection, connectOrStart, type LaunchOptions, type Wanted } from './daemon.ts';
import { secretsIn } from './environment-secrets.ts';
import { AppError, explain, knownCode, oneLine, toAppError } from './errors.ts';
import { fileStatus } from './file-status.ts';
import type { ParsedArgv } from './options.ts';
import { type Patience, patienceUntil } from './patience.ts';
import { encodeRequest, MAX_INPUT_BYTES, PROTOCOL_VERSION, type Reply, readReply } from './protocol.ts';
import { failurePolicy, type Settings } from './settings.ts';
import { appPaths } from './state.ts';
import { readDocument, salvageTopLevel } from './stdin.ts';
import type { Agent, AgentName, FailurePolicy, HookInput, Outcome, Said, Undecided } from './types.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Everything before the request is sent, together, takes no longer than this. */
export const PREPARE_MS = 1_500;
/** The daemon ends a request at its deadline; this much later the client stops trusting it to. */
const BACKSTOP_MS = 1_000;
/** Once a request was sent, the next daemon may take longer to come up: the agent waits for a person anyway. */
const AGAIN_MS = 5_000;
/** So many daemons one after the other that end before they answer are no accident. */
const MAX_DAEMONS = 5;
/** It ended, or was about to. */
const LEFT_BY_DAEMON: ReadonlySet<string> = new Set(['daemon-gone', 'daemon-stopping']);
/** An answer that takes longer is waited for, and the wait looked after. */
const WATCH_AFTER_MS = 10;
/** Beyond this a JavaScript timer fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Tools whose card shows lines of the file on disk. */
const SHOWS_FILE = /^(Multi|Notebook)?Edit$|^Write$/;

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
    if (settings.onlyScreenLock && !(await isAway(input, settings, env))) return NOTHING;
    const isStop = offers.form === 'stop';
    const outcome = await decideAtLast({ agent: agent.name, input, isStop, getSettings, flags, env });
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
  if (name === 'claude') return claude;
  const { AGENTS } = await import('./agents/agent.ts');
  if (typeof name === 'string' && Object.hasOwn(AGENTS, name)) return AGENTS[name as AgentName];
  throw new AppError('usage', `Expected --agent to be one of ${Object.keys(AGENTS).join(', ')}, got ${String(name)}`);
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

/** See `mustAsk` in screen/must-ask.ts. */
async function isAway(input: HookInput, settings: Settings, env: Environment): Promise<boolean> {
  const { mustAsk } = await import('./screen/must-ask.ts');
  return mustAsk(input, settings, env, async (text) => (await import('./client-log.ts')).logLine(env, text));
}

interface Question {
  readonly agent: AgentName;
  readonly input: HookInput;
  /** Of an agent that has stopped, and may be sent on. */
  readonly isStop: boolean;
  readonly getSettings: () => Settings;
  readonly flags: ParsedArgv['flags'];
  readonly env: Environment;
}

/**
 * A daemon that ends before it has answered has left the request to the next one, which knows it by its id. The settings
 * are read again each time: they may be why there is another daemon.
 */
async function decideAtLast(question: Question): Promise<Outcome | undefined> {
  const id = Bun.randomUUIDv7();
  let patience = patienceUntil(PREPARE_MS);
  for (let left = MAX_DAEMONS; ; left -= 1) {
    try {
      return await decide(question, id, patience);
    } catch (error) {
      const isLeft = error instanceof AppError && LEFT_BY_DAEMON.has(error.code);
      if (left === 1 || !isLeft || wasStopped(question)) throw error;
      patience = patienceUntil(performance.now() + AGAIN_MS);
    }
  }
}

/** Whether the daemon was killed by `--stop`. */
function wasStopped({ getSettings, env }: Question): boolean {
  const wanted = wantedIfAny(getSettings, env);
  return wanted === undefined || fileStatus(wanted.paths.stopped) !== undefined;
}

/** Who waits for a daemon of this app; undefined while the settings do not say which that is. */
function wantedIfAny(getSettings: () => Settings, env: Environment): Wanted | undefined {
  try {
    return wantedBy(getSettings(), env);
  } catch {
    return undefined;
  }
}

/** Which daemon a program with these settings looks for. Throws AppError('missing-config'). */
export function wantedBy({ botToken, appToken, apiUrl, configFile }: Settings, env: Environment): Wanted {
  if (botToken === undefined) throw new AppError('missing-config', 'Expected a Slack bot token, got none');
  if (appToken === undefined) throw new AppError('missing-config', 'Expected a Slack app token, got none');
  return {
    paths: appPaths(env, appKey(appToken, apiUrl)),
    app: appFingerprint({ botToken, appToken, apiUrl, configFile }),
  };
}

/** Sends the request and waits for its outcome; undefined when the agent is gone. Rejects with an AppError when there is none to be had. */
async function decide(question: Question, id: string, patience: Patience): Promise<Outcome | undefined> {
  const { agent, input, getSettings, flags, env } = question;
  const settings = getSettings();
  const { approvers, callersApprovers, isConfigAsked } = settings;
  const wanted = wantedBy(settings, env);
  if (approvers.length === 0 && !isConfigAsked)
    throw new AppError('missing-config', 'Expected a Slack user id to ask, got none');

  const json = JSON.stringify(input);
  if (Buffer.byteLength(json) > settings.maxInputBytes)
    throw new AppError('input-too-large', `Expected a hook input of at most ${settings.maxInputBytes} bytes, got more`);
  const reply = Promise.withResolvers<Reply | undefined>();
  const pulse = { heardAt: 0 };
  const onLine = (line: string): void => {
    try {
      const heard = readReply(line);
      pulse.heardAt = performance.now();
      if (heard.type !== 'beat') reply.resolve(heard);
    } catch (error) {
      reply.reject(error);
    }
  };
  const onClose = (): void => reply.reject(new AppError('daemon-gone', 'The daemon ended before anybody decided'));
  // A rejection may come before anybody awaits it.
  reply.promise.catch(() => {});

  const launchWith = async (): Promise<LaunchOptions> => {
    const { daemonArguments, daemonEnvironment } = await import('./daemon-environment.ts');
    return { env: daemonEnvironment(settings, env), args: daemonArguments(flags) };
  };
  const events = { onLine, onBroken: reply.reject, onClose };
  const connection: Connection = await connectOrStart(wanted, launchWith, patience, events);
  // The agent started its clock when it started this process; so do we.
  const waitMs = Math.max(1, Math.round(waitOf(question, settings) - performance.now()));
  const note = {
    ...{ protocol: PROTOCOL_VERSION, agent, id, waitMs, app: wanted.app, beats: true },
    ...{ approvers: callersApprovers, isConfigFirst: isConfigAsked },
  };
  // Of a file that is changed the card shows more than the input holds.
  const secrets = secretsIn(SHOWS_FILE.test(input.tool_name ?? '') ? undefined : json, env);
  connection.send(encodeRequest(json, { ...note, secrets }));
  pulse.heardAt = performance.now();
  const timer = setTimeout(
    () => {
      reply.reject(new AppError('daemon-timeout', 'The daemon did not answer before the deadline'));
    },
    Math.min(waitMs + BACKSTOP_MS, MAX_TIMER_MS),
  );
  let stopWatching = (): void => {};
  const watching = setTimeout(() => {
    const watch = {
      pulse,
      onSilent: () => reply.reject(new AppError('daemon-timeout', 'The daemon has hung: it was not heard of for 5 s')),
      onOrphan: () => reply.resolve(undefined),
    };
    // Whatever is wrong with the watch is no reason not to wait.
    import('./waiting.ts').then(
      ({ watchOver }) => {
        stopWatching = watchOver(watch);
      },
      () => {},
    );
  }, WATCH_AFTER_MS);
  try {
    const answer = await reply.promise;
    if (answer === undefined) return undefined;
    if (answer.type === 'outcome') return answer.outcome;
    if (answer.type === 'error')
      throw new AppError(knownCode(answer.code, 'protocol'), answer.message, { hint: answer.hint });
    throw new AppError('protocol', `Expected an outcome, got ${answer.type}`);
  } finally {
    clearTimeout(timer);
    clearTimeout(watching);
    stopWatching();
    connection.close();
  }
}

/** A stop waits for a reply as long as the person wants it to, but no longer than anything else. */
function waitOf({ isStop }: Question, { deadlineMs, stopReplyMs }: Settings): number {
  return isStop ? Math.min(deadlineMs, stopReplyMs ?? 0) : deadlineMs;
}
