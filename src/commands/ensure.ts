/** `ensure`: the daemon is there when the agent's session begins. Claude Code sends no SessionStart over HTTP, so a command has to do it. */
import { PREPARE_MS, wantedBy } from '../asking.ts';
import { logLine } from '../client-log.ts';
import { type Connection, type ConnectionEvents, connectOrStart, type Wanted } from '../daemon.ts';
import { daemonArguments, daemonEnvironment } from '../daemon-environment.ts';
import { AppError, toAppError } from '../errors.ts';
import { httpPortOf } from '../http-port.ts';
import type { ParsedArgv } from '../options.ts';
import { type DaemonStatus, readReply } from '../protocol.ts';
import { encodeRetire, encodeStatusQuery } from '../protocol-daemon.ts';
import type { Settings } from '../settings.ts';
import type { Said } from '../types.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A hook that waits may be quicker to start the next daemon, without the port that only we were told of. */
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
  const left = (): number => PREPARE_MS - performance.now();
  const launchWith = async () => ({ env: daemonEnvironment(settings, env), args: daemonArguments(flags) });
  for (let tries = MAX_TRIES; tries > 0; tries -= 1) {
    const daemon = await connect(wanted, launchWith, left);
    if (httpPort === undefined || (await daemon.status()).http?.port === httpPort) return daemon.close();
    await daemon.retire();
  }
  throw new AppError('daemon-start', `Expected a daemon with --http ${httpPort}, got one without it each time`);
}

interface Daemon {
  /** Rejects with an AppError when it does not answer in time. */
  status(): Promise<DaemonStatus>;
  /** Resolves when it has hung up. */
  retire(): Promise<void>;
  close(): void;
}

async function connect(
  wanted: Wanted,
  launchWith: Parameters<typeof connectOrStart>[1],
  left: () => number,
): Promise<Daemon> {
  const answer = Promise.withResolvers<DaemonStatus>();
  const closed = Promise.withResolvers<void>();
  answer.promise.catch(() => {});
  const gone = (error = new AppError('daemon-gone', 'The daemon ended before it answered')): void => {
    answer.reject(error);
    closed.resolve();
  };
  const events: ConnectionEvents = {
    onLine: (line) => {
      const reply = readReply(line);
      if (reply.type === 'status') answer.resolve(reply.status);
    },
    onBroken: gone,
    onClose: () => gone(),
  };
  const connection: Connection = await connectOrStart(wanted, launchWith, { left, isBack: false }, events);
  const timer = setTimeout(() => gone(new AppError('daemon-timeout', 'The daemon did not answer in time')), left());
  return {
    status: () => {
      connection.send(encodeStatusQuery());
      return answer.promise;
    },
    retire: () => {
      connection.send(encodeRetire());
      return closed.promise;
    },
    close: () => {
      clearTimeout(timer);
      connection.close();
    },
  };
}
