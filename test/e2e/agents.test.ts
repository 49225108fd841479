/** Every agent that is not Claude Code, through the real program: its payload in, its dialect out. */
import { describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { textOf, withBench } from './bench.ts';

const FIXTURES = join(import.meta.dir, '../fixtures');
const payloadOf = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(FIXTURES, `${path}.json`), 'utf8'));

describe.concurrent('a decision in Slack', () => {
  test.each([
    [
      'codex/PreToolUse.Bash',
      'Codex',
      { hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'allow' } },
    ],
    [
      'codex/PermissionRequest.Bash',
      'Codex',
      { hookSpecificOutput: { hookEventName: 'PermissionRequest', decision: { behavior: 'allow' } } },
    ],
    ['cursor/beforeShellExecution', 'Cursor', { permission: 'allow' }],
    ['cursor/beforeMCPExecution', 'Cursor', { permission: 'allow' }],
    ['gemini/BeforeTool.run_shell_command', 'Gemini CLI', { decision: 'allow' }],
  ])('answers %s as that agent understands it', (path, name, output) =>
    withBench(async (bench) => {
      const { hook, card } = await bench.ask(payloadOf(path));
      // The first message of the thread says whose session it is.
      expect(bench.slack.messages().map(textOf).join()).toContain(name);
      await bench.press(card, 'csh_approve');
      const { stdout, stderr, exitCode } = await hook.ended;
      expect([stderr, exitCode]).toEqual(['', 0]);
      expect(JSON.parse(stdout)).toMatchObject(output);
    }),
  );

  test('is told to the agent that --agent names, whatever the payload looks like', () =>
    withBench(async (bench) => {
      const opencode = {
        ...{ hook_event_name: 'permission.asked', session_id: randomUUID(), cwd: '/home/dev/shop' },
        permission: { permission: 'bash', patterns: ['ls'], metadata: { command: 'ls' } },
      };
      const { hook, card } = await bench.ask(opencode, { args: ['--agent', 'opencode'] });
      await bench.press(card, 'csh_deny');
      expect(JSON.parse((await hook.ended).stdout)).toMatchObject({ reply: 'reject' });
      const odd = await bench.hook(opencode, { args: ['--agent', 'emacs'] }).ended;
      expect(odd).toMatchObject({ stdout: '', exitCode: 2 });
      expect(odd.stderr).toContain('Expected --agent to be one of claude, codex, cursor, gemini, opencode');
    }));

  test('is not given for a payload with signs of two agents: it is blocked with the reason', () =>
    withBench(async (bench) => {
      const both = { ...payloadOf('codex/PreToolUse.Bash'), prompt_id: 'p' };
      const { stdout, stderr, exitCode } = await bench.hook(both).ended;
      expect([stdout, exitCode]).toEqual(['', 2]);
      expect(stderr).toContain('signs of codex and claude');
    }));
});
