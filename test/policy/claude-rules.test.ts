import { describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { matchesRules, ruleText, webHost } from '../../src/policy/claude-rules.ts';
import { simpleCommand } from '../../src/policy/shell.ts';
import type { PermissionRule } from '../../src/types.ts';

const CWD = '/home/dev/shop';
const bash = (command: unknown) => ({ tool_name: 'Bash', tool_input: { command }, cwd: CWD });
const file = (tool: string, path: unknown, cwd = CWD) => ({ tool_name: tool, tool_input: { file_path: path }, cwd });
const fetches = (url: unknown) => ({ tool_name: 'WebFetch', tool_input: { url, prompt: 'x' }, cwd: CWD });
const mcp = (tool: string) => ({ tool_name: tool, tool_input: {}, cwd: CWD });

/** `Bash(npm test *)` as a rule. */
function rule(text: string): PermissionRule {
  const [, toolName = '', ruleContent] = /^([^(]+)(?:\((.*)\))?$/s.exec(text) ?? [];
  return ruleContent === undefined ? { toolName } : { toolName, ruleContent };
}
const matches = (text: string, call: Parameters<typeof matchesRules>[1]) => matchesRules([rule(text)], call);

test('a rule is written as the agent writes it', () => {
  for (const text of ['Bash(npm test *)', 'WebSearch', 'WebFetch(domain:example.com)', 'Edit(//a/**)', 'Bash(f (x))'])
    expect(ruleText(rule(text))).toBe(text);
});

describe('a rule about a command', () => {
  test('without a wildcard is about that command alone', () => {
    expect(matches('Bash(npm test)', bash('npm test'))).toBe(true);
    for (const other of [
      'npm test -- x',
      'npm  test',
      'npm tests',
      ' npm test; rm x',
      'NPM test',
      '',
      undefined,
      ['npm test'],
    ])
      expect(matches('Bash(npm test)', bash(other))).toBe(false);
    expect(matches('Bash(a && b > c)', bash('a && b > c'))).toBe(true);
  });

  test('with a wildcard at the end is about the words before it, in both spellings', () => {
    for (const text of ['Bash(npm test *)', 'Bash(npm test:*)']) {
      for (const command of ['npm test', 'npm test -- x', `npm test 'a;b'`, ' npm test x '])
        expect(matches(text, bash(command))).toBe(true);
      for (const command of ['npm tests', 'npm testx y', 'npm', 'npm  test', 'x npm test', 'rm; npm test'])
        expect(matches(text, bash(command))).toBe(false);
    }
    expect(matches('Bash(ls*)', bash('lsof'))).toBe(true);
  });

  test('with a wildcard elsewhere is about what is around it', () => {
    expect(matches('Bash(git * main)', bash('git push origin main'))).toBe(true);
    expect(matches('Bash(git * main)', bash('git push origin dev'))).toBe(false);
    expect(matches('Bash(* --version)', bash('node --version'))).toBe(true);
  });

  test('never matches what a shell would make something else of', () => {
    for (const command of [
      'npm test;rm x',
      'npm test && rm x',
      'npm test | sh',
      'npm test & rm x',
      'npm test\nrm x',
      'npm test $(rm x)',
      'npm test `rm x`',
      'npm test "$(rm x)"',
      'npm test > ~/.bashrc',
      'npm test <(rm x)',
      'npm test \\\nrm x',
      'npm test $X',
      'npm test {a,b}',
      'npm test *',
      'npm test ~/x',
      'npm test # x',
      'npm test \u200b; rm',
      'npm test\u00a0x',
      'A=1 npm test',
      `npm test 'a`,
      '\u043dpm test',
      'npm test\rrm x',
    ])
      expect([command, matches('Bash(npm test *)', bash(command))]).toEqual([command, false]);
  });

  test('with others allows a compound command when each part is allowed', () => {
    const rules = ['Bash(mkdir -p dist)', 'Bash(echo built *)'].map(rule);
    expect(matchesRules(rules, bash('mkdir -p dist && echo built ok'))).toBe(true);
    expect(matchesRules(rules, bash('mkdir -p dist; echo built | echo built x\nmkdir -p dist'))).toBe(true);
    expect(matchesRules(rules, bash('mkdir -p dist && rm x'))).toBe(false);
    // Where the output goes is nothing that the rules say.
    expect(matchesRules(rules, bash('mkdir -p dist && echo built > dist/out.txt'))).toBe(false);
    expect(matchesRules(rules, bash('mkdir -p dist && echo built $(rm x)'))).toBe(false);
    expect(matchesRules([], bash('ls'))).toBe(false);
  });

  test('does not take apart what is too long to oversee', () => {
    expect(matches('Bash(npm test *)', bash(`npm test ${'x'.repeat(1990)}`))).toBe(true);
    expect(matches('Bash(npm test *)', bash(`npm test ${'x'.repeat(1992)}`))).toBe(false);
  });

  test('by tool name alone is about every command', () => {
    for (const text of ['Bash', 'Bash(*)']) expect(matches(text, bash('a && $(b)'))).toBe(true);
    expect(matches('Bash', mcp('BashOutput'))).toBe(false);
    expect(matches('Bash(npm test)', { ...bash('npm test'), tool_name: 'PowerShell' })).toBe(false);
  });

  test('that is a beginning never matches a command with an operator outside quotes', () => {
    const operator = fc.constantFrom(
      ';',
      '&',
      '|',
      '&&',
      '||',
      '\n',
      '`',
      '$(',
      '>',
      '<',
      '(',
      ')',
      '$x',
      '*',
      '?',
      '{',
      '}',
      '\\',
      '!',
    );
    fc.assert(
      fc.property(fc.string(), operator, fc.string(), (before, char, after) => {
        // Quotes would make the operator a text.
        const clean = (text: string) => text.replace(/['"]/g, '');
        const command = `npm test ${clean(before)}${char}x${clean(after)}`;
        expect(matches('Bash(npm test *)', bash(command))).toBe(false);
        expect(matches('Bash(npm:*)', bash(command))).toBe(false);
      }),
    );
  });

  test('that is a beginning matches nothing but simple commands', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...`ab '";|&$()\n\\-`) }), (rest) => {
        const command = `npm test${rest}`;
        if (matches('Bash(npm test *)', bash(command)) && simpleCommand(command) === undefined) {
          // Then it is a list of such commands, each of which matches.
          expect(command).toMatch(/[;&|\n]/);
          for (const part of command.replace(/'[^']*'|"[^"]*"/g, 'q').split(/[;&|\n]+/))
            expect(part.trim()).toMatch(/^(npm test( .*)?)?$/);
        }
      }),
    );
  });
});

describe('a rule about a domain', () => {
  test('is about that host alone', () => {
    for (const url of ['https://example.com', 'http://example.com:8080/a?b#c', 'https://EXAMPLE.com/x'])
      expect(matches('WebFetch(domain:example.com)', fetches(url))).toBe(true);
    for (const url of [
      'https://example.com.evil.net/',
      'https://example.com@evil.net/',
      'https://www.example.com/',
      'https://evil.net/example.com',
      'https://user:pw@example.com/',
      'https://evilexample.com',
      'file://example.com/x',
      'https://example.com\\@evil.net',
      ' https://example.com',
      'https://exam\nple.com',
      'https://\u0435xample.com',
      'example.com',
      '',
      7,
      undefined,
    ])
      expect([url, matches('WebFetch(domain:example.com)', fetches(url))]).toEqual([url, false]);
  });

  test('with a star is about subdomains', () => {
    expect(matches('WebFetch(domain:*.example.com)', fetches('https://a.b.example.com/'))).toBe(true);
    for (const url of ['https://example.com', 'https://evilexample.com', 'https://a.example.com.evil.net'])
      expect(matches('WebFetch(domain:*.example.com)', fetches(url))).toBe(false);
    for (const content of ['domain:*', 'domain:', 'domain:*.*', 'example.com', 'https://example.com/*'])
      expect(matches(`WebFetch(${content})`, fetches('https://example.com/'))).toBe(false);
  });

  test('compares the name that is looked up', () => {
    expect(webHost('https://bücher.example/')).toBe('xn--bcher-kva.example');
  });
});

describe('a rule about files', () => {
  test('names an absolute path, one at home, or one where the call was made', () => {
    expect(matches('Edit(//home/dev/shop/a.ts)', file('Edit', '/home/dev/shop/a.ts'))).toBe(true);
    expect(matches('Edit(//home/dev/**)', file('Edit', 'src/.x/a.ts'))).toBe(true);
    expect(matches('Edit(//home/dev/*)', file('Edit', 'src/a.ts'))).toBe(false);
    expect(matches('Read(~/notes/**)', file('Read', join(homedir(), 'notes/a')))).toBe(true);
    for (const text of ['Edit(/src/**)', 'Edit(./src/**)', 'Edit(src/**)', 'Edit(src/*.ts)']) {
      expect(matches(text, file('Edit', 'src/a.ts'))).toBe(true);
      expect(matches(text, file('Edit', '/src/a.ts'))).toBe(false);
    }
  });

  test('is not led out of a directory', () => {
    for (const path of [
      '/home/dev/shop/src/../../x',
      'src/../../../etc/passwd',
      '~/x',
      '/home/dev/shop',
      '/home/dev/shop-2/a',
      '',
      7,
      undefined,
    ])
      expect([path, matches('Edit(//home/dev/shop/src/**)', file('Edit', path))]).toEqual([path, false]);
    expect(matches('Edit(src/**)', file('Edit', 'src/a', 'relative'))).toBe(false);
    expect(matches('Edit(//**)', file('Edit', '/x\0'))).toBe(false);
  });

  test('is about both files when a call names two', () => {
    const both = { tool_name: 'Edit', tool_input: { file_path: '/etc/passwd', notebook_path: `${CWD}/a` }, cwd: CWD };
    expect(matches('Edit(//home/dev/shop/**)', both)).toBe(false);
  });

  test('with brackets, braces, backslashes or dots that lead up is not understood', () => {
    for (const content of [
      '//home/[a-z]*/**',
      '//home/{dev,x}/**',
      '//home/\\dev/**',
      '!//home/**',
      '//home/dev/shop/../**',
      '//',
    ])
      expect([content, matches(`Edit(${content})`, file('Edit', 'a'))]).toEqual([content, false]);
  });

  test('that is about editing covers every tool that edits, and none that reads', () => {
    for (const tool of ['Edit', 'Write', 'MultiEdit']) expect(matches('Edit(src/**)', file(tool, 'src/a'))).toBe(true);
    expect(
      matches('Edit(src/**)', { tool_name: 'NotebookEdit', tool_input: { notebook_path: 'src/a' }, cwd: CWD }),
    ).toBe(true);
    for (const tool of ['Read', 'Bash', 'mcp__fs__edit'])
      expect(matches('Edit(src/**)', file(tool, 'src/a'))).toBe(false);
    expect(matches('Write(src/**)', file('Edit', 'src/a'))).toBe(false);
    expect(matches('Read(src/**)', file('Edit', 'src/a'))).toBe(false);
  });

  test('does not follow a symbolic link out', () => {
    const root = realpathSync(mkdtempSync(join(tmpdir(), 'rules-')));
    try {
      mkdirSync(join(root, 'in'));
      symlinkSync('/etc', join(root, 'in/out'));
      symlinkSync(join(root, 'in'), join(root, 'same'));
      expect(matches(`Edit(/${root}/in/**)`, file('Edit', join(root, 'in/new/a')))).toBe(true);
      expect(matches(`Edit(/${root}/in/**)`, file('Edit', join(root, 'in/out/passwd')))).toBe(false);
      expect(matches(`Edit(/${root}/in/**)`, file('Edit', join(root, 'same/a')))).toBe(false);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});

test('a rule about a server of tools is about its tools, or one of them', () => {
  for (const text of ['mcp__inventory', 'mcp__inventory__*', 'mcp__inventory__adjust_stock'])
    expect(matches(text, mcp('mcp__inventory__adjust_stock'))).toBe(true);
  for (const text of [
    'mcp__inv',
    'mcp__inventory__adjust',
    'mcp__inventory__adjust_stock__x',
    'mcp__*',
    'mcp__',
    'mcp__inventory__get_*',
    'mcp__other',
    'mcp__inventory(x)',
    '*',
  ])
    expect([text, matches(text, mcp('mcp__inventory__adjust_stock'))]).toEqual([text, false]);
});

test('a tool name alone is about that tool', () => {
  expect(matches('WebSearch', mcp('WebSearch'))).toBe(true);
  expect(matches('WebSearch', mcp('WebFetch'))).toBe(false);
  expect(matches('WebSearch(x)', mcp('WebSearch'))).toBe(false);
  expect(matches('constructor(x)', mcp('constructor'))).toBe(false);
  expect(matchesRules([{ toolName: 'Bash' }], { cwd: CWD })).toBe(false);
});
