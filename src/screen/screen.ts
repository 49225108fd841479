/** Is the screen locked? Three answers, in bounded time. On the hook's path: no packages, and only one platform is loaded. */
import { oneLine } from '../errors.ts';
import { type Detector, type Environment, type Finding, type Run, run as runProgram } from './detector.ts';

export type LockState = {
  /** Only `locked` means that nobody is at the screen; `unknown` must be treated like `unlocked`. */
  readonly state: 'locked' | 'unlocked' | 'unknown';
  /** Who answered: `lock-command`, `logind`, `screensaver`, `locker`, `xscreensaver`, `ioreg`, `tasklist`; `none` for unknown. */
  readonly detector: string;
  /** One line for people. */
  readonly reason: string;
  readonly tookMs: number;
};

export interface ScreenOptions {
  /** Run with `/bin/sh -c` in place of all detectors: exit 0 is locked, 1 is unlocked, all else unknown. */
  readonly lockCommand?: string;
  /** Says which buses, which session and whether this is SSH. */
  readonly env: Environment;
  readonly platform?: string;
  readonly uid?: number;
  readonly pid?: number;
  /** Default `/proc`. */
  readonly procRoot?: string;
  readonly run?: Run;
  /** After this long whatever has not answered is unknown. Default 300. */
  readonly boundMs?: number;
}

const BOUND_MS = 300;

/** Long enough for a path in a reason, short enough for a line in a log. */
const MAX_REASON_LENGTH = 300;

/** Whether this user's screen is locked. Never rejects, and resolves within `boundMs`; what it started has been ended then. */
export async function detectScreenLock(options: ScreenOptions): Promise<LockState> {
  const startedAt = performance.now();
  const { boundMs = BOUND_MS } = options;
  const finding = await look(options, startedAt + boundMs, boundMs).catch(
    (error: unknown): Finding => ({ detector: 'none', verdict: 'unknown', reason: messageOf(error) }),
  );
  return {
    state: STATES[finding.verdict],
    detector: finding.detector,
    reason: oneLine(finding.reason).slice(0, MAX_REASON_LENGTH),
    tookMs: Math.round((performance.now() - startedAt) * 100) / 100,
  };
}

const STATES = { yes: 'locked', no: 'unlocked', unlikely: 'unlocked', unknown: 'unknown' } as const;

async function look(options: ScreenOptions, deadlineAt: number, boundMs: number): Promise<Finding> {
  const { env, lockCommand = '', run = runProgram } = options;
  if (lockCommand.trim() !== '') return weigh(await askAll([commandDetector(lockCommand, env, run)], boundMs));
  // Whoever comes over SSH sits at another screen, whatever this one shows.
  const remote = ['SSH_CONNECTION', 'SSH_TTY', 'SSH_CLIENT'].find((name) => env[name]);
  if (remote !== undefined) return { detector: 'none', verdict: 'unknown', reason: `remote session: ${remote} is set` };
  return weigh(await askAll(await detectors(options, run, deadlineAt), boundMs));
}

async function detectors(options: ScreenOptions, run: Run, deadlineAt: number): Promise<readonly Detector[]> {
  const { env, platform = process.platform, pid = process.pid, procRoot = '/proc' } = options;
  const uid = options.uid ?? process.getuid?.() ?? -1;
  if (platform === 'darwin') {
    const { macDetectors } = await import('./mac.ts');
    return macDetectors({ env, uid, run });
  }
  if (platform !== 'linux') return [];
  const { isWsl, windowsDetectors } = await import('./windows.ts');
  if (isWsl(env, procRoot)) return windowsDetectors({ env, run });
  const { linuxDetectors } = await import('./linux.ts');
  return linuxDetectors({ env, uid, pid, procRoot, run, deadlineAt });
}

function commandDetector(lockCommand: string, env: Environment, run: Run): Detector {
  const detector = 'lock-command';
  const ask = async (signal: AbortSignal): Promise<Finding> => {
    const { exitCode } = await run(['/bin/sh', '-c', lockCommand], { env, signal, wantsOutput: false });
    if (exitCode === 0) return { detector, verdict: 'yes', reason: 'the lock command ended with 0' };
    if (exitCode === 1) return { detector, verdict: 'no', reason: 'the lock command ended with 1' };
    const end = exitCode ?? 'a signal';
    return { detector, verdict: 'unknown', reason: `expected the lock command to end with 0 or 1, got ${end}` };
  };
  return { name: detector, look: ask };
}

/** Asks all at once; resolves at the first yes, when all have answered, or at the bound. Then everything is ended. */
function askAll(detectors: readonly Detector[], boundMs: number): Promise<readonly Finding[]> {
  return new Promise((resolve) => {
    const stop = new AbortController();
    const findings = new Map<Detector, Finding>();
    const finish = (): void => {
      clearTimeout(timer);
      stop.abort();
      const late = `no answer within ${boundMs} ms`;
      resolve(detectors.map((each) => findings.get(each) ?? { detector: each.name, verdict: 'unknown', reason: late }));
    };
    const timer = setTimeout(finish, boundMs);
    const settle = (detector: Detector, finding: Finding): void => {
      findings.set(detector, finding);
      if (finding.verdict === 'yes' || findings.size === detectors.length) finish();
    };
    for (const detector of detectors) {
      detector.look(stop.signal).then(
        (finding) => settle(detector, finding),
        (error: unknown) => settle(detector, { detector: detector.name, verdict: 'unknown', reason: messageOf(error) }),
      );
    }
    if (detectors.length === 0) finish();
  });
}

/** Any yes is locked; a no is unlocked; so are two that are unlikely. Else unknown, with everybody's reason. */
function weigh(findings: readonly Finding[]): Finding {
  const unlikely = findings.filter(({ verdict }) => verdict === 'unlikely');
  const answer =
    findings.find(({ verdict }) => verdict === 'yes') ??
    findings.find(({ verdict }) => verdict === 'no') ??
    (unlikely.length > 1 ? unlikely[0] : undefined);
  if (answer !== undefined) return answer;
  const reasons = findings.map(({ detector, reason }) => `${detector}: ${reason}`);
  return { detector: 'none', verdict: 'unknown', reason: reasons.join('; ') || 'no detector for this platform' };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
