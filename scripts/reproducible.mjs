/** Compiles the same sources for this platform in two directories and compares: who builds it again must get the same bytes. */
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildExecutable } from './executable.mjs';
import { sealRuntime } from './seal.mjs';
import { BUN, ensureInstalled, ROOT } from './setup.mjs';

/** All that the compiled program is made of. */
const SOURCES = ['src', 'test/fixtures', 'package.json', 'tsconfig.json'];
/** Tools, which no program is made of, and which are large. */
const TOOLS = /node_modules\/(@oven|@biomejs|bun|typescript)$/;
/** How much of a place that differs is shown, in bytes. */
const SHOWN = 24;

ensureInstalled();
const base = mkdtempSync(join(tmpdir(), 'csh-reproducible-'));
process.on('exit', () => rmSync(base, { recursive: true, force: true }));
const [one, two] = ['one', 'another/and-a-longer-one'].map((name) => compileIn(join(base, name)));
const [first, second] = [one, two].map((bytes) => createHash('sha256').update(bytes).digest('hex'));
console.log(`${first}\n${second}`);
if (first === second) console.log('The same bytes.');
else {
  process.exitCode = 1;
  console.log(`They differ: ${one.length} and ${two.length} bytes, ${differences(one, two)} of them, the first here:`);
  const at = one.findIndex((byte, index) => byte !== two[index]);
  for (const bytes of [one, two])
    console.log(`  ${at}: ${JSON.stringify(bytes.subarray(Math.max(0, at - SHOWN), at + SHOWN).toString('latin1'))}`);
}

/** In a copy, so that nothing of an earlier build helps. */
function compileIn(folder) {
  mkdirSync(folder, { recursive: true });
  for (const name of SOURCES) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  cpSync(realpathSync(join(ROOT, 'node_modules')), join(folder, 'node_modules'), {
    recursive: true,
    filter: (path) => !TOOLS.test(path),
  });
  const [runtime, executable] = [join(folder, 'bun'), join(folder, 'out/claude-slack-hook')];
  sealRuntime(realpathSync(BUN), runtime);
  mkdirSync(join(folder, 'out'));
  buildExecutable(executable, runtime, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  return readFileSync(executable);
}

function differences(one, two) {
  return one.reduce((count, byte, index) => count + (byte === two[index] ? 0 : 1), 0);
}
