/** The daemon: takes the lock, or has the one that holds it make room, finds its place, and reports how the start went. */
import type { Tokens } from './channels/slack-credentials.ts';
import { appFingerprint, appKey, type Wanted } from './daemon.ts';
import { removeIdentity, throwFreshFailure } from './daemon-files.ts';
import { type Lock, leaveSession, takeLock } from './daemon-lock.ts';
import { claimPlace, type Place, prepareAppDirectory } from './daemon-place.ts';
import { AppError, toAppError } from './errors.ts';
import { tokensFor } from './keychain.ts';
import { createReport, FROM_ANY, READY_ENV, TAKE_OVER_ENV } from './readiness.ts';
import { keepStartFailure, serve } from './server-run.ts';
import type { Settings } from './settings.ts';
import { appPaths, statePaths } from './state.ts';
import { dieAt } from './test-build.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** How long the next one waits for the lock. */
const ROOM_MS = 1_200;
const CHECK_TOKENS_MS = 1_000;
const POLL_MS = 4;

/**
 * Runs the daemon until it ends and returns the process's exit code.
 * Launched by a client it reports over the pipe of READY_ENV; started by hand it stays in the foreground and logs on stderr.
 */
export async function runServer(settings: Settings, env: Environment): Promise<number> {
  const report = createReport(env[READY_ENV]);
  process.umask(0o077);
  if (report !== undefined) leaveSession();
  let lock: Lock | undefined;
  let place: Place | undefined;
  try {
    const tokens = tokensOf(settings);
    const key = appKey(tokens.appToken, tokens.apiUrl);
    const wanted = { paths: appPaths(env, key), app: appFingerprint({ ...settings, ...tokens }) };
    const state = statePaths(env);
    prepareAppDirectory(state, wanted.paths);
    lock = takeLock(wanted.paths.lock);
    if (lock === undefined && env[TAKE_OVER_ENV] !== undefined)
      lock = await takeOver(wanted, tokens, env[TAKE_OVER_ENV] === FROM_ANY);
    if (lock === undefined) {
      if (report === undefined) {
        throw new AppError('daemon-start', 'Another daemon of this Slack app already runs', {
          hint: 'Run claude-slack-hook --stop first.',
        });
      }
      report({ state: 'busy' });
      return 0;
    }
    dieAt('lock-held');
    // Somebody may have failed between the look of the client that launched us and our lock.
    if (report !== undefined) throwFreshFailure(wanted);
    const startedAt = Date.now();
    place = claimPlace(env, key, startedAt);
    process.chdir('/');
    return await serve({ settings, tokens, key, wanted, place, lock, state, startedAt, report, env });
  } catch (error) {
    const { code, message, hint, exitCode } = toAppError(error);
    if (report === undefined) throw error;
    report({ state: 'failed', code, message, hint });
    return exitCode;
  } finally {
    // Until the lock is free, --stop has to be able to find this process.
    if (place !== undefined) removeIdentity(place.paths);
    place?.lock.release();
    // Last: whoever has it may use the place.
    lock?.release();
  }
}

function tokensOf({ botToken, appToken, apiUrl, approvers, isConfigAsked }: Settings): Tokens {
  if (botToken === undefined || appToken === undefined)
    throw new AppError('missing-config', 'Expected a bot token and an app token, got none');
  if (approvers.length === 0 && !isConfigAsked)
    throw new AppError('missing-config', 'Expected a Slack user id to ask, got none');
  return { botToken, appToken, apiUrl };
}

/** The app's lock, once the daemon that has it has made room; undefined when it need not. */
async function takeOver(wanted: Wanted, tokens: Tokens, mustGo: boolean): Promise<Lock | undefined> {
  const { askToRetire } = await import('./take-over.ts');
  const check = async (): Promise<void> => {
    const { checkTokens } = await import('./channels/slack-credentials.ts');
    try {
      await checkTokens({ ...tokens, ...(await tokensFor(tokens)) }, CHECK_TOKENS_MS);
    } catch (error) {
      keepStartFailure(wanted, toAppError(error));
      throw error;
    }
  };
  const isFreed = await askToRetire(wanted, check, mustGo);
  if (!isFreed) return undefined;
  for (const until = performance.now() + ROOM_MS; performance.now() < until; await Bun.sleep(POLL_MS)) {
    const lock = takeLock(wanted.paths.lock);
    if (lock !== undefined) return lock;
  }
  return undefined;
}
