import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { history as runHistory, verify } from '../../src/commands/history.ts';
import { AppError } from '../../src/errors.ts';
import { statePaths } from '../../src/state.ts';
import { createJsonlStore } from '../../src/store/jsonl.ts';
import type { Store, ToolInput } from '../../src/types.ts';

let home: string;
let env: { XDG_STATE_HOME: string };
let store: Store;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'csh-history-'));
  env = { XDG_STATE_HOME: home };
  store = createJsonlStore(statePaths(env).audit, { maxBytes: 2000 });
});
afterEach(() => {
  store.close();
  rmSync(home, { recursive: true, force: true });
});

interface Asked {
  readonly id: string;
  readonly at: number;
  readonly tool?: string;
  readonly input?: ToolInput;
  readonly session?: string;
}

function asked({ id, at, tool = 'Bash', input = { command: 'ls' }, session = 'session-1234' }: Asked): void {
  const hook = { hook_event_name: 'PreToolUse', session_id: session, tool_name: tool, tool_input: input, cwd: '/' };
  store.append({ type: 'asked', at, id, input: hook });
}
function ended(id: string, at: number, outcome: object): void {
  store.append({ ...outcome, type: 'ended', at, id });
}
const list = (flags: Readonly<Record<string, string | true>> = {}, now?: number): string =>
  runHistory(flags, env, now).stdout;
const ids = (flags: Readonly<Record<string, string | true>> = {}, now?: number): string[] =>
  list({ ...flags, json: true }, now)
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line).id);
const messageOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return `${error.code} ${error.exitCode}: ${error.message}`;
    throw error;
  }
  return 'no error';
};

describe('the list of requests', () => {
  test('of a log that is not there is empty', () => {
    expect(list()).toBe('');
    expect(list({ csv: true })).toBe('time,session,tool,call,outcome,by,waited_ms\r\n');
  });

  test('says when, in which session, what, how it ended, by whom and after how long, latest last', () => {
    const at = new Date(2026, 10, 20, 14, 3, 5).getTime();
    asked({ id: 'a', at, input: { command: 'make all\nrm -rf /', description: 'Build' } });
    asked({ id: 'b', at: at + 1000, tool: 'Write', input: { content: 'x', file_path: '/tmp/x' } });
    asked({ id: 'c', at: at + 2000, tool: 'mcp__x__y', input: {} });
    ended('b', at + 1400, { kind: 'denied', by: 'U2', via: 'Slack' });
    ended('a', at + 43_000, { kind: 'allowed', by: 'U1', also: ['U2'], via: 'Slack' });
    expect(list()).toBe(
      [
        '2026-11-20 14:03:05  session-  Bash       make all  allowed  U1, U2  43 s',
        '2026-11-20 14:03:06  session-  Write      /tmp/x    denied   U2      0.4 s',
        '2026-11-20 14:03:07  session-  mcp__x__y            open',
        '',
      ].join('\n'),
    );
  });

  test('goes through all files of the log and keeps to its limit', () => {
    for (let at = 1; at <= 120; at += 1) asked({ id: `r${at}`, at });
    for (let at = 1; at <= 60; at += 1) ended(`r${at}`, 200 + at, { kind: 'allowed', by: 'U1' });
    expect(ids()).toEqual(Array.from({ length: 50 }, (_, index) => `r${71 + index}`));
    expect(ids({ limit: '2', outcome: 'allowed' })).toEqual(['r59', 'r60']);
    expect(ids({ limit: '1000' })).toHaveLength(120);
  });

  test('is of what the filters let through', () => {
    const day = new Date(2026, 10, 20).getTime();
    asked({ id: 'a', at: day - 1, session: 'aaa-1' });
    asked({ id: 'b', at: day, tool: 'mcp__x__read' });
    asked({ id: 'c', at: day + 3_600_000, tool: 'mcp__x__write' });
    ended('a', day, { kind: 'allowed', by: 'U1', also: ['U3'] });
    ended('b', day + 1, { kind: 'denied', by: 'U2' });
    ended('c', day + 3_600_001, { kind: 'expired', reason: 'late' });
    expect(ids({ since: '2026-11-20' })).toEqual(['b', 'c']);
    expect(ids({ since: '2h' }, day + 7_200_000)).toEqual(['b', 'c']);
    expect(ids({ since: '90m' }, day + 7_200_000)).toEqual(['c']);
    expect(ids({ since: new Date(day).toISOString() })).toEqual(['b', 'c']);
    expect(ids({ session: 'aaa' })).toEqual(['a']);
    expect(ids({ tool: 'mcp__*' })).toEqual(['b', 'c']);
    expect(ids({ tool: 'mcp__x__*e' })).toEqual(['c']);
    expect(ids({ outcome: 'expired' })).toEqual(['c']);
    expect(ids({ approver: 'U3' })).toEqual(['a']);
    expect(ids({ approver: 'U2', tool: 'Bash' })).toEqual([]);
  });

  test('passes over what is no record, and has what was asked before there was a chain', () => {
    asked({ id: 'a', at: 1 });
    store.close();
    appendFileSync(statePaths(env).audit, 'half\n[]\n{"type":"asked","at":2,"id":"b","input":{}}\n{"type":"asked"}\n');
    expect(ids()).toEqual(['a', 'b']);
  });

  test('shows nothing of an agent’s text that a terminal would obey or an eye not see', () => {
    asked({
      id: 'a',
      at: 1,
      tool: 'Ba\u001b[2Jsh',
      session: '\u0007x',
      input: { command: 'ls \u001b[31m\u202e\u200b\tx' },
    });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    const hidden = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e]/;
    expect(list()).not.toMatch(hidden);
    expect(list()).toContain('ls ⟦U+001B⟧[31m⟦U+202E⟧⟦U+200B⟧⟦tab⟧x');
    expect(list().split('\n')).toHaveLength(2);
    const json = list({ json: true });
    expect(json).not.toMatch(hidden);
    expect(JSON.parse(json)).toMatchObject({ call: 'ls \u001b[31m\u202e\u200b\tx', session: '\u0007x' });
  });

  test('as CSV quotes what it must, and no spreadsheet takes a cell for a formula', () => {
    asked({ id: 'a', at: 0, input: { command: '=cmd|"/c calc",A1' } });
    asked({ id: 'b', at: 1, tool: '@x', input: { command: '-rf' }, session: '+1' });
    ended('a', 5, { kind: 'allowed', by: 'U1', also: ['U2'] });
    expect(list({ csv: true }).split('\r\n')).toEqual([
      'time,session,tool,call,outcome,by,waited_ms',
      `1970-01-01T00:00:00.000Z,session-1234,Bash,"'=cmd|""/c calc"",A1",allowed,U1 U2,5`,
      `1970-01-01T00:00:00.001Z,'+1,'@x,'-rf,open,,`,
      '',
    ]);
  });

  test.each([
    [{ since: 'yesterday' }, 'usage 64: Expected --since to be a time such as 2h or a day'],
    [{ since: '2026-13-40' }, 'usage 64: Expected --since'],
    [{ outcome: 'approved' }, 'usage 64: Expected --outcome to be one of allowed, denied,'],
    [{ limit: '0' }, 'usage 64: Expected --limit to be a number from 1'],
    [{ limit: 'x' }, 'usage 64: Expected --limit'],
    [{ json: true, csv: true }, 'usage 64: Expected one of --json and --csv'],
  ] as const)('refuses %j', (flags, message) => {
    expect(messageOf(() => runHistory(flags, env))).toStartWith(message);
  });
});

describe('the check of the log', () => {
  test('says in one line how much there is and what the last record is', () => {
    expect(verify({}, env)).toEqual({ stdout: 'ok: 0 records in 0 files\n', stderr: '', exitCode: 0 });
    asked({ id: 'a', at: 1 });
    const { hash } = JSON.parse(readFileSync(statePaths(env).audit, 'utf8'));
    expect(verify({}, env).stdout).toBe(`ok: 1 record in 1 file; the last is 1, ${hash}\n`);
  });

  test('ends with a code of its own, and names file, line and what is wrong', () => {
    for (const at of [1, 2, 3]) asked({ id: `${at}`, at });
    truncateSync(statePaths(env).audit, readFileSync(statePaths(env).audit, 'utf8').indexOf('\n') + 1);
    expect(messageOf(() => verify({}, env))).toBe(
      'audit-broken 65: audit.jsonl, line 2: removed: records 2 to 3 are missing at the end',
    );
  });
});
