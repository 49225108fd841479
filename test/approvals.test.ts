import { afterEach, describe, expect, jest, test } from 'bun:test';
import { type Approvals, type ApprovalsOptions, createApprovals } from '../src/approvals.ts';
import { AppError } from '../src/errors.ts';
import { createGrants } from '../src/grants.ts';
import { createRequest, type RequestOptions } from '../src/request.ts';
import type {
  Answer,
  ApprovalRequest,
  Candidate,
  Channel,
  Core,
  Evidence,
  GrantWish,
  HookInput,
  LeftBehind,
  News,
  Outcome,
  Receipt,
  StoreRecord,
  Verdict,
} from '../src/types.ts';
import { bash, offersOf, PERMISSION } from './channels/requests.ts';

interface Asked {
  readonly request: ApprovalRequest;
  readonly onShown: (receipt: Receipt) => void;
  /** Ends the post; a receipt is shown first. */
  readonly done: (receipt?: Receipt) => void;
  readonly fail: (error: Error) => void;
  readonly signal: AbortSignal;
}

interface Desk {
  readonly approvals: Approvals;
  readonly core: () => Core;
  /** Everything that happened, in order. */
  readonly log: string[];
  /** Decisions and what else is not said by `journal` alone. */
  readonly records: StoreRecord[];
  /** All records. */
  readonly journal: StoreRecord[];
  readonly news: News[];
  readonly outcomes: Map<string, Outcome>;
  /** What the messages were told in the end. */
  readonly closed: Outcome[];
  readonly adopted: LeftBehind[];
  /** What answers that came too early were told afterwards. */
  readonly later: Verdict[];
  readonly asked: Asked[];
  readonly logged: string[];
  press(request: ApprovalRequest, change?: Partial<Answer>): Verdict;
  /** Has a request asked and shown whole. */
  show(request: ApprovalRequest): Promise<ApprovalRequest>;
}

interface DeskOptions
  extends Partial<Pick<ApprovalsOptions, 'mayAnswer' | 'mayRun' | 'candidates' | 'now' | 'maskRules'>> {
  readonly start?: Promise<void>;
  readonly diskIsFull?: (record: StoreRecord) => boolean;
  readonly closing?: Promise<void>;
}

/** What a later daemon needs to know, beside what was asked and decided; see `journal`. */
const PROGRESS: ReadonlySet<string> = new Set(['posted', 'delivered', 'closed']);

/** Approvals over a channel and a store that are plain values; the test decides when a post arrives. */
function desk(options: DeskOptions = {}): Desk {
  const log: string[] = [];
  const logged: string[] = [];
  const records: StoreRecord[] = [];
  const journal: StoreRecord[] = [];
  const news: News[] = [];
  const outcomes = new Map<string, Outcome>();
  const asked: Asked[] = [];
  const later: Verdict[] = [];
  const closed: Outcome[] = [];
  const adopted: LeftBehind[] = [];
  let core: Core | undefined;
  const started = (): Core => {
    if (core === undefined) throw new Error('the channel has not been started');
    return core;
  };
  const channel: Channel = {
    name: 'test',
    start: (given) => {
      core = given;
      return options.start ?? Promise.resolve();
    },
    ask: (request, signal, onShown) => {
      const post = Promise.withResolvers<void>();
      const done = (receipt?: Receipt): void => {
        if (receipt !== undefined) onShown(receipt);
        post.resolve();
      };
      asked.push({ request, onShown, done, fail: post.reject, signal });
      log.push('ask');
      return post.promise;
    },
    adopt: (left) => {
      log.push(`adopt ${left.length}`);
      adopted.push(...left);
    },
    close: async (_request, outcome) => {
      log.push(`close ${outcome.kind}`);
      closed.push(outcome);
      await options.closing;
    },
    tell: async (told) => {
      news.push(told);
      log.push(`tell ${told.type}`);
    },
    stop: async () => {},
  };
  const keep = (...args: readonly unknown[]): void => {
    logged.push(JSON.stringify(args));
  };
  const approvals = createApprovals({
    channel,
    grants: createGrants({
      newId: () => `G${records.length}`,
      matches: (rule, { digest }) => rule.kind === 'exact' && rule.digest === digest,
    }),
    store: {
      append: (record) => {
        if (options.diskIsFull?.(record)) throw new AppError('audit', 'disk full');
        journal.push(record);
        if (PROGRESS.has(record.type)) return;
        records.push(record);
        log.push(`record ${record.type}`);
      },
    },
    now: options.now ?? Date.now,
    elapsed: options.now ?? Date.now,
    logger: { info: keep, warn: keep, error: keep },
    onOutcome: (id, outcome) => {
      outcomes.set(id, outcome);
      log.push(`reply ${outcome.kind}`);
      return true;
    },
    onGrants: () => log.push(`grants ${approvals.grants().length}`),
    maskRules: options.maskRules ?? (() => []),
    mayAnswer: options.mayAnswer ?? (() => true),
    mayRun: options.mayRun ?? (() => true),
    candidates: options.candidates ?? (() => []),
  });
  const press: Desk['press'] = (request, change = {}) =>
    started().answer(answerTo(request, change), (verdict) => later.push(verdict));
  const show: Desk['show'] = async (request) => {
    approvals.ask(request);
    await settle();
    asked.at(-1)?.done(shown);
    await settle();
    return request;
  };
  return {
    closed,
    adopted,
    approvals,
    core: started,
    log,
    logged,
    records,
    journal,
    news,
    outcomes,
    later,
    asked,
    press,
    show,
  };
}

function answerTo(request: ApprovalRequest, change: Partial<Answer> = {}): Answer {
  return {
    ...{ requestId: request.id, nonce: request.nonce, decision: 'allow', by: 'U1', at: request.askedAt + 1 },
    ...{ conversation: 'D1', message: '1.1', ...change },
  };
}

function newRequest(change: Partial<RequestOptions> = {}): ApprovalRequest {
  return createRequest({
    input: bash('ls'),
    agent: 'claude',
    approvers: ['U1', 'U2'],
    fromConfig: false,
    needed: 1,
    offers: offersOf(change.input ?? bash('ls')),
    secrets: [],
    now: Date.now(),
    waitMs: 60_000,
    ...change,
  });
}
const shown: Receipt = { conversation: 'D1', message: '1.1', complete: true };
/** Lets every promise that can settle do so. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const ofType = <T extends News['type']>(news: readonly News[], type: T) =>
  news.filter((told): told is Extract<News, { type: T }> => told.type === type);

describe('approvals', () => {
  test('[A83] record, then reply, then close the message', async () => {
    const { approvals, log, press, show } = desk();
    await approvals.start();
    const request = await show(newRequest());
    expect(press(request)).toBe('accepted');
    expect(log).toEqual(['record asked', 'ask', 'record ended', 'reply allowed', 'close allowed']);
  });

  test('ask only after the channel has started, and answer the reason when it cannot start', async () => {
    const start = Promise.withResolvers<void>();
    const { approvals, outcomes, asked } = desk({ start: start.promise });
    void approvals.start().catch(() => {});
    const request = newRequest();
    approvals.ask(request);
    await settle();
    expect(asked).toHaveLength(0);
    start.reject(new AppError('slack-auth', 'Slack rejected the bot token'));
    await settle();
    expect(outcomes.get(request.id)).toMatchObject({
      kind: 'undeliverable',
      code: 'slack-auth',
      reason: 'Slack rejected the bot token',
    });
  });

  test('do not ask what is over before the channel has started', async () => {
    const start = Promise.withResolvers<void>();
    const { approvals, asked } = desk({ start: start.promise });
    void approvals.start();
    const request = newRequest();
    approvals.ask(request);
    approvals.clientGone(request.id);
    start.resolve();
    await settle();
    expect(asked).toHaveLength(0);
  });

  test('do not ask what cannot be recorded', async () => {
    const { approvals, outcomes, asked } = desk({ diskIsFull: ({ type }) => type === 'asked' });
    await approvals.start();
    for (const ruling of [undefined, { decision: 'allow', rule: 'rules[0]' } as const]) {
      const request = newRequest();
      approvals.ask(request, ruling);
      await settle();
      expect(asked).toHaveLength(0);
      expect(outcomes.get(request.id)).toMatchObject({ kind: 'undeliverable', code: 'audit' });
      expect(approvals.pending()).toEqual([]);
    }
  });

  test('do not allow what cannot be recorded, and tell the message so', async () => {
    const { approvals, outcomes, press, show, log } = desk({ diskIsFull: ({ type }) => type === 'ended' });
    await approvals.start();
    const request = await show(newRequest());
    press(request);
    expect(outcomes.get(request.id)).toMatchObject({ kind: 'undeliverable', code: 'audit' });
    expect(log.at(-1)).toBe('close undeliverable');
  });

  test('stop a post whose client is gone, and close its message when it comes after all', async () => {
    const { approvals, asked, log, outcomes } = desk();
    await approvals.start();
    const request = newRequest();
    approvals.ask(request);
    await settle();
    approvals.clientGone(request.id);
    expect(asked[0]?.signal.aborted).toBe(true);
    expect(log.at(-1)).toBe('close withdrawn');
    asked[0]?.done(shown);
    await settle();
    expect(outcomes.size).toBe(0);
  });

  test('look at the clock no oftener when it was set back by years', async () => {
    jest.useFakeTimers();
    try {
      let looks = 0;
      const now = (): number => {
        looks += 1;
        return Date.now();
      };
      const { approvals } = desk({ now });
      approvals.ask(newRequest());
      jest.setSystemTime(Date.now() - 100_000_000_000);
      approvals.clientGone('another');
      looks = 0;
      jest.advanceTimersByTime(1_000);
      expect(looks).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  test('expire by themselves', async () => {
    const { approvals, show, log } = desk();
    await approvals.start();
    const ended = Promise.withResolvers<void>();
    await show(newRequest({ waitMs: 20 }));
    const check = setInterval(() => {
      if (approvals.pending().length === 0) ended.resolve();
    }, 1);
    await ended.promise;
    clearInterval(check);
    expect(log.slice(-3)).toEqual(['record ended', 'reply expired', 'close expired']);
  });

  test('end all that is pending as undeliverable when nobody can answer any more, and go on', async () => {
    const { approvals, outcomes, show, press } = desk();
    await approvals.start();
    const lost = newRequest();
    approvals.ask(lost);
    approvals.fail({ reason: 'Slack refuses the bot token.', code: 'slack-auth' });
    expect(outcomes.get(lost.id)).toMatchObject({ kind: 'undeliverable', code: 'slack-auth' });
    expect(press(await show(newRequest()))).toBe('accepted');
  });

  test('end all that is pending when stopped, and wait until the messages say so', async () => {
    const closing = Promise.withResolvers<void>();
    const { approvals, outcomes, log } = desk({ closing: closing.promise });
    await approvals.start();
    for (const request of [newRequest(), newRequest()]) approvals.ask(request);
    let isStopped = false;
    const stopping = approvals.stop({ reason: 'The daemon was stopped.' }).then(() => {
      isStopped = true;
    });
    await settle();
    expect([...outcomes.values()].map(({ kind }) => kind)).toEqual(['stopped', 'stopped']);
    expect(log.filter((line) => line === 'close stopped')).toHaveLength(2);
    expect(isStopped).toBe(false);
    closing.resolve();
    await stopping;
  });

  test('record a refused click without its nonce', async () => {
    const { approvals, press, records, logged, show } = desk();
    await approvals.start();
    const request = await show(newRequest());
    expect(press(request, { by: 'U9' })).toBe('not-approver');
    expect(records.at(-1)).toMatchObject({ type: 'refused', by: 'U9', verdict: 'not-approver' });
    expect(JSON.stringify([records, logged])).not.toContain(request.nonce);
  });

  test('offer rules for what is pending or was, and none for what nobody has asked', async () => {
    const candidate: Candidate = {
      ...{ id: 'c', rule: { kind: 'exact', digest: 'd' }, text: 'This exact call', isPermanent: false },
      ...{ matched: 0, outOf: 0, denied: [] },
    };
    const { approvals, core, show } = desk({ candidates: () => [candidate] });
    await approvals.start();
    const request = await show(newRequest());
    expect(core().candidates(request.id)).toEqual([candidate]);
    expect(core().candidates('nothing')).toEqual([]);
  });
});

describe('an answer that comes before the receipt of its message', () => {
  test('decides once the receipt is there, and those after it are told that they did not', async () => {
    const { approvals, press, asked, later, outcomes } = desk();
    await approvals.start();
    const request = newRequest();
    approvals.ask(request);
    await settle();
    expect(press(request)).toBe('pending');
    expect(press(request, { decision: 'deny' })).toBe('pending');
    asked[0]?.done(shown);
    await settle();
    expect(outcomes.get(request.id)).toMatchObject({ kind: 'allowed' });
    expect(later).toEqual(['already-decided']);
  });

  test('is told when its message could not be posted after all', async () => {
    const { approvals, press, asked, later, records } = desk();
    await approvals.start();
    const request = newRequest();
    approvals.ask(request);
    await settle();
    press(request);
    asked[0]?.fail(new AppError('slack-unreachable', 'No network'));
    await settle();
    expect(later).toEqual(['closed']);
    expect(records.at(-1)).toMatchObject({ type: 'refused', verdict: 'closed' });
  });

  test('is told that its message did not show everything', async () => {
    const { approvals, press, asked, later } = desk();
    await approvals.start();
    const request = newRequest();
    approvals.ask(request);
    await settle();
    press(request);
    asked[0]?.done({ ...shown, complete: false });
    await settle();
    expect(later).toEqual(['not-shown']);
    asked[0]?.onShown(shown);
    expect(press(request)).toBe('accepted');
  });
});

describe('who may answer', () => {
  test.each([
    [false, 'not-approver'],
    [undefined, 'misconfigured'],
  ] as const)(
    'is looked up at each answer: %p is refused as %s, audited, and decides nothing',
    async (may, verdict) => {
      let allowed: boolean | undefined = true;
      const { approvals, press, core, records, show, outcomes } = desk({ mayAnswer: () => allowed });
      await approvals.start();
      const request = await show(newRequest());
      allowed = may;
      expect(core().judge(answerTo(request))).toBe(verdict);
      const decisions = may === false ? (['allow', 'deny'] as const) : (['allow'] as const);
      for (const decision of decisions) {
        expect(press(request, { decision })).toBe(verdict);
        expect(records.at(-1)).toMatchObject({ type: 'refused', by: 'U1', decision, verdict });
      }
      expect(outcomes.size).toBe(0);
      expect(approvals.pending()).toHaveLength(1);
      allowed = true;
      expect(press(request)).toBe('accepted');
    },
  );

  test('is not looked up for the answer of somebody who has no part in it', async () => {
    const { approvals, press, show } = desk({ mayAnswer: () => undefined });
    await approvals.start();
    const request = await show(newRequest());
    expect(press(request, { by: 'U9' })).toBe('not-approver');
    expect(press(request, { nonce: 'guessed' })).toBe('forged');
    expect(press(request, { requestId: 'other' })).toBe('unknown-request');
  });

  test('an answer before the receipt does not count either', async () => {
    const { approvals, press, asked, outcomes } = desk({ mayAnswer: () => false });
    await approvals.start();
    const request = newRequest();
    approvals.ask(request);
    await settle();
    expect(press(request)).toBe('not-approver');
    asked[0]?.done(shown);
    await settle();
    expect(outcomes.size).toBe(0);
  });
});

describe('a request that two people must approve', () => {
  test('is counted, recorded and told at the first approval, and allowed at the second', async () => {
    const { approvals, press, show, records, news, outcomes } = desk();
    await approvals.start();
    const request = await show(newRequest({ needed: 2 }));
    expect(press(request)).toBe('counted');
    expect(records.at(-1)).toEqual({
      type: 'approved',
      at: request.askedAt + 1,
      id: request.id,
      digest: request.digest,
      by: 'U1',
    });
    expect(news).toEqual([{ type: 'counted', request, by: ['U1'] }]);
    expect(outcomes.size).toBe(0);
    expect(press(request)).toBe('already-approved');
    expect(press(request, { by: 'U2' })).toBe('accepted');
    expect(records.at(-1)).toMatchObject({ type: 'ended', kind: 'allowed', by: 'U2', also: ['U1'] });
  });
});

describe('a rule of the config', () => {
  test.each([
    ['allow', 'allowed'],
    ['deny', 'denied'],
  ] as const)('that says %s decides without asking, and the record names it', async (decision, kind) => {
    const { approvals, log, records, outcomes } = desk();
    await approvals.start();
    const request = newRequest();
    approvals.ask(request, { decision, rule: 'rules[0]', reason: 'House rule.' });
    await settle();
    expect(log).toEqual(['record asked', 'record ended', `reply ${kind}`, `close ${kind}`]);
    const by = { kind, by: 'policy', via: 'the rules of the config file', rule: 'rules[0]', reason: 'House rule.' };
    expect(outcomes.get(request.id)).toMatchObject(by);
    expect(records.at(-1)).toMatchObject({ ...by, type: 'ended' });
  });

  test('that says allow allows nothing that cannot be recorded', async () => {
    const { approvals, outcomes } = desk({ diskIsFull: ({ type }) => type === 'ended' });
    await approvals.start();
    const request = newRequest();
    approvals.ask(request, { decision: 'allow', rule: 'rules[0]' });
    expect(outcomes.get(request.id)).toMatchObject({ kind: 'undeliverable', code: 'audit' });
  });
});

describe('a grant', () => {
  const MINUTE = 60_000;
  const wishFor = (request: ApprovalRequest, forMs = MINUTE): GrantWish => ({
    ...{ rule: { kind: 'exact', digest: request.digest }, text: 'This exact call', forMs },
  });
  /** A desk where U1 has allowed `ls` for a minute. */
  async function granted(options: DeskOptions = {}) {
    const made = desk(options);
    await made.approvals.start();
    const request = await made.show(newRequest(options.now === undefined ? {} : { now: options.now() }));
    expect(made.press(request, { grant: wishFor(request) })).toBe('accepted');
    made.log.length = 0;
    return { ...made, request };
  }

  test('is recorded and told when it is given, and names who gave it', async () => {
    const { approvals, records, news, request } = await granted();
    const [grant] = approvals.grants();
    expect(grant).toMatchObject({ by: 'U1', since: request.askedAt + 1, until: request.askedAt + 1 + MINUTE });
    expect(records.map(({ type }) => type)).toEqual(['asked', 'ended', 'granted']);
    expect(records.at(-1)).toMatchObject({ grant: grant?.id, by: 'U1', text: 'This exact call', used: 0 });
    expect(news).toMatchObject([{ type: 'grant', grant }]);
  });

  test('lets the same call through without asking, again and again, each recorded', async () => {
    const { approvals, log, records, outcomes, news, asked } = await granted();
    const next = newRequest();
    approvals.ask(next);
    approvals.ask(newRequest());
    await settle();
    expect(asked).toHaveLength(1);
    expect(log.slice(0, 5)).toEqual(['record asked', 'record ended', 'reply allowed', 'close allowed', 'tell grant']);
    expect(outcomes.get(next.id)).toMatchObject({ by: 'U1', via: 'a grant', rule: 'This exact call' });
    expect(records.filter(({ rule }) => rule === 'This exact call')).toHaveLength(2);
    expect(ofType(news, 'grant').at(-1)?.grant).toMatchObject({
      used: 2,
      uses: [{ call: 'Bash ls' }, { call: 'Bash ls' }],
    });
  });

  test('covers no other call, no other people, and no call that needs two people', async () => {
    const { approvals, asked } = await granted();
    approvals.ask(newRequest({ input: bash('rm -rf /') }));
    approvals.ask(newRequest({ approvers: ['U2'] }));
    approvals.ask(newRequest({ needed: 2 }));
    approvals.ask(newRequest({ offers: { ...PERMISSION, grant: false } }));
    await settle();
    expect(asked).toHaveLength(5);
  });

  test('does not overrule a rule that says ask or deny', async () => {
    const { approvals, asked, outcomes } = await granted();
    approvals.ask(newRequest(), { decision: 'ask', rule: 'rules[1]' });
    await settle();
    expect(asked).toHaveLength(2);
    const denied = newRequest();
    approvals.ask(denied, { decision: 'deny', rule: 'rules[2]' });
    expect(outcomes.get(denied.id)).toMatchObject({ kind: 'denied' });
    expect(approvals.grants()).toMatchObject([{ used: 0 }]);
  });

  test('is not used when its record cannot be written', async () => {
    const { approvals, asked, closed, log, show, press } = desk({ diskIsFull: ({ type }) => type === 'granted' });
    await approvals.start();
    const request = await show(newRequest());
    press(request, { grant: wishFor(request) });
    expect(log.at(-1)).toBe('close allowed');
    // The card must not speak of a permission that is none.
    expect(closed.at(-1)).not.toHaveProperty('grant');
    expect(approvals.grants()).toEqual([]);
    approvals.ask(newRequest());
    await settle();
    expect(asked).toHaveLength(2);
  });

  test('does not count a call that could not be recorded, and does not let it through', async () => {
    let isFull = false;
    const { approvals, outcomes } = await granted({ diskIsFull: ({ type }) => isFull && type === 'ended' });
    isFull = true;
    const next = newRequest();
    approvals.ask(next);
    expect(outcomes.get(next.id)).toMatchObject({ kind: 'undeliverable', code: 'audit' });
    expect(approvals.grants()).toMatchObject([{ used: 0, uses: [] }]);
  });

  test('is not given by an approval that did not count', async () => {
    const { approvals, show, press } = desk({ diskIsFull: ({ type }) => type === 'ended' });
    await approvals.start();
    const request = await show(newRequest());
    press(request, { grant: wishFor(request) });
    expect(approvals.grants()).toEqual([]);
  });

  test('ends when an approver ends it, at once, and nobody else can', async () => {
    const { approvals, core, log, records, news, asked } = await granted();
    const id = approvals.grants()[0]?.id ?? '';
    expect(core().revoke(id, 'U9')).toBe('not-approver');
    expect(core().revoke('other', 'U1')).toBe('unknown-request');
    expect(log).toEqual([]);
    expect(core().revoke(id, 'U2')).toBe('accepted');
    expect(log).toEqual(['record grant-ended', 'grants 0', 'tell grant']);
    expect(records.at(-1)).toMatchObject({ grant: id, ended: { how: 'revoked', by: 'U2' } });
    expect(ofType(news, 'grant').at(-1)?.grant.ended?.how).toBe('revoked');
    expect(core().revoke(id, 'U2')).toBe('unknown-request');
    approvals.ask(newRequest());
    await settle();
    expect(asked).toHaveLength(2);
  });

  test('ends with the daemon', async () => {
    const { approvals, records, log } = await granted();
    await approvals.stop({ reason: 'The daemon was stopped.' });
    expect(approvals.grants()).toEqual([]);
    expect(records.at(-1)).toMatchObject({ type: 'grant-ended', ended: { how: 'stopped' } });
    expect(log.at(-1)).toBe('tell grant');
  });

  describe('of a minute', () => {
    afterEach(() => {
      jest.useRealTimers();
    });

    test('is not used from its last moment on, even before anybody has noticed', async () => {
      let now = 1_000_000;
      const { approvals, asked, outcomes } = await granted({ now: () => now });
      now += MINUTE;
      const last = newRequest({ now });
      approvals.ask(last);
      expect(outcomes.get(last.id)).toMatchObject({ kind: 'allowed' });
      now += 1;
      approvals.ask(newRequest({ now }));
      await settle();
      expect(asked).toHaveLength(2);
      await approvals.stop({ reason: 'The daemon was stopped.' });
    });

    test('ends by itself', async () => {
      const { approvals, records, log } = await granted();
      expect(approvals.grants()).toHaveLength(1);
      const { until = 0 } = approvals.grants()[0] ?? {};
      jest.useFakeTimers({ now: until - 5 });
      // Any event sets the timer anew, on the clock that the test turns.
      approvals.clientGone('nobody');
      jest.advanceTimersByTime(5);
      expect(approvals.grants()).toEqual([]);
      expect(log).toEqual(['record grant-ended', 'grants 0', 'tell grant']);
      expect(records.at(-1)).toMatchObject({ at: until, ended: { how: 'expired', at: until } });
    });
  });
});

describe('what the agent tells', () => {
  const about = (change: Partial<Evidence> = {}): Evidence => ({
    sessionId: bash('ls').session_id,
    agentId: undefined,
    kind: 'elsewhere',
    call: bash('ls'),
    reason: 'Approved at the terminal; it has run.',
    ...change,
  });
  const ranOk = about({ run: { isOk: true, tookMs: 12 } });

  test('of a call that was pending ends it, and nothing else has run', async () => {
    const { approvals, show, outcomes, news } = desk();
    await approvals.start();
    const request = await show(newRequest());
    approvals.observe(ranOk);
    expect(outcomes.get(request.id)).toMatchObject({ kind: 'elsewhere' });
    expect(news).toEqual([]);
  });

  test('of an approved call is told once, and recorded', async () => {
    const { approvals, show, press, news, records } = desk();
    await approvals.start();
    const request = await show(newRequest());
    press(request);
    approvals.observe(about({ run: { isOk: false, error: 'exit 1' } }));
    approvals.observe(ranOk);
    expect(news).toMatchObject([{ type: 'ran', request, outcome: { kind: 'allowed' }, run: { isOk: false } }]);
    expect(records.filter(({ type }) => type === 'ran')).toMatchObject([
      { id: request.id, isOk: false, error: 'exit 1' },
    ]);
  });

  test('of a call that the person changed is about the call as it ran', async () => {
    const { approvals, show, press, news } = desk();
    await approvals.start();
    press(await show(newRequest()), { updatedInput: { command: 'ls -a' } });
    approvals.observe({ ...ranOk, call: bash('ls -a') });
    expect(news).toHaveLength(1);
    approvals.observe(ranOk);
    expect(news).toHaveLength(1);
  });

  test.each([
    ['another session', about({ sessionId: 'other' })],
    ['another agent of the session', about({ agentId: 'sub' })],
    ['another call', about({ call: bash('ls -a') })],
    ['tools that may run beside it', { ...about({ tools: new Set(['Read']) }) }],
  ])('of %s ends nothing', async (_name, evidence) => {
    const { approvals, show } = desk();
    await approvals.start();
    await show(newRequest());
    approvals.observe(evidence);
    expect(approvals.pending()).toHaveLength(1);
  });

  test('ends no request that holds the agent up until it is answered', async () => {
    const { approvals, show } = desk();
    await approvals.start();
    await show(newRequest({ input: { ...bash('ls'), hook_event_name: 'PreToolUse' } }));
    const stop: HookInput = { ...bash('ls'), hook_event_name: 'Stop' };
    await show(newRequest({ input: stop, offers: { ...PERMISSION, form: 'stop' } }));
    approvals.observe(about({ agentId: 'all', call: bash('ls') }));
    expect(approvals.pending()).toHaveLength(2);
  });

  test('of the session’s end closes all that waits in it and sums it up, once', async () => {
    const { approvals, show, press, news, outcomes } = desk();
    await approvals.start();
    const { askedAt } = await show(newRequest()).then((request) => {
      press(request, { at: request.askedAt + 30 });
      return request;
    });
    press(await show(newRequest({ now: askedAt })), { decision: 'deny', at: askedAt + 10 });
    approvals.ask(newRequest({ now: askedAt }), { decision: 'allow', rule: 'rules[0]' });
    const waiting = await show(newRequest({ input: { ...bash('sleep 1'), agent_id: 'sub' } }));
    const { call: _call, ...end } = about({ agentId: 'all', kind: 'unknown', isLast: true });
    approvals.observe(end);
    expect(outcomes.get(waiting.id)).toMatchObject({ kind: 'unknown' });
    const [ended] = ofType(news, 'session-ended');
    const { waitedMs = 0, ...counts } = ended?.summary ?? {};
    expect(counts).toEqual({
      sessionId: bash('ls').session_id,
      ...{ asked: 4, approved: 1, denied: 1, elsewhere: 0, unanswered: 1, automatic: 1 },
    });
    expect(waitedMs).toBeGreaterThanOrEqual(40);
    approvals.observe(end);
    expect(ofType(news, 'session-ended')).toHaveLength(1);
  });

  test('of a stop tells how often the agent was sent on, until a person speaks', async () => {
    const { approvals, show, press } = desk();
    await approvals.start();
    const stop: HookInput = { hook_event_name: 'Stop', session_id: 's', cwd: '/' };
    const offers = { ...PERMISSION, form: 'stop' } as const;
    for (const expected of [1, 2]) {
      press(await show(newRequest({ input: stop, offers })), { decision: 'deny', reason: 'Go on.' });
      expect(approvals.repliesInARow('s')).toBe(expected);
    }
    const { call: _call, ...prompt } = about({ sessionId: 's', kind: 'unknown', isNewTurn: true });
    approvals.observe(prompt);
    expect(approvals.repliesInARow('s')).toBe(0);
    expect(approvals.repliesInARow('never')).toBe(0);
  });
});

describe('secrets', () => {
  const TOKEN = 'hunter2-in-the-environment';

  test('stand in no record and no line of the log, wherever they come from', async () => {
    const { approvals, show, press, records, logged, news } = desk({
      maskRules: () => [{ name: 'house key', pattern: 'HK-[0-9]{6}' }],
    });
    await approvals.start();
    const secret = { secrets: [TOKEN] };
    const input = bash(`curl -H 'X-Key: ${TOKEN}' HK-123456`, { env: { password: 'correct-horse-9' } });
    const edited = { command: `curl -u me:${TOKEN} HK-654321` };
    const request = await show(newRequest({ ...secret, input }));
    press(request, {
      updatedInput: edited,
      grant: { rule: { kind: 'exact', digest: request.digest }, text: 'Bash(curl HK-111111)', forMs: 1000 },
    });
    approvals.ask(newRequest({ ...secret, input }));
    const error = `401 for ${TOKEN}`;
    const call = { tool_name: 'Bash', tool_input: edited };
    const { session_id: sessionId } = input;
    approvals.observe({
      sessionId,
      agentId: undefined,
      kind: 'elsewhere',
      call,
      reason: '',
      run: { isOk: false, error },
    });
    const reason = `do not send ${TOKEN}`;
    press(await show(newRequest({ ...secret, input: bash('ls') })), { decision: 'deny', reason });
    await approvals.stop({ reason: 'The daemon was stopped.' });

    const types = ['asked', 'ended', 'granted', 'asked', 'ended', 'ran', 'asked', 'ended', 'grant-ended'];
    expect(records.map(({ type }) => type)).toEqual(types);
    expect(ofType(news, 'grant').at(-1)?.grant.uses).toHaveLength(1);
    const uses = ofType(news, 'grant').flatMap(({ grant }) => grant.uses);
    const written = JSON.stringify([records, logged, uses]);
    for (const text of [TOKEN, 'HK-123456', 'HK-654321', 'HK-111111', 'correct-horse-9']) {
      expect(written).not.toContain(text);
    }
    expect(written).toContain('⟦masked');
  });
});

describe('what the config says at the time of the answer', () => {
  test('holds for what a person writes instead: it is not run where a rule forbids it, and a plain approval still is', async () => {
    const { approvals, show, press, outcomes, records } = desk({
      mayRun: (_request, { command }) => command !== 'push',
    });
    await approvals.start();
    const request = await show(newRequest());
    expect(press(request, { updatedInput: { command: 'push' } })).toBe('ruled-out');
    expect(outcomes.size).toBe(0);
    expect(records.at(-1)).toMatchObject({ type: 'refused', verdict: 'ruled-out' });
    expect(press(request, { updatedInput: { command: 'pull' } })).toBe('accepted');
  });

  test('takes back the first of two approvals when that person may no longer approve', async () => {
    let former = '';
    const { approvals, show, press, outcomes } = desk({ mayAnswer: (_request, by) => by !== former });
    await approvals.start();
    const request = await show(newRequest({ approvers: ['U1', 'U2', 'U3'], needed: 2, fromConfig: true }));
    expect(press(request)).toBe('counted');
    former = 'U1';
    expect(press(request, { by: 'U2' })).toBe('counted');
    expect(outcomes.size).toBe(0);
    expect(press(request, { by: 'U3' })).toBe('accepted');
    expect(outcomes.get(request.id)).toMatchObject({ by: 'U3', also: ['U2'] });
  });

  test('keeps nobody from saying no while the config cannot be read', async () => {
    const { approvals, show, press, outcomes } = desk({ mayAnswer: () => undefined });
    await approvals.start();
    const request = await show(newRequest());
    expect(press(request)).toBe('misconfigured');
    expect(press(request, { decision: 'deny' })).toBe('accepted');
    expect(outcomes.get(request.id)).toMatchObject({ kind: 'denied' });
  });
});

describe('an event of a run', () => {
  const input: HookInput = { ...bash('ls'), hook_event_name: 'PermissionRequest' };
  const event: Evidence = {
    ...{ sessionId: input.session_id, agentId: undefined, kind: 'elsewhere', reason: 'It has run.' },
    ...{ call: { tool_name: 'Bash', tool_input: { command: 'ls' } }, run: { isOk: true } },
  };

  test('is about the call that was approved here, and not about an equal one that still waits', async () => {
    const { approvals, show, press, news } = desk();
    await approvals.start();
    const first = await show(newRequest({ input }));
    const second = await show(newRequest({ input }));
    press(first);
    approvals.observe(event);
    expect(news).toMatchObject([{ type: 'ran', request: { id: first.id } }]);
    expect(approvals.pending().map(({ id }) => id)).toEqual([second.id]);
    approvals.observe(event);
    expect(approvals.pending()).toEqual([]);
  });

  test('ends no more than one of two equal calls that wait', async () => {
    const { approvals, show } = desk();
    await approvals.start();
    const [first, second] = [await show(newRequest({ input })), await show(newRequest({ input }))];
    approvals.observe(event);
    expect(approvals.pending().map(({ id }) => id)).toEqual([second.id]);
    expect(first.id).not.toBe(second.id);
  });

  test('of a call that was denied here, but had been approved at the prompt before, corrects the card', async () => {
    const { approvals, show, press, log, records } = desk();
    await approvals.start();
    const request = await show(newRequest({ input }));
    press(request, { decision: 'deny' });
    approvals.observe(event);
    expect(log.slice(-2)).toEqual(['record ran', 'close elsewhere']);
    expect(records.at(-1)).toMatchObject({ type: 'ran', id: request.id });
  });
});

describe('what an earlier daemon has left', () => {
  const receipt: Receipt = { conversation: 'D1', message: '1.1', complete: true, approver: 'U1' };
  const leftBy = (request: ApprovalRequest, change: Partial<LeftBehind> = {}): LeftBehind => ({
    ...{ request, receipts: [receipt], approvedBy: [], isExact: true, isAtEnd: false, ...change },
  });
  const allowed: Outcome = { kind: 'allowed', by: 'U1', via: 'Slack', at: 1 };
  /** As the hook asks it again: with the same id and what only the hook knows. */
  const again = (request: ApprovalRequest): ApprovalRequest => ({ ...request, secrets: ['hunter2'], expiresAt: 1 });

  test('is known to the channel before anything is posted or closed, and goes on where it stood', async () => {
    const { approvals, adopted, log, outcomes, press } = desk();
    const [request, ended] = [newRequest(), newRequest({ input: bash('pwd') })];
    approvals.restore([leftBy(request), leftBy(ended, { outcome: allowed })]);
    await approvals.start();
    await settle();
    expect(adopted).toHaveLength(2);
    expect(log).toEqual(['adopt 2', 'close allowed']);
    expect(press(request)).toBe('pending');
    approvals.ask(again(request));
    await settle();
    expect(outcomes.get(request.id)).toMatchObject({ kind: 'allowed' });
    expect(log.filter((line) => line.startsWith('record'))).toEqual(['record ended']);
  });

  test('is answered at once when it had been decided', async () => {
    const { approvals, outcomes } = desk();
    const request = newRequest();
    approvals.restore([leftBy(request, { outcome: allowed, isAtEnd: true })]);
    await approvals.start();
    approvals.ask(again(request));
    expect(outcomes.get(request.id)).toEqual(allowed);
  });

  test('is not allowed by a record in which something is masked', async () => {
    const { approvals, outcomes, closed } = desk();
    const request = newRequest();
    approvals.restore([
      leftBy(request, { outcome: { ...allowed, updatedInput: { command: '[masked]' } }, isExact: false }),
    ]);
    await approvals.start();
    await settle();
    approvals.ask(again(request));
    expect(outcomes.get(request.id)).toMatchObject({ kind: 'undeliverable', code: 'audit' });
    expect(closed[0]).toMatchObject({ kind: 'allowed' });
  });

  test('is nobody’s but of the hook that asks the same, once', async () => {
    const { approvals, asked } = desk();
    const request = newRequest();
    approvals.restore([leftBy(request)]);
    await approvals.start();
    const other = { ...newRequest({ input: bash('rm -rf /') }), id: request.id };
    expect(() => approvals.ask(other)).toThrow('got another one');
    approvals.ask(again(request));
    expect(() => approvals.ask(again(request))).toThrow('Somebody waits');
    await settle();
    expect(asked).toHaveLength(1);
    // Brought to whoever has no message yet, with what only the hook knows.
    expect(asked[0]?.request).toMatchObject({ id: request.id, secrets: ['hunter2'], expiresAt: request.expiresAt });
  });

  test('goes by the rules of the config file as they are now', async () => {
    const { approvals, outcomes, closed } = desk();
    const request = newRequest();
    approvals.restore([leftBy(request)]);
    await approvals.start();
    await settle();
    approvals.ask(again(request), { decision: 'deny', rule: 'no ls', reason: 'not today' });
    await settle();
    expect(outcomes.get(request.id)).toMatchObject({ kind: 'denied', by: 'policy' });
    expect(closed).toMatchObject([{ kind: 'denied' }]);
  });

  test('is withdrawn when its hook has not come back after ten seconds', async () => {
    jest.useFakeTimers();
    try {
      const { approvals, records } = desk();
      approvals.restore([leftBy(newRequest())]);
      jest.advanceTimersByTime(9_999);
      expect(records).toEqual([]);
      jest.advanceTimersByTime(1);
      expect(records).toMatchObject([{ type: 'ended', kind: 'withdrawn' }]);
    } finally {
      jest.useRealTimers();
    }
  });

  test('is left to the next one by a daemon that makes room', async () => {
    const { approvals, journal, log, show } = desk();
    await approvals.start();
    await show(newRequest());
    await approvals.retire();
    expect(log).toEqual(['record asked', 'ask']);
    expect(journal.map(({ type }) => type)).toEqual(['asked', 'posted']);
  });
});

test('a request is on record as shown before a press can count, as told after it was, and as closed last', async () => {
  const { approvals, journal, press, show } = desk();
  await approvals.start();
  press(await show(newRequest()));
  await settle();
  expect(journal.map(({ type }) => type)).toEqual(['asked', 'posted', 'ended', 'delivered', 'closed']);
});
