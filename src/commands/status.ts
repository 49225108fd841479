/** `status`: what the daemon is doing, without starting one. */
import { askOnce } from '../ask-once.ts';
import { appKey } from '../daemon.ts';
import { readRecord } from '../daemon-record.ts';
import { age } from '../durations.ts';
import { ERRORS, oneLine } from '../errors.ts';
import { VISIBLE_TOKENS } from '../misused.ts';
import { escapeHidden } from '../policy/call.ts';
import type { DaemonStatus } from '../protocol.ts';
import { encodeStatusQuery } from '../protocol-daemon.ts';
import { detectScreenLock } from '../screen/screen.ts';
import type { Settings } from '../settings.ts';
import { runtimePaths } from '../socket.ts';
import { type AppPaths, appPaths, statePaths } from '../state.ts';
import type { Said } from '../types.ts';
import { headOf, type LogRecord, readLogLine, WARN } from './log-line.ts';
import { createLogTail } from './log-tail.ts';

const ANSWER_MS = 1_000;
/** Of the log's warnings and errors the last are shown, and so many characters of each. */
const PROBLEMS = 3;
const PROBLEM_WIDTH = 200;

type Environment = Readonly<Record<string, string | undefined>>;
type Screen = Awaited<ReturnType<typeof detectScreenLock>>;

/** All that there is to say. */
interface Report {
  readonly status: DaemonStatus | 'not-running' | 'silent';
  readonly screen: Screen;
  /** What whoever asks should change. */
  readonly warnings: readonly string[];
  /** Of all daemons of this user: they have one log. */
  readonly problems: readonly LogRecord[];
  readonly log: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Exit code 0 unless a running daemon does not answer or has lost Slack; the same with `isJson`, which prints one document. */
export async function runStatus(settings: Settings, env: Environment, isJson = false): Promise<Said> {
  const [status, screen] = await Promise.all([
    askDaemon(appOf(settings, env), env),
    detectScreenLock({ env, ...(settings.lockCommand === undefined ? {} : { lockCommand: settings.lockCommand }) }),
  ]);
  const { log } = statePaths(env);
  const warnings = settings.areTokensVisible ? [VISIBLE_TOKENS] : [];
  const report = { status, screen, warnings, problems: problemsIn(log), log, now: Date.now() };
  const { exit, hint } = ERRORS['daemon-timeout'];
  return {
    stdout: isJson ? json(report) : plain(report),
    stderr: status === 'silent' ? `hint: ${hint}\ncode: daemon-timeout\n` : '',
    exitCode: status === 'silent' ? exit : isDown(status) ? ERRORS['slack-unreachable'].exit : 0,
  };
}

function isDown(status: Report['status']): boolean {
  return typeof status !== 'string' && status.slack.state === 'down';
}

/** The files of the app's daemon; undefined while no app is known. */
export function appOf({ appToken, apiUrl }: Settings, env: Environment): AppPaths | undefined {
  return appToken === undefined ? undefined : appPaths(env, appKey(appToken, apiUrl));
}

/** The status of the app's daemon, within a second; of whichever listens in TMPDIR when no app is known. */
export async function askDaemon(
  app: AppPaths | undefined,
  env: Environment,
): Promise<DaemonStatus | 'not-running' | 'silent'> {
  const socket = app === undefined ? runtimePaths(env)?.socket : readRecord(app.record)?.socket;
  if (socket === undefined) return 'not-running';
  const reply = await askOnce(socket, encodeStatusQuery(), ANSWER_MS);
  if (reply === 'absent') return 'not-running';
  return typeof reply !== 'string' && reply.type === 'status' ? reply.status : 'silent';
}

/** The last things that went wrong, oldest first; none where the log cannot be read. */
function problemsIn(path: string): readonly LogRecord[] {
  try {
    const tail = createLogTail(path);
    const lines = tail.read();
    tail.close();
    const found: LogRecord[] = [];
    for (let index = lines.length - 1; index >= 0 && found.length < PROBLEMS; index -= 1) {
      const record = readLogLine(lines[index] ?? '');
      if (record !== undefined && record.level >= WARN) found.unshift(record);
    }
    return found;
  } catch {
    return [];
  }
}

function plain(report: Report): string {
  const { status, screen, warnings, problems, log } = report;
  const reason = screen.reason === '' ? '' : `: ${oneLine(screen.reason)}`;
  const lines = [
    ...(status === 'not-running'
      ? ['daemon:   not running; the next hook call starts it']
      : status === 'silent'
        ? ['daemon:   does not answer']
        : describe(status, report.now)),
    `screen:   ${screen.state} (${screen.detector}${reason}, ${Math.round(screen.tookMs)} ms)`,
    ...(typeof status === 'string' ? [`log:      ${log}`] : []),
    ...problems.map((problem) => `problem:  ${cut(headOf(problem))}`),
    ...warnings.map((warning) => `warning:  ${warning}`),
  ];
  return `${lines.join('\n')}\n`;
}

function describe(status: DaemonStatus, now: number): readonly string[] {
  const { slack, pending } = status;
  return [
    `daemon:   running, process ${status.pid}, version ${status.version}, up ${age(now - status.startedAt)}`,
    `slack:    ${slack.state}${slack.reason === undefined ? '' : ` (${oneLine(slack.reason)})`}`,
    ...(slack.warning === undefined ? [] : [`warning:  ${oneLine(slack.warning)}`]),
    ...(status.apiUrl === 'https://slack.com/api/' ? [] : [`api:      ${status.apiUrl} (not Slack's own address)`]),
    ...(status.http === undefined
      ? []
      : [`http:     ${describeHttp(status.http)}`, `events:   ${describeEvents(status.http)}`]),
    `pending:  ${pending.length === 0 ? 'none' : pending.length}`,
    ...pending.map(({ id, tool, askedAt }) => `          ${oneLine(tool)} for ${age(now - askedAt)} (${id})`),
    ...status.grants.map(({ rule, by, until }) => `grant:    ${oneLine(rule)} by ${by}, for ${age(until - now)} more`),
    `log:      ${status.logFile}`,
    `audit:    ${status.auditFile}`,
  ];
}

/** One document on one line; times are milliseconds, moments of the epoch. */
function json({ status, screen, warnings, problems, log, now }: Report): string {
  const daemon =
    typeof status === 'string'
      ? { daemon: status, logFile: log }
      : {
          daemon: 'running',
          ...status,
          upMs: now - status.startedAt,
          pending: status.pending.map((request) => ({ ...request, waitedMs: now - request.askedAt })),
        };
  return `${escapeHidden(JSON.stringify({ ...daemon, screen, warnings, problems }))}\n`;
}

function cut(text: string): string {
  return text.length <= PROBLEM_WIDTH ? text : `${text.slice(0, PROBLEM_WIDTH - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

function describeEvents({ url }: NonNullable<DaemonStatus['http']>): string {
  return `${new URL('/', url).href} (for a browser; claude-slack-hook keys create makes the key that it asks for)`;
}

function describeHttp({ url, tokenFile, trouble }: NonNullable<DaemonStatus['http']>): string {
  return trouble === undefined ? `${url} (token in ${tokenFile})` : `${url} not open: ${oneLine(trouble)}`;
}
