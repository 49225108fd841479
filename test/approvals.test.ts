import { describe, expect, test } from 'bun:test';
import { type Approvals, createApprovals } from '../src/approvals.ts';
import { AppError } from '../src/errors.ts';
import { createRequest } from '../src/request.ts';
import type {
  Answer,
  ApprovalRequest,
  Channel,
  OnAnswer,
  Outcome,
  Receipt,
  StoreRecord,
  Verdict,
} from '../src/types.ts';

const quiet = { info: () => {}, warn: () => {}, error: () => {} };

interface Desk {
  readonly approvals: Approvals;
  /** Everything that happened, in order. */
  readonly log: string[];
  readonly records: StoreRecord[];
  press(request: ApprovalRequest, change?: Partial<Answer>): Verdict;
  readonly outcomes: Map<string, Outcome>;
  /** What answers that came too early were told afterwards. */
  readonly later: Verdict[];
  readonly asked: {
    readonly request: ApprovalRequest;
    readonly post: PromiseWithResolvers<Receipt>;
    readonly signal: AbortSignal;
  }[];
}

/** Approvals over a channel and a store that are plain values; the test decides when a post arrives. */
function desk(options: { start?: Promise<void>; diskIsFull?: (record: StoreRecord) => boolean } = {}): Desk {
  const log: string[] = [];
  const records: StoreRecord[] = [];
  const outcomes = new Map<string, Outcome>();
  const asked: Desk['asked'] = [];
  const later: Verdict[] = [];
  let answer: OnAnswer = () => 'closed';
  const channel: Channel = {
    name: 'test',
    start: (onAnswer) => {
      answer = onAnswer;
      return options.start ?? Promise.resolve();
    },
    ask: (request, signal) => {
      const post = Promise.withResolvers<Receipt>();
      asked.push({ request, post, signal });
      log.push('ask');
      return post.promise;
    },
    close: async (_request, outcome) => {
      log.push(`close ${outcome.kind}`);
    },
    stop: async () => {},
  };
  const approvals = createApprovals({
    channel,
    store: {
      append: (record) => {
        if (options.diskIsFull?.(record)) throw new AppError('audit', 'disk full');
        records.push(record);
        log.push(`record ${record.type}`);
      },
      close: () => {},
    },
    now: Date.now,
    logger: quiet,
    onOutcome: (id, outcome) => {
      outcomes.set(id, outcome);
      log.push(`reply ${outcome.kind}`);
    },
  });
  const press: Desk['press'] = (request, change = {}) =>
    answer(
      {
        requestId: request.id,
        nonce: request.nonce,
        decision: 'allow',
        by: 'U1',
        conversation: 'D1',
        message: '1.1',
        at: Date.now(),
        ...change,
      },
      (verdict) => later.push(verdict),
    );
  return { later, approvals, log, records, press, outcomes, asked };
}

function newRequest(waitMs = 60_000): ApprovalRequest {
  return createRequest({
    input: {
      hook_event_name: 'PreToolUse',
      session_id: 's',
      cwd: '/',
      tool_name: 'Bash',
      tool_input: { command: 'ls' },
    },
    agent: 'claude',
    approvers: ['U1'],
    now: Date.now(),
    waitMs,
  });
}
const shown: Receipt = { conversation: 'D1', message: '1.1', complete: true };
/** Lets every promise that can settle do so. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('approvals', () => {
  test('record, then reply, then close the message', async () => {
    const { approvals, log, press, asked } = desk();
    await approvals.start();
    const request = newRequest();
    approvals.ask(request);
    await settle();
    asked[0]?.post.resolve(shown);
    await settle();
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

  test('do not ask what cannot be recorded', async () => {
    const { approvals, outcomes, asked } = desk({ diskIsFull: () => true });
    await approvals.start();
    const request = newRequest();
    approvals.ask(request);
    await settle();
    expect(asked).toHaveLength(0);
    expect(outcomes.get(request.id)).toMatchObject({ kind: 'undeliverable', code: 'audit' });
    expect(approvals.pending()).toEqual([]);
  });

  test('do not allow what cannot be recorded, and tell the message so', async () => {
    const { approvals, outcomes, asked, press, log } = desk({ diskIsFull: ({ type }) => type === 'ended' });
    await approvals.start();
    const request = newRequest();
    approvals.ask(request);
    await settle();
    asked[0]?.post.resolve(shown);
    await settle();
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
    asked[0]?.post.resolve(shown);
    await settle();
    expect(outcomes.size).toBe(0);
  });

  test('expire by themselves', async () => {
    const { approvals, asked, log } = desk();
    await approvals.start();
    const ended = Promise.withResolvers<void>();
    const watched = newRequest(20);
    approvals.ask(watched);
    await settle();
    asked[0]?.post.resolve(shown);
    const check = setInterval(() => {
      if (approvals.pending().length === 0) ended.resolve();
    }, 1);
    await ended.promise;
    clearInterval(check);
    expect(log.slice(-3)).toEqual(['record ended', 'reply expired', 'close expired']);
  });

  test('end all that is pending as undeliverable when nobody can answer any more, and go on', async () => {
    const { approvals, outcomes, asked, press } = desk();
    await approvals.start();
    const lost = newRequest();
    approvals.ask(lost);
    approvals.fail({ reason: 'Slack refuses the bot token.', code: 'slack-auth' });
    expect(outcomes.get(lost.id)).toMatchObject({ kind: 'undeliverable', code: 'slack-auth' });
    const next = newRequest();
    approvals.ask(next);
    await settle();
    asked.at(-1)?.post.resolve(shown);
    await settle();
    expect(press(next)).toBe('accepted');
  });

  test('end all that is pending when stopped, and wait until the messages say so', async () => {
    const { approvals, outcomes, log } = desk();
    await approvals.start();
    const requests = [newRequest(), newRequest()];
    for (const request of requests) approvals.ask(request);
    await approvals.stop({ reason: 'The daemon was stopped.' });
    expect([...outcomes.values()].map(({ kind }) => kind)).toEqual(['stopped', 'stopped']);
    expect(log.filter((line) => line === 'close stopped')).toHaveLength(2);
  });

  test('tell a click that came before the receipt and did not count, and only that one', async () => {
    const { approvals, press, asked, later } = desk();
    await approvals.start();
    const request = newRequest();
    approvals.ask(request);
    await settle();
    expect(press(request)).toBe('pending');
    expect(press(request, { decision: 'deny' })).toBe('pending');
    asked[0]?.post.resolve(shown);
    await settle();
    expect(later).toEqual(['already-decided']);
  });

  test('record a refused click without its nonce', async () => {
    const { approvals, press, records, asked } = desk();
    await approvals.start();
    const request = newRequest();
    approvals.ask(request);
    await settle();
    asked[0]?.post.resolve(shown);
    await settle();
    expect(press(request, { by: 'U9' })).toBe('not-approver');
    expect(records.at(-1)).toMatchObject({ type: 'refused', by: 'U9', verdict: 'not-approver' });
    expect(JSON.stringify(records)).not.toContain(request.nonce);
  });
});
