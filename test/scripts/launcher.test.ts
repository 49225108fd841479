import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SOURCE = new URL('../../scripts/npm/launcher.mjs', import.meta.url).pathname;
const NODE = Bun.which('node') ?? 'node';
const PLATFORM = `claude-slack-hook-${process.platform}-${process.arch}`;

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly signal: string | number | null;
}

describe('the launcher', () => {
  let folder: string;
  let launcher: string;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'csh-launcher-')));
    launcher = join(folder, 'node_modules/claude-slack-hook/bin/claude-slack-hook.mjs');
    mkdirSync(join(launcher, '..'), { recursive: true });
    copyFileSync(SOURCE, launcher);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const install = (name: string, script: string): string => {
    const path = join(folder, 'node_modules', name, 'bin/claude-slack-hook');
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return path;
  };
  const start = (args: readonly string[], stdin = ''): Bun.Subprocess<Blob, 'pipe', 'pipe'> =>
    Bun.spawn([NODE, launcher, ...args], { stdin: new Blob([stdin]), stdout: 'pipe', stderr: 'pipe' });
  const run = async (args: readonly string[], stdin?: string): Promise<Ran> => {
    const child = start(args, stdin);
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { stdout, stderr, exitCode: child.exitCode, signal: child.signalCode };
  };

  test('hands on arguments, stdin, both outputs and the exit code as they are', async () => {
    install(PLATFORM, 'printf "%s|" "$@"; cat; echo err >&2; exit 65');
    expect(await run(['--a b', '', '$x'], '{"one":1}')).toEqual({
      ...{ stdout: '--a b||$x|{"one":1}', stderr: 'err\n', exitCode: 65, signal: null },
    });
  });

  test('hands on signals, and what is made of them', async () => {
    // Ends with our end of its stdin, whatever becomes of the signal.
    install(PLATFORM, 'exec 3<&0; trap "echo got it; exit 7" TERM; cat <&3 >/dev/null 2>&1 & echo ready; wait');
    const child = Bun.spawn([NODE, launcher], { stdin: 'pipe', stdout: 'pipe' });
    let seen = '';
    try {
      for await (const chunk of child.stdout) {
        seen += new TextDecoder().decode(chunk);
        if (seen === 'ready\n') child.kill('SIGTERM');
      }
      await child.exited;
    } finally {
      child.stdin.end();
    }
    expect([seen, child.exitCode]).toEqual(['ready\ngot it\n', 7]);
  });

  test('ends as the executable ended', async () => {
    install(PLATFORM, 'kill -KILL $$');
    expect(await run([])).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
    install(PLATFORM, 'kill -TERM $$');
    expect(await run([])).toMatchObject({ exitCode: null, signal: 'SIGTERM' });
  });

  test('prints where the executable is, for hooks to name; behind other words that is its own matter', async () => {
    const path = install(PLATFORM, 'echo "$@"');
    expect(await run(['--print-binary'])).toMatchObject({ stdout: `${path}\n`, exitCode: 0 });
    expect((await run(['--stop', '--print-binary'])).stdout).toBe('--stop --print-binary\n');
  });

  test('blocks, with one line, where no executable fits or it cannot be run', async () => {
    const none = await run([], '{}');
    expect(none).toMatchObject({ stdout: '', exitCode: 2 });
    expect(none.stderr).toMatch(new RegExp(`^claude-slack-hook: no executable for ${process.platform} .*\\n$`));
    chmodSync(install(PLATFORM, 'exit 0'), 0o644);
    const broken = await run([], '{}');
    expect(broken).toMatchObject({ stdout: '', exitCode: 2 });
    expect(broken.stderr).toMatch(/^claude-slack-hook: cannot run .*EACCES\n$/);
  });

  test.if(process.platform === 'linux')(
    'takes the one libc that is installed, and of two that of this machine',
    async () => {
      install(`${PLATFORM}-musl`, 'echo musl');
      expect((await run([])).stdout).toBe('musl\n');
      install(PLATFORM, 'echo glibc');
      const isMusl = Bun.spawnSync(['ldd', '--version']).stderr.includes('musl');
      expect((await run([])).stdout).toBe(isMusl ? 'musl\n' : 'glibc\n');
    },
  );
});
