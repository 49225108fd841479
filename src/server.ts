/** The daemon: takes the lock, listens, and puts broker, channel and store together until it is idle or told to stop. */
import { chmodSync, closeSync, lstatSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { AGENTS } from './agents/agent.ts';
import { createApprovals } from './approvals.ts';
import { appFingerprint, READY_ENV, type Readiness, type StartFailure } from './daemon.ts';
import { type Lock, leaveSession, takeLock } from './daemon-lock.ts';
import { AppError, toAppError } from './errors.ts';
import { createLogFile, createLogger, stderrSink } from './logger.ts';
import type { Settings } from './options.ts';
import { type DaemonIdentity, identityOf } from './process-identity.ts';
import { type ClientNote, type DaemonStatus, encodeReply, MAX_MESSAGE_BYTES, readIncoming } from './protocol.ts';
import { createRequest } from './request.ts';
import { createLineReader, prepareDirectory, type RuntimePaths, runtimePaths } from './socket.ts';
import { instanceId, statePaths } from './state.ts';
import { createJsonlStore } from './store/jsonl.ts';
import type { Channel, HookInput, Outcome } from './types.ts';
import { VERSION } from './version.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type ClientSocket = Bun.Socket<ClientState>;

interface ClientState {
  readonly read: (chunk: Uint8Array) => void;
  /** What the kernel did not take yet. */
  unsent: Uint8Array;
  /** Requests of this connection that wait for an outcome. */
  readonly waiting: Map<string, Waiting>;
}

interface Waiting {
  readonly socket: ClientSocket;
  readonly input: HookInput;
  readonly note: ClientNote | undefined;
}

/** A peer that says nothing holds a descriptor for no longer than this. */
const SILENT_PEER_SECONDS = 10;
/** How long a stopping daemon waits for Slack to take the last edits. */
const LAST_EDITS_MS = 1_200;
const LAST_FRAMES_MS = 300;
/** How often the daemon looks whether its socket and lock are still where clients look for them. */
const SELF_CHECK_MS = 500;

/**
 * Runs the daemon until it ends and returns the process's exit code.
 * Launched by a client it reports over the pipe of READY_ENV; started by hand it stays in the foreground and logs on stderr.
 */
export async function runServer(settings: Settings, env: Environment): Promise<number> {
  const readyFd = env[READY_ENV] === undefined ? undefined : Number(env[READY_ENV]);
  const report = (readiness: Readiness): void => {
    if (readyFd === undefined) return;
    try {
      writeSync(readyFd, `${JSON.stringify(readiness)}\n`);
      closeSync(readyFd);
    } catch {
      // The client that launched us is gone; others may come.
    }
  };
  process.umask(0o077);
  if (readyFd !== undefined) leaveSession();
  let lock: Lock | undefined;
  try {
    const paths = runtimePaths(env);
    prepareDirectory(paths.dir);
    lock = takeLock(paths.lock);
    if (lock === undefined) {
      report({ state: 'busy' });
      if (readyFd === undefined)
        throw new AppError('daemon-start', `Another daemon already runs for ${paths.dir}`, {
          hint: 'Run claude-slack-hook --stop first.',
        });
      return 0;
    }
    process.chdir('/');
    return await serve({
      settings,
      env,
      paths,
      lock,
      isForeground: readyFd === undefined,
      onListening: () => report({ state: 'listening' }),
    });
  } catch (error) {
    const { code, message, hint } = toAppError(error);
    report({ state: 'failed', code, message, hint });
    if (readyFd === undefined) throw error;
    return toAppError(error).exitCode;
  } finally {
    lock?.release();
  }
}

interface ServeOptions {
  readonly settings: Settings;
  readonly env: Environment;
  readonly paths: RuntimePaths;
  readonly lock: Lock;
  readonly isForeground: boolean;
  readonly onListening: () => void;
}

async function serve({ settings, env, paths, lock, isForeground, onListening }: ServeOptions): Promise<number> {
  const { botToken, appToken } = settings;
  if (botToken === undefined || appToken === undefined)
    throw new AppError('missing-config', 'Expected a bot token and an app token, got none');
  const state = statePaths(env);
  const app = appFingerprint(botToken, appToken, settings.apiUrl);
  const logger = createLogger(settings.logLevel, isForeground ? stderrSink : createLogFile(state.log), [
    botToken,
    appToken,
  ]);
  // The daemon never dies of somebody else's promise; what we did not foresee is logged.
  process.on('unhandledRejection', (error) => logger.error({ err: error }, 'unhandled rejection'));
  process.on('uncaughtException', (error) => logger.error({ err: error }, 'uncaught exception'));

  const startedAt = Date.now();
  const clients = new Map<string, Waiting>();
  const ended = Promise.withResolvers<string>();
  let slack: DaemonStatus['slack'] = { state: 'connecting', connections: 0 };
  let isStopping = false;

  const status = (): DaemonStatus => ({
    pid: process.pid,
    version: VERSION,
    startedAt,
    pending: approvals.pending().map(({ id, input, askedAt }) => ({ id, tool: input.tool_name ?? '', askedAt })),
    slack,
    apiUrl: settings.apiUrl,
    logFile: isForeground ? 'stderr' : state.log,
    auditFile: state.audit,
  });

  const onOutcome = (id: string, outcome: Outcome): void => {
    const waiting = clients.get(id);
    clients.delete(id);
    waiting?.socket.data.waiting.delete(id);
    if (waiting !== undefined) send(waiting.socket, answerLine(waiting, outcome));
    idle.touch();
  };

  const onLine = (socket: ClientSocket, line: string): void => {
    try {
      const incoming = readIncoming(line);
      if (incoming.type === 'status') return send(socket, encodeReply({ type: 'status', status: status() }));
      const { input, note } = incoming;
      if (note !== undefined && note.app !== app) {
        throw new AppError(
          'daemon-mismatch',
          'The running daemon uses other Slack tokens or another API address than this hook',
        );
      }
      const agent = AGENTS[note?.agent ?? 'claude'];
      if (!agent.asks(agent.read(input))) return send(socket, '{}\n');
      if (isStopping) throw new AppError('daemon-gone', 'The daemon is stopping');
      const request = createRequest({
        input,
        agent: agent.name,
        approvers: note === undefined || note.approvers.length === 0 ? settings.approvers : note.approvers,
        now: Date.now(),
        waitMs: note?.waitMs ?? settings.deadlineMs,
      });
      const waiting: Waiting = { socket, input, note };
      clients.set(request.id, waiting);
      socket.data.waiting.set(request.id, waiting);
      socket.timeout(0);
      idle.touch();
      approvals.ask(request);
    } catch (error) {
      const { code, message, hint } = toAppError(error);
      logger.warn({ code, reason: message }, 'line refused');
      send(socket, encodeReply({ type: 'error', code, message, hint }));
    }
  };

  const onGone = (socket: ClientSocket): void => {
    for (const id of socket.data.waiting.keys()) {
      clients.delete(id);
      approvals.clientGone(id);
    }
    socket.data.waiting.clear();
    idle.touch();
  };

  const idle = createIdleTimer(
    settings.idleMs,
    () => clients.size === 0,
    () => ended.resolve('idle'),
  );
  const store = createJsonlStore(state.audit);
  // Slack's libraries load while the first client is already connecting; requests wait for the channel's start.
  const channel = createLazyChannel('Slack', async () => {
    const { createSlackChannel } = await import('./channels/slack.ts');
    return createSlackChannel({
      botToken,
      appToken,
      apiUrl: settings.apiUrl,
      instanceId: instanceId(state),
      host: hostname(),
      logger,
      onHealth: (health) => {
        slack = health;
      },
    });
  });
  const approvals = createApprovals({ channel, store, now: Date.now, logger, onOutcome });
  let listener = listen(paths, onLine, onGone);
  writeIdentity(paths, startedAt);
  onListening();
  logger.info(
    { version: VERSION, bun: Bun.version, apiUrl: settings.apiUrl, socket: paths.socket },
    'daemon listening',
  );
  const failed = approvals.start().then(
    () => {
      rmSync(paths.failure, { force: true });
      return new Promise<never>(() => {});
    },
    (error: unknown) => toAppError(error),
  );

  // Whoever empties the directory takes the socket from the clients: listen again. With the lock gone another daemon
  // may already run, and then this one must not.
  let ownSocket = inodeOf(paths.socket);
  const selfCheck = setInterval(() => {
    if (!lock.isCurrent()) return ended.resolve('lock file replaced');
    if (inodeOf(paths.socket) === ownSocket) return;
    logger.warn('socket file is gone; listening again');
    listener.stop(false);
    listener = listen(paths, onLine, onGone);
    writeIdentity(paths, startedAt);
    ownSocket = inodeOf(paths.socket);
  }, SELF_CHECK_MS);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => ended.resolve(signal));

  const end = await Promise.race([ended.promise, failed]);
  clearInterval(selfCheck);
  idle.stop();
  listener.stop(false);
  removeOwnFiles(paths, ownSocket);
  isStopping = true;
  const why = end instanceof AppError ? { reason: end.message, code: end.code } : { reason: 'The daemon was stopped.' };
  if (end instanceof AppError) {
    logger.error({ code: end.code, err: end }, 'start failed');
    keepFailure(paths.failure, { code: end.code, message: end.message, hint: end.hint, at: Date.now(), app });
  } else {
    logger.info({ reason: end }, 'daemon stopping');
  }
  await withBound(approvals.stop(why), LAST_EDITS_MS);
  await withBound(channel.stop(), LAST_FRAMES_MS);
  store.close();
  return end instanceof AppError ? end.exitCode : 0;
}

/** A channel whose code is loaded by `start`; nothing is asked before that has resolved. */
function createLazyChannel(name: string, load: () => Promise<Channel>): Channel {
  let loaded: Channel | undefined;
  return {
    name,
    start: async (onAnswer) => {
      loaded = await load();
      await loaded.start(onAnswer);
    },
    ask: async (request, signal) => {
      if (loaded === undefined) throw new AppError('internal', 'Expected the channel to be started before it asks');
      return loaded.ask(request, signal);
    },
    close: async (request, outcome) => loaded?.close(request, outcome),
    stop: async () => loaded?.stop(),
  };
}

/** A plain client gets the agent's own output, ours gets the outcome. */
function answerLine({ input, note }: Waiting, outcome: Outcome): string {
  if (note !== undefined) return encodeReply({ type: 'outcome', outcome });
  const { stdout } = AGENTS.claude.say(input, outcome, 'ask');
  return stdout === '' ? '{}\n' : stdout;
}

function listen(
  paths: RuntimePaths,
  onLine: (socket: ClientSocket, line: string) => void,
  onGone: (socket: ClientSocket) => void,
): Bun.UnixSocketListener<ClientState> {
  prepareDirectory(paths.dir);
  // We hold the lock, so whatever is left here belongs to a daemon that is gone.
  rmSync(paths.socket, { force: true, recursive: true });
  const listener = Bun.listen<ClientState>({
    unix: paths.socket,
    // A client may close its writing half and still wait for the answer.
    allowHalfOpen: true,
    socket: {
      open(socket) {
        const read = createLineReader(
          MAX_MESSAGE_BYTES * 2,
          (line) => onLine(socket, line),
          ({ code, message, hint }) => {
            send(socket, encodeReply({ type: 'error', code, message, hint }));
            socket.end();
          },
        );
        socket.data = { read, unsent: new Uint8Array(), waiting: new Map() };
        socket.timeout(SILENT_PEER_SECONDS);
      },
      data: (socket, chunk) => socket.data.read(chunk),
      drain: (socket) => flush(socket),
      timeout: (socket) => {
        if (socket.data.waiting.size === 0) socket.end();
      },
      end: (socket) => {
        if (socket.data.waiting.size === 0) socket.end();
      },
      close: onGone,
      error: onGone,
    },
  });
  chmodSync(paths.socket, 0o600);
  return listener;
}

function send(socket: ClientSocket, line: string): void {
  const isIdle = socket.data.unsent.byteLength === 0;
  socket.data.unsent = isIdle ? Buffer.from(line) : Buffer.concat([socket.data.unsent, Buffer.from(line)]);
  if (isIdle) flush(socket);
}

function flush(socket: ClientSocket): void {
  const taken = socket.write(socket.data.unsent);
  socket.data.unsent = socket.data.unsent.subarray(Math.max(0, taken));
}

/** Calls `onIdle` when `isIdle` has been true for `ms` since the last touch. */
function createIdleTimer(ms: number, isIdle: () => boolean, onIdle: () => void) {
  let timer: Timer | undefined;
  const touch = (): void => {
    clearTimeout(timer);
    timer = isIdle() ? setTimeout(onIdle, ms) : undefined;
  };
  touch();
  return { touch, stop: () => clearTimeout(timer) };
}

/** PID for other programs, and for `--stop` what tells this process from a later one with the same id. */
function writeIdentity(paths: RuntimePaths, startedAt: number): void {
  writeAtomically(paths.pid, `${process.pid}\n`);
  const identity: DaemonIdentity = { pid: process.pid, ...identityOf(process.pid), startedAt, version: VERSION };
  writeAtomically(paths.identity, `${JSON.stringify(identity)}\n`);
}

/** Rename replaces a symbolic link instead of following it; a directory in the way is moved aside by removing it. */
function writeAtomically(path: string, text: string): void {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) rmSync(path, { recursive: true });
  renameSync(temporary, path);
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

/** Removes the socket and PID files unless another daemon has put its own there. */
function removeOwnFiles(paths: RuntimePaths, ownSocket: number | undefined): void {
  if (inodeOf(paths.socket) === ownSocket) rmSync(paths.socket, { force: true });
  let pid = '';
  try {
    pid = readFileSync(paths.pid, 'utf8').trim();
  } catch {
    // Removed already.
  }
  if (pid !== String(process.pid)) return;
  rmSync(paths.pid, { force: true });
  rmSync(paths.identity, { force: true });
}

function keepFailure(path: string, failure: StartFailure): void {
  try {
    writeAtomically(path, JSON.stringify(failure));
  } catch {
    // Only spares Slack a few tries.
  }
}

async function withBound(work: Promise<unknown>, ms: number): Promise<void> {
  await Promise.race([work.catch(() => {}), Bun.sleep(ms)]);
}
