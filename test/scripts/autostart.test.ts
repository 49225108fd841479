/** The examples in docs/autostart: what they run has to be a command line of ours. */
import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { SERVER_ENV } from '../../src/daemon.ts';
import { ERRORS } from '../../src/errors.ts';
import { resolveSettings } from '../../src/settings.ts';
import { parseArgv } from '../../src/verbs.ts';

const read = (name: string): string => readFileSync(new URL(`../../docs/autostart/${name}`, import.meta.url), 'utf8');

/** A daemon that stays for longer than a weekend. */
function expectDaemon(words: readonly string[]): void {
  const [program, ...argv] = words;
  expect(program).toEndWith('/.local/bin/claude-slack-hook');
  const { mode, flags } = parseArgv(argv);
  expect(mode).toBe('daemon');
  expect(resolveSettings(flags, { HOME: '/nowhere' }).idleMs).toBeGreaterThan(72 * 3_600_000);
}

describe('the examples of starting the daemon at login', () => {
  test('for systemd run the daemon in the foreground, and do not go on where that cannot help', () => {
    const unit = new Map(
      [...read('claude-slack-hook.service').matchAll(/^([A-Za-z]+)=(.*)$/gm)].map(([, key = '', value = '']) => [
        key,
        value,
      ]),
    );
    expectDaemon(unit.get('ExecStart')?.split(' ') ?? []);
    expect(unit.get('Environment')).toBe(`${SERVER_ENV}=1`);
    const final = unit.get('RestartPreventExitStatus')?.split(' ').map(Number);
    for (const code of ['daemon-start', 'config-mode', 'missing-config'] as const)
      expect(final).toContain(ERRORS[code].exit);
    expect(unit.has('PrivateTmp')).toBe(false);
  });

  test('for launchd do the same', () => {
    const plist = read('claude-slack-hook.plist');
    const [, list = ''] = /<key>ProgramArguments<\/key>\s*<array>(.*?)<\/array>/s.exec(plist) ?? [];
    expectDaemon([...list.matchAll(/<string>(.*?)<\/string>/g)].map(([, word = '']) => word));
    expect(plist).toMatch(new RegExp(`<key>${SERVER_ENV}</key>\\s*<string>1</string>`));
    const open: string[] = [];
    for (const [, slash, name = ''] of plist.matchAll(/<(\/?)([a-z]+)(?: [^>]*)?(?<!\/)>/g)) {
      if (slash === '') open.push(name);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
  });
});
