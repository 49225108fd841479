/** A Slack that does what it is asked when a scheduler says so, and answers when the scheduler says so, if at all. */
import type fc from 'fast-check';
import type { SlackCalls } from '../../src/channels/slack-calls.ts';
import { pause } from '../../src/channels/slack-timing.ts';
import { AppError } from '../../src/errors.ts';

/** What becomes of one try of a call. */
export type Fate =
  | 'done'
  /** Done, and Slack says so later. */
  | 'slow'
  /** Done, and the answer is an error that does not tell. */
  | 'lost'
  /** Not done, because Slack has trouble. */
  | 'busy'
  /** Not done, and never will be. */
  | 'refused'
  /** No answer before the time limit of a call: done or not. */
  | 'late'
  | 'late-undone'
  /** No answer at all: done or not. */
  | 'never'
  | 'never-undone';

export interface Fates {
  readonly posts: readonly Fate[];
  readonly edits: readonly Fate[];
  /** Of everything else. */
  readonly others: readonly Fate[];
}

export type Block = Readonly<Record<string, unknown>>;

export interface Look {
  readonly text: string;
  readonly blocks: readonly Block[];
}

export interface ShownMessage {
  readonly channel: string;
  readonly ts: string;
  readonly threadTs: string | undefined;
  /** What it has shown, oldest first. */
  readonly looks: Look[];
  /** When the adapter was told of it: a number that grows; undefined when it was not. */
  knownAs: number | undefined;
  /** Edits that have no answer yet. */
  openEdits: number;
  /** How the last one that was answered ended. */
  edited: 'never' | 'done' | 'failed' | 'overtaken';
  /** How many were given up for a newer one. */
  overtaken: number;
}

/** What only one person sees. */
export interface Whisper {
  readonly user: string;
  readonly channel: string;
  /** When it was first asked for. */
  readonly sentAt: number;
}

export interface Sent {
  readonly method: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly sentAt: number;
}

export interface ScheduledSlack {
  readonly calls: SlackCalls;
  readonly messages: readonly ShownMessage[];
  readonly whispers: readonly Whisper[];
  readonly sent: readonly Sent[];
  /** Calls that will still end. */
  open(): number;
}

/** The time limit of a call, and the first wait before a further try; see slack-timing.ts and slack-calls.ts. */
const CALL_MS = 8_000;
const SLOW_MS = 2_000;
const RETRY_MS = 300;
const RETRY_CAP_MS = 5_000;

const DOES: ReadonlySet<Fate> = new Set(['done', 'slow', 'lost', 'late', 'never']);

export function conversationWith(user: string): string {
  return user.startsWith('U') ? `D${user.slice(1)}` : user;
}

export function createScheduledSlack(scheduler: fc.Scheduler, fates: Fates, now: () => number): ScheduledSlack {
  const messages: ShownMessage[] = [];
  const whispers: Whisper[] = [];
  const sent: Sent[] = [];
  const left = { posts: [...fates.posts], edits: [...fates.edits], others: [...fates.others] };
  let open = 0;
  let known = 0;

  const at = (args: Sent['args']): ShownMessage | undefined =>
    messages.find(({ channel, ts }) => channel === args.channel && ts === args.ts);

  /** Does what was asked; undefined when it cannot be done. */
  const perform = ({ method, args, sentAt }: Sent): Record<string, unknown> | undefined => {
    const look = { text: String(args.text), blocks: (args.blocks ?? []) as readonly Block[] };
    switch (method) {
      case 'chat.postMessage': {
        const channel = conversationWith(String(args.channel));
        const ts = `${1_700_000_000 + messages.length}.000100`;
        const threadTs = typeof args.thread_ts === 'string' ? args.thread_ts : undefined;
        const edits = { openEdits: 0, edited: 'never', overtaken: 0 } as const;
        messages.push({ channel, ts, threadTs, looks: [look], knownAs: undefined, ...edits });
        return { ok: true, channel, ts };
      }
      case 'chat.update': {
        const message = at(args);
        message?.looks.push(look);
        return message === undefined ? undefined : { ok: true };
      }
      case 'chat.postEphemeral':
        whispers.push({ user: String(args.user), channel: String(args.channel), sentAt });
        return { ok: true };
      default:
        return { ok: true };
    }
  };

  /** One try: what Slack says, or how it failed. Settles never when that is its fate. */
  const tryOnce = async (what: Sent, fate: Fate): Promise<Record<string, unknown> | 'busy' | 'refused'> => {
    const label = `${what.method} ${what.args.ts ?? what.args.channel}`;
    await scheduler.schedule(Promise.resolve(), `${label} arrives`);
    const reply = DOES.has(fate) ? perform(what) : undefined;
    if (fate === 'never' || fate === 'never-undone') {
      open -= 1;
      await new Promise(() => {});
    }
    if (fate === 'slow') await pause(SLOW_MS);
    if (fate === 'late' || fate === 'late-undone') await pause(CALL_MS);
    await scheduler.schedule(Promise.resolve(), `${label} is answered: ${fate}`);
    if (fate === 'done' || fate === 'slow') return reply ?? 'refused';
    return fate === 'refused' ? 'refused' : 'busy';
  };

  /** As slack-calls.ts does it: what fails in passing is tried again until the deadline, the last try or the signal. */
  const call: SlackCalls['call'] = async (_lane, method, args, doing, bounds) => {
    const line = method === 'chat.postMessage' ? left.posts : method === 'chat.update' ? left.edits : left.others;
    const { deadline, signal, maxTries = Number.POSITIVE_INFINITY } = bounds;
    const sentAt = now();
    let uncertain = false;
    for (let attempt = 1; ; attempt += 1) {
      const more = attempt === 1 ? {} : (bounds.onRetry?.(attempt, uncertain) ?? {});
      const fate = line.shift() ?? 'done';
      const what = { method, args: { ...args, ...more }, sentAt };
      sent.push(what);
      const result = await tryOnce(what, fate);
      if (typeof result === 'object') return result;
      if (result === 'refused') throw new AppError('slack-rejected', `Slack refused to ${doing}`);
      uncertain ||= fate !== 'busy';
      const backAt = now() + Math.min(RETRY_MS * 2 ** (attempt - 1), RETRY_CAP_MS);
      const over = (): boolean => signal?.aborted === true;
      const failed = new AppError('slack-unreachable', `Slack could not ${doing}`);
      if (attempt >= maxTries || backAt >= deadline || over()) throw failed;
      bounds.onTrouble?.();
      await pause(backAt - now(), signal);
      if (over()) throw failed;
    }
  };

  const noted: SlackCalls['call'] = async (lane, method, args, doing, bounds) => {
    open += 1;
    const message = method === 'chat.update' ? at(args) : undefined;
    const edited = (how: ShownMessage['edited']): void => {
      if (message === undefined) return;
      message.openEdits -= 1;
      message.edited = how;
      if (how === 'overtaken') message.overtaken += 1;
    };
    if (message !== undefined) message.openEdits += 1;
    try {
      const reply = await call(lane, method, args, doing, bounds);
      edited('done');
      const posted = method === 'chat.postMessage' ? at(reply) : undefined;
      if (posted !== undefined) {
        known += 1;
        posted.knownAs = known;
      }
      return reply;
    } catch (error) {
      edited(bounds.signal?.aborted === true ? 'overtaken' : 'failed');
      throw error;
    } finally {
      open -= 1;
    }
  };

  return {
    calls: { upload: () => Promise.reject(new AppError('internal', 'Expected no upload')), call: noted },
    messages,
    whispers,
    sent,
    open: () => open,
  };
}
