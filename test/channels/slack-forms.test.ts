import { describe, expect, test } from 'bun:test';
import { REASON_WORDS, WORDS } from '../../src/channels/wording.ts';
import { FORMS, hiddenEntered } from '../../src/channels/wording-forms.ts';
import { NOTICES } from '../../src/channels/wording-notices.ts';
import type { EmulatedView } from '../../src/emulator/emulator-types.ts';
import type { Candidate, Offers, Receipt, Verdict } from '../../src/types.ts';
import { actionIds, allTexts, bash, PERMISSION, toolCall } from './requests.ts';
import { chose, inWorld, openForm, sentToSlack, ticked, typed, type World } from './slack-world.ts';

const TOOL: readonly Candidate[] = [
  {
    ...{ id: 'exact', rule: { kind: 'exact', digest: 'd' }, text: 'This exact call', isPermanent: false },
    ...{ matched: 1, outOf: 20, denied: [] },
  },
  {
    id: 'make',
    rule: { kind: 'permission', rules: [{ toolName: 'Bash', ruleContent: 'make *' }] },
    ...{ text: 'Bash(make *)', isPermanent: true, matched: 7, outOf: 20, denied: ['make clean'] },
  },
];
const PLAN: Offers = { ...PERMISSION, form: 'plan', edit: false, always: false, acceptEdits: true, grant: false };
const STOP: Offers = { ...PERMISSION, form: 'stop', edit: false, always: false, interrupt: false, grant: false };
const plan = toolCall('ExitPlanMode', { plan: '# Checkout\n\n1. Add a route\n' });
const stop = { ...bash(''), hook_event_name: 'Stop', last_assistant_message: 'All done.' };

const titleOf = ({ view }: EmulatedView): string => allTexts([view.title, view]).at(0) ?? '';
const wordsOf = ({ view }: EmulatedView): string => allTexts(view).join('');
const blockIds = ({ view }: EmulatedView): unknown[] =>
  Array.isArray(view.blocks) ? view.blocks.filter(({ type }) => type === 'input').map(({ block_id }) => block_id) : [];
const noticed = (world: World, text: string) =>
  world.slack.waitForMessage((message) => message.ephemeralFor === world.slack.user.id && message.text === text);

describe('“Deny with reason…”', () => {
  test('denies with the words of the person', () =>
    inWorld(async (world) => {
      const request = world.request();
      const receipt = await world.ask(request);
      const form = await openForm(world, receipt, 'csh_deny_reason');
      expect(titleOf(form)).toBe(REASON_WORDS.deny.title);
      const values = { csh_reason_text: typed('Not on `main`, <please>.\n') };
      expect((await world.slack.submitView({ viewId: form.id, values })).delivery).toBe('acked');
      expect(world.answers).toMatchObject([
        {
          ...{ requestId: request.id, nonce: request.nonce, decision: 'deny', by: world.slack.user.id },
          ...{ conversation: receipt.conversation, message: receipt.message },
          ...{ reason: 'Not on `main`, <please>.\n', interrupt: false },
        },
      ]);
      expect(world.slack.views()).toEqual([]);
      expect(world.notices()).toEqual([]);
    }));

  test('stops the turn only when that is ticked', () =>
    inWorld(async (world) => {
      const form = await openForm(world, await world.ask(world.request()), 'csh_deny_reason');
      const values = { csh_reason_text: typed('Stop.'), csh_reason_stop: ticked('interrupt') };
      await world.slack.submitView({ viewId: form.id, values });
      expect(world.answers).toMatchObject([{ decision: 'deny', reason: 'Stop.', interrupt: true }]);
    }));

  test('has no way to stop the turn where the agent cannot be told to', () =>
    inWorld(async (world) => {
      const request = world.request(bash('ls'), { offers: { ...PERMISSION, interrupt: false } });
      const form = await openForm(world, await world.ask(request), 'csh_deny_reason');
      expect(blockIds(form)).toEqual(['csh_reason_text']);
    }));

  test('takes no blank reason', () =>
    inWorld(async (world) => {
      const form = await openForm(world, await world.ask(world.request()), 'csh_deny_reason');
      await world.slack.submitView({ viewId: form.id, values: { csh_reason_text: typed(' \n ') } });
      expect(world.slack.views()[0]?.errors).toEqual({ csh_reason_text: WORDS.noReason });
      expect(world.answers).toEqual([]);
    }));

  test('shows nothing of the request', () =>
    inWorld(async (world) => {
      const form = await openForm(world, await world.ask(world.request(bash('make deploy'))), 'csh_deny_reason');
      expect(wordsOf(form)).not.toContain('deploy');
    }));
});

describe('a plan', () => {
  test('goes on with the words of “Keep planning…”', () =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request(plan, { offers: PLAN }));
      expect(actionIds(world.message(receipt).blocks)).toEqual(['csh_approve', 'csh_approve_edits', 'csh_deny_reason']);
      const form = await openForm(world, receipt, 'csh_deny_reason');
      expect(titleOf(form)).toBe(REASON_WORDS.plan.title);
      await world.slack.submitView({ viewId: form.id, values: { csh_reason_text: typed('Add tests.') } });
      expect(world.answers).toMatchObject([{ decision: 'deny', reason: 'Add tests.' }]);
    }));

  test('is approved together with its edits', () =>
    inWorld(async (world) => {
      const { conversation, message } = await world.ask(world.request(plan, { offers: PLAN }));
      await world.slack.click({ channel: conversation, ts: message, actionId: 'csh_approve_edits' });
      expect(world.answers).toMatchObject([
        {
          decision: 'allow',
          updatedPermissions: [{ type: 'setMode', mode: 'acceptEdits', destination: 'session' }],
        },
      ]);
    }));

  test('that is too long can be read page by page, and has no Approve beside that', () =>
    inWorld(async (world) => {
      withoutFiles(world);
      const long = toolCall('ExitPlanMode', { plan: 'A step of the plan.\n'.repeat(1_000) });
      const receipt = await world.ask(world.request(long, { offers: PLAN }));
      expect(actionIds(world.message(receipt).blocks)).toEqual(['csh_show_all', 'csh_deny_reason']);
    }));
});

describe('an agent that has stopped', () => {
  test('goes on with the words of “Reply…”', () =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request(stop, { offers: STOP }));
      expect(actionIds(world.message(receipt).blocks)).toEqual(['csh_deny_reason', 'csh_approve']);
      const form = await openForm(world, receipt, 'csh_deny_reason');
      expect(titleOf(form)).toBe(REASON_WORDS.stop.title);
      expect(blockIds(form)).toEqual(['csh_reason_text']);
      await world.slack.submitView({ viewId: form.id, values: { csh_reason_text: typed('Now the tests.') } });
      expect(world.answers).toMatchObject([{ decision: 'deny', reason: 'Now the tests.', interrupt: false }]);
    }));

  test('is left to stop', () =>
    inWorld(async (world) => {
      const { conversation, message, complete } = await world.ask(world.request(stop, { offers: STOP }));
      expect(complete).toBe(true);
      await world.slack.click({ channel: conversation, ts: message, actionId: 'csh_approve' });
      expect(world.answers).toMatchObject([{ decision: 'allow' }]);
    }));

  test('may have said more than fits', () =>
    inWorld(async (world) => {
      const words = { ...stop, last_assistant_message: `first ${'x'.repeat(50_000)} last` };
      const receipt = await world.ask(world.request(words, { offers: STOP }));
      const { blocks } = world.message(receipt);
      expect(receipt.complete).toBe(true);
      expect(actionIds(blocks)).toEqual(['csh_deny_reason', 'csh_approve']);
      const texts = allTexts(blocks).join('\n');
      for (const part of ['first', 'last', 'left out here']) expect(texts).toContain(part);
      expect(world.slack.calls('files.getUploadURLExternal')).toEqual([]);
    }));
});

describe('“Edit & approve…”', () => {
  const input = bash('make deploy', { description: 'Deploys', timeout: 5_000, run_in_background: false });
  const edit = async (world: World, values: Parameters<World['slack']['submitView']>[0]['values']) => {
    const request = world.request(input);
    const form = await openForm(world, await world.ask(request), 'csh_edit');
    await world.slack.submitView({ viewId: form.id, values });
    return { request, form };
  };

  test('runs what was entered, and all else as it was', () =>
    inWorld(async (world) => {
      const { request } = await edit(world, { csh_edit_0: typed('make deploy DRY=1'), csh_edit_2: typed('9000') });
      const updatedInput = { ...input.tool_input, command: 'make deploy DRY=1', timeout: 9_000 };
      expect(world.answers).toMatchObject([{ decision: 'allow', updatedInput }]);
      await world.channel.close(request, {
        ...{ kind: 'allowed', by: world.slack.user.id, via: 'Slack', at: Date.now(), updatedInput },
      });
      const closed = await world.slack.waitForMessage(({ text }) => text.startsWith('Approved'));
      const texts = allTexts(closed.blocks).join('\n');
      expect(texts).toContain('Runs instead: command');
      expect(texts).toContain('-make deploy');
      expect(texts).toContain('+make deploy DRY=1');
      expect(texts).toContain('Runs instead: timeout');
      expect(texts).not.toContain('Runs instead: run_in_background');
    }));

  test('is a plain approval when nothing was changed', () =>
    inWorld(async (world) => {
      await edit(world, {});
      expect(world.answers).toMatchObject([{ decision: 'allow' }]);
      expect(world.answers[0]).not.toHaveProperty('updatedInput');
    }));

  test.each([
    ['no JSON', 'csh_edit_2', '5 s', FORMS.notJson],
    ['invisible characters', 'csh_edit_0', 'make\u202e deploy', hiddenEntered(1)],
    ['nothing but blanks', 'csh_edit_0', '  ', FORMS.emptied],
  ])('refuses %s below the input, and nothing is approved', (_name, block, value, problem) =>
    inWorld(async (world) => {
      const { form } = await edit(world, { [block]: typed(value) });
      expect(world.answers).toEqual([]);
      expect(world.slack.views()).toMatchObject([{ id: form.id, errors: { [block]: problem } }]);
      await world.slack.submitView({
        viewId: form.id,
        values: { [block]: typed(block === 'csh_edit_2' ? '6' : 'ls') },
      });
      expect(world.answers).toHaveLength(1);
    }),
  );

  test('says so when nothing can be edited', () =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request(bash('ls\u200b')));
      const { conversation, message } = receipt;
      await world.slack.click({ channel: conversation, ts: message, actionId: 'csh_edit' });
      await noticed(world, NOTICES.noEdit);
      expect(world.slack.views()).toEqual([]);
    }));

  test('is not there for what the agent takes no other input for, or two people have to approve', () =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request(bash('a'), { offers: { ...PERMISSION, edit: false } }));
      expect(actionIds(world.message(receipt).blocks)).not.toContain('csh_edit');
      const two = await world.ask(
        world.request(bash('b'), {
          ...{ needed: 2, approvers: [world.slack.user.id, world.slack.otherUser.id] },
          input: { ...bash('b'), session_id: 'another' },
        }),
      );
      expect(actionIds(world.message(two).blocks)).toEqual(['csh_approve', 'csh_deny', 'csh_deny_reason']);
    }));
});

describe('“Always…”', () => {
  test('approves with the rule that was chosen, where it was chosen to hold', () =>
    inWorld(async (world) => {
      world.candidates = TOOL;
      const form = await openForm(world, await world.ask(world.request()), 'csh_always');
      expect(wordsOf(form)).toContain('Bash(make *)');
      expect(wordsOf(form)).toContain('make clean');
      expect(wordsOf(form)).not.toContain('This exact call');
      const values = { csh_always_rule: chose('make'), csh_always_scope: chose('localSettings') };
      await world.slack.submitView({ viewId: form.id, values });
      const rules = [{ toolName: 'Bash', ruleContent: 'make *' }];
      expect(world.answers).toMatchObject([
        {
          decision: 'allow',
          updatedPermissions: [{ type: 'addRules', rules, behavior: 'allow', destination: 'localSettings' }],
        },
      ]);
    }));

  test('takes no rule that is not offered any more', () =>
    inWorld(async (world) => {
      world.candidates = TOOL;
      const form = await openForm(world, await world.ask(world.request()), 'csh_always');
      world.candidates = [];
      await world.slack.submitView({ viewId: form.id, values: {} });
      expect(world.answers).toEqual([]);
      expect(world.slack.views()[0]?.errors).toEqual({ csh_always_rule: FORMS.noRule });
    }));

  test('says so when no rule fits', () =>
    inWorld(async (world) => {
      const { conversation, message } = await world.ask(world.request());
      await world.slack.click({ channel: conversation, ts: message, actionId: 'csh_always' });
      await noticed(world, NOTICES.noRule);
      expect(world.slack.calls('views.open')).toEqual([]);
    }));
});

describe('“Allow for 30 min…”', () => {
  test('approves with a grant of half an hour', () =>
    inWorld(async (world) => {
      world.candidates = TOOL;
      const form = await openForm(world, await world.ask(world.request()), 'csh_grant');
      await world.slack.submitView({ viewId: form.id, values: { csh_grant_rule: chose('make') } });
      const rule = { kind: 'permission', rules: [{ toolName: 'Bash', ruleContent: 'make *' }] };
      expect(world.answers).toMatchObject([
        { decision: 'allow', grant: { rule, text: 'Bash(make *)', forMs: 30 * 60_000 } },
      ]);
      expect(world.answers[0]).not.toHaveProperty('updatedPermissions');
    }));

  test('lasts as long as was chosen, for this call alone', () =>
    inWorld(async (world) => {
      world.candidates = TOOL;
      const form = await openForm(world, await world.ask(world.request()), 'csh_grant');
      const values = { csh_grant_rule: chose('exact'), csh_grant_time: chose('60') };
      await world.slack.submitView({ viewId: form.id, values });
      expect(world.answers).toMatchObject([{ grant: { rule: { kind: 'exact' }, forMs: 60 * 60_000 } }]);
    }));

  test('has nothing to send without a rule', () =>
    inWorld(async (world) => {
      const form = await openForm(world, await world.ask(world.request()), 'csh_grant');
      expect(wordsOf(form)).toContain(FORMS.noCandidates);
      expect(form.view.submit).toBeNull();
    }));

  test('keeps secrets out of the rule’s text, in the modal and in the grant', () =>
    inWorld(async (world) => {
      const secret = ['ghp', 'Q7w8E9r0T1y2U3i4O5p6A7s8D9f0G1h2J3k4'].join('_');
      const rules = [{ toolName: 'Bash', ruleContent: `push ${secret}` }];
      const text = `Bash(push ${secret})`;
      world.candidates = [
        { id: 'r', rule: { kind: 'permission', rules }, text, isPermanent: true, matched: 0, outOf: 0, denied: [] },
      ];
      const form = await openForm(world, await world.ask(world.request(bash(`push ${secret}`))), 'csh_grant');
      await world.slack.submitView({ viewId: form.id, values: {} });
      const [answer] = world.answers;
      expect(answer?.grant?.rule).toEqual({ kind: 'permission', rules });
      expect(answer?.grant?.text).toMatch(/^Bash\(push ⟦masked 1: .+⟧\)$/);
      expect(sentToSlack(world)).not.toContain(secret);
    }));
});

/** A world whose app may not upload: then there is "Show all" only. */
function withoutFiles({ slack }: World): void {
  slack.fault('files.getUploadURLExternal', { kind: 'error', error: 'missing_scope' }, Number.POSITIVE_INFINITY);
}

/** The core's judgement as far as it is about what was shown. */
function judgeByReceipts(world: World): void {
  world.verdict = ({ decision, conversation, message }) => {
    const place = world.receipts.findLast((item) => item.conversation === conversation && item.message === message);
    if (place === undefined) return 'forged';
    return decision === 'deny' || place.complete ? 'accepted' : 'not-shown';
  };
}

describe('“Show all”', () => {
  const long = bash(Array.from({ length: 2_000 }, (_, line) => `echo line ${line}`).join('\n'));
  const opened = async (world: World): Promise<{ form: EmulatedView; receipt: Receipt; last: number }> => {
    withoutFiles(world);
    judgeByReceipts(world);
    const receipt = await world.ask(world.request(long));
    expect(actionIds(world.message(receipt).blocks)).toEqual(['csh_deny', 'csh_deny_reason', 'csh_show_all']);
    const form = await openForm(world, receipt, 'csh_show_all');
    return { form, receipt, last: Number(/ of (\d+)$/.exec(titleOf(form))?.[1]) };
  };
  const turn = async (world: World, viewId: string, to: number, actionId = 'csh_page_next'): Promise<EmulatedView> => {
    expect((await world.slack.clickView({ viewId, actionId })).delivery).toBe('acked');
    return world.slack.waitForView((view) => titleOf(view).startsWith(`Page ${to} `));
  };

  test('approves on the last page, once every page was seen', () =>
    inWorld(async (world) => {
      const { form, receipt, last } = await opened(world);
      expect(last).toBeGreaterThan(2);
      const pages = [wordsOf(form)];
      for (let page = 2; page <= last; page += 1) {
        expect(world.slack.views()[0]?.view.submit).toBeNull();
        pages.push(wordsOf(await turn(world, form.id, page)));
      }
      for (let line = 0; line < 2_000; line += 1)
        expect(pages.some((page) => page.includes(`echo line ${line}`))).toBe(true);
      expect(world.answers).toEqual([]);
      expect((await world.slack.submitView({ viewId: form.id, values: {} })).delivery).toBe('acked');
      expect(world.answers).toMatchObject([{ decision: 'allow', message: `pages:${form.id}` }]);
      expect(world.receipts.at(-1)).toEqual({
        ...{ conversation: receipt.conversation, message: `pages:${form.id}`, complete: true },
      });
      expect(world.slack.views()).toEqual([]);
    }));

  test('can be turned back and forth', () =>
    inWorld(async (world) => {
      const { form, last } = await opened(world);
      await turn(world, form.id, 2);
      expect(wordsOf(await turn(world, form.id, 1, 'csh_page_back'))).toContain('echo line 0\n');
      for (let page = 2; page <= last; page += 1) await turn(world, form.id, page);
      await turn(world, form.id, last - 1, 'csh_page_back');
      expect((await turn(world, form.id, last)).view.submit).toMatchObject({ text: WORDS.approve });
    }));

  test('counts only the pages of this modal', () =>
    inWorld(async (world) => {
      const { form, receipt, last } = await opened(world);
      for (let page = 2; page <= last; page += 1) await turn(world, form.id, page);
      await world.slack.closeView(form.id);
      const again = await openForm(world, receipt, 'csh_show_all');
      expect(titleOf(again)).toBe(`Page 1 of ${last}`);
      await send(world, again, { submit: { type: 'plain_text', text: 'Approve' } });
      expect(world.answers).toMatchObject([{ message: `pages:${again.id}` }]);
      expect(world.receipts.some(({ message }) => message === `pages:${again.id}`)).toBe(false);
    }));

  test.each([
    ['that has no Approve', {}],
    ['that says it has', { submit: { type: 'plain_text', text: 'Approve' } }],
    ['that nobody opened', { id: 'V0FORGED', submit: { type: 'plain_text', text: 'Approve' } }],
  ])('takes no approval from a modal %s while pages are unseen', (_name, forged) =>
    inWorld(async (world) => {
      const { form } = await opened(world);
      const verdicts: Verdict[] = [];
      const { verdict } = world;
      world.verdict = (answer) => {
        const found = typeof verdict === 'function' ? verdict(answer) : verdict;
        verdicts.push(found);
        return found;
      };
      await send(world, form, forged);
      expect(verdicts).toEqual(['forged']);
      expect(world.receipts.filter(({ complete }) => complete)).toEqual([]);
    }),
  );

  test('says in the modal itself when the approval does not count', () =>
    inWorld(async (world) => {
      const { form, last } = await opened(world);
      for (let page = 2; page <= last; page += 1) await turn(world, form.id, page);
      world.verdict = 'expired';
      await world.slack.submitView({ viewId: form.id, values: {} });
      const [left] = world.slack.views();
      if (left === undefined) throw new Error('Expected the modal to stay');
      expect(wordsOf(left)).toContain(NOTICES.expired);
      expect(wordsOf(left)).not.toContain('echo line');
    }));

  test('turns no page for a request that is over', () =>
    inWorld(async (world) => {
      const { form } = await opened(world);
      world.verdict = 'closed';
      await world.slack.clickView({ viewId: form.id, actionId: 'csh_page_next' });
      await noticed(world, NOTICES.closed);
      expect(world.slack.calls('views.update')).toEqual([]);
    }));

  test('says so when Slack does not turn the page', () =>
    inWorld(async (world) => {
      const { form } = await opened(world);
      world.slack.fault('views.update', { kind: 'error', error: 'internal_error' });
      await world.slack.clickView({ viewId: form.id, actionId: 'csh_page_next' });
      await noticed(world, NOTICES.noForm);
    }));

  /** A submission that Slack's own client would not send. */
  async function send(world: World, { id, view }: EmulatedView, forged: object): Promise<void> {
    const frame = {
      ...{ envelope_id: 'forged', type: 'interactive', accepts_response_payload: true },
      payload: {
        ...{ type: 'view_submission', user: { id: world.slack.user.id }, team: { id: world.slack.teamId } },
        view: { submit: null, ...view, id, state: { values: {} }, ...forged },
      },
    };
    const before = world.answers.length;
    world.slack.sendFrame(JSON.stringify(frame));
    await world.answered(before + 1);
  }
});

/** Each button that opens a form, what is entered in it, and what it then decides. */
const EVERY_FORM = [
  ['csh_deny_reason', { csh_reason_text: typed('No.') }, 'deny'],
  ['csh_edit', { csh_edit_0: typed('ls') }, 'allow'],
  ['csh_always', { csh_always_rule: chose('make') }, 'allow'],
  ['csh_grant', { csh_grant_rule: chose('make') }, 'allow'],
] as const;

describe('every form', () => {
  test.each([...EVERY_FORM.map(([actionId]) => actionId), 'csh_show_all'])(
    '%s stays shut for somebody who may not answer',
    (actionId) =>
      inWorld(async (world) => {
        withoutFiles(world);
        world.candidates = TOOL;
        const isLong = actionId === 'csh_show_all';
        const { conversation, message } = await world.ask(
          world.request(isLong ? bash('x'.repeat(20_000)) : bash('make')),
        );
        world.verdict = 'not-approver';
        const { otherUser } = world.slack;
        await world.slack.click({ channel: conversation, ts: message, actionId, userId: otherUser.id });
        const notice = await world.slack.waitForMessage(({ ephemeralFor }) => ephemeralFor === otherUser.id);
        expect(notice.text).toBe(NOTICES['not-approver']);
        expect(notice.blocks).toEqual([]);
        expect(world.slack.calls('views.open')).toEqual([]);
        expect(world.answers).toEqual([]);
      }),
  );

  test.each(EVERY_FORM.map(([actionId]) => actionId))(
    '%s: the person is told when Slack does not open it',
    (actionId) =>
      inWorld(async (world) => {
        world.candidates = TOOL;
        const { conversation, message } = await world.ask(world.request());
        world.slack.fault('views.open', { kind: 'error', error: 'expired_trigger_id' });
        await world.slack.click({ channel: conversation, ts: message, actionId });
        await noticed(world, NOTICES.noForm);
        expect(world.slack.views()).toEqual([]);
      }),
  );

  test('the person is told when Slack does not answer in the time that a form can be opened', () =>
    inWorld(
      async (world) => {
        const { conversation, message } = await world.ask(world.request());
        world.slack.fault('views.open', { kind: 'hang' });
        await world.slack.click({ channel: conversation, ts: message, actionId: 'csh_deny_reason' });
        await noticed(world, NOTICES.noForm);
      },
      { timing: { callMs: 200 } },
    ));

  test.each(EVERY_FORM)('%s: an answer that does not count is told below an input', (actionId, values, decision) =>
    inWorld(async (world) => {
      world.candidates = TOOL;
      const form = await openForm(world, await world.ask(world.request()), actionId);
      world.verdict = 'already-decided';
      await world.slack.submitView({ viewId: form.id, values });
      expect(world.answers).toMatchObject([{ decision }]);
      const errors = Object.entries(world.slack.views()[0]?.errors ?? {});
      expect(errors).toEqual([[String(blockIds(form)[0]), NOTICES['already-decided']]]);
    }),
  );

  test.each(EVERY_FORM)('%s: the core decides before any call to Slack', (actionId, values, decision) =>
    inWorld(async (world) => {
      world.candidates = TOOL;
      const form = await openForm(world, await world.ask(world.request()), actionId);
      world.slack.fault('*', { kind: 'hang' }, Number.POSITIVE_INFINITY);
      const calls = world.slack.calls().length;
      let callsBefore = -1;
      world.verdict = () => {
        callsBefore = world.slack.calls().length;
        return 'accepted';
      };
      expect((await world.slack.submitView({ viewId: form.id, values })).delivery).toBe('acked');
      expect(world.answers).toMatchObject([{ decision }]);
      expect(callsBefore).toBe(calls);
    }),
  );

  test.each(EVERY_FORM)(
    '%s: an answer that is early closes it, and is told of when it does not count',
    (actionId, values) =>
      inWorld(async (world) => {
        world.candidates = TOOL;
        const form = await openForm(world, await world.ask(world.request()), actionId);
        world.verdict = 'pending';
        await world.slack.submitView({ viewId: form.id, values });
        expect(world.slack.views()).toEqual([]);
        world.later.at(-1)?.('not-shown');
        await noticed(world, NOTICES['not-shown']);
      }),
  );

  test('opens while the receipt of its message is still on its way', () =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request());
      world.verdict = 'pending';
      expect(titleOf(await openForm(world, receipt, 'csh_deny_reason'))).toBe(REASON_WORDS.deny.title);
    }));

  test('that edits a large input whose request is over says so, and is noted as the approval that it was', () =>
    inWorld(async (world) => {
      const request = world.request(bash('make deploy', { log: 'x'.repeat(20_000) }));
      const form = await openForm(world, await world.ask(request), 'csh_edit');
      await world.channel.close(request, { kind: 'withdrawn', reason: 'Gone.', at: Date.now() });
      world.verdict = 'closed';
      await world.slack.submitView({ viewId: form.id, values: { csh_edit_0: typed('make deploy DRY=1') } });
      expect(world.slack.views()[0]?.errors).toEqual({ csh_edit_0: NOTICES.closed });
      expect(world.answers).toEqual([]);
      expect(world.refused).toEqual([{ requestId: request.id, decision: 'allow', why: 'closed' }]);
    }));

  test('of a request that nobody knows any more decides nothing', () =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request());
      const form = await openForm(world, receipt, 'csh_deny_reason');
      const metadata = JSON.parse(String(form.view.private_metadata)) as { value: string };
      const value = metadata.value.replace(/\.[^.]+\.([^.]+)$/, '.unknown.$1');
      const view = { ...form.view, private_metadata: JSON.stringify({ ...metadata, value }) };
      const payload = { type: 'view_submission', user: { id: world.slack.user.id }, team: { id: world.slack.teamId } };
      const state = { values: { csh_reason_text: typed('No.') } };
      const body = { ...payload, view: { ...view, id: form.id, state } };
      world.slack.sendFrame(
        JSON.stringify({ envelope_id: 'e', type: 'interactive', accepts_response_payload: true, payload: body }),
      );
      // Goes the same way and is answered later.
      await world.slack.submitView({ viewId: form.id, values: { csh_reason_text: typed('Yes.') } });
      expect(world.answers).toMatchObject([{ reason: 'Yes.' }]);
    }));
});
