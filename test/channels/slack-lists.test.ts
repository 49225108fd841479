import { describe, expect, test } from 'bun:test';
import type { SlackChannelOptions } from '../../src/channels/slack.ts';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import type { Answer, ApprovalRequest, Decided, HookInput, Outcome, Receipt } from '../../src/types.ts';
import { actionIds, allTexts, bash, PERMISSION } from './requests.ts';
import { inWorld, type World } from './slack-world.ts';

const dangerOf: NonNullable<SlackChannelOptions['dangerOf']> = ({ tool_input: input }) =>
  String(input?.command).startsWith('rm') ? 'it deletes files' : undefined;
const ROW_BUTTONS = ['csh_approve', 'csh_deny', 'csh_more'];

function inLists(run: (world: World) => Promise<void>, options: Partial<SlackChannelOptions> = {}): Promise<void> {
  return inWorld(run, { dangerOf, ...options });
}

function ofSession(sessionId: string, command: string): HookInput {
  return { ...bash(command), session_id: sessionId };
}

/** Requests that are on their way at the same moment. */
async function askTogether(world: World, requests: readonly ApprovalRequest[]): Promise<readonly Receipt[]> {
  return Promise.all(requests.map((request) => world.ask(request)));
}

function commands(...texts: readonly string[]): readonly HookInput[] {
  return texts.map((text) => bash(text));
}

function lists(world: World): readonly EmulatedMessage[] {
  return world.slack.messages().filter(({ blocks }) => JSON.stringify(blocks).includes('csh_row_'));
}

/** The blocks of one row, counted from zero, with what they say. */
function row(
  { blocks }: EmulatedMessage,
  index: number,
): { readonly text: string; readonly actions: readonly string[] } {
  const start = blocks.findIndex((block) => allTexts(block)[0]?.startsWith(`${index + 1}. `));
  const [first, second] = blocks.slice(start, start + 2);
  if (start < 0 || first === undefined) throw new Error(`Expected a row ${index + 1}`);
  const isOpen = second?.block_id === `csh_row_${index}`;
  return { text: allTexts(first).join(' '), actions: isOpen && second !== undefined ? actionIds([second]) : [] };
}

function pressRow(world: World, message: EmulatedMessage, index: number, actionId = 'csh_approve', stale = false) {
  const { channel, ts } = message;
  return world.slack.click({ channel, ts, actionId, blockId: `csh_row_${index}`, stale });
}

function allowed(world: World): Decided {
  return { kind: 'allowed', by: world.slack.user.id, via: 'Slack', at: Date.now() };
}

function now(world: World, { channel, ts }: EmulatedMessage): EmulatedMessage {
  return world.message({ conversation: channel, message: ts, complete: true });
}

async function twoInList(
  world: World,
  more: readonly string[] = [],
): Promise<{ requests: ApprovalRequest[]; list: EmulatedMessage }> {
  const requests = commands('make one', 'make two', ...more).map((input) => world.request(input));
  const [receipt] = await askTogether(world, requests);
  if (receipt === undefined) throw new Error('Expected a receipt');
  return { requests, list: world.message(receipt) };
}

describe('requests of one session that come together', () => {
  test('are one message with a row each and buttons for each and for all', () =>
    inLists(async (world) => {
      const requests = commands('make one', 'make two').map((input) => world.request(input));
      const receipts = await askTogether(world, requests);
      expect(new Set(receipts.map(({ message }) => message)).size).toBe(1);
      expect(receipts.map(({ complete }) => complete)).toEqual([true, true]);
      expect(world.slack.calls('chat.postMessage')).toHaveLength(1);
      const [list] = lists(world);
      if (list === undefined) throw new Error('Expected a list');
      expect(list.text).toBe('2 requests wait together');
      expect(row(list, 0)).toMatchObject({ text: expect.stringContaining('make one'), actions: ROW_BUTTONS });
      expect(row(list, 1)).toMatchObject({ text: expect.stringContaining('make two'), actions: ROW_BUTTONS });
      expect(allTexts(list.blocks)).toContain('Approve all shown (2)');
      expect(allTexts(list.blocks)).toContain('shop');
    }));

  test('are answered one by one: each press is about its own row', () =>
    inLists(async (world) => {
      const { requests, list } = await twoInList(world);
      await pressRow(world, list, 1, 'csh_deny');
      await pressRow(world, list, 0, 'csh_approve');
      const [one, two] = requests;
      expect(world.answers).toMatchObject([
        { requestId: two?.id, nonce: two?.nonce, decision: 'deny', message: list.ts, conversation: list.channel },
        { requestId: one?.id, nonce: one?.nonce, decision: 'allow', message: list.ts, conversation: list.channel },
      ]);
    }));

  test('show how each one ended, while the others still wait', () =>
    inLists(async (world) => {
      const { requests, list } = await twoInList(world, ['make three']);
      const [one, two, three] = requests;
      if (one === undefined || two === undefined || three === undefined) throw new Error('Expected three');
      await world.channel.close(two, { ...allowed(world), kind: 'denied', reason: 'Not on *Fridays*.' });
      const after = now(world, list);
      expect(after.text).toBe('2 requests wait together');
      expect(row(after, 0).actions).toEqual(ROW_BUTTONS);
      expect(row(after, 1)).toMatchObject({ actions: [], text: expect.stringContaining('Denied by ') });
      expect(row(after, 1).text).toContain('Not on *Fridays*.');
      expect(row(after, 1).text).toContain('make two');
      expect(allTexts(after.blocks)).toContain('Approve all shown (2)');
      await world.channel.close(one, allowed(world));
      expect(now(world, list).text).toBe('1 request waits');
      expect(JSON.stringify(now(world, list).blocks)).not.toContain('csh_approve_all');
      await world.channel.close(three, { kind: 'expired', reason: 'Nobody answered in time.', at: Date.now() });
      expect(now(world, list).text).toBe('3 requests, none waiting');
      expect(actionIds(now(world, list).blocks)).toEqual([]);
      await world.channel.tell({
        type: 'ran',
        request: one,
        outcome: allowed(world),
        run: { isOk: false, tookMs: 1_200, error: 'make: *** [one] Error 2' },
      });
      expect(row(now(world, list), 0).text).toContain('make: *** [one] Error 2');
    }));

  test('say it when a press came too late for one of them', () =>
    inLists(async (world) => {
      const { list } = await twoInList(world);
      world.verdict = 'already-decided';
      await pressRow(world, list, 0);
      await world.slack.waitForMessage(
        ({ ephemeralFor, text }) => ephemeralFor !== undefined && text.includes('already been answered'),
      );
    }));
});

describe('“Approve all shown”', () => {
  const pressAll = (world: World, { channel, ts }: EmulatedMessage, stale = false) =>
    world.slack.click({ channel, ts, actionId: 'csh_approve_all', stale });
  const asked = (world: World): readonly (readonly [string, string])[] =>
    world.answers.map(({ requestId, decision }) => [requestId, decision] as const);

  test('approves what is waiting in the list, each with its own proof', () =>
    inLists(async (world) => {
      const { requests, list } = await twoInList(world);
      await pressAll(world, list);
      expect(asked(world)).toEqual(requests.map(({ id }) => [id, 'allow']));
      expect(world.answers.map(({ nonce }) => nonce)).toEqual(requests.map(({ nonce }) => nonce));
      expect(new Set(world.answers.map(({ message }) => message))).toEqual(new Set([list.ts]));
      expect(world.notices()).toEqual([]);
    }));

  test('leaves out what is dangerous, and says which and why', () =>
    inLists(async (world) => {
      const { requests, list } = await twoInList(world, ['rm -rf build']);
      expect(allTexts(list.blocks)).toContain('Approve all shown (2)');
      expect(allTexts(list.blocks)).toContain('“Approve all” leaves out 3: it deletes files.');
      expect(row(list, 2).actions).toEqual(ROW_BUTTONS);
      await pressAll(world, list);
      expect(asked(world)).toEqual(requests.slice(0, 2).map(({ id }) => [id, 'allow']));
    }));

  test('is not there when fewer than two may be approved together', () =>
    inLists(async (world) => {
      await askTogether(
        world,
        commands('rm a', 'rm b', 'make one').map((input) => world.request(input)),
      );
      const [list] = lists(world);
      expect(JSON.stringify(list?.blocks)).not.toContain('csh_approve_all');
    }));

  test('never approves what has joined since it was drawn', () =>
    inLists(async (world) => {
      const { requests, list } = await twoInList(world);
      const third = world.request(bash('make three'));
      await world.ask(third);
      await world.slack.waitForMessage(({ ts, editedTs }) => ts === list.ts && editedTs !== undefined);
      await pressAll(world, list, true);
      expect(asked(world)).toEqual(requests.map(({ id }) => [id, 'allow']));
    }));

  test('says how many it did not approve when some were over', () =>
    inLists(async (world) => {
      const { requests, list } = await twoInList(world, ['make three']);
      world.verdict = ({ requestId }: Answer) => (requestId === requests[1]?.id ? 'already-decided' : 'accepted');
      await pressAll(world, list);
      await world.slack.waitForMessage(({ text }) => text === '2 approved; 1 not, because it was over or changed.');
    }));
});

describe('a request that comes while another one of its session waits', () => {
  test('is shown with it in a list; the earlier card has no buttons any more and says where it waits', () =>
    inLists(async (world) => {
      const first = world.request(bash('make one'));
      const card = world.message(await world.ask(first));
      const second = world.request(bash('make two'));
      const list = world.message(await world.ask(second));
      expect(row(list, 0)).toMatchObject({ text: expect.stringContaining('make one'), actions: ROW_BUTTONS });
      expect(row(list, 1)).toMatchObject({ text: expect.stringContaining('make two'), actions: ROW_BUTTONS });
      const moved = await world.slack.waitForMessage(({ ts, editedTs }) => ts === card.ts && editedTs !== undefined);
      expect(actionIds(moved.blocks)).toEqual([]);
      expect(allTexts(moved.blocks)).toContain('Continues in a newer message below.');

      await world.slack.click({ channel: card.channel, ts: card.ts, actionId: 'csh_approve', stale: true });
      expect(world.answers).toMatchObject([{ requestId: first.id, decision: 'allow', message: card.ts }]);
      await world.channel.close(first, allowed(world));
      expect(row(now(world, list), 0).text).toContain('Approved by ');
      // What goes on in the list is told there.
      expect(now(world, card).text).toBe('Continues in a newer message below.');
      expect(row(now(world, list), 1).actions).toEqual(ROW_BUTTONS);
    }));

  test('tells the core of both places, so that an answer on either counts', () =>
    inLists(async (world) => {
      const first = world.request(bash('make one'));
      const places: string[] = [];
      await world.channel.ask(first, new AbortController().signal, ({ message }) => places.push(message));
      const list = world.message(await world.ask(world.request(bash('make two'))));
      expect(places).toHaveLength(2);
      expect(places[1]).toBe(list.ts);
    }));

  test('moves a whole list on into a longer one', () =>
    inLists(async (world) => {
      const { list } = await twoInList(world);
      const longer = world.message(await world.ask(world.request(bash('make three'))));
      expect([0, 1, 2].map((index) => row(longer, index).actions)).toEqual([ROW_BUTTONS, ROW_BUTTONS, ROW_BUTTONS]);
      const moved = await world.slack.waitForMessage(({ ts, editedTs }) => ts === list.ts && editedTs !== undefined);
      expect(actionIds(moved.blocks)).toEqual([]);
      expect(row(moved, 0).text).toContain('Continues in a newer message below.');
    }));

  test('stands alone when the earlier one is over, or belongs to another session', () =>
    inLists(async (world) => {
      const first = world.request(ofSession('a', 'make one'));
      await world.ask(first);
      const other = world.message(await world.ask(world.request(ofSession('b', 'make other'))));
      await world.channel.close(first, allowed(world));
      const second = world.message(await world.ask(world.request(ofSession('a', 'make two'))));
      expect(lists(world)).toEqual([]);
      expect(now(world, other).editedTs).toBeUndefined();
      expect(actionIds(second.blocks)).toContain('csh_approve');
    }));
});

describe('“More…” in a row', () => {
  const moreOn = async (world: World, list: EmulatedMessage, index: number): Promise<EmulatedMessage> => {
    const known = new Set(world.slack.messages().map(({ ts }) => ts));
    await pressRow(world, list, index, 'csh_more');
    return world.slack.waitForMessage(({ ts, ephemeralFor }) => !known.has(ts) && ephemeralFor === undefined);
  };

  test('gives the request a card of its own with all its buttons, and the row none', () =>
    inLists(async (world) => {
      const { requests, list } = await twoInList(world);
      const card = await moreOn(world, list, 0);
      expect(actionIds(card.blocks)).toEqual([
        ...['csh_approve', 'csh_deny', 'csh_deny_reason'],
        ...['csh_edit', 'csh_always', 'csh_grant'],
      ]);
      const after = await world.slack.waitForMessage(({ ts, editedTs }) => ts === list.ts && editedTs !== undefined);
      expect(row(after, 0)).toMatchObject({
        actions: [],
        text: expect.stringContaining('Continues in a newer message'),
      });
      expect(row(after, 1).actions).toEqual(ROW_BUTTONS);
      expect(JSON.stringify(after.blocks)).not.toContain('csh_approve_all');
      await world.slack.click({ channel: card.channel, ts: card.ts, actionId: 'csh_approve' });
      expect(world.answers).toMatchObject([{ requestId: requests[0]?.id, message: card.ts }]);
    }));

  test('gives one card, however often it is pressed, and says so', () =>
    inLists(async (world) => {
      const { list } = await twoInList(world);
      world.slack.fault('chat.postMessage', { kind: 'delay', ms: 100, effect: 'after' });
      await Promise.all([pressRow(world, list, 0, 'csh_more'), pressRow(world, list, 0, 'csh_more')]);
      await world.slack.waitForMessage(({ text }) => text.includes('has a message of its own'));
      await world.slack.waitForMessage(({ ts, editedTs }) => ts === list.ts && editedTs !== undefined);
      await pressRow(world, list, 0, 'csh_more', true);
      expect(world.slack.calls('chat.postMessage')).toHaveLength(2);
    }));

  test('is for those who may answer only', () =>
    inLists(async (world) => {
      const { list } = await twoInList(world);
      world.verdict = 'not-approver';
      await pressRow(world, list, 0, 'csh_more');
      await world.slack.waitForMessage(({ ephemeralFor }) => ephemeralFor !== undefined);
      expect(world.slack.calls('chat.postMessage')).toHaveLength(1);
    }));

  test('takes the request out of later lists: the card that somebody asked for stays', () =>
    inLists(async (world) => {
      const { list } = await twoInList(world);
      const card = await moreOn(world, list, 0);
      await world.slack.waitForMessage(({ ts, editedTs }) => ts === list.ts && editedTs !== undefined);
      const longer = world.message(await world.ask(world.request(bash('make three'))));
      expect(allTexts(longer.blocks).join(' ')).not.toContain('make one');
      expect(row(longer, 0).text).toContain('make two');
      expect(actionIds(now(world, card).blocks)).toContain('csh_approve');
    }));

  test('says that nothing came of it when Slack takes no message', () =>
    inLists(async (world) => {
      const { list } = await twoInList(world);
      world.slack.fault('chat.postMessage', { kind: 'error', error: 'channel_not_found' });
      await pressRow(world, list, 0, 'csh_more');
      await world.slack.waitForMessage(({ ephemeralFor }) => ephemeralFor !== undefined);
      expect(row(now(world, list), 0).actions).toEqual(ROW_BUTTONS);
    }));

  test('says so also where Slack takes no notice either, by the address of the press', () =>
    inLists(async (world) => {
      const { list } = await twoInList(world);
      world.slack.fault('chat.postMessage', { kind: 'error', error: 'channel_not_found' });
      world.slack.fault('chat.postEphemeral', { kind: 'error', error: 'user_not_in_channel' });
      await pressRow(world, list, 0, 'csh_more');
      await world.slack.waitForMessage(({ ephemeralFor }) => ephemeralFor !== undefined);
    }));
});

describe('what does not fit into a row', () => {
  const QUESTIONS = {
    form: 'questions',
    edit: false,
    always: false,
    acceptEdits: false,
    interrupt: true,
    grant: false,
  } as const;

  test.each([
    ['a long one', bash(`echo ${'x'.repeat(2_000)}`), {}],
    ['one that two people must approve', bash('make x'), { needed: 2 }],
    [
      'a plan',
      { ...bash(''), tool_name: 'ExitPlanMode', tool_input: { plan: '# Plan' } },
      { offers: { ...PERMISSION, form: 'plan' } },
    ],
    [
      'a question',
      {
        ...bash(''),
        tool_name: 'AskUserQuestion',
        tool_input: {
          questions: [
            { question: 'Which?', header: 'H', multiSelect: false, options: [{ label: 'a' }, { label: 'b' }] },
          ],
        },
      },
      { offers: QUESTIONS },
    ],
    [
      'a stop',
      { ...bash(''), hook_event_name: 'Stop', tool_name: undefined },
      { offers: { ...QUESTIONS, form: 'stop' } },
    ],
  ] as readonly (readonly [string, HookInput, Partial<ApprovalRequest>])[])(
    'has a card of its own: %s',
    (_name, input, more) =>
      inLists(async (world) => {
        const waiting = world.message(await world.ask(world.request(bash('make one'))));
        const own = world.message(await world.ask(world.request(input, more)));
        expect(lists(world)).toEqual([]);
        expect(actionIds(now(world, waiting).blocks)).toContain('csh_approve');
        expect(actionIds(own.blocks)).not.toEqual([]);
        const [plain, odd] = await askTogether(world, [world.request(bash('make two')), world.request(input, more)]);
        expect(plain?.message).not.toBe(odd?.message);
      }),
  );

  test('does not wait for one that hangs, though they came together', () =>
    inLists(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'rate-limit', seconds: 20 });
      const abort = new AbortController();
      const first = world.ask(world.request(bash(`echo ${'x'.repeat(2_000)}`)), abort.signal);
      const started = Date.now();
      await world.ask(world.request(bash(`echo ${'y'.repeat(2_000)}`)));
      expect(Date.now() - started).toBeLessThan(5_000);
      abort.abort();
      await first.catch(() => {});
    }));
});

describe('many at once', () => {
  test('are few messages; each one is shown with buttons somewhere, and can be answered', () =>
    inLists(async (world) => {
      const requests = Array.from({ length: 20 }, (_, index) => world.request(bash(`make target-${index}`)));
      const receipts = await askTogether(world, requests);
      expect(world.slack.messages().length).toBeLessThanOrEqual(3);
      for (const [index, request] of requests.entries()) {
        const receipt = receipts[index];
        if (receipt === undefined) throw new Error('Expected a receipt');
        const message = world.message(receipt);
        const block = message.blocks.find(
          (candidate) =>
            actionIds([candidate]).includes('csh_approve') && JSON.stringify(candidate).includes(request.id),
        );
        await world.slack.click({
          channel: message.channel,
          ts: message.ts,
          actionId: 'csh_approve',
          blockId: String(block?.block_id),
        });
      }
      expect(world.answers.map(({ requestId }) => requestId)).toEqual(requests.map(({ id }) => id));
    }));

  test('that trickle in while Slack is slow are few messages, too, and none is lost', () =>
    inLists(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'delay', ms: 300, effect: 'after' });
      const first = world.ask(world.request(bash('make first')));
      await world.slack.waitForCall(({ method }) => method === 'chat.postMessage');
      const later = askTogether(
        world,
        Array.from({ length: 8 }, (_, index) => world.request(bash(`make ${index}`))),
      );
      await Promise.all([first, later]);
      expect(world.slack.messages()).toHaveLength(2);
      const [list] = lists(world);
      expect(allTexts(list?.blocks)).toContain('Approve all shown (9)');
    }));

  test('are not held up by one that Slack makes wait', () =>
    inLists(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'rate-limit', seconds: 20 });
      const abort = new AbortController();
      let isFirstOver = false;
      const first = world.ask(world.request(bash('make first')), abort.signal).finally(() => {
        isFirstOver = true;
      });
      await world.slack.waitForCall(({ method }) => method === 'chat.postMessage');
      await world.ask(world.request(bash('make second')));
      expect(isFirstOver).toBe(false);
      abort.abort();
      await first.catch(() => {});
    }));

  test('are not held up by one whose post gets no answer', () =>
    inLists(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'hang' });
      const abort = new AbortController();
      const first = world.ask(world.request(bash('make first')), abort.signal);
      await world.slack.waitForCall(({ method }) => method === 'chat.postMessage');
      const started = Date.now();
      await world.ask(world.request(bash('make second')));
      expect(Date.now() - started).toBeLessThan(5_000);
      abort.abort();
      await first.catch(() => {});
    }));
});

describe('a list that is on its way', () => {
  const slow = (world: World, ms: number) =>
    world.slack.fault('chat.postMessage', { kind: 'delay', ms, effect: 'before' });

  test('shows what ended meanwhile as ended', () =>
    inLists(async (world) => {
      slow(world, 300);
      const requests = commands('make one', 'make two').map((input) => world.request(input));
      const [one] = requests;
      const abort = new AbortController();
      const asked = Promise.allSettled(
        requests.map((request, index) => world.ask(request, index === 0 ? abort.signal : undefined)),
      );
      const { ts } = await world.slack.waitForMessage(() => true);
      abort.abort();
      if (one === undefined) throw new Error('Expected a request');
      await world.channel.close(one, { kind: 'withdrawn', reason: 'Gone.', at: Date.now() });
      await asked;
      const list = world.slack.messages().find((message) => message.ts === ts);
      if (list === undefined) throw new Error('Expected the list');
      expect(row(list, 0).actions).toEqual([]);
      expect(row(list, 1).actions).toEqual(ROW_BUTTONS);
    }));

  test('waits as long as the one of its requests that has most time, not the one that has least', () =>
    inLists(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'rate-limit', seconds: 1 });
      const short = world.request(bash('make one'), { expiresAt: Date.now() + 500 });
      const long = world.request(bash('make two'));
      const [first, second] = await Promise.allSettled([world.ask(short), world.ask(long)]);
      expect(first?.status).toBe('rejected');
      expect(second?.status).toBe('fulfilled');
    }));

  test('is not tried again when all of its requests have ended', () =>
    inLists(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'rate-limit', seconds: 1 });
      const abort = new AbortController();
      const requests = commands('make one', 'make two').map((input) => world.request(input));
      const asked = Promise.allSettled(requests.map((request) => world.ask(request, abort.signal)));
      await world.slack.waitForCall(({ method }) => method === 'chat.postMessage');
      abort.abort();
      await asked;
      await Promise.all(
        requests.map((request) => world.channel.close(request, { kind: 'withdrawn', reason: 'Gone.', at: Date.now() })),
      );
      expect(world.slack.messages()).toEqual([]);
      expect(world.slack.calls('chat.postMessage')).toHaveLength(1);
    }));

  test('becomes cards of their own when Slack does not take it', () =>
    inLists(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'error', error: 'msg_blocks_too_long' });
      const receipts = await askTogether(
        world,
        commands('make one', 'make two').map((input) => world.request(input)),
      );
      expect(new Set(receipts.map(({ message }) => message)).size).toBe(2);
      expect(receipts.map(({ complete }) => complete)).toEqual([true, true]);
      expect(lists(world)).toEqual([]);
    }));
});

describe('the limits of Slack', () => {
  const refused = (world: World) => world.slack.calls().filter(({ response }) => response.ok === false);

  test('hold for lists of the largest rows, open and closed, with all that can be said of an end', () =>
    inLists(async (world) => {
      const size = 700;
      const requests = Array.from({ length: 12 }, (_, index) =>
        world.request(bash(`echo ${index} ${'"\n'.repeat(size / 4)}`)),
      );
      await askTogether(world, requests);
      for (const request of requests) {
        const outcome: Outcome = {
          ...{ kind: 'allowed', by: world.slack.user.id, via: 'Slack', at: Date.now() },
          reason: '"\n'.repeat(500),
          updatedInput: { command: 'y"\n'.repeat(2_000) },
        };
        await world.channel.close(request, outcome);
        await world.channel.tell({
          type: 'ran',
          request,
          outcome,
          run: { isOk: false, tookMs: 1, error: '"'.repeat(900) },
        });
      }
      expect(refused(world)).toEqual([]);
      expect(world.slack.messages().flatMap(({ blocks }) => actionIds(blocks))).toEqual([]);
      const told = world.slack.messages().map(({ blocks }) => allTexts(blocks).join(' '));
      for (const index of requests.keys()) expect(told.some((text) => text.includes(`echo ${index} `))).toBe(true);
      expect(told.join(' ').match(/Approved by /g)).toHaveLength(12);
    }));

  test('hold for twelve rows, which are never more', () =>
    inLists(async (world) => {
      await askTogether(
        world,
        Array.from({ length: 30 }, (_, index) => world.request(bash(`rm ${index}`))),
      );
      expect(refused(world)).toEqual([]);
      for (const { blocks } of world.slack.messages()) {
        expect(blocks.length).toBeLessThanOrEqual(50);
        expect(actionIds(blocks).filter((id) => id === 'csh_approve').length).toBeLessThanOrEqual(12);
      }
    }));

  test('are met in a short form when Slack takes less than is known', () =>
    inLists(async (world) => {
      const { requests, list } = await twoInList(world);
      world.slack.fault('chat.update', { kind: 'error', error: 'msg_blocks_too_long' });
      const [one] = requests;
      if (one === undefined) throw new Error('Expected a request');
      await world.channel.close(one, { ...allowed(world), kind: 'denied', reason: 'Because of many words.' });
      const after = now(world, list);
      expect(row(after, 0)).toMatchObject({ actions: [], text: expect.stringContaining('Denied by ') });
      expect(row(after, 0).text).toContain('make one');
      expect(row(after, 0).text).not.toContain('many words');
      expect(row(after, 1).actions).toEqual(ROW_BUTTONS);
    }));
});
