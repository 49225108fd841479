import { describe, expect, test } from 'bun:test';
import { manPage } from '../../src/commands/man.ts';
import { ERRORS } from '../../src/errors.ts';
import { VERB_HELP } from '../../src/help.ts';
import { TABLE } from '../../src/options.ts';

/** As a reader sees it, on lines that are never broken. */
function rendered(device = 'utf8'): string {
  const groff = ['groff', '-man', `-T${device}`, '-P-cbou', '-ww', '-rLL=2000n'];
  const { stdout, stderr, exitCode } = Bun.spawnSync(groff, { stdin: Buffer.from(manPage()) });
  expect([exitCode, stderr.toString()]).toEqual([0, '']);
  return stdout.toString();
}

describe('the manual page', () => {
  test('has its sections in the usual order', () => {
    const sections = [...manPage().matchAll(/^\.SH (.*)$/gm)].map(([, name]) => name);
    expect(sections).toEqual(['NAME', 'SYNOPSIS', 'DESCRIPTION', 'VERBS', 'OPTIONS', 'FILES', 'EXIT STATUS']);
  });

  test('is ASCII, and begins lines with requests that it means only', () => {
    expect(manPage()).toMatch(/^[\n\x20-\x7e]*$/);
    const requests = new Set([...manPage().matchAll(/^[.'](\S*)/gm)].map(([, request]) => request));
    expect([...requests].sort()).toEqual(['B', 'RE', 'RS', 'SH', 'TH', 'TP', 'br']);
  });

  test.if(Bun.which('groff') !== null)('is rendered without a warning, with every option, verb and error', () => {
    const page = rendered();
    for (const { flag, alias, value } of TABLE) {
      const short = alias === undefined ? '' : `-${alias}, `;
      expect(page).toContain(`${short}--${flag}${value === undefined ? '' : ` ${value.replace('…', '...')}`}`);
    }
    for (const [name, { help }] of Object.entries(VERB_HELP)) {
      expect(page).toMatch(new RegExp(`^ +${name}\\b`, 'm'));
      expect(page).toContain(help);
    }
    for (const [code, { exit }] of Object.entries(ERRORS)) expect(page).toContain(`${exit} ${code}`);
    expect(page).toContain('-f, --follow');
    expect(page).toContain('claude-slack-hook - a consent gate');
    // What is to be typed can be copied.
    expect(page).toContain('By default in ~/.config.');
  });

  test('says what is to be typed in characters that can be typed, wherever it is read', () => {
    expect(manPage()).not.toMatch(/^(?!\.).*[~^'`]/m);
    if (Bun.which('groff') !== null) expect(rendered('ascii')).toContain('claude-slack-hook - a consent gate');
  });
});
