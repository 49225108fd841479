import { describe, expect, test } from 'bun:test';
import type { HistoryEntry } from '../../src/policy/candidates.ts';
import { historyOf } from '../../src/policy/history.ts';
import type { StoreRecord } from '../../src/types.ts';

const asked = (id: string, change: Record<string, unknown> = {}): StoreRecord => ({
  ...{ type: 'asked', at: 1, id, digest: `digest-${id}` },
  input: { tool_name: 'Bash', tool_input: { command: id }, cwd: '/home/dev/shop', session_id: 's' },
  ...change,
});
const ended = (id: string, kind: string): StoreRecord => ({ type: 'ended', at: 2, id, kind });
const entry = (id: string, decision: HistoryEntry['decision']): HistoryEntry => ({
  ...{ tool: 'Bash', input: { command: id }, cwd: '/home/dev/shop', digest: `digest-${id}`, decision },
});

describe('the history', () => {
  test('has one entry for each request, in their order, with how it was decided', () => {
    const records = [asked('a'), asked('b'), ended('b', 'denied'), asked('c'), ended('a', 'allowed')];
    expect(historyOf(records)).toEqual([entry('a', 'allowed'), entry('b', 'denied'), entry('c', 'none')]);
  });

  test('knows no decision where nobody decided', () => {
    for (const kind of ['expired', 'withdrawn', 'elsewhere', 'unknown', 'stopped', 'undeliverable', '']) {
      expect(historyOf([asked('a'), ended('a', kind)])).toEqual([entry('a', 'none')]);
    }
  });

  test('leaves out decisions whose request is not among the records', () => {
    expect(historyOf([ended('a', 'allowed'), asked('b')])).toEqual([entry('b', 'none')]);
  });

  test('takes an approval by one of two for no decision', () => {
    expect(historyOf([asked('a'), { type: 'approved', at: 2, id: 'a', by: 'U1' }])).toEqual([entry('a', 'none')]);
  });

  test.each([
    ['another type', { type: 'refused' }],
    ['no digest', { digest: undefined }],
    ['no input', { input: undefined }],
    ['an input that is a list', { input: [] }],
    ['a stop, which has no tool', { input: { cwd: '/', session_id: 's' } }],
    ['no directory', { input: { tool_name: 'Bash', tool_input: {} } }],
    ['arguments that are none', { input: { tool_name: 'Bash', tool_input: 'ls', cwd: '/' } }],
    ['a list of arguments', { input: { tool_name: 'Bash', tool_input: [], cwd: '/' } }],
    ['arguments that are null', { input: { tool_name: 'Bash', tool_input: null, cwd: '/' } }],
  ])('passes over a record with %s', (_name, change) => {
    expect(historyOf([asked('a', change), asked('b')])).toEqual([entry('b', 'none')]);
  });
});
