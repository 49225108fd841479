import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../src/errors.ts';
import { createPolicy } from '../../src/policy/policy.ts';
import type { HookInput } from '../../src/types.ts';

let root = '';
let file = '';
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'policy-')));
  file = join(root, 'config.json');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const write = (value: unknown): void => writeFileSync(file, JSON.stringify(value), { mode: 0o600 });
const make = () => createPolicy({ configFile: file, home: root });

function bash(command: string, cwd = root): HookInput {
  return { hook_event_name: 'PreToolUse', session_id: 's', cwd, tool_name: 'Bash', tool_input: { command } };
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return 'none';
}

describe('a policy', () => {
  test('without a file decides nothing', () => {
    const policy = make();
    expect(policy.rule(bash('ls'), 'claude')).toBeUndefined();
    expect(policy.approversFor('/x')).toBeUndefined();
    expect(policy.needed(bash('ls'), 'claude')).toBe(1);
    expect(policy.explain(bash('ls'), 'claude')).toEqual([]);
    expect(policy.maskRules()).toEqual([]);
  });

  test('says who is asked for a project: the first entry, else the user of the file', () => {
    write({
      userId: 'U9,U8',
      approvers: [
        { project: '~/work/a', userId: 'U1' },
        { project: '~/work/**', userId: ['U2', 'U3'] },
      ],
    });
    const policy = make();
    expect(policy.approversFor(join(root, 'work/a/b'))).toEqual(['U1']);
    expect(policy.approversFor(join(root, 'work/b'))).toEqual(['U2', 'U3']);
    expect(policy.approversFor('/elsewhere')).toEqual(['U9', 'U8']);
  });

  test('says the same for a directory that is reached by a link', () => {
    mkdirSync(join(root, 'work'));
    symlinkSync(join(root, 'work'), join(root, 'link'));
    write({ approvers: [{ project: '~/work', userId: 'U1' }] });
    expect(make().approversFor(join(root, 'link'))).toEqual(['U1']);
  });

  test('asks for two people where it says so, however the command is written', () => {
    write({ secondApprover: [{ tool: 'Bash', argument: 'git push*', project: '~/work' }] });
    const policy = make();
    expect(policy.needed(bash('npm test; sudo git push', join(root, 'work')), 'claude')).toBe(2);
    expect(policy.needed(bash('git pull', join(root, 'work')), 'claude')).toBe(1);
    expect(policy.needed(bash('git push'), 'claude')).toBe(1);
  });

  test('gives the rule that decides, with its reason', () => {
    write({
      rules: [
        { decision: 'allow', tool: 'Bash', argument: 'npm test*' },
        { decision: 'deny', argument: 'rm *', name: 'no rm', reason: 'Use trash.' },
      ],
    });
    const policy = make();
    expect(policy.rule(bash('rm x'), 'claude')).toEqual({ decision: 'deny', rule: 'no rm', reason: 'Use trash.' });
    expect(policy.rule(bash('npm test'), 'claude')).toEqual({
      decision: 'allow',
      rule: 'rule 1: allow Bash npm test*',
    });
    expect(policy.rule(bash('ls'), 'claude')).toBeUndefined();
    expect(policy.explain(bash('rm x'), 'claude').map(({ fires }) => fires)).toEqual([false, true]);
  });

  test('says about which tools it has anything against a call', () => {
    const restricted = (...rules: unknown[]) => {
      write({ rules: [{ decision: 'allow', tool: 'WebSearch' }, ...rules] });
      const policy = make();
      return ['Bash', 'Edit', 'Read', 'WebSearch', 'mcp__a', 'mcp__a__b', 'mcp__a__*'].filter((toolName) =>
        policy.restricts({ toolName, ruleContent: 'x' }),
      );
    };
    expect(restricted()).toEqual([]);
    expect(restricted({ decision: 'deny', tool: 'Bash', argument: 'npm run wipe*' })).toEqual(['Bash']);
    expect(restricted({ decision: 'ask', tool: ['Write', 'Grep'] })).toEqual(['Edit', 'Read']);
    expect(restricted({ decision: 'deny', tool: 'mcp__a__c*' })).toEqual(['mcp__a', 'mcp__a__*']);
    expect(restricted({ decision: 'deny', tool: 'mcp__a__c' })).toEqual(['mcp__a', 'mcp__a__*']);
    expect(restricted({ decision: 'deny', tool: 'mcp__b__*' })).toEqual([]);
    expect(restricted({ decision: 'deny', path: '**/.env' })).toHaveLength(7);
    write({ secondApprover: [{ tool: 'Bash', argument: 'npm run deploy*' }] });
    expect(make().restricts({ toolName: 'Bash' })).toBe(true);
    expect(make().restricts({ toolName: 'Read' })).toBe(false);
  });

  test('allows nothing without asking that two people must approve', () => {
    write({
      secondApprover: [{ argument: 'git push*' }],
      rules: [{ decision: 'allow', tool: 'Bash', argument: 'git *' }],
    });
    const policy = make();
    expect(policy.rule(bash('git push'), 'claude')).toBeUndefined();
    expect(policy.explain(bash('git push'), 'claude')[0]).toMatchObject({ fires: false });
    expect(policy.rule(bash('git log'), 'claude')?.decision).toBe('allow');
  });
});

describe('the file of a policy', () => {
  test('is read again when it has changed, and only then', () => {
    let reads = 0;
    write({ userId: 'U1' });
    const policy = createPolicy({
      configFile: file,
      home: root,
      read: (descriptor) => {
        reads += 1;
        return readFileSync(descriptor, 'utf8');
      },
    });
    const asked = () => policy.approversFor('/x');
    expect([asked(), asked(), reads]).toEqual([['U1'], ['U1'], 1]);
    write({ userId: 'U2' });
    // The same size, and the time set back.
    utimesSync(file, 1, 1);
    expect([asked(), asked(), reads]).toEqual([['U2'], ['U2'], 2]);
    writeFileSync(join(root, 'new'), JSON.stringify({ userId: 'U3' }), { mode: 0o600 });
    renameSync(join(root, 'new'), file);
    expect([asked(), reads]).toEqual([['U3'], 3]);
  });

  test('that is gone for a moment throws in every call until it is back', () => {
    write({ secondApprover: [{ tool: 'Bash' }] });
    const policy = make();
    expect(policy.needed(bash('ls'), 'claude')).toBe(2);
    renameSync(file, `${file}~`);
    for (const run of [
      () => policy.rule(bash('ls'), 'claude'),
      () => policy.explain(bash('ls'), 'claude'),
      () => policy.needed(bash('ls'), 'claude'),
      () => policy.approversFor('/x'),
      () => policy.restricts({ toolName: 'Read' }),
      () => policy.maskRules(),
    ])
      expect(codeOf(run)).toBe('bad-config');
    expect(() => policy.maskRules()).toThrow(`Expected ${file} to be there as before`);
    renameSync(`${file}~`, file);
    expect(policy.needed(bash('ls'), 'claude')).toBe(2);
    rmSync(file);
    expect(codeOf(() => policy.needed(bash('ls'), 'claude'))).toBe('bad-config');
    expect(make().needed(bash('ls'), 'claude')).toBe(1);
  });

  test('that is broken throws in every call until it is put right, and never leaves the old rules', () => {
    write({ rules: [{ decision: 'allow', tool: 'Bash' }] });
    const policy = make();
    expect(policy.rule(bash('ls'), 'claude')?.decision).toBe('allow');
    for (const text of ['{"rules": [', '[]', '{"rules": [{"decision": "alow"}]}']) {
      writeFileSync(file, text);
      for (const run of [
        () => policy.rule(bash('ls'), 'claude'),
        () => policy.explain(bash('ls'), 'claude'),
        () => policy.needed(bash('ls'), 'claude'),
        () => policy.approversFor('/x'),
        () => policy.maskRules(),
        () => policy.rule(bash('ls'), 'claude'),
      ]) {
        expect(codeOf(run)).toBe('bad-config');
      }
    }
    write({ rules: [{ decision: 'deny', tool: 'Bash' }] });
    expect(policy.rule(bash('ls'), 'claude')?.decision).toBe('deny');
  });

  test('that others may read throws until its mode is right', () => {
    write({ userId: 'U1' });
    const policy = make();
    expect(policy.approversFor('/x')).toEqual(['U1']);
    for (const mode of [0o640, 0o604, 0o620]) {
      chmodSync(file, mode);
      expect(codeOf(() => policy.approversFor('/x'))).toBe('config-mode');
      expect(codeOf(() => policy.rule(bash('ls'), 'claude'))).toBe('config-mode');
    }
    chmodSync(file, 0o600);
    expect(policy.approversFor('/x')).toEqual(['U1']);
  });

  test('that belongs to somebody else throws', () => {
    write({ userId: 'U1' });
    const isRoot = process.getuid?.() === 0;
    if (isRoot) chownSync(file, 12345, 12345);
    const policy = createPolicy({ configFile: isRoot ? file : '/etc/passwd', home: root });
    expect(() => policy.approversFor('/x')).toThrow(/belong to uid/);
    expect(codeOf(() => policy.maskRules())).toBe('config-mode');
  });

  test('is a file itself, not a link or a directory', () => {
    writeFileSync(join(root, 'real'), '{}', { mode: 0o600 });
    symlinkSync(join(root, 'real'), file);
    expect(codeOf(() => make().maskRules())).toBe('bad-config');
    expect(codeOf(() => createPolicy({ configFile: root, home: root }).maskRules())).toBe('bad-config');
  });

  test('is not repeated in the message when it is not JSON', () => {
    writeFileSync(file, '{"botToken": xoxb-secret}', { mode: 0o600 });
    expect(() => make().maskRules()).toThrow(/^((?!xoxb).)*not JSON$/);
  });
});
