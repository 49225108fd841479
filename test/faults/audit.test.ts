/** The record of the whole program: one end for each request, on disk before the answer; see harness.ts about the ids. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { payload, type TestBench, withBench } from '../e2e/bench.ts';
import { closedCard, decisionOf } from '../e2e/cards.ts';

setDefaultTimeout(120_000);

const logOf = ({ home }: TestBench): string => join(home, '.local/state/claude-slack-hook/audit.jsonl');

/** One request for each way to end, and what each came to, as soon as its hook had ended. */
async function liveThrough(bench: TestBench): Promise<void> {
  const { slack } = bench;
  const ended: unknown[] = [];
  const kinds = (): readonly unknown[] =>
    bench
      .audit()
      .filter(({ type }) => type === 'ended')
      .map(({ kind }) => kind);
  const expectEnd = (kind: string): void => {
    ended.push(kind);
    expect(kinds()).toEqual(ended);
  };
  for (const [button, kind] of [
    ['csh_approve', 'allowed'],
    ['csh_deny', 'denied'],
  ] as const) {
    const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
    await bench.press(card, button);
    await hook.ended;
    expectEnd(kind);
  }
  await (await bench.ask(payload('PreToolUse.Bash'), { args: ['--deadline', '1s'] })).hook.ended;
  expectEnd('expired');
  slack.fault('chat.postMessage', { kind: 'rate-limit', seconds: 3_600 }, 2);
  await bench.hook(payload('PreToolUse.Bash')).ended;
  expectEnd('undeliverable');
  const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
  hook.kill('SIGTERM');
  await hook.ended;
  // Nobody waits for this answer.
  await closedCard(bench, card);
  expectEnd('withdrawn');
  const last = await bench.ask(payload('PreToolUse.Bash'));
  await bench.run(['--stop']);
  await last.hook.ended;
  expectEnd('stopped');
}

describe('the audit log', () => {
  test('[A83] has exactly one end of each request, written before the hook has its answer, and is found to be as it was written', () =>
    withBench(async (bench) => {
      await liveThrough(bench);
      const asked = bench.audit().filter(({ type }) => type === 'asked');
      const ended = bench.audit().filter(({ type }) => type === 'ended');
      expect(asked).toHaveLength(6);
      expect(ended.map(({ id }) => id)).toEqual(asked.map(({ id }) => id));
      const verified = await bench.run(['history', 'verify']);
      expect(verified).toMatchObject({ exitCode: 0, stderr: '' });
      expect(verified.stdout).toStartWith(`ok: ${bench.audit().length} records in 1 file`);
    }));

  test('[A83] that has a byte flipped, a line deleted, or two swapped is found out', () =>
    withBench(async (bench) => {
      await liveThrough(bench);
      const path = logOf(bench);
      const whole = readFileSync(path);
      const lines = whole.toString().split('\n').slice(0, -1);
      const expectFound = async (what: string, changed: string | Uint8Array): Promise<void> => {
        writeFileSync(path, changed);
        const { exitCode, stderr } = await bench.run(['history', 'verify']);
        expect([what, exitCode, stderr.includes('code: audit-broken')]).toEqual([what, 65, true]);
      };
      for (let at = 7; at < whole.length; at += Math.floor(whole.length / 12)) {
        const flipped = Buffer.from(whole);
        flipped[at] = (whole[at] ?? 0) ^ 1;
        await expectFound(`byte ${at}`, flipped);
      }
      for (const at of [0, 3, lines.length - 1])
        await expectFound(`no line ${at + 1}`, `${lines.toSpliced(at, 1).join('\n')}\n`);
      const [first = '', second = '', ...rest] = lines;
      await expectFound('swapped', `${[second, first, ...rest].join('\n')}\n`);
      writeFileSync(path, whole);
      expect(await bench.run(['history', 'verify'])).toMatchObject({ exitCode: 0 });
    }));

  test('[A83] that cannot be brought to the disk, though it can be written, has nothing approved', () =>
    withBench(async (bench) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      // It takes every byte, and fsync of it fails: EINVAL.
      rmSync(logOf(bench));
      symlinkSync('/dev/null', logOf(bench));
      await bench.press(card, 'csh_approve');
      const { stdout, stderr } = await hook.ended;
      expect(decisionOf(stdout)).toBe('ask');
      expect(stderr).toEndWith('code: audit\n');
      const next = await bench.hook(payload('PreToolUse.Bash')).ended;
      expect(decisionOf(next.stdout)).toBe('ask');
      expect(next.stderr).toEndWith('code: audit\n');
    }));
});
