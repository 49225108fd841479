/**
 * What `npm i -g claude-slack-hook` would install, as archives in dist/npm: the package with the launcher, one with the executable of
 * each platform, their SHA-256 sums, the list of what is inside, and install.sh. `--host`: only this platform; `--out DIR`.
 * A platform whose runtime cannot be had, cannot be sealed or cannot be signed here is left out, with a line that says why.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { buildExecutable } from './executable.mjs';
import { expectSigned } from './mach-signature.mjs';
import { mainManifest, packageName, platformManifest, withRuntime } from './npm/manifests.mjs';
import { hostTarget, runtimeFor, TARGETS } from './npm/targets.mjs';
import { checkSealed, expectSealed, sealRuntime } from './seal.mjs';
import { BUN, ensureInstalled, HERMETIC, ROOT } from './setup.mjs';

const PROGRAM = 'claude-slack-hook';
/** What this writes, and so what it may remove: the folder may be one that somebody has other things in. */
const OURS = /^(claude-slack-hook[\w.-]*\.(tgz|cdx\.json)|install\.sh|SHA256SUMS)$/;
const { out, isHostOnly } = readArguments(process.argv.slice(2));
const man = join(ROOT, `dist/man/${PROGRAM}.1`);

ensureInstalled();
const project = readJson('package.json');
const host = hostTarget();
rmSync(out, { recursive: true, force: true });
for (const folder of [out, dirname(man)]) mkdirSync(folder, { recursive: true });
const work = mkdtempSync(join(ROOT, 'dist/package-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));

writeFileSync(man, output(BUN, [...HERMETIC, 'src/index.ts', 'man']));
const built = (isHostOnly ? [host] : TARGETS).filter(build);
if (built.length === 0) process.exit(1);
packMain();
writeFileSync(join(out, `${PROGRAM}.cdx.json`), `${JSON.stringify(inside(), undefined, 2)}\n`);
copyFileSync(join(ROOT, 'scripts/install.sh'), join(out, 'install.sh'));
writeFileSync(join(out, 'SHA256SUMS'), sums());
console.log(`${out}:\n${readdirSync(out).join('\n')}`);

/** Ends this process with one line for what it cannot use. */
function readArguments(words) {
  const [word, value, ...rest] = words;
  if (word === undefined) return { out: join(ROOT, 'dist/npm'), isHostOnly: false };
  if (word === '--host') return { ...readArguments(words.slice(1)), isHostOnly: true };
  if (word !== '--out' || value === undefined || value.startsWith('-'))
    refuse(`Expected --host and --out DIR, got ${words.slice(0, 2).join(' ')}`);
  const folder = resolve(value);
  const foreign = existsSync(folder) ? readdirSync(folder).find((name) => !OURS.test(name)) : undefined;
  if (foreign !== undefined)
    refuse(`Expected ${folder} to be empty or of an earlier run: it is emptied; got ${foreign} in it`);
  return { ...readArguments(rest), out: folder };
}

function refuse(message) {
  console.error(message);
  process.exit(64);
}

/** True when its package is in `out`. */
function build(target) {
  const folder = join(work, packageName(target));
  const executable = join(folder, 'bin', PROGRAM);
  const runtime = join(work, `runtime-${target.name}`);
  try {
    mkdirSync(dirname(executable), { recursive: true });
    const places = sealRuntime(runtimeFor(target, work), runtime, target.cpu);
    buildExecutable(executable, runtime, { target: target.bun, stdio: ['ignore', 'ignore', 'inherit'] });
    expectSealed(executable, runtime, places);
    check(target, executable);
    chmodSync(executable, 0o755);
    writeJson(join(folder, 'package.json'), platformManifest(target, project));
    writeFileSync(
      join(folder, 'README.md'),
      `The executable of [${PROGRAM}](https://www.npmjs.com/package/${PROGRAM}).\n`,
    );
    copyFileSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
    pack(folder);
    console.log(`built ${target.name}${target === host ? ', sealed and run' : ', sealed, not run'}`);
    return true;
  } catch (error) {
    console.error(`skipped ${target.name}: ${error.message}`);
    return false;
  } finally {
    for (const path of [folder, runtime, join(work, target.name)]) rmSync(path, { recursive: true, force: true });
  }
}

/** Only what is for this machine can be run; into the others we look. */
function check(target, executable) {
  if (target.os === 'darwin') {
    if (target.cpu === 'x64' && process.platform === 'darwin')
      output('/usr/bin/codesign', ['--sign', '-', '--force', executable]);
    try {
      expectSigned(executable);
    } catch (error) {
      throw new Error(`${error.message}; macOS would end it, and only a Mac can sign it anew`);
    }
  }
  if (target === host) checkSealed(executable);
}

function packMain() {
  const folder = join(work, PROGRAM);
  for (const name of ['bin', 'man']) mkdirSync(join(folder, name), { recursive: true });
  copyFileSync(join(ROOT, 'scripts/npm/launcher.mjs'), join(folder, `bin/${PROGRAM}.mjs`));
  chmodSync(join(folder, `bin/${PROGRAM}.mjs`), 0o755);
  copyFileSync(man, join(folder, `man/${PROGRAM}.1`));
  for (const name of ['README.md', 'LICENSE']) copyFileSync(join(ROOT, name), join(folder, name));
  writeJson(join(folder, 'package.json'), mainManifest(built, project));
  pack(folder);
}

function pack(folder) {
  output('npm', ['pack', '--silent', '--offline', '--pack-destination', out, folder]);
}

function inside() {
  const listed = output('npm', ['sbom', '--sbom-format=cyclonedx', '--omit=dev', '--package-lock-only', '--offline']);
  return withRuntime(listed, readJson('package-lock.json').packages['node_modules/bun']);
}

/** As `sha256sum -c` reads them. */
function sums() {
  return readdirSync(out)
    .sort()
    .map(
      (name) =>
        `${createHash('sha256')
          .update(readFileSync(join(out, name)))
          .digest('hex')}  ${name}\n`,
    )
    .join('');
}

function output(command, words) {
  const { status, stdout, stderr, error } = spawnSync(command, words, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`${command} ${words[0]}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

function readJson(path) {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
}

function writeJson(path, value) {
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`);
}
