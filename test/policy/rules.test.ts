import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { readCall } from '../../src/policy/call.ts';
import { readPolicyConfig } from '../../src/policy/config.ts';
import { compileRules, explainRules, firstRule } from '../../src/policy/rules.ts';
import { simpleCommand } from '../../src/policy/shell.ts';
import type { HookInput, ToolInput } from '../../src/types.ts';

const HOME = '/home/ada';

function call(tool: string, input: ToolInput, cwd = '/home/ada/work') {
  const event: HookInput = {
    hook_event_name: 'PreToolUse',
    session_id: 's',
    cwd,
    tool_name: tool,
    tool_input: input,
  };
  return readCall(event, 'claude', HOME);
}

/** The decision of a list of rules about a call, through the config's own check. */
function decide(rules: readonly object[], about: ReturnType<typeof call>): string {
  if (about === undefined) return 'no call';
  const compiled = compileRules(readPolicyConfig({ rules }, 'FILE').rules, HOME);
  return firstRule(compiled, about)?.decision ?? 'none';
}

const bash = (command: string, more: ToolInput = {}) => call('Bash', { command, ...more });
const allows = (rule: object, about: ReturnType<typeof call>) =>
  decide([{ decision: 'allow', ...rule }], about) === 'allow';
const denies = (rule: object, about: ReturnType<typeof call>) =>
  decide([{ decision: 'deny', ...rule }], about) === 'deny';

describe('among rules', () => {
  test('the strictest that fires wins, and among equals the first', () => {
    const rules = [
      { decision: 'allow', tool: 'Bash', name: 'a' },
      { decision: 'ask', tool: 'Bash', name: 'b' },
      { decision: 'deny', argument: 'git push*', name: 'c' },
      { decision: 'deny', argument: 'git *', name: 'd' },
    ];
    const compiled = compileRules(readPolicyConfig({ rules }, 'FILE').rules, HOME);
    const first = (command: string) => {
      const about = bash(command);
      return about === undefined ? undefined : firstRule(compiled, about)?.label;
    };
    expect([first('git push'), first('git log'), first('ls')]).toEqual(['c', 'd', 'b']);
  });

  test('each is explained, with its number when it has no name', () => {
    const rules = [
      { decision: 'deny', tool: 'WebFetch' },
      { decision: 'ask', tool: 'Bash', argument: 'git push*', project: '~/work' },
    ];
    const explained = explainRules(compileRules(readPolicyConfig({ rules }, 'FILE').rules, HOME), bash('git push'));
    expect(explained).toEqual([
      { rule: 'rule 1: deny WebFetch', decision: 'deny', fires: false, why: 'the tool is "Bash"' },
      {
        rule: 'rule 2: ask Bash git push* in ~/work',
        decision: 'ask',
        fires: true,
        why: 'all of it holds: Bash git push* in ~/work',
      },
    ]);
  });

  test('one more that denies never makes an allow appear', () => {
    const words = fc.constantFrom('git push', 'npm test', 'npm test; git push', 'ls', '*', 'npm *', 'git*');
    const rule = fc.record({
      decision: fc.constantFrom('deny', 'ask', 'allow'),
      tool: fc.constantFrom('Bash', 'Read'),
      argument: words,
    });
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 5 }), rule, fc.nat(5), words, (rules, extra, at, command) => {
        const more = [...rules.slice(0, at), { ...extra, decision: 'deny' }, ...rules.slice(at)];
        const before = decide(rules, bash(command));
        const after = decide(more, bash(command));
        expect(after === 'deny' || after === before).toBe(true);
      }),
    );
  });
});

describe('a rule that allows commands', () => {
  const npm = { tool: 'Bash', argument: 'npm test*' };

  test('fires for one simple command of its pattern', () => {
    expect(allows(npm, bash('npm test -- --only a'))).toBe(true);
    expect(allows(npm, bash('npm test'))).toBe(true);
    expect(allows({ argument: { command: 'npm test*' } }, bash('npm test'))).toBe(true);
  });

  test('does not fire for anything a shell would do more with', () => {
    for (const end of [
      '; rm -rf ~',
      ' && rm x',
      ' | sh',
      ' & rm x',
      '\nrm x',
      ' $(rm x)',
      ' `rm x`',
      ' > ~/.bashrc',
      ' <(rm x)',
      ' $\u007bx}',
      ' \\\n rm',
      ' {a,b}',
      ' *',
      ' ~',
      ' # x',
    ]) {
      expect(allows(npm, bash(`npm test${end}`))).toBe(false);
      expect(allows({ tool: 'Bash' }, bash(`npm test${end}`))).toBe(false);
    }
    expect(allows(npm, bash('NPM test'))).toBe(false);
    expect(allows(npm, bash('FOO=1 npm test'))).toBe(false);
    expect(allows(npm, bash(' npm test'))).toBe(false);
  });

  test('fires for an operator only when it is that very command', () => {
    const exact = 'npm run build && npm test > "$LOG"';
    expect(allows({ tool: 'Bash', argument: exact }, bash(exact))).toBe(true);
    expect(allows({ tool: 'Bash', argument: `${exact}*` }, bash(exact))).toBe(false);
    expect(allows({ tool: 'Bash', argument: exact }, bash(`${exact} `))).toBe(false);
  });

  test('never fires for a command that is not simple, unless it is exact', () => {
    const pieces = fc.constantFrom(
      'npm',
      'test',
      ' ',
      ' ',
      ';',
      '&&',
      '|',
      '$(',
      ')',
      '`',
      '"',
      "'",
      '\n',
      '>',
      '*',
      'a',
    );
    const commands = fc.array(pieces, { maxLength: 10 }).map((each) => each.join(''));
    fc.assert(
      fc.property(commands, fc.constantFrom('*', 'npm*', '*a', '*npm test*'), (command, argument) => {
        if (simpleCommand(command) !== undefined) return;
        expect(allows({ argument, project: '~/work' }, bash(command))).toBe(false);
        expect(allows({ tool: 'Bash' }, bash(command))).toBe(false);
      }),
    );
    fc.assert(
      fc.property(commands, fc.constantFrom(';', '&', '|', '>', '<', '\n', '$(', '`'), (command, operator) => {
        expect(allows({ tool: 'Bash', argument: '*' }, bash(`npm test ${operator} ${command}`))).toBe(false);
      }),
    );
  });

  test('does not lead out of the sandbox unless it says so', () => {
    const out = bash('npm test', { dangerouslyDisableSandbox: true });
    expect(allows(npm, out)).toBe(false);
    expect(allows({ argument: { command: 'npm test*', dangerouslyDisableSandbox: 'true' } }, out)).toBe(true);
  });

  test('is as careful with the commands of other tools', () => {
    const rule = { tool: 'mcp__box__run', argument: { command: 'ls*' } };
    expect(allows(rule, call('mcp__box__run', { command: 'ls -l' }))).toBe(true);
    expect(allows(rule, call('mcp__box__run', { command: 'ls; rm x' }))).toBe(false);
  });
});

describe('a rule that denies commands', () => {
  const push = { tool: 'Bash', argument: 'git push*' };

  test('fires wherever the command stands', () => {
    for (const command of [
      'git push',
      'GIT Push',
      '  git   push',
      'git\tpush origin',
      'npm test && git push --force',
      'npm test\ngit push',
      'echo $(git push)',
      'echo "`git push`"',
      '(git push)',
      'A=1 B="x y" git push',
      'sudo -u ada git push',
      'sudo /usr/bin/git push',
      '/usr/bin/git push',
      'env -i A=1 nohup git push',
      'time git push',
      'echo x | xargs -n 1 git push',
      "bash -c 'cd x; git push'",
      "bash -c 'cd x;git push'",
      'bash -c "cd x && bash -c \'git push\'"',
      "bash <<<'git push'",
      "bash<<<'git push'",
      'sh <<< "cd x; git push"',
      "sudo bash -s <<<'git push'",
      'eval "git push"',
      'if true; then git push; fi',
      'for i in 1 2; do git push; done',
      '2>/dev/null git push',
      '"git" push',
      'g\\it pu""sh',
      'git$\u007bIFS}push',
      'git \\\n push',
    ]) {
      expect([command, denies(push, bash(command))]).toEqual([command, true]);
    }
  });

  test('does not fire for what only speaks of it', () => {
    for (const command of ['git status', 'echo "git push"', 'git commit -m "a; git push later"', 'grep "git push" x']) {
      expect([command, denies(push, bash(command))]).toEqual([command, false]);
    }
  });

  test('fires over line breaks and in text of any length within a moment', () => {
    expect(denies({ argument: 'a*z' }, bash('a\nz'))).toBe(true);
    const started = performance.now();
    expect(denies(push, bash(`env ${'A=1 '.repeat(50_000)} git push`))).toBe(true);
    expect(denies(push, bash('sudo "x"; '.repeat(5_000)))).toBe(false);
    expect(performance.now() - started).toBeLessThan(3000);
  });

  test('fires for every command that a rule of the same pattern allows', () => {
    const words = fc.array(fc.constantFrom('git', 'push', "'a b'", '-x', '/bin/git'), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(words, fc.constantFrom('git*', '*push*', 'git push*', '*'), (parts, argument) => {
        const about = bash(parts.join(' '));
        if (allows({ tool: 'Bash', argument }, about)) expect(denies({ tool: 'Bash', argument }, about)).toBe(true);
      }),
    );
  });
});

describe('a rule about addresses', () => {
  const fetched = (url: string) => call('WebFetch', { url, prompt: 'x' });
  const docs = { tool: 'WebFetch', argument: 'https://docs.example.com/*' };

  test('allows what the address really leads to', () => {
    expect(allows(docs, fetched('https://docs.example.com/a?b#c'))).toBe(true);
    expect(allows(docs, fetched('https://DOCS.example.com/a'))).toBe(true);
    expect(allows({ ...docs, argument: 'https://*.example.com/*' }, fetched('https://a.b.example.com/x'))).toBe(true);
    expect(allows({ ...docs, argument: 'https://docs.example.com' }, fetched('https://docs.example.com/'))).toBe(true);
  });

  test('is not deceived by what only looks like it', () => {
    for (const url of [
      'https://docs.example.com@evil.test/',
      'https://docs.example.com.evil.test/',
      'https://docs.example.com:pw@docs.example.com/',
      'https://ada@docs.example.com/x',
      'http://docs.example.com/x',
      'https://docs.example.com:8443/x',
      'https://evil.test/https://docs.example.com/x',
      'https://evil.test\\@docs.example.com/x',
      'https://docs.example.com\\@evil.test/x',
      'https://docs.example.com/a\\..\\x',
      'https://docs.example.com/a b',
      'https://docs.example.com/a\tb',
      '\nhttps://docs.example.com/a',
      'https://docs.example.com/a\u00a0b',
      'https://docs.example.com/a\0',
      'docs.example.com/x',
    ]) {
      expect([url, allows(docs, fetched(url))]).toEqual([url, false]);
    }
    const paths = { ...docs, argument: 'https://docs.example.com/public/*' };
    expect(allows(paths, fetched('https://docs.example.com/public/../private'))).toBe(false);
    expect(allows(paths, fetched('https://docs.example.com/public/%2e%2e/private'))).toBe(false);
  });

  test('allows nothing by a star that could take in another host', () => {
    const wide = (argument: string) => ({ tool: 'WebFetch', argument });
    expect(allows(wide('https://*.example.com/*'), fetched('https://evil.test/x.example.com/'))).toBe(false);
    expect(allows(wide('https://docs.example.com*'), fetched('https://docs.example.com.evil.test/'))).toBe(false);
    expect(allows(wide('*example.com/*'), fetched('https://docs.example.com/'))).toBe(false);
  });

  test('denies in every spelling', () => {
    const evil = { argument: 'https://evil.test/*' };
    for (const url of [
      'https://evil.test/x',
      'HTTPS://EVIL.TEST/x',
      'https://a:b@evil.test/',
      ' https://evil.test./x',
    ]) {
      expect([url, denies(evil, fetched(url))]).toEqual([url, true]);
    }
  });
});

describe('a rule about files', () => {
  let root = '';
  beforeAll(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'rules-')));
    mkdirSync(join(root, 'work'), { recursive: true });
    mkdirSync(join(root, 'secret'));
    symlinkSync(join(root, 'secret'), join(root, 'work/link'));
    symlinkSync(join(root, 'secret/new'), join(root, 'work/dangling'));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const write = (file_path: string) => call('Write', { file_path, content: 'x' }, join(root, 'work'));

  test('allows what is in the directory, by its name and in truth', () => {
    for (const rule of [{ path: join(root, 'work/**') }, { tool: 'Write', argument: `${root}/work/*` }]) {
      expect(allows(rule, write(join(root, 'work/a/b')))).toBe(true);
      expect(allows(rule, write('a'))).toBe(true);
      for (const path of ['../secret/a', `${root}/work/../secret/a`, 'link/a', 'dangling', '~/x', `a\0`]) {
        expect([path, allows(rule, write(path))]).toEqual([path, false]);
      }
    }
  });

  test('denies what is in the directory, by its name or in truth', () => {
    const rule = { path: join(root, 'secret') };
    for (const path of ['../secret/a', 'link/a', 'dangling', `${root}/SECRET/a`]) {
      expect([path, denies(rule, write(path))]).toEqual([path, true]);
    }
    expect(denies({ path: join(root, 'work/link') }, write('link/a'))).toBe(true);
    expect(denies({ tool: 'Write', argument: `${root}/secret/*` }, write('link/a'))).toBe(true);
    expect(denies(rule, write('a'))).toBe(false);
  });

  test('knows the field of each tool', () => {
    const rule = { path: `${root}/work` };
    const inside = join(root, 'work/a');
    const at = (tool: string, input: ToolInput) => call(tool, input, join(root, 'work'));
    expect(allows(rule, at('NotebookEdit', { notebook_path: inside }))).toBe(true);
    expect(allows(rule, at('NotebookEdit', { file_path: inside, notebook_path: '/etc/x' }))).toBe(false);
    expect(allows(rule, at('Grep', { pattern: '/etc' }))).toBe(true);
    expect(allows(rule, at('Glob', { pattern: '/etc/*', path: inside }))).toBe(false);
    expect(allows(rule, at('mcp__files__write', { path: inside }))).toBe(false);
    expect(denies(rule, at('mcp__files__write', { path: inside }))).toBe(true);
    expect(denies({ path: '/etc' }, at('Glob', { pattern: '/etc/*' }))).toBe(true);
  });

  test('is never about a command', () => {
    expect(allows({ path: `${root}/work` }, call('Bash', { command: 'ls a' }, join(root, 'work')))).toBe(false);
    expect(denies({ path: `${root}/work` }, call('Bash', { command: 'ls a' }, join(root, 'work')))).toBe(false);
  });

  test('asks where the agent works, in truth when it allows', () => {
    const at = (cwd: string) => call('Bash', { command: 'ls' }, cwd);
    expect(allows({ project: `${root}/work` }, at(`${root}/work/sub`))).toBe(true);
    expect(allows({ project: `${root}/work` }, at(`${root}/work/link`))).toBe(false);
    expect(denies({ project: `${root}/secret` }, at(`${root}/work/link`))).toBe(true);
    expect(allows({ project: `${root}/work` }, at(`${root}/work/../secret`))).toBe(false);
  });
});

describe('a rule about other tools', () => {
  test('names them with stars, case by case', () => {
    expect(allows({ tool: 'mcp__inventory__*' }, call('mcp__inventory__adjust', {}))).toBe(true);
    expect(allows({ tool: 'mcp__inventory__*' }, call('mcp__Inventory__adjust', {}))).toBe(false);
    expect(allows({ tool: ['Read', 'mcp__*'] }, call('mcp__x__y', {}))).toBe(true);
  });

  test('has to name the field to allow, and looks at everything to deny', () => {
    const stock = call('mcp__inventory__adjust', { sku: 'A1', quantity: 5, note: { by: 'ada' } });
    expect(allows({ argument: '*A1*' }, stock)).toBe(false);
    expect(denies({ argument: '*"a1"*' }, stock)).toBe(true);
    expect(allows({ tool: 'mcp__*', argument: { sku: 'A*', quantity: '5' } }, stock)).toBe(true);
    expect(allows({ tool: 'mcp__*', argument: { sku: 'A*', quantity: '6' } }, stock)).toBe(false);
    expect(allows({ tool: 'mcp__*', argument: { note: '*' } }, stock)).toBe(false);
    expect(allows({ tool: 'mcp__*', argument: { toString: '*' } }, stock)).toBe(false);
    expect(denies({ argument: { note: '*ada*' } }, stock)).toBe(true);
  });

  test('leaves questions to a person, and plans unless it names them', () => {
    expect(allows({ tool: 'AskUserQuestion' }, call('AskUserQuestion', {}))).toBe(false);
    expect(allows({ project: '~/work' }, call('ExitPlanMode', { plan: 'x' }))).toBe(false);
    expect(allows({ tool: 'ExitPlanMode' }, call('ExitPlanMode', { plan: 'x' }))).toBe(true);
  });

  test('is about none of the events that are no tool calls', () => {
    const stop = readCall({ hook_event_name: 'Stop', session_id: 's', cwd: '/x' }, 'claude', HOME);
    expect(stop).toBeUndefined();
    const rules = compileRules(readPolicyConfig({ rules: [{ decision: 'deny' }] }, 'FILE').rules, HOME);
    expect(explainRules(rules, stop)[0]).toMatchObject({ fires: false, why: 'the event is no tool call' });
  });

  test('denies each recorded request by its tool', () => {
    for (const version of ['claude-code', 'claude-code-2.1.329']) {
      const folder = join(import.meta.dir, '../fixtures', version);
      for (const name of readdirSync(folder).filter((each) => each.startsWith('PermissionRequest.'))) {
        const input: HookInput = JSON.parse(readFileSync(join(folder, name), 'utf8'));
        const about = readCall(input, 'claude', HOME);
        expect([name, denies({ tool: input.tool_name }, about)]).toEqual([name, true]);
        expect([name, denies({ project: input.cwd }, about)]).toEqual([name, true]);
      }
    }
  });
});
