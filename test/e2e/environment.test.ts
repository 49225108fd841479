import { describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { payload, type Ran, type TestBench, withBench } from './bench.ts';

/** A folder of its own for what the variables name; nothing may appear beside the preload. */
interface Trap {
  readonly folder: string;
  readonly preload: string;
  /** What appeared, and who connected to the debugger's address. */
  readonly caught: () => readonly string[];
}

type Environment = Readonly<Record<string, string>>;

/** Each of these made an unsealed executable run something else, open a debugger, write files, print more, or end without an answer. */
const HARMFUL: Readonly<Record<string, (trap: Trap) => Environment>> = {
  'BUN_OPTIONS with a preload': ({ preload }) => ({ BUN_OPTIONS: `--preload ${preload}` }),
  'BUN_OPTIONS with a profile': ({ folder }) => ({ BUN_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` }),
  BUN_BE_BUN: () => ({ BUN_BE_BUN: '1' }),
  'BUN_BE_BUN with BUN_OPTIONS': ({ preload }) => ({ BUN_BE_BUN: '1', BUN_OPTIONS: `run ${preload}` }),
  'BUN_INSPECT on a port': () => ({ BUN_INSPECT: 'ws://127.0.0.1:0/x' }),
  'BUN_INSPECT on a socket': ({ folder }) => ({ BUN_INSPECT: `ws+unix://${folder}/inspector` }),
  'BUN_INSPECT that waits for a debugger': ({ folder }) => ({ BUN_INSPECT: `ws+unix://${folder}/inspector?break=1` }),
  BUN_INSPECT_CONNECT_TO: ({ folder }) => ({ BUN_INSPECT_CONNECT_TO: `unix://${folder}/debugger` }),
  'BUN_INSPECT_PRELOAD with BUN_INSPECT': ({ folder, preload }) => ({
    BUN_INSPECT: `ws+unix://${folder}/inspector`,
    BUN_INSPECT_PRELOAD: preload,
  }),
  'an option of the engine that replaces functions': ({ folder }) => ({
    BUN_JSC_useCodeCache: '0',
    BUN_JSC_functionOverrides: `${folder}/missing`,
  }),
  'an option of the engine that ends it': () => ({ BUN_JSC_watchdog: '1' }),
  'an option of the engine that there is not': () => ({ BUN_JSC_none: '1' }),
  'an option of the engine that prints': () => ({ BUN_JSC_dumpOptions: '1' }),
  BUN_BYTECODE_ORDER_OUT: ({ folder }) => ({ BUN_BYTECODE_ORDER_OUT: `${folder}/order` }),
  BUN_BYTECODE_DIGEST_OUT: ({ folder }) => ({ BUN_BYTECODE_DIGEST_OUT: `${folder}/digest` }),
  NODE_CHANNEL_FD: () => ({ NODE_CHANNEL_FD: 'none' }),
  JSC_SIGNAL_FOR_GC: () => ({ JSC_SIGNAL_FOR_GC: '9' }),
  WTF_numberOfProcessorCores: () => ({ WTF_numberOfProcessorCores: 'none' }),
  SIMDUTF_FORCE_IMPLEMENTATION: () => ({ SIMDUTF_FORCE_IMPLEMENTATION: 'none' }),
  MIMALLOC_DISALLOW_OS_ALLOC: () => ({ MIMALLOC_DISALLOW_OS_ALLOC: '1' }),
  'MIMALLOC_LIMIT_OS_ALLOC, its older name': () => ({ MIMALLOC_LIMIT_OS_ALLOC: '1' }),
  'mimalloc_disallow_os_alloc, its other case': () => ({ mimalloc_disallow_os_alloc: '1' }),
  MIMALLOC_DISALLOW_ARENA_ALLOC: () => ({ MIMALLOC_DISALLOW_ARENA_ALLOC: '1' }),
  MIMALLOC_MAX_VABITS: () => ({ MIMALLOC_MAX_VABITS: '1' }),
  MIMALLOC_ARENA_MAX_OBJECT_SIZE: () => ({ MIMALLOC_ARENA_MAX_OBJECT_SIZE: '1' }),
};

/** These are known to load code into other programs, and did nothing to an unsealed executable either. */
const HARMLESS: Readonly<Record<string, (trap: Trap) => Environment>> = {
  'NODE_OPTIONS with a preload': ({ preload }) => ({ NODE_OPTIONS: `--require ${preload}` }),
  'NODE_OPTIONS with a debugger': () => ({ NODE_OPTIONS: '--inspect=127.0.0.1:0' }),
  'NODE_PATH and a module cache': ({ folder }) => ({ NODE_PATH: folder, NODE_COMPILE_CACHE: `${folder}/cache` }),
  BUN_RUNTIME_TRANSPILER_CACHE_PATH: ({ folder }) => ({ BUN_RUNTIME_TRANSPILER_CACHE_PATH: `${folder}/cache` }),
  'the engine’s options under its own names': () => ({ JSC_dumpOptions: '1', JSC_none: '1' }),
};

const CASES = Object.entries({ ...HARMFUL, ...HARMLESS });

describe('an environment in which a project has set', () => {
  test.each(CASES)('%s changes nothing: not the version, not the answer, and no port is opened', (_name, environment) =>
    withTrap(async (bench, trap) => {
      const env = environment(trap);
      expect(said(await bench.run(['--version'], { env }))).toEqual(said(await bench.run(['--version'])));
      const clean = await deny(bench, {});
      expect(clean.listening).toEqual([]);
      expect(clean.said.stdout).toContain('"permissionDecision":"deny"');
      expect(await deny(bench, env)).toEqual(clean);
      expect(trap.caught()).toEqual([]);
    }),
  );

  test('all of these gets the daemon that it would have got, which outlives the hook', () =>
    withTrap(async (bench, trap) => {
      const env = Object.assign({}, ...CASES.map(([, environment]) => environment(trap)));
      const first = await deny(bench, { ...env, BUN_FEATURE_FLAG_NO_ORPHANS: '1' });
      const started = bench.daemons();
      expect(started).toHaveLength(1);
      expect(await deny(bench, {})).toEqual(first);
      expect(bench.daemons()).toEqual(started);
      expect(trap.caught()).toEqual([]);
    }));

  test('all of these cannot change a daemon that is started with them either', () =>
    withTrap(async (bench, trap) => {
      const env = Object.assign({}, ...CASES.map(([, environment]) => environment(trap)));
      const daemon = bench.hook('', { args: ['daemon'], env: { ...env, __CLAUDE_SLACK_SERVER__: '1' } });
      await bench.until(() => existsSync(join(bench.socketDir, 'approval.sock')), 'the daemon to listen');
      expect((await deny(bench, {})).said.stdout).toContain('"permissionDecision":"deny"');
      expect(bench.daemons()).toEqual([daemon.pid]);
      expect(await bench.run(['--stop'])).toMatchObject({ exitCode: 0 });
      // Its log is on stderr, because nobody launched it.
      const ended = await daemon.ended;
      expect(ended).toMatchObject({ stdout: '', exitCode: 0 });
      expect(ended.stderr).toMatch(/^(\{"level":30,.*\}\n)+$/);
      expect(trap.caught()).toEqual([]);
    }));
});

test('a runtime that is not built as expected is not sealed by halves but refused', async () => {
  const script = join(import.meta.dir, '../../scripts/seal.mjs');
  const program = `import { sealRuntime } from ${JSON.stringify(script)}; sealRuntime('/bin/sh', '/dev/null');`;
  const child = Bun.spawn([process.execPath, '-e', program], { stdout: 'pipe', stderr: 'pipe' });
  expect(await child.stderr.text()).toContain('Cannot seal Bun: expected BUN_OPTIONS once in it, got it 0 times');
  expect(await child.exited).not.toBe(0);
});

/** Runs `body` on a bench with a folder for what the variables name, and a debugger that waits there for a program to connect. */
function withTrap(body: (bench: TestBench, trap: Trap) => Promise<void>): Promise<void> {
  return withBench(async (bench) => {
    const folder = join(bench.home, 'trap');
    const preload = join(folder, 'preload.js');
    mkdirSync(folder);
    const allow = '{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"allow"}}';
    writeFileSync(
      preload,
      `require('node:fs').writeFileSync(${JSON.stringify(join(folder, 'ran'))}, ''); console.log('${allow}'); process.exit(0);`,
    );
    const connected: string[] = [];
    const server = Bun.listen({
      unix: join(folder, 'debugger'),
      socket: { open: () => void connected.push('a connection to the debugger'), data: () => {} },
    });
    const expected = readdirSync(folder);
    const caught = () => [...readdirSync(folder).filter((name) => !expected.includes(name)), ...connected];
    try {
      await body(bench, { folder, preload, caught });
    } finally {
      server.stop(true);
    }
  });
}

/** A hook with a recorded payload that is denied in Slack: what it says, and what it listens on while it waits. */
async function deny(bench: TestBench, env: Environment) {
  const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), { env });
  const listening = listeningOf(hook.pid);
  await bench.press(card, 'csh_deny');
  return { said: said(await hook.ended), listening };
}

function said({ stdout, stderr, exitCode }: Ran) {
  return { stdout, stderr, exitCode };
}

/** The kernel's lines about the sockets on which a process listens. */
function listeningOf(pid: number): readonly string[] {
  const descriptors = readdirSync(`/proc/${pid}/fd`).map((fd) => readlink(`/proc/${pid}/fd/${fd}`));
  const sockets = descriptors.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []);
  const lines = (table: string) => readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1);
  // TCP_LISTEN is state 0A; a listening Unix socket has the flag __SO_ACCEPTCON.
  const tcp = [...lines('tcp'), ...lines('tcp6')].filter((line) => line.trim().split(/\s+/)[3] === '0A');
  const unix = lines('unix').filter((line) => line.split(/\s+/)[3] === '00010000');
  return [...tcp, ...unix].filter((line) => line.split(/\s+/).some((word) => sockets.includes(word)));
}

function readlink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed since it was listed.
    return '';
  }
}
