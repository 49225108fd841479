/**
 * Bun's runtime, made deaf to the environment. A project's agent settings set environment variables for hooks, and those below
 * run a file, open a debugger, replace functions, write files or end the program before the first line of ours: a repository
 * could approve itself. Nothing that our code does can come early enough, and Bun has no flag against them, so their names are
 * made unmatchable in the copy of the runtime that our executable is made of.
 *
 * The copy is sealed before `bun build --compile` puts the program in: our code and its bytecode are never touched, and Bun's
 * own signature for Apple silicon is made over the sealed pages. Run and checked on Linux x64 and, in emulation, on Linux arm64;
 * the runtimes for musl and macOS have been sealed but not run.
 *
 * What no executable can be sealed against is what its loader and libc read before it: LD_PRELOAD, LD_AUDIT, LD_LIBRARY_PATH,
 * GCONV_PATH and GLIBC_TUNABLES on Linux, DYLD_* on macOS.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

/** Of Bun's own variables those that run files, open or look for a debugger, or write files. Without them it is another Bun. */
const OF_BUN = [
  ...['BUN_OPTIONS', 'BUN_BE_BUN', 'BUN_INSPECT', 'BUN_INSPECT_CONNECT_TO', 'BUN_INSPECT_PRELOAD'],
  ...['BUN_BYTECODE_ORDER_OUT', 'BUN_BYTECODE_DIGEST_OUT'],
];

/** Those of the libraries inside that end the program without an answer, which to an agent is no objection, or that print. */
const OF_LIBRARIES = [
  ...['NODE_CHANNEL_FD', 'JSC_SIGNAL_FOR_GC', 'WTF_numberOfProcessorCores'],
  // The allocator's own names: it looks them up with MIMALLOC_ in front, in either case.
  ...['disallow_os_alloc', 'limit_os_alloc', 'disallow_arena_alloc', 'max_vabits', 'arena_max_object_size'],
];

/** Where a build has only one implementation there is nothing to choose. */
const OF_SOME_BUILDS = ['SIMDUTF_FORCE_IMPLEMENTATION'];

/** What is sealed; of Bun's own all there are, because a hook has no use for any and a later version may have more. */
const NAME = new RegExp(`\\0(BUN_[A-Za-z0-9_]+|${[...OF_LIBRARIES, ...OF_SOME_BUILDS].join('|')})(?=\\0)`, 'g');

/** No UTF-8 text has this byte, so no settings file can name such a variable. NUL would make an empty name, which can be set. */
const UNMATCHABLE = 0xff;

/** Enough to tell one place from another. */
const AROUND_BYTES = 32;

/**
 * The engine's options are no names to seal: machine code compares every variable with BUN_JSC_, letter by letter, and goes on to
 * the next variable where one differs. There the first jump is made to go on always. `letter` is a pattern for the code of one
 * letter; its group is the byte that holds the jump's condition.
 */
const ENGINE_PREFIX = 'BUN_JSC_';
const ENGINE_CODE = {
  x64: {
    // cmp byte [register + index], letter; jne
    letter: (code, index) =>
      `\\x41?\\x80${index === 0 ? '[\\x38-\\x3f]' : `[\\x78-\\x7f]${byte(index)}`}${byte(code)}(\\x75)[^]`,
    always: () => 0xeb,
  },
  arm64: {
    // ldrb w, [x, index]; cmp w, letter; b.ne; the first load has no part in the pattern, which would have no fixed start.
    letter: (code, index) =>
      `${index === 0 ? '' : `[^]${fourFrom(index << 2)}\\x40\\x39`}` +
      `[\\x1f\\x3f\\x5f\\x7f\\x9f\\xbf\\xdf\\xff]${fourFrom((code & 0x3f) << 2)}${byte(code >> 6)}\\x71` +
      '([\\x01\\x21\\x41\\x61\\x81\\xa1\\xc1\\xe1])[^]{2}\\x54',
    always: (jump) => (jump & 0xf0) | 0x0e,
  },
};

/**
 * Writes a sealed copy of the Bun executable `from` to `to`. Returns the places that differ.
 * @throws {Error} when `from` is not built as expected: then somebody must look before anything is compiled with it.
 */
export function sealRuntime(from, to, arch = process.arch) {
  const bytes = readFileSync(from);
  const text = bytes.toString('latin1');
  // Only the first letter: linkers let a shorter string be the end of a longer one.
  const names = namesIn(text);
  for (const place of names) bytes[place] = UNMATCHABLE;
  const { place, value } = engineJump(text, arch);
  bytes[place] = value;
  writeFileSync(to, bytes, { mode: 0o755 });
  return [...names, place];
}

/**
 * Looks into an executable that cannot be run here: at what was sealed it must hold the very bytes of the sealed runtime. To search
 * it for names would find those in the bytecode of Bun's own modules, too, which `compile` puts in.
 * @param places what `sealRuntime` returned
 * @throws {Error} otherwise
 */
export function expectSealed(executable, runtime, places) {
  const [bytes, sealed] = [readFileSync(executable), readFileSync(runtime)];
  const around = (all, place) => all.subarray(place - AROUND_BYTES, place + AROUND_BYTES);
  const open = places.filter((place) => !around(bytes, place).equals(around(sealed, place)));
  if (places.length === 0 || open.length > 0)
    throw new Error(`Expected ${places.length} sealed places, got ${open.length} that are not those of the runtime`);
}

/** Where the names begin. */
function namesIn(text) {
  const found = [...text.matchAll(NAME)];
  const count = (name) => found.filter(([, other]) => other === name).length;
  for (const name of [...OF_BUN, ...OF_LIBRARIES]) expectOne(name, count(name));
  for (const name of OF_SOME_BUILDS) if (count(name) > 0) expectOne(name, count(name));
  return found.map(({ index }) => index + 1);
}

function engineJump(text, arch) {
  const found = [...text.matchAll(new RegExp(engineCode(arch), 'dg'))];
  expectOne(`the comparison with ${ENGINE_PREFIX}`, found.length);
  const [place] = found[0].indices[1];
  return { place, value: ENGINE_CODE[arch].always(text.charCodeAt(place)) };
}

/** The whole comparison, as a pattern. */
function engineCode(arch) {
  const code = ENGINE_CODE[arch];
  if (code === undefined) throw new Error(`Cannot seal Bun on ${arch}: expected one of ${Object.keys(ENGINE_CODE)}`);
  return [...ENGINE_PREFIX].map((letter, index) => code.letter(letter.charCodeAt(0), index)).join('');
}

function expectOne(what, count) {
  if (count !== 1) throw new Error(`Cannot seal Bun: expected ${what} once in it, got it ${count} times`);
}

function byte(value) {
  return `\\x${value.toString(16).padStart(2, '0')}`;
}

/** A register's number fills the two bits below. */
function fourFrom(value) {
  return `[${byte(value)}-${byte(value + 3)}]`;
}

/**
 * Runs the executable with variables that changed what an unsealed one did, each in a different way.
 * @throws {Error} when one of them still changes what it prints, how it ends or which files there are.
 */
export function checkSealed(executable) {
  const folder = mkdtempSync(join(tmpdir(), 'claude-slack-hook-seal-'));
  try {
    const preload = join(folder, 'preload.cjs');
    writeFileSync(preload, `require('node:fs').writeFileSync(${JSON.stringify(join(folder, 'ran'))}, '');`);
    const clean = observe(executable, folder, {});
    if (clean.status !== 0) throw new Error(`The sealed executable does not run: ${JSON.stringify(clean)}`);
    for (const [name, value] of Object.entries(probes(folder, preload))) {
      const seen = observe(executable, folder, { [name]: value });
      if (isDeepStrictEqual(seen, clean)) continue;
      throw new Error(`${name} is not sealed: expected ${JSON.stringify(clean)}, got ${JSON.stringify(seen)}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function probes(folder, preload) {
  return {
    BUN_OPTIONS: `--preload ${preload}`,
    BUN_BE_BUN: '1',
    // With break, an unsealed one waits for the debugger for ever.
    BUN_INSPECT: `ws+unix://${join(folder, 'inspector')}?break=1`,
    BUN_BYTECODE_ORDER_OUT: join(folder, 'order'),
    BUN_BYTECODE_DIGEST_OUT: join(folder, 'digest'),
    BUN_JSC_functionOverrides: join(folder, 'missing'),
    NODE_CHANNEL_FD: 'none',
    JSC_SIGNAL_FOR_GC: '9',
    WTF_numberOfProcessorCores: 'none',
    SIMDUTF_FORCE_IMPLEMENTATION: 'none',
    MIMALLOC_DISALLOW_OS_ALLOC: '1',
    MIMALLOC_DISALLOW_ARENA_ALLOC: '1',
    MIMALLOC_MAX_VABITS: '1',
    MIMALLOC_ARENA_MAX_OBJECT_SIZE: '1',
  };
}

function observe(executable, folder, env) {
  const { status, signal, stdout, stderr } = spawnSync(executable, ['--version'], {
    cwd: folder,
    env,
    encoding: 'utf8',
    timeout: 10_000,
  });
  return { status, signal, stdout, stderr, files: readdirSync(folder).sort() };
}
