/**
 * `send`: one hook's event to a collector. A hook that only tells must not cost the agent anything: exit 0 and one JSON document
 * whatever happens, within HOOK_TIMEOUT_MS, and what could not be sent waits in the spool.
 */

import { AppError, oneLine, toAppError } from '../errors.ts';
import { fileStatus, readSmallFile } from '../file-status.ts';
import { isLoopback } from '../loopback.ts';
import type { ParsedArgv } from '../options.ts';
import { createDelivery, type Delivery } from '../sender/delivery.ts';
import { prepareEvent, type SentEvent } from '../sender/event.ts';
import { isWanted, readPatterns } from '../sender/filter.ts';
import type { Spool } from '../sender/spool.ts';
import { resolveTarget, type Target, type TargetOptions } from '../sender/target.ts';
import { configFileOf } from '../settings.ts';
import { statePaths } from '../state.ts';
import { readDocument } from '../stdin.ts';
import type { Said } from '../types.ts';
import { VERSION } from '../version.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Flags = ParsedArgv['flags'];

/** The agents take it for: go on. */
const GO_ON = '{"continue":true}\n';
const TIMEOUT_MS = 5_000;
const MAX_TIMEOUT_MS = 600_000;
/** A collector takes 1 MiB, others may take more. */
const MAX_INPUT_BYTES = 8 * 1024 * 1024;
/** What is left of the time for the spool and the end of the process. */
const RESERVE_MS = 500;
/** How long `--replay` goes on while the collector is not there. */
const REPLAY_MS = 30_000;

/** Runs the hook, or with --replay what it leaves behind. Never rejects. */
export async function runSend(flags: Flags, env: Environment): Promise<Said> {
  try {
    return flags.replay === true ? await replayAll(flags, env) : await withinTime(flags, env);
  } catch (error) {
    return goOn(toAppError(error));
  }
}

function goOn(problem?: AppError): Said {
  const stderr = problem === undefined ? '' : `claude-slack-hook: ${oneLine(problem.message)} (${problem.code})\n`;
  return { stdout: GO_ON, stderr, exitCode: 0 };
}

async function withinTime(flags: Flags, env: Environment): Promise<Said> {
  const totalMs = timeoutOf(env);
  const reserve = Math.min(RESERVE_MS, totalMs / 4);
  const stop = new AbortController();
  const sendMs = totalMs - reserve - performance.now();
  const timer = setTimeout(() => stop.abort(), sendMs);
  // Who is told to end still puts the event aside.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  const late = Promise.withResolvers<Said>();
  const last = setTimeout(
    () => late.resolve(goOn(new AppError('collector-unreachable', `Expected an end within ${totalMs} ms, got none`))),
    totalMs - reserve / 4 - performance.now(),
  );
  const said = await Promise.race([send(flags, env, stop.signal, sendMs), late.promise]);
  for (const each of [timer, last]) clearTimeout(each);
  return said;
}

async function send(flags: Flags, env: Environment, signal: AbortSignal, sendMs: number): Promise<Said> {
  const stopped = Promise.withResolvers<undefined>();
  signal.addEventListener('abort', () => stopped.resolve(undefined), { once: true });
  const document = await Promise.race([readDocument(() => MAX_INPUT_BYTES, sendMs), stopped.promise]);
  if (document === undefined)
    return goOn(new AppError('bad-input', 'Expected a JSON document on stdin in time, got no whole one'));
  if (!document.ok) return goOn(document.error);
  const event = eventOf(document.value);
  const wanted = { events: readPatterns(textOf(flags.events)), tools: readPatterns(textOf(flags.tools)) };
  if (!isWanted(event, wanted)) return goOn();

  const target = targetOf(flags, env);
  const delivery = deliveryTo(target, env);
  const entry = prepareEvent(event, {
    ...{ env, now: Date.now(), isEnriched: flags['no-enrich'] !== true },
    ...{ project: textOf(flags.project), cwd: process.cwd() },
  });
  const places = placesOf(env, target);
  const hasPause = fileStatus(places.pause) !== undefined;
  const { postOrSpool } = await import('../sender/posting.ts');
  const pausing = hasPause ? await import('../sender/pause.ts') : undefined;
  const isPaused = (pausing?.pauseUntil(readSmallFile(places.pause), Date.now()) ?? 0) > 0;
  const pauses: Promise<void>[] = [];
  const { isSent, problem } = await postOrSpool(entry, {
    ...{ delivery, signal, isPaused },
    openSpool: () => openSpool(env),
    onPause: (retryAfterMs) =>
      void pauses.push(
        import('../sender/pause.ts').then(({ startPause }) => startPause(places.pause, Date.now(), retryAfterMs)),
      ),
  });
  await Promise.all(pauses);
  if (isSent) {
    pausing?.endPause(places.pause);
    if (fileStatus(places.queue) !== undefined) await startReplay(flags, env, places);
  }
  return goOn(problem);
}

/** The agent does not wait for what waited: another process sends it, and lives on when this one has ended. */
async function startReplay(flags: Flags, env: Environment, { turn }: Places): Promise<void> {
  const { isLocked } = await import('../daemon-lock.ts');
  if (isLocked(turn)) return;
  const { selfCommand } = await import('../daemon-start.ts');
  const given = ['url', 'config'].flatMap((name) => {
    const value = textOf(flags[name]);
    return value === undefined ? [] : [`--${name}=${value}`];
  });
  // A merely detached child would get the signals that agents send to all that a hook has started.
  Bun.spawn(
    ['/bin/sh', '-c', '"$0" "$@" </dev/null >/dev/null 2>&1 &', ...selfCommand(), 'send', '--replay', ...given],
    { cwd: '/', env: { ...env }, stdio: ['ignore', 'ignore', 'ignore'], detached: true },
  ).unref();
}

/** Sends what waits, and waits itself where the collector is not there yet. Says what it did. */
async function replayAll(flags: Flags, env: Environment): Promise<Said> {
  const target = targetOf(flags, env);
  const spool = await openSpool(env);
  const { replay } = await import('../sender/replay.ts');
  const { backoffMs, endPause } = await import('../sender/pause.ts');
  const signal = AbortSignal.timeout(REPLAY_MS);
  const delivery = deliveryTo(target, env);
  for (let tries = 1, sent = 0, refused = 0; ; tries += 1) {
    const replayed = await replay({ spool, delivery, signal });
    sent += replayed.sent;
    refused += replayed.refused;
    const waitMs = replayed.retryAfterMs ?? backoffMs(tries, Math.random);
    if (replayed.state !== 'later' || performance.now() + waitMs >= REPLAY_MS) {
      if (sent > 0) endPause(placesOf(env, target).pause);
      const { depth, dropped } = spool.status(target.queue);
      const why = replayed.reason === undefined ? '' : `claude-slack-hook: ${oneLine(replayed.reason)}\n`;
      const counts = `${sent} sent, ${refused} refused, ${depth} waiting, ${dropped} dropped so far\n`;
      return { stdout: counts, stderr: why, exitCode: 0 };
    }
    await Bun.sleep(waitMs);
  }
}

interface Places {
  readonly queue: string;
  readonly pause: string;
  readonly turn: string;
}

function placesOf(env: Environment, { queue }: Target): Places {
  const path = `${spoolDir(env)}/${queue}`;
  return { queue: path, pause: `${path}.pause`, turn: `${path}.replay` };
}

function spoolDir(env: Environment): string {
  return `${statePaths(env).dir}/spool`;
}

async function openSpool(env: Environment): Promise<Spool> {
  const [{ createSpool }, { takeLock }] = await Promise.all([
    import('../sender/spool.ts'),
    import('../daemon-lock.ts'),
  ]);
  return createSpool({ dir: spoolDir(env), takeLock, now: Date.now });
}

function deliveryTo(target: Target, env: Environment): Delivery {
  // Bun sends what is for this machine to a proxy, too; and a proxy reads what is not encrypted.
  if (isLoopback(target.url.hostname) || (target.isKeyConfigured && target.url.protocol === 'http:'))
    for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy'])
      if (env[name] !== undefined) delete process.env[name];
  // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
  const secure: BunFetchRequestInit = target.isKeyConfigured ? { tls: { rejectUnauthorized: true } } : {};
  return createDelivery({
    ...{ target, version: VERSION, now: Date.now },
    fetch: (url, init) => fetch(url, { ...init, ...secure }),
  });
}

/** Throws AppError('bad-config'). */
function targetOf(flags: Flags, env: Environment): Target {
  return resolveTarget({ flag: textOf(flags.url), config: readConfig(configFileOf(flags, env)), env });
}

/** `send` in the config file: `{ "url", "apiKey" }`. Only a private file of this user's counts, as for all that it says. */
function readConfig(file: string): TargetOptions['config'] {
  const status = fileStatus(file);
  if (status === undefined) return {};
  if (status.kind !== 'file' || status.uid !== process.getuid?.() || (status.mode & 0o077) !== 0)
    throw new AppError('config-mode', `Expected ${file} to be this user's alone, with mode 0600`);
  let config: unknown;
  try {
    config = JSON.parse(readSmallFile(file) ?? '');
  } catch {
    throw new AppError('bad-config', `Expected ${file} to hold one JSON object`);
  }
  const { url, apiKey } = Object(Object(config).send);
  for (const [name, value] of Object.entries({ url, apiKey }))
    if (value !== undefined && typeof value !== 'string')
      throw new AppError('bad-config', `Expected send.${name} in ${file} to be a string, got ${typeof value}`);
  return { url, apiKey };
}

function eventOf(value: unknown): SentEvent {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AppError('bad-input', 'Expected a JSON object on stdin, got another value');
  return { ...value };
}

/** A value that is no time is as good as none: the agent goes on in any case. */
function timeoutOf({ HOOK_TIMEOUT_MS }: Environment): number {
  const ms = Number(HOOK_TIMEOUT_MS || TIMEOUT_MS);
  return ms >= 1 && ms <= MAX_TIMEOUT_MS ? ms : TIMEOUT_MS;
}

function textOf(flag: string | true | undefined): string | undefined {
  return typeof flag === 'string' ? flag : undefined;
}
