import { describe, expect, test } from 'bun:test';
import { createApprovalEvents } from '../../src/collector/approval-events.ts';
import { createSequence } from '../../src/collector/event-identity.ts';
import { normalise } from '../../src/collector/normalise.ts';
import type { EventRecord } from '../../src/events.ts';
import type { StoreRecord } from '../../src/types.ts';

const AT = Date.UTC(2026, 10, 21, 9);
const record = (fields: Record<string, unknown>): StoreRecord =>
  ({ at: AT, id: 'r1', ...fields }) as unknown as StoreRecord;
const INPUT = {
  hook_event_name: 'PreToolUse',
  session_id: 's',
  cwd: '/home/dev/shop/',
  tool_name: 'Bash',
  tool_input: { command: 'ls' },
};
const ASKED = record({
  type: 'asked',
  agent: 'codex',
  digest: 'd',
  approvers: ['U1'],
  needed: 1,
  expiresAt: AT + 9,
  input: INPUT,
  app: 'secret',
});
const POSTED = record({
  type: 'posted',
  at: AT + 1,
  approver: 'U1',
  conversation: 'D1',
  message: '1.2',
  complete: true,
  thread: '1.1',
});
const ENDED = record({ type: 'ended', at: AT + 2, kind: 'allowed', by: 'U1', via: 'slack', digest: 'd', masked: true });

const opened = () =>
  createApprovalEvents({
    host: 'laptop',
    nextSeq: createSequence(() => AT),
    linkTo: (conversation, message) => `https://x/${conversation}/${message}`,
  });
const ofAll = (records: readonly StoreRecord[]): readonly EventRecord[] => {
  const events = opened();
  return records.flatMap((each) => events.of(each) ?? []);
};

describe('the events of an approval', () => {
  test('tell what was asked, shown and decided, under the session that asked', () => {
    const common = {
      session_id: 's',
      agent: 'codex',
      project: 'shop',
      tool: 'Bash',
      host: 'laptop',
      src: 'approval',
      approval_id: 'r1',
    };
    expect(ofAll([ASKED, POSTED, ENDED])).toMatchObject([
      {
        ...common,
        kind: 'approval.requested',
        event_id: 'approval.requested:r1',
        timestamp: '2026-11-21T09:00:00.000Z',
        data: { digest: 'd', approvers: ['U1'], needed: 1, expires_at: AT + 9, input: INPUT },
      },
      {
        ...common,
        kind: 'approval.shown',
        event_id: 'approval.shown:r1:1.2',
        data: { approver: 'U1', link: 'https://x/D1/1.2', complete: true },
      },
      {
        ...common,
        kind: 'approval.decided',
        event_id: 'approval.decided:r1',
        timestamp: '2026-11-21T09:00:00.002Z',
        data: { outcome: 'allowed', by: 'U1', via: 'slack' },
      },
    ]);
    expect(JSON.stringify(ofAll([ASKED, POSTED, ENDED]))).not.toMatch(/secret|masked|thread/);
  });

  test('call an end without a decision an end', () => {
    for (const kind of ['expired', 'withdrawn', 'elsewhere', 'undeliverable', 'stopped'])
      expect(ofAll([ASKED, record({ type: 'ended', kind, reason: 'x' })])[1]).toMatchObject({
        kind: 'approval.ended',
        data: { outcome: kind, reason: 'x' },
      });
    for (const kind of ['allowed', 'denied'])
      expect(ofAll([ASKED, record({ type: 'ended', kind })])[1]?.kind).toBe('approval.decided');
  });

  test('are the same when they are told again by a later daemon', () => {
    const identity = (events: readonly EventRecord[]): readonly string[] =>
      events.map(({ id, timestamp }) => `${id} ${timestamp}`);
    expect(identity(ofAll([ASKED, POSTED, ENDED]))).toEqual(identity(ofAll([ASKED, POSTED, ENDED])));
  });

  test('are the same here and in the collector that they are sent to with the right key', () => {
    for (const event of ofAll([ASKED, POSTED, ENDED])) {
      const { event_id, event_type, session_id, timestamp, data, agent, project, host, tool, approval_id } = event;
      const body = { event_id, event_type, session_id, timestamp, data, agent, project, host, tool, approval_id };
      const there = (isTrusted: boolean): EventRecord => {
        const result = normalise(body, 0, { src: 'api', isTrusted }, { now: AT, nextSeq: () => event.seq });
        if (!result.ok) throw new Error(result.path);
        return result.record;
      };
      expect(there(true)).toEqual(event);
      expect(there(false).id).not.toBe(event.id);
    }
  });

  test('are made of nothing else, and do no harm where parts are missing', () => {
    expect(
      ofAll([
        record({ type: 'refused' }),
        record({ type: 'closed' }),
        record({ type: 'asked', id: 5 }),
        record({ type: 'asked', id: undefined }),
      ]),
    ).toEqual([]);
    const [odd] = ofAll([record({ type: 'asked', input: { session_id: 5, cwd: [], tool_name: {} }, agent: 7 })]);
    expect(odd).toMatchObject({ session_id: 'unknown', agent: null, project: null, tool: null });
    expect(ofAll([ENDED])).toMatchObject([{ session_id: 'unknown', kind: 'approval.decided', approval_id: 'r1' }]);
  });

  test('forget requests that never end, so that memory does not grow', () => {
    const events = opened();
    for (let index = 0; index < 2_001; index += 1) events.of(record({ type: 'asked', id: `r${index}`, input: INPUT }));
    expect(events.of(record({ type: 'ended', id: 'r0', kind: 'expired' }))?.session_id).toBe('unknown');
    expect(events.of(record({ type: 'ended', id: 'r2000', kind: 'expired' }))?.session_id).toBe('s');
  });
});
