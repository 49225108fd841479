/** Do the tokens open what they have to, and do they belong together? */
import type { AppError } from '../errors.ts';
import { type Check, fail, failure, isError, ok, skipped, warn } from './check.ts';
import { listed, quoted } from './outside.ts';

/** What auth.test said of the bot token. */
export interface BotFacts {
  readonly team: string;
  readonly botUserId: string;
  /** Empty when Slack did not say. */
  readonly scopes: readonly string[];
  /** The scope that is missing and must not be. */
  readonly lack: AppError | undefined;
}

export interface TokenFacts {
  /** Why the settings hold no usable tokens; undefined for tokens of the right form. */
  readonly form: AppError | undefined;
  readonly bot: BotFacts | AppError | undefined;
  /** Whether apps.connections.open takes the app token. */
  readonly app: 'works' | AppError | undefined;
  /** The app that the bot token posts for; undefined when Slack does not tell this token. */
  readonly botApp: string | undefined;
  /** The app whose connection the app token opens. */
  readonly connectedApp: string | undefined;
}

/** Optional scopes, and what goes without them. */
const OPTIONAL: ReadonlyMap<string, string> = new Map([
  ['files:write', 'what is too long for a message as a file'],
  ['im:history', '`ok` and `no` in a thread'],
  ['reactions:read', '👍 and 👎 on a card'],
]);

/** Stops at tokens of the wrong form: Slack was not asked then. */
export function checkTokens({ form, bot, app, botApp, connectedApp }: TokenFacts): readonly Check[] {
  if (form !== undefined) return [failure('tokens', 'tokens', form)];
  return [
    ok('tokens', 'tokens: xoxb- and xapp-, as they should be'),
    ...botChecks(bot),
    tokenCheck(app),
    ...(bot === undefined || isError(bot) || app !== 'works' ? [] : [appCheck(botApp, connectedApp)]),
  ];
}

function tokenCheck(app: TokenFacts['app']): Check {
  if (app === undefined) return skipped('app-token', 'app token: not tried');
  if (!isError(app)) return ok('app-token', 'app token: may open Socket Mode connections');
  // Slack allows about one call a minute; that says nothing about the token.
  if (app.code === 'slack-rate-limited') return warn('app-token', `app token: ${app.message}`, 'Run it again later.');
  return failure('app-token', 'app token', app);
}

function botChecks(bot: TokenFacts['bot']): readonly Check[] {
  if (bot === undefined) return [skipped('bot-token', 'bot token: not tried')];
  if (isError(bot)) return [failure('bot-token', 'bot token', bot)];
  const { botUserId, team, scopes, lack } = bot;
  const owner = ok(
    'bot-token',
    `bot token: ${botUserId} in ${team === '' ? 'a workspace without a name' : quoted(team)}`,
  );
  if (lack !== undefined) return [owner, failure('scopes', 'scopes', lack)];
  if (scopes.length === 0) return [owner, skipped('scopes', 'scopes: Slack did not say which the bot token has')];
  const missing = [...OPTIONAL].filter(([scope]) => !scopes.includes(scope));
  const without = listed(
    missing.map(([scope, what]) => `${scope} (${what})`),
    OPTIONAL.size,
  );
  const what = `scopes: all that is needed${missing.length === 0 ? ' and all that is optional' : `; you could add ${without}`}`;
  return [owner, ok('scopes', what, [`granted: ${scopes.join(', ')}`])];
}

/** With tokens of two apps cards come and their buttons do nothing. */
function appCheck(botApp: string | undefined, connectedApp: string | undefined): Check {
  if (botApp === undefined || connectedApp === undefined) {
    return skipped(
      'one-app',
      'one app: Slack does not tell this bot token its app (scope users:read); claude-slack-hook --test finds out by a card',
    );
  }
  if (botApp === connectedApp) return ok('one-app', `one app: both tokens are of ${botApp}`);
  return fail(
    'one-app',
    `one app: the bot token is of ${botApp}, the app token of ${connectedApp}: cards come, but clicks never arrive`,
    'Copy both tokens from the same Slack app.',
    { code: 'slack-config' },
  );
}
