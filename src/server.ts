/** The daemon: takes the lock, listens, and puts broker, channel and store together until it is idle or told to stop. */
import { randomBytes } from 'node:crypto';
import { closeSync, rmSync, writeSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { AGENTS } from './agents/agent.ts';
import { WITNESSES } from './agents/evidence.ts';
import { createApprovals } from './approvals.ts';
import type { SlackHealth } from './channels/slack-health.ts';
import { createClients } from './clients.ts';
import { appFingerprint } from './daemon.ts';
import { keepFailure, removeIdentity, writeIdentity } from './daemon-files.ts';
import { hideMemory, raiseDescriptors } from './daemon-limits.ts';
import { type Lock, leaveSession, takeLock } from './daemon-lock.ts';
import { READY_ENV, type Readiness } from './daemon-start.ts';
import { AppError, toAppError } from './errors.ts';
import { createGrants } from './grants.ts';
import { createLazyChannel } from './lazy-channel.ts';
import { createListener } from './listener.ts';
import { createLogFile, createLogger, type Logger, stderrSink } from './logger.ts';
import { dangerOf } from './policy/danger.ts';
import { createGate } from './policy/gate.ts';
import { BEAT_MS, type DaemonStatus } from './protocol.ts';
import type { Settings } from './settings.ts';
import { prepareDirectory, type RuntimePaths, runtimePaths } from './socket.ts';
import { instanceId, type StatePaths, statePaths } from './state.ts';
import { createJsonlStore } from './store/jsonl.ts';
import type { Channel } from './types.ts';
import { VERSION } from './version.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** How long a stopping daemon waits for Slack to take the last edits, and then for the connection to close. */
const LAST_EDITS_MS = 1_200;
const LAST_FRAMES_MS = 300;
/** How often the daemon looks whether its socket and lock are still where clients look for them. */
const SELF_CHECK_MS = 500;

/**
 * Runs the daemon until it ends and returns the process's exit code.
 * Launched by a client it reports over the pipe of READY_ENV; started by hand it stays in the foreground and logs on stderr.
 */
export async function runServer(settings: Settings, env: Environment): Promise<number> {
  const report = createReport(env[READY_ENV]);
  process.umask(0o077);
  if (report !== undefined) leaveSession();
  let lock: Lock | undefined;
  try {
    const paths = runtimePaths(env);
    prepareDirectory(paths.dir);
    lock = takeLock(paths.lock);
    if (lock === undefined) {
      if (report === undefined) {
        throw new AppError('daemon-start', `Another daemon already runs for ${paths.dir}`, {
          hint: 'Run claude-slack-hook --stop first.',
        });
      }
      report({ state: 'busy' });
      return 0;
    }
    process.chdir('/');
    return await serve({ settings, paths, lock, state: statePaths(env), report });
  } catch (error) {
    const { code, message, hint, exitCode } = toAppError(error);
    if (report === undefined) throw error;
    report({ state: 'failed', code, message, hint });
    return exitCode;
  } finally {
    lock?.release();
  }
}

type Report = (readiness: Readiness) => void;

/** Undefined in the foreground: nobody waits for the news. Only the first report is sent. */
function createReport(readyFd: string | undefined): Report | undefined {
  if (readyFd === undefined) return undefined;
  let isReported = false;
  return (readiness) => {
    if (isReported) return;
    isReported = true;
    try {
      writeSync(Number(readyFd), `${JSON.stringify(readiness)}\n`);
      closeSync(Number(readyFd));
    } catch {
      // The client that launched us is gone; others may come.
    }
  };
}

interface ServeOptions {
  readonly settings: Settings;
  readonly paths: RuntimePaths;
  readonly state: StatePaths;
  readonly lock: Lock;
  readonly report: Report | undefined;
}

async function serve({ settings, paths, state, lock, report }: ServeOptions): Promise<number> {
  const { botToken, appToken } = settings;
  if (botToken === undefined || appToken === undefined) {
    throw new AppError('missing-config', 'Expected a bot token and an app token, got none');
  }
  const app = appFingerprint(botToken, appToken, settings.apiUrl);
  const startedAt = Date.now();
  const logger = createLogger(settings.logLevel, report === undefined ? stderrSink : createLogFile(state.log), [
    botToken,
    appToken,
  ]);
  // The daemon never dies of somebody else's promise; what we did not foresee is logged.
  process.on('unhandledRejection', (error) => logger.error({ err: error }, 'unhandled rejection'));
  process.on('uncaughtException', (error) => logger.error({ err: error }, 'uncaught exception'));

  let slack: DaemonStatus['slack'] = { state: 'connecting', connections: 0 };
  const end = Promise.withResolvers<string>();
  const store = createJsonlStore(state.audit, { keepDays: () => gate.auditKeepDays() });
  // Slack's libraries load while the first client is already connecting; requests wait for the channel's start.
  const channel = createLazyChannel('Slack', async () => {
    const { createSlackChannel } = await import('./channels/slack.ts');
    const onHealth = (health: SlackHealth): void => {
      slack = health;
      // A revoked token: no click can come any more, so nobody may be left waiting for one.
      if (health.isFatal)
        approvals.fail({ reason: health.reason ?? 'Slack refuses this app.', code: health.code ?? 'slack-auth' });
    };
    const { apiUrl } = settings;
    return createSlackChannel({
      botToken,
      appToken,
      apiUrl,
      instanceId: instanceId(state),
      host: hostname(),
      threads: settings.threads,
      broadcast: settings.broadcast,
      maskRules: gate.maskRules,
      dangerOf,
      logger,
      onHealth,
    });
  });
  const gate = createGate({ configFile: settings.configFile, home: homedir(), recent: store.recent });
  const { policy } = gate;
  const approvals = createApprovals({
    channel,
    store,
    grants: createGrants({ newId: () => randomBytes(8).toString('base64url'), matches: gate.covers }),
    now: Date.now,
    logger,
    maskRules: gate.maskRules,
    onGrants: () => idle.touch(),
    mayAnswer: gate.mayAnswer,
    mayRun: gate.mayRun,
    candidates: gate.candidates,
    onOutcome: (id, outcome) => clients.onOutcome(id, outcome),
  });
  const clients = createClients({
    agents: AGENTS,
    witnesses: WITNESSES,
    app,
    approvers: settings.isConfigAsked ? [] : settings.approvers,
    waitMs: settings.deadlineMs,
    policy,
    repliesInARow: approvals.repliesInARow,
    status: () => ({
      pid: process.pid,
      version: VERSION,
      startedAt,
      pending: approvals.pending().map(({ id, input, askedAt }) => ({ id, tool: input.tool_name ?? '', askedAt })),
      grants: approvals.grants().map(({ id, text, by, until }) => ({ id, rule: text, by, until })),
      slack,
      apiUrl: settings.apiUrl,
      logFile: report === undefined ? 'stderr' : state.log,
      auditFile: state.audit,
    }),
    ask: approvals.ask,
    withdraw: approvals.clientGone,
    observe: approvals.observe,
    onChange: () => idle.touch(),
    logger,
  });
  const idle = createIdleTimer(
    settings.idleMs,
    () => clients.waiting() === 0 && approvals.grants().length === 0,
    () => end.resolve('idle'),
  );
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => end.resolve(signal));

  const listener = createListener(paths.socket, { ...clients, descriptors: raiseDescriptors() });
  writeIdentity(paths, startedAt);
  const stopWatching = watchOwnFiles({
    paths,
    lock,
    listener,
    startedAt,
    logger,
    onReplaced: () => end.resolve('lock file replaced'),
  });
  const beating = setInterval(clients.beat, BEAT_MS);
  report?.({ state: 'listening' });
  logger.info(
    { version: VERSION, bun: Bun.version, apiUrl: settings.apiUrl, socket: paths.socket },
    'daemon listening',
  );
  hideMemory();

  const why = await Promise.race([end.promise, startFailure(approvals.start(), paths)]);
  stopWatching();
  clearInterval(beating);
  idle.stop();
  clients.refuseNew();
  listener.stop();
  if (why instanceof AppError) {
    logger.error({ code: why.code, err: why }, 'start failed');
    keepFailure(paths.failure, { code: why.code, message: why.message, hint: why.hint, at: Date.now(), app });
  } else {
    logger.info({ reason: why }, 'daemon stopping');
  }
  await lastWords(
    approvals.stop(
      why instanceof AppError ? { reason: why.message, code: why.code } : { reason: 'The daemon was stopped.' },
    ),
    channel,
  );
  store.close();
  // Last: until the lock is free, --stop has to be able to find this process.
  removeIdentity(paths);
  return why instanceof AppError ? why.exitCode : 0;
}

/** Resolves only when the start failed; a start that succeeds clears what an earlier one left. */
async function startFailure(started: Promise<void>, paths: RuntimePaths): Promise<AppError> {
  try {
    await started;
  } catch (error) {
    return toAppError(error);
  }
  rmSync(paths.failure, { force: true });
  return new Promise(() => {});
}

async function lastWords(edits: Promise<void>, channel: Channel): Promise<void> {
  await Promise.race([edits, Bun.sleep(LAST_EDITS_MS)]);
  await Promise.race([channel.stop().catch(() => {}), Bun.sleep(LAST_FRAMES_MS)]);
}

interface WatchOptions {
  readonly paths: RuntimePaths;
  readonly lock: Lock;
  readonly listener: ReturnType<typeof createListener>;
  readonly startedAt: number;
  readonly logger: Pick<Logger, 'warn'>;
  readonly onReplaced: () => void;
}

/**
 * Whoever empties the directory takes the socket from the clients: listen again. With the lock gone another daemon may
 * already run, and then this one must not.
 */
function watchOwnFiles({ paths, lock, listener, startedAt, logger, onReplaced }: WatchOptions): () => void {
  const timer = setInterval(() => {
    try {
      if (!lock.isCurrent()) onReplaced();
      if (!lock.isCurrent() || listener.isReachable()) return;
      logger.warn({ socket: paths.socket }, 'socket file is gone; listening again');
      prepareDirectory(paths.dir);
      listener.relisten();
      writeIdentity(paths, startedAt);
    } catch (error) {
      logger.warn({ err: error }, 'cannot listen again');
    }
  }, SELF_CHECK_MS);
  return () => clearInterval(timer);
}

interface IdleTimer {
  touch(): void;
  stop(): void;
}

/** Calls `onIdle` when `isIdle` has been true for `ms` since the last touch. */
function createIdleTimer(ms: number, isIdle: () => boolean, onIdle: () => void): IdleTimer {
  let timer: Timer | undefined;
  const touch = (): void => {
    clearTimeout(timer);
    timer = isIdle() ? setTimeout(onIdle, ms) : undefined;
  };
  touch();
  return { touch, stop: () => clearTimeout(timer) };
}
