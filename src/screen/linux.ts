/** The detectors of Linux desktops: logind and the screen savers over D-Bus, lockers in the process list, xscreensaver. */
import { readdirSync, readFileSync } from 'node:fs';
import { type Bus, connectBus, escapeAddress } from './dbus.ts';
import { DBusError, type DBusValue } from './dbus-wire.ts';
import { type Detector, type Environment, type Finding, findProgram, type Run } from './detector.ts';

export interface LinuxOptions {
  readonly env: Environment;
  readonly uid: number;
  readonly pid: number;
  /** Where the process list is mounted. */
  readonly procRoot: string;
  readonly run: Run;
  /** When the scan of the processes must stop, on the clock of performance.now(). */
  readonly deadlineAt: number;
}

/** The detectors that can work here; the ones over D-Bus first, because they wait while the processes are read. */
export function linuxDetectors(options: LinuxOptions): readonly Detector[] {
  return [
    { name: 'logind', look: (signal) => askLogind(options, signal) },
    { name: 'screensaver', look: (signal) => askScreenSavers(options, signal) },
    { name: 'locker', look: (signal) => lookForLockers(options, signal) },
  ];
}

/** Where the D-Bus specification puts the system bus, and where most systems do. */
const SYSTEM_BUS = 'unix:path=/run/dbus/system_bus_socket;unix:path=/var/run/dbus/system_bus_socket';

const LOGIN = 'org.freedesktop.login1';
const MANAGER = { destination: LOGIN, path: '/org/freedesktop/login1', interface: `${LOGIN}.Manager` } as const;

type Properties = ReadonlyMap<DBusValue | undefined, DBusValue | undefined>;

/** The sessions of logind in which this user works, as their properties. Rejects with DBusError. */
export async function loginSessions(
  { env, uid, pid }: Pick<LinuxOptions, 'env' | 'uid' | 'pid'>,
  signal: AbortSignal,
): Promise<readonly Properties[]> {
  const bus = await connectBus(env.DBUS_SYSTEM_BUS_ADDRESS || SYSTEM_BUS, { uid, signal });
  try {
    const isOnScreen = Boolean(env.DISPLAY || env.WAYLAND_DISPLAY);
    return await ownSessions(bus, { id: env.XDG_SESSION_ID || undefined, uid, pid, isOnScreen });
  } finally {
    bus.close();
  }
}

/** Where this user's session bus is. */
export function sessionBusOf(env: Environment, uid: number): { readonly address: string; readonly runtimeDir: string } {
  const runtimeDir = env.XDG_RUNTIME_DIR || `/run/user/${uid}`;
  return { address: env.DBUS_SESSION_BUS_ADDRESS || `unix:path=${escapeAddress(runtimeDir)}/bus`, runtimeDir };
}

/**
 * LockedHint of our session. GNOME and Plasma set it; swaylock (its issue 422) and i3lock (its issue 239) do not, so that
 * false is only `unlikely`.
 */
async function askLogind(options: LinuxOptions, signal: AbortSignal): Promise<Finding> {
  const detector = 'logind';
  const sessions = await loginSessions(options, signal);
  if (sessions.length === 0) return { detector, verdict: 'unknown', reason: 'no graphical session of this user' };
  if (sessions.some((session) => session.get('LockedHint') === true)) {
    return { detector, verdict: 'yes', reason: 'LockedHint is yes' };
  }
  if (sessions.some((session) => session.get('LockedHint') === false)) {
    return { detector, verdict: 'unlikely', reason: 'LockedHint is no' };
  }
  return { detector, verdict: 'unknown', reason: 'this logind has no LockedHint' };
}

interface SessionQuery {
  readonly id: string | undefined;
  readonly uid: number;
  readonly pid: number;
  /** True when our environment names a display: a session that startx or sway opened from a console says it is a tty. */
  readonly isOnScreen: boolean;
}

/**
 * The session of the environment, else of this process, else the active graphical ones of this user (a terminal that the
 * user's service manager started is in no session). A stale or remote one does not count: tmux keeps both for long.
 */
async function ownSessions(bus: Bus, query: SessionQuery): Promise<readonly Properties[]> {
  // All at once: three answers in one round trip. The list may fail unseen when the others are enough.
  const list = listSessions(bus, query.uid);
  list.catch(() => {});
  const [byId, byPid] = await Promise.all([
    query.id === undefined ? undefined : pathOf(bus, 'GetSession', query.id),
    pathOf(bus, 'GetSessionByPID', query.pid),
  ]);
  for (const path of [byId, byPid]) {
    const session = path === undefined ? undefined : await propertiesOf(bus, path);
    if (session !== undefined && isOwnAndGraphical(session, query)) return [session];
  }
  const sessions = await Promise.all((await list).map((path) => propertiesOf(bus, path)));
  const graphical = sessions.filter((session) => session !== undefined && isOwnAndGraphical(session, query));
  const active = graphical.filter((session) => session?.get('Active') === true);
  return (active.length > 0 ? active : graphical).filter((session) => session !== undefined);
}

function isOwnAndGraphical(session: Properties, { uid, isOnScreen }: SessionQuery): boolean {
  const user = session.get('User');
  if (!Array.isArray(user) || user[0] !== uid) return false;
  if (session.get('Remote') === true) return false;
  // `greeter`, `manager` and `background` are not where a person works; `user-light` and the like are.
  if (!String(session.get('Class')).startsWith('user')) return false;
  return isOnScreen || ['x11', 'wayland', 'mir'].includes(String(session.get('Type')));
}

/** More sessions of one user than this are not read. */
const MAX_SESSIONS = 16;

async function listSessions(bus: Bus, uid: number): Promise<readonly string[]> {
  const [sessions] = await bus.call({ ...MANAGER, member: 'ListSessions' });
  const paths: string[] = [];
  for (const session of Array.isArray(sessions) ? sessions : []) {
    const [, owner, , , path] = Array.isArray(session) ? session : [];
    if (owner === uid && typeof path === 'string' && paths.length < MAX_SESSIONS) paths.push(path);
  }
  return paths;
}

async function pathOf(bus: Bus, member: string, arg: string | number): Promise<string | undefined> {
  const [path] = await orNone(bus.call({ ...MANAGER, member, args: [arg] }));
  return typeof path === 'string' ? path : undefined;
}

async function propertiesOf(bus: Bus, path: string): Promise<Properties | undefined> {
  const face = 'org.freedesktop.DBus.Properties';
  const [entries] = await orNone(
    bus.call({ destination: LOGIN, path, interface: face, member: 'GetAll', args: [`${LOGIN}.Session`] }),
  );
  if (!Array.isArray(entries)) return undefined;
  return new Map(entries.map((entry) => (Array.isArray(entry) ? [entry[0], entry[1]] : [undefined, undefined])));
}

/** The values of an answer; none for an error reply. A broken connection stays an error. */
async function orNone(answer: Promise<readonly DBusValue[]>): Promise<readonly DBusValue[]> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof DBusError && error.kind === 'reply') return [];
    throw error;
  }
}

/** Who may own a GetActive, and under which path: KDE has both paths of the first. */
const SCREEN_SAVERS = [
  ['org.freedesktop.ScreenSaver', '/org/freedesktop/ScreenSaver'],
  ['org.freedesktop.ScreenSaver', '/ScreenSaver'],
  ['org.gnome.ScreenSaver', '/org/gnome/ScreenSaver'],
  ['org.cinnamon.ScreenSaver', '/org/cinnamon/ScreenSaver'],
  ['org.mate.ScreenSaver', '/org/mate/ScreenSaver'],
  ['org.xfce.ScreenSaver', '/org/xfce/ScreenSaver'],
] as const;

/** GetActive of whatever screen savers run on the session bus. */
async function askScreenSavers({ env, uid }: LinuxOptions, signal: AbortSignal): Promise<Finding> {
  const { address, runtimeDir } = sessionBusOf(env, uid);
  const bus = await connectBus(address, { uid, signal, runtimeDir });
  try {
    return await firstActive(bus);
  } finally {
    bus.close();
  }
}

/** Resolves at the first yes: one screen saver that hangs must not hide another's answer. */
async function firstActive(bus: Bus): Promise<Finding> {
  const detector = 'screensaver';
  return new Promise((resolve, reject) => {
    const answers = SCREEN_SAVERS.map(async ([name, path]): Promise<string | undefined> => {
      const [isActive] = await orNone(bus.call({ destination: name, path, interface: name, member: 'GetActive' }));
      if (isActive === true) resolve({ detector, verdict: 'yes', reason: `${name} is active` });
      return isActive === false ? name : undefined;
    });
    Promise.all(answers).then((names) => {
      const name = names.find((each) => each !== undefined);
      if (name === undefined) resolve({ detector, verdict: 'unknown', reason: 'no screen saver on the session bus' });
      else resolve({ detector, verdict: 'no', reason: `${name} is not active` });
    }, reject);
  });
}

/** Programs that run only while they hold the screen. Not light-locker or cinnamon-screensaver: those always run. */
const LOCKERS = [
  'swaylock',
  'swaylock-plugin',
  'hyprlock',
  'gtklock',
  'waylock',
  'schlock',
  'i3lock',
  'slock',
  'sxlock',
  'xsecurelock',
  'xtrlock',
  'xlock',
  'alock',
  'physlock',
  'kscreenlocker_greet',
] as const;

/** The kernel cuts a process's name after 15 bytes (TASK_COMM_LEN, proc(5)). */
const COMM_BYTES = 15;
const LOCKER_COMMS: ReadonlyMap<string, string> = new Map(LOCKERS.map((name) => [name.slice(0, COMM_BYTES), name]));

async function lookForLockers(options: LinuxOptions, signal: AbortSignal): Promise<Finding> {
  const detector = 'locker';
  const { locker, hasXScreenSaver, isComplete } = scanProcesses(options);
  if (locker !== undefined) return { detector, verdict: 'yes', reason: `${locker} runs` };
  if (hasXScreenSaver && options.env.DISPLAY) return askXScreenSaver(options, signal);
  if (!isComplete) return { detector, verdict: 'unknown', reason: 'not all processes could be read in time' };
  return { detector, verdict: 'unlikely', reason: 'no locker runs' };
}

interface Scan {
  readonly locker?: string;
  readonly hasXScreenSaver: boolean;
  readonly isComplete: boolean;
}

/** Reads the names of all processes: about 5 µs each. Throws when the process list cannot be read at all. */
function scanProcesses({ procRoot, uid, deadlineAt }: LinuxOptions): Scan {
  let hasXScreenSaver = false;
  for (const pid of readdirSync(procRoot)) {
    const first = pid.charCodeAt(0);
    if (first < 0x30 || first > 0x39) continue;
    if (performance.now() >= deadlineAt) return { hasXScreenSaver, isComplete: false };
    const comm = readOr(`${procRoot}/${pid}/comm`, '').trimEnd();
    const locker = LOCKER_COMMS.get(comm);
    if (locker !== undefined && isOwnAndAlive(`${procRoot}/${pid}`, uid)) {
      return { locker, hasXScreenSaver, isComplete: true };
    }
    if (comm === 'xscreensaver' && isOwnAndAlive(`${procRoot}/${pid}`, uid)) hasXScreenSaver = true;
  }
  return { hasXScreenSaver, isComplete: true };
}

/**
 * Whose process it is. Not by the owner of its directory: that is root for a locker that forbids core dumps. And slock
 * becomes nobody, physlock root: the login they came from stays in `loginuid`.
 */
function isOwnAndAlive(directory: string, uid: number): boolean {
  const status = readOr(`${directory}/status`, '');
  if (/^State:\s+[ZX]/m.test(status)) return false;
  const realUid = /^Uid:\s+(\d+)/m.exec(status)?.[1];
  return realUid === String(uid) || readOr(`${directory}/loginuid`, '').trim() === String(uid);
}

/** A process may be gone before its file is opened. */
function readOr(path: string, fallback: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return fallback;
  }
}

async function askXScreenSaver({ env, run }: LinuxOptions, signal: AbortSignal): Promise<Finding> {
  const detector = 'xscreensaver';
  const program = findProgram('xscreensaver-command', env);
  if (program === undefined) return { detector, verdict: 'unknown', reason: 'xscreensaver-command is not in PATH' };
  const { stdout } = await run([program, '-time'], { env, signal, wantsOutput: true });
  if (/screen locked since/.test(stdout)) return { detector, verdict: 'yes', reason: 'the screen is locked' };
  if (/screen (non-)?blanked since/.test(stdout))
    return { detector, verdict: 'no', reason: 'the screen is not locked' };
  return { detector, verdict: 'unknown', reason: 'xscreensaver-command did not say' };
}
