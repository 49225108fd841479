import { describe, expect, test } from 'bun:test';
import { hasButtons, payload, textOf, withBench } from './bench.ts';

// Each waits for seconds of Slack's time, none for the others.
describe.concurrent('--test', () => {
  test(
    'goes through every step, holds the connection, takes the click and closes its card',
    () =>
      withBench(async (bench) => {
        const ran = bench.run(['--test']);
        const card = await bench.slack.waitForMessage(hasButtons);
        await bench.press(card, 'csh_approve');
        const { stdout, stderr, exitCode } = await ran;
        expect(stdout.split('\n').map((line) => line.split(':')[0])).toEqual([
          '✓ settings',
          '✓ runtime',
          '! The API address is http',
          '✓ bot token',
          '✓ app token',
          '✓ daemon',
          '✓ Socket Mode',
          '✓ test card',
          '✓ connection',
          '✓ click',
          'All good.',
          '',
        ]);
        expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
        const closed = bench.slack.messages().find(({ ts }) => ts === card.ts);
        expect(closed !== undefined && !hasButtons(closed) && textOf(closed)).toContain('Nothing runs');
        expect(bench.slack.connections()).toBe(0);
      }),
    30_000,
  );

  test(
    'with --no-wait ends without a click',
    () =>
      withBench(async (bench) => {
        const { stdout, exitCode } = await bench.run(['--test', '--no-wait']);
        expect(stdout).toEndWith('All good.\n');
        expect(exitCode).toBe(0);
      }),
    30_000,
  );

  test(
    'that nobody clicks says so',
    () =>
      withBench(async (bench) => {
        const { stdout, exitCode } = await bench.run(['--test']);
        expect(stdout).toContain('code: click-timeout');
        expect(exitCode).toBe(69);
      }),
    40_000,
  );

  test(
    'finds a connection that does not hold',
    () =>
      withBench(async (bench) => {
        const ran = bench.run(['--test', '--no-wait']);
        await bench.slack.waitForMessage(hasButtons);
        bench.slack.dropConnections();
        const { stdout, exitCode } = await ran;
        expect(stdout).toContain('✗ connection: Expected the connection to hold for 8 s');
        expect(exitCode).toBe(69);
      }),
    30_000,
  );

  const xoxb = { SLACK_BOT_TOKEN: 'xoxb-1-2-wrong' };
  test.each<[string, Record<string, string>, string, number]>([
    ['no tokens', { SLACK_BOT_TOKEN: '' }, '✗ settings: Expected a Slack bot token, got none', 78],
    ['swapped tokens', { SLACK_BOT_TOKEN: 'xapp-1', SLACK_APP_TOKEN: 'xoxb-1' }, 'are swapped', 78],
    ['a user token', { SLACK_BOT_TOKEN: 'xoxp-1-2' }, 'starts with xoxb-, got xoxp-', 78],
    ['a rotating token', { SLACK_BOT_TOKEN: 'xoxe.xoxb-1-2' }, 'fix: Switch token rotation off', 78],
    ['a wrong bot token', xoxb, 'fix: Copy the token again', 77],
    ['a wrong app token', { SLACK_APP_TOKEN: 'xapp-1-A1-2-wrong' }, '✗ app token: Slack refused', 77],
    ['a user who is not there', { SLACK_USER_ID: 'U0NOBODY' }, 'fix: Check the user id', 78],
  ])(
    'names the fix for %s',
    (_name, env, text, exit) =>
      withBench(async (bench) => {
        const { stdout, exitCode } = await bench.run(['--test', '--no-wait'], { env });
        expect(stdout).toContain(text);
        expect(exitCode).toBe(exit);
      }, {}),
    20_000,
  );

  test.each<[string, Parameters<typeof withBench>[1], string, number]>([
    ['a missing scope', { scopes: ['im:write'] }, 'scope chat:write', 77],
    ['Socket Mode that is off', { socketModeEnabled: false }, 'fix: Switch Socket Mode on', 78],
    ['a Messages tab that is off', { messagesTabEnabled: false }, 'fix: Switch the Messages tab on', 78],
  ])(
    'names the fix for %s',
    (_name, options, text, exit) =>
      withBench(async (bench) => {
        const { stdout, exitCode } = await bench.run(['--test', '--no-wait']);
        expect(stdout).toContain(text);
        expect(exitCode).toBe(exit);
      }, options),
    20_000,
  );

  test('says that Slack is unreachable', () =>
    withBench(async (bench) => {
      await bench.slack.refuse(true);
      const { stdout, exitCode } = await bench.run(['--test', '--no-wait']);
      expect(stdout).toContain('code: slack-unreachable');
      expect(exitCode).toBe(69);
    }));

  test(
    'warns of a proxy that the WebSocket would not use, and of an app that others are connected to',
    () =>
      withBench(async (bench) => {
        bench.slack.setForeignConnections(1);
        const { stdout } = await bench.run(['--test', '--no-wait'], {
          env: { HTTPS_PROXY: 'http://127.0.0.1:9', NO_PROXY: '127.0.0.1' },
        });
        expect(stdout).toContain('! HTTPS_PROXY is set');
        expect(stdout).toContain('! Somebody else holds a connection of this Slack app');
      }),
    20_000,
  );

  test('refuses while a daemon would take half of the clicks', () =>
    withBench(async (bench) => {
      await bench.ask(payload('PermissionRequest.Bash'));
      const { stdout, exitCode } = await bench.run(['--test']);
      expect(stdout).toContain('fix: Run claude-slack-hook --stop, then this test again.');
      expect(exitCode).toBe(69);
    }));
});
