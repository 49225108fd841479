/** What may happen to the adapter: requests, presses and ends in any order, and what Slack makes of each call. */
import fc from 'fast-check';
import type { Fate, Fates } from './slack-scheduled.ts';

export const ANNA = 'UANNA';
export const BEN = 'UBEN';
/** Whom nobody asks. */
export const EVE = 'UEVE';
export const LONG_MS = 600_000;

/** What a button is for. */
export type Wish = 'allow' | 'deny' | 'card';

/** How a press is not what Slack would have sent for a button that it has shown. */
export type Forgery = 'nonce' | 'request' | 'instance' | 'message' | 'other message';

export interface Asking {
  readonly type: 'ask';
  readonly session: 'a' | 'b';
  readonly approvers: readonly [string, ...string[]];
  readonly needed: number;
  readonly waitMs: number;
}

export interface Pressing {
  readonly type: 'press';
  readonly by: string;
  /** What the button should be for, if there is such a one. */
  readonly wish: Wish | undefined;
  /** Which of the buttons that there are. */
  readonly pick: number;
  /** How many edits of the message the person has not seen yet. */
  readonly age: number;
  readonly forgery: Forgery | undefined;
  /** How often, in the same moment. */
  readonly times: number;
}

export type Step =
  | Asking
  | Pressing
  /** The client of a request goes away. */
  | { readonly type: 'gone'; readonly pick: number }
  | { readonly type: 'wait'; readonly ms: number }
  /** The clock goes on, and no timer does: the machine was asleep. */
  | { readonly type: 'sleep'; readonly ms: number }
  /** The config file no longer lists this person. */
  | { readonly type: 'dismiss'; readonly who: string };

export interface Turn {
  /** How many of the things that Slack has to do it does before the step, and how much time passes. */
  readonly after: number;
  readonly afterMs: number;
  readonly step: Step;
}

export interface Plan {
  readonly threads: boolean;
  readonly fates: Fates;
  readonly turns: readonly Turn[];
}

const TROUBLE = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<Fate>('lost', 'busy', 'late', 'late-undone') },
  { weight: 2, arbitrary: fc.constant<Fate>('refused') },
  { weight: 1, arbitrary: fc.constantFrom<Fate>('never', 'never-undone') },
);
const FATE = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<Fate>('done', 'slow') },
  { weight: 2, arbitrary: TROUBLE },
);
/** A message can be seen and pressed long before it is known where it is. */
const POST_FATE = fc.oneof({ weight: 3, arbitrary: FATE }, { weight: 1, arbitrary: fc.constant<Fate>('slow') });
const FATES: fc.Arbitrary<Fates> = fc.record({
  posts: fc.array(POST_FATE, { maxLength: 6 }),
  edits: fc.array(FATE, { maxLength: 10 }),
  // Every call ends in the program; what comes after the end of one can be told only then.
  others: fc.array(
    FATE.filter((fate) => !fate.startsWith('never')),
    { maxLength: 4 },
  ),
});

const ASK: fc.Arbitrary<Asking> = fc
  .record({
    type: fc.constant('ask' as const),
    session: fc.constantFrom('a' as const, 'a' as const, 'a' as const, 'b' as const),
    approvers: fc.constantFrom<Asking['approvers']>([ANNA], [BEN], [ANNA, BEN], [ANNA, BEN], [BEN, ANNA]),
    needed: fc.constantFrom(1, 2),
    waitMs: fc.constantFrom(LONG_MS, LONG_MS, 6_000),
  })
  .map((ask) => ({ ...ask, needed: Math.min(ask.needed, ask.approvers.length) }));

const PRESS: fc.Arbitrary<Pressing> = fc.record({
  type: fc.constant('press' as const),
  by: fc.constantFrom(ANNA, ANNA, ANNA, BEN, BEN, BEN, EVE),
  wish: fc.constantFrom<Wish | undefined>('allow', 'allow', 'deny', 'deny', 'card', undefined),
  pick: fc.nat(11),
  age: fc.constantFrom(0, 0, 0, 1, 2),
  forgery: fc.oneof(
    { weight: 7, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom<Forgery>('nonce', 'request', 'instance', 'message', 'other message') },
  ),
  times: fc.constantFrom(1, 1, 1, 1, 2),
});

const STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: ASK },
  { weight: 14, arbitrary: PRESS },
  { weight: 1, arbitrary: fc.nat(5).map((pick): Step => ({ type: 'gone', pick })) },
  { weight: 2, arbitrary: fc.constantFrom(1, 800, 3_000, 9_000).map((ms): Step => ({ type: 'wait', ms })) },
  { weight: 1, arbitrary: fc.constantFrom(800, 9_000).map((ms): Step => ({ type: 'sleep', ms })) },
  { weight: 1, arbitrary: fc.constantFrom(BEN, BEN, ANNA).map((who): Step => ({ type: 'dismiss', who })) },
);

const turnOf = (step: fc.Arbitrary<Step>): fc.Arbitrary<Turn> =>
  fc.record({ after: fc.constantFrom(0, 0, 0, 1, 2, 3, 6), afterMs: fc.constantFrom(0, 0, 0, 5, 60, 800), step });

export const PLAN: fc.Arbitrary<Plan> = fc
  .tuple(
    fc.boolean(),
    FATES,
    fc.array(turnOf(ASK), { minLength: 1, maxLength: 3 }),
    fc.array(turnOf(STEP), { maxLength: 16, size: 'max' }),
  )
  .map(([threads, fates, first, more]) => ({ threads, fates, turns: [...first, ...more] }));
