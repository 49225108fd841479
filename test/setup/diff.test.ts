import { describe, expect, test } from 'bun:test';
import { diffOf } from '../../src/setup/diff.ts';

describe('what is shown of a change', () => {
  test('says what goes and what comes, also for files that are made or removed', () => {
    const change = diffOf({ path: '/x/a.json', before: '{\n}\n', after: '{ "a": 1\n}\n' });
    expect(change).toContain('--- /x/a.json\n+++ /x/a.json\n');
    expect(change).toContain('\n-{\n+{ "a": 1\n }\n');
    expect(diffOf({ path: '/x/a.json', before: undefined, after: 'x\n' })).toStartWith(
      '--- /dev/null\n+++ /x/a.json\n',
    );
    expect(diffOf({ path: '/x/a.json', before: 'x\n', after: undefined })).toContain('+++ /dev/null\n');
  });

  test('is no secret, of whomever', () => {
    const secrets = [
      `xoxb-1-2-${'s'.repeat(20)}`,
      `xapp-1-A0-2-${'s'.repeat(20)}`,
      `Bearer ${'5'.repeat(64)}`,
      `sk-ant-api03-${'Sx9'.repeat(31)}-${'s'.repeat(6)}AA`,
    ];
    const text = JSON.stringify({ env: secrets }, undefined, 2);
    const shown = diffOf({ path: '/x/a.json', before: text, after: `${text}\n` });
    for (const secret of secrets) expect(shown).not.toContain(secret.slice(-20));
  });

  test('is nothing that a terminal acts on: a comment in a repository’s settings hides no line', () => {
    const before = '{ // \u001b[2K\r\u202e\u0007\ufeff\r\n}\n';
    const shown = diffOf({ path: '/x/\u001b[31m.json', before, after: '{\r\n}\n' });
    expect(shown).toContain('-{ // \\u001b[2K\\u000d\\u202e\\u0007\\ufeff\r\n');
    expect(shown).not.toContain('\u001b');
  });
});
