/** `--test`: every step between the tokens and a click, one line each, with the fix for what does not work. */
import { callOnce } from '../channels/slack-credentials.ts';
import type { SlackFailure } from '../channels/slack-errors.ts';
import { fixFor } from '../channels/slack-fixes.ts';
import { readIdentity, requireScope } from '../channels/slack-health.ts';
import { checkRuntime } from '../channels/slack-runtime.ts';
import { appKey } from '../daemon.ts';
import { AppError, toAppError } from '../errors.ts';
import { VISIBLE_TOKENS } from '../misused.ts';
import type { Settings } from '../settings.ts';
import { appPaths } from '../state.ts';
import type { Said } from '../types.ts';
import { askDaemon } from './status.ts';
import { testChannel } from './test-channel.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface TestOptions {
  /** Whether to wait for somebody to press a button of the test card. */
  readonly isWaiting: boolean;
  readonly env: Environment;
  readonly print: (text: string) => void;
}

/** What has to be there before anything can be tested. */
export interface Credentials {
  readonly botToken: string;
  readonly appToken: string;
  readonly approver: string;
  readonly apiUrl: string;
}

/** Runs one step and prints its line; `run` returns what to say about a success. Rethrows what fails. */
export type Step = (name: string, run: () => Promise<string>) => Promise<void>;

/** Nothing takes longer than this without a line being printed (the test promises 15 s). */
const CALL_MS = 8_000;

/** Runs the steps in order and stops at the first that fails; the exit code is that of the error. */
export async function runTest(settings: Settings, { isWaiting, env, print }: TestOptions): Promise<Said> {
  const step: Step = async (name, run) => {
    try {
      print(`✓ ${name}: ${await run()}\n`);
    } catch (error) {
      const { message, hint, code } = toAppError(error);
      print(`✗ ${name}: ${message}\n  fix: ${hint}\n  code: ${code}\n`);
      throw error;
    }
  };
  const warn = (text: string): void => print(`! ${text}\n`);
  try {
    await step('settings', async () => `asking ${checkForm(settings).approver}`);
    const credentials = checkForm(settings);
    await step('runtime', async () => {
      checkRuntime();
      return `Bun ${Bun.version}`;
    });
    if (settings.areTokensVisible) warn(VISIBLE_TOKENS);
    for (const warning of surroundings(settings, env)) warn(warning);
    await step('bot token', () => checkBotToken(credentials));
    await step('app token', () => checkAppToken(credentials));
    await step('daemon', () => checkNoDaemon(credentials, env));
    await testChannel(credentials, { isWaiting, env, step, warn });
    print('All good.\n');
    return { stdout: '', stderr: '', exitCode: 0 };
  } catch (error) {
    return { stdout: '', stderr: '', exitCode: toAppError(error).exitCode };
  }
}

/** Token kinds by their prefix: Slack's own errors for swapped tokens say less. */
function checkForm({ botToken, appToken, approvers, apiUrl }: Settings): Credentials {
  const [approver] = approvers;
  if (botToken === undefined || appToken === undefined || approver === undefined) {
    const missing = botToken === undefined ? 'bot token' : appToken === undefined ? 'app token' : 'user id';
    throw new AppError('missing-config', `Expected a Slack ${missing}, got none`);
  }
  checkTokenForm(botToken, appToken);
  return { botToken, appToken, approver, apiUrl };
}

/** Throws AppError('bad-token'). */
export function checkTokenForm(botToken: string, appToken: string): void {
  if (botToken.startsWith('xapp-') && appToken.startsWith('xoxb-')) {
    throw new AppError('bad-token', 'The bot token and the app token are swapped', {
      hint: 'Give xoxb- as --bot-token and xapp- as --app-token.',
    });
  }
  if (/^xoxe[.-]/.test(botToken)) {
    throw new AppError('bad-token', 'The bot token is one that expires every 12 hours', {
      hint: 'Switch token rotation off in the app’s settings and install the app again.',
    });
  }
  if (!botToken.startsWith('xoxb-'))
    throw new AppError('bad-token', `Expected a bot token that starts with xoxb-, got ${prefixOf(botToken)}`);
  if (!appToken.startsWith('xapp-'))
    throw new AppError('bad-token', `Expected an app token that starts with xapp-, got ${prefixOf(appToken)}`);
  // Such as the ellipsis of an example: no header takes it, and the library would call it a network error.
  if (![botToken, appToken].every((token) => /^[\w.-]+$/.test(token)))
    throw new AppError('bad-token', 'Expected tokens of letters, digits, - and _ only');
}

/** Enough of a token to recognise its kind, and nothing of its secret. */
function prefixOf(token: string): string {
  return /^[a-z]{2,5}[-.]/.exec(token)?.[0] ?? 'something else';
}

function surroundings({ apiUrl }: Settings, env: Environment): readonly string[] {
  const proxy = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].find((name) => env[name]);
  return [
    ...(apiUrl === 'https://slack.com/api/' ? [] : [`The API address is ${apiUrl}, not Slack's own.`]),
    ...(proxy === undefined
      ? []
      : [
          `${proxy} is set: calls use that proxy, but Bun's WebSocket does not. If Socket Mode fails below, allow direct connections to wss-primary.slack.com.`,
        ]),
  ];
}

async function checkBotToken({ botToken, apiUrl }: Credentials): Promise<string> {
  const identity = readIdentity(await call(botToken, apiUrl, 'auth.test', 'take the bot token'));
  requireScope(identity);
  const scopes = identity.scopes.length === 0 ? '' : `, scopes ${identity.scopes.join(', ')}`;
  return `${identity.botUserId} in ${identity.team}${scopes}`;
}

async function checkAppToken({ appToken, apiUrl }: Credentials): Promise<string> {
  await call(appToken, apiUrl, 'apps.connections.open', 'open a connection with the app token');
  return 'may open Socket Mode connections';
}

async function checkNoDaemon({ appToken, apiUrl }: Credentials, env: Environment): Promise<string> {
  const status = await askDaemon(appPaths(env, appKey(appToken, apiUrl)), env);
  if (status === 'not-running') return 'none is running';
  throw new AppError('daemon-start', 'A daemon is running, and Slack would hand it half of the clicks of this test', {
    hint: 'Run claude-slack-hook --stop, then this test again.',
  });
}

async function call(token: string, apiUrl: string, method: string, doing: string): Promise<Record<string, unknown>> {
  try {
    return await callOnce(token, apiUrl, method, doing, CALL_MS);
  } catch (failed) {
    const { error, slackCode } = failed as SlackFailure;
    throw new AppError(error.code, error.message, { hint: fixFor(error, slackCode) });
  }
}
