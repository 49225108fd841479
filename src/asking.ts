/** One request of the hook: to the daemon, and back with what came of it. */
import { appFingerprint, appKey, type Connection, connectOrStart, type LaunchOptions, type Wanted } from './daemon.ts';
import { secretsIn } from './environment-secrets.ts';
import { AppError, knownCode } from './errors.ts';
import type { ParsedArgv } from './options.ts';
import { type Patience, patienceUntil } from './patience.ts';
import { encodeRequest, PROTOCOL_VERSION, type Reply, readReply } from './protocol.ts';
import type { Settings } from './settings.ts';
import { appPaths } from './state.ts';
import type { AgentName, HookInput, Outcome } from './types.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Everything before the request is sent, together, takes no longer than this on a machine that has time for it. */
export const PREPARE_MS = 1_500;
/** The daemon ends a request at its deadline; this much later the client stops trusting it to. */
const BACKSTOP_MS = 1_000;
/** An answer that takes longer is waited for, and the wait looked after. */
const WATCH_AFTER_MS = 10;
/** Beyond this a JavaScript timer fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Tools whose card shows lines of the file on disk. */
const SHOWS_FILE = /^(Multi|Notebook)?Edit$|^Write$/;

/** Where the config file leaves a question to the terminal while somebody is there. */
export interface PersonThere {
  /** What the daemon is told with the question. */
  note(): { readonly isHere?: boolean };
  /** Sends the daemon a line when the person has left. Returns what ends that. */
  watch(requestId: string, send: (line: string) => void): () => void;
}

export interface Question {
  readonly agent: AgentName;
  readonly input: HookInput;
  /** Of an agent that has stopped, and may be sent on. */
  readonly isStop: boolean;
  readonly person: PersonThere | undefined;
  readonly settings: Settings;
  readonly getSettings: () => Settings;
  readonly flags: ParsedArgv['flags'];
  readonly env: Environment;
}

/** Asks, and asks again where a daemon ends before it has answered; undefined when the agent is gone. Rejects with an AppError when there is no outcome to be had. */
export async function askDaemon(question: Question): Promise<Outcome | undefined> {
  const id = Bun.randomUUIDv7();
  try {
    return await decide(question, { id, patience: patienceUntil(PREPARE_MS), isBack: false });
  } catch (error) {
    const { comeBack } = await import('./come-back.ts');
    return comeBack(question, id, error);
  }
}

export interface Attempt {
  /** The request's. */
  readonly id: string;
  readonly patience: Patience;
  /** An earlier daemon had the request. */
  readonly isBack: boolean;
}

/** Who waits for a daemon of this app; undefined while the settings do not say which that is. */
export function wantedIfAny(getSettings: () => Settings, env: Environment): Wanted | undefined {
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

/** Asks one daemon. */
export async function decide(question: Question, { id, patience, isBack }: Attempt): Promise<Outcome | undefined> {
  const { agent, input, person, settings, flags, env } = question;
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
    const { launchOptions } = await import('./daemon-environment.ts');
    return launchOptions(settings, flags, env);
  };
  const events = { onLine, onBroken: reply.reject, onClose };
  const connection: Connection = await connectOrStart(wanted, launchWith, { left: patience, isBack }, events);
  // The agent started its clock when it started this process; so do we.
  const waitMs = Math.max(1, Math.round(waitOf(question, settings) - performance.now()));
  const note = {
    ...{ protocol: PROTOCOL_VERSION, agent, id, waitMs, app: wanted.app, beats: true },
    ...{ approvers: callersApprovers, isConfigFirst: isConfigAsked, ...person?.note() },
  };
  // Of a file that is changed the card shows more than the input holds.
  const secrets = secretsIn(SHOWS_FILE.test(input.tool_name ?? '') ? undefined : json, env);
  connection.send(encodeRequest(json, { ...note, secrets }));
  pulse.heardAt = performance.now();
  const stopLooking = person?.watch(id, connection.send);
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
    stopLooking?.();
    connection.close();
  }
}

/** A stop waits for a reply as long as the person wants it to, but no longer than anything else. */
function waitOf({ isStop }: Question, { deadlineMs, stopReplyMs }: Settings): number {
  return isStop ? Math.min(deadlineMs, stopReplyMs ?? 0) : deadlineMs;
}
