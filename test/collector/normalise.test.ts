import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSequence, idOfName } from '../../src/collector/event-identity.ts';
import { type Normalised, normalise, type Sender } from '../../src/collector/normalise.ts';
import type { EventRecord } from '../../src/events.ts';

const NOW = Date.UTC(2026, 10, 21, 9);
const FIXTURES = join(import.meta.dir, '../fixtures');
const moment = { now: NOW, nextSeq: createSequence(() => NOW) };
const PLAIN: Sender = { src: 'api', isTrusted: false };

const said = (body: unknown, sender: Partial<Sender> = {}, index = 0): Normalised =>
  normalise(body, index, { ...PLAIN, ...sender }, moment);
const record = (body: unknown, sender: Partial<Sender> = {}, index = 0): EventRecord => {
  const result = said(body, sender, index);
  if (!result.ok) throw new Error(`Expected an event, got ${result.path}`);
  return result.record;
};
const inputsOf = (folder: string): readonly (readonly [string, Record<string, unknown>])[] =>
  readdirSync(join(FIXTURES, folder))
    .filter((name) => name.endsWith('.json'))
    .map((name) => [name, JSON.parse(readFileSync(join(FIXTURES, folder, name), 'utf8'))] as const)
    .filter(([, input]) => typeof input.hook_event_name === 'string');

describe("agents' own inputs", () => {
  const FOLDERS = [
    ['claude-code', 'claude'],
    ['claude-code-2.1.329', 'claude'],
    ['codex', 'codex'],
    ['cursor', 'cursor'],
    ['gemini', 'gemini'],
  ] as const;

  for (const [folder, agent] of FOLDERS)
    test(`of ${folder} are recognised, kept whole, and mean something`, () => {
      const inputs = inputsOf(folder);
      expect(inputs.length).toBeGreaterThan(5);
      for (const [name, input] of inputs) {
        const event = record(input);
        expect([name, event.agent]).toEqual([name, agent]);
        expect(event).toMatchObject({ event_type: String(input.hook_event_name), data: input, src: 'api' });
        expect([name, event.session_id]).toEqual([name, String(input.session_id ?? input.conversation_id)]);
        if (name !== 'beforeReadFile.json') expect([name, event.kind]).not.toEqual([name, 'other']);
        expect(event.tool).toBe(typeof input.tool_name === 'string' ? input.tool_name : null);
        if (typeof input.cwd === 'string') expect(event.project).toBe(input.cwd.split('/').at(-1) ?? '');
      }
    });

  test('mean the same whatever the agent calls them', () => {
    const kinds = [
      [['SessionStart', 'session_started', 'session.started'], 'session.started'],
      [['SessionEnd', 'session_completed', 'session_ended'], 'session.ended'],
      [['UserPromptSubmit', 'beforeSubmitPrompt', 'BeforeAgent', 'user_prompt_submitted'], 'prompt.submitted'],
      [
        [
          'PreToolUse',
          'PermissionRequest',
          'beforeShellExecution',
          'BeforeTool',
          'permission.asked',
          'tool_execution_started',
        ],
        'tool.requested',
      ],
      [
        ['PostToolUse', 'afterMCPExecution', 'AfterTool', 'tool_execution_completed', 'tool.completed'],
        'tool.completed',
      ],
      [['PostToolUseFailure', 'PermissionDenied', 'tool_execution_failed'], 'tool.failed'],
      [['Stop', 'SubagentStop', 'stop', 'AfterAgent', 'session.idle'], 'agent.responded'],
      [['Notification'], 'notification.reported'],
      [['zzz', 'constructor', '__proto__', 'approval.requested', 'approval.decided', 'other'], 'other'],
    ] as const;
    for (const [names, kind] of kinds)
      for (const event_type of names) expect([event_type, record({ event_type }).kind]).toEqual([event_type, kind]);
  });

  test('of Claude Code that a sender has dated are still its own', () => {
    const timestamp = '2025-11-23T10:00:00.000Z';
    for (const hook_event_name of ['UserPromptSubmit', 'PreToolUse', 'PostToolUse', 'Stop'])
      expect(record({ hook_event_name, session_id: 's', timestamp }).agent).toBe('claude');
    expect(record({ hook_event_name: 'BeforeTool', session_id: 's', timestamp }).agent).toBe('gemini');
    expect(record({ hook_event_name: 'test_event', session_id: 's', timestamp }).agent).toBeNull();
  });
});

describe('which event it is', () => {
  test('depends on the name that its sender gave and the project, for ever', () => {
    const named = { event_type: 'x', event_id: 'e-1', timestamp: '2026-11-21T08:00:00Z' };
    const [one, two] = [record(named), record(named)];
    expect([one.id, one.timestamp, one.event_id]).toEqual([two.id, two.timestamp, 'e-1']);
    expect(one.is_undated).toBeUndefined();
    expect(two.seq).toBeGreaterThan(one.seq);
    expect(record(named, { project: 'shop' }).id).toBe(idOfName('shop', 'e-1'));
    expect(record(named, { project: 'shop' }).id).not.toBe(one.id);
  });

  test('is known by its name alone where it is not dated, or only the request has a name', () => {
    expect(record({ event_type: 'x', event_id: 'e-1' })).toMatchObject({ is_undated: true, id: idOfName(null, 'e-1') });
    const dated = { event_type: 'x', timestamp: '2026-11-21T08:00:00Z' };
    expect(record(dated, { idempotencyKey: 'k' }, 3)).toMatchObject({
      event_id: 'k#3',
      is_undated: true,
      timestamp: '2026-11-21T08:00:00.000Z',
    });
    expect(record({ ...dated, event_id: 'own' }, { idempotencyKey: 'k' }).event_id).toBe('own');
    expect(record({ ...dated, event_id: 'own' }, { idempotencyKey: 'k' }).is_undated).toBeUndefined();
  });

  test('is new each time where nobody has named it', () => {
    const [one, two] = [record({ event_type: 'x' }), record({ event_type: 'x' })];
    expect(one.id).not.toBe(two.id);
    expect(one.event_id).toBe(one.id);
    expect(one.timestamp).toBe('2026-11-21T09:00:00.000Z');
  });

  test('is dated by a name that was made by time', () => {
    const id = '019aae2f-0000-7000-8000-000000000000';
    const event = record({ event_type: 'x', event_id: id });
    expect(event.is_undated).toBeUndefined();
    expect(Date.parse(event.timestamp)).toBe(0x019aae2f0000);
    const far = record({ event_type: 'x', event_id: 'ffffffff-ffff-7fff-bfff-ffffffffffff' });
    expect(far).toMatchObject({ is_undated: true, timestamp: '2026-11-21T09:00:00.000Z' });
  });
});

describe('whose project it is', () => {
  test("is the key's, else what the sender says, else the directory that it works in", () => {
    const body = { event_type: 'x', data: { cwd: '/home/dev/shop/' } };
    expect(record(body).project).toBe('shop');
    expect(record(body, { statedProject: 'said' }).project).toBe('said');
    expect(record(body, { statedProject: 'said', project: 'own' }).project).toBe('own');
    const hook = { hook_event_name: 'Stop', session_id: 's' };
    for (const [cwd, project] of [
      ['C:\\dev\\shop\\', 'shop'],
      ['/', null],
      ['', null],
      [5, null],
      [undefined, null],
      [`/${'x'.repeat(300)}`, null],
    ] as const)
      expect([cwd, record({ ...hook, cwd }).project]).toEqual([cwd, project]);
  });

  test('is nothing that a body without the right can change', () => {
    const body = {
      event_type: 'approval.decided',
      project: 'theirs',
      agent: 'codex',
      host: 'h',
      tool: 't',
      approval_id: 'a',
    };
    expect(record(body)).toMatchObject({
      project: null,
      agent: null,
      host: null,
      tool: null,
      kind: 'other',
      src: 'api',
      extra: { project: 'theirs', approval_id: 'a' },
    });
    const trusted = record(body, { isTrusted: true });
    expect(trusted).toMatchObject({
      project: 'theirs',
      agent: 'codex',
      host: 'h',
      tool: 't',
      approval_id: 'a',
      kind: 'approval.decided',
      src: 'approval',
    });
    expect(trusted.extra).toBeUndefined();
    expect(record({ hook_event_name: 'approval.decided', approval_id: 'a' }, { isTrusted: true })).toMatchObject({
      kind: 'other',
    });
    expect(record(body, { isTrusted: true, project: 'bound' }).project).toBe('bound');
  });
});
