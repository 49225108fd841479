/**
 * What became of a hook input that came over HTTP, as the daemon's own clients would have it: each one is a peer of
 * clients.ts that says one line and waits for one. Here a request can be made and an event told, and nothing decided.
 */
import { salvaged, sayBroken, strings } from './client.ts';
import type { Clients } from './clients.ts';
import { AppError, knownCode, toAppError } from './errors.ts';
import type { Peer } from './listener.ts';
import { toldOf } from './observe.ts';
import { encodeRequest, isObject, KEY, PROTOCOL_VERSION, type Reply, readReply } from './protocol.ts';
import { encodeEvent } from './protocol-daemon.ts';
import type { Settings } from './settings.ts';
import type { Document } from './stdin.ts';
import type { Agent, HookInput, Offers, Outcome, Said } from './types.ts';

/** What is answered over HTTP. `json` is the agent's own output, or why there is none. */
export interface HttpAnswer {
  readonly status: number;
  readonly json?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HttpDeskOptions {
  readonly clients: Pick<Clients, 'onLine' | 'onGone'>;
  readonly agent: Agent;
  /** Fingerprint of the daemon's Slack app. */
  readonly app: string;
  /** Its own token, which the agent has in its environment. */
  readonly token: string;
  readonly settings: Settings;
  /** Asked about every request: whether it goes to a person, or stays with the agent's own dialog. */
  readonly mustAsk: (input: HookInput, offers: Offers) => Promise<boolean>;
  /** Told of every input; resolves when it is on record, or cannot be. Never rejects. */
  readonly heard?: ((input: HookInput, secrets: readonly string[]) => Promise<void>) | undefined;
  /** How long an agent waits for that at most, in milliseconds; 2 s if not said otherwise. */
  readonly recordMs?: number;
}

export interface HttpDesk {
  /** Resolves when the input is answered, or the client is gone: a request of its own is then withdrawn. Never rejects. */
  answer(document: Document, gone: AbortSignal): Promise<HttpAnswer>;
  /** Withdraws everything that waits and answers it: a client of HTTP cannot come back to the next daemon. */
  close(): void;
}

/** The agent goes on as if there were no hook. */
const NO_DECISION: HttpAnswer = { status: 204 };
/** A database that is away must not hold up the agent after each of its calls. */
const RECORD_MS = 2_000;
/** What a peer is told that has nothing to wait for. */
const NOTHING = '{}\n';
const GONE: Reply = { type: 'error', code: 'daemon-gone', message: 'The client is gone', hint: '' };
const STOPPING: Reply = { type: 'error', code: 'daemon-stopping', message: 'The daemon is stopping', hint: '' };

export function createHttpDesk(options: HttpDeskOptions): HttpDesk {
  const { clients, agent, app, token, settings, mustAsk, heard, recordMs = RECORD_MS } = options;
  const held = new Map<Peer, (reply: Reply | undefined) => void>();

  const leave = (peer: Peer, reply: Reply): void => {
    const resolve = held.get(peer);
    if (resolve === undefined) return;
    held.delete(peer);
    clients.onGone(peer);
    resolve(reply);
  };
  /** Says a line and waits for the answer to it; undefined for one that says nothing. */
  const say = async (line: string, gone: AbortSignal): Promise<Reply | undefined> => {
    if (gone.aborted) return GONE;
    const { promise, resolve } = Promise.withResolvers<Reply | undefined>();
    const peer: Peer = {
      send: (text) => {
        if (held.delete(peer)) resolve(text === NOTHING ? undefined : readReply(text));
      },
      offer: () => {},
      end: () => {},
      setWaiting: () => {},
      isOverHttp: true,
    };
    held.set(peer, resolve);
    gone.addEventListener('abort', () => leave(peer, GONE), { once: true });
    clients.onLine(peer, line);
    return promise;
  };
  const ask = (input: HookInput, gone: AbortSignal): Promise<Reply | undefined> => {
    const json = JSON.stringify(input);
    const secrets = json.includes(token) ? [token] : [];
    const { deadlineMs: waitMs } = settings;
    const note = { protocol: PROTOCOL_VERSION, agent: agent.name, approvers: [], waitMs, app, secrets };
    return say(encodeRequest(json, note), gone);
  };
  const decide = async (input: HookInput, gone: AbortSignal): Promise<HttpAnswer> => {
    const offers = agent.offers(input);
    const recorded = heard?.(input, [token]);
    if (offers === undefined || offers.form === 'stop') {
      // First whoever may wait because of it: it can be what tells that a call was answered at the terminal.
      await say(encodeEvent(toldOf(input, [token]), agent.name), gone);
      await atMost(recordMs, recorded);
      return NO_DECISION;
    }
    if (!(await mustAsk(input, offers))) return NO_DECISION;
    const reply = await ask(input, gone);
    if (reply?.type === 'outcome' && reply.outcome.kind !== 'undeliverable') {
      return decided(agent.say(input, reply.outcome, settings.onFailure));
    }
    const failure = failureOf(reply);
    return failed(agent.say(input, undecided(failure), settings.onFailure), failure);
  };
  return {
    answer: async (document, gone) => {
      const known = document.ok ? strings(document.value) : salvaged(document.text);
      let input: HookInput;
      try {
        if (!document.ok) throw document.error;
        input = agent.read(plain(document.value));
      } catch (error) {
        const failure = toAppError(error);
        return failed(sayBroken(agent, known, failure, settings.onFailure), failure);
      }
      try {
        return await decide(input, gone);
      } catch (error) {
        const failure = toAppError(error);
        return failed(agent.say(input, undecided(failure), settings.onFailure), failure);
      }
    },
    close: () => {
      for (const peer of [...held.keys()]) leave(peer, STOPPING);
    },
  };
}

async function atMost(ms: number, work: Promise<void> | undefined): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, ms);
  await Promise.race([work, late.promise]);
  clearTimeout(timer);
}

/** What stands under our own key are commands to the daemon. */
function plain(value: unknown): unknown {
  if (isObject(value) && Object.hasOwn(value, KEY))
    throw new AppError('bad-input', `Expected a hook input without the key ${KEY}, got one`);
  return value;
}

function failureOf(reply: Reply | undefined): AppError {
  if (reply?.type === 'outcome' && reply.outcome.kind === 'undeliverable')
    return new AppError(knownCode(reply.outcome.code ?? '', 'daemon-gone'), reply.outcome.reason);
  if (reply?.type === 'error') return new AppError(knownCode(reply.code, 'protocol'), reply.message);
  return new AppError('protocol', `Expected an outcome, got ${reply?.type ?? 'nothing'}`);
}

function undecided({ message, code }: AppError): Outcome {
  return { kind: 'undeliverable', reason: message, code, at: Date.now() };
}

function decided({ stdout }: Said): HttpAnswer {
  return stdout === '' ? NO_DECISION : { status: 200, json: stdout };
}

/** In seconds: whoever is asked needs a while for what is pending. */
const RETRY_AFTER = '5';

/**
 * Where the agent's dialect has a failure answer, that; it is safer than none: of any other status Claude Code goes on by
 * its own rules, which may let the call run. Else the status says what was wrong.
 */
function failed(said: Said, { code, message, hint }: AppError): HttpAnswer {
  if (said.stdout !== '') return { status: 200, json: said.stdout };
  const json = `${JSON.stringify({ error: { code, message, hint } })}\n`;
  if (code === 'bad-input') return { status: 400, json };
  if (code === 'input-too-large') return { status: 413, json };
  return code === 'too-many' ? { status: 429, json, headers: { 'Retry-After': RETRY_AFTER } } : { status: 503, json };
}
