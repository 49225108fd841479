/** The tokens of the settings, and single calls with them: what `--test` and `doctor` have in common. */
import { callOnce } from '../channels/slack-credentials.ts';
import type { SlackFailure } from '../channels/slack-errors.ts';
import { fixFor } from '../channels/slack-fixes.ts';
import { AppError } from '../errors.ts';
import type { Settings } from '../settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What has to be there before anything can be tested. */
export interface Credentials {
  readonly botToken: string;
  readonly appToken: string;
  readonly approver: string;
  readonly apiUrl: string;
}

/** Nothing takes longer than this without a line being printed (the test promises 15 s). */
const CALL_MS = 8_000;

/** Throws AppError('missing-config' | 'bad-token'). */
export function checkForm({ botToken, appToken, approvers, apiUrl }: Settings): Credentials {
  const [approver] = approvers;
  if (botToken === undefined || appToken === undefined || approver === undefined) {
    const missing = botToken === undefined ? 'bot token' : appToken === undefined ? 'app token' : 'user id';
    throw new AppError('missing-config', `Expected a Slack ${missing}, got none`);
  }
  checkTokenForm(botToken, appToken);
  return { botToken, appToken, approver, apiUrl };
}

/** Token kinds by their prefix: Slack's own errors for swapped tokens say less. Throws AppError('bad-token'). */
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

/** What may be in the way, in words: another address, a proxy. */
export function surroundings({ apiUrl }: Settings, env: Environment): readonly string[] {
  const proxy = proxyOf(env);
  return [
    ...(apiUrl === 'https://slack.com/api/' ? [] : [`The API address is ${apiUrl}, not Slack's own.`]),
    ...(proxy === undefined
      ? []
      : [
          `${proxy} is set: calls use that proxy, but Bun's WebSocket does not. If Socket Mode fails below, allow direct connections to wss-primary.slack.com.`,
        ]),
  ];
}

/** The variable that names a proxy; undefined when none does. */
export function proxyOf(env: Environment): string | undefined {
  return ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].find((name) => env[name]);
}

/** What a call may have besides. */
export interface OneCall {
  readonly args?: Readonly<Record<string, string>>;
  /** Hears the headers of Slack's reply. */
  readonly onHeaders?: (headers: Headers) => void;
}

/** One call; a failure comes with the fix for Slack's own code. Throws AppError. `doing` completes "Slack refused to …". */
export async function callSlack(
  token: string,
  apiUrl: string,
  method: string,
  doing: string,
  more: OneCall = {},
): Promise<Record<string, unknown>> {
  try {
    return await callOnce(token, apiUrl, method, doing, CALL_MS, more.args, more.onHeaders);
  } catch (failed) {
    throw withSlackFix(failed as SlackFailure);
  }
}

/** A failure as an error whose hint is the fix for what Slack said. */
export function withSlackFix({ error, slackCode }: SlackFailure): AppError {
  return new AppError(error.code, error.message, { hint: fixFor(error, slackCode) });
}
