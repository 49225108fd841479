import { describe, expect, test } from 'bun:test';
import { checkSlack, type SlackFacts } from '../../src/doctor/slack.ts';
import { AppError } from '../../src/errors.ts';

const HELD = { heldMs: 8_000, isLost: false, numConnections: 1 };
const WELL: SlackFacts = {
  apiUrl: 'https://slack.com/api/',
  connection: { held: HELD },
  approvers: [{ id: 'U1', reach: 'open' }],
  messagesTab: 'on',
  skewMs: 1_000,
  proxy: undefined,
  hasExceptions: false,
};
const shown = (facts: Partial<SlackFacts>): string[] =>
  checkSlack({ ...WELL, ...facts }).map(({ id, state, what }) => `${id} ${state}: ${what}`);
const offline = new AppError('slack-unreachable', 'The WebSocket to Slack could not be opened or broke');

describe('the checks of Slack', () => {
  test('are all well', () => {
    expect(shown({})).toEqual([
      'connection ok: Socket Mode: a connection held for 8 s, 1 open',
      'messages-tab ok: Messages tab: on',
      'approver ok: approver U1: can be written to',
      "clock ok: clock: 1 s from Slack's",
    ]);
  });

  test('fail for a connection that cannot be opened or does not hold', () => {
    expect(shown({ connection: { held: offline } })[0]).toStartWith('connection fail: Socket Mode: The WebSocket');
    expect(shown({ connection: { held: { ...HELD, isLost: true } } })[0]).toBe(
      'connection fail: Socket Mode: the connection broke within 8 s',
    );
  });

  test('warn of somebody else on the same app', () => {
    expect(shown({ connection: { held: { ...HELD, numConnections: 3 } } })[1]).toBe(
      "shared-app warn: Socket Mode: somebody else holds 2 of the app's connections",
    );
  });

  test('take the word of a daemon that is running', () => {
    const first = (state: string): string | undefined => shown({ connection: { daemon: { state, reason: 'why' } } })[0];
    expect(first('connected')).toBe('connection ok: Socket Mode: the daemon is connected');
    expect(first('down')).toBe('connection fail: Socket Mode: the daemon is not connected (why)');
    expect(first('connecting')).toBe('connection warn: Socket Mode: the daemon is connecting (why)');
    expect(shown({ connection: { daemon: { state: 'connected', warning: 'two apps' } } })[1]).toBe(
      'shared-app warn: Socket Mode: two apps',
    );
  });

  test('fail for a Messages tab that is off and an approver who is not there', () => {
    const off = new AppError('slack-config', 'messages_tab_disabled');
    expect(shown({ messagesTab: off })).toContain('messages-tab fail: Messages tab: messages_tab_disabled');
    expect(shown({ approvers: [{ id: 'U2', reach: off }] })).toContain(
      'approver fail: approver U2: messages_tab_disabled',
    );
    const unknown = shown({ messagesTab: 'unknown', approvers: [{ id: 'U2', reach: 'unknown' }] });
    expect(unknown.filter((line) => line.includes(' skipped: '))).toHaveLength(2);
  });

  test('warn of a clock that is more than a minute off, in either direction', () => {
    expect(shown({ skewMs: 60_000 }).at(-1)).toStartWith('clock ok');
    expect(shown({ skewMs: 61_000 }).at(-1)).toBe("clock warn: clock: 61 s ahead of Slack's");
    expect(shown({ skewMs: -3_600_000 }).at(-1)).toBe("clock warn: clock: 3600 s behind Slack's");
    expect(shown({ skewMs: undefined }).some((line) => line.startsWith('clock'))).toBe(false);
  });

  test('warn of a proxy only where Socket Mode was not seen to work without', () => {
    expect(shown({ proxy: 'HTTPS_PROXY', hasExceptions: true }).at(-1)).toStartWith(
      'proxy ok: proxy: HTTPS_PROXY is set, with NO_PROXY; calls use it',
    );
    for (const connection of [undefined, { held: offline }, { daemon: { state: 'down' } }])
      expect(shown({ proxy: 'https_proxy', connection }).at(-1)).toStartWith('proxy warn: proxy: https_proxy is set;');
  });

  test('warn of an address that is not Slack’s own', () => {
    expect(shown({ apiUrl: 'http://127.0.0.1:1/api/' })[0]).toStartWith('api-url warn');
  });
});
