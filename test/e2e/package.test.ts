/** What npm installs, from its archives: packed for this machine only, and fetched from a registry on loopback. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { payload, withBench } from './bench.ts';

const PACKAGE = new URL('../../scripts/package.mjs', import.meta.url).pathname;
const PROJECT = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const ERRORS = new URL('../../src/errors.ts', import.meta.url).pathname;
const PROGRAM = 'claude-slack-hook';
/** To compile, to pack and to unpack a hundred megabytes on a busy machine. */
const HANG_MS = 240_000;
const INSTALL_ENV = { npm_config_update_notifier: 'false', npm_config_audit: 'false', npm_config_fund: 'false' };

let folder: string;
let packages: string;
let launcher: string;
let registry: Bun.Server<undefined>;

const sha = (name: string, algorithm: string): Buffer =>
  createHash(algorithm)
    .update(readFileSync(join(packages, name)))
    .digest();
const archives = (): string[] => readdirSync(packages).filter((name) => name.endsWith('.tgz'));
const manifestOf = (archive: string): Record<string, unknown> =>
  JSON.parse(Bun.spawnSync(['tar', '-xzOf', join(packages, archive), 'package/package.json']).stdout.toString());
const listOf = (archive: string): string[] =>
  Bun.spawnSync(['tar', '-tzf', join(packages, archive)])
    .stdout.toString()
    .trim()
    .split('\n')
    .sort();

/** As much of npm's registry as an installation asks for. */
function startRegistry(): Bun.Server<undefined> {
  const documents = new Map(
    archives().map((archive) => {
      const { name = '', version = '', ...rest } = manifestOf(archive) as { name?: string; version?: string };
      return [name, { archive, version, rest }];
    }),
  );
  return Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: ({ url }) => {
      const { pathname, origin } = new URL(url);
      if (pathname.endsWith('.tgz')) return new Response(Bun.file(join(packages, pathname)));
      const name = pathname.slice(1);
      const found = documents.get(name);
      if (found === undefined) return new Response('{}', { status: 404 });
      const { archive, version, rest } = found;
      const dist = {
        tarball: `${origin}/${archive}`,
        integrity: `sha512-${sha(archive, 'sha512').toString('base64')}`,
      };
      const versions = { [version]: { ...rest, name, version, dist } };
      return Response.json({ name, 'dist-tags': { latest: version }, versions });
    },
  });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'csh-package-'));
  packages = join(folder, 'packages');
  const node = Bun.which('node') ?? 'node';
  const packing = Bun.spawn([node, PACKAGE, '--host', '--out', packages], { stdout: 'ignore', stderr: 'inherit' });
  expect(await packing.exited).toBe(0);
  registry = startRegistry();
  const prefix = join(folder, 'prefix');
  const address = `--registry=http://127.0.0.1:${registry.port}`;
  const installing = Bun.spawn(
    ['npm', 'install', '--global', '--loglevel=error', `--prefix=${prefix}`, address, PROGRAM],
    {
      env: { PATH: process.env.PATH, HOME: folder, ...INSTALL_ENV },
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  expect(await installing.exited).toBe(0);
  launcher = join(prefix, 'bin', PROGRAM);
}, HANG_MS);

afterAll(async () => {
  await registry?.stop(true);
  rmSync(folder, { recursive: true, force: true });
});

describe('the packages', () => {
  test('are the program and its executable for this machine, with nothing else in them', () => {
    const [platform = '', main = ''] = archives().sort((a, b) => b.length - a.length);
    expect(main).toBe(`${PROGRAM}-${PROJECT.version}.tgz`);
    const [ofMain, ofPlatform] = [manifestOf(main), manifestOf(platform)];
    expect(ofMain).toMatchObject({
      ...{ name: PROGRAM, version: PROJECT.version, license: 'MIT', engines: PROJECT.engines },
      bin: { [PROGRAM]: `bin/${PROGRAM}.mjs` },
      optionalDependencies: { [String(ofPlatform.name)]: PROJECT.version },
    });
    // Nothing that npm would run, and no dependency that it would have to fetch.
    for (const manifest of [ofMain, ofPlatform]) {
      expect(manifest.scripts).toBeUndefined();
      expect(manifest.dependencies).toBeUndefined();
    }
    expect(ofPlatform).toMatchObject({
      os: [process.platform],
      cpu: [process.arch],
      version: PROJECT.version,
    });
    if (process.platform === 'linux') expect(ofPlatform.libc).toBeArray();
    expect(listOf(platform)).toEqual(['LICENSE', 'README.md', `bin/${PROGRAM}`, 'package.json'].map(inPackage));
    expect(listOf(main)).toEqual(
      ['LICENSE', 'README.md', `bin/${PROGRAM}.mjs`, `man/${PROGRAM}.1`, 'package.json'].map(inPackage),
    );
  });

  test('have sums that are true, of everything', () => {
    const lines = readFileSync(join(packages, 'SHA256SUMS'), 'utf8').trim().split('\n');
    const listed = lines.map((line) => line.split('  ') as [string, string]);
    expect(listed.map(([, name]) => name)).toEqual(
      readdirSync(packages)
        .filter((name) => name !== 'SHA256SUMS')
        .sort(),
    );
    for (const [sum, name] of listed) expect(sha(name, 'sha256').toString('hex')).toBe(sum);
  });

  test('come with a list of what is inside: every package that the program depends on, and the runtime', () => {
    const bom = JSON.parse(readFileSync(join(packages, `${PROGRAM}.cdx.json`), 'utf8'));
    expect(bom).toMatchObject({
      bomFormat: 'CycloneDX',
      metadata: { component: { name: PROGRAM, type: 'application' } },
    });
    expect(bom.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    const named = new Set(bom.components.map(({ name, version }: Record<string, string>) => `${name}@${version}`));
    for (const [name, version] of Object.entries({ ...PROJECT.dependencies, bun: PROJECT.devDependencies.bun }))
      expect(named).toContain(`${name}@${version}`);
    expect(named).not.toContain(`typescript@${PROJECT.devDependencies.typescript}`);
    expect(JSON.stringify(bom)).not.toContain('timestamp');
  });

  test('are what install.sh takes', () => {
    const env = { PATH: process.env.PATH, HOME: folder };
    const ran = Bun.spawnSync(['sh', join(packages, 'install.sh'), '--from', packages], { env, cwd: folder });
    expect(ran.stdout.toString()).toStartWith(`Installed ${PROGRAM} ${PROJECT.version}: ${folder}/.local/bin/`);
  });
});

describe('the installed program', () => {
  const env = { PATH: process.env.PATH };

  test('says its version, where its executable is, and has a manual page', () =>
    withBench(async (bench) => {
      expect(await bench.run(['--version'], { command: [launcher], env })).toMatchObject({
        ...{ stdout: `${PROJECT.version}\n`, stderr: '', exitCode: 0 },
      });
      const binary = (await bench.run(['--print-binary'], { command: [launcher], env })).stdout.trim();
      expect(lstatSync(binary).mode & 0o777).toBe(0o755);
      expect((await bench.run(['--version'], { command: [binary] })).stdout).toBe(`${PROJECT.version}\n`);
      const man = readFileSync(join(launcher, '../../share/man/man1', `${PROGRAM}.1`), 'utf8');
      const { ERRORS: errors } = await import(ERRORS);
      for (const code of Object.keys(errors)) expect(man).toContain(code.replaceAll('-', '\\-'));
    }));

  test('has setup write the executable into the hooks, not the launcher', () =>
    withBench(async (bench) => {
      const binary = (await bench.run(['--print-binary'], { command: [launcher], env })).stdout.trim();
      const setup = ['setup', '--dry-run', '--yes', '--no-open', '--agent', 'claude'];
      const { stdout } = await bench.run(setup, { command: [launcher], env });
      expect(stdout).toContain(binary);
      expect(stdout).not.toContain('.mjs');
      expect(stdout).not.toContain(launcher);
    }));

  test('asks, and gives the agent the answer', () =>
    withBench(async (bench) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), { command: [launcher], env });
      await bench.press(card, 'csh_approve');
      const { stdout, exitCode } = await hook.ended;
      expect(JSON.parse(stdout).hookSpecificOutput.permissionDecision).toBe('allow');
      expect(exitCode).toBe(0);
    }));

  test('blocks like the program itself when the agent stops it', () =>
    withBench(async (bench) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), { command: [launcher], env });
      hook.kill('SIGTERM');
      expect(await hook.ended).toMatchObject({ stdout: '', exitCode: 2 });
      await bench.slack.waitForMessage(
        ({ ts, blocks }) => ts === card.ts && JSON.stringify(blocks).includes('ithdrawn'),
      );
    }));
});

function inPackage(path: string): string {
  return `package/${path}`;
}
