import { expect, test } from 'bun:test';
import type { ModalView } from '@slack/types';
import fc from 'fast-check';
import { type Filled, type FormResult, readForm } from '../../src/channels/slack-form.ts';
import { type EditMasker, readEditForm, renderEditForm } from '../../src/channels/slack-form-edit.ts';
import { FORMS } from '../../src/channels/wording-forms.ts';
import { checkedView } from '../../src/emulator/view-check.ts';
import type { HookInput } from '../../src/types.ts';
import { hostileText } from './arbitraries.ts';
import { allTexts, bash, INSTANCE, toolCall } from './requests.ts';

const origin = { value: `v1.${INSTANCE}.request-1.nonce-1`, channel: 'D1', message: '1.2' };
const MARKER = '⟦masked 1: test key, 10 characters⟧';
const SECRET = 'SECRET-123';

/** Masks one secret, and takes no marker but its own. */
const masker: EditMasker = {
  mask: (text) => ({ text: text.replaceAll(SECRET, MARKER) }),
  restore: (text) => {
    const restored = text.replaceAll(MARKER, SECRET);
    return restored.includes('⟦masked') ? undefined : restored;
  },
};

/** A submission as Slack sends it: the state of every input by block and action. */
function submitted(view: ModalView, entered: Readonly<Record<string, string>> = {}): Filled {
  const inputs = view.blocks.flatMap((block) => ('element' in block ? [block] : []));
  const values = inputs.map(({ block_id, element, label }) => {
    const initial = element.type === 'plain_text_input' ? element.initial_value : undefined;
    return [
      block_id,
      {
        csh_input: {
          type: element.type,
          value: (Object.hasOwn(entered, label.text) ? entered[label.text] : initial) || null,
        },
      },
    ];
  });
  const body = {
    type: 'view_submission',
    user: { id: 'U0APPROVER' },
    view: { ...view, state: { values: Object.fromEntries(values) } },
  };
  const filled = readForm(body, INSTANCE, 5);
  if (filled === undefined) throw new Error('not one of ours');
  return filled;
}

function render(input: HookInput): ModalView {
  const view = renderEditForm(origin, { input }, masker);
  if (view === undefined) throw new Error('no form');
  checkedView(view, 'modal');
  return view;
}

function edit(input: HookInput, entered: Readonly<Record<string, string>>): FormResult {
  return readEditForm(submitted(render(input), entered), { input }, masker);
}

function updated(input: HookInput, entered: Readonly<Record<string, string>>): unknown {
  const result = edit(input, entered);
  return 'answer' in result ? result.answer.updatedInput : result;
}

/** The one error of a form with one input. */
function errorOf(input: HookInput, entered: Readonly<Record<string, string>>): string {
  const result = edit(input, entered);
  return 'errors' in result ? Object.values(result.errors).join('; ') : 'an answer';
}

function inputsOf(view: ModalView) {
  return view.blocks.flatMap((block) =>
    'element' in block && block.element.type === 'plain_text_input'
      ? [{ label: block.label.text, optional: block.optional === true, ...block.element }]
      : [],
  );
}

const labels = (input: HookInput): string[] => inputsOf(render(input)).map(({ label }) => label);
const words = (input: HookInput): string => allTexts(render(input).blocks).join('');

test('an edited command comes back in an input that has all other arguments as they were', () => {
  const edits = [{ old_string: 'a', new_string: 'b' }];
  const input = bash('npm test', { timeout: 5000, description: 'Runs tests', edits });
  const result = edit(input, { command: 'npm test -- --bail\r\necho done' });
  expect(result).toMatchObject({
    answer: { decision: 'allow', requestId: 'request-1', nonce: 'nonce-1', by: 'U0APPROVER', message: '1.2', at: 5 },
  });
  const changed = 'answer' in result ? result.answer.updatedInput : undefined;
  expect(Object.entries(changed ?? {})).toEqual([
    ['command', 'npm test -- --bail\necho done'],
    ['timeout', 5000],
    ['description', 'Runs tests'],
    ['edits', edits],
  ]);
  expect(changed?.edits).toBe(edits);
});

test('a form that is sent untouched is a plain approval', () => {
  expect(edit(bash('npm test', { run_in_background: true }), {})).toEqual({
    answer: {
      ...{ requestId: 'request-1', nonce: 'nonce-1', by: 'U0APPROVER', conversation: 'D1', message: '1.2', at: 5 },
      decision: 'allow',
    },
  });
});

test('line breaks that Slack writes in its own way are no change', () => {
  const input = bash('one\ntwo\n');
  expect(updated(input, { command: 'one\r\ntwo\r\n' })).toBeUndefined();
});

test('JSON that is written in another way only is no change', () => {
  const input = toolCall('mcp__db__query', { filter: { a: [1, 2] }, limit: 10 });
  expect(updated(input, { filter: '{"a":[1,2]}', limit: ' 10 ' })).toBeUndefined();
  expect(updated(input, { limit: '20' })).toEqual({ filter: { a: [1, 2] }, limit: 20 });
});

test('JSON must be JSON of the same kind', () => {
  const input = toolCall('mcp__db__query', { limit: 10, all: null, tags: ['a'] });
  expect(errorOf(input, { limit: '1e999' })).toBe(FORMS.notJson);
  expect(errorOf(input, { limit: '{' })).toBe(FORMS.notJson);
  expect(errorOf(input, { limit: '"10"' })).toBe('This was a number and must stay one.');
  expect(errorOf(input, { tags: '{}' })).toBe('This was a list and must stay one.');
  expect(errorOf(input, { all: '0' })).toBe('This was null and must stay one.');
  expect(errorOf(input, { limit: '' })).toBe(FORMS.emptied);
});

test('every error is told with the block that it is about', () => {
  const view = render(toolCall('mcp__db__query', { sql: 'select 1', limit: 10 }));
  const input = toolCall('mcp__db__query', { sql: 'select 1', limit: 10 });
  const result = readEditForm(submitted(view, { sql: ' ', limit: 'x' }), { input }, masker);
  expect(result).toEqual({ errors: { csh_edit_0: FORMS.emptied, csh_edit_1: FORMS.notJson } });
});

test('invisible characters that were entered are refused with their number', () => {
  expect(errorOf(bash('ls'), { command: 'ls\u202e\u200b' })).toBe(
    'This holds 2 characters that are invisible or change the direction of text. Type it anew.',
  );
});

test('secrets are masked in the form and come back in what will run', () => {
  const input = bash(`curl -H 'X-Key: ${SECRET}' a`, { env: { key: SECRET } });
  expect(JSON.stringify(render(input))).not.toContain(SECRET);
  expect(words(input)).toContain('stands for a secret');
  expect(updated(input, {})).toBeUndefined();
  expect(updated(input, { command: `curl -H 'X-Key: ${MARKER}' b` })).toEqual({
    command: `curl -H 'X-Key: ${SECRET}' b`,
    env: { key: SECRET },
  });
  expect(updated(input, { env: `{"key": "x${MARKER}"}` })).toMatchObject({ env: { key: `x${SECRET}` } });
  expect(errorOf(input, { command: 'curl ⟦masked 2: key⟧' })).toBe(FORMS.brokenMarker);
});

test('a text with the sign of a marker cannot be edited, whoever wrote it', () => {
  for (const command of ['echo ⟦', `echo ${MARKER}`, 'echo ⟦masked 1: token, 40 characters⟧; reboot']) {
    const input = bash(command, { env: 'x' });
    expect(labels(input)).toEqual(['env']);
    expect(words(input)).toContain(`${FORMS.locked}command, ${FORMS.lockedWhy.marks}`);
    expect(updated(input, { env: SECRET })).toMatchObject({ command, env: SECRET });
  }
  expect(renderEditForm(origin, { input: bash(`echo ${MARKER}`) }, masker)).toBeUndefined();
});

test('an argument may be emptied only where no text has a meaning', () => {
  const input = toolCall('Edit', { file_path: '/a', old_string: 'x', new_string: 'y' });
  expect(inputsOf(render(input)).map(({ optional }) => optional)).toEqual([false, false, true]);
  expect(updated(input, { new_string: '' })).toEqual({ file_path: '/a', old_string: 'x', new_string: '' });
  expect(errorOf(input, { old_string: '' })).toBe(FORMS.emptied);
  expect(updated(toolCall('Grep', { pattern: 'a', path: '' }), {})).toBeUndefined();
});

test('what a form cannot hold or give back stays as it is, and the form says why', () => {
  const long = 'x'.repeat(3001);
  const locked = { long, windows: 'a\r\nb', bidi: 'a\u202eb', blank: ' ', marks: `⟦ ${SECRET}` };
  const input = toolCall('mcp__a__b', { ...locked, ok: 'yes' });
  expect(labels(input)).toEqual(['ok']);
  const said = words(input);
  for (const key of Object.keys(locked)) expect(said).toContain(`${FORMS.locked}${key}, `);
  expect(said).toContain('is too long for Slack (3,001 characters; at most 3,000)');
  expect(updated(input, { ok: 'no' })).toEqual({ ...locked, ok: 'no' });
});

test('there is no form without an argument that can be edited, nor with more than twenty', () => {
  const many = (count: number) =>
    toolCall('X', Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i])));
  const form = (input: HookInput) => renderEditForm(origin, { input }, masker);
  expect(form(toolCall('X', {}))).toBeUndefined();
  expect(form(bash('x'.repeat(3001)))).toBeUndefined();
  expect(form(many(21))).toBeUndefined();
  expect(inputsOf(render(many(20)))).toHaveLength(20);
});

test('the main argument comes first, and what the agent says about the call cannot be edited', () => {
  expect(labels(bash('ls', {}))).toEqual(['command']);
  expect(labels(toolCall('Bash', { description: 'Lists', timeout: 1, command: 'ls' }))).toEqual(['command', 'timeout']);
  expect(words(toolCall('Bash', { description: 'Lists', command: 'ls' }))).toContain('The agent says: Lists');
  expect(labels(toolCall('Bash', { description: 'Lists' }))).toEqual(['description']);
  expect(labels(toolCall('mcp__git__issue', { title: 'a', description: 'b' }))).toEqual(['title', 'description']);
});

test('long texts get a large input, short ones a line, and other values say that they are JSON', () => {
  const input = toolCall('mcp__a__b', { short: 'x', long: 'x'.repeat(81), lines: 'a\nb', command: 'ls', n: 1 });
  const multiline = inputsOf(render(input)).map((element) => [element.label, element.multiline === true]);
  expect(Object.fromEntries(multiline)).toEqual({ short: false, long: true, lines: true, command: true, n: false });
  const hints = render(input).blocks.flatMap((block) => ('element' in block && block.hint ? [block.label.text] : []));
  expect(hints).toEqual(['n']);
});

test('names of arguments cannot break the form or the answer', () => {
  const given: Record<string, unknown> = JSON.parse('{"__proto__": "a", "": "b", "\\u202e": "c", "1": "d"}');
  const input = toolCall('X', given);
  expect(labels(input)).toEqual(['1', '__proto__', '⟦⟧', '⟦U+202E⟧']);
  const changed = updated(input, { ['__proto__']: 'z', '⟦⟧': 'y' });
  expect(Object.entries(changed ?? {})).toEqual([
    ['1', 'd'],
    ['__proto__', 'z'],
    ['', 'y'],
    ['\u202e', 'c'],
  ]);
});

test('whatever the arguments are, Slack takes the form, and sent untouched it changes nothing', () => {
  const text = fc.oneof(hostileText(), fc.string(), fc.constant(SECRET), fc.constant('x'.repeat(3000)));
  const value = fc.oneof({ weight: 3, arbitrary: text }, fc.jsonValue());
  const key = fc.oneof(fc.constantFrom('command', 'description', 'content', 'new_string'), fc.string(), hostileText());
  const tool = fc.constantFrom('Bash', 'Edit', 'mcp__a__b', 'Anything', '');
  fc.assert(
    fc.property(tool, fc.dictionary(key, value, { maxKeys: 20, noNullPrototype: true }), (name, given) => {
      const input = toolCall(name, given);
      const view = renderEditForm(origin, { input }, masker);
      if (view === undefined) return;
      checkedView(view, 'modal');
      const result = readEditForm(submitted(view), { input }, masker);
      expect('answer' in result ? result.answer.updatedInput : result).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

test('one argument that was changed leaves the very values of all others', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^x[a-z]{1,8}$/), fc.jsonValue(), { maxKeys: 10 }), (others) => {
      const changed = updated(bash('ls', others), { command: 'ls -a' });
      if (typeof changed !== 'object' || changed === null) throw new Error('no input');
      expect(Object.keys(changed)).toEqual(Object.keys(bash('ls', others).tool_input ?? {}));
      for (const [name, value] of Object.entries(others)) {
        expect(Object.is(Reflect.get(changed, name), value)).toBe(true);
      }
      expect(Reflect.get(changed, 'command')).toBe('ls -a');
    }),
    { numRuns: 100 },
  );
});
