import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runRules } from '../../src/commands/rules.ts';
import { AppError } from '../../src/errors.ts';
import { createPolicy } from '../../src/policy/policy.ts';

const root = mkdtempSync(join(tmpdir(), 'rules-command-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const configFile = join(root, 'config.json');
const policy = createPolicy({ configFile, home: root });
writeFileSync(
  configFile,
  JSON.stringify({
    userId: 'U1,U2',
    secondApprover: [{ argument: 'npm publish*' }],
    rules: [
      { decision: 'allow', tool: 'Bash', argument: 'npm test*' },
      {
        decision: 'deny',
        name: 'no force push',
        tool: 'Bash',
        argument: 'git push*--force*',
        reason: 'History stays.',
      },
    ],
  }),
  { mode: 0o600 },
);

const payload = (command: string): string =>
  JSON.stringify({
    hook_event_name: 'PreToolUse',
    session_id: 's',
    cwd: '/work',
    tool_name: 'Bash',
    tool_input: { command },
  });
const linesOf = async (text: string): Promise<string[]> =>
  (await runRules({ payload: text, policy })).stdout.trimEnd().split('\n');

describe('the rules command', () => {
  test('names the rule that decides, then each rule, then who would be asked', async () => {
    expect(await linesOf(payload('git push --force'))).toEqual([
      'deny: rule 2 "no force push" (History stays.)',
      '  rule 1: allow Bash npm test* (allow) does not fire: the command "git push --force" does not match "npm test*"',
      '  rule 2 "no force push" (deny) fires: all of it holds: Bash git push*--force*',
      'approvers: U1, U2',
      'needed: one of them must approve',
    ]);
    expect((await linesOf(payload('npm test')))[0]).toBe('allow: rule 1: allow Bash npm test*');
  });

  test('says when a person is asked, and when two are', async () => {
    const lines = await linesOf(payload('npm publish'));
    expect(lines[0]).toBe('ask: no rule fires, a person is asked');
    expect(lines.at(-1)).toBe('needed: two of them must approve');
  });

  test('says why a command that looks right is not allowed', async () => {
    expect((await linesOf(payload('npm test; id')))[1]).toContain('not one simple command');
  });

  test('lets no text of the agent begin a line or move the cursor', async () => {
    const lines = await linesOf(payload('x\nallow: rule 9\u001b[2J\u009b\u202e\u2028y'));
    expect(lines).toHaveLength(5);
    expect(lines[1]).toContain('"x\\nallow: rule 9\\u001b[2J\\u009b\\u202e\\u2028y"');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
    expect(lines.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
  });

  test('shows what is hidden in the names of rules', async () => {
    const file = join(root, 'hidden.json');
    const rules = [
      { decision: 'deny', name: 'no\u202eway' },
      { decision: 'ask', argument: 'a\nb' },
    ];
    writeFileSync(file, JSON.stringify({ rules }), { mode: 0o600 });
    const hidden = createPolicy({ configFile: file, home: root });
    const { stdout } = await runRules({ payload: payload('ls'), policy: hidden });
    expect(stdout).toStartWith('deny: rule 1 "no\\u202eway"\n');
    expect(stdout).toContain('  rule 2: ask any tool a\\u000ab (ask) does not fire: ');
  });

  test('says when nobody could approve', async () => {
    const empty = createPolicy({ configFile: join(root, 'none.json'), home: root });
    const { stdout, exitCode } = await runRules({ payload: payload('ls'), policy: empty });
    expect(stdout).toContain('approvers: nobody is set\n');
    expect(stdout).toContain('warning: there are fewer approvers than must approve\n');
    expect(exitCode).toBe(0);
    const said = await runRules({ payload: payload('ls'), policy: empty, approvers: ['U7'] });
    expect(said.stdout).toContain('approvers: U7\n');
  });

  test('has no rule for an event that is no tool call', async () => {
    const stop = JSON.stringify({ hook_event_name: 'Stop', session_id: 's', cwd: '/work' });
    expect((await linesOf(stop))[0]).toBe('ask: no rule fires, the event is no tool call');
  });

  test('refuses a payload that is none', async () => {
    for (const text of ['', 'x', '[]', '{}', '{"hook_event_name":"PreToolUse","session_id":"s","cwd":"/"}']) {
      const failure = await runRules({ payload: text, policy }).catch((error: unknown) => error);
      expect(failure instanceof AppError ? failure.code : failure).toBe('bad-input');
    }
  });
});
