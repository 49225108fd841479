import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  type BrokerEffect,
  type BrokerEvent,
  createBrokerState,
  judge,
  nextExpiry,
  pendingRequests,
  step,
} from '../src/broker.ts';
import type { Answer, ApprovalRequest, Receipt } from '../src/types.ts';

const APPROVERS: readonly [string, ...string[]] = ['UA', 'UB'];

function request(id: string, change: Partial<ApprovalRequest> = {}): ApprovalRequest {
  return {
    id,
    nonce: `nonce-${id}`,
    agent: 'claude',
    input: { hook_event_name: 'PreToolUse', session_id: 's', cwd: '/', tool_name: 'Bash', tool_input: { command: id } },
    digest: `digest-${id}`,
    approvers: APPROVERS,
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

/** Runs events as the shell does: a record is written at once and reported back. */
function run(events: readonly BrokerEvent[], recordOk: (id: string) => boolean = () => true) {
  const state = createBrokerState();
  const effects: BrokerEffect[] = [];
  const apply = (event: BrokerEvent): void => {
    for (const effect of step(state, event)) {
      effects.push(effect);
      if (effect.type === 'record')
        apply({ type: 'recorded', id: effect.request.id, ok: recordOk(effect.request.id), at: 50 });
    }
  };
  for (const event of events) apply(event);
  return { state, effects, types: effects.map(({ type }) => type) };
}
const asked = (id: string, change: Partial<ApprovalRequest> = {}): BrokerEvent => ({
  type: 'asked',
  request: request(id, change),
});
const posted = (id: string, complete = true): BrokerEvent => ({
  type: 'posted',
  id,
  receipt: receiptOf(id, complete),
  at: 5,
});
const answered = (id: string, change: Partial<Answer> = {}): BrokerEvent => ({
  type: 'answered',
  answer: answerTo(id, change),
});

describe('one approval', () => {
  test('is posted, recorded, answered and closed, in this order', () => {
    const { types, effects } = run([asked('a'), posted('a'), answered('a')]);
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
        posted('a'),
        answered('a', { decision: first }),
        answered('a', { decision: second }),
      ]);
      expect(effects.filter(({ type }) => type === 'reply')).toMatchObject([{ outcome: { kind } }]);
      expect(effects.at(-1)).toMatchObject({ type: 'refuse', verdict: 'already-decided' });
    }
  });

  test('answered before its receipt came is decided by that answer once the receipt is there', () => {
    const { types } = run([asked('a'), answered('a'), posted('a')]);
    expect(types).toEqual(['post', 'record', 'reply', 'close']);
  });

  test('without a record is not an approval', () => {
    const { effects } = run([asked('a'), posted('a'), answered('a')], () => false);
    expect(effects[2]).toMatchObject({ type: 'reply', outcome: { kind: 'undeliverable', code: 'audit' } });
    expect(effects[3]).toMatchObject({ type: 'close', outcome: { kind: 'undeliverable' } });
  });

  test('whose record failed still denies when a person denied', () => {
    const { effects } = run([asked('a'), posted('a'), answered('a', { decision: 'deny' })], () => false);
    expect(effects[2]).toMatchObject({ type: 'reply', outcome: { kind: 'denied' } });
  });
});

describe('an answer', () => {
  test.each([
    ['of somebody else', { by: 'UX' }, 'not-approver'],
    ['with another nonce', { nonce: 'nonce-b' }, 'forged'],
    ['on another message', { message: 'ts-b' }, 'forged'],
    ['in another conversation', { conversation: 'D2' }, 'forged'],
    ['at the deadline', { at: 100 }, 'expired'],
    ['to nothing', { requestId: 'zzz' }, 'unknown-request'],
  ] as const)('%s does not count and changes nothing', (_name, change, verdict) => {
    const { effects, state } = run([asked('a'), posted('a'), answered('a', change)]);
    expect(effects.at(-1)).toMatchObject({ type: 'refuse', verdict });
    expect(pendingRequests(state)).toHaveLength(1);
    expect(judge(state, answerTo('a'))).toBe('accepted');
  });

  test('of the second approver counts too', () => {
    expect(run([asked('a'), posted('a'), answered('a', { by: 'UB' })]).effects[2]).toMatchObject({
      outcome: { by: 'UB' },
    });
  });

  test('that allows what was not shown whole does not count, one that denies does', () => {
    const { effects } = run([asked('a'), posted('a', false), answered('a'), answered('a', { decision: 'deny' })]);
    expect(effects.map((effect) => (effect.type === 'refuse' ? effect.verdict : effect.type))).toEqual([
      'post',
      'not-shown',
      'record',
      'reply',
      'close',
    ]);
  });

  test('after the end is told which end it was', () => {
    const late = (event: BrokerEvent) => run([asked('a'), posted('a'), event, answered('a')]).effects.at(-1);
    expect(late({ type: 'tick', at: 100 })).toMatchObject({ verdict: 'expired' });
    expect(late({ type: 'client-gone', id: 'a', at: 20 })).toMatchObject({ verdict: 'closed' });
    expect(late({ type: 'answered-elsewhere', id: 'a', reason: 'x', at: 20 })).toMatchObject({ verdict: 'closed' });
    expect(late({ type: 'stopping', reason: 'x', at: 20 })).toMatchObject({ verdict: 'closed' });
  });

  test('to one of two identical requests decides that one only', () => {
    const input = request('a').input;
    const { state } = run([
      asked('a', { input }),
      asked('b', { input, digest: 'digest-a' }),
      posted('a'),
      posted('b'),
      answered('a'),
    ]);
    expect(pendingRequests(state).map(({ id }) => id)).toEqual(['b']);
  });
});

describe('a request', () => {
  test('expires at its time and says so', () => {
    const { state, effects } = run([asked('a'), asked('b', { expiresAt: 200 }), { type: 'tick', at: 100 }]);
    expect(effects.at(-2)).toMatchObject({ type: 'reply', id: 'a', outcome: { kind: 'expired' } });
    expect(nextExpiry(state)).toBe(200);
  });

  test('whose client is gone is closed as withdrawn, and nobody is answered', () => {
    const { types } = run([asked('a'), posted('a'), { type: 'client-gone', id: 'a', at: 20 }]);
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

  test('is answered however many end at once', () => {
    const count = 1500;
    const events = Array.from({ length: count }, (_, index) => asked(`r${index}`));
    const { effects } = run([...events, { type: 'tick', at: 100 }]);
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
});

/** Random histories, with ids, people and messages drawn from few values so that they meet. */
const ID = fc.constantFrom('a', 'b', 'c');
const EVENT: fc.Arbitrary<BrokerEvent> = fc.oneof(
  { weight: 3, arbitrary: ID.map((id) => asked(id)) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('posted' as const),
      id: ID,
      receipt: fc.tuple(ID, fc.boolean()).map(([id, complete]) => receiptOf(id, complete)),
      at: fc.nat(150),
    }),
  },
  {
    weight: 1,
    arbitrary: ID.map((id) => ({ type: 'post-failed' as const, id, reason: 'r', code: 'slack-unreachable', at: 9 })),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        ID,
        fc.option(ID, { freq: 6 }),
        fc.option(ID, { freq: 6 }),
        fc.constantFrom('UA', 'UA', 'UB', 'UX'),
        fc.constantFrom('allow' as const, 'deny' as const),
        fc.constantFrom(10, 10, 99, 100, 150),
      )
      .map(([id, nonceOf, messageOf, by, decision, at]) =>
        answered(id, { nonce: `nonce-${nonceOf ?? id}`, message: `ts-${messageOf ?? id}`, by, decision, at }),
      ),
  },
  { weight: 1, arbitrary: ID.map((id) => ({ type: 'client-gone' as const, id, at: 20 })) },
  { weight: 1, arbitrary: ID.map((id) => ({ type: 'answered-elsewhere' as const, id, reason: 'r', at: 20 })) },
  { weight: 1, arbitrary: fc.constantFrom(50, 100, 150).map((at) => ({ type: 'tick' as const, at })) },
  { weight: 1, arbitrary: fc.constant({ type: 'stopping' as const, reason: 'r', at: 30 }) },
);
/** Each id is asked once at most: ids are unique in the daemon. */
const HISTORY = fc.array(EVENT, { maxLength: 40 }).map((events) => {
  const seen = new Set<string>();
  return events.filter(
    (event) => event.type !== 'asked' || (!seen.has(event.request.id) && seen.add(event.request.id)),
  );
});

describe('in every history', () => {
  const forEveryHistory = (check: (events: readonly BrokerEvent[], effects: readonly BrokerEffect[]) => void): void => {
    fc.assert(
      fc.property(HISTORY, fc.boolean(), (events, diskWorks) => check(events, run(events, () => diskWorks).effects)),
      { numRuns: 10_000 },
    );
  };
  const of = <T extends BrokerEffect['type']>(effects: readonly BrokerEffect[], type: T, id: string) =>
    effects.filter(
      (effect): effect is Extract<BrokerEffect, { type: T }> => effect.type === type && idOf(effect) === id,
    );
  const idOf = (effect: BrokerEffect): string =>
    effect.type === 'reply' ? effect.id : effect.type === 'refuse' ? effect.answer.requestId : effect.request.id;

  test('a request gets at most one reply, one record and one close', () => {
    forEveryHistory((_events, effects) => {
      for (const id of ['a', 'b', 'c']) {
        for (const type of ['reply', 'record', 'close'] as const)
          expect(of(effects, type, id).length).toBeLessThanOrEqual(1);
      }
    });
  });

  test('an allow follows a timely click of an approver with the nonce on the message that showed everything', () => {
    forEveryHistory((events, effects) => {
      for (const effect of effects) {
        if (effect.type !== 'reply' || effect.outcome.kind !== 'allowed') continue;
        const from = events.findIndex((event) => event.type === 'asked' && event.request.id === effect.id);
        const receipt = events.find(
          (event, index) => index > from && event.type === 'posted' && event.id === effect.id,
        );
        const click = events.find(
          (event) =>
            event.type === 'answered' &&
            event.answer.requestId === effect.id &&
            event.answer.nonce === `nonce-${effect.id}` &&
            event.answer.decision === 'allow' &&
            APPROVERS.includes(event.answer.by) &&
            event.answer.at < 100 &&
            receipt?.type === 'posted' &&
            receipt.receipt.complete &&
            event.answer.message === receipt.receipt.message,
        );
        expect(click).toBeDefined();
      }
    });
  });

  test('every waiting client is answered once its request has ended', () => {
    forEveryHistory((events, effects) => {
      for (const id of ['a', 'b', 'c']) {
        const isGoneFirst = of(effects, 'record', id)[0]?.outcome.kind === 'withdrawn';
        if (of(effects, 'record', id).length === 1) expect(of(effects, 'reply', id)).toHaveLength(isGoneFirst ? 0 : 1);
      }
      const last = run([...events, { type: 'tick', at: 1000 }]);
      expect(pendingRequests(last.state)).toEqual([]);
    });
  });

  test('the message says what the client was told, and the record came before both', () => {
    forEveryHistory((_events, effects) => {
      for (const id of ['a', 'b', 'c']) {
        const [reply] = of(effects, 'reply', id);
        const [close] = of(effects, 'close', id);
        const [record] = of(effects, 'record', id);
        if (reply !== undefined) expect(close?.outcome).toEqual(reply.outcome);
        if (close === undefined || record === undefined) continue;
        expect(effects.indexOf(record)).toBeLessThan(effects.indexOf(close));
        if (reply === undefined) continue;
        expect(effects.indexOf(record)).toBeLessThan(effects.indexOf(reply));
        expect(effects.indexOf(reply)).toBeLessThan(effects.indexOf(close));
      }
    });
  });
});
