/** Is somebody at the keyboard, and what follows from it for a question of the agent? On the hook's path: no packages. */
import { encodeAway } from '../protocol-daemon.ts';
import type { FailurePolicy, HookInput, Offers } from '../types.ts';
import type { Environment } from './detector.ts';
import { detectIdle, type Idle } from './idle.ts';
import { detectScreenLock, type LockState } from './screen.ts';

export interface PersonOptions {
  readonly settings: {
    readonly onlyScreenLock: boolean;
    /** Whoever has touched nothing for so long is away; undefined: nobody is taken to be there. */
    readonly idleAfterMs: number | undefined;
    readonly lockCommand: string | undefined;
    readonly onFailure: FailurePolicy;
  };
  readonly env: Environment;
  readonly input: HookInput;
  readonly offers: Offers;
  /** Nothing printed leaves the question at the agent's own dialog. */
  readonly hasDialog: boolean;
  /** Default: `detectScreenLock` and `detectIdle`. */
  readonly lock?: () => Promise<Pick<LockState, 'state' | 'reason'>>;
  readonly idle?: () => Promise<Idle>;
  /** How long to wait before looking again, at least and at most, in milliseconds. Default 1 s and 10 s. */
  readonly lookAgainMs?: readonly [number, number];
}

export interface Person {
  /** The question is the terminal's: nothing is printed and nobody asked. */
  readonly isLeft: boolean;
  /** What could not be found out, for the log. */
  readonly remark?: string;
  /** What the daemon is told with the question: at the keyboard, with the agent's own prompt open, it has to wait. */
  note(): { readonly isHere?: boolean };
  /** Sends the daemon a line when the person has left. Returns what ends that. */
  watch(requestId: string, send: (line: string) => void): () => void;
}

const LOOK_AGAIN_MS = [1_000, 10_000] as const;

/** Looks once. Never rejects; takes no longer than the two detections, which go on side by side. */
export async function lookForPerson(options: PersonOptions): Promise<Person> {
  const { settings, env, input, offers, hasDialog } = options;
  const { onlyScreenLock, idleAfterMs, lockCommand } = settings;
  const lockOf =
    options.lock ?? (() => detectScreenLock({ env, ...(lockCommand === undefined ? {} : { lockCommand }) }));
  const idleOf = options.idle ?? (() => detectIdle({ env }));
  // There it would let the tool run.
  const isSilent = !hasDialog && (settings.onFailure === 'deny' || input.permission_mode === 'bypassPermissions');

  const look = async () => {
    const [lock, idle] = await Promise.all([lockOf(), idleAfterMs === undefined ? undefined : idleOf()]);
    const leftMs = lock.state === 'locked' ? 0 : (idleAfterMs ?? 0) - (idle?.idleMs ?? Number.POSITIVE_INFINITY);
    return { lock, idle, leftMs };
  };

  const { lock, idle, leftMs: firstMs } = await look();
  let leftMs = firstMs;
  if (onlyScreenLock && lock.state === 'unlocked') return left();
  if (onlyScreenLock && lock.state === 'unknown') {
    const remark = `screen lock unknown (${lock.reason}); ${isSilent ? 'asking' : 'not asking'} in Slack`;
    return { ...(isSilent ? away() : left()), remark };
  }
  if (leftMs > 0) {
    if (offers.prompt !== true) return isSilent ? away() : left();
    const [least, most] = options.lookAgainMs ?? LOOK_AGAIN_MS;
    const watch: Person['watch'] = (requestId, send) => {
      let timer: Timer | undefined;
      let isOver = false;
      const lookLater = (): void => {
        timer = setTimeout(lookAgain, Math.max(least, Math.min(most, leftMs)));
      };
      const lookAgain = async (): Promise<void> => {
        ({ leftMs } = await look());
        if (isOver) return;
        if (leftMs > 0) lookLater();
        else send(encodeAway(requestId));
      };
      if (leftMs > 0) lookLater();
      return () => {
        isOver = true;
        clearTimeout(timer);
      };
    };
    return { isLeft: false, note: () => (leftMs > 0 ? { isHere: true } : {}), watch };
  }
  const isUnknown = lock.state !== 'locked' && idle !== undefined && idle.idleMs === undefined;
  return isUnknown ? { ...away(), remark: `idle time unknown (${idle.reason}); asking in Slack` } : away();
}

function away(): Person {
  return { isLeft: false, note: () => ({}), watch: () => () => {} };
}

function left(): Person {
  return { ...away(), isLeft: true };
}
