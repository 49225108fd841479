import { describe, expect, test } from 'bun:test';
import { renderBody } from '../../src/channels/slack-body.ts';
import type { SlackCalls } from '../../src/channels/slack-calls.ts';
import { createEntries, type Entry } from '../../src/channels/slack-entries.ts';
import { createForms } from '../../src/channels/slack-forms.ts';
import { buttonValue } from '../../src/channels/slack-values.ts';
import { WORDS } from '../../src/channels/wording.ts';
import { NOTICES } from '../../src/channels/wording-notices.ts';
import { CHOSEN, hiddenInAnswer, QUESTION_WORDS } from '../../src/channels/wording-questions.ts';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import { createMasker } from '../../src/secrets.ts';
import type { Answer, Core, Offers, Receipt, ToolInput } from '../../src/types.ts';
import { actionIds, allTexts, HOST, INSTANCE, makeRequest, PERMISSION, toolCall } from './requests.ts';
import { inWorld, openForm, ticked, typed, type World } from './slack-world.ts';

const OFFERS: Offers = { ...PERMISSION, form: 'questions', edit: false, always: false, grant: false };

const option = (label: string) => ({ label, description: `About ${label}` });
const DATABASE = {
  ...{ question: 'Which database?', header: 'Database', multiSelect: false },
  options: [option('PostgreSQL'), option('SQLite')],
};
const EXTRAS = {
  ...{ question: 'Which extras?', header: 'Extras', multiSelect: true },
  options: [option('Cache'), option('Search'), option('Mail')],
};

/** One question that takes one answer, or that and another that takes several. */
async function ask(world: World, questions: readonly object[], more: object = {}) {
  const input: ToolInput = { questions, metadata: { source: 'plan' } };
  const request = world.request(toolCall('AskUserQuestion', { ...input }), { offers: OFFERS, ...more });
  const receipt = await world.ask(request);
  return { input, request, receipt };
}

const buttons = (world: World, receipt: Receipt) => actionIds(world.message(receipt).blocks);
const at = ({ conversation, message }: Receipt, actionId: string, userId?: string) => ({
  ...{ channel: conversation, ts: message, actionId },
  ...(userId === undefined ? {} : { userId }),
});
const tick = (receipt: Receipt, ...values: readonly string[]) => ({
  ...at(receipt, 'csh_tick_1'),
  entered: { selected_options: values.map((value) => ({ value })) },
});
const redrawn = (world: World, receipt: Receipt, shows: string) =>
  world.slack.waitForMessage(
    ({ ts, blocks }) => ts === receipt.message && allTexts(blocks).some((text) => text.includes(shows)),
  );
const noticed = (world: World, text: string): Promise<EmulatedMessage> =>
  world.slack.waitForMessage((message) => message.ephemeralFor !== undefined && message.text === text);

describe('a single question with one answer', () => {
  test('is answered by the press on an option', () =>
    inWorld(async (world) => {
      const { input, request, receipt } = await ask(world, [DATABASE]);
      expect(buttons(world, receipt)).toEqual([
        ...['csh_pick_0_0', 'csh_pick_0_1', 'csh_other_0', 'csh_deny', 'csh_deny_reason'],
      ]);
      await world.slack.click(at(receipt, 'csh_pick_0_1'));
      expect(world.answers).toEqual([
        {
          ...{ requestId: request.id, nonce: request.nonce, decision: 'allow', by: world.slack.user.id },
          ...{ conversation: receipt.conversation, message: receipt.message, at: expect.any(Number) },
          updatedInput: { ...input, answers: { 'Which database?': 'SQLite' } },
        },
      ]);
      expect(world.notices()).toEqual([]);
    }));

  test('is answered in the person’s own words by the form for them', () =>
    inWorld(async (world) => {
      const { input, receipt } = await ask(world, [DATABASE]);
      const form = await openForm(world, receipt, 'csh_other_0');
      expect(allTexts(form.view).join('')).toContain('Which database?');
      await world.slack.submitView({ viewId: form.id, values: { csh_other_0: typed('  MySQL, <please>  ') } });
      expect(world.answers).toMatchObject([
        { decision: 'allow', updatedInput: { ...input, answers: { 'Which database?': 'MySQL, <please>' } } },
      ]);
      expect(world.slack.views()).toEqual([]);
    }));

  test('keeps the form open when the answer does not count', () =>
    inWorld(async (world) => {
      const { receipt } = await ask(world, [DATABASE]);
      const form = await openForm(world, receipt, 'csh_other_0');
      world.verdict = ({ decision }) => (decision === 'deny' ? 'accepted' : 'already-decided');
      await world.slack.submitView({ viewId: form.id, values: { csh_other_0: typed('MySQL') } });
      expect(world.slack.views()[0]?.errors).toEqual({ csh_other_0: NOTICES['already-decided'] });
    }));

  test('says what was answered when it is over', () =>
    inWorld(async (world) => {
      const { input, request, receipt } = await ask(world, [DATABASE]);
      const updatedInput = { ...input, answers: { 'Which database?': 'SQLite' } };
      const by = world.slack.user.id;
      await world.channel.close(request, { kind: 'allowed', by, via: 'Slack', at: Date.now(), updatedInput });
      const { text, blocks } = world.message(receipt);
      expect(text).toStartWith('Answered in shop');
      expect(actionIds(blocks)).toEqual([]);
      const texts = allTexts(blocks);
      expect(texts.slice(texts.indexOf('Answer'))).toContain('SQLite');
      expect(texts).toContain('Which database?');
    }));

  test('can be denied', () =>
    inWorld(async (world) => {
      const { receipt } = await ask(world, [DATABASE]);
      await world.slack.click(at(receipt, 'csh_deny'));
      expect(world.answers).toMatchObject([{ decision: 'deny' }]);
      expect(world.answers[0]).not.toHaveProperty('updatedInput');
    }));
});

describe('several questions', () => {
  test('are answered together by “Send answers”, in the order of the options', () =>
    inWorld(async (world) => {
      const { input, receipt } = await ask(world, [DATABASE, EXTRAS]);
      expect(buttons(world, receipt)).toEqual([
        ...['csh_pick_0_0', 'csh_pick_0_1', 'csh_other_0', 'csh_tick_1', 'csh_other_1'],
        ...['csh_approve', 'csh_deny', 'csh_deny_reason'],
      ]);
      await world.slack.click(at(receipt, 'csh_pick_0_0'));
      await redrawn(world, receipt, `${CHOSEN}1. PostgreSQL`);
      await world.slack.click(tick(receipt, '2', '0'));
      expect(world.answers).toEqual([]);
      await world.slack.click(at(receipt, 'csh_approve'));
      const answers = { 'Which database?': 'PostgreSQL', 'Which extras?': 'Cache, Mail' };
      expect(world.answers).toMatchObject([{ decision: 'allow', updatedInput: { ...input, answers } }]);
      expect(world.notices()).toEqual([]);
    }));

  test('take the last choice, and the last ticks', () =>
    inWorld(async (world) => {
      const { receipt } = await ask(world, [DATABASE, EXTRAS]);
      for (const pick of ['csh_pick_0_0', 'csh_pick_0_1']) await world.slack.click(at(receipt, pick));
      for (const ticks of [['0', '1'], ['1']]) await world.slack.click(tick(receipt, ...ticks));
      await world.slack.click(at(receipt, 'csh_approve'));
      const answers = { 'Which database?': 'SQLite', 'Which extras?': 'Search' };
      expect(world.answers).toMatchObject([{ updatedInput: { answers } }]);
    }));

  test('take ticks and own words together, and own words alone for the choice of one', () =>
    inWorld(async (world) => {
      const { receipt } = await ask(world, [DATABASE, EXTRAS]);
      await world.slack.click(at(receipt, 'csh_pick_0_0'));
      await world.slack.click(tick(receipt, '1'));
      for (const [index, words] of ['MySQL', 'Logs'].entries()) {
        const form = await openForm(world, receipt, `csh_other_${index}`);
        await world.slack.submitView({ viewId: form.id, values: { [`csh_other_${index}`]: typed(words) } });
        await redrawn(world, receipt, `Other: ${words}`);
      }
      expect(world.answers).toEqual([]);
      await world.slack.click(at(receipt, 'csh_approve'));
      const answers = { 'Which database?': 'MySQL', 'Which extras?': 'Search, Logs' };
      expect(world.answers).toMatchObject([{ updatedInput: { answers } }]);
    }));

  test('give own words back to change or to take back', () =>
    inWorld(async (world) => {
      const { receipt } = await ask(world, [DATABASE, EXTRAS]);
      const first = await openForm(world, receipt, 'csh_other_0');
      await world.slack.submitView({ viewId: first.id, values: { csh_other_0: typed('MySQL') } });
      await redrawn(world, receipt, 'Other: MySQL');
      const again = await openForm(world, receipt, 'csh_other_0');
      expect(JSON.stringify(again.view)).toContain('"initial_value":"MySQL"');
      await world.slack.submitView({ viewId: again.id, values: { csh_other_drop_0: ticked('drop') } });
      await redrawn(world, receipt, QUESTION_WORDS.other);
      await world.slack.click(tick(receipt, '0'));
      await world.slack.click(at(receipt, 'csh_approve'));
      await noticed(world, WORDS.incomplete);
      expect(world.answers).toEqual([]);
    }));

  test('are not sent while an answer is missing, and what was chosen stays', () =>
    inWorld(
      async (world) => {
        const { receipt } = await ask(world, [DATABASE, EXTRAS]);
        await world.slack.click(at(receipt, 'csh_approve'));
        await noticed(world, WORDS.incomplete);
        await world.slack.click(at(receipt, 'csh_pick_0_1'));
        await world.slack.click(at(receipt, 'csh_approve'));
        await world.slack.waitForCall(() => world.notices().length === 2);
        expect(world.answers).toEqual([]);
        await world.slack.click(tick(receipt, '0'));
        await world.slack.click(at(receipt, 'csh_approve'));
        const answers = { 'Which database?': 'SQLite', 'Which extras?': 'Cache' };
        expect(world.answers).toMatchObject([{ updatedInput: { answers } }]);
      },
      { timing: { noticeMs: 0 } },
    ));

  test('keep what was chosen while edits of the card fail', () =>
    inWorld(async (world) => {
      const { receipt } = await ask(world, [DATABASE, EXTRAS]);
      world.slack.fault('chat.update', { kind: 'error', error: 'cant_update_message' }, Number.POSITIVE_INFINITY);
      await world.slack.click(at(receipt, 'csh_pick_0_1'));
      await world.slack.click(tick(receipt, '2'));
      await world.slack.click(at(receipt, 'csh_approve'));
      const answers = { 'Which database?': 'SQLite', 'Which extras?': 'Mail' };
      expect(world.answers).toMatchObject([{ updatedInput: { answers } }]);
    }));

  test('are answered though every call to Slack hangs', () =>
    inWorld(async (world) => {
      const { receipt } = await ask(world, [DATABASE, EXTRAS]);
      world.slack.fault('*', { kind: 'hang' }, Number.POSITIVE_INFINITY);
      for (const press of [at(receipt, 'csh_pick_0_0'), tick(receipt, '0'), at(receipt, 'csh_approve')]) {
        expect((await world.slack.click(press)).delivery).toBe('acked');
      }
      expect(world.answers).toHaveLength(1);
    }));

  test('take no own words with hidden characters', () =>
    inWorld(async (world) => {
      const { receipt } = await ask(world, [DATABASE, EXTRAS]);
      const form = await openForm(world, receipt, 'csh_other_1');
      await world.slack.submitView({ viewId: form.id, values: { csh_other_1: typed('a\u200bb') } });
      expect(world.slack.views()[0]?.errors).toEqual({ csh_other_1: hiddenInAnswer(1) });
    }));

  test('are not touched by somebody who may not answer', () =>
    inWorld(async (world) => {
      const { receipt } = await ask(world, [DATABASE, EXTRAS]);
      const { user, otherUser } = world.slack;
      world.verdict = ({ by }) => (by === user.id ? 'accepted' : 'not-approver');
      await world.slack.click(at(receipt, 'csh_pick_0_1'));
      await redrawn(world, receipt, `${CHOSEN}2. SQLite`);
      const before = world.message(receipt);
      for (const press of [
        at(receipt, 'csh_pick_0_0'),
        tick(receipt, '0'),
        at(receipt, 'csh_other_1'),
        at(receipt, 'csh_approve'),
      ]) {
        await world.slack.click({ ...press, userId: otherUser.id });
      }
      expect((await noticed(world, NOTICES['not-approver'])).ephemeralFor).toBe(otherUser.id);
      expect(world.slack.calls('views.open')).toEqual([]);
      expect(world.message(receipt).blocks).toEqual(before.blocks);
      await world.slack.click(at(receipt, 'csh_approve'));
      await noticed(world, WORDS.incomplete);
      expect(world.answers).toEqual([]);
    }));

  test('are over for a press and for a form that come too late', () =>
    inWorld(async (world) => {
      const { request, receipt } = await ask(world, [DATABASE, EXTRAS]);
      const form = await openForm(world, receipt, 'csh_other_0');
      await world.channel.close(request, { kind: 'expired', reason: 'Nobody answered in time.', at: Date.now() });
      world.verdict = 'expired';
      await world.slack.submitView({ viewId: form.id, values: { csh_other_0: typed('MySQL') } });
      expect(world.slack.views()[0]?.errors).toEqual({ csh_other_0: NOTICES.expired });
      await world.slack.click({ ...at(receipt, 'csh_pick_0_0'), stale: true });
      await noticed(world, NOTICES.expired);
      expect(world.answers).toEqual([]);
      expect(actionIds(world.message(receipt).blocks)).toEqual([]);
    }));
});

describe('a press before the receipt of its message', () => {
  test('is answered all the same', () =>
    inWorld(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'delay', ms: 300, effect: 'before' });
      const asked = ask(world, [DATABASE]);
      const { channel, ts } = await world.slack.waitForMessage(() => true);
      expect((await world.slack.click({ channel, ts, actionId: 'csh_pick_0_1' })).delivery).toBe('acked');
      await asked;
      await world.answered(1);
      const updatedInput = { answers: { 'Which database?': 'SQLite' } };
      expect(world.answers).toMatchObject([{ conversation: channel, message: ts, updatedInput }]);
    }));

  /** The forms of a channel that does not know yet where the request is shown. */
  const early = (answers: Answer[]) => {
    const request = makeRequest(toolCall('AskUserQuestion', { questions: [DATABASE] }), { offers: OFFERS });
    const masker = createMasker({ known: [] });
    const entry: Entry = {
      ...{ request, masker, surroundings: {}, body: renderBody(request, { host: HOST, masker }), onShown: () => {} },
      ...{ over: new AbortController(), messages: [], posting: new Set(), maybeTwice: false, drafts: new Map() },
      ...{ countedBy: [], outcome: undefined, run: undefined, isLight: false },
    };
    const entries = createEntries();
    entries.add(entry);
    const core: Core = {
      answer: (answer) => {
        answers.push(answer);
        return 'pending';
      },
      judge: () => 'pending',
      candidates: () => [],
      revoke: () => 'unknown-request',
      refused: () => {},
    };
    const calls: SlackCalls = {
      call: () => Promise.reject(new Error('no call')),
      upload: () => Promise.reject(new Error('no call')),
    };
    const { onQuestion } = createForms({
      ...{ calls, core, entries, instanceId: INSTANCE, now: () => 5, stopping: new AbortController().signal },
      ...{ refresh: async () => {}, notify: () => {} },
    });
    const press = (value: string): boolean =>
      onQuestion(
        {
          ...{
            user: 'U0APPROVER',
            channel: 'D1',
            message: '1.1',
            threadTs: undefined,
            actionId: 'csh_pick_0_1',
            value,
          },
          ...{ selected: [], trigger: undefined, blocks: [] },
        },
        () => {},
      );
    return { request, press };
  };

  test('is known by what its button names', () => {
    const answers: Answer[] = [];
    const { request, press } = early(answers);
    expect(press(buttonValue(request, INSTANCE))).toBe(true);
    expect(answers).toMatchObject([
      {
        ...{ requestId: request.id, nonce: request.nonce, message: '1.1' },
        updatedInput: { answers: { 'Which database?': 'SQLite' } },
      },
    ]);
  });

  test('is not taken for one when its button has another nonce', () => {
    const answers: Answer[] = [];
    const { request, press } = early(answers);
    expect(press(buttonValue({ id: request.id, nonce: 'A'.repeat(22) }, INSTANCE))).toBe(false);
    expect(press('')).toBe(false);
    expect(answers).toEqual([]);
  });
});

describe('questions that cannot be answered here', () => {
  test('have no answers to press, and say where to give them', () =>
    inWorld(async (world) => {
      const { receipt } = await ask(world, [{ ...DATABASE, extra: true }]);
      expect(receipt.complete).toBe(false);
      expect(buttons(world, receipt)).toEqual(['csh_deny', 'csh_deny_reason']);
      expect(allTexts(world.message(receipt).blocks)).toContain(WORDS.notSayable);
      expect(world.message(receipt).text).toStartWith('AskUserQuestion: answer at the terminal');
    }));
});
