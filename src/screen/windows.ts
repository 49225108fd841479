/** The detector of WSL: whether Windows shows its lock screen. */
import { existsSync, readFileSync } from 'node:fs';
import { type Detector, type Environment, type Finding, findProgram, type Run } from './detector.ts';

export interface WindowsOptions {
  readonly env: Environment;
  readonly run: Run;
}

/** True in a Linux of the Windows Subsystem for Linux; sudo drops the variable, so the kernel's name counts too. */
export function isWsl(env: Environment, procRoot: string): boolean {
  if (env.WSL_DISTRO_NAME) return true;
  try {
    return /microsoft/i.test(readFileSync(`${procRoot}/version`, 'utf8'));
  } catch {
    return false;
  }
}

const TASKLIST = '/mnt/c/Windows/System32/tasklist.exe';

/** LogonUI.exe draws the lock screen and lives only as long. Only the console's: other sessions may be other people's. */
export function windowsDetectors({ env, run }: WindowsOptions): readonly Detector[] {
  const look = async (signal: AbortSignal): Promise<Finding> => {
    const program = existsSync(TASKLIST) ? TASKLIST : findProgram('tasklist.exe', env);
    if (program === undefined)
      return { detector: 'tasklist', verdict: 'unknown', reason: 'no tasklist.exe to be found' };
    const filters = ['/FI', 'IMAGENAME eq LogonUI.exe', '/FI', 'SESSIONNAME eq Console'] as const;
    const { exitCode, stdout } = await run([program, ...filters, '/FO', 'CSV', '/NH'], {
      env,
      signal,
      wantsOutput: true,
    });
    return readTaskList(exitCode, stdout);
  };
  return [{ name: 'tasklist', look }];
}

/** What tasklist said: a line of values for the process, or a sentence in the language of that Windows for none. */
export function readTaskList(exitCode: number | null, stdout: string): Finding {
  const detector = 'tasklist';
  if (exitCode !== 0)
    return { detector, verdict: 'unknown', reason: `tasklist.exe ended with ${exitCode ?? 'a signal'}` };
  if (/^"LogonUI\.exe"/im.test(stdout)) return { detector, verdict: 'yes', reason: 'LogonUI.exe runs' };
  if (stdout.trim() === '') return { detector, verdict: 'unknown', reason: 'tasklist.exe said nothing' };
  return { detector, verdict: 'no', reason: 'LogonUI.exe does not run' };
}
