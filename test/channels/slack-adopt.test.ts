import { describe, expect, test } from 'bun:test';
import { adoptInto } from '../../src/channels/slack-adopt.ts';
import { renderBody } from '../../src/channels/slack-body.ts';
import type { Place } from '../../src/channels/slack-editor.ts';
import { createEntries, currentMessage } from '../../src/channels/slack-entries.ts';
import { createMasker } from '../../src/secrets.ts';
import type { LeftBehind, Outcome, Receipt } from '../../src/types.ts';
import { bash, makeRequest } from './requests.ts';

const receipt = (message: string, change: Partial<Receipt> = {}): Receipt => ({
  ...{ conversation: 'D1', message, complete: true, approver: 'U1', ...change },
});
const left = (receipts: readonly Receipt[], change: Partial<LeftBehind> = {}): LeftBehind => ({
  ...{ request: makeRequest(bash('ls')), receipts, approvedBy: [], isExact: true, isAtEnd: false, ...change },
});

function adopt(...all: readonly LeftBehind[]) {
  const entries = createEntries();
  const threads: (readonly [string, string, Place])[] = [];
  adoptInto(entries, all, {
    bodyOf: (request, masker) => {
      if (request.input.tool_name === 'Odd') throw new Error('cannot be drawn');
      return renderBody(request, { host: 'h', masker, surroundings: {} });
    },
    maskerFor: () => createMasker({ known: [], rules: [] }),
    onThread: (...thread) => threads.push(thread),
  });
  return { entries, threads, entryOf: ({ request }: LeftBehind) => entries.get(request.id) };
}

describe('what an earlier daemon has posted', () => {
  test('is known by its place, to the person it was sent to, in the thread of its session', () => {
    const one = left([receipt('1.1', { thread: '1.0' })]);
    const { entries, entryOf, threads } = adopt(one);
    const entry = entryOf(one);
    expect(entries.at('D1', '1.1')?.entries).toEqual([entry as never]);
    expect(entry === undefined ? undefined : currentMessage(entry, 'U1')).toMatchObject({
      ...{ channel: 'D1', ts: '1.1', threadTs: '1.0', isList: false, isAttached: false },
    });
    expect(threads).toEqual([['U1', one.request.input.session_id, { channel: 'D1', ts: '1.0' }]]);
  });

  test('and is a list is one message of all its requests, in their order', () => {
    const all = [1, 2, 3].map(() => left([receipt('1.1', { isList: true })]));
    const { entries, entryOf } = adopt(...all);
    expect(entries.at('D1', '1.1')).toMatchObject({ isList: true });
    expect(entries.at('D1', '1.1')?.entries).toEqual(all.map((each) => entryOf(each)) as never);
  });

  test('that was moved further down has its buttons in the newest message', () => {
    const one = left([receipt('1.1'), receipt('1.2', { isList: true })]);
    const entry = adopt(one).entryOf(one);
    expect(entry === undefined ? undefined : currentMessage(entry, 'U1')?.ts).toBe('1.2');
  });

  test('knows who has approved, and how it ended', () => {
    const one = left([receipt('1.1')], {
      approvedBy: ['U2'],
      outcome: { kind: 'expired', reason: 'r', at: 1 },
    });
    const entry = adopt(one).entryOf(one);
    expect(entry).toMatchObject({ countedBy: ['U2'], outcome: { kind: 'expired' } });
    expect(entry?.over.signal.aborted).toBe(true);
  });

  test('and needs nothing more is kept without its large input', () => {
    const outcome: Outcome = { kind: 'expired', reason: 'r', at: 1 };
    const request = () => makeRequest(bash('make', { log: 'x'.repeat(20_000) }));
    const done = left([receipt('1.1')], { request: request(), outcome, isAtEnd: true });
    const open = left([receipt('1.1')], { request: request(), outcome });
    const { entryOf } = adopt(done, open);
    expect([entryOf(done)?.isLight, entryOf(open)?.isLight]).toEqual([true, false]);
  });

  test('may be there without a record of it, when there is none', () => {
    const [none, some] = [left([]), left([receipt('1.1')])];
    const { entryOf } = adopt(none, some);
    expect([entryOf(none)?.maybeTwice, entryOf(some)?.maybeTwice]).toEqual([true, false]);
  });

  test('is passed over when it cannot be drawn, and the others are not', () => {
    const odd = left([receipt('1.1')], { request: makeRequest({ ...bash('ls'), tool_name: 'Odd' }) });
    const fine = left([receipt('1.2')]);
    const { entryOf } = adopt(odd, fine);
    expect(entryOf(odd)).toBeUndefined();
    expect(entryOf(fine)).toBeDefined();
  });
});
