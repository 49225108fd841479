/** The first half of `setup`: a Slack app, its tokens, and who is asked. */
import { callOnce } from '../channels/slack-credentials.ts';
import type { SlackFailure } from '../channels/slack-errors.ts';
import { AppError } from '../errors.ts';
import { keepTokens, openKeychain, referencesTo } from '../keychain.ts';
import type { ParsedArgv } from '../options.ts';
import type { Settings } from '../settings.ts';
import { withSettings } from '../setup/config-edits.ts';
import { diffOf } from '../setup/diff.ts';
import { isChange, planChange } from '../setup/installation.ts';
import type { Prompts } from '../setup/prompts.ts';
import { replaceSettingsFile } from '../setup/settings-file.ts';
import { creationLink } from '../setup/slack-app.ts';
import { checkTokenForm, withSlackFix } from './credentials.ts';

export interface ConnectOptions {
  readonly settings: Settings;
  readonly flags: ParsedArgv['flags'];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Undefined: nobody is there to be asked. */
  readonly prompts: Prompts | undefined;
  readonly isDry: boolean;
  readonly print: (text: string) => void;
}

const CALL_MS = 8_000;
/** How long a person may take to open the app in Slack and press a button. */
const FIND_MS = 5 * 60_000;

/** Writes what is missing into the config file. Throws AppError, with nothing written. */
export async function connect(options: ConnectOptions): Promise<Settings> {
  const { settings, flags, prompts, isDry, print } = options;
  const tokens = await tokensFor(options);
  if (tokens === undefined) {
    // A dry run on a machine without tokens shows what it can.
    print('No tokens yet: the set-up would ask for them, and write them and your user id to the config file.\n');
    return settings;
  }
  // A list in the file is left alone unless another one is asked for.
  const isSaid = settings.isConfigAsked && flags['user-id'] === undefined;
  if (!isDry) {
    await checkTokens(tokens, settings.apiUrl);
    if (!isSaid) await checkPeople(tokens, settings);
  }
  const userId = isSaid ? undefined : settings.approvers.join(',') || (await findPerson(options, tokens));
  const keychain = flags['no-keychain'] === true ? undefined : openKeychain();
  const isKept = keychain !== undefined && (isDry || (await keepTokens(tokens, keychain)));
  const wanted = { ...(isKept ? referencesTo(tokens) : tokens), userId };
  const change = planChange(settings.configFile, (text) => withSettings(text, wanted));
  if (!isChange(change)) return settings;
  if (prompts === undefined) print(diffOf(change));
  else prompts.show(change.path, diffOf(change));
  if (isDry) return settings;
  replaceSettingsFile(settings.configFile, change.after ?? '', 0o600);
  const where = isKept
    ? `The tokens are in the ${keychain.name}, the person is in ${settings.configFile}.`
    : `Tokens and person are in ${settings.configFile}, readable by you only.`;
  prompts?.say(where);
  return settings;
}

interface Tokens {
  readonly botToken: string;
  readonly appToken: string;
}

/** Throws AppError('missing-config' | 'bad-token'). Undefined in a dry run without any. */
async function tokensFor({ settings, env, flags, prompts, isDry }: ConnectOptions): Promise<Tokens | undefined> {
  const { botToken, appToken } = settings;
  if (botToken !== undefined && appToken !== undefined) {
    checkTokenForm(botToken, appToken);
    return { botToken, appToken };
  }
  if (isDry) return undefined;
  if (prompts === undefined)
    throw new AppError('missing-config', 'Expected a Slack bot token and an app token, got none', {
      hint: 'Run claude-slack-hook setup at a terminal, or give --bot-token, --app-token and --user-id.',
    });
  prompts.show('A Slack app of your own', APP_WORDS);
  const link = creationLink();
  prompts.say(link);
  if (flags['no-open'] !== true) openLink(link, env);
  const bot = await prompts.secret('Bot token (Install App → Bot User OAuth Token, xoxb-…)', (token) =>
    problemOf(() => checkTokenForm(token, 'xapp-1')),
  );
  const app = await prompts.secret('App-level token (Basic Information → App-Level Tokens, xapp-…)', (token) =>
    problemOf(() => checkTokenForm(bot, token)),
  );
  return { botToken: bot, appToken: app };
}

const APP_WORDS = [
  'The page that opens has everything filled in: choose your workspace, Next, Create.',
  'Two clicks only you can do:',
  '  1. Install App → Install to Workspace. It shows the bot token.',
  '  2. Basic Information → App-Level Tokens → Generate, with the scope connections:write.',
].join('\n');

function problemOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Best effort: the link is on the screen, too. */
function openLink(link: string, env: ConnectOptions['env']): void {
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
  if (Bun.which(opener, { PATH: env.PATH ?? '' }) === null) return;
  Bun.spawn([opener, link], { stdio: ['ignore', 'ignore', 'ignore'], env: { ...env } }).unref();
}

/** Throws the AppError that says what is wrong with them. */
async function checkTokens({ botToken, appToken }: Tokens, apiUrl: string): Promise<void> {
  try {
    await callOnce(botToken, apiUrl, 'auth.test', 'take the bot token', CALL_MS);
    await callOnce(appToken, apiUrl, 'apps.connections.open', 'open a connection with the app token', CALL_MS);
  } catch (failure) {
    throw (failure as SlackFailure).error;
  }
}

/** Throws AppError('slack-config') for somebody whom Slack does not know. A token without the scope im:write may not look. */
async function checkPeople({ botToken }: Tokens, { approvers, apiUrl }: Settings): Promise<void> {
  for (const users of approvers) {
    const args = { users };
    const checked = await callOnce(botToken, apiUrl, 'conversations.open', `write to ${users}`, CALL_MS, args).then(
      () => undefined,
      (failure: SlackFailure) => failure,
    );
    if (checked?.error.code === 'slack-config') throw withSlackFix(checked);
  }
}

/** Throws AppError('missing-config' | 'click-timeout'). */
async function findPerson({ settings, prompts, isDry }: ConnectOptions, tokens: Tokens): Promise<string> {
  if (isDry) return 'U…';
  if (prompts === undefined)
    throw new AppError('missing-config', 'Expected a Slack user id, got none', {
      hint: 'Give --user-id, or run claude-slack-hook setup at a terminal: it finds your id.',
    });
  const { findUser } = await import('../channels/slack-find-user.ts');
  const code = String(crypto.getRandomValues(new Uint16Array(1))[0] ?? 0).padStart(5, '0');
  const { id, name } = await findUser({
    ...{ ...tokens, apiUrl: settings.apiUrl, code, signal: AbortSignal.timeout(FIND_MS) },
    onReady: () =>
      prompts.say(
        `Now open the app in Slack (Apps → Claude Approval → Messages) and press “This is me”. Code: ${code}`,
      ),
  });
  if (!(await prompts.confirm(`Ask ${name === '' ? id : `${name} (${id})`}?`)))
    throw new AppError('stopped', 'It was somebody else who pressed the button');
  return id;
}
