/** Which rung of the presence ladder each open request is on, and when to look at them again. */
import type { BrokerEvent } from './broker-state.ts';
import type { Logger } from './logger.ts';
import { type Course, presenceStep, quietUntil, type Step } from './presence.ts';
import type { Recorder } from './recorder.ts';
import type { ApprovalRequest, LeftBehind, PresenceRules } from './types.ts';

export interface PresenceDeskOptions {
  /** The config file's, as it is now; undefined when it has none. Must not throw. */
  readonly rules: () => PresenceRules | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly recorder: Pick<Recorder, 'escalated'>;
  readonly logger: Pick<Logger, 'info'>;
  /** Tells the broker. */
  readonly apply: (event: BrokerEvent) => void;
}

export interface PresenceDesk {
  /** Requests that an earlier daemon has shown. */
  restore(left: readonly LeftBehind[]): void;
  /** Takes a request in, also one whose hook has come back, and says what to do with it first. */
  begin(request: ApprovalRequest, isHere: boolean): Exclude<Step, { type: 'wait' | 'escalate' }>;
  /** The person has left the keyboard. */
  away(id: string): void;
  /** Its messages are there. */
  shown(id: string): void;
  /** Takes every request to the rung that it has come to. */
  climb(): void;
  /** Milliseconds until something is due; undefined when time alone changes nothing. */
  nextIn(): number | undefined;
  /** Nobody is to be pinged now. */
  isQuiet(): boolean;
  end(id: string): void;
}

interface Climb extends Course {
  request: ApprovalRequest;
  isHere: boolean;
  isPosting: boolean;
  shownAt: number | undefined;
}

export function createPresenceDesk({ rules, now, recorder, logger, apply }: PresenceDeskOptions): PresenceDesk {
  const climbs = new Map<string, Climb>();
  /** When requests of an earlier daemon were shown. */
  const shownBefore = new Map<string, number>();

  /** Nobody answers who was not written down before. */
  const escalate = (request: ApprovalRequest, to: readonly string[]): void => {
    const { id } = request;
    const people = to.filter(isPerson);
    if (!recorder.escalated(request, to, now())) return;
    logger.info({ request: id, to }, 'nobody has answered: others are asked, too');
    apply({ type: 'escalated', id, people, to });
  };

  const take = (climb: Climb, step: Step): void => {
    if (step.type === 'wait' || step.type === 'hold') return;
    const { request } = climb;
    const { id } = request;
    climb.isPosting = true;
    if (step.type === 'post') apply({ type: 'released', id });
    else if (step.type === 'fail') apply({ type: 'given-up', id, reason: step.why, at: now() });
    else {
      // Tried once: also where it could not be written down.
      climb.request = { ...request, escalatedTo: step.to };
      escalate(request, step.to);
    }
  };

  return {
    restore: (left) => {
      for (const { request, shownAt } of left) if (shownAt !== undefined) shownBefore.set(request.id, shownAt);
    },
    begin: (request, isHere) => {
      const shownAt = shownBefore.get(request.id);
      const climb: Climb = { request, isHere, isPosting: false, shownAt };
      // Who has a message already keeps it; who has none is brought one.
      const step = shownAt === undefined ? presenceStep(rules(), climb, now()) : ({ type: 'post' } as const);
      if (step.type === 'wait' || step.type === 'escalate') return { type: 'post' };
      if (step.type === 'fail') return step;
      climbs.set(request.id, { ...climb, isPosting: step.type === 'post' });
      return step;
    },
    away: (id) => {
      const climb = climbs.get(id);
      if (climb !== undefined) climb.isHere = false;
    },
    shown: (id) => {
      const climb = climbs.get(id);
      if (climb === undefined) return;
      climb.isPosting = false;
      climb.shownAt ??= now();
    },
    climb: () => {
      if (climbs.size === 0) return;
      const current = rules();
      for (const climb of [...climbs.values()]) take(climb, presenceStep(current, climb, now()));
    },
    nextIn: () => {
      if (climbs.size === 0) return undefined;
      const current = rules();
      const times = [...climbs.values()].flatMap((climb) => {
        const step = presenceStep(current, climb, now());
        if (step.type !== 'wait' && step.type !== 'hold') return [now()];
        return step.until === undefined ? [] : [step.until];
      });
      return times.length === 0 ? undefined : Math.max(0, Math.min(...times) - now());
    },
    isQuiet: () => {
      const { quietHours } = rules() ?? {};
      return quietHours !== undefined && quietUntil(quietHours, now()) !== undefined;
    },
    end: (id) => {
      climbs.delete(id);
      shownBefore.delete(id);
    },
  };
}

/** Slack's ids of people begin with U or W, those of channels with C or G. */
function isPerson(id: string): boolean {
  return /^[UW]/.test(id);
}
