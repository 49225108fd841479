/** Who waits for which request: lines from clients become requests, outcomes become their answers. */

import type { Ruling } from './approvals.ts';
import { AppError, toAppError } from './errors.ts';
import type { Peer } from './listener.ts';
import type { Logger } from './logger.ts';
import { BEAT_MS, type ClientNote, type DaemonStatus, type Hello } from './protocol.ts';
import { encodeReply, type Incoming, readIncoming } from './protocol-daemon.ts';
import { createRequest } from './request.ts';
import { die, dieAt, isDeathAt } from './test-build.ts';
import type {
  Agent,
  AgentName,
  ApprovalRequest,
  Evidence,
  HookInput,
  Offers,
  Outcome,
  PermissionRule,
  Witness,
} from './types.ts';

const BEAT = encodeReply({ type: 'beat' });

/** More than this at once is no person's to answer. */
const MAX_PENDING = 500;

/** What the config file says before anybody is asked. Each throws AppError('bad-config' | 'config-mode') while it cannot be read. */
export interface Policy {
  /** Undefined when it lists nobody for this directory. */
  approversFor(cwd: string): readonly string[] | undefined;
  needed(input: HookInput, agent: AgentName): number;
  rule(input: HookInput, agent: AgentName): Ruling | undefined;
  /** Whether the agent's own rule would let calls pass that a rule here forbids, or wants people to look at. */
  restricts(rule: PermissionRule): boolean;
}

export interface ClientsOptions {
  readonly agents: Readonly<Record<AgentName, Agent>>;
  /** Whose input it is that a plain program sends. Throws AppError('bad-input') when that is not clear. */
  readonly recognise: (input: HookInput) => AgentName;
  /** What the agents' events tell. */
  readonly witnesses: Readonly<Record<AgentName, Witness>>;
  /** Fingerprint of the daemon's own Slack app; a client of another app is refused. */
  readonly app: string;
  /** For clients that name no approvers or no wait of their own. */
  readonly approvers: readonly string[];
  readonly waitMs: number;
  readonly status: () => DaemonStatus;
  readonly policy: Policy;
  readonly repliesInARow: (sessionId: string) => number;
  /** The nonce of a request; the same for the same id, also in a later daemon. */
  readonly nonceOf: (id: string) => string;
  /** What to say to a client's hello. */
  readonly greet: (challenge: string) => Hello;
  /** Makes room for another daemon. */
  readonly retire: () => void;
  /** Throws AppError('protocol') for an id that is taken. */
  readonly ask: (request: ApprovalRequest, ruling: Ruling | undefined, isHere: boolean) => void;
  /** Whoever was at the keyboard is not any more. */
  readonly away: (id: string) => void;
  readonly withdraw: (id: string) => void;
  readonly observe: (evidence: Evidence) => void;
  /** Told of every input of a hook, with its request's id where it asks and what in it is secret. */
  readonly heard?: ((agent: AgentName, input: HookInput, secrets: readonly string[], id?: string) => void) | undefined;
  /** Called whenever the number of waiting clients changes. */
  readonly onChange: () => void;
  readonly logger: Pick<Logger, 'warn'>;
  /** Milliseconds on a clock that nobody sets; that of the process by default. */
  readonly elapsed?: () => number;
}

export interface Clients {
  onLine(peer: Peer, line: string): void;
  onGone(peer: Peer): void;
  /** False when nobody waits for it any more. */
  onOutcome(id: string, outcome: Outcome): boolean;
  /** Lets the waiting clients that want it know that the daemon lives. */
  beat(): void;
  /** From now on new requests are refused. */
  refuseNew(): void;
  waiting(): number;
}

interface Waiting {
  readonly peer: Peer;
  readonly agent: Agent;
  readonly input: HookInput;
  readonly note: ClientNote | undefined;
}

export function createClients(options: ClientsOptions): Clients {
  const waiting = new Map<string, Waiting>();
  let isRefusing = false;
  const { elapsed = () => performance.now() } = options;
  let beatAt = elapsed();

  /** How many requests of a peer wait. */
  const counts = new Map<Peer, number>();
  const isWaiting = (peer: Peer): boolean => counts.has(peer);
  const count = (peer: Peer, change: 1 | -1): void => {
    const now = (counts.get(peer) ?? 0) + change;
    if (now > 0) counts.set(peer, now);
    else counts.delete(peer);
    peer.setWaiting(now > 0);
  };

  /** Those that the hook names, unless it prefers those of the config file as it is now; without either the daemon's own. */
  const approversOf = (input: HookInput, note: ClientNote | undefined) => {
    const named = note === undefined || note.approvers.length === 0 ? undefined : note.approvers;
    const isConfigFirst = named === undefined || note?.isConfigFirst === true;
    const listed = isConfigFirst ? options.policy.approversFor(input.cwd) : undefined;
    return { approvers: listed ?? named ?? options.approvers, fromConfig: listed !== undefined };
  };

  /** What a rule says that a person must look at is not waved through, by a grant, a rule of the agent's own, or a mode. */
  const offered = (offers: Offers, ruling: Ruling | undefined): Offers => {
    const acceptEdits = offers.acceptEdits && !options.policy.restricts({ toolName: 'Edit' });
    return ruling?.decision === 'ask'
      ? { ...offers, acceptEdits, grant: false, always: false }
      : { ...offers, acceptEdits };
  };
  const repliesOf = (agent: AgentName, input: HookInput): NonNullable<ApprovalRequest['replies']> => {
    const inARow = options.repliesInARow(input.session_id);
    return { inARow, left: Math.max(0, options.witnesses[agent].maxReplies - inARow) };
  };
  const tellOf = (agent: AgentName, input: HookInput): void => {
    const evidence = options.witnesses[agent].evidence(input);
    if (evidence !== undefined) options.observe(evidence);
  };
  const observe = (peer: Peer, input: HookInput, agent: AgentName): void => {
    tellOf(agent, input);
    if (peer.isOverHttp !== true) options.heard?.(agent, input, []);
    peer.send('{}\n');
  };

  const request = (peer: Peer, given: HookInput, note: ClientNote | undefined): void => {
    if (note !== undefined && note.app !== options.app) {
      throw new AppError(
        'daemon-mismatch',
        'The running daemon uses other Slack tokens or another API address than this hook',
      );
    }
    const agent = options.agents[note?.agent ?? options.recognise(given)];
    const input = agent.read(given);
    tellOf(agent.name, input);
    if (peer.isOverHttp !== true) options.heard?.(agent.name, input, note?.secrets ?? [], note?.id);
    const offers = agent.offers(input);
    // A program that only tells of a stop does not wait for a reply.
    if (offers === undefined || (note === undefined && offers.form === 'stop')) {
      peer.send('{}\n');
      return;
    }
    if (isRefusing) throw new AppError('daemon-stopping', 'The daemon is stopping');
    if (waiting.size >= MAX_PENDING)
      throw new AppError('too-many', `Expected at most ${MAX_PENDING} requests at once, got more`);
    const replies = offers.form === 'stop' ? repliesOf(agent.name, input) : undefined;
    if (replies?.left === 0) {
      const reason = 'The agent takes no further reply in a row.';
      peer.send(encodeReply({ type: 'outcome', outcome: { kind: 'expired', reason, at: Date.now() } }));
      return;
    }
    const ruling =
      offers.form === 'permission' || offers.form === 'plan' ? options.policy.rule(input, agent.name) : undefined;
    const id = note?.id ?? Bun.randomUUIDv7();
    if (waiting.has(id)) throw new AppError('protocol', 'Somebody waits for this request already');
    const asked = createRequest({
      ...{ input, id, nonce: options.nonceOf(id) },
      agent: agent.name,
      ...approversOf(input, note),
      needed: offers.form === 'permission' || offers.form === 'plan' ? options.policy.needed(input, agent.name) : 1,
      offers: offered(offers, ruling),
      secrets: note?.secrets ?? [],
      ...(replies === undefined ? {} : { replies }),
      now: Date.now(),
      waitMs: note?.waitMs ?? options.waitMs,
    });
    waiting.set(asked.id, { peer, agent, input, note });
    count(peer, 1);
    options.onChange();
    if (note?.beats === true) peer.offer(BEAT);
    dieAt('after-accept');
    try {
      options.ask(asked, ruling, note?.isHere === true);
    } catch (error) {
      forget(id);
      throw error;
    }
  };

  const forget = (id: string): Waiting | undefined => {
    const entry = waiting.get(id);
    if (entry === undefined) return undefined;
    waiting.delete(id);
    count(entry.peer, -1);
    options.onChange();
    return entry;
  };

  const beat = (): void => {
    beatAt = elapsed();
    const beating = [...waiting.values()].filter(({ note }) => note?.beats === true);
    for (const peer of new Set(beating.map(({ peer }) => peer))) peer.offer(BEAT);
  };
  /** So much to write down at once that no timer gets its turn must not make clients believe that the daemon has hung. */
  const beatIfDue = (): void => {
    if (elapsed() - beatAt >= BEAT_MS) beat();
  };

  const perform = (peer: Peer, incoming: Incoming): void => {
    switch (incoming.type) {
      case 'hello':
        peer.send(encodeReply({ type: 'hello', ...options.greet(incoming.challenge) }));
        return;
      case 'status':
        peer.send(encodeReply({ type: 'status', status: options.status() }));
        return;
      case 'away':
        if (waiting.get(incoming.id)?.peer === peer) options.away(incoming.id);
        return;
      case 'event':
        observe(peer, incoming.input, incoming.agent);
        return;
      case 'retire':
        peer.send(encodeReply({ type: 'retiring' }));
        options.retire();
        return;
      case 'request':
        request(peer, incoming.input, incoming.note);
    }
  };

  return {
    onLine: (peer, line) => {
      beatIfDue();
      try {
        perform(peer, readIncoming(line));
      } catch (error) {
        const { code, message, hint } = toAppError(error);
        options.logger.warn({ code, reason: message }, 'line refused');
        peer.send(encodeReply({ type: 'error', code, message, hint }));
        // Who speaks another protocol is not listened to any further; its other requests go on.
        if (!isWaiting(peer)) peer.end();
      }
    },
    onGone: (peer) => {
      if (!isWaiting(peer)) return;
      counts.delete(peer);
      for (const [id, entry] of waiting) {
        if (entry.peer !== peer) continue;
        waiting.delete(id);
        options.withdraw(id);
        beatIfDue();
      }
      options.onChange();
    },
    onOutcome: (id, outcome) => {
      beatIfDue();
      const entry = forget(id);
      if (entry !== undefined) send(entry.peer, answerLine(entry, outcome));
      return entry !== undefined;
    },
    beat,
    refuseNew: () => {
      isRefusing = true;
    },
    waiting: () => waiting.size,
  };
}

/** A line may be cut in two by the daemon's death. */
function send(peer: Peer, line: string): void {
  if (isDeathAt('reply-half-written')) {
    peer.send(line.slice(0, line.length / 2));
    die('reply-half-written');
  }
  peer.send(line);
}

/** A plain client gets the agent's own output, ours gets the outcome. */
function answerLine({ agent, input, note }: Waiting, outcome: Outcome): string {
  if (note !== undefined) return encodeReply({ type: 'outcome', outcome });
  const { stdout } = agent.say(input, outcome, 'ask');
  return stdout === '' ? '{}\n' : stdout;
}
