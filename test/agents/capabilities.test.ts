import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { capabilities, capabilitiesTable, limitsOf } from '../../src/agents/capabilities.ts';
import { AGENT_NAMES } from '../../src/protocol.ts';

test('the table of what can be answered to which agent is the one in the README', () => {
  expect(readFileSync(join(import.meta.dir, '../../README.md'), 'utf8')).toContain(capabilitiesTable());
});

test('every agent asks somewhere, and what it cannot be answered is said', () => {
  expect([...new Set(capabilities().map(({ agent }) => agent))].toSorted()).toEqual([...AGENT_NAMES].toSorted());
  expect(limitsOf('claude')).toBeUndefined();
  expect(limitsOf('codex')).toBe('no rules for always, no answers to its questions');
  expect(limitsOf('cursor')).toContain('no editing before it runs');
});

test('without a decision Codex is told nothing, because it takes anything else for yes', () => {
  const codex = capabilities().filter(({ agent }) => agent === 'codex');
  expect(codex.map(({ event, undecided }) => [event, undecided])).toEqual([
    ['PermissionRequest', 'nothing'],
    ['PreToolUse', 'nothing'],
  ]);
});
