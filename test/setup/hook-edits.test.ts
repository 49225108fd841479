import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type ParseError, parse } from 'jsonc-parser';
import { isOurs, withHooks, withoutHooks } from '../../src/setup/hook-edits.ts';
import { type HookPlan, type PlanOptions, planHooks, timeoutFor } from '../../src/setup/hook-plans.ts';
import type { AgentName } from '../../src/types.ts';

const OPTIONS: PlanOptions = {
  ...{ scope: 'user', mode: 'dialog', program: '/opt/bin/claude-slack-hook', deadlineMs: 570_000 },
  ...{ home: '/home/dev', project: '/home/dev/shop', env: {} },
};

function planOf(agent: AgentName, change: Partial<PlanOptions> = {}): HookPlan {
  const plan = planHooks(agent, { ...OPTIONS, ...change });
  if (plan === undefined) throw new Error('Expected a plan');
  return plan;
}

const CLAUDE = planOf('claude');
const JSONC = { allowTrailingComma: true };

/** Settings as people have them: each is given back as it was. */
const FILES: Readonly<Record<string, string>> = {
  'an empty object': '{}\n',
  'an empty object in one line without an end': '{}',
  'settings without hooks': '{\n  "model": "opus",\n  "permissions": { "allow": ["Bash(ls:*)"] }\n}\n',
  'foreign hooks of the same and of other events':
    '{\n  "hooks": {\n    "PreToolUse": [\n      { "matcher": "Bash", "hooks": [{ "type": "command", "command": "./lint.sh" }] }\n    ],\n    "Notification": [{ "hooks": [{ "type": "command", "command": "say hi" }] }]\n  }\n}\n',
  'comments and trailing commas':
    '{\n  // mine\n  "model": "opus", /* keep */\n  "hooks": {\n    "Stop": [ // at the end\n      { "hooks": [{ "type": "command", "command": "ding", },], },\n    ],\n  }, // last\n}\n',
  'tabs and Windows line ends':
    '{\r\n\t"model": "opus",\r\n\t"hooks": {\r\n\t\t"Stop": [\r\n\t\t\t{ "hooks": [] }\r\n\t\t]\r\n\t}\r\n}\r\n',
  'a byte order mark': '\uFEFF{\n  "model": "opus"\n}\n',
  'everything in one line': '{"model":"opus","hooks":{"Stop":[{"hooks":[{"type":"command","command":"ding"}]}]}}',
};

describe('hooks in an agent’s settings', () => {
  test.each(Object.entries(FILES))('of %s are there once, and the file is given back as it was', (_name, text) => {
    const installed = withHooks(text, CLAUDE);
    expect(withHooks(installed, CLAUDE)).toBe(installed);
    const { hooks } = parse(installed.replace('\uFEFF', ''), [], JSONC);
    for (const [event, entry] of CLAUDE.hooks) expect(hooks[event]).toContainEqual(entry);
    // Every line that was there is still there, in its order, but for a comma.
    const rest = installed.split(/\r?\n/);
    for (const line of text.split(/\r?\n/).filter((one) => !/^[\uFEFF{}[\],\s]*$/.test(one))) {
      const at = rest.findIndex((one) => one === line || one === `${line},` || text.split('\n').length < 3);
      expect([line, at >= 0]).toEqual([line, true]);
      rest.splice(0, at);
    }
    expect(withoutHooks(installed, CLAUDE.path)).toBe(text);
  });

  test('of an empty file, or of none, are a file of their own', () => {
    for (const nothing of ['', ' \n'])
      expect(parse(withHooks(nothing, CLAUDE)).hooks.PermissionRequest).toEqual([CLAUDE.hooks[0]?.[1]]);
  });

  test('go without the comments that were there alone', () => {
    for (const text of ['{ "hooks": { // none yet\n} }', '{ "hooks": { "Stop": [ /* none yet */ ] } }']) {
      const left = withoutHooks(withHooks(text, CLAUDE), 'FILE');
      expect(left).toContain('none yet');
      expect(parse(left)).toEqual(parse(text));
    }
  });

  test('swallow nothing when they go from behind a comment that ends with its line', () => {
    const texts = [
      '{ "a": 1, // b\n"hooks": {}}',
      '{ "a": 1, // b\r\n"hooks": { "Stop": [{ "command": "claude-slack-hook" }]}}',
      '{ "hooks": { "Stop": ["x", // c\n{ "command": "claude-slack-hook" }]} }',
      '{ "hooks": { "Stop": [ // c\n{ "command": "claude-slack-hook" }, "x"]} }',
    ];
    for (const text of texts) {
      const left = withoutHooks(withHooks(text, CLAUDE), 'FILE');
      const errors: ParseError[] = [];
      const { hooks: _ours, ...rest } = parse(left, errors, JSONC);
      const { hooks: _before, ...before } = parse(text);
      expect([errors, rest]).toEqual([[], before]);
      expect(left).not.toContain('claude-slack-hook');
    }
  });

  test('are not taken out of a file without any: it stays as it is, byte for byte', () => {
    for (const text of ['', ' \n', '\uFEFF', '{ }', '// nothing\n{}']) expect(withoutHooks(text, 'FILE')).toBe(text);
  });

  test('of an older version, a place or a mode that has changed are replaced', () => {
    const older = withHooks(FILES['foreign hooks of the same and of other events'] ?? '', {
      ...planOf('claude', { program: '/old place/claude-slack-hook', mode: 'every-call', deadlineMs: 60_000 }),
    });
    const newer = withHooks(older, CLAUDE);
    expect(newer).not.toContain('/old place');
    expect(newer).toBe(withHooks(FILES['foreign hooks of the same and of other events'] ?? '', CLAUDE));
  });

  test('that somebody put beside others in one entry go alone', () => {
    const shared = `{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"ding"},{"type":"command","command":"/x/claude-slack-hook --observe"}]}]}}`;
    expect(withoutHooks(shared, 'FILE')).toBe('{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"ding"}]}]}}');
  });

  test.each([
    ['no JSON', '{ "hooks": '],
    ['a list', '[]'],
    ['a text', '"x"'],
    ['hooks that are a list', '{ "hooks": [] }'],
    ['hooks that are null', '{ "hooks": null }'],
    ['an event that is no list', '{ "hooks": { "Stop": {} } }'],
    // An agent takes the last one; an edit would meet the first.
    [
      'hooks twice',
      '{ "hooks": { "Stop": [{ "command": "a" }] }, "hooks": { "Stop": [{ "command": "claude-slack-hook" }] } }',
    ],
    ['an event twice', '{ "hooks": { "Stop": [], "Stop": [{ "command": "claude-slack-hook" }] } }'],
    [
      'a list of hooks twice',
      '{ "hooks": { "Stop": [{ "hooks": [{}], "hooks": [{ "command": "claude-slack-hook" }] }] } }',
    ],
    ['far too much in itself', '['.repeat(200_000)],
    ['a prototype with hooks', '{ "__proto__": { "hooks": { "Stop": [{ "command": "claude-slack-hook" }] } } }'],
  ])('are not put into a file that holds %s', (_what, text) => {
    expect(() => withHooks(text, CLAUDE)).toThrow(/^Expected \/home\/dev\/.claude\/settings.json to /);
    expect(() => withoutHooks(text, 'FILE')).toThrow(/^Expected FILE to /);
  });

  test('are recognised by the program’s name, wherever it is', () => {
    const ours = [
      'claude-slack-hook',
      '/a/b/claude-slack-hook --observe',
      "'/a b/claude-slack-hook' -l debug",
      'cd / && "claude-slack-hook"',
      'A=1 exec timeout -k 5 600 "$HOME/.local/bin/claude-slack-hook" --observe | tee log',
      "sh -c 'exec /a/claude-slack-hook'",
      'npx --yes claude-slack-hook',
      'echo $(claude-slack-hook)',
    ];
    const others = [
      ...['claude-slack-hook-lint', '/x/my-claude-slack-hook', 'echo claude-slack-hooks', '', 5, undefined],
      // Of others who only speak of it, or work in a directory of that name.
      ...['cd ~/src/claude-slack-hook && make lint', 'logger -t claude-slack-hook', 'tail /var/log/claude-slack-hook'],
      ...[
        'notify-send "claude-slack-hook" done',
        "sh -c 'logger claude-slack-hook'",
        'sh claude-slack-hook.sh',
        'sh -c',
      ],
    ];
    expect(ours.filter((command) => !isOurs(command))).toEqual([]);
    expect(others.filter((command) => isOurs(command))).toEqual([]);
    // Started without a shell, the whole text is the program.
    expect(isOurs('/a b/claude-slack-hook', ['--observe'])).toBe(true);
    expect(isOurs('/usr/bin/env', ['claude-slack-hook-lint'])).toBe(false);
  });

  test('of others that speak of the program stay where they are', () => {
    const foreign =
      '{ "hooks": { "Stop": [{ "hooks": [{ "type": "command", "command": "tail /x/claude-slack-hook" }] }] } }';
    expect(withoutHooks(withHooks(foreign, CLAUDE), 'FILE')).toBe(foreign);
  });

  test('whatever the settings, putting them in and taking them out changes nothing else', () => {
    const hook = fc.record({ type: fc.constant('command'), command: fc.string() });
    const entry = fc.record({ matcher: fc.string(), hooks: fc.array(hook, { maxLength: 2 }) });
    const events = fc.dictionary(
      fc.constantFrom('Stop', 'PreToolUse', 'Other', 'toString'),
      fc.array(entry, { minLength: 1, maxLength: 3 }),
    );
    const settings = fc.record({ hooks: events, model: fc.jsonValue() }, { requiredKeys: [] });
    const indents = fc.constantFrom(undefined, 2, 4, '\t');
    fc.assert(
      fc.property(
        settings,
        indents,
        fc.constantFrom<AgentName>('claude', 'codex', 'gemini'),
        (value, indent, agent) => {
          fc.pre(Object.keys(value.hooks ?? { x: 1 }).length > 0);
          const text = JSON.stringify(value, null, indent);
          fc.pre(!text.includes('claude-slack-hook'));
          const installed = withHooks(text, planOf(agent));
          expect(withHooks(installed, planOf(agent))).toBe(installed);
          expect(withoutHooks(installed, 'FILE')).toBe(text);
        },
      ),
    );
  });
});

describe('the plan', () => {
  test('of each agent is one command for each event, with a timeout above the deadline', () => {
    expect(timeoutFor(570_000)).toBe(600);
    expect(timeoutFor(500)).toBe(31);
    const gates = {
      claude: ['PermissionRequest', 600],
      codex: ['PermissionRequest', 600],
      cursor: ['beforeShellExecution', 600],
      gemini: ['BeforeTool', 600_000],
    } as const;
    for (const [agent, [event, timeout]] of Object.entries(gates)) {
      const { hooks } = planOf(agent as AgentName);
      const [first] = hooks;
      expect(first?.[0]).toBe(event);
      expect(JSON.stringify(first?.[1])).toContain(`"timeout":${timeout}`);
      // Everything else only tells.
      for (const [other, entry] of hooks.slice(1)) {
        const isSecondGate = other === 'beforeMCPExecution';
        expect([other, JSON.stringify(entry).includes('--observe')]).toEqual([other, !isSecondGate]);
      }
    }
    expect(planHooks('opencode', OPTIONS)).toBeUndefined();
  });

  test('for every call blocks where the hook itself fails, and asks about what changes something', () => {
    const [gate, ...others] = planOf('claude', { mode: 'every-call' }).hooks;
    expect(gate?.[0]).toBe('PreToolUse');
    expect(JSON.stringify(gate)).toContain('"onFailure":"block"');
    expect(others.map(([event]) => event)).not.toContain('PreToolUse');
  });

  test('quotes a path for the shell', () => {
    const { hooks } = planOf('claude', { program: "/a b/it's/claude-slack-hook", args: ['--config', '/c d.json'] });
    const { command } = parse(JSON.stringify(hooks[0]?.[1])).hooks[0];
    const ran = Bun.spawnSync(['/bin/sh', '-c', `printf '%s\\n' ${command}`]);
    expect(ran.stdout.toString()).toBe("/a b/it's/claude-slack-hook\n--config\n/c d.json\n");
  });

  test('goes where each scope is', () => {
    expect(planOf('claude', { scope: 'project' }).path).toBe('/home/dev/shop/.claude/settings.json');
    expect(planOf('claude', { scope: 'local' }).path).toBe('/home/dev/shop/.claude/settings.local.json');
    expect(planOf('codex', { env: { CODEX_HOME: '/x' } }).path).toBe('/x/hooks.json');
    expect(planOf('codex', { env: { CODEX_HOME: 'relative' } }).path).toBe('/home/dev/.codex/hooks.json');
    expect(planOf('claude', { env: { CLAUDE_CONFIG_DIR: '/x' } }).path).toBe('/x/settings.json');
    expect(planOf('claude', { env: { CLAUDE_CONFIG_DIR: 'x' } }).path).toBe('/home/dev/.claude/settings.json');
    expect(planOf('claude', { scope: 'local', env: { CLAUDE_CONFIG_DIR: '/x' } }).path).toStartWith('/home/dev/shop/');
    expect(planOf('cursor').path).toBe('/home/dev/.cursor/hooks.json');
    expect(planOf('gemini', { scope: 'project' }).path).toBe('/home/dev/shop/.gemini/settings.json');
  });
});
