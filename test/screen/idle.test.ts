import { describe, expect, test } from 'bun:test';
import type { Run } from '../../src/screen/detector.ts';
import { detectIdle, type IdleOptions } from '../../src/screen/idle.ts';
import { createFakeBus, dictionary, NOBODY, type Serve } from './dbus-peer.ts';

const UID = process.getuid?.() ?? 0;
const GONE = 'unix:path=/nonexistent/bus';
const NOW = 1_800_000_000_000;

const runNothing: Run = () => Promise.reject(new Error('nothing may be run here'));

/** With nothing there to be asked, except what a test adds. */
function detect({ env = {}, ...options }: Partial<IdleOptions> = {}) {
  return detectIdle({
    ...{ platform: 'linux', uid: UID, pid: 4242, run: runNothing, boundMs: 30_000, now: () => NOW, ...options },
    env: { DBUS_SYSTEM_BUS_ADDRESS: GONE, DBUS_SESSION_BUS_ADDRESS: GONE, ...env },
  });
}

/** logind with one session of this user on the screen. */
function logind(hints: Readonly<Record<string, unknown>>): Serve {
  const path = '/org/freedesktop/login1/session/_1';
  return ({ interface: face, member }) => {
    switch (`${face}.${member}`) {
      case 'org.freedesktop.login1.Manager.GetSession':
      case 'org.freedesktop.login1.Manager.GetSessionByPID':
        return { signature: 'o', values: [path] };
      case 'org.freedesktop.login1.Manager.ListSessions':
        return { signature: 'a(susso)', values: [[['1', UID, 'user', 'seat0', path]]] };
      case 'org.freedesktop.DBus.Properties.GetAll':
        return { signature: 'a{sv}', values: [dictionary({ ...SESSION, ...hints })] };
      default:
        return NOBODY;
    }
  };
}
const SESSION = {
  User: { signature: '(uo)', value: [UID, `/org/freedesktop/login1/user/_${UID}`] },
  ...{ Type: 'wayland', Class: 'user', Remote: false, Active: true },
};
const since = (ms: number) => ({ signature: 't', value: BigInt(ms) * 1000n });

const mutter =
  (ms: number): Serve =>
  ({ destination, member }) =>
    destination === 'org.gnome.Mutter.IdleMonitor' && member === 'GetIdletime'
      ? { signature: 't', values: [BigInt(ms)] }
      : NOBODY;
const screenSaver =
  (ms: number): Serve =>
  ({ destination, member }) =>
    destination === 'org.freedesktop.ScreenSaver' && member === 'GetSessionIdleTime'
      ? { signature: 'u', values: [ms] }
      : NOBODY;

async function onBuses(session: Serve | undefined, system: Serve | undefined, env: IdleOptions['env'] = {}) {
  await using sessionBus = createFakeBus({ serve: session ?? (() => NOBODY) });
  await using systemBus = createFakeBus({ serve: system ?? (() => NOBODY) });
  const buses = {
    DBUS_SESSION_BUS_ADDRESS: session === undefined ? GONE : sessionBus.address,
    DBUS_SYSTEM_BUS_ADDRESS: system === undefined ? GONE : systemBus.address,
  };
  return (await detect({ env: { ...buses, ...env } })).idleMs;
}

describe('the idle time', () => {
  test('is what GNOME says, whatever logind says', async () => {
    expect(await onBuses(mutter(123_456), undefined)).toBe(123_456);
    expect(await onBuses(mutter(0), logind({ IdleHint: true, IdleSinceHint: since(1) }))).toBe(0);
  });

  test('is what KDE says, but for the 0 that it says on Wayland, and what other desktops count in seconds', async () => {
    const kde = { XDG_CURRENT_DESKTOP: 'KDE' };
    expect(await onBuses(screenSaver(4_000), undefined, kde)).toBe(4_000);
    expect(await onBuses(screenSaver(0), undefined, kde)).toBeUndefined();
    expect(await onBuses(screenSaver(4_000), undefined, { XDG_CURRENT_DESKTOP: 'XFCE' })).toBeUndefined();
  });

  test('is counted from when logind began to call the session idle', async () => {
    expect(await onBuses(undefined, logind({ IdleHint: true, IdleSinceHint: since(NOW - 90_000) }))).toBe(90_000);
    expect(await onBuses(undefined, logind({ IdleHint: false, IdleSinceHint: since(NOW - 90_000) }))).toBe(0);
  });

  test('is unknown where nobody tells logind', async () => {
    expect(await onBuses(undefined, logind({ IdleHint: false, IdleSinceHint: since(0) }))).toBeUndefined();
    expect(await onBuses(undefined, logind({}))).toBeUndefined();
    expect(
      await onBuses(
        () => NOBODY,
        () => NOBODY,
      ),
    ).toBeUndefined();
  });

  test('is what the I/O registry of macOS says', async () => {
    const saying =
      (stdout: string): Run =>
      async () => ({ exitCode: 0, stdout });
    const ask = (stdout: string) => detect({ platform: 'darwin', run: saying(stdout) });
    expect((await ask('  |   "HIDIdleTime" = 2500000000\n')).idleMs).toBe(2_500);
    expect((await ask('nothing of the kind')).idleMs).toBeUndefined();
    expect((await detect({ platform: 'darwin' })).idleMs).toBeUndefined();
  });

  test('is unknown over SSH, on other systems, without buses, and when nobody answers in time', async () => {
    expect(await detect({ env: { SSH_TTY: '/dev/pts/1' } })).toEqual({
      idleMs: undefined,
      reason: 'remote session: SSH_TTY is set',
    });
    expect((await detect({ platform: 'freebsd' })).idleMs).toBeUndefined();
    expect(await detect()).toEqual({ idleMs: undefined, reason: 'nobody tells the idle time' });
    await using bus = createFakeBus({ serve: () => 'silence' });
    const env = { DBUS_SESSION_BUS_ADDRESS: bus.address, DBUS_SYSTEM_BUS_ADDRESS: bus.address };
    expect((await detect({ env, boundMs: 20 })).idleMs).toBeUndefined();
  });
});
