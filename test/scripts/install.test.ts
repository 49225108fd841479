import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SCRIPT = new URL('../../scripts/install.sh', import.meta.url).pathname;

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

describe('install.sh', () => {
  let home: string;
  let from: string;
  let installed: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'csh-install-'));
    from = join(home, 'release');
    installed = join(home, '.local/bin/claude-slack-hook');
    for (const folder of [from, join(home, 'tmp'), join(home, 'bin')]) mkdirSync(folder);
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));
  /** An archive as npm packs it, and its line in SHA256SUMS. */
  const release = (platform: string, script: string): void => {
    const executable = join(home, 'package/bin/claude-slack-hook');
    mkdirSync(join(executable, '..'), { recursive: true });
    writeFileSync(executable, `#!/bin/sh\n${script}\n`);
    chmodSync(executable, 0o755);
    const name = `claude-slack-hook-${platform}-1.2.3.tgz`;
    Bun.spawnSync(['tar', '-czf', join(from, name), 'package'], { cwd: home });
    const sum = createHash('sha256')
      .update(readFileSync(join(from, name)))
      .digest('hex');
    writeFileSync(join(from, 'SHA256SUMS'), `${sum}  ${name}\n`, { flag: 'a' });
  };
  /** On a machine that says so of itself. */
  const machine = (system: string, processor: string, ldd = 'ldd (GNU libc) 2.36'): void => {
    const fake = (name: string, script: string): void =>
      writeFileSync(join(home, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    fake('uname', `[ "$1" = -s ] && echo ${system} || echo ${processor}`);
    fake('ldd', `echo '${ldd}' >&2; exit 1`);
    fake('sysctl', 'exit 1');
  };
  const run = async (...args: readonly string[]): Promise<Ran> => {
    const env = { PATH: `${home}/bin:/usr/bin:/bin`, HOME: home, TMPDIR: join(home, 'tmp') };
    const child = Bun.spawn(['sh', SCRIPT, ...args], { env, cwd: home, stdout: 'pipe', stderr: 'pipe' });
    const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    expect(readdirSync(join(home, 'tmp'))).toEqual([]);
    return { stdout, stderr, exitCode };
  };

  test('is a script that sh takes, and that shellcheck has nothing against', () => {
    expect(Bun.spawnSync(['sh', '-n', SCRIPT]).exitCode).toBe(0);
    const checked = Bun.which('shellcheck') === null ? undefined : Bun.spawnSync(['shellcheck', SCRIPT]);
    expect(checked?.stdout.toString() ?? '').toBe('');
  });

  test.each([
    ['Linux', 'x86_64', undefined, 'linux-x64'],
    ['Linux', 'aarch64', undefined, 'linux-arm64'],
    ['Linux', 'x86_64', 'musl libc (x86_64)', 'linux-x64-musl'],
    ['Darwin', 'arm64', undefined, 'darwin-arm64'],
  ])('on %s %s (%p) takes the archive for it, and no other', async (system, processor, ldd, platform) => {
    for (const each of ['linux-x64', 'linux-x64-musl', 'linux-arm64', 'darwin-arm64']) release(each, `echo ${each}`);
    machine(system, processor, ldd);
    const { stdout, exitCode } = await run('--from', from);
    expect([exitCode, stdout.split('\n')[0]]).toEqual([0, `Installed claude-slack-hook ${platform}: ${installed}`]);
    expect(Bun.spawnSync([installed]).stdout.toString()).toBe(`${platform}\n`);
    expect(readdirSync(join(installed, '..'))).toEqual(['claude-slack-hook']);
  });

  test('says when the directory is not in PATH, and takes another one', async () => {
    release('linux-x64', 'echo 1.2.3');
    machine('Linux', 'x86_64');
    expect((await run('--from', from)).stdout).toContain('.local/bin is not in PATH');
    expect((await run('--from', from, '--to', join(home, 'bin'))).stdout).not.toContain('PATH');
    expect(existsSync(join(home, 'bin/claude-slack-hook'))).toBe(true);
  });

  test('takes a release from an address', async () => {
    release('linux-x64', 'echo 1.2.3');
    machine('Linux', 'x86_64');
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: ({ url }) => {
        const path = join(from, new URL(url).pathname.replace('/v1/', ''));
        return existsSync(path) ? new Response(Bun.file(path)) : new Response('no', { status: 404 });
      },
    });
    try {
      const address = `http://127.0.0.1:${server.port}`;
      expect(await run('--from', `${address}/v1/`)).toMatchObject({ exitCode: 0, stderr: '' });
      expect(existsSync(installed)).toBe(true);
      const missing = await run('--from', `${address}/v2/sub`);
      expect(missing.exitCode).toBe(1);
      expect(missing.stderr).toContain('Cannot get SHA256SUMS');
    } finally {
      await server.stop(true);
    }
  });

  test('follows no redirection away from https', async () => {
    release('linux-x64', 'echo 1.2.3');
    machine('Linux', 'x86_64');
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: ({ url }) => {
        const { pathname, origin } = new URL(url);
        if (pathname.startsWith('/moved/')) return Response.redirect(`${origin}/${pathname.slice(7)}`);
        return new Response(Bun.file(join(from, pathname)));
      },
    });
    try {
      const { stderr, exitCode } = await run('--from', `http://127.0.0.1:${server.port}/moved`);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('Cannot get SHA256SUMS');
      expect(existsSync(installed)).toBe(false);
    } finally {
      await server.stop(true);
    }
  });

  test('puts nothing into a directory that stands in the place of the program', async () => {
    release('linux-x64', 'echo 1.2.3');
    machine('Linux', 'x86_64');
    mkdirSync(installed, { recursive: true });
    const { stdout, stderr, exitCode } = await run('--from', from);
    expect([exitCode, stdout, stderr]).toEqual([
      1,
      '',
      `install.sh: Expected ${installed} to be a program, got a directory\n`,
    ]);
    expect(readdirSync(installed)).toEqual([]);
  });

  test('unpacks nothing whose checksum is another one, and leaves what is installed', async () => {
    release('linux-x64', 'echo 1.2.3');
    machine('Linux', 'x86_64');
    await run('--from', from);
    release('darwin-arm64', 'echo evil');
    writeFileSync(
      join(from, 'claude-slack-hook-linux-x64-1.2.3.tgz'),
      readFileSync(join(from, 'claude-slack-hook-darwin-arm64-1.2.3.tgz')),
    );
    const { stderr, exitCode } = await run('--from', from);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^install\.sh: Expected claude-slack-hook-linux-x64-1\.2\.3\.tgz with the SHA-256 .{64}, got .{64}\n$/,
    );
    expect(Bun.spawnSync([installed]).stdout.toString()).toBe('1.2.3\n');
  });

  test('leaves what is installed when the new one does not run', async () => {
    release('linux-x64', 'echo 1.2.3');
    machine('Linux', 'x86_64');
    await run('--from', from);
    rmSync(join(from, 'SHA256SUMS'));
    release('linux-x64', 'exit 1');
    const { stderr, exitCode } = await run('--from', from);
    expect([exitCode, stderr]).toEqual([1, 'install.sh: The executable for linux-x64 does not run here\n']);
    expect(Bun.spawnSync([installed]).stdout.toString()).toBe('1.2.3\n');
    expect(readdirSync(join(installed, '..'))).toEqual(['claude-slack-hook']);
  });

  test.each([
    [[], 'Expected --from with a directory or an address, got none'],
    [['--from'], 'Expected a value for --from, got none'],
    [['now'], 'Expected --from DIR-OR-URL and --to DIR, got now'],
    [['--from', 'http://127.0.0.1.invalid/x'], 'Expected an https address, got http://127.0.0.1.invalid/x'],
    [
      ['--from', 'http://127.0.0.1:80@example.invalid/x'],
      'Expected an address without a user, got http://127.0.0.1:80@example.invalid/x',
    ],
    [['--from', '/x', '--to', ''], 'Expected a value for --to, got none'],
    [['--from', 'ftp://localhost/x'], 'Expected an https address, got ftp://localhost/x'],
  ])('refuses %j', async (args, message) => {
    machine('Linux', 'x86_64');
    const { stderr, exitCode } = await run(...args);
    expect([exitCode, stderr.split('\n')[0]]).toEqual([1, `install.sh: ${message}`]);
  });

  test.each([
    ['FreeBSD', 'amd64', 'Expected Linux or macOS, got FreeBSD'],
    ['Linux', 'riscv64', 'Expected an x86-64 or arm64 processor, got riscv64'],
    ['Darwin', 'x86_64', 'Expected an archive for darwin-x64 in SHA256SUMS, got none'],
  ])('says what it lacks on %s %s', async (system, processor, message) => {
    release('linux-x64', 'echo 1.2.3');
    machine(system, processor);
    expect(await run('--from', from)).toMatchObject({ exitCode: 1, stderr: `install.sh: ${message}\n` });
  });
});
