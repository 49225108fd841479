import { describe, expect, test } from 'bun:test';
import { flagValue, readArguments, readCommand } from '../src/hook-command.ts';

describe('a hook’s command line', () => {
  test.each<[string, string | undefined, boolean]>([
    ['/opt/claude-slack-hook', '/opt/claude-slack-hook', true],
    ['"/opt/my tools/claude-slack-hook" --observe', '/opt/my tools/claude-slack-hook', true],
    ["'/opt/my tools/claude-slack-hook'", '/opt/my tools/claude-slack-hook', true],
    ['/opt/my\\ tools/claude-slack-hook', '/opt/my tools/claude-slack-hook', true],
    ['SLACK_USER_ID=U1 A="b c" exec claude-slack-hook', 'claude-slack-hook', true],
    ['cd /work && npm run lint; claude-slack-hook --deadline 5m', 'claude-slack-hook', true],
    ['"$CLAUDE_PROJECT_DIR"/bin/claude-slack-hook', undefined, true],
    ["'$HOME/claude-slack-hook'", '$HOME/claude-slack-hook', true],
    ['node /opt/claude-slack-hook/scripts/run.mjs', 'node', true],
    ['prettier --write', 'prettier', false],
    ['   ', undefined, false],
    ["'/opt/a\\b/claude-slack-hook'", '/opt/a\\b/claude-slack-hook', true],
    ['"unfinished claude-slack-hook', 'unfinished claude-slack-hook', true],
    ['claude-slack-hook\\', 'claude-slack-hook\\', true],
  ])('%j starts %j', (line, program, isOurs) => {
    expect(readCommand(line)).toMatchObject({ program, isOurs });
  });

  test('has its flags in the part that is ours', () => {
    const { words } = readCommand(
      'other --deadline 1h; claude-slack-hook --deadline 90s --agent=codex --deadline=2m | tee log',
    );
    expect(words).toEqual(['claude-slack-hook', '--deadline', '90s', '--agent=codex', '--deadline=2m']);
    expect(flagValue(words, 'deadline')).toBe('2m');
    expect(flagValue(words, 'agent')).toBe('codex');
    expect(flagValue(words, 'observe')).toBeUndefined();
    expect(flagValue(['claude-slack-hook', '--deadline'], 'deadline')).toBeUndefined();
  });

  test('with arguments of its own is read by no shell', () => {
    expect(readArguments('$HOME/claude-slack-hook', ['--observe'])).toEqual({
      ...{ isOurs: true, program: '$HOME/claude-slack-hook', words: ['$HOME/claude-slack-hook', '--observe'] },
    });
  });
});
