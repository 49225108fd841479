/** The dialects beside Claude Code's, on recorded payloads where there are any. */
import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AGENTS } from '../../src/agents/agent.ts';
import { WITNESSES } from '../../src/agents/evidence.ts';
import { recognise } from '../../src/agents/recognise.ts';
import type { AgentName, FailurePolicy, HookInput, Outcome } from '../../src/types.ts';

const FIXTURES = join(import.meta.dir, '../fixtures');
const raw = (agent: string, name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(FIXTURES, agent, `${name}.json`), 'utf8'));
const payloadsOf = (agent: string): readonly string[] =>
  readdirSync(join(FIXTURES, agent))
    .filter((name) => name.endsWith('.json') && name !== 'responses.json' && !name.startsWith('http-'))
    .map((name) => name.slice(0, -5));
const read = (agent: AgentName, name: string, folder: string = agent): HookInput =>
  AGENTS[agent].read(raw(folder, name));

const allowed: Outcome = { kind: 'allowed', by: 'U1', via: 'Slack', at: 1 };
const denied: Outcome = { kind: 'denied', by: 'U1', via: 'Slack', at: 1, reason: 'Not today.' };
const nobody: Outcome = { kind: 'expired', reason: 'Nobody answered in time.', at: 1 };
const said = (agent: AgentName, input: HookInput, outcome: Outcome, onFailure: FailurePolicy = 'ask'): unknown => {
  const { stdout, stderr, exitCode } = AGENTS[agent].say(input, outcome, onFailure);
  expect([stderr, exitCode]).toEqual(['', 0]);
  return stdout === '' ? undefined : JSON.parse(stdout);
};

describe('whose payload it is', () => {
  test.each(['codex', 'cursor', 'gemini'] as const)(
    'is told by each of those of %s that ask or tell something',
    (agent) => {
      let asking = 0;
      for (const name of payloadsOf(agent)) {
        const told = recognise(raw(agent, name));
        const asks = AGENTS[agent].offers(read(agent, name)) !== undefined;
        if (asks) asking += 1;
        // What carries no sign asks for nothing, and tells the same in every dialect.
        if (asks) expect([name, told]).toEqual([name, agent]);
        else expect([name, AGENTS[told].offers(read(told, name, agent))]).toEqual([name, undefined]);
      }
      expect(asking).toBeGreaterThan(0);
    },
  );

  test('is Claude Code’s for all of its own, in every version', () => {
    for (const folder of ['claude-code', 'claude-code-2.1.329'])
      for (const name of payloadsOf(folder)) expect([name, recognise(raw(folder, name))]).toEqual([name, 'claude']);
  });

  test('is Claude Code’s for one without any sign, as other programs send it', () => {
    expect(recognise({ hook_event_name: 'PreToolUse', session_id: 's', cwd: '/' })).toBe('claude');
    for (const odd of [undefined, null, 5, 'x', []]) expect(recognise(odd)).toBe('claude');
  });

  test('is not guessed from signs of two', () => {
    const both = { hook_event_name: 'PreToolUse', turn_id: 't', prompt_id: 'p' };
    expect(() => recognise(both)).toThrow('got signs of codex and claude');
  });
});

describe('Codex', () => {
  const shell = read('codex', 'PreToolUse.Bash');
  const dialog = read('codex', 'PermissionRequest.Bash');

  test('is told exactly the keys that it knows: one more and it runs the command', () => {
    expect(said('codex', shell, allowed)).toEqual({
      hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'allow' },
    });
    expect(said('codex', shell, { ...allowed, updatedInput: { command: 'ls' } })).toEqual({
      hookSpecificOutput: {
        ...{ hookEventName: 'PreToolUse', permissionDecision: 'allow', updatedInput: { command: 'ls' } },
      },
    });
    expect(said('codex', shell, denied)).toEqual({
      hookSpecificOutput: {
        ...{ hookEventName: 'PreToolUse', permissionDecision: 'deny', permissionDecisionReason: 'Not today.' },
      },
    });
    expect(said('codex', dialog, allowed)).toEqual({
      hookSpecificOutput: { hookEventName: 'PermissionRequest', decision: { behavior: 'allow' } },
    });
    expect(said('codex', dialog, { ...denied, interrupt: true })).toEqual({
      hookSpecificOutput: {
        ...{ hookEventName: 'PermissionRequest', decision: { behavior: 'deny', message: 'Not today.' } },
      },
    });
  });

  test('is never told ask: no answer leaves it to its own policy, and where there is none it is told no', () => {
    expect(said('codex', dialog, nobody)).toBeUndefined();
    const interactive = { ...shell, permission_mode: 'default' };
    expect(said('codex', interactive, nobody)).toBeUndefined();
    for (const [input, policy] of [
      [shell, 'ask'],
      [interactive, 'deny'],
    ] as const)
      expect(said('codex', input, nobody, policy)).toMatchObject({
        hookSpecificOutput: { permissionDecision: 'deny' },
      });
  });

  test('can be given another command, and neither rules nor the end of its turn', () => {
    expect(AGENTS.codex.offers(shell)).toMatchObject({ edit: true, always: false, interrupt: false });
    expect(AGENTS.codex.offers(dialog)).toMatchObject({ edit: false, always: false, interrupt: false });
    expect(AGENTS.codex.offers(dialog)?.prompt).toBeUndefined();
  });

  test('goes on with a reply when it has stopped', () => {
    const stop = read('codex', 'Stop');
    expect(AGENTS.codex.offers(stop)?.form).toBe('stop');
    expect(said('codex', stop, denied)).toEqual({ decision: 'block', reason: 'Not today.' });
    expect(said('codex', stop, allowed)).toBeUndefined();
  });
});

describe('Cursor', () => {
  const shell = read('cursor', 'beforeShellExecution');
  const mcp = read('cursor', 'beforeMCPExecution');

  test('asks for a shell command as for Bash, and for a tool of a server with how that is started', () => {
    expect(shell).toMatchObject({ tool_name: 'Bash', tool_input: { command: 'npm publish' }, cwd: '/home/dev/shop' });
    expect(mcp).toMatchObject({
      tool_name: 'mcp__cursor__adjust_stock',
      tool_input: { sku: 'SKU-1', delta: -3, server: 'node mcp-inventory.mjs' },
    });
    const object = { ...raw('cursor', 'beforeMCPExecution'), tool_input: { sku: 'SKU-1' } };
    expect(AGENTS.cursor.read(object).tool_input).toMatchObject({ sku: 'SKU-1' });
    const text = { ...raw('cursor', 'beforeMCPExecution'), tool_input: 'no json' };
    expect(AGENTS.cursor.read(text).tool_input).toMatchObject({ arguments: 'no json' });
  });

  test('reads the same when it is read again', () => {
    for (const name of payloadsOf('cursor')) {
      const once = read('cursor', name);
      expect(AGENTS.cursor.read(JSON.parse(JSON.stringify(once)))).toEqual(once);
    }
  });

  test('is told its permission, with words for the person and the model', () => {
    expect(said('cursor', shell, denied)).toEqual({
      ...{ permission: 'deny', user_message: 'Not today.', agent_message: 'Not today.' },
    });
    expect(said('cursor', mcp, allowed)).toMatchObject({ permission: 'allow' });
    expect(said('cursor', shell, nobody)).toMatchObject({ permission: 'ask' });
    expect(said('cursor', shell, nobody, 'deny')).toMatchObject({ permission: 'deny' });
  });

  test('is not asked about what it only tells', () => {
    for (const name of ['afterFileEdit', 'afterShellExecution', 'beforeReadFile', 'stop', 'beforeSubmitPrompt'])
      expect([name, AGENTS.cursor.offers(read('cursor', name))]).toEqual([name, undefined]);
  });

  test('without a command is refused', () => {
    const { command: _command, ...rest } = raw('cursor', 'beforeShellExecution');
    expect(() => AGENTS.cursor.read(rest)).toThrow('Expected command in a beforeShellExecution input');
  });
});

describe('Gemini CLI', () => {
  const shell = read('gemini', 'BeforeTool.run_shell_command');

  test('asks for a shell command as for Bash, and for other tools by their names', () => {
    expect(shell).toMatchObject({ tool_name: 'Bash', tool_input: { command: 'npm publish' } });
    expect(read('gemini', 'BeforeTool.mcp__inventory__adjust_stock').tool_name).toBe('mcp__inventory__adjust_stock');
  });

  test('is told a decision, and nothing where nobody decided, because it knows no ask', () => {
    expect(said('gemini', shell, allowed)).toEqual({ decision: 'allow' });
    expect(said('gemini', shell, denied)).toEqual({ decision: 'deny', reason: 'Not today.' });
    expect(said('gemini', shell, nobody)).toBeUndefined();
    expect(said('gemini', shell, nobody, 'deny')).toMatchObject({ decision: 'deny' });
  });

  test('goes on with a reply when it has stopped', () => {
    const after = read('gemini', 'AfterAgent');
    expect(AGENTS.gemini.offers(after)?.form).toBe('stop');
    expect(said('gemini', after, denied)).toEqual({ decision: 'deny', reason: 'Not today.' });
  });
});

describe('opencode', () => {
  const asked = {
    ...{ hook_event_name: 'permission.asked', session_id: 'ses_1', cwd: '/home/dev/shop' },
    permission: { id: 'per_1', permission: 'bash', patterns: ['npm publish'], metadata: { command: 'npm publish' } },
  };

  test('asks for a shell command as for Bash, and for others with their patterns', () => {
    expect(AGENTS.opencode.read(asked)).toMatchObject({ tool_name: 'Bash', tool_input: { command: 'npm publish' } });
    const edit = { ...asked, permission: { permission: 'edit', patterns: ['a.ts'], metadata: { diff: '+x' } } };
    expect(AGENTS.opencode.read(edit)).toMatchObject({
      tool_name: 'edit',
      tool_input: { diff: '+x', patterns: ['a.ts'] },
    });
    expect(() => AGENTS.opencode.read({ ...asked, permission: 'bash' })).toThrow('Expected permission');
  });

  test('is told its reply, and nothing leaves its own prompt open', () => {
    const input = AGENTS.opencode.read(asked);
    expect(AGENTS.opencode.offers(input)?.prompt).toBe(true);
    expect(said('opencode', input, allowed)).toEqual({ reply: 'once' });
    expect(said('opencode', input, denied)).toEqual({ reply: 'reject', message: 'Not today.' });
    expect(said('opencode', input, nobody, 'deny')).toBeUndefined();
  });
});

describe('what ran', () => {
  test.each([
    ['codex', 'PostToolUse.Bash', { tool_name: 'Bash', tool_input: { command: 'touch made.txt; ls' } }],
    ['cursor', 'afterShellExecution', { tool_name: 'Bash', tool_input: { command: 'npm publish' } }],
    ['gemini', 'AfterTool.run_shell_command', { tool_name: 'Bash', tool_input: { command: 'npm publish' } }],
  ] as const)('is told by %s of the call as it was asked for', (agent, name, call) => {
    expect(WITNESSES[agent].evidence(read(agent, name))).toMatchObject({
      kind: 'elsewhere',
      call,
      run: { isOk: true },
    });
  });

  test('and a prompt that was answered in opencode is told of the same call', () => {
    const replied = {
      ...{ hook_event_name: 'permission.replied', session_id: 'ses_1', cwd: '/', reply: 'reject' },
      permission: { permission: 'bash', metadata: { command: 'ls' } },
    };
    expect(WITNESSES.opencode.evidence(AGENTS.opencode.read(replied))).toMatchObject({
      ...{
        kind: 'elsewhere',
        reason: 'Denied at the terminal.',
        call: { tool_name: 'Bash', tool_input: { command: 'ls' } },
      },
    });
  });
});
