import { afterAll, describe, expect, test } from 'bun:test';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Run } from '../../src/screen/detector.ts';
import { detectScreenLock, type LockState, type ScreenOptions } from '../../src/screen/screen.ts';
import { type Answer, type Call, createFakeBus, createService, dictionary, NOBODY, type Serve } from './dbus-peer.ts';

/** Whom the buses know us as, because the client tells the bus its `uid`; the fakes do not check it. */
const UID = process.getuid?.() ?? 0;
const OTHER_UID = UID + 1;
const PID = 4242;
const GONE = 'unix:path=/nonexistent/bus';

const directories: string[] = [];
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'screen-'));
  directories.push(directory);
  return directory;
}

interface FakeProcess {
  readonly comm: string;
  readonly uid?: number;
  readonly loginuid?: number;
  readonly state?: string;
}

/** A process list as proc(5) describes it, with two processes that are always there and never matter. */
function fakeProc(...processes: readonly FakeProcess[]): string {
  const root = temporary();
  writeFileSync(join(root, 'version'), 'Linux version 6.1.0');
  mkdirSync(join(root, 'sys'));
  const all = [{ comm: 'systemd', uid: 0 }, { comm: 'bash' }, ...processes];
  all.forEach(({ comm, uid = UID, loginuid = 4_294_967_295, state = 'S (sleeping)' }: FakeProcess, at) => {
    const directory = join(root, String(at + 1));
    mkdirSync(directory);
    writeFileSync(join(directory, 'comm'), `${comm}\n`);
    writeFileSync(join(directory, 'status'), `Name:\t${comm}\nState:\t${state}\nUid:\t${uid}\t0\t0\t0\n`);
    writeFileSync(join(directory, 'loginuid'), String(loginuid));
  });
  return root;
}

const QUIET_PROC = fakeProc();

const runNothing: Run = () => Promise.reject(new Error('nothing may be run here'));

/** Detection with nothing there to be found, except what a test adds. A bound that no test may need, except on purpose. */
function detect(options: Partial<ScreenOptions> = {}): Promise<LockState> {
  return detectScreenLock({
    platform: 'linux',
    uid: UID,
    pid: PID,
    procRoot: QUIET_PROC,
    run: runNothing,
    boundMs: 30_000,
    ...options,
    env: { DBUS_SYSTEM_BUS_ADDRESS: GONE, DBUS_SESSION_BUS_ADDRESS: GONE, ...options.env },
  });
}

interface Session {
  readonly id: string;
  readonly uid?: number;
  readonly type?: string;
  readonly class?: string;
  readonly isRemote?: boolean;
  readonly isActive?: boolean;
  readonly pid?: number;
  /** Undefined: a logind from before LockedHint. */
  readonly isLocked?: boolean | undefined;
}

/** logind, as org.freedesktop.login1(5) describes it. */
function logind(...sessions: readonly Session[]): Serve {
  const path = ({ id }: Session): string => `/org/freedesktop/login1/session/_${id}`;
  const found = (session: Session | undefined): Answer =>
    session === undefined
      ? { error: 'org.freedesktop.login1.NoSuchSession' }
      : { signature: 'o', values: [path(session)] };
  return (call) => {
    if (call.destination !== 'org.freedesktop.login1') return NOBODY;
    const [arg] = call.args;
    switch (`${call.interface}.${call.member}`) {
      case 'org.freedesktop.login1.Manager.GetSession':
        return found(sessions.find(({ id }) => id === arg));
      case 'org.freedesktop.login1.Manager.GetSessionByPID':
        return found(sessions.find(({ pid }) => pid === arg));
      case 'org.freedesktop.login1.Manager.ListSessions':
        return {
          signature: 'a(susso)',
          values: [sessions.map((each) => [each.id, each.uid ?? UID, 'user', 'seat0', path(each)])],
        };
      case 'org.freedesktop.DBus.Properties.GetAll': {
        const session = sessions.find((each) => path(each) === call.path);
        return session === undefined ? { error: 'org.freedesktop.DBus.Error.UnknownObject' } : properties(session);
      }
      default:
        return { error: 'org.freedesktop.DBus.Error.UnknownMethod' };
    }
  };
}

function properties(session: Session): Answer {
  const {
    id,
    uid = UID,
    type = 'wayland',
    class: kind = 'user',
    isRemote = false,
    isActive = true,
    isLocked,
  } = session;
  const entries = dictionary({
    Id: id,
    User: { signature: '(uo)', value: [uid, `/org/freedesktop/login1/user/_${uid}`] },
    Timestamp: { signature: 't', value: 1_700_000_000_000_000n },
    Seat: { signature: '(so)', value: ['seat0', '/org/freedesktop/login1/seat/seat0'] },
    Type: type,
    Class: kind,
    Remote: isRemote,
    Active: isActive,
    ...(isLocked === undefined ? {} : { LockedHint: isLocked }),
  });
  return { signature: 'a{sv}', values: [entries] };
}

/** GetActive of named screen savers. */
function screenSavers(active: Readonly<Record<string, boolean | 'silence' | 'unsupported'>>): Serve {
  return ({ destination, interface: face, member, path }) => {
    const answer = active[`${destination} ${path}`] ?? active[destination];
    if (member !== 'GetActive' || face !== destination || answer === undefined) return NOBODY;
    if (answer === 'silence') return 'silence';
    if (answer === 'unsupported') return { error: 'org.freedesktop.DBus.Error.NotSupported' };
    return { signature: 'b', values: [answer] };
  };
}

async function onSystemBus(
  serve: Serve,
  options: Partial<ScreenOptions> = {},
): Promise<LockState & { calls: readonly Call[] }> {
  await using bus = createFakeBus({ serve });
  const answer = await detect({ ...options, env: { DBUS_SYSTEM_BUS_ADDRESS: bus.address, ...options.env } });
  return { ...answer, calls: bus.calls };
}

async function onSessionBus(
  serve: Serve,
  options: Partial<ScreenOptions> = {},
): Promise<LockState & { calls: readonly Call[] }> {
  await using bus = createFakeBus({ serve });
  const answer = await detect({ ...options, env: { DBUS_SESSION_BUS_ADDRESS: bus.address, ...options.env } });
  return { ...answer, calls: bus.calls };
}

describe('logind', () => {
  test('says locked when LockedHint of the session in the environment is yes', async () => {
    const serve = logind({ id: '3', isLocked: true }, { id: '4', isLocked: false });
    expect(await onSystemBus(serve, { env: { XDG_SESSION_ID: '3' } })).toMatchObject({
      state: 'locked',
      detector: 'logind',
      reason: 'LockedHint is yes',
    });
    expect(await onSystemBus(serve, { env: { XDG_SESSION_ID: '4' } })).toMatchObject({
      state: 'unlocked',
      detector: 'logind',
      reason: 'LockedHint is no',
    });
  });

  test('is asked for the session of this process when the environment names none, or a stale one', async () => {
    const serve = logind({ id: '3', isLocked: false }, { id: '4', isLocked: true, pid: PID });
    expect(await onSystemBus(serve)).toMatchObject({ state: 'locked', detector: 'logind' });
    expect(await onSystemBus(serve, { env: { XDG_SESSION_ID: '99' } })).toMatchObject({ state: 'locked' });
    expect(await onSystemBus(serve, { env: { XDG_SESSION_ID: '' } })).toMatchObject({ state: 'locked' });
  });

  test('is asked for the active graphical session of this user when the process is in none', async () => {
    const answer = await onSystemBus(
      logind(
        { id: '1', isLocked: true, uid: OTHER_UID },
        { id: '2', isLocked: true, class: 'greeter' },
        { id: '3', isLocked: true, type: 'tty' },
        { id: '4', isLocked: true, isRemote: true },
        { id: '5', isLocked: true, isActive: false },
        { id: '6', isLocked: true, class: 'manager', type: 'unspecified' },
        { id: '7', isLocked: false, type: 'x11' },
      ),
    );
    expect(answer).toMatchObject({ state: 'unlocked', detector: 'logind' });
  });

  test('counts an inactive session when none is active', async () => {
    expect(await onSystemBus(logind({ id: '1', isLocked: true, isActive: false }))).toMatchObject({ state: 'locked' });
  });

  test('does not believe that a remote session, or another user’s, is ours', async () => {
    for (const session of [{ isRemote: true }, { uid: OTHER_UID }]) {
      const answer = await onSystemBus(logind({ id: '3', isLocked: true, pid: PID, ...session }), {
        env: { XDG_SESSION_ID: '3' },
      });
      expect(answer).toMatchObject({ state: 'unknown' });
      expect(answer.reason).toContain('logind: no graphical session of this user');
    }
  });

  test('counts a console session when the environment has a display: startx and sway leave its type as it was', async () => {
    const serve = logind({ id: '3', type: 'tty', isLocked: true });
    expect(await onSystemBus(serve)).toMatchObject({ state: 'unknown' });
    expect(await onSystemBus(serve, { env: { DISPLAY: ':0' } })).toMatchObject({ state: 'locked' });
    expect(await onSystemBus(serve, { env: { WAYLAND_DISPLAY: 'wayland-1' } })).toMatchObject({ state: 'locked' });
  });

  test('without a LockedHint is unknown', async () => {
    const answer = await onSystemBus(logind({ id: '3', pid: PID }));
    expect(answer).toMatchObject({ state: 'unknown' });
    expect(answer.reason).toContain('logind: this logind has no LockedHint');
  });

  test('that says no under swaylock is overruled', async () => {
    const answer = await onSystemBus(logind({ id: '3', isLocked: false }), {
      procRoot: fakeProc({ comm: 'swaylock' }),
    });
    expect(answer).toMatchObject({ state: 'locked', detector: 'locker', reason: 'swaylock runs' });
  });

  test('that says no alone, with a process list that cannot be read, is unknown: a locker may run', async () => {
    const answer = await onSystemBus(logind({ id: '3', isLocked: false }), { procRoot: '/nonexistent' });
    expect(answer).toMatchObject({ state: 'unknown', detector: 'none' });
    expect(answer.reason).toContain('logind: LockedHint is no');
  });

  test('that is not there is unknown', async () => {
    const answer = await onSystemBus(() => NOBODY);
    expect(answer).toMatchObject({ state: 'unknown' });
    expect(answer.reason).toContain('logind: org.freedesktop.DBus.Error.ServiceUnknown');
  });

  test('that answers with values of other types is unknown', async () => {
    for (const [signature, value] of [
      ['s', 'text'],
      ['a{sv}', [['LockedHint', { signature: 's', value: 'yes' }]]],
      ['u', 7],
      ['as', ['a']],
    ] as const) {
      expect(await onSystemBus(() => ({ signature, values: [value] }))).toMatchObject({ state: 'unknown' });
    }
    expect(await onSystemBus(() => ({ signature: '', values: [] }))).toMatchObject({ state: 'unknown' });
  });
});

describe('the screen savers of the session bus', () => {
  test.each([
    'org.freedesktop.ScreenSaver /org/freedesktop/ScreenSaver',
    'org.freedesktop.ScreenSaver /ScreenSaver',
    'org.gnome.ScreenSaver /org/gnome/ScreenSaver',
    'org.cinnamon.ScreenSaver /org/cinnamon/ScreenSaver',
    'org.mate.ScreenSaver /org/mate/ScreenSaver',
    'org.xfce.ScreenSaver /org/xfce/ScreenSaver',
  ])('%s says locked and unlocked', async (saver) => {
    const [name] = saver.split(' ');
    expect(await onSessionBus(screenSavers({ [saver]: true }))).toMatchObject({
      state: 'locked',
      detector: 'screensaver',
      reason: `${name} is active`,
    });
    expect(await onSessionBus(screenSavers({ [saver]: false }))).toMatchObject({
      state: 'unlocked',
      detector: 'screensaver',
      reason: `${name} is not active`,
    });
  });

  test('are never started by the question', async () => {
    const { calls } = await onSessionBus(screenSavers({}));
    expect(calls.filter(({ member }) => member === 'GetActive')).toHaveLength(6);
    for (const { flags } of calls) expect(flags & 2).toBe(2);
  });

  test('that do not support the question are unknown, and do not hide the one that does', async () => {
    const proxy = { 'org.freedesktop.ScreenSaver': 'unsupported' } as const;
    expect(await onSessionBus(screenSavers(proxy))).toMatchObject({ state: 'unknown' });
    expect(await onSessionBus(screenSavers({ ...proxy, 'org.gnome.ScreenSaver': true }))).toMatchObject({
      state: 'locked',
    });
  });

  test('of which one is active and another hangs are locked at once', async () => {
    const answer = await onSessionBus(
      screenSavers({ 'org.freedesktop.ScreenSaver': 'silence', 'org.gnome.ScreenSaver': true }),
    );
    expect(answer).toMatchObject({ state: 'locked', detector: 'screensaver' });
  });

  test('are found at the runtime directory’s bus when the environment names no address', async () => {
    const runtimeDir = join(temporary(), 'with, odd name');
    mkdirSync(runtimeDir);
    await using bus = createFakeBus({
      unix: join(runtimeDir, 'bus'),
      serve: screenSavers({ 'org.gnome.ScreenSaver': true }),
    });
    const env = { XDG_RUNTIME_DIR: runtimeDir, DBUS_SESSION_BUS_ADDRESS: '' };
    expect(await detect({ env })).toMatchObject({ state: 'locked', detector: 'screensaver' });
    expect(bus.calls.length).toBeGreaterThan(0);
  });

  test('that say no do not need a second no', async () => {
    const answer = await onSessionBus(screenSavers({ 'org.gnome.ScreenSaver': false }), { procRoot: '/nonexistent' });
    expect(answer).toMatchObject({ state: 'unlocked', detector: 'screensaver' });
  });

  test('that say no are overruled by logind', async () => {
    await using bus = createFakeBus({ serve: logind({ id: '1', isLocked: true }) });
    const answer = await onSessionBus(screenSavers({ 'org.gnome.ScreenSaver': false }), {
      env: { DBUS_SYSTEM_BUS_ADDRESS: bus.address },
    });
    expect(answer).toMatchObject({ state: 'locked', detector: 'logind' });
  });
});

describe('the processes', () => {
  test.each([
    'swaylock',
    'hyprlock',
    'gtklock',
    'waylock',
    'i3lock',
    'slock',
    'xsecurelock',
    'swaylock-plugin',
    'physlock',
  ])('%s of this user says locked', async (comm) => {
    const answer = await detect({ procRoot: fakeProc({ comm }) });
    expect(answer).toMatchObject({ state: 'locked', detector: 'locker', reason: `${comm} runs` });
  });

  test('a name of more than 15 bytes is known by the 15 that the kernel keeps', async () => {
    const answer = await detect({ procRoot: fakeProc({ comm: 'kscreenlocker_g' }) });
    expect(answer).toMatchObject({ state: 'locked', reason: 'kscreenlocker_greet runs' });
  });

  test('a locker that became another user is known by the login it came from', async () => {
    expect(await detect({ procRoot: fakeProc({ comm: 'slock', uid: 65_534, loginuid: UID }) })).toMatchObject({
      state: 'locked',
    });
  });

  test.each([
    ['another user’s locker', { comm: 'swaylock', uid: OTHER_UID, loginuid: OTHER_UID }],
    ['a locker that has ended but was not waited for', { comm: 'swaylock', state: 'Z (zombie)' }],
    ['a program whose name only begins like a locker’s', { comm: 'swaylock-helper' }],
    ['a screen saver that always runs', { comm: 'light-locker' }],
  ])('%s says nothing', async (_, process) => {
    const answer = await detect({ procRoot: fakeProc(process) });
    expect(answer).toMatchObject({ state: 'unknown', detector: 'none' });
    expect(answer.reason).toContain('locker: no locker runs');
  });

  test('without any locker prove nothing by themselves', async () => {
    const answer = await detect();
    expect(answer.state).toBe('unknown');
    expect(answer.reason).toBe(
      'logind: Cannot connect: ENOENT; screensaver: Cannot connect: ENOENT; locker: no locker runs',
    );
  });

  test('that end while they are read are passed over', async () => {
    const procRoot = fakeProc({ comm: 'swaylock' });
    mkdirSync(join(procRoot, '9999'));
    expect(await detect({ procRoot })).toMatchObject({ state: 'locked' });
  });

  test('are not read past the bound', async () => {
    const answer = await detect({ procRoot: fakeProc({ comm: 'swaylock' }), boundMs: 0 });
    expect(answer.state).toBe('unknown');
    expect(answer.reason).toContain('locker: not all processes could be read in time');
  });
});

describe('xscreensaver', () => {
  const bin = temporary();
  const program = join(bin, 'xscreensaver-command');
  writeFileSync(program, '#!/bin/sh\n');
  chmodSync(program, 0o755);
  const procRoot = fakeProc({ comm: 'xscreensaver' });
  const saying =
    (stdout: string, ran: string[][] = []): Run =>
    (command) => {
      ran.push([...command]);
      return Promise.resolve({ exitCode: 0, stdout });
    };

  test.each([
    ['XScreenSaver 6.08: screen locked since Tue Mar  5 10:00:00 2024 (hack #1)', 'locked', 'xscreensaver'],
    ['XScreenSaver 6.08: screen blanked since Tue Mar  5 10:00:00 2024 (hack #1)', 'unlocked', 'xscreensaver'],
    ['XScreenSaver 6.08: screen non-blanked since Tue Mar  5 10:00:00 2024 (hack #1)', 'unlocked', 'xscreensaver'],
    ['xscreensaver-command: no saver status on root window', 'unknown', 'none'],
    ['', 'unknown', 'none'],
  ] as const)('that says %p is %s', async (line, state, detector) => {
    const ran: string[][] = [];
    const answer = await detect({ procRoot, run: saying(line, ran), env: { DISPLAY: ':0', PATH: bin } });
    expect(answer).toMatchObject({ state, detector });
    expect(ran).toEqual([[program, '-time']]);
  });

  test('is asked only when it runs and there is a display', async () => {
    expect(await detect({ procRoot, env: { PATH: bin } })).toMatchObject({ state: 'unknown' });
    expect(await detect({ env: { PATH: bin, DISPLAY: ':0' } })).toMatchObject({ state: 'unknown' });
    expect(
      await detect({ procRoot: fakeProc({ comm: 'xscreensaver', uid: OTHER_UID }), env: { PATH: bin, DISPLAY: ':0' } }),
    ).toMatchObject({ state: 'unknown' });
  });

  test('without its command in PATH is unknown', async () => {
    const answer = await detect({ procRoot, env: { DISPLAY: ':0', PATH: '/nonexistent' } });
    expect(answer.reason).toContain('xscreensaver: xscreensaver-command is not in PATH');
  });
});

describe('a bus that does not play along', () => {
  const yes = screenSavers({ 'org.gnome.ScreenSaver': true });
  const no = screenSavers({ 'org.gnome.ScreenSaver': false });

  test.each([
    ['never answers the login', { auth: null }],
    ['never answers a call', { serve: () => 'silence' as const }],
    [
      'promises a message and does not send it',
      { serve: () => ({ raw: Buffer.from([0x6c, 2, 0, 1, 255, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]) }) },
    ],
  ])('because it %s delays only itself: unknown at the bound', async (_, options) => {
    await using bus = createFakeBus(options);
    const env = { DBUS_SYSTEM_BUS_ADDRESS: bus.address, DBUS_SESSION_BUS_ADDRESS: bus.address };
    const answer = await detect({ env, boundMs: 30 });
    expect(answer).toMatchObject({ state: 'unknown', detector: 'none' });
    expect(answer.reason).toBe(
      'logind: no answer within 30 ms; screensaver: no answer within 30 ms; locker: no locker runs',
    );
    expect(answer.tookMs).toBeLessThan(2000);
    await bus.whenLeft;
  });

  test('does not delay a yes, and a no is kept until the bound', async () => {
    await using silent = createFakeBus({ auth: null });
    const env = { DBUS_SYSTEM_BUS_ADDRESS: silent.address };
    expect(await onSessionBus(yes, { env })).toMatchObject({ state: 'locked', detector: 'screensaver' });
    expect(await onSessionBus(no, { env, boundMs: 500 })).toMatchObject({ state: 'unlocked', detector: 'screensaver' });
  });

  test('because it sends garbage, or hangs up, is unknown with the reason', async () => {
    await using garbage = createFakeBus({ afterAuth: Buffer.alloc(99, 0xee) });
    await using refusing = createFakeBus({ auth: 'REJECTED\r\n' });
    const env = { DBUS_SYSTEM_BUS_ADDRESS: garbage.address, DBUS_SESSION_BUS_ADDRESS: refusing.address };
    const { state, reason } = await detect({ env });
    expect(state).toBe('unknown');
    expect(reason).toBe(
      `logind: The bus sent a message with a wrong byte order; screensaver: The bus refused user id ${UID}; locker: no locker runs`,
    );
  });

  test('cannot write a second line or a long one into the log', async () => {
    const { reason } = await onSystemBus(() => ({ error: `org.x\nforged\u001b[31m${'y'.repeat(2000)}` }));
    expect(reason).toStartWith('logind: org.x forged [31my');
    expect(reason.length).toBeLessThanOrEqual(300);
  });
});

const daemon = Bun.which('dbus-daemon');

test.skipIf(daemon === null)(
  'a real dbus-daemon carries the questions (skipped where dbus-daemon is not installed)',
  async () => {
    const directory = temporary();
    const path = join(directory, 'bus');
    const config = join(directory, 'bus.conf');
    writeFileSync(
      config,
      `<busconfig><type>session</type><listen>unix:path=${path}</listen><auth>EXTERNAL</auth><policy context="default">
     <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`,
    );
    const child = Bun.spawn([daemon ?? '', `--config-file=${config}`, '--nofork', '--print-address=1'], {
      stdout: 'pipe',
      stdin: 'ignore',
      stderr: 'ignore',
    });
    try {
      // It prints its address once it listens.
      const { value } = await child.stdout.getReader().read();
      const address = new TextDecoder().decode(value).trim();
      expect(address).toStartWith('unix:path=');
      const env = { DBUS_SYSTEM_BUS_ADDRESS: address, DBUS_SESSION_BUS_ADDRESS: address, XDG_SESSION_ID: '3' };
      const empty = await detect({ env });
      expect(empty.reason).toBe(
        'logind: org.freedesktop.DBus.Error.NameHasNoOwner; screensaver: no screen saver on the session bus; locker: no locker runs',
      );

      let isLocked = false;
      let isActive = false;
      using _login = await createService(path, ['org.freedesktop.login1'], (call) =>
        logind({ id: '3', isLocked })(call),
      );
      expect(await detect({ env })).toMatchObject({ state: 'unlocked', detector: 'logind' });
      using _saver = await createService(path, ['org.gnome.ScreenSaver'], (call) =>
        screenSavers({ 'org.gnome.ScreenSaver': isActive })(call),
      );
      expect(await detect({ env })).toMatchObject({ state: 'unlocked', detector: 'screensaver' });
      isActive = true;
      expect(await detect({ env })).toMatchObject({ state: 'locked', detector: 'screensaver' });
      isActive = false;
      isLocked = true;
      expect(await detect({ env })).toMatchObject({ state: 'locked', detector: 'logind' });
    } finally {
      child.kill();
      await child.exited;
    }
  },
);
