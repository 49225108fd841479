/** Edits of messages, each message's one after the other: what it shows in the end is how things stand in the end. */
import type { KnownBlock } from '@slack/types';
import { type CallBounds, failureOf, type SlackCalls } from './slack-calls.ts';
import { pause } from './slack-timing.ts';

export interface EditorOptions {
  readonly calls: SlackCalls;
  readonly now: () => number;
  /** Aborts when the channel stops: no edit is tried again after that. */
  readonly stopping: AbortSignal;
}

/** What a message is to show; made when the edit begins. `short` is for the case that Slack refuses it for its size. */
export interface Looks {
  readonly text: string;
  readonly blocks: readonly (KnownBlock | Record<string, unknown>)[];
  readonly short?: () => Looks;
}

/** A message of ours; its identity is the object itself. */
export interface Place {
  readonly channel: string;
  readonly ts: string;
}

export interface Editor {
  /**
   * Makes a message look as `render` says, now and after whatever is being done to it. Resolves when it does, rejects when
   * Slack does not take it. `spacingMs`: no sooner than this after the last edit of this kind, for what is not urgent.
   */
  refresh(place: Place, render: () => Looks, spacingMs?: number): Promise<void>;
  /** What Slack shows is not what it has taken last: the next refresh draws it in any case. */
  doubt(place: Place): void;
  /** What a message was posted with. */
  posted(place: Place, looks: Looks): void;
  /** One edit of a message that is not ours to keep in order. */
  edit(place: Place, looks: Looks, bounds?: Partial<CallBounds>): Promise<void>;
}

interface Queue {
  /** What is to be shown next; undefined when nothing new is. */
  next: (() => Looks) | undefined;
  /** When that may be shown. */
  dueAt: number;
  running: Promise<void> | undefined;
  /** Ends the wait for the next edit, and the retries of one that has been overtaken. */
  overtaken: AbortController;
  editedAt: number;
  /** What Slack has taken last; undefined when that is not known. */
  accepted: string | undefined;
  /** How often somebody has doubted that it stands there: what was on its way then is no proof. */
  doubts: number;
}

/** An edit is worth this much: tries over about two minutes. */
const EDIT_TRIES = 12;
const EDIT_MS = 2 * 60_000;

export function createEditor({ calls, now, stopping }: EditorOptions): Editor {
  const queues = new WeakMap<Place, Queue>();

  const edit: Editor['edit'] = async (place, looks, bounds = {}) => {
    const { channel, ts } = place;
    const send = ({ text, blocks }: Looks) =>
      calls.call('edit', 'chat.update', { channel, ts, text, blocks }, 'change the message', {
        deadline: now() + EDIT_MS,
        maxTries: EDIT_TRIES,
        signal: stopping,
        ...bounds,
      });
    try {
      await send(looks);
    } catch (error) {
      if (looks.short === undefined || failureOf(error)?.kind !== 'too-large') throw error;
      await send(looks.short());
    }
  };

  /** Resolves when what is next may be shown; what is urgent comes into the middle of a wait. */
  const untilDue = async (queue: Queue): Promise<void> => {
    for (let wait = queue.dueAt - now(); wait > 0 && !stopping.aborted; wait = queue.dueAt - now()) {
      queue.overtaken = new AbortController();
      await pause(wait, AbortSignal.any([stopping, queue.overtaken.signal]));
    }
  };

  /** Between the last look at `next` and the end of a run nothing may wait: what came in between would never be shown. */
  const run = async (place: Place, queue: Queue): Promise<void> => {
    try {
      // What changes at the same moment is one edit.
      await Promise.resolve();
      while (queue.next !== undefined) {
        await untilDue(queue);
        const looks = queue.next();
        queue.next = undefined;
        queue.overtaken = new AbortController();
        queue.editedAt = now();
        const signal = AbortSignal.any([stopping, queue.overtaken.signal]);
        const drawn = JSON.stringify([looks.text, looks.blocks]);
        // Slack takes about fifty edits a minute (rate limits: chat.update is Tier 3): none is spent on what stands there.
        if (drawn === queue.accepted) continue;
        queue.accepted = undefined;
        const { doubts } = queue;
        try {
          await edit(place, looks, { signal });
          if (queue.doubts === doubts) queue.accepted = drawn;
        } catch (error) {
          if (queue.next === undefined) throw error;
        }
      }
    } finally {
      queue.running = undefined;
    }
  };

  const queueOf = (place: Place): Queue => {
    const queue = queues.get(place) ?? newQueue();
    queues.set(place, queue);
    return queue;
  };

  return {
    edit,
    doubt: (place) => {
      const queue = queueOf(place);
      queue.accepted = undefined;
      queue.doubts += 1;
    },
    posted: (place, { text, blocks }) => {
      queueOf(place).accepted = JSON.stringify([text, blocks]);
    },
    refresh: (place, render, spacingMs = 0) => {
      const queue = queueOf(place);
      const dueAt = queue.editedAt + spacingMs;
      queue.dueAt = queue.next === undefined ? dueAt : Math.min(queue.dueAt, dueAt);
      queue.next = render;
      queue.overtaken.abort();
      queue.running ??= run(place, queue);
      return queue.running;
    },
  };
}

function newQueue(): Queue {
  return {
    next: undefined,
    dueAt: 0,
    running: undefined,
    overtaken: new AbortController(),
    editedAt: Number.NEGATIVE_INFINITY,
    accepted: undefined,
    doubts: 0,
  };
}
