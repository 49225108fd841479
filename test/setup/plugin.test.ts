import { describe, expect, test } from 'bun:test';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pluginHooks } from '../../src/setup/hook-plans.ts';

const ROOT = join(import.meta.dir, '../..');
const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));

describe('the plugin for Claude Code', () => {
  test('has the hooks that setup would write, and the version of the package', () => {
    const deadlineMs = 570_000;
    expect(read('hooks/hooks.json')).toEqual({ hooks: pluginHooks(deadlineMs) });
    const { name, version } = read('package.json');
    expect(read('.claude-plugin/plugin.json')).toMatchObject({ name, version });
    expect(read('.claude-plugin/marketplace.json').plugins).toMatchObject([{ name, source: './' }]);
    accessSync(join(ROOT, 'bin/claude-slack-hook'), constants.X_OK);
  });

  test('starts the program from a fixed place before one on PATH, with its arguments and its exit code', () => {
    const dir = mkdtempSync(join(tmpdir(), 'csh plugin-'));
    try {
      const put = (folder: string, says: string): void => {
        mkdirSync(join(dir, folder), { recursive: true });
        writeFileSync(join(dir, folder, 'claude-slack-hook'), `#!/bin/sh\necho "${says} $*"\nexit 7\n`);
        chmodSync(join(dir, folder, 'claude-slack-hook'), 0o755);
      };
      cpSync(join(ROOT, 'bin'), join(dir, 'plugin/bin'), { recursive: true });
      const run = () => {
        const env = { HOME: join(dir, 'home'), PATH: `${join(dir, 'path')}:/usr/bin:/bin` };
        const { stdout, stderr, exitCode } = Bun.spawnSync(
          [join(dir, 'plugin/bin/claude-slack-hook'), '--observe', 'a b'],
          { env },
        );
        return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
      };
      const none = run();
      expect(none).toMatchObject({ stdout: '', exitCode: 1 });
      expect(none.stderr).toContain('not installed');
      put('path', 'path');
      expect(run()).toMatchObject({ stdout: 'path --observe a b\n', exitCode: 7 });
      put('home/.local/bin', 'home');
      expect(run()).toMatchObject({ stdout: 'home --observe a b\n' });
      put('plugin/dist/bin', 'own');
      expect(run()).toMatchObject({ stdout: 'own --observe a b\n', stderr: '' });
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
