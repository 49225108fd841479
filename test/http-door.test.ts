import { describe, expect, test } from 'bun:test';
import { type Head, judgeHead } from '../src/http-door.ts';
import recorded from './fixtures/claude-code/http-hook-request.PreToolUse.json' with { type: 'json' };

const TOKEN = '0123456789abcdef'.repeat(4);
const PORT = 8787;

/** What Claude Code sent, to our path and with our token. */
function head(change: Readonly<Record<string, readonly string[] | undefined>> = {}, more: Partial<Head> = {}): Head {
  const given = Object.entries(recorded.headers).map(([name, value]) => [name.toLowerCase(), [value]]);
  const headersDistinct = { ...Object.fromEntries(given), authorization: [`Bearer ${TOKEN}`], ...change };
  return { method: recorded.method, url: '/hooks/claude', headersDistinct, ...more };
}
const statusOf = (given: Head, port = PORT): number | undefined => judgeHead(given, port, TOKEN)?.status;

describe('the head of a request is taken', () => {
  test('as Claude Code writes it', () => expect(statusOf(head())).toBeUndefined());

  test('with the token in either header, and with a query that means nothing', () => {
    expect(statusOf(head({ authorization: undefined, 'x-claude-slack-hook-token': [TOKEN] }))).toBeUndefined();
    expect(statusOf(head({ authorization: [`bearer ${TOKEN}`] }))).toBeUndefined();
    expect(statusOf(head({}, { url: '/hooks/claude?src=claude' }))).toBeUndefined();
  });

  test('for either name of this machine, and without a port where that goes without saying', () => {
    expect(statusOf(head({ host: [`LOCALHOST:${PORT}`] }))).toBeUndefined();
    expect(statusOf(head({ host: ['127.0.0.1'] }), 80)).toBeUndefined();
  });

  test('with a charset beside the type', () =>
    expect(statusOf(head({ 'content-type': ['application/json; charset=utf-8'] }))).toBeUndefined());
});

describe('the head of a request is refused', () => {
  test('with 403 for another host, no host, two hosts, another port', () => {
    const hosts = [
      [`evil.example:${PORT}`],
      ['127.0.0.1'],
      ['127.0.0.1:80'],
      [`127.0.0.1:${PORT}.evil.example`],
      [`127.0.0.1:${PORT}`, 'evil.example'],
      [`[::1]:${PORT}`],
      [''],
      [],
    ];
    for (const host of [...hosts, undefined]) expect([host, statusOf(head({ host }))]).toEqual([host, 403]);
  });

  test('with 403 for any origin, also this machine itself', () => {
    for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:${PORT}`, ''])
      expect(statusOf(head({ origin: [origin] }))).toBe(403);
  });

  test('with 401 without the token, and with anything but it', () => {
    const tokens = [
      undefined,
      [],
      [''],
      ['Bearer'],
      ['Bearer '],
      [TOKEN],
      [`Basic ${TOKEN}`],
      [`Bearer ${TOKEN}0`],
      [`Bearer ${TOKEN.slice(1)}`],
      [`Bearer ${TOKEN.toUpperCase()}`],
      [`Bearer ${TOKEN}, Bearer ${TOKEN}`],
    ];
    for (const authorization of tokens)
      expect([authorization, statusOf(head({ authorization }))]).toEqual([authorization, 401]);
    expect(statusOf(head({ authorization: undefined, 'x-claude-slack-hook-token': [`Bearer ${TOKEN}`] }))).toBe(401);
  });

  test('by who it is before what it wants: without the token nobody learns which paths there are', () => {
    expect(statusOf(head({ authorization: undefined }, { url: '/other', method: 'GET' }))).toBe(401);
    expect(statusOf(head({ authorization: undefined, host: ['evil.example'] }))).toBe(403);
  });

  test('with 404 for every other path, those of other agents among them', () => {
    const paths = ['/', '/hooks', '/hooks/', '/hooks/claude/', '//hooks/claude', '/hooks/codex', '/hooks/Claude', '*'];
    for (const url of [
      ...paths,
      `http://127.0.0.1:${PORT}/hooks/claude`,
      '/hooks/../hooks/claude',
      '/hooks/%63laude',
      '',
    ])
      expect([url, statusOf(head({}, { url }))]).toEqual([url, 404]);
  });

  test('with 405 for every other method, and what may be used instead', () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'post', undefined])
      expect(statusOf(head({}, { method }))).toBe(405);
    expect(judgeHead(head({}, { method: 'GET' }), PORT, TOKEN)?.headers).toEqual({ Allow: 'POST' });
  });

  test('with 415 for what a form of a page could send, and for what is packed', () => {
    for (const type of [undefined, ['text/plain'], ['application/x-www-form-urlencoded'], ['application/jsonx']])
      expect(statusOf(head({ 'content-type': type }))).toBe(415);
    expect(statusOf(head({ 'content-encoding': ['gzip'] }))).toBe(415);
  });
});
