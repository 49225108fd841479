import { describe, expect, test } from 'bun:test';
import { AppError } from '../../src/errors.ts';
import { readPolicyConfig } from '../../src/policy/config.ts';

const FILE = '/home/ada/.config/claude-slack-hook/config.json';

function problem(value: unknown): string {
  try {
    readPolicyConfig(value, FILE);
  } catch (error) {
    if (error instanceof AppError && error.code === 'bad-config') return error.message.replaceAll(FILE, 'FILE');
    throw error;
  }
  return 'none';
}

describe('the policy in a config file', () => {
  test('is empty without its keys', () => {
    expect(readPolicyConfig({ botToken: 'xoxb-1', deadline: 5 }, FILE)).toEqual({
      botToken: undefined,
      approvers: [],
      secondApprover: [],
      rules: [],
      mask: [],
    } as never);
  });

  test('is read whole', () => {
    const config = readPolicyConfig(
      {
        userId: 'U1, U2,U1',
        approvers: [{ project: '~/work/**', userId: ['U3', 'U4'] }],
        secondApprover: [{ tool: 'Bash', argument: 'git push*', project: '~/work' }],
        rules: [
          { decision: 'allow', name: 'tests', agent: 'claude', tool: ['Bash'], argument: 'npm test*', reason: 'why' },
          { decision: 'deny', tool: 'mcp__*', argument: { command: 'a', url: 'b' }, path: '~/x', project: '/y/**' },
        ],
        mask: [{ name: 'ours', pattern: 'our-[0-9]+' }],
      },
      FILE,
    );
    expect(config.userId).toEqual(['U1', 'U2']);
    expect(config.approvers).toEqual([{ project: '~/work/**', userId: ['U3', 'U4'] }]);
    expect(config.secondApprover).toEqual([{ tool: ['Bash'], argument: 'git push*', project: '~/work' }]);
    expect(config.rules[1]?.argument).toEqual({ command: 'a', url: 'b' });
    expect(config.rules[0]).toMatchObject({ name: 'tests', tool: ['Bash'], reason: 'why' });
    expect(config.mask).toEqual([{ name: 'ours', pattern: 'our-[0-9]+' }]);
  });

  test('says which entry is wrong, what was expected and what it got', () => {
    const rules = [{ decision: 'deny' }, { decision: 'ask' }, { decision: 'alow' }];
    expect(problem({ rules })).toBe('Expected rules[2].decision in FILE to be "allow", "deny" or "ask", got "alow"');
    expect(problem({ rules: [{ tool: 'Bash' }] })).toBe('Expected rules[0].decision in FILE, got none');
    expect(problem({ rules: [{ decision: 'deny', tol: 'Bash' }] })).toBe('Unknown key rules[0].tol in FILE');
    expect(problem({ rules: [{ decision: 'deny', agent: 'clod' }] })).toContain('rules[0].agent in FILE to be one of');
    expect(problem({ rules: [{ decision: 'deny', path: 'src' }] })).toContain('to begin with "/", "~/" or "**"');
    expect(problem({ rules: {} })).toBe('Expected rules in FILE to be a list, got {}');
    expect(problem({ rules: ['x'] })).toBe('Expected rules[0] in FILE to be an object, got "x"');
    expect(problem({ approvers: [{ project: '/x' }] })).toBe('Expected approvers[0].userId in FILE, got none');
    expect(problem({ approvers: [{ project: '/x', userId: 'ada' }] })).toContain('Slack user id');
    expect(problem([])).toBe('Expected FILE to hold one JSON object');
    expect(problem(null)).toBe('Expected FILE to hold one JSON object');
  });

  test('has no empty list where somebody or something must be meant', () => {
    for (const value of [
      { userId: '' },
      { userId: [] },
      { userId: ' , ' },
      { approvers: [] },
      { approvers: [{ project: '/x', userId: [] }] },
      { rules: [{ decision: 'deny', tool: [] }] },
      { rules: [{ decision: 'deny', argument: {} }] },
      { rules: [{ decision: 'deny', argument: '' }] },
      { rules: [{ decision: 'deny', project: '' }] },
    ]) {
      expect(problem(value)).toStartWith('Expected ');
    }
  });

  test('allows nothing by a rule that says nothing', () => {
    for (const conditions of [{}, { agent: 'claude' }, { tool: '*' }, { argument: '**' }, { project: '/**' }]) {
      expect(problem({ rules: [{ decision: 'allow', ...conditions }] })).toContain('would allow everything');
      expect(problem({ rules: [{ decision: 'ask', ...conditions }] })).toBe('none');
    }
    expect(problem({ rules: [{ decision: 'allow', project: '~/sandbox' }] })).toBe('none');
  });

  test('takes whole days for how long the audit log is kept', () => {
    expect(readPolicyConfig({ auditKeepDays: 365 }, FILE).auditKeepDays).toBe(365);
    for (const auditKeepDays of [0, -1, 1.5, '30', null, [1]])
      expect(problem({ auditKeepDays })).toStartWith('Expected auditKeepDays in FILE to be a number of whole days');
  });

  test('does not repeat what is to be masked', () => {
    for (const pattern of ['hunter2(', 'hunter2|', '(hunter2)?\\b', 5]) {
      const text = problem({ mask: [{ name: 'x', pattern }] });
      expect(text).toContain('mask[0].pattern in FILE to be a regular expression');
      expect(text).not.toContain('hunter2');
    }
  });
});
