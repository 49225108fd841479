import { afterAll, describe, expect, test } from 'bun:test';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettingsFile } from '../../src/doctor/hook-file.ts';
import { createProbe } from '../../src/doctor/hook-program.ts';
import { findHooks } from '../../src/doctor/hook-sources.ts';

const root = mkdtempSync(join(tmpdir(), 'doctor-files-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let made = 0;
const write = (text: string): string => {
  made += 1;
  const path = join(root, `file-${made}.json`);
  writeFileSync(path, text);
  return path;
};

describe('a settings file', () => {
  test.each<[string, string]>([
    ['plain', '{"hooks":{}}'],
    ['with comments', '// mine\n{/* all */ "hooks": {} // none\n}'],
    ['with trailing commas', '{"hooks":{},}'],
    ['with a byte order mark', '\uFEFF{"hooks":{}}'],
  ])('%s is read', (_name, text) => {
    expect(readSettingsFile(write(text))).toEqual({ state: 'read', value: { hooks: {} } });
  });

  test.each<[string, string, string]>([
    ['that breaks off', '{\n"hooks":\n{', 'line 3 is not JSON: CloseBraceExpected'],
    ['with text behind it', '{}\n{}', 'line 2 is not JSON: EndOfFileExpected'],
    ['that is empty', '', 'line 1 is not JSON: ValueExpected'],
    ['of another kind', 'hooks = 1', 'line 1 is not JSON: InvalidSymbol'],
    ['that is too large', `"${'x'.repeat(5 * 1024 * 1024)}"`, 'it is larger than 4 MB'],
  ])('%s says so', (_name, text, why) => {
    expect(readSettingsFile(write(text))).toEqual({ state: 'broken', why });
  });

  test('that is nested without end ends in an answer', () => {
    expect(['broken', 'read']).toContain(readSettingsFile(write('['.repeat(500_000))).state);
  });

  test('may be a link, and a link to nothing is no file', () => {
    const link = join(root, 'link.json');
    symlinkSync(write('{"a":1}'), link);
    expect(readSettingsFile(link)).toEqual({ state: 'read', value: { a: 1 } });
    const dangling = join(root, 'dangling.json');
    symlinkSync(join(root, 'nothing'), dangling);
    expect(readSettingsFile(dangling)).toEqual({ state: 'absent' });
    const circle = join(root, 'circle.json');
    symlinkSync(circle, circle);
    expect(readSettingsFile(circle)).toEqual({ state: 'broken', why: 'it cannot be read (ELOOP)' });
  });

  test('is absent where there is none, and no file where there is something else', () => {
    expect(readSettingsFile(join(root, 'none.json'))).toEqual({ state: 'absent' });
    expect(readSettingsFile(join(write('{}'), 'below'))).toEqual({ state: 'absent' });
    expect(readSettingsFile(root)).toEqual({ state: 'broken', why: 'it is no regular file' });
    expect(readSettingsFile('/dev/null')).toEqual({ state: 'broken', why: 'it is no regular file' });
    expect(Bun.spawnSync(['mkfifo', join(root, 'pipe.json')]).exitCode).toBe(0);
    expect(readSettingsFile(join(root, 'pipe.json'))).toEqual({ state: 'broken', why: 'it is no regular file' });
  });
});

describe('the settings of the agents', () => {
  test('are looked for where each agent does', () => {
    const home = join(root, 'home');
    const cwd = join(root, 'project');
    for (const folder of ['.claude', '.gemini', '.config/opencode/plugins'])
      mkdirSync(join(home, folder), { recursive: true });
    const codex = join(root, 'codex');
    mkdirSync(codex);
    writeFileSync(join(home, '.config/opencode/plugins/claude-slack-hook.js'), "run('claude-slack-hook')");
    const env = { CODEX_HOME: codex };
    const { agents, opencode } = findHooks({ home, cwd, env, platform: 'linux', managed: join(root, 'managed.json') });
    expect(agents.filter(({ isInstalled }) => isInstalled).map(({ agent }) => agent)).toEqual([
      'claude',
      'codex',
      'gemini',
    ]);
    expect(
      agents.flatMap(({ sources }) => sources.map(({ path, scope }) => `${scope} ${path.slice(root.length)}`)),
    ).toEqual([
      'managed /managed.json',
      'user /home/.claude/settings.json',
      'project /project/.claude/settings.json',
      'local /project/.claude/settings.local.json',
      'user /codex/hooks.json',
      'project /project/.codex/hooks.json',
      'user /home/.cursor/hooks.json',
      'project /project/.cursor/hooks.json',
      'user /home/.gemini/settings.json',
      'project /project/.gemini/settings.json',
    ]);
    expect(opencode.isInstalled).toBe(true);
    expect(opencode.plugins.map(({ state }) => state)).toEqual(['absent', 'ours', 'absent', 'absent']);
  });

  test('are read once where the project is the home directory, and managed ones are elsewhere on macOS', () => {
    const [claude] = findHooks({
      home: root,
      cwd: root,
      env: { CLAUDE_CONFIG_DIR: 'relative' },
      platform: 'darwin',
    }).agents;
    expect(claude?.sources.map(({ path }) => path)).toEqual([
      '/Library/Application Support/ClaudeCode/managed-settings.json',
      `${root}/.claude/settings.json`,
      `${root}/.claude/settings.local.json`,
    ]);
  });
});

describe('the program of a hook', () => {
  test('runs, is missing, cannot be executed, or depends on the directory', () => {
    const program = join(root, 'claude-slack-hook');
    writeFileSync(program, '#!/bin/sh\n');
    const plain = write('text');
    chmodSync(plain, 0o644);
    chmodSync(program, 0o755);
    const probe = createProbe(root, `relative::${root}`);
    expect(probe(program)).toBe('runs');
    expect(probe('claude-slack-hook')).toBe('runs');
    expect(probe('~/claude-slack-hook')).toBe('runs');
    expect(probe(join(root, 'none'))).toBe('missing');
    expect(probe('none')).toBe('missing');
    expect(probe('bad\0name')).toBe('missing');
    expect(probe(root)).toBe('not-executable');
    expect(probe(plain)).toBe('not-executable');
    expect(probe('./bin/claude-slack-hook')).toBe('relative');
    expect(createProbe(root, undefined)('claude-slack-hook')).toBe('missing');
  });
});
