import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT_NAMES } from '../../src/protocol.ts';
import { hooksTable } from '../../src/setup/hook-table.ts';

const DEADLINE_MS = 570_000;

test('the table of where hooks go is the one in the README', () => {
  expect(readFileSync(join(import.meta.dir, '../../README.md'), 'utf8')).toContain(hooksTable(DEADLINE_MS));
});

test('the table names every agent, its files, and a timeout for every hook', () => {
  const table = hooksTable(DEADLINE_MS);
  for (const agent of AGENT_NAMES) expect(table).toContain(`| ${agent} |`);
  expect(table).toContain('| `~/.claude/settings.json` | `./.claude/settings.json`, `./.claude/settings.local.json` |');
  expect(table).toContain('PermissionRequest: 600 |');
  expect(table).toContain('BeforeTool: 600000 |');
  expect(table).not.toContain('none');
});
