/** How long has nobody touched keyboard and mouse? A number or unknown, in bounded time. On the hook's path: no packages. */
import { type Bus, connectBus } from './dbus.ts';
import type { DBusValue, MethodCall } from './dbus-wire.ts';
import { type Environment, type Run, run as runProgram } from './detector.ts';
import { loginSessions, sessionBusOf } from './linux.ts';

export interface IdleOptions {
  /** Says which buses, which session and whether this is SSH. */
  readonly env: Environment;
  readonly platform?: string;
  readonly uid?: number;
  readonly pid?: number;
  readonly run?: Run;
  /** After this long whatever has not answered is unknown. Default 300. */
  readonly boundMs?: number;
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number;
}

/** `idleMs` is undefined when nobody could tell; then somebody may have been away for long. `reason`: one line for people. */
export interface Idle {
  readonly idleMs: number | undefined;
  readonly reason: string;
}

const BOUND_MS = 300;

/** Never rejects, and resolves within `boundMs`; what it started has been ended then. */
export async function detectIdle(options: IdleOptions): Promise<Idle> {
  const { env, platform = process.platform, boundMs = BOUND_MS } = options;
  // Whoever comes over SSH sits at another keyboard.
  const remote = ['SSH_CONNECTION', 'SSH_TTY', 'SSH_CLIENT'].find((name) => env[name]);
  if (remote !== undefined) return { idleMs: undefined, reason: `remote session: ${remote} is set` };
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), boundMs);
  const or = (source: Promise<number | undefined>): Promise<number | undefined> => source.catch(() => undefined);
  try {
    if (platform === 'darwin') return found(await or(askRegistry(options, stop.signal)), 'ioreg');
    if (platform !== 'linux') return { idleMs: undefined, reason: `nobody to ask on ${platform}` };
    const [desktop, login] = await Promise.all([
      or(askDesktop(options, stop.signal)),
      or(askLogin(options, stop.signal)),
    ]);
    // The desktop knows it to the millisecond; logind only knows what the desktop calls idle.
    return desktop === undefined ? found(login, 'logind') : found(desktop, 'desktop');
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

function found(idleMs: number | undefined, by: string): Idle {
  if (idleMs === undefined || !(idleMs >= 0)) return { idleMs: undefined, reason: 'nobody tells the idle time' };
  return { idleMs, reason: `${by}: idle for ${Math.round(idleMs / 1000)} s` };
}

const MUTTER: MethodCall = {
  destination: 'org.gnome.Mutter.IdleMonitor',
  path: '/org/gnome/Mutter/IdleMonitor/Core',
  interface: 'org.gnome.Mutter.IdleMonitor',
  member: 'GetIdletime',
};
const SCREEN_SAVER: MethodCall = {
  destination: 'org.freedesktop.ScreenSaver',
  path: '/org/freedesktop/ScreenSaver',
  interface: 'org.freedesktop.ScreenSaver',
  member: 'GetSessionIdleTime',
};

/** GNOME's compositor, and KDE's screen locker. Both count milliseconds. */
async function askDesktop({ env, uid = ownUid() }: IdleOptions, signal: AbortSignal): Promise<number | undefined> {
  const { address, runtimeDir } = sessionBusOf(env, uid);
  const bus = await connectBus(address, { uid, signal, runtimeDir });
  // Other desktops answer in seconds. KDE on Wayland answers 0, whatever happens.
  const isKde = (env.XDG_CURRENT_DESKTOP ?? '').split(':').includes('KDE');
  try {
    const [mutter, kde] = await Promise.all([
      numberFrom(bus, MUTTER),
      isKde ? numberFrom(bus, SCREEN_SAVER) : undefined,
    ]);
    return mutter ?? (kde === 0 ? undefined : kde);
  } finally {
    bus.close();
  }
}

async function numberFrom(bus: Bus, call: MethodCall): Promise<number | undefined> {
  const [value] = await bus.call(call).catch((): readonly DBusValue[] => []);
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined;
}

/**
 * IdleHint of our session, and IdleSinceHint, microseconds since the epoch at which it changed last
 * (org.freedesktop.login1(5)). One that has never changed is nobody's to set.
 */
async function askLogin(options: IdleOptions, signal: AbortSignal): Promise<number | undefined> {
  const { env, uid = ownUid(), pid = process.pid, now = Date.now } = options;
  const sessions = await loginSessions({ env, uid, pid }, signal);
  const times = sessions.flatMap((session) => {
    const [isIdle, since] = [session.get('IdleHint'), session.get('IdleSinceHint')];
    if (typeof isIdle !== 'boolean' || typeof since !== 'bigint' || since === 0n) return [];
    return [isIdle ? Math.max(0, now() - Number(since) / 1000) : 0];
  });
  return times.length === 0 ? undefined : Math.min(...times);
}

/** HIDIdleTime of the I/O registry, in nanoseconds. */
async function askRegistry({ env, run = runProgram }: IdleOptions, signal: AbortSignal): Promise<number | undefined> {
  const command = ['/usr/sbin/ioreg', '-c', 'IOHIDSystem', '-d', '4'] as const;
  const { stdout } = await run(command, { env, signal, wantsOutput: true });
  const nanoseconds = /"HIDIdleTime"\s*=\s*(\d+)/.exec(stdout)?.[1];
  return nanoseconds === undefined ? undefined : Number(nanoseconds) / 1e6;
}

function ownUid(): number {
  return process.getuid?.() ?? -1;
}
