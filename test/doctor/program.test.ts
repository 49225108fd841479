import { describe, expect, test } from 'bun:test';
import { type ConfigFacts, checkConfig, checkProgram } from '../../src/doctor/program.ts';
import { AppError } from '../../src/errors.ts';

const WELL: ConfigFacts = {
  ...{ file: '/home/dev/.config/claude-slack-hook/config.json', isThere: true, settings: undefined, policy: undefined },
  ...{ rules: 2, fromEnvironment: [], beaten: [], fromProject: [], visible: undefined },
};
const statesOf = (facts: Partial<ConfigFacts>): string[] =>
  checkConfig({ ...WELL, ...facts }).map(({ id, state }) => `${id} ${state}`);

describe('the checks of the program and its config', () => {
  test('name the program and its runtime', () => {
    const facts = { version: '1.2.3', bun: '1.4.5', isCompiled: true, path: '/opt/claude-slack-hook' };
    const what = checkProgram({ ...facts, runtime: undefined }).map((check) => check.what);
    expect(what).toEqual(['program: version 1.2.3, compiled, /opt/claude-slack-hook', 'runtime: Bun 1.4.5']);
    const runtime = new AppError('runtime-too-old', 'Expected Bun 1.4.4 or newer, got 1.3.0');
    expect(checkProgram({ ...facts, isCompiled: false, runtime })[1]).toMatchObject({
      state: 'fail',
      code: 'runtime-too-old',
    });
  });

  test('are well for a file that says everything', () => {
    expect(statesOf({})).toEqual(['config ok', 'policy ok']);
    expect(statesOf({ beaten: ['SLACK_USER_ID'] })).toEqual(['config ok', 'policy ok', 'environment-beaten ok']);
  });

  test('fail for a file that is refused, or whose rules are', () => {
    const settings = new AppError('config-mode', 'Expected mode 0600, got 0644', { hint: 'Run: chmod 600 FILE' });
    expect(checkConfig({ ...WELL, settings })[0]).toEqual({
      ...{ id: 'config', state: 'fail', what: 'config file: Expected mode 0600, got 0644' },
      ...{ fix: 'Run: chmod 600 FILE', code: 'config-mode' },
    });
    expect(statesOf({ settings })).toEqual(['config fail', 'policy skipped']);
    expect(statesOf({ policy: new AppError('bad-config', 'Expected rules to be a list') })).toEqual([
      'config ok',
      'policy fail',
    ]);
  });

  test('warn of what the environment says in its place, and of no file at all', () => {
    const fromEnvironment = ['SLACK_BOT_TOKEN', 'SLACK_USER_ID'];
    expect(statesOf({ fromEnvironment })).toEqual(['config ok', 'policy ok', 'environment warn']);
    expect(statesOf({ isThere: false, fromEnvironment })).toEqual(['config warn', 'policy skipped']);
    expect(checkConfig({ ...WELL, isThere: false, fromEnvironment })[0]?.what).toEndWith(
      'can set SLACK_BOT_TOKEN and SLACK_USER_ID, too',
    );
  });

  test('warn of a project that sets what the file does not say', () => {
    const variable = { name: 'SLACK_USER_ID', path: '/work/.claude/settings.json' };
    expect(statesOf({ fromProject: [{ ...variable, isBeaten: true }] }).at(-1)).toBe('project-environment ok');
    expect(statesOf({ fromProject: [{ ...variable, isBeaten: false }] }).at(-1)).toBe('project-environment warn');
  });

  test('warn of tokens on the command line', () => {
    expect(statesOf({ visible: 'Tokens given as flags show in ps' }).at(-1)).toBe('visible-tokens warn');
  });
});
