import { describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grammar, runCompletion } from '../../src/commands/completion.ts';
import { TABLE } from '../../src/options.ts';
import { VERBS } from '../../src/verbs.ts';

const script = (shell: string): string => runCompletion(shell).stdout;
const installed = (shell: string): boolean => Bun.which(shell) !== null;

/** What a real bash offers for these words, the last of which is unfinished. */
function complete(...words: readonly string[]): string[] {
  const home = mkdtempSync(join(tmpdir(), 'csh-completion-'));
  try {
    writeFileSync(join(home, 'a file.json'), '');
    const asked = `${script('bash')}
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _claude_slack_hook
      [ "\${#COMPREPLY[@]}" -eq 0 ] || printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = Bun.spawnSync(
      ['bash', '--norc', '--noprofile', '-c', asked, 'bash', 'claude-slack-hook', ...words],
      { cwd: home },
    );
    expect(stderr.toString()).toBe('');
    return stdout.toString().split('\n').filter(Boolean);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

describe('the completion of bash', () => {
  test('is a script that bash takes, and registers itself', () => {
    const { exitCode, stderr } = Bun.spawnSync(['bash', '-n'], { stdin: Buffer.from(script('bash')) });
    expect([exitCode, stderr.toString()]).toEqual([0, '']);
    const shown = Bun.spawnSync(['bash', '--norc', '-c', `${script('bash')}\ncomplete -p claude-slack-hook`]);
    expect(shown.stdout.toString()).toBe('complete -F _claude_slack_hook claude-slack-hook\n');
  });

  test('offers every verb, and of flags those that begin so', () => {
    expect(complete('').sort()).toEqual(Object.keys(VERBS).sort());
    expect(complete('sto')).toEqual(['stop']);
    expect(complete('--st')).toEqual(['--stop-reply', '--status', '--stop']);
    expect(complete('--').sort()).toEqual(TABLE.map(({ flag }) => `--${flag}`).sort());
  });

  test('offers what can stand behind a verb, and its own flags', () => {
    expect(complete('rules', '')).toEqual(['test']);
    expect(complete('history', 'v')).toEqual(['verify']);
    expect(complete('completion', '')).toEqual(['bash', 'zsh', 'fish']);
    expect(complete('completion', 'bash', '')).toEqual([]);
    expect(complete('logs', '--f')).toEqual(['--follow']);
    expect(complete('logs', '-f', '--j')).toEqual(['--json']);
    expect(complete('stop', '--j')).toEqual([]);
    expect(complete('restart', '--ap')).toEqual(['--app-token', '--api-url']);
    expect(complete('demo', '')).toEqual([]);
  });

  test('offers the values that there are, behind a space and behind an equals sign', () => {
    expect(complete('--agent', 'c')).toEqual(['claude', 'codex', 'cursor']);
    expect(complete('--agent', '=', 'g')).toEqual(['gemini']);
    expect(complete('--on-failure', '=')).toEqual(['ask', 'deny']);
    expect(complete('-l', 'd')).toEqual(['debug']);
    expect(complete('setup', '--scope', '')).toEqual(['user', 'project', 'local']);
    expect(complete('setup', '--mode', '=', 'e')).toEqual(['every-call']);
    expect(complete('setup', '--transport', '')).toEqual(['command', 'http']);
    expect(complete('setup', '--ag')).toEqual(['--agent']);
    expect(complete('stop', '--ag')).toEqual([]);
    expect(complete('history', '--outcome', 'exp')).toEqual(['expired']);
    expect(complete('--bot-token', '')).toEqual([]);
  });

  test('offers files, also those with a space in their name', () => {
    expect(complete('--config', 'a')).toEqual(['a file.json']);
  });
});

describe('the completions of zsh and fish', () => {
  test.each(['zsh', 'fish'])('of %s hold every verb, flag and value', (shell) => {
    const text = script(shell);
    const { flags, verbs } = grammar();
    for (const { name, words } of verbs) for (const word of [name, ...words]) expect(text).toContain(word);
    for (const { names, value } of [...flags, ...verbs.flatMap((verb) => verb.flags)]) {
      for (const name of names) {
        const fish = name.startsWith('--') ? ` -l ${name.slice(2)} ` : ` -s ${name.slice(1)} `;
        expect(text).toContain(shell === 'fish' ? fish : name);
      }
      if (Array.isArray(value)) expect(text).toContain(value.join(' '));
    }
  });

  // Without a shell to ask, at least no quote may be left open: the rest of the script would be a string.
  test.each([
    ['zsh', /'[^']*'|[^']/gs],
    ['fish', /'(?:\\.|[^'\\])*'|[^']/gs],
  ])('of %s close every quote that they open', (shell, token) => {
    const line = script(shell)
      .split('\n')
      .filter((text) => !text.startsWith('#'))
      .map((text) => text.replaceAll("'\\''", ''))
      .find((text) => (text.match(token) ?? []).join('') !== text);
    expect(line).toBeUndefined();
  });

  test.if(installed('zsh'))('are taken by zsh', () => {
    const { exitCode, stderr } = Bun.spawnSync(['zsh', '-n'], { stdin: Buffer.from(script('zsh')) });
    expect([exitCode, stderr.toString()]).toEqual([0, '']);
  });

  test.if(installed('fish'))('are taken by fish', () => {
    const { exitCode, stderr } = Bun.spawnSync(['fish', '--no-execute'], { stdin: Buffer.from(script('fish')) });
    expect([exitCode, stderr.toString()]).toEqual([0, '']);
  });

  test.if(installed('fish'))('offer in fish what there is, as fish itself finds it', () => {
    const home = mkdtempSync(join(tmpdir(), 'csh-fish-'));
    try {
      writeFileSync(join(home, "it's.json"), '');
      const offered = (line: string): string[] => {
        const asked = `${script('fish')}\ncomplete -C "claude-slack-hook ${line}"`;
        const env = { ...process.env, HOME: home };
        const { stdout } = Bun.spawnSync(['fish', '--no-config', '-c', asked], { cwd: home, env });
        return stdout
          .toString()
          .split('\n')
          .filter(Boolean)
          .map((row) => row.split('\t')[0] ?? '');
      };
      expect(offered('').toSorted()).toEqual(Object.keys(VERBS).toSorted());
      expect(offered('setup --sc')).toEqual(['--scope']);
      expect(offered('setup --scope ').toSorted()).toEqual(['local', 'project', 'user']);
      expect(offered('--agent=g')).toEqual(['--agent=gemini']);
      expect(offered('stop --j')).toEqual([]);
      expect(offered('--config it')).toEqual(["it's.json"]);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });

  test.if(installed('zsh'))('define in zsh a completion that is registered, sourced or loaded from a directory', () => {
    const home = mkdtempSync(join(tmpdir(), 'csh-zsh-'));
    try {
      writeFileSync(join(home, '_claude-slack-hook'), script('zsh'));
      const run = (commands: string): string => {
        const asked = `autoload -U compinit; compinit -u -D; ${commands}; print -r -- $_comps[claude-slack-hook]`;
        const { stdout, stderr } = Bun.spawnSync(['zsh', '-f', '-c', asked], { cwd: home });
        expect(stderr.toString()).toBe('');
        return stdout.toString().trim();
      };
      expect(run('source ./_claude-slack-hook')).toBe('_claude_slack_hook');
      expect(run(`fpath=(${home} $fpath); compinit -u -D`)).toBe('_claude-slack-hook');
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
