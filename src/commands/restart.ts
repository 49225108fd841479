/** `restart`: another daemon in the place of the one that runs; what is pending stays on its messages and is gone on with. */
import { rmSync } from 'node:fs';
import { wantedBy } from '../asking.ts';
import type { Wanted } from '../daemon.ts';
import { launchOptions } from '../daemon-environment.ts';
import { throwFreshFailure } from '../daemon-files.ts';
import { replaceDaemon } from '../daemon-start.ts';
import { AppError, oneLine } from '../errors.ts';
import type { ParsedArgv } from '../options.ts';
import { patienceUntil } from '../patience.ts';
import type { DaemonStatus } from '../protocol.ts';
import type { Settings } from '../settings.ts';
import type { Said } from '../types.ts';
import { askDaemon } from './status.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** For all of it: nobody but the person at the terminal waits. */
const PATIENCE_MS = 10_000;
/** How long the new daemon is watched on its way to Slack. */
const CONNECT_MS = 5_000;
const POLL_MS = 20;

/**
 * Has the running daemon make room and starts one, with the settings of this call. Exit code 0 once it is there.
 * Throws AppError('missing-config' | 'daemon-timeout' | 'daemon-mismatch' | whatever stopped the daemon from starting).
 */
export async function runRestart(settings: Settings, flags: ParsedArgv['flags'], env: Environment): Promise<Said> {
  const wanted = wantedBy(settings, env);
  const launchWith = launchOptions(settings, flags, env);
  const left = patienceUntil(performance.now() + PATIENCE_MS);
  // Somebody has looked at why the last one failed, or would not ask for another.
  rmSync(wanted.paths.failure, { force: true });
  const before = await askDaemon(wanted.paths, env);
  while (left() > 0) {
    await replaceDaemon(wanted, launchWith, { left, isBack: false });
    const after = await askDaemon(wanted.paths, env);
    // Not yet: a hook was about to start one, and has met the old one.
    if (typeof after === 'string' || isSame(before, after)) continue;
    return { stdout: inWords(before, await connected(wanted, after, env)), stderr: '', exitCode: 0 };
  }
  throw new AppError('daemon-timeout', 'Expected another daemon in time, got none');
}

/** A process id may come again; its start does not. */
function isSame(before: DaemonStatus | 'not-running' | 'silent', after: DaemonStatus): boolean {
  return typeof before !== 'string' && before.pid === after.pid && before.startedAt === after.startedAt;
}

/** The daemon's status once it has reached Slack or failed to. Throws the reason when it ended over it. */
async function connected(wanted: Wanted, first: DaemonStatus, env: Environment): Promise<DaemonStatus> {
  let latest = first;
  for (const until = performance.now() + CONNECT_MS; performance.now() < until; await Bun.sleep(POLL_MS)) {
    if (latest.slack.state !== 'connecting') break;
    const status = await askDaemon(wanted.paths, env);
    if (typeof status !== 'string') latest = status;
    throwFreshFailure(wanted);
  }
  return latest;
}

function inWords(before: DaemonStatus | 'not-running' | 'silent', after: DaemonStatus): string {
  const now = `process ${after.pid}, version ${after.version}`;
  const reason = after.slack.reason === undefined ? '' : ` (${oneLine(after.slack.reason)})`;
  const { length } = after.pending;
  return [
    typeof before === 'string'
      ? `No daemon was running; started one (${now}).`
      : `The daemon (process ${before.pid}, version ${before.version}) made room for another one (${now}).`,
    ...(length === 0 ? [] : [`${length === 1 ? '1 pending request goes' : `${length} pending requests go`} on.`]),
    `Slack: ${after.slack.state}${reason}.`,
    '',
  ].join('\n');
}
