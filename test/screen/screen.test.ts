import { describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ended, findProgram, type Run, run } from '../../src/screen/detector.ts';
import { detectScreenLock } from '../../src/screen/screen.ts';
import { createFakeBus } from './dbus-peer.ts';

const PATH = process.env.PATH;

/** Longer than any test may take: nothing here waits for it. */
const NEVER = 'sleep 300';

const runNothing: Run = () => Promise.reject(new Error('nothing may be run here'));

describe('the lock command', () => {
  test.each([
    ['true', 'locked', 'the lock command ended with 0'],
    ['false', 'unlocked', 'the lock command ended with 1'],
    ['exit 2', 'unknown', 'lock-command: expected the lock command to end with 0 or 1, got 2'],
    ['no-such-program-anywhere', 'unknown', 'lock-command: expected the lock command to end with 0 or 1, got 127'],
    ['kill -9 $$', 'unknown', 'lock-command: expected the lock command to end with 0 or 1, got a signal'],
    ['test "$COLOUR" = red', 'locked', 'the lock command ended with 0'],
    ['test "$(pwd)" = /', 'locked', 'the lock command ended with 0'],
    ['read line && exit 3; exit 1', 'unlocked', 'the lock command ended with 1'],
    ['echo noise; echo noise >&2; exit 1', 'unlocked', 'the lock command ended with 1'],
  ] as const)('%p says %s', async (lockCommand, state, reason) => {
    const answer = await detectScreenLock({ lockCommand, env: { PATH, COLOUR: 'red' }, boundMs: 30_000 });
    expect(answer).toMatchObject({ state, reason, detector: state === 'unknown' ? 'none' : 'lock-command' });
  });

  test('that does not end in time is killed with its children, and the answer is unknown', async () => {
    let ended: Promise<Ended> | undefined;
    // With its output read, the run ends only when the last process that could write to it is gone.
    const watched: Run = (command, options) => {
      ended = run(command, { ...options, wantsOutput: true });
      return ended;
    };
    const answer = await detectScreenLock({ lockCommand: `${NEVER} & wait`, env: { PATH }, boundMs: 20, run: watched });
    expect(answer).toMatchObject({
      state: 'unknown',
      detector: 'none',
      reason: 'lock-command: no answer within 20 ms',
    });
    expect(answer.tookMs).toBeGreaterThanOrEqual(19);
    expect(await ended).toMatchObject({ exitCode: null });
  });

  test('has 300 ms', async () => {
    const answer = await detectScreenLock({ lockCommand: NEVER, env: { PATH } });
    expect(answer).toMatchObject({ state: 'unknown', reason: 'lock-command: no answer within 300 ms' });
    expect(answer.tookMs).toBeGreaterThanOrEqual(299);
    expect(answer.tookMs).toBeLessThan(2000);
  });

  test('wins over SSH and over every other detector', async () => {
    const env = { PATH, SSH_CONNECTION: '192.0.2.1 1 192.0.2.2 22' };
    expect(await detectScreenLock({ lockCommand: 'true', env, boundMs: 30_000 })).toMatchObject({ state: 'locked' });
  });

  test('that cannot be run at all is unknown', async () => {
    const answer = await detectScreenLock({ lockCommand: 'true', env: { PATH }, run: runNothing });
    expect(answer).toMatchObject({ state: 'unknown', reason: 'lock-command: nothing may be run here' });
  });

  test('that is blank is none', async () => {
    const answer = await detectScreenLock({ lockCommand: ' ', env: { SSH_TTY: '/dev/pts/1' }, run: runNothing });
    expect(answer.reason).toBe('remote session: SSH_TTY is set');
  });
});

describe('without a lock command', () => {
  test.each(['SSH_CONNECTION', 'SSH_TTY', 'SSH_CLIENT'])('%s is unknown, and nothing is asked', async (name) => {
    await using bus = createFakeBus();
    const env = { [name]: 'x', DBUS_SYSTEM_BUS_ADDRESS: bus.address, DBUS_SESSION_BUS_ADDRESS: bus.address };
    for (const platform of ['linux', 'darwin']) {
      const answer = await detectScreenLock({ env, platform, run: runNothing });
      expect(answer).toMatchObject({ state: 'unknown', detector: 'none', reason: `remote session: ${name} is set` });
    }
    expect(bus.authLines).toEqual([]);
  });

  test('an empty SSH_CONNECTION is not SSH', async () => {
    const answer = await detectScreenLock({ env: { SSH_CONNECTION: '' }, platform: 'aix', run: runNothing });
    expect(answer.reason).toBe('no detector for this platform');
  });

  test('a platform without detectors is unknown', async () => {
    const answer = await detectScreenLock({ env: {}, platform: 'win32', run: runNothing });
    expect(answer).toMatchObject({ state: 'unknown', detector: 'none', reason: 'no detector for this platform' });
  });
});

describe('running a program', () => {
  test('kills what it started when it is aborted, even before it has begun', async () => {
    for (const isEarly of [true, false]) {
      const stop = new AbortController();
      if (isEarly) stop.abort();
      const ended = run(['/bin/sh', '-c', `${NEVER} & ${NEVER}`], {
        env: { PATH },
        signal: stop.signal,
        wantsOutput: true,
      });
      stop.abort();
      expect(await ended).toEqual({ exitCode: null, stdout: '' });
    }
  });

  test('rejects for a program that does not exist', async () => {
    const options = { env: {}, signal: new AbortController().signal, wantsOutput: false };
    expect(run(['/nonexistent/program'], options)).rejects.toThrow();
  });

  test('looks for programs in absolute directories only: what lies in the working directory is never run', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'screen-'));
    try {
      writeFileSync(join(directory, 'helper'), '#!/bin/sh\n', { mode: 0o755 });
      expect(findProgram('helper', { PATH: `/nonexistent:${directory}` })).toBe(join(directory, 'helper'));
      for (const path of ['', '.', '::', directory.slice(1), undefined])
        expect(findProgram('helper', { PATH: path })).toBeUndefined();
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

test('nothing on the way imports a package', () => {
  for (const file of ['screen', 'detector', 'linux', 'mac', 'windows', 'dbus', 'dbus-wire']) {
    const source = readFileSync(join(import.meta.dir, `../../src/screen/${file}.ts`), 'utf8');
    for (const { path } of new Bun.Transpiler({ loader: 'ts' }).scanImports(source))
      expect(path).toMatch(/^(\.\.?\/|node:)/);
  }
});
