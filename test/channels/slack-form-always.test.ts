import { expect, test } from 'bun:test';
import type { ModalView, RadioButtons } from '@slack/types';
import fc from 'fast-check';
import { type Filled, readForm } from '../../src/channels/slack-form.ts';
import { readAlwaysForm, renderAlwaysForm } from '../../src/channels/slack-form-always.ts';
import { encodeInline } from '../../src/channels/visible.ts';
import { FORMS, SCOPES } from '../../src/channels/wording-forms.ts';
import { checkedView } from '../../src/emulator/view-check.ts';
import type { Candidate } from '../../src/types.ts';
import { hostileText } from './arbitraries.ts';
import { allTexts, INSTANCE } from './requests.ts';

const origin = { value: `v1.${INSTANCE}.request-1.nonce-1`, channel: 'D1', message: '1.2' };
const same = (shown: string): string => shown;

function rule(id: string, content: string, more: Partial<Candidate> = {}): Candidate {
  const rules = [{ toolName: 'Bash', ruleContent: content }];
  return {
    id,
    rule: { kind: 'permission', rules },
    text: `Bash(${content})`,
    isPermanent: true,
    ...{ matched: 12, outOf: 200, denied: [] },
    ...more,
  };
}

const exact: Candidate = {
  ...rule('e', 'x'),
  rule: { kind: 'exact', digest: 'd' },
  text: 'This exact call',
  isPermanent: false,
};

function filled(values: Readonly<Record<string, string>>): Filled {
  const state = Object.entries(values).map(([block, value]) => [
    block,
    { csh_input: { type: 'radio_buttons', selected_option: { value } } },
  ]);
  const view = { private_metadata: JSON.stringify(origin), state: { values: Object.fromEntries(state) } };
  const form = readForm({ user: { id: 'U0APPROVER' }, view }, INSTANCE, 5);
  if (form === undefined) throw new Error('not one of ours');
  return form;
}

function render(candidates: readonly Candidate[], mask = same): ModalView {
  const view = renderAlwaysForm(origin, candidates, mask);
  if (view === undefined) throw new Error('no form');
  checkedView(view, 'modal');
  return view;
}

function radios(view: ModalView): readonly RadioButtons[] {
  return view.blocks.flatMap((block) =>
    'element' in block && block.element.type === 'radio_buttons' ? [block.element] : [],
  );
}

const words = (view: ModalView): string => allTexts(view.blocks).join('');

test('the form offers every lasting rule in full, and each place where it may hold', () => {
  const long = `echo ${'a'.repeat(200)}`;
  const view = render([rule('a', 'npm test'), rule('b', long), exact]);
  const [rules, scopes] = radios(view);
  expect(rules?.options.map(({ value }) => value)).toEqual(['a', 'b']);
  expect(rules?.initial_option).toBeUndefined();
  expect(words(view)).toContain(`Bash(${long})`);
  expect(scopes?.options.map(({ value }) => value)).toEqual(Object.keys(SCOPES));
  expect(scopes?.initial_option?.value).toBe('session');
  expect(words(view)).toContain(FORMS.projectWarning);
  expect(view.callback_id).toBe('csh_always');
});

test('a rule that is the only one is chosen beforehand', () => {
  expect(radios(render([rule('a', 'npm test')]))[0]?.initial_option?.value).toBe('a');
});

test('each rule says what it would have matched, and what of that was denied', () => {
  const denied = ['git push', 'git push -f\u202e'];
  const said = words(render([rule('a', 'git *', { denied }), rule('b', 'x', { matched: 0, outOf: 0 })]));
  expect(said).toContain(
    'would have matched 12 of the last 200 requests; 2 of them were denied: git push, git push -f⟦U+202E⟧',
  );
  expect(said).toContain(FORMS.noHistory);
  const one = words(render([rule('a', 'git *', { denied: ['git push'] })]));
  expect(one).toContain('; 1 of them was denied: git push');
  expect(words(render([rule('a', 'g', { denied: ['1', '2', '3', '4', '5'] })]))).toContain('; at least 5 of them were');
});

test('without a rule that lasts there is no form', () => {
  expect(renderAlwaysForm(origin, [], same)).toBeUndefined();
  expect(renderAlwaysForm(origin, [rule('a', 'ls', { isPermanent: false })], same)).toBeUndefined();
  expect(renderAlwaysForm(origin, [exact, { ...exact, isPermanent: true }], same)).toBeUndefined();
});

test('a rule with a secret is not offered, because rules are written to files', () => {
  const mask = (shown: string): string => shown.replaceAll('hunter22', '⟦masked 1: password, 8 characters⟧');
  const view = render([rule('a', 'login hunter22'), rule('b', 'npm *', { denied: ['npm hunter22'] })], mask);
  expect(radios(view)[0]?.options.map(({ value }) => value)).toEqual(['b']);
  expect(JSON.stringify(view)).not.toContain('hunter22');
  expect(renderAlwaysForm(origin, [rule('a', 'login hunter22')], mask)).toBeUndefined();
});

test('a rule that cannot be shown in full is not offered, and the form says so', () => {
  const view = render([rule('a', 'x'.repeat(7000)), rule('b', 'npm test')]);
  expect(radios(view)[0]?.options.map(({ value }) => value)).toEqual(['b']);
  expect(words(view)).toContain('One rule is left out here');
});

test('the answer carries the rules of the chosen candidate of now, for the chosen place', () => {
  for (const destination of Object.keys(SCOPES)) {
    const result = readAlwaysForm(filled({ csh_always_rule: 'b', csh_always_scope: destination }), [
      rule('a', 'ls'),
      rule('b', 'npm test'),
    ]);
    expect(result).toMatchObject({ answer: { decision: 'allow', requestId: 'request-1', by: 'U0APPROVER' } });
    expect('answer' in result ? result.answer.updatedPermissions : result).toEqual([
      {
        type: 'addRules',
        rules: [{ toolName: 'Bash', ruleContent: 'npm test' }],
        behavior: 'allow',
        destination: destination as 'session',
      },
    ]);
  }
});

test('a rule or a place that is not offered is an error on its block', () => {
  const candidates = [rule('a', 'ls'), exact];
  const scope = { csh_always_scope: 'session' };
  const noRule = { errors: { csh_always_rule: FORMS.noRule } };
  expect(readAlwaysForm(filled({ csh_always_rule: 'gone', ...scope }), candidates)).toEqual(noRule);
  expect(readAlwaysForm(filled({ csh_always_rule: 'e', ...scope }), candidates)).toEqual(noRule);
  expect(readAlwaysForm(filled(scope), candidates)).toEqual(noRule);
  for (const place of ['everywhere', 'toString'])
    expect(readAlwaysForm(filled({ csh_always_rule: 'a', csh_always_scope: place }), candidates)).toEqual({
      errors: { csh_always_scope: FORMS.noScope },
    });
});

test('whatever the rules say, Slack takes the form and every rule stands in it in full', () => {
  const candidate = fc
    .tuple(hostileText(), fc.array(hostileText(), { maxLength: 5 }), fc.nat(), fc.nat())
    .map(([text, denied, matched, outOf]) => rule('', '', { text, denied, matched, outOf }));
  fc.assert(
    fc.property(fc.array(candidate, { minLength: 1, maxLength: 14 }), (list) => {
      const view = renderAlwaysForm(
        origin,
        list.map((item, index) => ({ ...item, id: `id${index}` })),
        same,
      );
      if (view === undefined) return;
      checkedView(view, 'modal');
      for (const { value } of radios(view)[0]?.options ?? []) {
        const chosen = list[Number(value?.slice(2))];
        expect(words(view)).toContain(encodeInline(chosen?.text ?? ''));
      }
    }),
    { numRuns: 100 },
  );
});
