import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CallItem, type TimelineItem, timelineOf } from '../../src/collector/timeline.ts';
import type { EventRecord } from '../../src/events.ts';
import { dayOfEvents } from './day.ts';
import { approval, event } from './events.ts';

const FIXTURES = join(import.meta.dir, '../fixtures/claude-code');
const NOW = Date.parse('2026-11-21T12:00:00Z');
const at = (ms: number): { timestamp: string } => ({ timestamp: new Date(NOW + ms).toISOString() });
const hook = (type: string, ms: number, data: object, tool: string | null = 'Bash'): EventRecord =>
  event(type, { ...at(ms), tool, data: { hook_event_name: type, ...data } });
const use = (command: string, tool_use_id?: string): object => ({
  ...{ tool_name: 'Bash', tool_input: { command } },
  ...(tool_use_id === undefined ? {} : { tool_use_id }),
});
const asked = (id: string, ms: number, input: object): EventRecord =>
  approval('approval.requested', id, { approvers: ['U1'], expires_at: NOW + 570_000, input }, at(ms));
const decided = (id: string, ms: number, outcome: string): EventRecord =>
  approval('approval.decided', id, { outcome, by: 'U1', via: 'slack' }, at(ms));

/** Each item in a few words. */
function story(items: readonly TimelineItem[]): readonly string[] {
  return items.map((item) => {
    if (item.type === 'event') return item.event.event_type;
    const { call, asked: request, approval: wait, result, ms } = item;
    const parts = [
      request?.event_type,
      wait?.end?.outcome ?? (wait === undefined ? undefined : 'waits'),
      result?.event_type,
    ];
    return `${call}: ${parts.filter((part) => part !== undefined).join(' > ')}${ms === undefined ? '' : ` in ${ms}`}`;
  });
}

test('a prompt, a call, its wait, the decision and the result are told in order', () => {
  const events = [
    hook('UserPromptSubmit', 0, { prompt: 'Test it' }, null),
    hook('PreToolUse', 1000, use('npm test', 't1')),
    hook('PermissionRequest', 1010, use('npm test')),
    asked('a', 1020, use('npm test')),
    decided('a', 61_020, 'allowed'),
    hook('PostToolUse', 63_020, use('npm test', 't1')),
    hook('Stop', 64_000, { last_assistant_message: 'Done' }, null),
  ];
  const expected = ['UserPromptSubmit', 'npm test: PreToolUse > allowed > PostToolUse in 2000', 'Stop'];
  expect(story(timelineOf(events))).toEqual(expected);
  // Whatever the order in which they were stored.
  expect(story(timelineOf(events.toReversed()))).toEqual(expected);
});

test('two calls of the same command at once are told apart by their ids', () => {
  const items = timelineOf([
    hook('PreToolUse', 0, use('make', 't1')),
    hook('PreToolUse', 10, use('make', 't2')),
    asked('b', 20, use('make', 't2')),
    asked('a', 30, use('make', 't1')),
    decided('b', 1000, 'denied'),
    decided('a', 2000, 'allowed'),
    hook('PostToolUse', 3000, { ...use('make', 't1'), duration_ms: 77 }),
  ]);
  expect(story(items)).toEqual(['make: PreToolUse > allowed > PostToolUse in 77', 'make: PreToolUse > denied']);
});

test('of an approval without an id the last open call with the same arguments is the one', () => {
  const items = timelineOf([
    hook('PreToolUse', 0, use('one', 't1')),
    hook('PreToolUse', 10, use('two', 't2')),
    asked('a', 20, use('one')),
    hook('PostToolUse', 30, use('two', 't2')),
  ]);
  expect(story(items)).toEqual(['one: PreToolUse > waits', 'two: PreToolUse > PostToolUse in 20']);
});

test('an approval does not belong to a call that is over', () => {
  const items = timelineOf([
    hook('PreToolUse', 0, use('ls')),
    hook('PostToolUse', 10, use('ls')),
    asked('a', 20, use('ls')),
  ]);
  expect(story(items)).toEqual(['ls: PreToolUse > PostToolUse in 10', 'ls: waits']);
});

test('the same call made again is another one', () => {
  const items = timelineOf([
    hook('PreToolUse', 0, use('ls')),
    hook('PostToolUse', 10, use('ls')),
    hook('PreToolUse', 20, use('ls')),
    hook('PreToolUse', 30, use('ls')),
  ]);
  expect(story(items)).toEqual(['ls: PreToolUse > PostToolUse in 10', 'ls: PreToolUse', 'ls: PreToolUse']);
});

test('a result or an approval whose call nobody recorded still has its place', () => {
  const items = timelineOf([hook('PostToolUse', 0, use('ls', 't9')), asked('a', 10, use('rm -r x'))]);
  expect(story(items)).toEqual(['ls: PostToolUse', 'rm -r x: waits']);
});

test('every recorded hook of Claude Code can be told', () => {
  const events = readdirSync(FIXTURES)
    .filter((name) => name.endsWith('.json') && !name.startsWith('http'))
    .map((name, index) => {
      const data = JSON.parse(readFileSync(join(FIXTURES, name), 'utf8'));
      return hook(data.hook_event_name, index, data, data.tool_name ?? null);
    });
  const items = timelineOf(events);
  const calls = items.filter((item): item is CallItem => item.type === 'call');
  expect(calls.find(({ tool }) => tool === 'AskUserQuestion')?.call).not.toBe('');
  expect(items.length).toBeLessThan(events.length);
});

test('nothing of a session is lost or told twice', () => {
  const sessions = Map.groupBy(dayOfEvents(NOW), ({ session_id: session }) => session);
  for (const events of sessions.values()) {
    const items = timelineOf(events);
    const calls = items.filter((item): item is CallItem => item.type === 'call');
    const told = [
      ...items.flatMap((item) => (item.type === 'event' ? [item.event] : [])),
      ...calls.flatMap(({ asked: request, result }) => [request, result].filter((part) => part !== undefined)),
    ];
    const own = events.filter(({ approval_id: id }) => id === undefined);
    expect(told.map(({ id }) => id).sort()).toEqual(own.map(({ id }) => id).sort());
    const ids = new Set(events.flatMap(({ approval_id: id }) => id ?? []));
    expect(new Set(calls.flatMap(({ approval: wait }) => wait?.id ?? []))).toEqual(ids);
  }
});

test('what stands beside a decision is what was asked about, whatever else is told of the same call', () => {
  const items = timelineOf([
    hook('PreToolUse', 0, use('ls', 't1')),
    asked('a', 10, use('rm -rf build', 't1')),
    decided('a', 20, 'allowed'),
    hook('PostToolUse', 30, use('echo harmless', 't1')),
  ]);
  expect(story(items)).toEqual(['rm -rf build: PreToolUse > allowed > PostToolUse in 10']);
});

test('a decision about a call that is not among the events stands alone', () => {
  const items = timelineOf([hook('PreToolUse', 0, use('make deploy', 't2')), decided('earlier', 10, 'allowed')]);
  expect(story(items)).toEqual(['make deploy: PreToolUse', ': allowed']);
});

test('a call that an approval has cut shows that there is more of it', () => {
  const long = `echo ${'x'.repeat(800)}`;
  const [item] = timelineOf([hook('PreToolUse', 0, use(long, 't1')), asked('a', 10, use(long, 't1'))]);
  expect(item?.type === 'call' && item.call).toBe(`${long.slice(0, 500)}…`);
});
