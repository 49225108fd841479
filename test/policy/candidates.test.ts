import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { matchesCall } from '../../src/policy/call-rule.ts';
import { candidatesFor, type HistoryEntry } from '../../src/policy/candidates.ts';
import type { ApprovalRequest, Candidate, HookInput, ToolInput } from '../../src/types.ts';

const FIXTURES = join(import.meta.dir, '../fixtures');
const FOLDERS = ['claude-code', 'claude-code-2.1.329'] as const;
const fixture = (folder: string, name: string): HookInput =>
  JSON.parse(readFileSync(join(FIXTURES, folder, `PermissionRequest.${name}.json`), 'utf8'));

const OFFERS = {
  form: 'permission',
  edit: true,
  always: true,
  acceptEdits: true,
  interrupt: true,
  grant: true,
} as const;
const request = (input: HookInput): ApprovalRequest => ({
  id: 'r1',
  nonce: 'n1',
  agent: 'claude',
  input,
  digest: 'd1',
  approvers: ['U1'],
  fromConfig: false,
  needed: 1,
  offers: OFFERS,
  secrets: [],
  askedAt: 0,
  expiresAt: 1,
});
const call = (tool: string, input: ToolInput, more: Record<string, unknown> = {}): HookInput => ({
  hook_event_name: 'PermissionRequest',
  session_id: 's',
  cwd: '/home/dev/shop',
  tool_name: tool,
  tool_input: input,
  ...more,
});
const bash = (command: string, more = {}) => call('Bash', { command }, more);
const texts = (input: HookInput) => candidatesFor(request(input), []).map(({ text }) => text);
const permanent = (input: HookInput) =>
  candidatesFor(request(input), [])
    .filter(({ isPermanent }) => isPermanent)
    .map(({ text }) => text);
const suggest = (...rules: unknown[]) => ({
  permission_suggestions: [{ type: 'addRules', rules, behavior: 'allow', destination: 'localSettings' }],
});
const bashRule = (ruleContent: string) => ({ toolName: 'Bash', ruleContent });

describe('of the recorded requests', () => {
  const EXPECTED: Readonly<Record<string, readonly string[]>> = {
    Bash: [
      'Bash(mkdir -p dist && echo built > dist/out.txt)',
      'Bash(mkdir -p dist), Bash(echo built *)',
      'This exact call',
    ],
    'Bash.in-subagent': [
      'Bash(git init -q . && git log --oneline -n 1)',
      'Bash(git init *)',
      'This exact call',
      'Bash in /home/dev/shop',
    ],
    Edit: ['Edit(//home/dev/shop/README.md)', 'Edit(//home/dev/shop/**)', 'This exact call', 'Edit in /home/dev/shop'],
    Write: [
      'Edit(//home/dev/shop/src/discount.js)',
      'Edit(//home/dev/shop/src/**)',
      'This exact call',
      'Write in /home/dev/shop',
    ],
    WebFetch: ['WebFetch(domain:example.com)', 'This exact call'],
    WebSearch: ['WebSearch', 'This exact call'],
    mcp__inventory__adjust_stock: ['mcp__inventory__adjust_stock', 'mcp__inventory', 'This exact call'],
    ExitPlanMode: [],
  };
  for (const folder of FOLDERS)
    for (const [name, expected] of Object.entries(EXPECTED))
      test(`${name} (${folder}) has its rules, narrow ones first`, () => {
        expect(texts(fixture(folder, name))).toEqual([...expected]);
      });

  test('a question has none', () => {
    expect(texts(fixture('claude-code', 'AskUserQuestion'))).toEqual([]);
  });
});

describe('of a command', () => {
  test('there is the command itself, and its first word or its subcommand', () => {
    expect(permanent(bash('ls -l src'))).toEqual(['Bash(ls -l src)', 'Bash(ls *)']);
    expect(permanent(bash('git log -n 1'))).toEqual(['Bash(git log -n 1)', 'Bash(git log *)']);
    expect(permanent(bash('ls'))).toEqual(['Bash(ls)', 'Bash(ls *)']);
    expect(permanent(bash('npm test'))).toEqual(['Bash(npm test)', 'Bash(npm test *)']);
  });

  test('there is no exact rule for what it would not be exact about', () => {
    for (const command of [
      'ls *.ts',
      'npm test *',
      'npm:*',
      'a\nb',
      ' ls',
      'ls\u200b',
      'ls\t',
      `echo ${'x'.repeat(500)}`,
      '',
    ])
      expect([command, permanent(bash(command)).filter((text) => text === `Bash(${command})`)]).toEqual([command, []]);
  });

  test('there is no beginning that would allow any command', () => {
    for (const command of [
      'python3 x.py',
      'node x.js',
      'bash x',
      'npx jest',
      'npm exec x',
      'env ls',
      'xargs ls',
      'find . -name x',
      './node_modules/.bin/tsx x',
      '/usr/bin/env ls',
      'git -c core.pager=x log',
      'make x',
      'sed -n 1p x',
      'tee x',
      'docker run x',
      'timeout 5 ls',
      'ssh h',
      'claude -p x',
      'psql x',
      'rg x',
      'sort x',
      'file x',
      'tree src',
      'tsc -p .',
      'eslint src',
      'prettier src',
      'jest run',
      'vitest run',
      'pytest x',
      'cd src',
      'openssl dgst x',
      'gdbserver x',
      'tox x',
      'invoke x',
      'vagrant status',
      'swift build',
      'go test x',
      'go build x',
      'kubectl get pods',
      'git fetch origin',
      './git status',
      '/tmp/ls x',
      './gradlew test',
      'unheard-of x',
    ])
      expect([command, permanent(bash(command))]).toEqual([command, [`Bash(${command})`]]);
  });

  test('there is no beginning of what loses work or reaches others', () => {
    for (const command of [
      'rm x',
      'mv a b',
      'cp a b',
      'dd if=a',
      'chmod +x a',
      'chown a b',
      'curl https://x',
      'wget x',
      'kill 3',
      `p${'kill'} x`,
      'git push',
      'git push origin main',
      'git reset x',
      'git checkout .',
      'npm install x',
      'npm publish',
      'pip install x',
      'aws s3 ls',
      'terraform plan',
      'kubectl apply x',
      'gh pr merge',
      'cat /etc/passwd',
      'crontab -l',
    ])
      expect([command, permanent(bash(command))]).toEqual([command, [`Bash(${command})`]]);
  });

  test('there is no beginning of what a shell would make something else of', () => {
    for (const command of [
      'npm test;rm x',
      'npm test && ls',
      'npm test | cat',
      'npm test $X',
      'npm test $(x)',
      'npm test > x',
      'A=1 npm test',
      '"npm" test',
      `'np'm test`,
      'npm\\ test',
      'cd ~/x',
      'ls \u202ex',
    ])
      expect([command, permanent(bash(command)).filter((text) => text.endsWith('*)'))]).toEqual([command, []]);
  });

  test('there is no name alone for a program with very different subcommands', () => {
    expect(permanent(bash('git status -s'))).toEqual(['Bash(git status -s)', 'Bash(git status *)']);
    expect(permanent(bash('gh pr view 3'))).toEqual(['Bash(gh pr view 3)']);
  });

  test('a rule made of its beginning matches it, and nothing with an operator', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9./=-]{0,8}$/);
    const operator = fc.constantFrom(';', '&&', '|', '\n', '$(', '`', '>', '&');
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), operator, word, (words, char, other) => {
        const command = words.join(' ');
        for (const { rule, isPermanent } of candidatesFor(request(bash(command)), [])) {
          expect(matchesCall(rule, { digest: 'd1', input: bash(command) })).toBe(true);
          if (isPermanent)
            expect(matchesCall(rule, { digest: 'd2', input: bash(`${command} ${char} ${other}0`) })).toBe(false);
        }
      }),
    );
  });
});

describe("the agent's suggestions", () => {
  test('are kept, several rules of one as one', () => {
    expect(permanent(bash('a && b', suggest(bashRule('ls -l *'), bashRule('b'))))).toContain('Bash(ls -l *), Bash(b)');
    expect(permanent(bash('cat ../lib/x', suggest({ toolName: 'Read', ruleContent: '//home/dev/lib/**' })))).toContain(
      'Read(//home/dev/lib/**)',
    );
    expect(permanent(bash('gh pr view 3', suggest(bashRule('gh pr view:*'))))).toContain('Bash(gh pr view:*)');
  });

  test('are left out when a rule among them would allow any command or file', () => {
    const bad = [
      bashRule('python3 *'),
      bashRule('python3:*'),
      bashRule('*'),
      bashRule('bash -c *'),
      bashRule('rm *'),
      bashRule('git push *'),
      bashRule('git *'),
      bashRule('sudo:*'),
      bashRule('rg *'),
      bashRule('kubectl get:*'),
      bashRule('npm test && *'),
      bashRule('ls; *'),
      bashRule('* test'),
      bashRule('git * main'),
      bashRule('npm*'),
      bashRule(''),
      bashRule('ls\u202e *'),
      bashRule('a\nb'),
      bashRule('x'.repeat(501)),
      { toolName: 'Bash' },
      { toolName: 'Read' },
      { toolName: 'Edit' },
      { toolName: 'WebSearch' },
      { toolName: 'Read', ruleContent: '//**' },
      { toolName: 'Read', ruleContent: '//etc/**' },
      { toolName: 'Edit', ruleContent: '~/**' },
      { toolName: 'Read', ruleContent: '~/.ssh/**' },
      { toolName: 'Edit', ruleContent: '//home/dev/../**' },
      { toolName: 'Edit', ruleContent: '//home/**' },
      { toolName: 'WebFetch', ruleContent: 'domain:*' },
      { toolName: 'a b' },
      { toolName: 7 },
      { toolName: 'Bash', ruleContent: 7 },
      null,
      'Bash(ls)',
    ];
    for (const rule of bad)
      expect([rule, permanent(bash('x | y', suggest(bashRule('ls'), rule)))]).toEqual([rule, ['Bash(x | y)']]);
    expect(permanent(bash('x | y', suggest()))).toEqual(['Bash(x | y)']);
  });

  test('of another kind are none', () => {
    const rules = [bashRule('ls')];
    for (const suggestion of [
      { type: 'setMode', mode: 'acceptEdits', destination: 'session' },
      { type: 'addRules', behavior: 'deny', rules },
      { type: 'removeRules', behavior: 'allow', rules },
      { type: 'addRules', behavior: 'allow', rules: 'ls' },
      { type: 'addDirectories', directories: ['/'] },
      null,
      7,
    ])
      expect(permanent(bash('x | y', { permission_suggestions: [suggestion] }))).toEqual(['Bash(x | y)']);
    expect(permanent(bash('x | y', { permission_suggestions: { type: 'addRules' } }))).toEqual(['Bash(x | y)']);
  });

  test('that repeat a rule are not shown twice', () => {
    expect(permanent(bash('npm test', suggest(bashRule('npm test *'))))).toEqual([
      'Bash(npm test)',
      'Bash(npm test *)',
    ]);
  });
});

describe('of a file', () => {
  test('the rule is about editing or reading, from the root on', () => {
    expect(permanent(call('Read', { file_path: 'src/a.ts' }))).toEqual([
      'Read(//home/dev/shop/src/a.ts)',
      'Read(//home/dev/shop/src/**)',
    ]);
    expect(permanent(call('NotebookEdit', { notebook_path: '/home/dev/shop/n.ipynb' }))[0]).toBe(
      'Edit(//home/dev/shop/n.ipynb)',
    );
    expect(permanent(call('MultiEdit', { file_path: 'a b/ö.ts' }))).toEqual([
      'Edit(//home/dev/shop/a b/ö.ts)',
      'Edit(//home/dev/shop/a b/**)',
    ]);
  });

  test('there is none where a pattern would mean something else, or the file is sensitive', () => {
    for (const path of [
      'app/[id].tsx',
      'a*',
      'a{b}',
      'a\\b',
      'a\nb',
      '~/x',
      '!x',
      'a ',
      'x\u200b',
      '.claude/settings.json',
      '/etc/hosts',
      '~/.bashrc',
      '.git/hooks/x',
    ])
      expect([path, permanent(call('Edit', { file_path: path }))]).toEqual([path, []]);
    expect(permanent(call('Edit', {}))).toEqual([]);
  });

  test('there is none about a home directory or the root', () => {
    for (const path of [join(homedir(), 'x'), '/x', '/tmp/x', join(homedir(), '../x')])
      expect(permanent(call('Edit', { file_path: path })).filter((text) => text.includes('*'))).toEqual([]);
  });

  test('outside of the directory there is no grant for the directory', () => {
    expect(texts(call('Edit', { file_path: '/srv/app/a' }))).toEqual([
      'Edit(//srv/app/a)',
      'Edit(//srv/app/**)',
      'This exact call',
    ]);
  });
});

test('of a web page, a tool of a server and any other tool there is its own kind of rule', () => {
  expect(permanent(call('WebFetch', { url: 'https://Docs.Example.com:8443/a' }))).toEqual([
    'WebFetch(domain:docs.example.com)',
  ]);
  expect(permanent(call('WebFetch', { url: 'https://example.com@evil.net/' }))).toEqual([]);
  expect(permanent(call('mcp__a__b', {}))).toEqual(['mcp__a__b', 'mcp__a']);
  expect(permanent(call('mcp__a__b__c', {}))).toEqual(['mcp__a__b__c']);
  expect(permanent(call('mcp__a__b__c', {}, { mcp_server: { name: 'a' } }))).toEqual(['mcp__a__b__c', 'mcp__a']);
  expect(permanent(call('mcp__a__b', {}, { mcp_server: { name: 'other' } }))).toEqual(['mcp__a__b']);
  expect(permanent(call('Agent', { prompt: 'x' }))).toEqual(['Agent']);
  expect(permanent(call('PowerShell', { command: 'ls' }))).toEqual([]);
  expect(texts({ hook_event_name: 'Stop', session_id: 's', cwd: '/' })).toEqual([]);
});

describe('a candidate', () => {
  const entry = (
    command: string,
    decision: HistoryEntry['decision'],
    more: Partial<HistoryEntry> = {},
  ): HistoryEntry => ({
    ...{ tool: 'Bash', input: { command }, cwd: '/home/dev/shop', digest: `digest of ${command}`, decision },
    ...more,
  });
  const find = (text: string, command: string, history: readonly HistoryEntry[]): Candidate | undefined =>
    candidatesFor(request(bash(command)), history).find((candidate) => candidate.text === text);

  test('says what of the past it would have matched, and what of that was denied, latest first', () => {
    const history = [
      entry('npm test a', 'denied'),
      entry('npm test', 'allowed'),
      entry('npm testx', 'denied'),
      entry('npm test; rm x', 'denied'),
      entry('npm test b', 'none'),
      entry('npm test c', 'denied'),
      entry('npm test d', 'denied', { tool: 'Other' }),
    ];
    expect(find('Bash(npm test *)', 'npm test', history)).toMatchObject({
      matched: 4,
      outOf: 7,
      denied: ['npm test c', 'npm test a'],
    });
    expect(find('Bash(npm test)', 'npm test', history)).toMatchObject({ matched: 1, outOf: 7, denied: [] });
    expect(find('Bash in /home/dev/shop', 'npm test', history)).toMatchObject({
      matched: 4,
      denied: ['npm test c', 'npm test a'],
    });
    expect(find('This exact call', 'npm test', [entry('npm test', 'denied', { digest: 'd1' })])).toMatchObject({
      matched: 1,
      denied: ['npm test'],
    });
  });

  test('shows five denied calls at most, each by its first line, which is cut short', () => {
    const history = Array.from({ length: 7 }, (_, index) => entry(`ls ${index}`, 'denied'));
    expect(find('Bash(ls *)', 'ls', history)?.denied).toEqual(['ls 6', 'ls 5', 'ls 4', 'ls 3', 'ls 2']);
    const long = [entry(`\n  ls a\nls b`, 'denied'), entry(`ls ${'😀'.repeat(100)}`, 'denied')];
    const [cut = '', first] = find('Bash in /home/dev/shop', 'ls', long)?.denied ?? [];
    expect(first).toBe('ls a');
    expect(cut.length).toBeLessThanOrEqual(120);
    expect(cut.isWellFormed()).toBe(true);
    expect(cut).toEndWith('😀…');
    const other = [entry('', 'denied', { tool: 'mcp__a__b', input: { sku: 'X' } })];
    expect(candidatesFor(request(call('mcp__a__b', { sku: 'Y' })), other)[0]?.denied).toEqual([
      'mcp__a__b {"sku":"X"}',
    ]);
  });

  test('has an id that depends on its rule alone', () => {
    const before = candidatesFor(request(bash('npm test')), []);
    const after = candidatesFor({ ...request(bash('npm test')), id: 'r2' }, [entry('npm test', 'denied')]);
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(new Set(before.map(({ id }) => id)).size).toBe(before.length);
    for (const { id } of before) expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(find('Bash(npm test *)', 'npm test x', [])?.id).toBe(find('Bash(npm test *)', 'npm test y', [])?.id);
    expect(find('This exact call', 'a', [])?.id).not.toBe(
      candidatesFor({ ...request(bash('a')), digest: 'd2' }, []).at(-1)?.id,
    );
  });

  test('is one of six at most, whatever the agent suggests', () => {
    const many = {
      permission_suggestions: Array.from(
        { length: 9 },
        (_, index) => suggest(bashRule(`ls x${index} *`)).permission_suggestions[0],
      ),
    };
    const found = candidatesFor(request(bash('ls', many)), []);
    expect(found).toHaveLength(6);
    expect(found.map(({ isPermanent }) => isPermanent)).toEqual([true, true, true, true, false, false]);
    expect(found[0]?.text).toBe('Bash(ls)');
  });
});

test('a rule that the config restricts is only a grant', () => {
  const input = bash('npm test', suggest({ toolName: 'Read', ruleContent: '//home/dev/lib/**' }));
  const found = (tool: string) =>
    candidatesFor(request(input), [], ({ toolName }) => toolName === tool).map(
      ({ text, isPermanent }) => `${text} ${isPermanent ? 'for ever' : 'for a while'}`,
    );
  const grants = ['This exact call for a while', 'Bash in /home/dev/shop for a while'];
  expect(found('Bash')).toEqual([
    'Bash(npm test) for a while',
    'Read(//home/dev/lib/**) for ever',
    'Bash(npm test *) for a while',
    ...grants,
  ]);
  expect(found('Read')[1]).toBe('Read(//home/dev/lib/**) for a while');
});

test('there is no grant for a directory on a call that it would not cover', () => {
  for (const input of [
    bash('cat .env'),
    bash('git log --output=x'),
    bash('./evil.sh'),
    bash('cat ../x'),
    call('Edit', { file_path: '.git/hooks/pre-commit' }),
    call('Grep', { pattern: 'x', path: 'src' }),
    call('Glob', { pattern: '*' }),
    call('mcp__a__b', {}),
  ])
    expect([input.tool_input, texts(input).filter((text) => text.includes(' in /'))]).toEqual([input.tool_input, []]);
});
