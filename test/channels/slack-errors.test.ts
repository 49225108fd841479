import { describe, expect, test } from 'bun:test';
import { isFailure, isFatal, readFailure, safeText } from '../../src/channels/slack-errors.ts';

const platform = (error: unknown, more: object = {}) => ({
  code: 'slack_webapi_platform_error',
  message: `An API error occurred: ${String(error)}`,
  data: { ok: false, error, ...more },
});

describe('readFailure', () => {
  test.each([
    ['invalid_auth', 'fatal', 'slack-auth'],
    ['token_revoked', 'fatal', 'slack-auth'],
    ['account_inactive', 'fatal', 'slack-auth'],
    ['not_allowed_token_type', 'fatal', 'slack-auth'],
    ['missing_scope', 'fatal', 'slack-scope'],
    ['link_disabled', 'fatal', 'slack-config'],
    ['ratelimited', 'rate-limited', 'slack-rate-limited'],
    ['internal_error', 'transient', 'slack-unreachable'],
    ['invalid_blocks', 'too-large', 'slack-rejected'],
    ['msg_blocks_too_long', 'too-large', 'slack-rejected'],
    ['channel_not_found', 'refused', 'slack-config'],
    ['messages_tab_disabled', 'refused', 'slack-config'],
    ['message_not_found', 'refused', 'slack-rejected'],
    ['something_new', 'refused', 'slack-rejected'],
  ] as const)('%s is %s, %s, and named', (slackCode, kind, code) => {
    const failure = readFailure(platform(slackCode), 'show the request');
    expect(failure).toMatchObject({ kind, slackCode, error: { code } });
    if (kind !== 'rate-limited') expect(failure.error.message).toContain(slackCode);
    expect(isFatal(slackCode)).toBe(kind === 'fatal');
    expect(isFailure(failure)).toBe(true);
  });

  test('names the scope that is missing', () => {
    const { error } = readFailure(platform('missing_scope', { needed: 'chat:write' }), 'show the request');
    expect(error.message).toBe('Slack refused to show the request: missing_scope (needs chat:write)');
  });

  test.each([
    ['a page in the place of a code', platform('<html>PROXY xoxb-1-2</html>')],
    ['a page with a status', { code: 'slack_webapi_http_error', statusCode: 502, body: '<html>PROXY xoxb-1-2</html>' }],
    ['a network error', { code: 'slack_webapi_request_error', original: new Error('PROXY xoxb-1-2 http://x?token=1') }],
    ['a scope that is none', platform('missing_scope', { needed: '<PROXY>' })],
    ['anything else', new TypeError('PROXY xoxb-1-2')],
    ['nothing', undefined],
  ])('%s puts no foreign text into the message', (_name, thrown) => {
    const { error } = readFailure(thrown, 'show the request');
    expect(`${error.message}${String(error.cause)}`).not.toMatch(/PROXY|xoxb|token=/);
  });

  test('reads how long Slack asks to wait', () => {
    expect(readFailure({ code: 'slack_webapi_rate_limited_error', retryAfter: 7 }, 'x').retryAfterMs).toBe(7000);
    expect(readFailure(platform('ratelimited', { response_metadata: { retryAfter: 3 } }), 'x').retryAfterMs).toBe(3000);
    expect(readFailure(platform('ratelimited'), 'x').retryAfterMs).toBe(1000);
  });

  test('knows when Slack may have done it all the same', () => {
    const network = (code: string) => ({
      code: 'slack_webapi_request_error',
      original: Object.assign(new Error(), { code }),
    });
    expect(readFailure(network('ConnectionRefused'), 'x').uncertain).toBe(false);
    expect(readFailure(network('ECONNRESET'), 'x').uncertain).toBe(true);
    expect(readFailure({ code: 'slack_webapi_http_error', statusCode: 500 }, 'x').uncertain).toBe(true);
    expect(readFailure(platform('invalid_blocks'), 'x').uncertain).toBe(false);
  });
});

describe('safeText', () => {
  test('has no token, ticket, control character or page length', () => {
    const text = safeText(new Error(`bad\nxoxb-1-abc wss://h/link?ticket=abc&app_id=A1 ${'x'.repeat(1000)}`));
    expect(text).toStartWith('bad [redacted] wss://h/link xxx');
    expect(text.length).toBeLessThanOrEqual(300);
  });
});
