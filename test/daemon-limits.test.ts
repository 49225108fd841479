import { expect, test } from 'bun:test';
import { join } from 'node:path';

const SRC = join(import.meta.dir, '../src/');

/** Runs a script in a process of its own and returns what it printed. */
function run(script: string): string {
  const imports = `import { hideMemory, raiseDescriptors } from ${JSON.stringify(join(SRC, 'daemon-limits.ts'))};
    import { openLibc } from ${JSON.stringify(join(SRC, 'libc.ts'))};
    import { readFileSync } from 'node:fs';`;
  return Bun.spawnSync([process.execPath, '-e', `${imports}${script}`], { stderr: 'inherit' }).stdout.toString();
}

test('descriptors are raised to the hard limit, and the new limit is told', () => {
  // The runtime may have raised them itself.
  const script = `const { setrlimit } = openLibc({ setrlimit: { args: ['i32', 'ptr'], returns: 'i32' } });
    const limits = () => /^Max open files +(\\d+) +(\\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')).slice(1).join(' ');
    const RLIMIT_NOFILE = 7;
    setrlimit(RLIMIT_NOFILE, new BigUint64Array([300n, 400n]));
    console.log(limits(), raiseDescriptors(), limits());`;
  expect(run(script)).toBe('300 400 400 400 400\n');
});

test('memory that holds tokens is neither dumped nor shown', () => {
  const script = `hideMemory();
    const PR_GET_DUMPABLE = 3;
    const { prctl } = openLibc({ prctl: { args: ['i32', 'u64', 'u64', 'u64', 'u64'], returns: 'i32' } });
    console.log(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), /^Max core file size +(\\d+) +(\\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')).slice(1).join(' '));`;
  expect(run(script)).toBe('0 0 0\n');
});
