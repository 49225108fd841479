import { describe, expect, test } from 'bun:test';
import { checkTokens, type TokenFacts } from '../../src/doctor/tokens.ts';
import { AppError } from '../../src/errors.ts';

const SCOPES = ['chat:write', 'files:write', 'im:history', 'reactions:read'];
const BOT = { team: 'Acme', botUserId: 'UBOT', scopes: SCOPES, lack: undefined };
const WELL: TokenFacts = { form: undefined, bot: BOT, app: 'works', botApp: 'A1', connectedApp: 'A1' };
const statesOf = (facts: Partial<TokenFacts>): Record<string, string> =>
  Object.fromEntries(checkTokens({ ...WELL, ...facts }).map(({ id, state }) => [id, state]));
const whatOf = (facts: Partial<TokenFacts>, id: string): string | undefined =>
  checkTokens({ ...WELL, ...facts }).find((check) => check.id === id)?.what;

describe('the checks of the tokens', () => {
  test('are all well for tokens of one app with their scopes', () => {
    expect(statesOf({})).toEqual({
      ...{ tokens: 'ok', 'bot-token': 'ok', scopes: 'ok', 'app-token': 'ok', 'one-app': 'ok' },
    });
    expect(whatOf({}, 'bot-token')).toBe('bot token: UBOT in "Acme"');
  });

  test('stop at tokens of the wrong form', () => {
    const form = new AppError('bad-token', 'The bot token and the app token are swapped');
    expect(checkTokens({ ...WELL, form })).toMatchObject([{ id: 'tokens', state: 'fail', code: 'bad-token' }]);
  });

  test('say what each missing optional scope would give', () => {
    expect(whatOf({ bot: { ...BOT, scopes: ['chat:write', 'im:history'] } }, 'scopes')).toBe(
      'scopes: all that is needed; you could add files:write (what is too long for a message as a file) and reactions:read (👍 and 👎 on a card)',
    );
    expect(statesOf({ bot: { ...BOT, scopes: [] } }).scopes).toBe('skipped');
  });

  test('fail for the scope that is needed, for tokens that Slack refuses, and for tokens of two apps', () => {
    const lack = new AppError('slack-scope', 'Expected chat:write');
    const refused = new AppError('slack-auth', 'Slack refused: invalid_auth');
    expect(statesOf({ bot: { ...BOT, lack } }).scopes).toBe('fail');
    expect(statesOf({ bot: refused })).toEqual({ tokens: 'ok', 'bot-token': 'fail', 'app-token': 'ok' });
    expect(statesOf({ app: refused })['app-token']).toBe('fail');
    expect(checkTokens({ ...WELL, connectedApp: 'A2' }).at(-1)).toMatchObject({
      ...{ id: 'one-app', state: 'fail', fix: 'Copy both tokens from the same Slack app.', code: 'slack-config' },
    });
  });

  test('do not blame a token for calls that were too many, and say what could not be asked', () => {
    expect(statesOf({ app: new AppError('slack-rate-limited', 'Slack asks to wait 30 s') })['app-token']).toBe('warn');
    expect(statesOf({ app: undefined, bot: undefined })).toEqual({
      ...{ tokens: 'ok', 'bot-token': 'skipped', 'app-token': 'skipped' },
    });
    expect(statesOf({ botApp: undefined })['one-app']).toBe('skipped');
  });
});
