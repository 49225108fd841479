/** What a fresh clone needs before anything runs: dependencies and the compiled binary, each only when missing or stale. Plain Node: Bun comes with the dependencies. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const BUN = join(ROOT, 'node_modules/.bin/bun');
export const BINARY = join(ROOT, 'dist/bin/claude-slack-hook');
/** The same program as a test build; see src/test-build.ts. */
export const TEST_BINARY = join(ROOT, 'dist/test/claude-slack-hook');

/** Bun's flags that keep the working directory's bunfig.toml and .env out when running from source. */
export const HERMETIC = ['--no-env-file', '--config=/dev/null'];

/** Runs a command in the project's root with our stdio; ends this process with its exit code when it fails. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', ...options });
  if (error) console.error(`Cannot run ${command}: ${error.message}`);
  if (status !== 0) process.exit(signal ? 1 : (status ?? 1));
}

/** npm ci when node_modules is missing or does not belong to this lockfile. */
export function ensureInstalled() {
  install(ROOT);
}

/** The agents' published types, which only tests and the type check need. */
export function ensureOfficialTypes() {
  install(join(ROOT, 'test/types'));
}

function install(folder) {
  const stamp = join(folder, 'node_modules/.installed');
  const wanted = digest([join(folder, 'package.json'), join(folder, 'package-lock.json')]);
  if (read(stamp) === wanted) return;
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, stdio: ['ignore', 2, 2] });
  writeFileSync(stamp, wanted);
}

/** Compiles both binaries when a source file has changed since. */
export function ensureCompiled() {
  ensureInstalled();
  const stamp = join(ROOT, 'dist/.compiled');
  const others = [
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'scripts/compile.mjs',
    'scripts/executable.mjs',
    'scripts/seal.mjs',
  ].map((path) => join(ROOT, path));
  const wanted = digest([...filesBelow('src'), ...filesBelow('test/fixtures'), ...others].sort());
  if (existsSync(BINARY) && existsSync(TEST_BINARY) && read(stamp) === wanted) return;
  run(process.execPath, [join(ROOT, 'scripts/compile.mjs'), '--test'], { stdio: ['ignore', 2, 2] });
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}

function filesBelow(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

function digest(paths) {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`);
  for (const path of paths) hash.update(path).update(readFileSync(path));
  return hash.digest('hex');
}

function read(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
