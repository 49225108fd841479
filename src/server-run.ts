/** A daemon's life: broker, channel, store and doors put together, until it ends. */
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { AGENTS } from './agents/agent.ts';
import { WITNESSES } from './agents/evidence.ts';
import { recognise } from './agents/recognise.ts';
import { createApprovals } from './approvals.ts';
import type { Tokens } from './channels/slack-credentials.ts';
import type { SlackHealth } from './channels/slack-health.ts';
import { createClients } from './clients.ts';
import type { Wanted } from './daemon.ts';
import { keepFailure, writeRecord } from './daemon-files.ts';
import { hideMemory, raiseDescriptors } from './daemon-limits.ts';
import { createTurns, type Lock } from './daemon-lock.ts';
import { type Place, watchPlace } from './daemon-place.ts';
import { proofOf } from './daemon-record.ts';
import { AppError, toAppError } from './errors.ts';
import { createGrants } from './grants.ts';
import { httpPortOf } from './http-port.ts';
import type { HttpServer } from './http-server.ts';
import { createIdleTimer } from './idle-timer.ts';
import { instanceId } from './instance-id.ts';
import { tokensFor } from './keychain.ts';
import { createLazyChannel } from './lazy-channel.ts';
import { createListener } from './listener.ts';
import { createLogFile, createLogger, type Logger, stderrSink } from './logger.ts';
import { dangerOf } from './policy/danger.ts';
import { createGate } from './policy/gate.ts';
import { createNight } from './presence-night.ts';
import { BEAT_MS, type DaemonStatus } from './protocol.ts';
import type { Report } from './readiness.ts';
import type { ServerCollector, ServerCollectorOptions } from './server-collector.ts';
import type { Settings } from './settings.ts';
import type { AppPaths, StatePaths } from './state.ts';
import { createJournal } from './store/journal.ts';
import { createJsonlStore, MAX_FILE_BYTES } from './store/jsonl.ts';
import { dieAt, testVariable } from './test-build.ts';
import { createTidier } from './tidier.ts';
import type { Channel, StoreRecord } from './types.ts';
import { VERSION } from './version.ts';

/** How long a stopping daemon waits for Slack to take the last edits, and then for the connection to close. */
const LAST_EDITS_MS = 1_200;
const LAST_FRAMES_MS = 300;
/** How long a stopping daemon waits for events to get to their store, and for webhooks, which have 1.5 s. */
const LAST_EVENTS_MS = 2_000;
/** How long a daemon that makes room waits for what it was doing: the client of the next one waits 1.5 s for all of it. */
const RETIRE_MS = 400;
/** How long a new daemon waits for the client that launched it, which may have died. */
const HELLO_MS = 200;
/** How often it is looked whether quiet hours are over. */
const NIGHT_MS = 60_000;

type Environment = Readonly<Record<string, string | undefined>>;

export interface ServeOptions {
  readonly settings: Settings;
  readonly tokens: Tokens;
  /** The app's; see `appKey`. */
  readonly key: string;
  readonly wanted: Wanted;
  readonly place: Place;
  /** The app's. */
  readonly lock: Lock;
  readonly state: StatePaths;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly report: Report | undefined;
  readonly env: Environment;
}

const RETIRE = 'another daemon takes over';

/** Why the daemon ends; RETIRE when another one goes on with everything. */
interface End {
  readonly why: string;
}

/** Runs until the daemon is idle, told to stop or to make room, or its channel can never work. Resolves with the process's exit code. */
export async function serve(options: ServeOptions): Promise<number> {
  const { settings, tokens, key, wanted, place, state, lock, startedAt, report, env } = options;
  const { botToken, appToken, apiUrl } = tokens;
  const { paths } = place;
  const logger = createLogger(settings.logLevel, report === undefined ? stderrSink : createLogFile(state.log), [
    botToken,
    appToken,
  ]);
  // The daemon never dies of somebody else's promise; what we did not foresee is logged.
  process.on('unhandledRejection', (error) => logger.error({ err: error }, 'unhandled rejection'));
  process.on('uncaughtException', (error) => logger.error({ err: error }, 'uncaught exception'));

  let slack: DaemonStatus['slack'] & Partial<Pick<SlackHealth, 'identity'>> = { state: 'connecting', connections: 0 };
  const end = Promise.withResolvers<End>();
  const greeted = Promise.withResolvers<void>();
  const record = writeRecord(wanted.paths.record, paths.socket);
  const nonceOf = (id: string): string =>
    Buffer.from(proofOf(record.key, 'nonce', id), 'hex')
      .subarray(0, 16)
      .toString('base64url');
  const store = createJsonlStore(state.audit, {
    keepDays: () => gate.auditKeepDays(),
    maxBytes: Number(testVariable('CSH_LOG_BYTES') ?? MAX_FILE_BYTES),
    lock: createTurns(state.auditLock),
  });
  const journal = createJournal({
    ...{ store, app: key, nonceOf, path: state.audit, checkpoint: wanted.paths.checkpoint, now: Date.now },
  });
  // Slack's libraries load while the first client is already connecting; requests wait for the channel's start.
  const loadSlack = async (): Promise<Channel> => {
    // Slack's libraries keep the processor for a while: the client that launched us is greeted before.
    if (report !== undefined) await Promise.race([greeted.promise, Bun.sleep(HELLO_MS)]);
    const { createSlackChannel } = await import('./channels/slack.ts');
    const real = await tokensFor(tokens);
    const onHealth = (health: SlackHealth): void => {
      slack = health;
      // A revoked token: no click can come any more, so nobody may be left waiting for one.
      if (health.isFatal)
        approvals.fail({ reason: health.reason ?? 'Slack refuses this app.', code: health.code ?? 'slack-auth' });
    };
    return createSlackChannel({
      ...real,
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
  };
  // Nobody who was shown a card by an earlier daemon is given up because Slack is away just now.
  const channel = createLazyChannel('Slack', loadSlack, () => approvals.pending().some(({ id }) => wasShown(id)));
  const gate = createGate({ configFile: settings.configFile, home: homedir(), recent: store.recent });
  const { policy } = gate;
  const night = createNight({
    ...{ rules: gate.presence, recent: store.recent, append: journal.append, app: key, now: Date.now },
    tell: (approver, items) =>
      void channel
        .tell({ type: 'night', approver, items })
        .catch((error: unknown) => logger.warn({ err: error }, 'quiet hours not told of')),
  });
  let wasOwed = false;
  const lookAtNight = (): void => {
    try {
      night.look();
    } catch (error) {
      logger.warn({ err: error }, 'quiet hours not told of');
    }
    if (night.isOwed() === wasOwed) return;
    wasOwed = !wasOwed;
    idle.touch();
  };
  const httpPort = httpPortOf(settings);
  const collector =
    httpPort === undefined && !settings.isCollectorConfigured
      ? undefined
      : await openCollector({ settings, state, wanted, health: () => slack, maskRules: gate.maskRules, logger });
  const append = (record: StoreRecord): void => {
    journal.append(record);
    night.note(record);
    collector?.note(record);
  };
  const approvals = createApprovals({
    channel,
    store: { append },
    grants: createGrants({ newId: () => randomBytes(8).toString('base64url'), matches: gate.covers }),
    now: Date.now,
    elapsed: () => performance.now(),
    logger,
    maskRules: gate.maskRules,
    onGrants: () => idle.touch(),
    mayAnswer: gate.mayAnswer,
    mayRun: gate.mayRun,
    candidates: gate.candidates,
    presence: gate.presence,
    onOutcome: (id, outcome) => clients.onOutcome(id, outcome),
  });
  const clients = createClients({
    agents: AGENTS,
    recognise,
    witnesses: WITNESSES,
    app: wanted.app,
    nonceOf,
    greet: (challenge) => {
      greeted.resolve();
      return { proof: proofOf(record.key, 'daemon', challenge), version: VERSION, app: wanted.app };
    },
    retire: () => end.resolve({ why: RETIRE }),
    approvers: settings.callersApprovers,
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
      ...(http === undefined ? {} : { http: http.status() }),
      apiUrl,
      logFile: report === undefined ? 'stderr' : state.log,
      auditFile: state.audit,
    }),
    ask: approvals.ask,
    away: approvals.away,
    withdraw: approvals.clientGone,
    observe: approvals.observe,
    heard: collector && ((agent, input, secrets, id) => void collector.heard(agent, input, secrets, 'socket', id)),
    onChange: () => idle.touch(),
    logger,
  });
  let http: HttpServer | undefined;
  const idle = createIdleTimer(
    settings.idleMs,
    // Where nobody listens an HTTP hook decides nothing, and nothing starts a daemon.
    () =>
      httpPort === undefined &&
      clients.waiting() === 0 &&
      approvals.pending().length === 0 &&
      approvals.grants().length === 0 &&
      !night.isOwed(),
    () => end.resolve({ why: 'idle' }),
  );
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => end.resolve({ why: signal }));

  const left = journal.leftBehind();
  const wasShown = (id: string): boolean =>
    left.some(({ request, receipts }) => request.id === id && receipts.length > 0);
  collector?.restore(left);
  approvals.restore(left);
  if (existsSync(wanted.paths.stopped)) {
    approvals.fail({ reason: 'The daemon was stopped.' });
    rmSync(wanted.paths.stopped, { force: true });
  }
  dieAt('before-listen');
  const onRead = createTidier();
  const listener = createListener(paths.socket, {
    ...clients,
    ...{ descriptors: raiseDescriptors(), maxInputBytes: settings.maxInputBytes, onBytes: onRead },
  });
  if (httpPort !== undefined) {
    const { openHttp } = await import('./http-server.ts');
    const anyPort = testVariable('CSH_HTTP_ANY_PORT') === '1' ? { listenOn: 0 } : {};
    http = await openHttp({
      ...{ port: httpPort, ...anyPort, paths: wanted.paths, settings, onRead, logger },
      ...{ clients, agent: AGENTS.claude, app: wanted.app },
      ...(collector?.fetch === undefined ? {} : { others: collector.fetch }),
      heard: collector && ((input, secrets) => collector.heard('claude', input, secrets, 'http')),
      // A call over HTTP cannot say later that the person has left: it is theirs at the terminal.
      mustAsk: async (input, offers) => {
        if (!settings.onlyScreenLock && settings.idleAfterMs === undefined) return true;
        const { lookForPerson } = await import('./screen/presence.ts');
        const hasDialog = offers.prompt === true;
        const person = await lookForPerson({ settings, env, input, offers, hasDialog });
        if (person.remark !== undefined) logger.info(person.remark);
        return !person.isLeft && person.note().isHere !== true;
      },
    });
  }
  const stopWatching = watchPlace({
    ...{ place, lock, listener, startedAt, logger, app: wanted.paths },
    onReplaced: () => end.resolve({ why: 'lock file replaced' }),
  });
  const beating = setInterval(clients.beat, BEAT_MS);
  report?.({ state: 'listening' });
  logger.info({ version: VERSION, bun: Bun.version, apiUrl, socket: paths.socket }, 'daemon listening');
  hideMemory();

  const started = approvals.start();
  started.then(lookAtNight, () => {});
  const looking = setInterval(lookAtNight, NIGHT_MS);
  const ended = await Promise.race([end.promise, startFailure(started, wanted.paths)]);
  stopWatching();
  clearInterval(looking);
  clearInterval(beating);
  idle.stop();
  clients.refuseNew();
  listener.stop();
  const isRetiring = !(ended instanceof AppError) && ended.why === RETIRE;
  const lastAnswers = http?.stop(!isRetiring);
  if (ended instanceof AppError) {
    const { code, message } = ended;
    logger.error({ code, err: ended }, 'start failed');
    keepStartFailure(wanted, ended);
    await lastWords(approvals.stop({ reason: message, code }), LAST_EDITS_MS, channel);
  } else {
    logger.info({ reason: ended.why }, 'daemon stopping');
    if (isRetiring) await lastWords(approvals.retire(), RETIRE_MS, channel);
    else await lastWords(approvals.stop({ reason: 'The daemon was stopped.' }), LAST_EDITS_MS, channel);
  }
  await lastAnswers;
  await Promise.race([collector?.stop(), Bun.sleep(isRetiring ? RETIRE_MS : LAST_EVENTS_MS)]);
  journal.close();
  return ended instanceof AppError ? ended.exitCode : 0;
}

interface CollectorOf extends Pick<ServeOptions, 'settings' | 'state' | 'wanted'> {
  readonly health: ServerCollectorOptions['health'];
  readonly maskRules: ServerCollectorOptions['maskRules'];
  readonly logger: Logger;
}

/** What is wrong with its section of the config file costs the record, and no approval. */
async function openCollector(options: CollectorOf): Promise<ServerCollector | undefined> {
  const { settings, state, wanted, logger } = options;
  try {
    const { openServerCollector } = await import('./server-collector.ts');
    const { httpTokenFile, tokenIn } = await import('./http-token.ts');
    return openServerCollector({
      ...{ ...options, configFile: settings.configFile, state, isCollector: settings.http !== undefined },
      token: () => tokenIn(httpTokenFile(wanted.paths)),
    });
  } catch (error) {
    logger.error({ err: error }, 'no collector');
    return undefined;
  }
}

/** Resolves only when the start failed; a start that succeeds clears what an earlier one left. */
async function startFailure(started: Promise<void>, paths: AppPaths): Promise<AppError> {
  try {
    await started;
  } catch (error) {
    return toAppError(error);
  }
  rmSync(paths.failure, { force: true });
  return new Promise(() => {});
}

async function lastWords(edits: Promise<void>, withinMs: number, channel: Channel): Promise<void> {
  await Promise.race([edits, Bun.sleep(withinMs)]);
  await Promise.race([channel.stop().catch(() => {}), Bun.sleep(LAST_FRAMES_MS)]);
}

export function keepStartFailure({ paths, app }: Wanted, { code, message, hint }: AppError): void {
  keepFailure(paths.failure, { code, message, hint, at: Date.now(), app });
}
