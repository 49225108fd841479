import { describe, expect, test } from 'bun:test';
import { hostname } from 'node:os';
import { prepareEvent, type SentEvent } from '../../src/sender/event.ts';
import { isWanted, readPatterns } from '../../src/sender/filter.ts';

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0, 7);

function prepared(event: SentEvent, change: Partial<Parameters<typeof prepareEvent>[1]> = {}) {
  return prepareEvent(event, { env: {}, now: NOW, isEnriched: true, project: undefined, cwd: '/work/here', ...change });
}

describe('an event that is sent', () => {
  test('gets an id, a time, the session’s name and the machine, and keeps all it had', () => {
    const event = { hook_event_name: 'SessionStart', session_id: 's', cwd: '/home/dana/demo', deep: { a: [1, null] } };
    const { event: sent, id, at, project, environment } = prepared(event);
    expect(sent).toEqual({
      ...event,
      event_id: id,
      timestamp: '2026-11-21T12:00:00.007Z',
      session_name: 'demo',
      custom_metadata: {
        hostname: hostname(),
        user: expect.stringMatching(/./),
        platform: process.platform,
        node_version: process.version,
      },
    });
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/);
    expect({ at, project, environment }).toEqual({ at: NOW, project: 'demo', environment: 'development' });
  });

  test('keeps an id, a time, a name and metadata of its own, whatever they are', () => {
    const event = { event_id: 'mine', timestamp: 'once', session_name: null, custom_metadata: { hostname: 'x' } };
    const { event: sent, id } = prepared(event);
    expect(sent).toEqual(event);
    expect(id).toBe('mine');
    const odd = prepared({ event_id: 5, timestamp: 'once' }, { isEnriched: false });
    expect(odd.event).toEqual({ event_id: 5, timestamp: 'once' });
    expect(odd.id).toMatch(/-7/);
  });

  test('gets nothing but its identity without enrichment', () => {
    expect(Object.keys(prepared({ x: 1 }, { isEnriched: false }).event).sort()).toEqual(['event_id', 'timestamp', 'x']);
  });

  test.each<[SentEvent, string | undefined]>([
    [{ cwd: '/a/b/' }, 'b'],
    [{ cwd: 'C:\\work\\shop' }, 'shop'],
    [{ hook: { cwd: '/a/nested' } }, 'nested'],
    [{ workspace_roots: ['/a/cursor', '/b'] }, 'cursor'],
    [{ cwd: 5 }, 'here'],
    [{ cwd: '/' }, undefined],
  ])('such as %j is of the project of its directory', (event, project) => {
    expect(prepared(event).project).toBe(project);
    expect(prepared(event, { project: 'given' }).project).toBe('given');
  });
});

describe('a filter', () => {
  const isSent = (event: SentEvent, events?: string, tools?: string): boolean =>
    isWanted(event, { events: readPatterns(events), tools: readPatterns(tools) });

  test('of events lets through those that it names', () => {
    expect(isSent({ hook_event_name: 'SessionStart' }, 'SessionStart, UserPromptSubmit')).toBe(true);
    expect(isSent({ hook_event_name: 'Stop' }, 'SessionStart, UserPromptSubmit')).toBe(false);
    expect(isSent({ event_type: 'session_started' }, 'session_*')).toBe(true);
    expect(isSent({ hook: { hook_event_name: 'Stop' } }, 'Stop')).toBe(true);
    expect(isSent({}, 'Stop')).toBe(false);
    expect(isSent({})).toBe(true);
  });

  test.each([
    ['Bash', true],
    ['mcp__github__search', true],
    ['Bashful', false],
    ['mcp_', false],
    ['xNotebookyEditz', false],
    ['NotebookyyEdit', true],
    ['NotebookEdit', true],
    ['aXa', true],
    ['a', false],
  ])('of tools takes %s for wanted: %p', (tool, expected) => {
    expect(isSent({ tool_name: tool }, undefined, 'Bash,mcp__*,Notebook*Edit,a*a')).toBe(expected);
  });

  test('of tools says nothing about events without one', () => {
    expect(isSent({ hook_event_name: 'Stop' }, undefined, 'Bash')).toBe(true);
  });
});
