/** The platforms that there are executables for, and Bun's runtime for each. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { BUN, ROOT } from '../setup.mjs';

/** `runtime`: the npm package with Bun for it; `bun`: what `bun build --target` calls it. */
export const TARGETS = [
  { name: 'linux-x64', os: 'linux', cpu: 'x64', libc: 'glibc', runtime: 'linux-x64', bun: 'bun-linux-x64' },
  { name: 'linux-arm64', os: 'linux', cpu: 'arm64', libc: 'glibc', runtime: 'linux-aarch64', bun: 'bun-linux-arm64' },
  {
    name: 'linux-x64-musl',
    os: 'linux',
    cpu: 'x64',
    libc: 'musl',
    runtime: 'linux-x64-musl',
    bun: 'bun-linux-x64-musl',
  },
  {
    name: 'linux-arm64-musl',
    ...{ os: 'linux', cpu: 'arm64', libc: 'musl' },
    ...{ runtime: 'linux-aarch64-musl', bun: 'bun-linux-arm64-musl' },
  },
  { name: 'darwin-x64', os: 'darwin', cpu: 'x64', runtime: 'darwin-x64', bun: 'bun-darwin-x64' },
  { name: 'darwin-arm64', os: 'darwin', cpu: 'arm64', runtime: 'darwin-aarch64', bun: 'bun-darwin-arm64' },
];

/** The platform that this runs on. */
export function hostTarget() {
  const isMusl = process.platform === 'linux' && process.report.getReport().header.glibcVersionRuntime === undefined;
  const name = `${process.platform}-${process.arch}${isMusl ? '-musl' : ''}`;
  const found = TARGETS.find((target) => target.name === name);
  if (found === undefined) throw new Error(`Expected a platform of ${TARGETS.map((each) => each.name)}, got ${name}`);
  return found;
}

/**
 * Path of an unsealed Bun for the target, of the version that is installed here and with the hash that package-lock.json has for it.
 * @param folder where what has to be fetched may be put
 * @throws {Error} when it cannot be had
 */
export function runtimeFor(target, folder) {
  if (target.name === hostTarget().name) return realpathSync(BUN);
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  const name = `@oven/bun-${target.runtime}`;
  const locked = packages[`node_modules/${name}`];
  if (locked === undefined) throw new Error(`package-lock.json does not know ${name}`);
  const into = join(folder, target.name);
  mkdirSync(into, { recursive: true });
  const archive = join(
    into,
    command('npm', ['pack', '--silent', '--pack-destination', into, `${name}@${locked.version}`]),
  );
  const hash = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (hash !== locked.integrity) throw new Error(`Expected ${name} with ${locked.integrity}, got ${hash}`);
  command('tar', ['-xzf', archive, '-C', into, 'package/bin/bun']);
  return join(into, 'package/bin/bun');
}

/** The last line that it prints. */
function command(name, args) {
  const { status, stdout, stderr, error } = spawnSync(name, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} ${args[0]}: ${error?.message ?? lastLine(stderr)}`);
  return lastLine(stdout);
}

function lastLine(text) {
  return text.trim().split('\n').at(-1) ?? '';
}
