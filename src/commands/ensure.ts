/** `ensure`: the daemon is there when the agent's session begins. Claude Code sends no SessionStart over HTTP, so a command has to do it. */
import { PREPARE_MS, wantedBy } from '../asking.ts';
import { logLine } from '../client-log.ts';
import { connectOrStart, IGNORED } from '../daemon.ts';
import { launchOptions } from '../daemon-environment.ts';
import { replaceDaemon } from '../daemon-start.ts';
import { AppError, toAppError } from '../errors.ts';
import { httpPortOf } from '../http-port.ts';
import type { ParsedArgv } from '../options.ts';
import type { Settings } from '../settings.ts';
import type { Said } from '../types.ts';
import { askDaemon } from './status.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A hook may be about to start a daemon, without the port that only we were told of. */
const MAX_TRIES = 3;

/**
 * Starts a daemon unless one runs that has the port of `--http`; one without it makes room, with what is pending. Whatever goes
 * wrong is written to the log and nowhere else: the agent's session must not begin with our troubles.
 */
export async function runEnsure(
  flags: ParsedArgv['flags'],
  getSettings: () => Settings,
  env: Environment,
): Promise<Said> {
  void ignoreStdin();
  try {
    await ensure(flags, getSettings(), env);
  } catch (error) {
    const { code, message } = toAppError(error);
    logLine(env, `ensure: ${message} (${code})`);
  }
  return { stdout: '', stderr: '', exitCode: 0 };
}

/** Nobody who writes to us is left with a broken pipe as long as we run. */
async function ignoreStdin(): Promise<void> {
  try {
    for await (const _chunk of Bun.stdin.stream()) {
      // Nothing in it matters.
    }
  } catch {
    // There is none.
  }
}

async function ensure(flags: ParsedArgv['flags'], settings: Settings, env: Environment): Promise<void> {
  const httpPort = httpPortOf(settings);
  const wanted = wantedBy(settings, env);
  const effort = { left: () => PREPARE_MS - performance.now(), isBack: false };
  const launchWith = launchOptions(settings, flags, env);
  for (let tries = MAX_TRIES; tries > 0; tries -= 1) {
    (await connectOrStart(wanted, async () => launchWith, effort, IGNORED)).close();
    if (httpPort === undefined) return;
    const status = await askDaemon(wanted.paths, env);
    if (typeof status === 'string')
      throw new AppError('daemon-timeout', 'The daemon did not say whether it has the port');
    if (status.http?.port === httpPort) return;
    await replaceDaemon(wanted, launchWith, effort);
  }
  throw new AppError('daemon-start', `Expected a daemon with --http ${httpPort}, got one without it each time`);
}
