/** The ladder over the real broker, with a clock that only the test moves. */
import { describe, expect, test } from 'bun:test';
import { judge, step } from '../src/broker.ts';
import { type BrokerEffect, type BrokerEvent, createBrokerState } from '../src/broker-state.ts';
import { createPresenceDesk } from '../src/presence-desk.ts';
import { createRequest } from '../src/request.ts';
import type { Answer, ApprovalRequest, LeftBehind, Outcome, PresenceRules, Verdict } from '../src/types.ts';
import { bash, offersOf } from './channels/requests.ts';

const MINUTE = 60_000;
const NOON = Date.UTC(2026, 2, 10, 12);
const RULES: PresenceRules = { delayMs: 20_000, escalate: { afterMs: 10 * MINUTE, to: ['U2', 'C0OPS'] } };

/** As much of a daemon as the ladder needs. */
function daemon(options: { rules?: PresenceRules; isDiskFull?: boolean } = {}) {
  const clock = { now: NOON };
  const rules = { current: options.rules as PresenceRules | undefined };
  const state = createBrokerState();
  const effects: BrokerEffect[] = [];
  const records: unknown[] = [];
  const apply = (event: BrokerEvent): void => {
    for (const effect of step(state, event)) {
      effects.push(effect);
      if (effect.type === 'record') apply({ type: 'recorded', id: effect.request.id, at: clock.now });
      if (effect.type === 'close') desk.end(effect.request.id);
    }
  };
  const desk = createPresenceDesk({
    rules: () => rules.current,
    now: () => clock.now,
    recorder: {
      escalated: ({ id }, to, at) => {
        records.push({ id, to, at });
        return options.isDiskFull !== true;
      },
    },
    logger: { info: () => {} },
    apply,
  });
  const posts = (): readonly ApprovalRequest[] =>
    effects.flatMap((effect) => (effect.type === 'post' ? [effect.request] : []));
  const outcomes = (): readonly Outcome[] =>
    effects.flatMap((effect) => (effect.type === 'reply' ? [effect.outcome] : []));
  const ask = (request: ApprovalRequest, isHere = false): void => {
    const first = desk.begin(request, isHere);
    const hold = first.type === 'hold' ? { hold: first.why } : {};
    apply({ type: 'asked', request, deadline: request.expiresAt, ...hold });
  };
  /** Slack has taken the messages of everybody who is asked now. */
  const shown = (request: ApprovalRequest): void => {
    for (const person of posts().findLast(({ id }) => id === request.id)?.approvers ?? [])
      apply({ type: 'shown', id: request.id, receipt: { conversation: `D${person}`, message: '1', complete: true } });
    apply({ type: 'shown-all', id: request.id });
    desk.shown(request.id);
    desk.climb();
  };
  const pass = (ms: number): void => {
    clock.now += ms;
    apply({ type: 'tick', now: clock.now, at: clock.now });
    desk.climb();
  };
  const answer = (request: ApprovalRequest, by: string, change: Partial<Answer> = {}): Answer => ({
    ...{ requestId: request.id, nonce: request.nonce, decision: 'allow', by, conversation: `D${by}`, message: '1' },
    ...{ at: clock.now, ...change },
  });
  const verdict = (request: ApprovalRequest, by: string, change: Partial<Answer> = {}): Verdict =>
    judge(state, answer(request, by, change), clock.now);
  return { desk, apply, posts, outcomes, ask, shown, pass, records, rules, verdict, answer, state, clock };
}

function newRequest(now = NOON, waitMs = 60 * MINUTE): ApprovalRequest {
  return createRequest({
    ...{ input: bash('ls'), agent: 'claude', approvers: ['U1'], fromConfig: false, needed: 1, secrets: [] },
    ...{ offers: offersOf(bash('ls')), now, waitMs },
  });
}

describe('a request on the ladder', () => {
  test('is shown to nobody before the delay is over', () => {
    const { ask, posts, pass, desk } = daemon({ rules: RULES });
    ask(newRequest());
    expect([posts(), desk.nextIn()]).toEqual([[], 20_000]);
    pass(19_999);
    expect([posts(), desk.nextIn()]).toEqual([[], 1]);
    pass(1);
    expect(posts()).toHaveLength(1);
    pass(MINUTE);
    expect(posts()).toHaveLength(1);
  });

  test('is never shown when the terminal answered first', () => {
    for (const end of ['client-gone', 'answered-elsewhere'] as const) {
      const { ask, apply, posts, pass, desk } = daemon({ rules: RULES });
      const request = newRequest();
      ask(request);
      apply({ type: end, id: request.id, kind: 'elsewhere', reason: 'It was answered.', at: NOON });
      pass(MINUTE);
      expect([posts(), desk.nextIn()]).toEqual([[], undefined]);
    }
  });

  test('waits for as long as the person is at the keyboard, and is shown when they leave', () => {
    const { ask, posts, pass, desk } = daemon({ rules: RULES });
    const request = newRequest();
    ask(request, true);
    pass(30 * MINUTE);
    expect([posts(), desk.nextIn()]).toEqual([[], undefined]);
    desk.away(request.id);
    desk.climb();
    expect(posts()).toHaveLength(1);
  });

  test('that nobody was shown before its deadline expires with the reason', () => {
    const { ask, posts, pass, outcomes } = daemon({ rules: RULES });
    ask(newRequest(NOON, 10 * MINUTE), true);
    pass(10 * MINUTE);
    expect(posts()).toEqual([]);
    expect(outcomes()).toEqual([
      expect.objectContaining({ kind: 'expired', reason: expect.stringContaining('terminal') }),
    ]);
  });

  test('goes to others after a while, who may answer it from then on and not before', () => {
    const { ask, posts, pass, shown, records, verdict, apply, answer, outcomes } = daemon({ rules: RULES });
    const request = newRequest();
    ask(request);
    pass(20_000);
    shown(request);
    expect(verdict(request, 'U2')).toBe('not-approver');
    pass(10 * MINUTE - 1);
    expect(posts()).toHaveLength(1);
    pass(1);
    expect(records).toEqual([{ id: request.id, to: ['U2', 'C0OPS'], at: NOON + 20_000 + 10 * MINUTE }]);
    expect(posts()[1]).toMatchObject({ approvers: ['U1', 'U2'], escalatedTo: ['U2', 'C0OPS'], nonce: request.nonce });
    shown(request);
    pass(30 * MINUTE);
    expect(posts()).toHaveLength(2);
    // Whoever reads along in the channel is no approver.
    expect(verdict(request, 'U3', { conversation: 'C0OPS' })).toBe('not-approver');
    expect(verdict(request, 'C0OPS')).toBe('not-approver');
    expect(verdict(request, 'U2')).toBe('accepted');
    apply({ type: 'answered', answer: answer(request, 'U2'), now: NOON + 50 * MINUTE });
    expect(outcomes()).toMatchObject([{ kind: 'allowed', by: 'U2' }]);
  });

  test('is decided by others for itself only: they give no rules and no grants', () => {
    const { ask, pass, shown, verdict } = daemon({ rules: RULES });
    const request = newRequest();
    ask(request);
    pass(20_000);
    shown(request);
    pass(10 * MINUTE);
    shown(request);
    const grant = { rule: { kind: 'exact', digest: request.digest }, text: 'ls', forMs: 1 } as const;
    expect(verdict(request, 'U1', { grant })).toBe('accepted');
    expect(verdict(request, 'U2', { grant })).toBe('not-offered');
    const updatedPermissions = [{ type: 'addRules', rules: [], behavior: 'allow', destination: 'session' }] as const;
    expect(verdict(request, 'U2', { updatedPermissions })).toBe('not-offered');
    expect(verdict(request, 'U2', { updatedInput: { command: 'ls -l' } })).toBe('accepted');
  });

  test('goes to nobody else when that cannot be written down', () => {
    const { ask, pass, shown, posts, verdict, desk } = daemon({ rules: RULES, isDiskFull: true });
    const request = newRequest();
    ask(request);
    pass(20_000);
    shown(request);
    pass(10 * MINUTE);
    expect(posts()).toHaveLength(1);
    expect(verdict(request, 'U2')).toBe('not-approver');
    expect(desk.nextIn()).toBeUndefined();
  });

  test('goes to others only once its first messages are there', () => {
    const { ask, pass, shown, posts } = daemon({ rules: RULES });
    const request = newRequest();
    ask(request);
    pass(20_000);
    pass(30 * MINUTE);
    expect(posts()).toHaveLength(1);
    shown(request);
    pass(10 * MINUTE);
    expect(posts()).toHaveLength(2);
  });

  test('follows the config file as it is now', () => {
    const { ask, pass, posts, rules } = daemon({ rules: RULES });
    ask(newRequest());
    rules.current = undefined;
    pass(1);
    expect(posts()).toHaveLength(1);
  });

  test('fails when quiet hours begin before it was shown', () => {
    const quietHours = { from: 12 * 60 + 1, to: 13 * 60, isHeld: false, timeZone: 'UTC' };
    const { ask, pass, posts, outcomes } = daemon({ rules: { delayMs: 2 * MINUTE, quietHours } });
    ask(newRequest());
    pass(2 * MINUTE);
    expect(posts()).toEqual([]);
    expect(outcomes()).toEqual([
      expect.objectContaining({ kind: 'expired', reason: expect.stringContaining('12:01') }),
    ]);
  });
});

describe('a request of an earlier daemon', () => {
  const left = (request: ApprovalRequest, shownAt?: number): LeftBehind => ({
    ...{ request, receipts: [], approvedBy: [], isExact: true, isAtEnd: false },
    ...(shownAt === undefined ? {} : { shownAt }),
  });

  test('that nobody has seen goes on waiting for the rest of the delay', () => {
    const { desk, clock } = daemon({ rules: RULES });
    const request = newRequest();
    desk.restore([left(request)]);
    clock.now += 15_000;
    expect(desk.begin(request, false)).toMatchObject({ type: 'hold' });
    expect(desk.nextIn()).toBe(5_000);
  });

  test('that was shown goes to others as long after the first message as it would have', () => {
    const { desk, clock, shown, apply, pass, posts } = daemon({ rules: RULES });
    const request = newRequest();
    desk.restore([left(request, NOON)]);
    apply({ type: 'restored', request, deadline: request.expiresAt, receipts: [], approvedBy: [] });
    clock.now += 7 * MINUTE;
    expect(desk.begin(request, true)).toEqual({ type: 'post' });
    apply({ type: 'attached', request });
    shown(request);
    pass(3 * MINUTE - 1);
    expect(posts()).toHaveLength(1);
    pass(1);
    expect(posts()[1]?.escalatedTo).toEqual(['U2', 'C0OPS']);
  });

  test('that went to others goes to nobody else', () => {
    const { desk, clock, shown, apply, pass, posts } = daemon({ rules: RULES });
    const request: ApprovalRequest = { ...newRequest(), approvers: ['U1', 'U2'], escalatedTo: ['U2'] };
    desk.restore([left(request, NOON)]);
    apply({ type: 'restored', request, deadline: request.expiresAt, receipts: [], approvedBy: [] });
    clock.now += 30 * MINUTE;
    desk.begin(request, false);
    apply({ type: 'attached', request });
    shown(request);
    pass(MINUTE);
    expect(posts()).toHaveLength(1);
  });
});
