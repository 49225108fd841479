/** A daemon may die between any two events: what the next one makes of the records must be as if none had died. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { judge, step } from '../src/broker.ts';
import { type BrokerEffect, type BrokerEvent, createBrokerState, pendingRequests } from '../src/broker-state.ts';
import { createFollower } from '../src/store/left-behind.ts';
import type { Answer, ApprovalRequest, Outcome, Receipt, StoreRecord } from '../src/types.ts';

const IDS = ['a', 'b', 'c'] as const;
const EXPIRES_AT = 100;
const nonceOf = (id: string): string => `nonce-${id}`;

function requestOf(id: string, needed: number): ApprovalRequest {
  return {
    ...{ id, nonce: nonceOf(id), agent: 'claude', digest: `digest-${id}`, approvers: ['UA', 'UB'], needed },
    input: { hook_event_name: 'PreToolUse', session_id: 's', cwd: '/', tool_name: 'Bash', tool_input: { command: id } },
    offers: { form: 'permission', edit: true, always: true, acceptEdits: true, interrupt: true, grant: true },
    ...{ fromConfig: false, secrets: [], askedAt: 0, expiresAt: EXPIRES_AT },
  };
}
const receiptOf = (id: string, number: number, complete = true): Receipt => ({
  ...{ conversation: `D${number}`, message: `ts-${id}-${number}`, complete },
});

class Death extends Error {}

/** A daemon as far as this needs one: the broker, what it writes, and what comes of its effects. It dies after so many records. */
function daemon(log: StoreRecord[], effects: BrokerEffect[], started: readonly BrokerEvent[] = []) {
  const state = createBrokerState();
  let left = Number.POSITIVE_INFINITY;
  const write = (record: Record<string, unknown> & { type: string }): void => {
    log.push({ at: 1, ...record });
    left -= 1;
    if (left === 0) throw new Death();
  };
  /** Only who is posting can be told that a message shows it. */
  const posting = new Set<string>();
  const perform = (effect: BrokerEffect): void => {
    effects.push(effect);
    switch (effect.type) {
      case 'post':
        posting.add(effect.request.id);
        return;
      case 'record':
        write({ ...effect.outcome, type: 'ended', id: effect.request.id });
        apply({ type: 'recorded', id: effect.request.id, at: 50 });
        return;
      case 'reply':
        write({ type: 'delivered', id: effect.id });
        return;
      case 'close':
        write({ type: 'closed', id: effect.request.id });
        return;
      case 'count':
        write({ type: 'approved', id: effect.request.id, by: effect.answer.by });
    }
  };
  const apply = (event: BrokerEvent): void => {
    if ((event.type === 'shown' || event.type === 'shown-all') && !posting.has(event.id)) return;
    if (event.type === 'shown-all') posting.delete(event.id);
    if (event.type === 'asked') write({ ...event.request, type: 'asked', app: 'app', at: 0 });
    if (event.type === 'shown') write({ ...event.receipt, type: 'posted', id: event.id });
    for (const effect of step(state, event)) perform(effect);
  };
  for (const event of started) apply(event);
  const dieAfter = (records: number): void => {
    left = records;
  };
  return { state, apply, dieAfter };
}

/** What the next daemon begins with. */
function restored(log: readonly StoreRecord[]): readonly BrokerEvent[] {
  const follower = createFollower({ app: 'app', nonceOf });
  for (const record of log) follower.note(record);
  return follower.list(0).map(({ request, receipts, approvedBy, outcome, isAtEnd }) => ({
    ...{ type: 'restored', request, deadline: request.expiresAt, receipts, approvedBy, isClosed: isAtEnd },
    ...(outcome === undefined ? {} : { outcome }),
  }));
}

const ID = fc.constantFrom(...IDS);
const ANSWER: fc.Arbitrary<BrokerEvent> = fc
  .tuple(
    ID,
    fc.constantFrom(1, 1, 2),
    fc.constantFrom('UA', 'UA', 'UB', 'UX'),
    fc.constantFrom('allow' as const, 'allow' as const, 'deny' as const),
    fc.constantFrom('', '', '', 'wrong'),
  )
  .map(([id, number, by, decision, wrong]) => {
    const { conversation, message } = receiptOf(id, number);
    const answer: Answer = { requestId: id, nonce: nonceOf(id) + wrong, decision, by, conversation, message, at: 10 };
    return { type: 'answered', answer, now: 10 };
  });
const EVENT: fc.Arbitrary<BrokerEvent> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(ID, fc.constantFrom(1, 1, 2)).map(([id, needed]) => askedOf(requestOf(id, needed))),
  },
  {
    weight: 12,
    arbitrary: fc
      .tuple(ID, fc.constantFrom(1, 1, 2), fc.constantFrom(true, true, false))
      .map(([id, number, complete]) => ({ type: 'shown' as const, id, receipt: receiptOf(id, number, complete) })),
  },
  { weight: 2, arbitrary: ID.map((id) => ({ type: 'shown-all' as const, id })) },
  { weight: 20, arbitrary: ANSWER },
  { weight: 1, arbitrary: ID.map((id) => ({ type: 'client-gone' as const, id, at: 20 })) },
  { weight: 1, arbitrary: fc.constant({ type: 'tick' as const, now: 100, at: 100 }) },
);
function askedOf(request: ApprovalRequest): BrokerEvent {
  return { type: 'asked', request, deadline: request.expiresAt };
}

/** The daemon dies at once, or in the middle of what it does next; its clients come back at some later point. */
type Step =
  | BrokerEvent
  | { readonly type: 'death'; readonly after: number }
  | { readonly type: 'back'; readonly id: string };
const DEATH: fc.Arbitrary<Step> = fc.constantFrom(0, 1, 1, 2, 3).map((after) => ({ type: 'death', after }));
const BACK: fc.Arbitrary<Step> = ID.map((id) => ({ type: 'back', id }));
const HISTORY: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof({ weight: 40, arbitrary: EVENT }, { weight: 2, arbitrary: DEATH }, { weight: 4, arbitrary: BACK }),
  { maxLength: 60, size: 'max' },
);

interface Told {
  readonly log: readonly StoreRecord[];
  readonly effects: readonly BrokerEffect[];
  /** What the client of each request was told last. */
  readonly said: ReadonlyMap<string, Outcome>;
  readonly pending: readonly string[];
  /** Requests whose client waits or has been answered. */
  readonly clients: ReadonlySet<string>;
}

/** Lives through a history, and at its end all clients come back and the time is up. */
function live(history: readonly Step[]): Told {
  const log: StoreRecord[] = [];
  const effects: BrokerEffect[] = [];
  const requests = new Map<string, ApprovalRequest>();
  const clients = new Set<string>();
  let current = daemon(log, effects);
  const apply = (event: BrokerEvent): void => {
    try {
      current.apply(event);
    } catch (error) {
      if (!(error instanceof Death)) throw error;
      current = daemon(log, effects, restored(log));
    }
  };
  const comeBack = (id: string): void => {
    const request = requests.get(id);
    if (request === undefined || !clients.has(id)) return;
    apply(current.state.entries.has(id) ? { type: 'attached', request } : askedOf(request));
  };
  for (const next of history) {
    if (next.type === 'death' && next.after === 0) current = daemon(log, effects, restored(log));
    else if (next.type === 'death') current.dieAfter(next.after);
    else if (next.type === 'back') comeBack(next.id);
    else if (next.type !== 'asked') {
      if (next.type === 'client-gone') clients.delete(next.id);
      apply(next);
    } else if (!requests.has(next.request.id)) {
      requests.set(next.request.id, next.request);
      clients.add(next.request.id);
      apply(next);
    }
  }
  current.dieAfter(Number.POSITIVE_INFINITY);
  for (const id of IDS) comeBack(id);
  apply({ type: 'tick', now: 1000, at: 1000 });
  const said = new Map(effects.flatMap((effect) => (effect.type === 'reply' ? [[effect.id, effect.outcome]] : [])));
  return { log, effects, said, clients, pending: pendingRequests(current.state).map(({ id }) => id) };
}

function forEveryLife(check: (told: Told) => void): void {
  fc.assert(
    fc.property(HISTORY, (history) => check(live(history))),
    { numRuns: 10_000 },
  );
}

describe('in every history with deaths', () => {
  test('a request has one end on record, and its client and its messages hear of that one', () => {
    forEveryLife(({ log, effects, said }) => {
      for (const id of IDS) {
        const ends = log.filter((record) => record.type === 'ended' && record.id === id);
        expect(ends.length).toBeLessThanOrEqual(1);
        const kinds = new Set(
          effects.flatMap((effect) =>
            effect.type === 'close' && effect.request.id === id ? [effect.outcome.kind] : [],
          ),
        );
        const told = said.get(id);
        if (told !== undefined) kinds.add(told.kind);
        const isShown = log.some((record) => record.type === 'posted' && record.id === id);
        const known = ends.map(({ kind }) => kind as Outcome['kind']);
        // What nobody was shown or told may have ended unheard.
        if (kinds.size > 0 || isShown) expect([...kinds]).toEqual(known);
      }
    });
  }, 60_000);

  test('every client that lives is answered, and nothing is left pending', () => {
    forEveryLife(({ log, said, clients, pending }) => {
      expect(pending).toEqual([]);
      for (const id of clients) expect([id, said.has(id)]).toEqual([id, true]);
      expect(log.filter(({ type }) => type === 'asked').length).toBeGreaterThanOrEqual(clients.size);
    });
  }, 60_000);

  test('an allow has as many approvers with the right nonce, on messages that showed everything, as it needs', () => {
    forEveryLife(({ effects, log }) => {
      for (const effect of effects) {
        if (effect.type !== 'record' || effect.outcome.kind !== 'allowed') continue;
        const { request, outcome } = effect;
        const people = new Set([outcome.by, ...(outcome.also ?? [])]);
        expect(people.size).toBe(request.needed);
        for (const by of people) expect(request.approvers).toContain(by);
        const complete = log.some((record) => record.type === 'posted' && record.id === request.id && record.complete);
        expect(complete).toBe(true);
      }
    });
  }, 60_000);
});

describe('a restored request', () => {
  const request = requestOf('a', 1);
  const receipts = [receiptOf('a', 1)];
  const start = (more: Partial<Extract<BrokerEvent, { type: 'restored' }>> = {}) => {
    const effects: BrokerEffect[] = [];
    const event: BrokerEvent = { type: 'restored', request, deadline: 100, receipts, approvedBy: [], ...more };
    return { ...daemon([], effects, [event]), effects };
  };
  const answer: Answer = {
    ...{ requestId: 'a', nonce: 'nonce-a', decision: 'allow', by: 'UA', at: 10 },
    ...{ conversation: 'D1', message: 'ts-a-1' },
  };
  const press: BrokerEvent = { type: 'answered', answer, now: 10 };
  const types = (effects: readonly BrokerEffect[]): readonly string[] => effects.map(({ type }) => type);

  test('is decided by nobody before its client is back, and then by the answer that came meanwhile', () => {
    const { apply, effects, state } = start();
    expect(judge(state, answer, 10)).toBe('pending');
    apply(press);
    expect(effects).toEqual([]);
    apply({ type: 'attached', request });
    expect(types(effects)).toEqual(['post', 'record', 'reply', 'close']);
  });

  test('whose client does not come back is withdrawn, and who has answered it hears so', () => {
    const { apply, effects } = start();
    apply(press);
    apply({ type: 'client-gone', id: 'a', at: 20 });
    expect(types(effects)).toEqual(['record', 'close', 'refuse']);
    expect(effects.at(-1)).toMatchObject({ verdict: 'closed' });
  });

  test('that was decided is closed again, and its client told when it asks', () => {
    const outcome: Outcome = { kind: 'allowed', by: 'UA', via: 'Slack', at: 10 };
    const { apply, effects } = start({ outcome });
    expect(types(effects)).toEqual(['close']);
    apply({ type: 'attached', request });
    expect(effects.at(-1)).toEqual({ type: 'reply', id: 'a', outcome });
  });

  test('keeps the approval that was counted', () => {
    const two = requestOf('a', 2);
    const { apply, effects } = start({ request: two, approvedBy: ['UB'] });
    apply({ type: 'attached', request: two });
    apply(press);
    expect(effects.find(({ type }) => type === 'reply')).toMatchObject({ outcome: { kind: 'allowed', also: ['UB'] } });
  });

  test('expires like any other', () => {
    const { apply, effects } = start();
    apply({ type: 'tick', now: 100, at: 100 });
    expect(types(effects)).toEqual(['record', 'close']);
    apply({ type: 'attached', request });
    expect(effects.at(-1)).toMatchObject({ type: 'reply', outcome: { kind: 'expired' } });
  });
});
