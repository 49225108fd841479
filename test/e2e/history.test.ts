/** What was decided, read back with the real program. */
import { expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { payload, withBench } from './bench.ts';

test('a decision is in the history, the log verifies beside the running daemon, and a changed byte is named', () =>
  withBench(async (bench) => {
    const { hook, card } = await bench.ask(payload('PreToolUse.Bash', { tool_input: { command: 'make "all"' } }));
    await bench.press(card, 'csh_deny');
    await hook.ended;
    await bench.until(() => bench.audit().at(-1)?.type === 'closed', 'the request to be at its end');
    const list = await bench.run(['history', '--outcome', 'denied', '--json']);
    expect(JSON.parse(list.stdout)).toMatchObject({ tool: 'Bash', call: 'make "all"', by: [bench.slack.user.id] });
    expect((await bench.run(['history', '--tool', 'Write'])).stdout).toBe('');
    const fine = await bench.run(['history', 'verify']);
    expect([fine.exitCode, fine.stdout]).toEqual([
      0,
      expect.stringMatching(/^ok: 5 records in 1 file; the last is 5, /),
    ]);
    const log = join(bench.home, '.local/state/claude-slack-hook/audit.jsonl');
    writeFileSync(log, readFileSync(log, 'utf8').replace('"denied"', '"allowe"'));
    const broken = await bench.run(['history', 'verify']);
    expect(broken).toMatchObject({ exitCode: 65, stdout: '' });
    expect(broken.stderr).toStartWith('claude-slack-hook: audit.jsonl, line 3: changed: ');
    expect(broken.stderr).toContain('code: audit-broken');
  }));
