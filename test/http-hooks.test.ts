import { describe, expect, test } from 'bun:test';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { httpHooks } from '../src/http-hooks.ts';
import { tokenIn } from '../src/http-token.ts';

describe('the hooks in Claude Code’s settings', () => {
  test('post to the daemon, with the token from the environment and the time that is needed', () => {
    const hooks = httpHooks({ port: 8787 });
    const asked = ['PreToolUse', 'PermissionRequest'];
    const told = ['PostToolUse', 'PostToolUseFailure', 'Stop', 'SessionEnd', 'UserPromptSubmit'];
    for (const event of [...asked, ...told]) {
      expect(hooks[event]?.[0]?.hooks).toEqual([
        {
          type: 'http',
          url: 'http://127.0.0.1:8787/hooks/claude',
          timeout: 600,
          headers: { Authorization: 'Bearer $CLAUDE_SLACK_HOOK_TOKEN' },
          allowedEnvVars: ['CLAUDE_SLACK_HOOK_TOKEN'],
        },
      ]);
    }
    expect(Object.keys(hooks).sort()).toEqual([...asked, ...told, 'SessionStart'].sort());
  });

  test('start the daemon by a command, because SessionStart does not come over HTTP', () => {
    const { SessionStart } = httpHooks({ port: 8787, command: '/opt/csh/claude-slack-hook' });
    const command = '/opt/csh/claude-slack-hook ensure --http 8787';
    expect(SessionStart).toEqual([{ hooks: [{ type: 'command', command, timeout: 10 }] }]);
  });

  test('hold the token itself when it is given', () => {
    const [{ hooks } = { hooks: [] }] = httpHooks({ port: 1, token: 'abc' }).PreToolUse ?? [];
    expect(hooks[0]).toMatchObject({ headers: { Authorization: 'Bearer abc' } });
    expect(JSON.stringify(httpHooks({ port: 1, token: 'abc' }))).not.toMatch(/allowedEnvVars|CLAUDE_SLACK/);
  });

  test('wait as long as the deadline needs', () => {
    const { PreToolUse, SessionStart } = httpHooks({ port: 1, timeout: 1230 });
    expect(PreToolUse?.[0]?.hooks[0]?.timeout).toBe(1230);
    expect(SessionStart?.[0]?.hooks[0]?.timeout).toBe(10);
  });

  test('ask about the tools that are chosen', () => {
    expect(httpHooks({ port: 1, matcher: 'Bash' }).PreToolUse?.[0]?.matcher).toBe('Bash');
  });
});

describe('the token', () => {
  const withFile = (body: (path: string) => void): void => {
    const dir = mkdtempSync(join(tmpdir(), 'csh-token-'));
    try {
      body(join(dir, 'http-token'));
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  };

  test('is 256 random bits in a file that only its owner can read, and stays', () =>
    withFile((path) => {
      const token = tokenIn(path);
      expect(token).toMatch(/^[0-9a-f]{64}$/);
      expect(readFileSync(path, 'utf8')).toBe(`${token}\n`);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(tokenIn(path)).toBe(token);
      withFile((other) => expect(tokenIn(other)).not.toBe(token));
    }));

  test('is made anew where the file holds none', () =>
    withFile((path) => {
      for (const text of ['', 'short', `${'0'.repeat(63)}g`]) {
        writeFileSync(path, text, { mode: 0o600 });
        expect(tokenIn(path)).toMatch(/^[0-9a-f]{64}$/);
      }
    }));

  test('is not taken from a file that others can read, or from something else', () =>
    withFile((path) => {
      writeFileSync(path, 'a'.repeat(64), { mode: 0o600 });
      chmodSync(path, 0o644);
      expect(() => tokenIn(path)).toThrow('Expected mode 0600');
      rmSync(path);
      symlinkSync('/etc/hostname', path);
      expect(() => tokenIn(path)).toThrow('to be a file');
      rmSync(path);
      mkdirSync(path, { mode: 0o700 });
      expect(() => tokenIn(path)).toThrow('to be a file');
    }));
});
