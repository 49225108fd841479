/** The daemon's log beside real requests. `[X82]` is an id of docs/promises.md; more of it is in test/logger.test.ts. */
import { expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { payload, type TestBench, withBench } from '../e2e/bench.ts';
import { answerOf, press } from '../e2e/cards.ts';

setDefaultTimeout(60_000);

const MIB = 1024 * 1024;
const logOf = ({ home }: TestBench): string => join(home, '.local/state/claude-slack-hook/daemon.log');

/** The place of the log, before a daemon is there. */
function prepared(bench: TestBench): string {
  const path = logOf(bench);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  return path;
}

async function approveOne(bench: TestBench): Promise<void> {
  const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
  await press(bench, card, 'csh_approve');
  expect(await answerOf(hook)).toBe('allow');
}

test('[X82] the log is this user’s only, also when it was there with another mode', () =>
  withBench(async (bench) => {
    const path = prepared(bench);
    writeFileSync(path, '', { mode: 0o666 });
    await approveOne(bench);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(path).size).toBeGreaterThan(0);
  }));

test('[X82] a log of 10 MB is put aside, and the oldest of three is gone', () =>
  withBench(async (bench) => {
    const path = prepared(bench);
    for (const [suffix, first] of [
      ['', 'a'],
      ['.1', 'b'],
      ['.2', 'c'],
    ] as const)
      writeFileSync(path + suffix, first + 'x'.repeat(10 * MIB), { mode: 0o600 });
    await approveOne(bench);
    const firstOf = (suffix: string): string => readFileSync(path + suffix, 'utf8').slice(0, 1);
    expect([firstOf('.1'), firstOf('.2'), existsSync(`${path}.3`)]).toEqual(['a', 'b', false]);
    expect(statSync(path).size).toBeLessThan(MIB);
  }));

test('[X82] a log that somebody else moves away is begun anew within a second or two', () =>
  withBench(async (bench) => {
    await approveOne(bench);
    const path = logOf(bench);
    const daemons = bench.daemons();
    renameSync(path, `${path}.moved`);
    while (!existsSync(path)) await approveOne(bench);
    // The answer is out before it is in the log.
    await bench.until(
      () => readFileSync(path, 'utf8').includes('request closed'),
      'the end of the request in the new file',
    );
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(process.kill(daemons[0] ?? 0, 0)).toBe(true);
  }));

test.each<[string, (path: string) => void]>([
  ['a disk that is full', (path) => symlinkSync('/dev/full', path)],
  ['a pipe that nobody reads', (path) => expect(Bun.spawnSync(['mkfifo', path]).exitCode).toBe(0)],
  ['a directory', (path) => mkdirSync(path)],
  ['a place that is not there', (path) => symlinkSync('/nowhere/daemon.log', path)],
])('[X82] a log that goes to %s blocks no decision', (_what, make) =>
  withBench(async (bench) => {
    make(prepared(bench));
    await approveOne(bench);
    await approveOne(bench);
  }),
);

test('[X82] nothing that an agent says makes a line of its own in the log, or is obeyed by a terminal', () =>
  withBench(async (bench) => {
    const evil = 'x\n{"level":60,"msg":"forged"}\r\u001b[2J\u001b]0;owned\u0007\u2028\u0085';
    const change = {
      session_id: evil,
      tool_name: evil,
      tool_input: { command: evil, description: evil },
      cwd: `/${evil}`,
    };
    const { hook, card } = await bench.ask(payload('PreToolUse.Bash', change), { args: ['--log-level', 'trace'] });
    await press(bench, card, 'csh_deny');
    expect(await answerOf(hook)).toBe('deny');
    const lines = bench.log().trimEnd().split('\n');
    for (const line of lines) expect(JSON.parse(line)).not.toMatchObject({ msg: 'forged' });
    expect(lines.length).toBeGreaterThan(3);
    expect(bench.log().replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  }));
