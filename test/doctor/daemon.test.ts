import { describe, expect, test } from 'bun:test';
import { checkDaemon, type DaemonFacts } from '../../src/doctor/daemon.ts';
import { checkMachine, type MachineFacts } from '../../src/doctor/machine.ts';
import { AppError } from '../../src/errors.ts';

const RUNNING = { pid: 7, version: '2.0.0', pending: 0 };
const WELL: DaemonFacts = {
  version: '2.0.0',
  isOlder: (version) => version < '2.0.0',
  running: RUNNING,
  isLocked: true,
  socketDir: { path: '/tmp/claude-slack-approval', isUsable: true },
  stateDir: { path: '/home/dev/.local/state/claude-slack-hook', freeBytes: 10 ** 10 },
  audit: { bytes: 2_000, records: 4, finding: undefined },
  lastFailure: undefined,
};
const statesOf = (facts: Partial<DaemonFacts>): Record<string, string> =>
  Object.fromEntries(checkDaemon({ ...WELL, ...facts }).map(({ id, state }) => [id, state]));
const foreign = new AppError('socket-dir', 'Expected /tmp/x to belong to uid 1, got uid 2');

describe('the checks of the daemon', () => {
  test('are all well while one runs, and while none does', () => {
    const well = { daemon: 'ok', lock: 'ok', 'socket-dir': 'ok', 'state-dir': 'ok', audit: 'ok' };
    expect(statesOf({})).toEqual(well);
    const { lock: _lock, ...without } = well;
    expect(statesOf({ running: 'not-running', isLocked: false })).toEqual(without);
    expect(statesOf({ running: 'not-running', isLocked: undefined })).toEqual(without);
  });

  test('tell a daemon that is older, which makes room, from one that is newer', () => {
    expect(statesOf({ running: { ...RUNNING, version: '1.0.0' } }).daemon).toBe('ok');
    expect(statesOf({ running: { ...RUNNING, version: '3.0.0' } }).daemon).toBe('warn');
  });

  test('tell of the port for requests over http, and why it is not to be had', () => {
    expect(statesOf({ running: { ...RUNNING, http: { port: 8787 } } }).http).toBe('ok');
    expect(statesOf({ running: { ...RUNNING, http: { port: 8787, trouble: 'EADDRINUSE' } } }).http).toBe('fail');
    expect(statesOf({}).http).toBeUndefined();
  });

  test('find a daemon that does not answer, one without its lock, and a lock without a daemon', () => {
    expect(statesOf({ running: 'silent' }).daemon).toBe('fail');
    expect(statesOf({ isLocked: false }).lock).toBe('fail');
    expect(statesOf({ running: 'not-running' }).lock).toBe('warn');
  });

  test('fail for places that are not ours alone', () => {
    const states = statesOf({ running: foreign, socketDir: foreign, stateDir: foreign, audit: foreign });
    expect(states).toEqual({ daemon: 'fail', 'socket-dir': 'fail', 'state-dir': 'fail', audit: 'fail' });
    expect(statesOf({ isLocked: foreign }).lock).toBe('fail');
  });

  test('warn of a TMPDIR that cannot be used and a disk that is nearly full', () => {
    expect(statesOf({ socketDir: { path: '/nowhere', isUsable: false } })['socket-dir']).toBe('warn');
    expect(statesOf({ stateDir: { path: '/x', freeBytes: 1_000 } })['state-dir']).toBe('warn');
    expect(statesOf({ stateDir: { path: '/x', freeBytes: undefined } })['state-dir']).toBe('ok');
  });

  test('fail for an audit log that was changed, and leave a large one to history verify', () => {
    const broken = checkDaemon({
      ...WELL,
      audit: { bytes: 1, records: 3, finding: 'audit.jsonl, line 2: changed: x' },
    });
    expect(broken.at(-1)).toMatchObject({ id: 'audit', state: 'fail', code: 'audit-broken' });
    expect(statesOf({ audit: { bytes: 10 ** 9, records: undefined, finding: undefined } }).audit).toBe('skipped');
  });

  test('give the reason of the last start only while nothing runs', () => {
    const lastFailure = { message: 'Slack refused: invalid_auth', hint: 'Copy the token again.', agoMs: 300_000 };
    expect(checkDaemon({ ...WELL, running: 'not-running', isLocked: false, lastFailure })[1]).toEqual({
      ...{ id: 'last-start', state: 'warn', fix: 'Copy the token again.' },
      what: 'last start: failed 5 min ago: Slack refused: invalid_auth',
    });
    expect(statesOf({ lastFailure })['last-start']).toBeUndefined();
  });
});

describe('the checks of the machine', () => {
  const machine: MachineFacts = {
    ...{ screen: { state: 'unlocked', detector: 'logind', reason: '' }, isScreenAsked: false, descriptors: 20_000 },
  };
  const states = (facts: Partial<MachineFacts>): string[] =>
    checkMachine({ ...machine, ...facts }).map(({ state }) => state);
  const unknown = { state: 'unknown', detector: 'none', reason: 'remote session' } as const;

  test('warn of a screen that nobody can tell about only where it decides', () => {
    expect(states({})).toEqual(['ok', 'ok']);
    expect(states({ screen: unknown })).toEqual(['skipped', 'ok']);
    expect(states({ screen: unknown, isScreenAsked: true })).toEqual(['warn', 'ok']);
  });

  test('warn of few open files', () => {
    expect(states({ descriptors: 256 })).toEqual(['ok', 'warn']);
  });
});
