import { expect, test } from 'bun:test';
import type { ModalView } from '@slack/types';
import fc from 'fast-check';
import { type Filled, readForm } from '../../src/channels/slack-form.ts';
import { readGrantForm, renderGrantForm } from '../../src/channels/slack-form-grant.ts';
import { FORMS } from '../../src/channels/wording-forms.ts';
import { checkedView } from '../../src/emulator/view-check.ts';
import type { Candidate } from '../../src/types.ts';
import { hostileText } from './arbitraries.ts';
import { allTexts, bash, INSTANCE, toolCall } from './requests.ts';

const origin = { value: `v1.${INSTANCE}.request-1.nonce-1`, channel: 'D1', message: '1.2' };
const same = (shown: string): string => shown;
const record = { matched: 3, outOf: 10, denied: [] };
const request = { input: bash('npm test') };

const exact: Candidate = {
  id: 'e',
  rule: { kind: 'exact', digest: 'd' },
  text: 'This exact call',
  isPermanent: false,
  ...record,
};
const lasting: Candidate = {
  ...{ id: 'p', text: 'Bash(npm *)', isPermanent: true, ...record },
  rule: { kind: 'permission', rules: [{ toolName: 'Bash', ruleContent: 'npm *' }] },
};
const directory = (tool: string): Candidate => ({
  ...{ id: 'd', text: `${tool} in /home/dev/shop`, isPermanent: false, ...record },
  rule: { kind: 'directory', tool, directory: '/home/dev/shop' },
});
const all = [exact, lasting, directory('Bash')];

function filled(chosen: Readonly<Record<string, string>>): Filled {
  const state = Object.entries(chosen).map(([block, value]) => [block, { csh_input: { selected_option: { value } } }]);
  const view = { private_metadata: JSON.stringify(origin), state: { values: Object.fromEntries(state) } };
  const form = readForm({ user: { id: 'U0APPROVER' }, view }, INSTANCE, 5);
  if (form === undefined) throw new Error('not one of ours');
  return form;
}

function render(candidates: readonly Candidate[], mask = same): ModalView {
  const view = renderGrantForm(origin, request, candidates, mask);
  checkedView(view, 'modal');
  return view;
}

function elements(view: ModalView) {
  return view.blocks.flatMap((block) => ('element' in block ? [block.element] : []));
}

const words = (view: ModalView): string => allTexts(view.blocks).join('');

test('the form offers every rule and says what a grant means', () => {
  const view = render(all);
  const [rules, times] = elements(view);
  expect(rules).toMatchObject({ type: 'radio_buttons', options: [{ value: 'e' }, { value: 'p' }, { value: 'd' }] });
  expect(rules).not.toHaveProperty('initial_option');
  expect(times).toMatchObject({ type: 'static_select', initial_option: { value: '30' } });
  expect(words(view)).toContain(FORMS.grantMeaning);
  expect(words(view)).toContain('It holds in this directory and below, in every session, until it ends.');
  expect(words(view)).toContain('30 minutes');
  expect(words(view)).toContain('4 hours');
  expect(view.callback_id).toBe('csh_grant');
});

test('a grant for all commands in a directory says so where it is chosen', () => {
  const described = (tool: string) => elements(render([exact, directory(tool)]))[0];
  expect(described('Bash')).toMatchObject({ options: [{}, { description: { text: FORMS.anyCommand } }] });
  expect(described('Edit')).toMatchObject({ options: [{}, { description: { text: FORMS.anyCall } }] });
  expect(FORMS.anyCommand).toContain('all others are asked');
  // Slack's limit for the description of an option.
  for (const sentence of [FORMS.anyCommand, FORMS.anyCall]) expect(sentence.length).toBeLessThanOrEqual(75);
  expect(words(render([exact, directory('Bash')])).split(FORMS.anyCommand)).toHaveLength(3);
});

test('the answer carries the grant with the rule of now and the time', () => {
  for (const [minutes, forMs] of [
    ['5', 300_000],
    ['15', 900_000],
    ['30', 1_800_000],
    ['60', 3_600_000],
    ['240', 14_400_000],
  ]) {
    const chosen = { csh_grant_rule: 'p', csh_grant_time: String(minutes) };
    expect(readGrantForm(filled(chosen), all)).toMatchObject({
      answer: { decision: 'allow', requestId: 'request-1', grant: { rule: lasting.rule, text: 'Bash(npm *)', forMs } },
    });
  }
});

test('a rule or a time that is not offered is an error on its block', () => {
  const noRule = { errors: { csh_grant_rule: FORMS.noRule } };
  expect(readGrantForm(filled({ csh_grant_rule: 'gone', csh_grant_time: '30' }), all)).toEqual(noRule);
  expect(readGrantForm(filled({ csh_grant_time: '30' }), all)).toEqual(noRule);
  for (const time of ['31', '-5', '1e9', '0x1e'])
    expect(readGrantForm(filled({ csh_grant_rule: 'p', csh_grant_time: time }), all)).toEqual({
      errors: { csh_grant_time: FORMS.noDuration },
    });
});

test('without a rule the form has nothing to send', () => {
  const view = render([]);
  expect(view.submit).toBeUndefined();
  expect(words(view)).toContain(FORMS.noCandidates);
});

test('secrets in rules are masked, and the grant itself keeps the rule', () => {
  const mask = (shown: string): string => shown.replaceAll('hunter22', '⟦masked 1: password, 8 characters⟧');
  const secret = { ...lasting, text: 'Bash(login hunter22)' };
  expect(JSON.stringify(render([secret], mask))).not.toContain('hunter22');
  const result = readGrantForm(filled({ csh_grant_rule: 'p', csh_grant_time: '5' }), [secret]);
  expect(result).toMatchObject({ answer: { grant: { text: 'Bash(login hunter22)' } } });
});

test('whatever rules and tools are called, Slack takes the form', () => {
  fc.assert(
    fc.property(hostileText(), fc.array(hostileText(), { maxLength: 12 }), (tool, texts) => {
      const candidates = texts.map((text, index) => ({ ...directory(tool), id: `id${index}`, text }));
      checkedView(renderGrantForm(origin, { input: toolCall(tool, {}) }, candidates, same), 'modal');
    }),
    { numRuns: 100 },
  );
});
