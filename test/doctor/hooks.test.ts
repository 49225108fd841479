import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Check } from '../../src/doctor/check.ts';
import type { HookAgent, HookSource } from '../../src/doctor/hook-entries.ts';
import type { FoundHooks } from '../../src/doctor/hook-sources.ts';
import { checkHooks, type HookFacts } from '../../src/doctor/hooks.ts';
import { projectVariables } from '../../src/doctor/hooks-claude.ts';

const HOME = '/home/dev';
const US = '/opt/claude-slack-hook';
const NO_OPENCODE: FoundHooks['opencode'] = { isInstalled: false, plugins: [] };

type Files = Partial<Record<HookSource['scope'], unknown>>;

const PATHS: Readonly<Record<HookSource['scope'], string>> = {
  user: `${HOME}/.claude/settings.json`,
  project: '/work/.claude/settings.json',
  local: '/work/.claude/settings.local.json',
  managed: '/etc/claude-code/managed-settings.json',
};

function facts(agent: HookAgent, files: Files, more: Partial<HookFacts> = {}): HookFacts {
  const sources = Object.entries(files).map(([scope, value]) => ({
    ...{ path: PATHS[scope as HookSource['scope']], scope: scope as HookSource['scope'] },
    file: { state: 'read' as const, value },
  }));
  return {
    found: { agents: [{ agent, isInstalled: true, sources }], opencode: NO_OPENCODE },
    ...{ home: HOME, deadlineMs: 570_000, stopReplyMs: undefined, httpPorts: [8765], probe: () => 'runs' as const },
    toMs: (text) =>
      text.endsWith('m') ? Number.parseFloat(text) * 60_000 : Number.parseFloat(text) * 1_000 || undefined,
    ...more,
  };
}

const hook = (more: object = {}, matcher?: string): object => ({
  ...(matcher === undefined ? {} : { matcher }),
  hooks: [{ type: 'command', command: US, timeout: 600, ...more }],
});
const observer = hook({ command: `${US} --observe`, timeout: undefined });
const OBSERVERS = Object.fromEntries(
  ['PostToolUse', 'PostToolUseFailure', 'Stop', 'SessionEnd', 'UserPromptSubmit'].map((event) => [event, [observer]]),
);
/** All events that a set-up of Claude Code wants. */
const claude = (hooks: object, settings: object = {}): object => ({ ...settings, hooks: { ...OBSERVERS, ...hooks } });

const statesOf = (given: HookFacts): string[] => checkHooks(given).map(({ id, state }) => `${id} ${state}`);
const one = (given: HookFacts, id: string): Check | undefined => checkHooks(given).find((check) => check.id === id);

describe('the hooks of Claude Code', () => {
  const well = claude({ PreToolUse: [hook({}, 'Bash|Write')] });

  test('are well with a gate, observers and enough time', () => {
    expect(statesOf(facts('claude', { user: well }))).toEqual(['claude ok']);
    expect(one(facts('claude', { user: well }), 'claude')?.what).toBe(
      'Claude Code: asks at PreToolUse for "Bash|Write", as ~/.claude/settings.json says',
    );
  });

  test('are passed over where there is no Claude Code, and missed where there is', () => {
    const none = { agents: [{ agent: 'claude' as const, isInstalled: false, sources: [] }], opencode: NO_OPENCODE };
    expect(statesOf({ ...facts('claude', {}), found: none })).toEqual(['hooks warn']);
    expect(statesOf(facts('claude', { user: {} }))).toEqual(['claude skipped', 'hooks warn']);
  });

  test.each<[string, object, string | undefined]>([
    ['too short', { timeout: 60 }, 'PreToolUse has a timeout of 60 s, but the hook waits 570 s'],
    ['as long as the deadline', { timeout: 570 }, 'PreToolUse has a timeout of 570 s, but the hook waits 570 s'],
    ['of the wrong type', { timeout: '600' }, 'PreToolUse has a timeout that is no number, but the hook waits 570 s'],
    ['below zero', { timeout: -1 }, 'PreToolUse has a timeout that is no number, but the hook waits 570 s'],
    ['above the deadline', { timeout: 571 }, undefined],
    ['that is Claude Code’s own', { timeout: undefined }, undefined],
    ['that fits its own deadline', { timeout: 60, command: `${US} --deadline 50s` }, undefined],
    [
      'that does not fit its own deadline',
      { timeout: 600, command: `${US} --deadline 11m` },
      'PreToolUse has a timeout of 600 s, but the hook waits 660 s',
    ],
  ])('with a timeout %s', (_name, more, what) => {
    const check = one(facts('claude', { user: claude({ PreToolUse: [hook(more)] }) }), 'claude-timeout');
    expect(check?.what).toBe(what === undefined ? undefined : `Claude Code: ${what}`);
    if (what !== undefined) expect(check?.state).toBe('fail');
  });

  test('name the timeout that would do', () => {
    const check = one(facts('claude', { user: claude({ PreToolUse: [hook({ timeout: 60 })] }) }), 'claude-timeout');
    expect(check?.fix).toBe('Set "timeout": 600 for it in ~/.claude/settings.json, or give a shorter --deadline.');
  });

  test('need a timeout above the time for a reply when it has stopped', () => {
    const stop = (more: object): object => claude({ PreToolUse: [hook()], Stop: [hook(more)] });
    const command = `${US} --stop-reply 9m`;
    expect(statesOf(facts('claude', { user: stop({ command, timeout: 500 }) }))).toEqual([
      'claude ok',
      'claude-timeout fail',
    ]);
    expect(statesOf(facts('claude', { user: stop({ command }) }))).toEqual(['claude ok']);
    const user = stop({ timeout: 30 });
    expect(statesOf(facts('claude', { user }, { stopReplyMs: 60_000 }))).toEqual(['claude ok', 'claude-timeout fail']);
    expect(statesOf(facts('claude', { user }))).toEqual(['claude ok']);
  });

  test('that are there twice are found, in one file and in two', () => {
    const twice = 'claude-duplicates warn';
    expect(
      statesOf(facts('claude', { user: claude({ PreToolUse: [hook({}, 'Bash'), hook({}, 'Write|Bash')] }) })),
    ).toContain(twice);
    expect(statesOf(facts('claude', { user: well, project: { hooks: { PreToolUse: [hook()] } } }))).toContain(twice);
    expect(
      statesOf(facts('claude', { user: claude({ PreToolUse: [hook({}, 'Bash'), hook({}, 'Write')] }) })),
    ).not.toContain(twice);
    expect(statesOf(facts('claude', { user: claude({ PreToolUse: [hook(), observer] }) }))).not.toContain(twice);
    const { what = '' } = one(facts('claude', { user: well, local: well }), 'claude-duplicates') ?? {};
    expect(what).toContain('(~/.claude/settings.json and /work/.claude/settings.local.json)');
  });

  test('are told of others at PreToolUse, without what is secret in their commands', () => {
    const other = hook({ command: 'lint --token ghp_abcdefghijklmnopqrstuvwxyz0123456789 && sneak\u001b[2J' });
    const check = one(facts('claude', { user: claude({ PreToolUse: [hook(), other] }) }), 'claude-others');
    expect(check?.state).toBe('warn');
    expect(check?.what).toContain('"lint --token ');
    expect(check?.what).not.toContain('ghp_abc');
    const elsewhere = claude({ PermissionRequest: [hook()], PreToolUse: [other] });
    expect(one(facts('claude', { user: elsewhere }), 'claude-others')).toBeUndefined();
  });

  test('do not run where they are switched off', () => {
    expect(statesOf(facts('claude', { user: { ...well, disableAllHooks: true } }))).toContain('claude-disabled fail');
    expect(statesOf(facts('claude', { user: { ...well, disableAllHooks: 'yes' } }))).toEqual(['claude ok']);
    const off = { disableAllHooks: true };
    expect(statesOf(facts('claude', { user: { ...well, ...off }, local: { disableAllHooks: false } }))).toEqual([
      'claude ok',
    ]);
    expect(statesOf(facts('claude', { user: off, managed: well }))).toEqual(['claude ok']);
    expect(statesOf(facts('claude', { managed: { ...well, ...off } }))).toContain('claude-disabled fail');
    const managed = { allowManagedHooksOnly: true };
    expect(statesOf(facts('claude', { managed, user: well }))).toContain('claude-managed fail');
    expect(statesOf(facts('claude', { managed: { ...managed, ...well } }))).toEqual(['claude ok']);
    expect(statesOf(facts('claude', { user: { ...managed, ...well } }))).toEqual(['claude ok']);
  });

  describe('over http', () => {
    const headers = { Authorization: 'Bearer $CLAUDE_SLACK_HOOK_TOKEN' };
    const http = {
      ...{ type: 'http', url: 'http://127.0.0.1:8765/hooks/claude', command: undefined },
      ...{ headers, allowedEnvVars: ['CLAUDE_SLACK_HOOK_TOKEN'] },
    };
    const ensure = { SessionStart: [hook({ command: `${US} ensure --http 8765`, timeout: 10 })] };
    const command = { PreToolUse: [hook({}, 'Bash')] };
    const at = (more: object, settings: object = {}, context: Partial<HookFacts> = {}): string[] => {
      const hooks = { ...command, ...ensure, PermissionRequest: [hook({ ...http, ...more })] };
      return statesOf(facts('claude', { user: claude(hooks, settings) }, context));
    };

    test('need an address that is allowed', () => {
      expect(at({})).toEqual(['claude ok']);
      expect(at({}, { allowedHttpHookUrls: ['https://*'] })).toContain('claude-urls fail');
      expect(at({}, { allowedHttpHookUrls: [] })).toContain('claude-urls fail');
      for (const glob of ['http://127.0.0.1:*/hooks/*', 'http://127.0.0.1:8765/hooks/claude', '*'])
        expect(at({}, { allowedHttpHookUrls: [glob] })).toEqual(['claude ok']);
      expect(at({}, { allowedHttpHookUrls: 'http://*' })).toEqual(['claude ok']);
      const user = claude({ ...command, ...ensure, PermissionRequest: [hook(http)] }, { allowedHttpHookUrls: [] });
      const both = facts('claude', { user, local: { allowedHttpHookUrls: ['http://127.0.0.1:*'] } });
      expect(statesOf(both)).toEqual(['claude ok']);
    });

    test('are ours by their address alone', () => {
      const url = 'http://127.0.0.1.evil.example/hooks/claude';
      const foreign = claude({ PermissionRequest: [hook({ ...http, url })] });
      expect(one(facts('claude', { user: foreign }), 'claude')?.state).toBe('warn');
    });

    test('let a PreToolUse pass when nobody answers', () => {
      const user = claude({ ...ensure, PreToolUse: [hook(http)] });
      expect(statesOf(facts('claude', { user }))).toEqual(['claude ok', 'claude-http warn']);
    });

    test('need a daemon on their port, by the config file or by ensure, and somebody who starts it', () => {
      expect(at({}, {}, { httpPorts: [] })).toEqual(['claude ok']);
      expect(at({ url: 'http://localhost:9999/hooks/claude' })).toEqual(['claude ok', 'claude-http-port fail']);
      expect(at({ url: 'http://localhost:9999/hooks/claude' }, {}, { httpPorts: [9999] })).toEqual(['claude ok']);
      const user = claude({ ...command, PermissionRequest: [hook(http)] });
      expect(statesOf(facts('claude', { user }))).toEqual(['claude ok', 'claude-http-start warn']);
    });

    test('need a token that reaches the daemon', () => {
      for (const given of ['Bearer 0123456789abcdef', `Bearer \${CLAUDE_SLACK_HOOK_TOKEN}`])
        expect(at({ headers: { authorization: given } })).toEqual(['claude ok']);
      expect(at({ headers: { 'X-Claude-Slack-Hook-Token': '$CLAUDE_SLACK_HOOK_TOKEN' } })).toEqual(['claude ok']);
      const lost = ['claude ok', 'claude-http-token fail'];
      for (const none of [undefined, {}, [], 'Bearer', { Authorization: '' }, { Authorization: 7 }])
        expect(at({ headers: none })).toEqual(lost);
      for (const none of [undefined, [], ['OTHER'], 'CLAUDE_SLACK_HOOK_TOKEN'])
        expect(at({ allowedEnvVars: none })).toEqual(lost);
    });

    test('show no token', () => {
      const given = { Authorization: 'Bearer 0123456789abcdef' };
      const user = claude({ PermissionRequest: [hook({ ...http, headers: given })] });
      expect(JSON.stringify(checkHooks(facts('claude', { user })))).not.toContain('0123456789abcdef');
    });
  });

  test('see little of auto mode with PermissionRequest alone', () => {
    expect(statesOf(facts('claude', { user: claude({ PermissionRequest: [hook()] }) }))).toEqual([
      'claude ok',
      'claude-auto-mode warn',
    ]);
    expect(
      statesOf(facts('claude', { user: claude({ PermissionRequest: [hook()], PreToolUse: [observer] }) })),
    ).toContain('claude-auto-mode warn');
  });

  test('leave cards open where the observers are missing', () => {
    const { Stop: _stop, SessionEnd: _end, ...some } = OBSERVERS;
    const check = one(facts('claude', { user: { hooks: { ...some, PreToolUse: [hook()] } } }), 'claude-observers');
    expect(check?.what).toContain('does not tell of Stop and SessionEnd;');
  });

  test('may be those of the plugin, which is found beside others', () => {
    const plugin = { enabledPlugins: { 'other@x': true, 'claude-slack-hook@somewhere': true } };
    expect(statesOf(facts('claude', { user: plugin }))).toEqual(['claude ok', 'claude-auto-mode warn']);
    expect(statesOf(facts('claude', { user: { ...plugin, ...claude({ PermissionRequest: [hook()] }) } }))).toContain(
      'claude-duplicates warn',
    );
    for (const enabledPlugins of [{ 'claude-slack-hook@somewhere': false }, { other: true }, [], null, 'all'])
      expect(statesOf(facts('claude', { user: { enabledPlugins } }))).toEqual(['claude skipped', 'hooks warn']);
    const late = facts('claude', { user: plugin }, { deadlineMs: 900_000 });
    expect(statesOf(late)).toContain('claude-timeout fail');
  });

  test('that only observe ask nothing', () => {
    expect(statesOf(facts('claude', { user: { hooks: OBSERVERS } }))).toEqual(['claude warn']);
  });

  test('need a program that is there, and not one of the project', () => {
    for (const state of ['missing', 'not-executable', 'relative'] as const)
      expect(statesOf(facts('claude', { user: well }, { probe: () => state }))).toContain('claude-program fail');
    const probe = (program: string) => (program === US ? ('runs' as const) : ('missing' as const));
    const open = claude({ PreToolUse: [hook({ command: '"$HOME"/claude-slack-hook' })] });
    expect(statesOf(facts('claude', { user: open }, { probe }))).toEqual(['claude ok']);
  });

  test('may be started without a shell', () => {
    const args = claude({
      PreToolUse: [hook({ command: 'node', args: ['/opt/claude-slack-hook/run.mjs', 7, '--deadline', '20m'] })],
    });
    expect(statesOf(facts('claude', { user: args }))).toEqual(['claude ok', 'claude-timeout fail']);
  });

  test('may be given variables by a project', () => {
    const project = { env: { SLACK_USER_ID: 'U1', OTHER: 'x' } };
    const [found] = facts('claude', { user: project, project, local: { env: 'no' } }).found.agents;
    expect(found === undefined ? [] : projectVariables(found, ['SLACK_USER_ID', 'SLACK_API_URL'])).toEqual([
      { name: 'SLACK_USER_ID', path: PATHS.project },
    ]);
  });

  test.each<[string, unknown, string]>([
    ['a list in place of the file', [], 'the file is a list, not an object'],
    ['null', null, 'the file is null, not an object'],
    ['hooks that are a list', { hooks: [] }, 'hooks is a list, not an object'],
    ['an event that is a text', { hooks: { PreToolUse: 'x' } }, 'hooks.PreToolUse is a string, not a list'],
    ['a group that is a number', { hooks: { Stop: [1] } }, 'an entry of hooks.Stop is a number, not an object'],
    [
      'a group without hooks',
      { hooks: { Stop: [{ matcher: '*' }] } },
      'the hooks of hooks.Stop is missing, not a list',
    ],
    ['a hook that is a list', { hooks: { Stop: [{ hooks: [[]] }] } }, 'a hook of hooks.Stop is a list, not an object'],
  ])('with %s end in a line', (_name, user, what) => {
    const check = one(facts('claude', { user }), 'claude-settings');
    expect([check?.state, check?.what]).toEqual(['warn', `Claude Code: in ~/.claude/settings.json, ${what}`]);
  });

  test('with values of any type end in lines', () => {
    for (const odd of [null, 7, 'x', true, [], {}, [null], { length: 3 }]) {
      const names = ['type', 'command', 'url', 'timeout', 'args'].map((name) => ({ [name]: odd }));
      for (const more of names) {
        const user = {
          hooks: { PreToolUse: [{ matcher: odd, hooks: [{ type: 'command', command: US, ...more }] }] },
          env: odd,
        };
        expect(checkHooks(facts('claude', { user })).length).toBeGreaterThan(0);
      }
    }
    const anything = fc.record({ hooks: fc.dictionary(fc.constantFrom('PreToolUse', 'Stop', 'x'), fc.jsonValue()) });
    fc.assert(
      fc.property(
        fc.constantFrom('claude', 'codex', 'cursor', 'gemini'),
        fc.oneof(anything, fc.jsonValue()),
        (agent, user) => {
          expect(checkHooks(facts(agent, { user })).length).toBeGreaterThan(0);
        },
      ),
    );
    const own = JSON.parse('{"__proto__": {"hooks": 1}, "hooks": {"__proto__": [], "constructor": 7}}');
    expect(statesOf(facts('claude', { user: own }))).toContain('claude-settings warn');
  });

  test('of a file with thousands of them end in few lines', () => {
    const user = { hooks: { PreToolUse: Array.from({ length: 5_000 }, () => hook()) } };
    const lines = checkHooks(facts('claude', { user }));
    expect(lines.length).toBeLessThan(10);
    expect(lines.map(({ what }) => what).join('\n')).toContain('there are more hooks than can be read');
  });

  test('in a file that cannot be read are named as not running', () => {
    const found = facts('claude', { user: well }).found.agents.map(({ sources, ...rest }) => ({
      ...rest,
      sources: [
        ...sources,
        {
          path: PATHS.project,
          scope: 'project' as const,
          file: { state: 'broken' as const, why: 'line 1 is not JSON' },
        },
      ],
    }));
    const check = one({ ...facts('claude', {}), found: { agents: found, opencode: NO_OPENCODE } }, 'claude-settings');
    expect(check).toMatchObject({
      state: 'fail',
      what: `Claude Code: ${PATHS.project} cannot be used: line 1 is not JSON`,
    });
  });
});

describe('the hooks of other agents', () => {
  test('of Codex have to be trusted, and to have a timeout', () => {
    expect(statesOf(facts('codex', { user: { hooks: { PreToolUse: [hook()] } } }))).toEqual([
      'codex ok',
      'codex-trust warn',
    ]);
    const without = { hooks: { PermissionRequest: [hook({ timeout: undefined })] } };
    expect(statesOf(facts('codex', { user: without }))).toEqual(['codex ok', 'codex-timeout warn', 'codex-trust warn']);
  });

  test('of Cursor stand in a plain list', () => {
    const user = { version: 1, hooks: { beforeShellExecution: [{ command: US, timeout: 600 }] } };
    expect(statesOf(facts('cursor', { user }))).toEqual(['cursor ok']);
    expect(statesOf(facts('cursor', { user: { hooks: { stop: [{ command: US }] } } }))).toEqual(['cursor warn']);
  });

  test('of Gemini have timeouts in milliseconds, a minute by default', () => {
    const at = (timeout: unknown): Check | undefined =>
      one(facts('gemini', { user: { hooks: { BeforeTool: [hook({ timeout })] } } }), 'gemini-timeout');
    expect(at(600_000)).toBeUndefined();
    expect(at(600)?.what).toBe('Gemini CLI: BeforeTool has a timeout of 600 ms, but the hook waits 570 s');
    expect(at(undefined)?.what).toContain('60000 ms (the default)');
    expect(at(600)?.fix).toContain('"timeout": 600000');
  });

  test('of opencode are a plugin, once', () => {
    const states = (...plugins: FoundHooks['opencode']['plugins']): string[] =>
      statesOf({ ...facts('claude', {}), found: { agents: [], opencode: { isInstalled: true, plugins } } });
    const [first, second] = ['/p/plugin.js', '/p/plugins.js'];
    expect(states({ path: first, state: 'ours' }, { path: second, state: 'absent' })).toEqual(['opencode ok']);
    expect(states({ path: first, state: 'ours' }, { path: second, state: 'ours' })).toEqual([
      'opencode-duplicates warn',
      'opencode ok',
    ]);
    expect(states({ path: first, state: 'other' })).toEqual(['opencode-plugin warn', 'hooks warn']);
    expect(states({ path: first, state: 'absent' })).toEqual(['opencode skipped', 'hooks warn']);
  });
});
