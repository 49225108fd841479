/** `--status`: what the daemon is doing, without starting one. */
import { appKey, tryConnect } from '../daemon.ts';
import { readRecord } from '../daemon-record.ts';
import { ERRORS, oneLine } from '../errors.ts';
import { VISIBLE_TOKENS } from '../misused.ts';
import { type DaemonStatus, readReply } from '../protocol.ts';
import { encodeStatusQuery } from '../protocol-daemon.ts';
import { detectScreenLock } from '../screen/screen.ts';
import type { Settings } from '../settings.ts';
import { runtimePaths } from '../socket.ts';
import { type AppPaths, appPaths, statePaths } from '../state.ts';
import type { Said } from '../types.ts';

const ANSWER_MS = 1_000;

type Environment = Readonly<Record<string, string | undefined>>;

/** Exit code 0 unless a running daemon does not answer or has lost Slack. */
export async function runStatus(settings: Settings, env: Environment): Promise<Said> {
  const [status, lock] = await Promise.all([
    askDaemon(appOf(settings, env), env),
    detectScreenLock({ env, ...(settings.lockCommand === undefined ? {} : { lockCommand: settings.lockCommand }) }),
  ]);
  const screen = `screen:   ${lock.state} (${lock.detector}${lock.reason === '' ? '' : `: ${lock.reason}`}, ${Math.round(lock.tookMs)} ms)`;
  if (status === 'not-running') {
    const log = `log:      ${statePaths(env).log}`;
    return {
      stdout: `daemon:   not running; the next hook call starts it\n${screen}\n${log}\n`,
      stderr: '',
      exitCode: 0,
    };
  }
  if (status === 'silent') {
    const { exit, hint } = ERRORS['daemon-timeout'];
    return {
      stdout: `daemon:   does not answer\n${screen}\n`,
      stderr: `hint: ${hint}\ncode: daemon-timeout\n`,
      exitCode: exit,
    };
  }
  return {
    stdout: `${describe(status, Date.now())}${screen}\n${settings.areTokensVisible ? `warning:  ${VISIBLE_TOKENS}\n` : ''}`,
    stderr: '',
    exitCode: status.slack.state === 'down' ? ERRORS['slack-unreachable'].exit : 0,
  };
}

function appOf({ appToken, apiUrl }: Settings, env: Environment): AppPaths | undefined {
  return appToken === undefined ? undefined : appPaths(env, appKey(appToken, apiUrl));
}

/** The status of the app's daemon, within a second; of whichever listens in TMPDIR when no app is known. */
export async function askDaemon(
  app: AppPaths | undefined,
  env: Environment,
): Promise<DaemonStatus | 'not-running' | 'silent'> {
  const socket = app === undefined ? runtimePaths(env)?.socket : readRecord(app.record)?.socket;
  if (socket === undefined) return 'not-running';
  const answer = Promise.withResolvers<DaemonStatus | 'silent'>();
  const connection = await tryConnect(socket, {
    onLine: (line) => {
      const reply = readReply(line);
      answer.resolve(reply.type === 'status' ? reply.status : 'silent');
    },
    onBroken: () => answer.resolve('silent'),
    onClose: () => answer.resolve('silent'),
  });
  if (connection === undefined) return 'not-running';
  connection.send(encodeStatusQuery());
  const late = Bun.sleep(ANSWER_MS).then(() => 'silent' as const);
  const status = await Promise.race([answer.promise, late]);
  connection.close();
  return status;
}

function describe(status: DaemonStatus, now: number): string {
  const { slack, pending } = status;
  const lines = [
    `daemon:   running, process ${status.pid}, version ${status.version}, up ${age(now - status.startedAt)}`,
    `slack:    ${slack.state}${slack.reason === undefined ? '' : ` (${oneLine(slack.reason)})`}`,
    ...(slack.warning === undefined ? [] : [`warning:  ${oneLine(slack.warning)}`]),
    ...(status.apiUrl === 'https://slack.com/api/' ? [] : [`api:      ${status.apiUrl} (not Slack's own address)`]),
    ...(status.http === undefined ? [] : [`http:     ${describeHttp(status.http)}`]),
    `pending:  ${pending.length === 0 ? 'none' : pending.length}`,
    ...pending.map(({ id, tool, askedAt }) => `          ${oneLine(tool)} for ${age(now - askedAt)} (${id})`),
    ...status.grants.map(({ rule, by, until }) => `grant:    ${oneLine(rule)} by ${by}, for ${age(until - now)} more`),
    `log:      ${status.logFile}`,
    `audit:    ${status.auditFile}`,
  ];
  return `${lines.join('\n')}\n`;
}

function describeHttp({ url, tokenFile, trouble }: NonNullable<DaemonStatus['http']>): string {
  return trouble === undefined ? `${url} (token in ${tokenFile})` : `${url} not open: ${oneLine(trouble)}`;
}

/** Milliseconds as people say them: `42 s`, `3 min`, `5 h`. */
function age(ms: number): string {
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}
