import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { judge, step } from '../src/broker.ts';
import {
  type BrokerEffect,
  type BrokerEvent,
  type BrokerState,
  createBrokerState,
  nextExpiry,
  pendingRequests,
} from '../src/broker-state.ts';
import type {
  Answer,
  ApprovalRequest,
  Decided,
  Offers,
  Outcome,
  PermissionUpdate,
  Receipt,
  Verdict,
} from '../src/types.ts';

const APPROVERS: readonly [string, ...string[]] = ['UA', 'UB'];
const NOTHING_MORE = { edit: false, always: false, acceptEdits: false, interrupt: false, grant: false } as const;
const EVERYTHING: Offers = {
  form: 'permission',
  edit: true,
  always: true,
  acceptEdits: true,
  interrupt: true,
  grant: true,
};
const RULE = { toolName: 'Bash', ruleContent: 'ls *' };
const ALWAYS: PermissionUpdate = { type: 'addRules', rules: [RULE], behavior: 'allow', destination: 'session' };
const ACCEPT_EDITS: PermissionUpdate = { type: 'setMode', mode: 'acceptEdits', destination: 'session' };
const GRANT = { rule: { kind: 'exact', digest: 'd' }, text: 'This exact call', forMs: 1000 } as const;

function request(id: string, change: Partial<ApprovalRequest> = {}): ApprovalRequest {
  return {
    id,
    nonce: `nonce-${id}`,
    agent: 'claude',
    input: { hook_event_name: 'PreToolUse', session_id: 's', cwd: '/', tool_name: 'Bash', tool_input: { command: id } },
    digest: `digest-${id}`,
    approvers: APPROVERS,
    fromConfig: false,
    needed: 1,
    offers: EVERYTHING,
    secrets: [],
    askedAt: 0,
    expiresAt: 100,
    ...change,
  };
}
const receiptOf = (id: string, complete = true): Receipt => ({ conversation: 'D1', message: `ts-${id}`, complete });
const answerTo = (id: string, change: Partial<Answer> = {}): Answer => ({
  requestId: id,
  nonce: `nonce-${id}`,
  decision: 'allow',
  by: 'UA',
  conversation: 'D1',
  message: `ts-${id}`,
  at: 10,
  ...change,
});

/** Runs events as the shell does: a record is written at once and reported back. `during` is the number of the event that led to each effect. */
function run(events: readonly BrokerEvent[], recordOk: (id: string) => boolean = () => true) {
  const state = createBrokerState();
  const effects: BrokerEffect[] = [];
  const during: number[] = [];
  const apply = (event: BrokerEvent, index: number): void => {
    for (const effect of step(state, event)) {
      effects.push(effect);
      during.push(index);
      if (effect.type === 'record')
        apply(
          { type: 'recorded', id: effect.request.id, at: 50, ...(recordOk(effect.request.id) ? {} : { trouble: 'x' }) },
          index,
        );
    }
  };
  events.forEach(apply);
  return { state, effects, during, types: effects.map(({ type }) => type) };
}
/** The two clocks are one here: `expiresAt` is the deadline, `at` is now. */
const askedOf = (request: ApprovalRequest, ruled?: Outcome): BrokerEvent => ({
  ...{ type: 'asked', request, deadline: request.expiresAt },
  ...(ruled === undefined ? {} : { ruled }),
});
const asked = (id: string, change: Partial<ApprovalRequest> = {}): BrokerEvent => askedOf(request(id, change));
const heldOf = (id: string): BrokerEvent => ({
  ...{ type: 'asked', request: request(id), deadline: 100, hold: 'Held.' },
});
const tick = (at: number): BrokerEvent => ({ type: 'tick', now: at, at });
const judged = (state: BrokerState, answer: Answer): Verdict => judge(state, answer, answer.at);
const shown = (id: string, complete = true): BrokerEvent => ({ type: 'shown', id, receipt: receiptOf(id, complete) });
const shownAll = (id: string): BrokerEvent => ({ type: 'shown-all', id });
/** Shown to one person, with nothing more to come. */
const posted = (id: string, complete = true): BrokerEvent[] => [shown(id, complete), shownAll(id)];
const answered = (id: string, change: Partial<Answer> = {}): BrokerEvent => {
  const answer = answerTo(id, change);
  return { type: 'answered', answer, now: answer.at };
};
/** What became of each answer and request, in words. */
const story = (effects: readonly BrokerEffect[]): string[] =>
  effects.map((effect) => (effect.type === 'refuse' ? effect.verdict : effect.type));

describe('a request that is held', () => {
  const released: BrokerEvent = { type: 'released', id: 'a' };

  test('is posted once it is released, once', () => {
    expect(run([heldOf('a')]).types).toEqual([]);
    expect(run([heldOf('a'), released, released]).types).toEqual(['post']);
    expect(run([asked('a'), released]).types).toEqual(['post']);
    expect(run([heldOf('a'), { type: 'client-gone', id: 'a', at: 20 }, released]).types).toEqual(['record', 'close']);
  });

  test('expires with the reason for which it was held, and is given up with another', () => {
    const { effects } = run([heldOf('a'), tick(100)]);
    expect(effects[1]).toMatchObject({ type: 'reply', outcome: { kind: 'expired', reason: 'Held.' } });
    const givenUp = run([heldOf('a'), { type: 'given-up', id: 'a', reason: 'Quiet.', at: 20 }, tick(100)]);
    expect(givenUp.effects[1]).toMatchObject({ type: 'reply', outcome: { kind: 'expired', reason: 'Quiet.', at: 20 } });
    expect(givenUp.types).toEqual(['record', 'reply', 'close']);
  });
});

describe('a request that others are asked about, too', () => {
  const escalated: BrokerEvent = { type: 'escalated', id: 'a', people: ['UC'], to: ['UC', 'C1'] };
  const theirs: BrokerEvent = { type: 'shown', id: 'a', receipt: { ...receiptOf('a'), conversation: 'D3' } };

  test('can be answered by them, on messages that are known', () => {
    const approval = { by: 'UC', conversation: 'D3' };
    const { state, types } = run([asked('a'), ...posted('a'), escalated]);
    expect(types).toEqual(['post', 'post']);
    expect(judged(state, answerTo('a', approval))).toBe('pending');
    const { state: after } = run([asked('a'), ...posted('a'), escalated, theirs, shownAll('a')]);
    expect(judged(after, answerTo('a', approval))).toBe('accepted');
    expect(judged(after, answerTo('a', { by: 'C1' }))).toBe('not-approver');
    expect(judged(after, answerTo('a'))).toBe('accepted');
  });

  test('is that neither while messages are on their way nor after its end', () => {
    for (const events of [[asked('a')], [heldOf('a')], [asked('a'), ...posted('a'), answered('a')]]) {
      const { state, types } = run([...events, escalated]);
      expect(types.filter((type) => type === 'post').length).toBeLessThanOrEqual(1);
      expect(judged(state, answerTo('a', { by: 'UC' }))).toBe('not-approver');
    }
  });

  test('needs two of them where two must approve', () => {
    const { types } = run([
      ...[asked('a', { needed: 2 }), ...posted('a'), answered('a'), escalated, theirs, shownAll('a')],
      answered('a', { by: 'UC', conversation: 'D3' }),
    ]);
    expect(types).toEqual(['post', 'count', 'post', 'record', 'reply', 'close']);
  });
});

describe('one approval', () => {
  test('is posted, recorded, answered and closed, in this order', () => {
    const { types, effects } = run([asked('a'), ...posted('a'), answered('a')]);
    expect(types).toEqual(['post', 'record', 'reply', 'close']);
    expect(effects[2]).toEqual({
      type: 'reply',
      id: 'a',
      outcome: { kind: 'allowed', by: 'UA', via: 'Slack', at: 10 },
    });
  });

  test('counts the first valid answer, whichever it is', () => {
    for (const [first, second, kind] of [
      ['allow', 'deny', 'allowed'],
      ['deny', 'allow', 'denied'],
    ] as const) {
      const { effects } = run([
        asked('a'),
        ...posted('a'),
        answered('a', { decision: first }),
        answered('a', { decision: second }),
      ]);
      expect(effects.filter(({ type }) => type === 'reply')).toMatchObject([{ outcome: { kind } }]);
      expect(effects.at(-1)).toMatchObject({ type: 'refuse', verdict: 'already-decided' });
    }
  });

  test('answered before its receipt came is decided by that answer once the receipt is there', () => {
    const { types } = run([asked('a'), answered('a'), ...posted('a')]);
    expect(types).toEqual(['post', 'record', 'reply', 'close']);
  });

  test('without a record is not an approval', () => {
    const { effects } = run([asked('a'), ...posted('a'), answered('a')], () => false);
    expect(effects[2]).toMatchObject({ type: 'reply', outcome: { kind: 'undeliverable', code: 'audit' } });
    expect(effects[3]).toMatchObject({ type: 'close', outcome: { kind: 'undeliverable' } });
  });

  test('whose record failed still denies when a person denied', () => {
    const { effects } = run([asked('a'), ...posted('a'), answered('a', { decision: 'deny' })], () => false);
    expect(effects[2]).toMatchObject({ type: 'reply', outcome: { kind: 'denied' } });
  });

  test('hands on all that the person chose, and nothing of a denial', () => {
    const more = { updatedInput: { command: 'ls' }, updatedPermissions: [ALWAYS], grant: GRANT };
    const { effects } = run([asked('a'), ...posted('a'), answered('a', { ...more, reason: 'r', interrupt: true })]);
    expect(effects[2]).toEqual({
      type: 'reply',
      id: 'a',
      outcome: { kind: 'allowed', by: 'UA', via: 'Slack', at: 10, ...more },
    });
    const denial = answered('a', { ...more, decision: 'deny', reason: 'r', interrupt: true });
    expect(run([asked('a'), ...posted('a'), denial]).effects[2]).toEqual({
      type: 'reply',
      id: 'a',
      outcome: { kind: 'denied', by: 'UA', via: 'Slack', at: 10, reason: 'r', interrupt: true },
    });
  });
});

describe('an answer', () => {
  test.each([
    ['of somebody else', { by: 'UX' }, 'not-approver'],
    ['with another nonce', { nonce: 'nonce-b' }, 'forged'],
    ['of somebody else with another nonce', { by: 'UX', nonce: 'nonce-b' }, 'forged'],
    ['on another message', { message: 'ts-b' }, 'forged'],
    ['in another conversation', { conversation: 'D2' }, 'forged'],
    ['at the deadline', { at: 100 }, 'expired'],
    ['to nothing', { requestId: 'zzz' }, 'unknown-request'],
  ] as const)('%s does not count and changes nothing', (_name, change, verdict) => {
    const { effects, state } = run([asked('a'), ...posted('a'), answered('a', change)]);
    expect(effects.at(-1)).toMatchObject({ type: 'refuse', verdict });
    expect(pendingRequests(state)).toHaveLength(1);
    expect(judged(state, answerTo('a'))).toBe('accepted');
  });

  test('of the second approver counts too', () => {
    expect(run([asked('a'), ...posted('a'), answered('a', { by: 'UB' })]).effects[2]).toMatchObject({
      outcome: { by: 'UB' },
    });
  });

  test('that allows what was not shown whole does not count, one that denies does', () => {
    const { effects } = run([asked('a'), ...posted('a', false), answered('a'), answered('a', { decision: 'deny' })]);
    expect(story(effects)).toEqual(['post', 'not-shown', 'record', 'reply', 'close']);
  });

  test('after the end is told which end it was', () => {
    const late = (event: BrokerEvent) => run([asked('a'), ...posted('a'), event, answered('a')]).effects.at(-1);
    expect(late(tick(100))).toMatchObject({ verdict: 'expired' });
    expect(late({ type: 'client-gone', id: 'a', at: 20 })).toMatchObject({ verdict: 'closed' });
    for (const kind of ['elsewhere', 'unknown'] as const) {
      const event = { type: 'answered-elsewhere', id: 'a', kind, reason: 'x', at: 20 } as const;
      expect(late(event)).toMatchObject({ verdict: 'closed' });
    }
    expect(late({ type: 'stopping', reason: 'x', at: 20 })).toMatchObject({ verdict: 'closed' });
  });

  test('to one of two identical requests decides that one only', () => {
    const input = request('a').input;
    const { state } = run([
      asked('a', { input }),
      asked('b', { input, digest: 'digest-a' }),
      ...posted('a'),
      ...posted('b'),
      answered('a'),
    ]);
    expect(pendingRequests(state).map(({ id }) => id)).toEqual(['b']);
  });

  test('can be judged without being given', () => {
    const { state } = run([asked('a'), ...posted('a')]);
    expect(judged(state, answerTo('a'))).toBe('accepted');
    expect(pendingRequests(state)).toHaveLength(1);
  });
});

describe('a request shown on several messages', () => {
  const second: Receipt = { conversation: 'D2', message: 'ts-2', complete: true };
  const onSecond = { conversation: 'D2', message: 'ts-2', by: 'UB' };

  test('is decided on any of them', () => {
    const { types } = run([
      asked('a'),
      shown('a'),
      { type: 'shown', id: 'a', receipt: second },
      answered('a', onSecond),
    ]);
    expect(types).toEqual(['post', 'record', 'reply', 'close']);
  });

  test('is decided on the first while the second is still to come', () => {
    expect(run([asked('a'), shown('a'), answered('a')]).types).toEqual(['post', 'record', 'reply', 'close']);
  });

  test('keeps an answer on one that is still to come, and refuses it once no more are', () => {
    const early = [asked('a'), shown('a'), answered('a', onSecond)];
    expect(run(early).types).toEqual(['post']);
    expect(run([...early, { type: 'shown', id: 'a', receipt: second }]).types).toContain('reply');
    expect(story(run([...early, shownAll('a')]).effects)).toEqual(['post', 'forged']);
  });

  test('can be approved where all of it is shown, and nowhere else', () => {
    const events = [asked('a'), shown('a', false), { type: 'shown', id: 'a', receipt: second } as const];
    expect(story(run([...events, answered('a')]).effects)).toEqual(['post', 'not-shown']);
    expect(run([...events, answered('a', onSecond)]).types).toContain('reply');
  });

  test('can be approved from the moment that a message has come to show all, and never loses that', () => {
    const events = [asked('a'), ...posted('a', false), shown('a', true)];
    expect(run([...events, answered('a')]).types).toContain('reply');
    expect(run([...events, shown('a', false), answered('a')]).types).toContain('reply');
  });

  test('goes on when only the later ones could not be posted', () => {
    const failed = { type: 'post-failed', id: 'a', reason: 'No network.', code: 'slack-unreachable', at: 9 } as const;
    const { types, state } = run([asked('a'), shown('a'), failed]);
    expect(types).toEqual(['post']);
    expect(judged(state, answerTo('a', onSecond))).toBe('forged');
    expect(judged(state, answerTo('a'))).toBe('accepted');
  });
});

describe('a request that two people must approve', () => {
  const two = [asked('a', { needed: 2 }), ...posted('a')];

  test('is allowed by the second of them, and names the first', () => {
    const { types, effects } = run([...two, answered('a'), answered('a', { by: 'UB', at: 20 })]);
    expect(types).toEqual(['post', 'count', 'record', 'reply', 'close']);
    expect(effects[1]).toMatchObject({ by: ['UA'] });
    expect(effects[3]).toMatchObject({ outcome: { kind: 'allowed', by: 'UB', also: ['UA'], at: 20 } });
  });

  test('is not allowed by one of them alone, however often', () => {
    const { effects, state } = run([...two, answered('a'), answered('a'), answered('a', { at: 30 })]);
    expect(story(effects)).toEqual(['post', 'count', 'already-approved', 'already-approved']);
    expect(pendingRequests(state)).toHaveLength(1);
  });

  test('is denied by one of them, also by the one who had approved', () => {
    for (const by of APPROVERS) {
      const { effects } = run([...two, answered('a'), answered('a', { decision: 'deny', by })]);
      expect(effects.at(-2)).toMatchObject({ type: 'reply', outcome: { kind: 'denied', by } });
    }
  });

  test('expires with one approval', () => {
    const { effects } = run([...two, answered('a'), tick(100)]);
    expect(effects.at(-2)).toMatchObject({ outcome: { kind: 'expired' } });
    expect(effects.at(-2)).not.toHaveProperty('outcome.also');
  });

  test('takes a plain yes only: what one of them adds the other has not seen', () => {
    for (const more of [{ updatedInput: {} }, { updatedPermissions: [ALWAYS] }, { grant: GRANT }]) {
      expect(story(run([...two, answered('a', more)]).effects)).toEqual(['post', 'not-offered']);
    }
  });

  test('counts approvals that came before the receipt', () => {
    const { types } = run([
      asked('a', { needed: 2 }),
      answered('a'),
      answered('a', { by: 'UB' }),
      answered('a', { by: 'UB' }),
      ...posted('a'),
    ]);
    expect(types).toEqual(['post', 'count', 'record', 'reply', 'close', 'refuse']);
  });
});

describe('what an agent cannot be given', () => {
  const permission = { ...NOTHING_MORE, form: 'permission' } as const;
  const questions = { ...NOTHING_MORE, form: 'questions' } as const;
  const plan = { ...NOTHING_MORE, form: 'plan' } as const;
  const stop = { ...NOTHING_MORE, form: 'stop' } as const;
  const verdictOf = (offers: Offers, change: Partial<Answer>) =>
    judged(run([asked('a', { offers }), ...posted('a')]).state, answerTo('a', change));

  test.each([
    ['another input', permission, { updatedInput: {} }, { edit: true }],
    ['a rule', permission, { updatedPermissions: [ALWAYS] }, { always: true }],
    ['a mode', plan, { updatedPermissions: [ACCEPT_EDITS] }, { acceptEdits: true }],
    ['a grant', permission, { grant: GRANT }, { grant: true }],
    ['the end of the turn', permission, { decision: 'deny', interrupt: true }, { interrupt: true }],
  ] as const)('%s counts only where it is offered', (_name, offers, change, more) => {
    expect(verdictOf(offers, change)).toBe('not-offered');
    expect(verdictOf({ ...offers, ...more }, change)).toBe('accepted');
  });

  test('a rule does not come along with an offered mode, nor a mode with an offered rule', () => {
    const both = { updatedPermissions: [ALWAYS, ACCEPT_EDITS] };
    expect(verdictOf({ ...permission, always: true }, both)).toBe('not-offered');
    expect(verdictOf({ ...permission, acceptEdits: true }, both)).toBe('not-offered');
    expect(verdictOf({ ...permission, always: true, acceptEdits: true }, both)).toBe('accepted');
  });

  test('questions are answered with answers and nothing else', () => {
    const updatedInput = { questions: [], answers: {} };
    expect(verdictOf(questions, {})).toBe('not-offered');
    expect(verdictOf(questions, { updatedInput })).toBe('accepted');
    expect(verdictOf(questions, { updatedInput, grant: GRANT })).toBe('not-offered');
    expect(verdictOf(questions, { updatedInput, updatedPermissions: [ALWAYS] })).toBe('not-offered');
    expect(verdictOf(questions, { decision: 'deny' })).toBe('accepted');
  });

  test('an agent that has stopped is sent on with words only, and may be left to stop', () => {
    expect(verdictOf(stop, { decision: 'deny' })).toBe('not-offered');
    expect(verdictOf(stop, { decision: 'deny', reason: 'Now the tests.' })).toBe('accepted');
    expect(verdictOf(stop, { decision: 'deny', reason: 'Now the tests.', interrupt: true })).toBe('not-offered');
    expect(verdictOf(stop, {})).toBe('accepted');
  });
});

describe('a request that a rule has decided', () => {
  const ruled: Outcome = { kind: 'allowed', by: 'policy', via: 'the rules of the config file', rule: 'ls', at: 1 };
  const event = (outcome: Outcome): BrokerEvent => askedOf(request('a'), outcome);

  test('is recorded, answered and closed, and never posted', () => {
    const { types, effects } = run([event(ruled)]);
    expect(types).toEqual(['record', 'reply', 'close']);
    expect(effects[1]).toEqual({ type: 'reply', id: 'a', outcome: ruled });
  });

  test('is not allowed without a record', () => {
    expect(run([event(ruled)], () => false).effects[1]).toMatchObject({ outcome: { kind: 'undeliverable' } });
    expect(run([event({ ...ruled, kind: 'denied' })], () => false).effects[1]).toMatchObject({
      outcome: { kind: 'denied' },
    });
  });
});

describe('a request', () => {
  test('expires at its time and says so', () => {
    const { state, effects } = run([asked('a'), asked('b', { expiresAt: 200 }), tick(100)]);
    expect(effects.at(-2)).toMatchObject({ type: 'reply', id: 'a', outcome: { kind: 'expired' } });
    expect(nextExpiry(state)).toBe(200);
  });

  test('whose client is gone is closed as withdrawn, and nobody is answered', () => {
    const { types } = run([asked('a'), ...posted('a'), { type: 'client-gone', id: 'a', at: 20 }]);
    expect(types).toEqual(['post', 'record', 'close']);
  });

  test('that could not be posted is answered with the reason', () => {
    const { effects } = run([
      asked('a'),
      { type: 'post-failed', id: 'a', reason: 'No network.', code: 'slack-unreachable', at: 9 },
    ]);
    expect(effects[2]).toMatchObject({
      type: 'reply',
      outcome: { kind: 'undeliverable', reason: 'No network.', code: 'slack-unreachable' },
    });
  });

  test('that is over before its receipts came leaves no early answer without a word', () => {
    const failed = { type: 'post-failed', id: 'a', reason: 'No network.', code: 'slack-unreachable', at: 9 } as const;
    expect(story(run([asked('a'), answered('a'), failed]).effects)).toContain('closed');
    const expired = [asked('a'), answered('a'), tick(100)];
    expect(story(run([...expired, failed]).effects)).toContain('expired');
    expect(story(run([...expired, shown('a')]).effects)).toContain('expired');
  });

  test('is answered however many end at once', () => {
    const count = 1500;
    const events = Array.from({ length: count }, (_, index) => asked(`r${index}`));
    const { effects } = run([...events, tick(100)]);
    for (const type of ['record', 'reply', 'close'])
      expect(effects.filter((effect) => effect.type === type)).toHaveLength(count);
  });

  test('settled long ago is forgotten, so that the state stays bounded', () => {
    const events = Array.from({ length: 1100 }, (_, index) => [
      asked(`r${index}`),
      { type: 'client-gone', id: `r${index}`, at: 1 } as const,
    ]).flat();
    expect(run(events).state.entries.size).toBe(1000);
  });

  test('keeps no more than a few early answers, however often somebody presses', () => {
    const presses = Array.from({ length: 50 }, () => answered('a'));
    expect(run([asked('a'), ...presses]).state.entries.get('a')?.early.length).toBeLessThan(20);
  });
});

/** Random histories, with ids, people and messages drawn from few values so that they meet. */
const IDS = ['a', 'b', 'c'] as const;
const ID = fc.constantFrom(...IDS);
const OFFERS: fc.Arbitrary<Offers> = fc.oneof(
  fc.constant(EVERYTHING),
  fc
    .tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean())
    .map(([edit, always, acceptEdits, interrupt, grant]) => ({
      ...{ form: 'permission' as const, edit, always, acceptEdits, interrupt, grant },
    })),
  fc.constantFrom<Offers>(
    { ...NOTHING_MORE, form: 'questions', interrupt: true },
    { ...NOTHING_MORE, form: 'plan', acceptEdits: true },
    { ...NOTHING_MORE, form: 'plan' },
    { ...NOTHING_MORE, form: 'stop' },
  ),
);
const RULED: fc.Arbitrary<Outcome> = fc.constantFrom('allowed' as const, 'denied' as const).map((kind) => ({
  ...{ kind, by: 'policy', via: 'the rules of the config file', rule: 'r', at: 0 },
}));
/** Each person has a message of their own. */
const PLACE = fc.constantFrom(1, 1, 2);
const placeOf = (id: string, number: number) => ({ conversation: `D${number}`, message: `ts-${id}-${number}` });
const MORE: fc.Arbitrary<Partial<Answer>> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  {
    weight: 6,
    arbitrary: fc.constantFrom<Partial<Answer>>(
      { updatedInput: { command: 'other' } },
      { updatedPermissions: [ALWAYS] },
      { updatedPermissions: [ACCEPT_EDITS] },
      { updatedPermissions: [ACCEPT_EDITS, ALWAYS] },
      { grant: GRANT },
      { reason: 'because' },
      { interrupt: true },
      { reason: 'because', interrupt: true },
      { updatedInput: { command: 'other' }, grant: GRANT },
    ),
  },
);
const seldom = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 15, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
const ANSWER = fc
  .tuple(
    ID,
    PLACE,
    seldom(ID),
    seldom(ID),
    seldom(PLACE),
    fc.constantFrom('UA', 'UA', 'UB', 'UB', 'UX'),
    fc.constantFrom('allow' as const, 'allow' as const, 'deny' as const),
    fc.constantFrom(10, 10, 99, 100, 150),
    MORE,
  )
  .map(([id, place, nonceOf, messageOf, conversationOf, by, decision, at, more]): BrokerEvent => {
    const { message } = placeOf(messageOf ?? id, place);
    const { conversation } = placeOf(id, conversationOf ?? place);
    return answered(id, { nonce: `nonce-${nonceOf ?? id}`, conversation, message, by, decision, at, ...more });
  });
const ASKED: fc.Arbitrary<BrokerEvent> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(ID, OFFERS, fc.constantFrom(1, 2))
      .map(([id, offers, needed]) => asked(id, { offers, needed: offers.form === 'permission' ? needed : 1 })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(ID, RULED).map(([id, ruled]): BrokerEvent => askedOf(request(id), ruled)),
  },
  { weight: 1, arbitrary: ID.map(heldOf) },
);
const EVENT: fc.Arbitrary<BrokerEvent> = fc.oneof(
  { weight: 4, arbitrary: ASKED },
  {
    weight: 16,
    arbitrary: fc.tuple(ID, PLACE, fc.constantFrom(true, true, false)).map(
      ([id, place, complete]): BrokerEvent => ({
        type: 'shown',
        id,
        receipt: { ...placeOf(id, place), complete },
      }),
    ),
  },
  { weight: 2, arbitrary: ID.map(shownAll) },
  {
    weight: 1,
    arbitrary: ID.map((id) => ({ type: 'post-failed' as const, id, reason: 'r', code: 'slack-unreachable', at: 9 })),
  },
  { weight: 32, arbitrary: ANSWER },
  { weight: 1, arbitrary: ID.map((id) => ({ type: 'client-gone' as const, id, at: 20 })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(ID, fc.constantFrom('elsewhere' as const, 'unknown' as const))
      .map(([id, kind]) => ({ type: 'answered-elsewhere' as const, id, kind, reason: 'r', at: 20 })),
  },
  { weight: 1, arbitrary: ID.map((id) => ({ type: 'released' as const, id })) },
  { weight: 1, arbitrary: ID.map((id) => ({ type: 'given-up' as const, id, reason: 'r', at: 20 })) },
  { weight: 1, arbitrary: fc.constantFrom(50, 99, 100, 150).map(tick) },
  { weight: 1, arbitrary: fc.constant({ type: 'stopping' as const, reason: 'r', at: 30 }) },
);
/** Each id is asked once at most: ids are unique in the daemon. Nothing is shown before it was asked. */
const HISTORY = fc
  .tuple(fc.array(ASKED, { maxLength: 4, size: 'max' }), fc.array(EVENT, { maxLength: 40, size: 'max' }))
  .map(([first, events]) => {
    const seen = new Set<string>();
    return [...first, ...events].filter((event) => {
      if (event.type === 'asked') return !seen.has(event.request.id) && seen.add(event.request.id);
      return !('id' in event) || seen.has(event.id);
    });
  });

type Effect<T extends BrokerEffect['type']> = Extract<BrokerEffect, { type: T }>;
interface History {
  readonly events: readonly BrokerEvent[];
  readonly effects: readonly BrokerEffect[];
  readonly during: readonly number[];
  readonly diskWorks: boolean;
  of<T extends BrokerEffect['type']>(type: T, id: string): readonly Effect<T>[];
}

const idOf = (effect: BrokerEffect): string =>
  effect.type === 'reply' ? effect.id : effect.type === 'refuse' ? effect.answer.requestId : effect.request.id;

function forEveryHistory(check: (history: History) => void): void {
  fc.assert(
    fc.property(HISTORY, fc.boolean(), (events, diskWorks) => {
      const { effects, during } = run(events, () => diskWorks);
      const of: History['of'] = (type, id) =>
        effects.filter((effect): effect is Effect<typeof type> => effect.type === type && idOf(effect) === id);
      check({ events, effects, during, diskWorks, of });
    }),
    { numRuns: 10_000 },
  );
}

/** Said by its own words, not the broker's: may this agent be given all of that? */
function mayBeGiven({ offers, needed }: ApprovalRequest, answer: Answer): boolean {
  const permissions = answer.updatedPermissions ?? [];
  if (answer.decision === 'deny') {
    if (answer.interrupt === true && !offers.interrupt) return false;
    return offers.form === 'stop' ? answer.reason !== undefined : true;
  }
  const isAnswered = answer.updatedInput !== undefined;
  if (offers.form === 'questions' && !isAnswered) return false;
  if (isAnswered && offers.form !== 'questions' && !offers.edit) return false;
  if (permissions.some(({ type }) => type === 'setMode') && !offers.acceptEdits) return false;
  if (permissions.some(({ type }) => type === 'addRules') && !offers.always) return false;
  if (answer.grant !== undefined && !offers.grant) return false;
  return needed === 1 || (!isAnswered && permissions.length === 0 && answer.grant === undefined);
}

/** The valid answers with a decision of this person that could have had an effect during event number `during`. */
function validAnswers(
  { events }: History,
  request: ApprovalRequest,
  by: string,
  decision: Answer['decision'],
  during: number,
): readonly Answer[] {
  const receipts = (answer: Answer, until: number) =>
    events
      .slice(0, until)
      .flatMap((event) => (event.type === 'shown' && event.id === request.id ? [event.receipt] : []))
      .filter(({ conversation, message }) => conversation === answer.conversation && message === answer.message);
  const isOver = (until: number): boolean =>
    events
      .slice(0, until)
      .some((event) => (event.type === 'shown-all' || event.type === 'post-failed') && event.id === request.id);
  return events.slice(0, during + 1).flatMap((event, index) => {
    if (event.type !== 'answered') return [];
    const { answer } = event;
    // On a message that was known, an answer has its effect at once or never.
    const isEarly = receipts(answer, index).length === 0 && !isOver(index);
    const known = receipts(answer, during + 1);
    const isValid =
      (index === during || isEarly) &&
      answer.requestId === request.id &&
      answer.nonce === request.nonce &&
      answer.by === by &&
      APPROVERS.includes(by) &&
      answer.decision === decision &&
      answer.at < request.expiresAt &&
      known.length > 0 &&
      (decision === 'deny' || known.some(({ complete }) => complete)) &&
      mayBeGiven(request, answer);
    return isValid ? [answer] : [];
  });
}

/** Requests that were asked of people, with their record and when it was made. */
function decidedByPeople({ events, effects, during }: History) {
  return effects.flatMap((effect, index) => {
    if (effect.type !== 'record') return [];
    const { request, outcome } = effect;
    const isRuled = events.some((event) => event.type === 'asked' && event.request === request && event.ruled);
    const isDecided = outcome.kind === 'allowed' || outcome.kind === 'denied';
    return isRuled || !isDecided ? [] : [{ request, outcome, during: during[index] ?? -1 }];
  });
}

describe('in every history', () => {
  test('[A83] a request gets at most one reply, one record and one close', () => {
    forEveryHistory(({ of }) => {
      for (const id of IDS) {
        for (const type of ['reply', 'record', 'close'] as const) expect(of(type, id).length).toBeLessThanOrEqual(1);
      }
    });
  }, 60_000);

  test('an approver with the nonce decides, in time, on a message that showed everything, with what is offered', () => {
    forEveryHistory((history) => {
      for (const { request, outcome, during } of decidedByPeople(history)) {
        const decision = outcome.kind === 'allowed' ? 'allow' : 'deny';
        const answers = validAnswers(history, request, outcome.by, decision, during);
        expect(answers.map((answer) => decidedLike(answer, outcome))).toContainEqual(outcome);
      }
    });
  }, 60_000);

  test('where two must approve two different people have, each validly', () => {
    forEveryHistory((history) => {
      for (const { request, outcome } of decidedByPeople(history)) {
        if (outcome.kind !== 'allowed') continue;
        const everybody = new Set([outcome.by, ...(outcome.also ?? [])]);
        expect(everybody.size).toBe(request.needed);
      }
      history.effects.forEach((effect, index) => {
        if (effect.type !== 'count') return;
        const { request, answer } = effect;
        const during = history.during[index] ?? -1;
        expect(validAnswers(history, request, answer.by, 'allow', during)).toContain(answer);
        expect(effect.by.at(-1)).toBe(answer.by);
      });
    });
  }, 60_000);

  test('counted approvals never settle a request alone', () => {
    forEveryHistory(({ of }) => {
      for (const id of IDS) {
        const counts = of('count', id);
        const [record] = of('record', id);
        for (const { request, by } of counts) expect(by.length).toBeLessThan(request.needed);
        expect(new Set(counts.map(({ answer }) => answer.by)).size).toBe(counts.length);
        if (record?.outcome.kind === 'allowed')
          expect(record.outcome.also ?? []).toEqual([...(counts.at(-1)?.by ?? [])]);
      }
    });
  }, 60_000);

  test('what a rule has decided is not posted, and is recorded once, before the reply', () => {
    forEveryHistory(({ events, effects, diskWorks, of }) => {
      for (const event of events) {
        if (event.type !== 'asked') continue;
        const { id } = event.request;
        if (event.hold === undefined) expect(of('post', id)).toHaveLength(event.ruled === undefined ? 1 : 0);
        else expect(of('post', id).length).toBeLessThanOrEqual(1);
        if (event.ruled === undefined) continue;
        const [record] = of('record', id);
        const [reply] = of('reply', id);
        expect(of('record', id).map(({ outcome }) => outcome)).toEqual([event.ruled]);
        if (diskWorks || event.ruled.kind === 'denied') expect(reply?.outcome).toEqual(event.ruled);
        if (record === undefined || reply === undefined) continue;
        expect(effects.indexOf(record)).toBeLessThan(effects.indexOf(reply));
      }
    });
  }, 60_000);

  test('nothing is allowed without a record', () => {
    forEveryHistory(({ effects, diskWorks, of }) => {
      for (const effect of effects) {
        if (effect.type !== 'reply' || effect.outcome.kind !== 'allowed') continue;
        expect(diskWorks).toBe(true);
        expect(of('record', effect.id)[0]?.outcome).toEqual(effect.outcome);
      }
    });
  }, 60_000);

  test('every waiting client is answered once its request has ended, and every request ends', () => {
    forEveryHistory(({ events, of }) => {
      for (const id of IDS) {
        const isGoneFirst = of('record', id)[0]?.outcome.kind === 'withdrawn';
        if (of('record', id).length === 1) expect(of('reply', id)).toHaveLength(isGoneFirst ? 0 : 1);
      }
      const last = run([...events, tick(1000)]);
      expect(pendingRequests(last.state)).toEqual([]);
      const askedIds = events.flatMap((event) => (event.type === 'asked' ? [event.request.id] : []));
      const closed = last.effects.flatMap((effect) => (effect.type === 'close' ? [effect.request.id] : []));
      expect(closed.sort()).toEqual(askedIds.sort());
    });
  }, 60_000);

  test('a client that has gone is answered nothing', () => {
    forEveryHistory(({ events, effects, during }) => {
      effects.forEach((effect, index) => {
        if (effect.type !== 'reply') return;
        const before = events.slice(0, (during[index] ?? 0) + 1);
        expect(before.filter((event) => event.type === 'client-gone' && event.id === effect.id)).toEqual([]);
      });
    });
  }, 60_000);

  test('the message says what the client was told, and the record came before both', () => {
    forEveryHistory(({ effects, of }) => {
      for (const id of IDS) {
        const [reply] = of('reply', id);
        const [close] = of('close', id);
        const [record] = of('record', id);
        expect(close === undefined).toBe(record === undefined);
        if (close === undefined || record === undefined) continue;
        expect(effects.indexOf(record)).toBeLessThan(effects.indexOf(close));
        if (reply === undefined) continue;
        expect(close.outcome).toEqual(reply.outcome);
        expect(effects.indexOf(record)).toBeLessThan(effects.indexOf(reply));
        expect(effects.indexOf(reply)).toBeLessThan(effects.indexOf(close));
      }
    });
  }, 60_000);

  test('an end that nobody decided is called what the event said', () => {
    forEveryHistory(({ events, effects, during }) => {
      effects.forEach((effect, index) => {
        const event = events[during[index] ?? -1];
        if (effect.type !== 'record' || event?.type === 'asked') return;
        const { kind } = effect.outcome;
        if (event?.type === 'answered-elsewhere') expect(kind).toBe(event.kind);
        else if (event?.type === 'stopping') expect(kind).toBe('stopped');
        else if (event?.type === 'client-gone') expect(kind).toBe('withdrawn');
        else if (event?.type === 'tick' || event?.type === 'given-up') expect(kind).toBe('expired');
        else if (event?.type === 'post-failed') expect(['undeliverable', 'allowed', 'denied']).toContain(kind);
        else expect(['allowed', 'denied']).toContain(kind);
      });
    });
  }, 60_000);

  test('every answer counts or is refused, once, when no more messages are to come', () => {
    forEveryHistory(({ events }) => {
      const { effects } = run([...events, ...IDS.map(shownAll)]);
      const answered = events.flatMap((event) => (event.type === 'answered' ? [event.answer.requestId] : []));
      // More presses than that before the first receipt are not kept; see the bound above.
      if (IDS.some((id) => answered.filter((other) => other === id).length > 16)) return;
      const fates = effects.filter(
        (effect) =>
          effect.type === 'refuse' ||
          effect.type === 'count' ||
          (effect.type === 'record' && 'via' in effect.outcome && effect.outcome.via === 'Slack'),
      );
      expect(fates.length).toBe(answered.length);
    });
  }, 60_000);
});

/** The outcome that an answer stands for, with who else approved taken from `outcome`. */
function decidedLike(answer: Answer, { also }: Decided): Decided {
  const { by, at, reason, interrupt, updatedInput, updatedPermissions, grant } = answer;
  const decided = { by, via: 'Slack', at };
  if (answer.decision === 'deny') {
    return { kind: 'denied', ...decided, ...(reason && { reason }), ...(interrupt && { interrupt }) };
  }
  return {
    ...{ kind: 'allowed', ...decided },
    ...(also && { also }),
    ...(updatedInput && { updatedInput }),
    ...(updatedPermissions && { updatedPermissions }),
    ...(grant && { grant }),
  };
}

test('a settled request keeps what late answers need, and not a large input', () => {
  const input = { ...request('a').input, tool_input: { command: 'x'.repeat(50_000) } };
  const { state } = run([asked('a', { input }), ...posted('a'), answered('a')]);
  expect(JSON.stringify([...state.entries.values()]).length).toBeLessThan(5_000);
  expect(judged(state, answerTo('a'))).toBe('already-decided');
});
