import { describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { SlackChannelOptions } from '../../src/channels/slack.ts';
import { NOTICES } from '../../src/channels/wording-notices.ts';
import type { EmulatedMessage, EmulatorOptions } from '../../src/emulator/emulator-types.ts';
import type { ApprovalRequest, HookInput, Offers, Outcome } from '../../src/types.ts';
import { actionIds, bash, PERMISSION } from './requests.ts';
import { inWorld, type World } from './slack-world.ts';

const STOP: Offers = { ...PERMISSION, form: 'stop', edit: false, always: false, grant: false };

function inThreads(
  run: (world: World) => Promise<void>,
  options: Partial<SlackChannelOptions> = {},
  emulator: EmulatorOptions = {},
): Promise<void> {
  return inWorld(run, { threads: true, timing: { noticeMs: 0 }, ...options }, emulator);
}

async function ask(world: World, request: ApprovalRequest): Promise<EmulatedMessage> {
  return world.message(await world.ask(request));
}

function ofSession(sessionId: string, command = 'make deploy'): HookInput {
  return { ...bash(command), session_id: sessionId };
}

/** Writes into the thread of a card. */
function say(
  world: World,
  { channel, ts }: EmulatedMessage,
  text: string,
  more: { broadcast?: boolean; userId?: string } = {},
) {
  return world.slack.say({ channel, threadTs: ts, text, ...more });
}

function react(world: World, { channel, ts }: EmulatedMessage, emoji: string, userId = world.slack.user.id) {
  return world.slack.react({ channel, ts, emoji, userId });
}

/** Resolves when a notice with these words has come. */
function noticed(world: World, words: string): Promise<EmulatedMessage> {
  return world.slack.waitForMessage(({ ephemeralFor, text }) => ephemeralFor !== undefined && text.includes(words));
}

/** What was decided so far. Whatever went to the daemon before has been handled: a press goes the same way, behind it. */
async function decided(world: World): Promise<readonly string[]> {
  const before = world.answers.length;
  const { channel, ts } = await ask(world, world.request(ofSession(randomUUID(), 'make sentinel')));
  await world.slack.click({ channel, ts, actionId: 'csh_approve' });
  await world.answered(before + 1);
  const sentinel = world.answers.findIndex(({ message }) => message === ts);
  return world.answers
    .toSpliced(sentinel, 1)
    .map(({ decision, reason }) => (reason === undefined ? decision : `${decision}: ${reason}`));
}

function allowed(at = Date.now()): Outcome {
  return { kind: 'allowed', by: 'U0ADA00001', via: 'Slack', at };
}

describe('a reaction', () => {
  test.each([
    ['+1', 'allow'],
    ['thumbsup', 'allow'],
    ['+1::skin-tone-2', 'allow'],
    ['+1::skin-tone-6', 'allow'],
    ['-1', 'deny'],
    ['thumbsdown', 'deny'],
    ['-1::skin-tone-4', 'deny'],
  ] as const)(':%s: on a card is an answer: %s', (emoji, decision) =>
    inThreads(async (world) => {
      const request = world.request();
      const card = await ask(world, request);
      await react(world, card, emoji);
      await world.answered(1);
      expect(world.answers).toMatchObject([
        {
          ...{ requestId: request.id, nonce: request.nonce, decision, by: world.slack.user.id },
          ...{ conversation: card.channel, message: card.ts },
        },
      ]);
      expect(Object.keys(world.answers[0] ?? {})).not.toContain('reason');
      expect(world.notices()).toEqual([]);
    }),
  );

  test('with another emoji, on another message, or taken back, is none', () =>
    inThreads(async (world) => {
      const card = await ask(world, world.request());
      const [root] = world.slack.messages();
      if (root === undefined) throw new Error('Expected the first message of the thread');
      await react(world, card, 'eyes');
      await react(world, card, 'heavy_check_mark');
      await react(world, root, '+1');
      await world.slack.say({ channel: card.channel, text: 'hello' });
      const hello = world.slack.messages().find(({ text }) => text === 'hello');
      if (hello !== undefined) await react(world, hello, '+1');
      expect(await decided(world)).toEqual([]);
      await react(world, card, '+1');
      await world.answered(2);
      await world.slack.unreact({ channel: card.channel, ts: card.ts, emoji: '+1' });
      expect((await decided(world)).filter((decision) => decision === 'deny')).toEqual([]);
      expect(world.notices()).toEqual([]);
    }));

  test.each(['not-approver', 'already-decided', 'not-shown', 'expired', 'misconfigured'] as const)(
    'that the core does not take (%s) is answered with a notice',
    (verdict) =>
      inThreads(async (world) => {
        const card = await ask(world, world.request());
        world.verdict = verdict;
        await react(world, card, '+1');
        const { ephemeralFor, threadTs } = await noticed(world, NOTICES[verdict]);
        expect(ephemeralFor).toBe(world.slack.user.id);
        expect(threadTs).toBe(String(card.threadTs));
      }),
  );

  test('of somebody else is taken to the core in that person’s name', () =>
    inThreads(async (world) => {
      const card = await ask(world, world.request());
      world.verdict = 'not-approver';
      await react(world, card, '+1', world.slack.otherUser.id);
      await world.answered(1);
      expect(world.answers).toMatchObject([{ by: world.slack.otherUser.id }]);
    }));

  test('on a list, or on a card that has moved into one, is refused with a notice', () =>
    inThreads(async (world) => {
      const first = await ask(world, world.request(bash('make one')));
      const list = await ask(world, world.request(bash('make two')));
      expect(list.ts).not.toBe(first.ts);
      await react(world, list, '+1');
      await noticed(world, 'Use the buttons');
      await react(world, first, '-1');
      await world.slack.waitForMessage(() => world.notices().length === 2);
      expect(await decided(world)).toEqual([]);
    }));

  test('on the card that “More…” gave counts again', () =>
    inThreads(async (world) => {
      const first = world.request(bash('make one'));
      await ask(world, first);
      const list = await ask(world, world.request(bash('make two')));
      await world.slack.click({ channel: list.channel, ts: list.ts, actionId: 'csh_more', blockId: 'csh_row_0' });
      await world.slack.waitForMessage(({ ts, editedTs }) => ts === list.ts && editedTs !== undefined);
      const card = world.slack.messages().at(-1);
      if (card === undefined) throw new Error('Expected a card');
      await react(world, card, '+1');
      await world.answered(1);
      expect(world.answers).toMatchObject([{ requestId: first.id, decision: 'allow', message: card.ts }]);
    }));
});

describe('a word in the thread', () => {
  test.each(['ok', 'OK!', 'Okay.', 'yes', ' ok ', '👍', '👍🏽', ':+1:', ':thumbsup:', ':+1::skin-tone-3:'])(
    'approves: %p',
    (text) =>
      inThreads(async (world) => {
        const request = world.request();
        const card = await ask(world, request);
        await say(world, card, text);
        await world.answered(1);
        expect(world.answers).toMatchObject([
          {
            requestId: request.id,
            nonce: request.nonce,
            decision: 'allow',
            conversation: card.channel,
            message: card.ts,
          },
        ]);
      }),
  );

  test.each([
    ['no', undefined],
    ['No.', undefined],
    ['👎', undefined],
    [':-1:', undefined],
    [':-1::skin-tone-2:', undefined],
    ['no because it is Friday', 'because it is Friday'],
    ['no, use the test database', 'use the test database'],
    ['NO: not now', 'not now'],
    ['no — later', 'later'],
    ['no\nfirst line\nsecond line', 'first line\nsecond line'],
    ['no because a < b && c > d, say &lt;', 'because a < b && c > d, say &lt;'],
    ['👎 wrong branch', 'wrong branch'],
  ] as const)('denies: %p, with the rest of it as the reason', (text, reason) =>
    inThreads(async (world) => {
      await say(world, await ask(world, world.request()), text);
      await world.answered(1);
      expect(world.answers.map((answer) => [answer.decision, answer.reason])).toEqual([['deny', reason]]);
    }),
  );

  test.each(['nope', 'nobody', 'okay then', 'ok?', 'yesterday', 'sure', 'okno', 'notok', 'I say no', 'lgtm'])(
    'is no answer: %p',
    (text) =>
      inThreads(async (world) => {
        await say(world, await ask(world, world.request()), text);
        expect(await decided(world)).toEqual([]);
        expect(world.notices()).toEqual([]);
      }),
  );

  test('counts when it is also sent to the conversation', () =>
    inThreads(async (world) => {
      await say(world, await ask(world, world.request()), 'ok', { broadcast: true });
      await world.answered(1);
      expect(world.answers).toMatchObject([{ decision: 'allow' }]);
    }));

  test('has links in its reason as they were written', () =>
    inThreads(async (world) => {
      const { channel, threadTs } = await ask(world, world.request());
      const text =
        'no, see <https://example.com/a?b=1&amp;c=2> and <http://example.com|example.com> or &lt;https://x&gt;';
      const event = { type: 'message', user: world.slack.user.id, text, channel, thread_ts: threadTs };
      sendEvent(world, { ...event, ts: '9900000000.000100' });
      await world.answered(1);
      expect(world.answers).toMatchObject([
        { reason: 'see https://example.com/a?b=1&c=2 and example.com or <https://x>' },
      ]);
    }));

  test('below a card that stands alone counts for that card', () =>
    inThreads(
      async (world) => {
        const card = await ask(world, world.request(ofSession('one')));
        await ask(world, world.request(ofSession('two')));
        await say(world, card, 'ok');
        await world.answered(1);
        expect(world.answers).toMatchObject([{ message: card.ts }]);
      },
      { threads: false },
    ));

  test('is about its own session only', () =>
    inThreads(async (world) => {
      const one = await ask(world, world.request(ofSession('one')));
      const two = await ask(world, world.request(ofSession('two')));
      await say(world, two, 'ok');
      await say(world, one, 'no');
      await world.answered(2);
      expect(world.answers.map(({ message, decision }) => [message, decision])).toEqual([
        [two.ts, 'allow'],
        [one.ts, 'deny'],
      ]);
    }));

  test('of somebody else is refused by the core, and that person is told', () =>
    inThreads(async (world) => {
      const approvers: [string, string] = [world.slack.user.id, world.slack.otherUser.id];
      const request = world.request(bash('x'), { approvers });
      await ask(world, request);
      const card = world.slack
        .messages()
        .find(({ channel, threadTs }) => channel === 'D0BEN00002' && threadTs !== undefined);
      if (card === undefined) throw new Error('Expected a card for the other person');
      world.verdict = 'not-approver';
      await say(world, card, 'ok');
      await world.answered(1);
      expect(world.answers).toMatchObject([
        { by: world.slack.otherUser.id, conversation: card.channel, message: card.ts },
      ]);
      await noticed(world, 'only the people whom this request was sent to');
    }));
});

describe('a word that could be about more than one request', () => {
  test('decides nothing while two wait, in a list or not, and says so', () =>
    inThreads(async (world) => {
      await ask(world, world.request(bash('make one')));
      const list = await ask(world, world.request(bash('make two')));
      await say(world, list, 'ok');
      await noticed(world, 'more than one request waits');
      const long = await ask(world, world.request(ofSession('s', `echo ${'x'.repeat(2_000)}`)));
      await ask(world, world.request(ofSession('s', `echo ${'y'.repeat(2_000)}`)));
      await say(world, long, 'no');
      await world.slack.waitForMessage(() => world.notices().length === 2);
      expect(await decided(world)).toEqual([]);
    }));

  test('decides nothing when another one ended a moment ago: it may have been meant', () =>
    inThreads(async (world) => {
      const first = world.request(bash('make one'));
      await ask(world, first);
      const list = await ask(world, world.request(bash('make two')));
      await world.channel.close(first, allowed());
      await say(world, list, 'ok');
      await noticed(world, 'or did a moment ago');
      expect(await decided(world)).toEqual([]);
    }));

  test('is about the one that waits when the other one ended a while ago', () =>
    inThreads(async (world) => {
      const first = world.request(bash('make one'));
      await ask(world, first);
      const second = world.request(bash('make two'));
      const list = await ask(world, second);
      await world.channel.close(first, allowed(Date.now() - 31_000));
      await say(world, list, 'ok');
      await world.answered(1);
      expect(world.answers).toMatchObject([{ requestId: second.id, decision: 'allow', message: list.ts }]);
    }));

  test('decides nothing when what it was about has just ended and nothing else waits', () =>
    inThreads(async (world) => {
      const request = world.request();
      const card = await ask(world, request);
      await world.channel.close(request, allowed());
      world.verdict = 'already-decided';
      await say(world, card, 'ok');
      await noticed(world, 'already been answered');
    }));

  test('decides nothing in a thread where nothing has waited for a while, and says so', () =>
    inThreads(async (world) => {
      const request = world.request();
      const card = await ask(world, request);
      await world.channel.close(request, allowed(Date.now() - 31_000));
      await say(world, card, 'ok');
      await noticed(world, 'nothing waits');
      await say(world, card, 'just a remark');
      expect(await decided(world)).toEqual([]);
      expect(world.notices()).toHaveLength(1);
    }));

  test('that was written before the card came is not about the card', () =>
    inThreads(async (world) => {
      const first = world.request(bash('make one'));
      const card = await ask(world, first);
      await world.channel.close(first, allowed(Date.now() - 31_000));
      await say(world, card, 'hello');
      const earlier = world.slack.messages().find(({ text }) => text === 'hello');
      const second = await ask(world, world.request(bash('make two')));
      expect(Number(earlier?.ts)).toBeLessThan(Number(second.ts));
      const ts = earlier?.ts.replace(/.$/, '1');
      const event = { type: 'message', user: world.slack.user.id, text: 'ok', ts };
      sendEvent(world, { ...event, channel: card.channel, thread_ts: card.threadTs, channel_type: 'im' });
      await world.slack.waitForMessage(({ ephemeralFor }) => ephemeralFor !== undefined);
      expect(await decided(world)).toEqual([]);
    }));

  test('decides nothing while another card of the session is on its way: the person may see it already', () =>
    inThreads(
      async (world) => {
        const card = await ask(world, world.request(bash(`echo ${'x'.repeat(2_000)}`)));
        world.slack.fault('chat.postMessage', { kind: 'hang', effect: true });
        const abort = new AbortController();
        const second = world.request(bash(`echo ${'y'.repeat(2_000)}`));
        const asked = Promise.allSettled([world.ask(second, abort.signal)]);
        await world.slack.waitForMessage(({ text, ts }) => text.startsWith('Bash') && ts !== card.ts);
        await say(world, card, 'ok');
        await noticed(world, 'more than one request waits');
        expect(world.answers).toEqual([]);
        abort.abort();
        await asked;
      },
      { timing: { noticeMs: 0, callMs: 4_500 } },
    ));
});

/** Delivers an event of the Events API, as Slack does again when it was not acknowledged in time. */
function sendEvent(world: World, event: Record<string, unknown>): void {
  const payload = {
    team_id: world.slack.teamId,
    api_app_id: world.slack.appId,
    event,
    type: 'event_callback',
    event_id: 'Ev1',
  };
  const envelope = { envelope_id: randomUUID(), type: 'events_api', accepts_response_payload: false, retry_attempt: 1 };
  world.slack.sendFrame(JSON.stringify({ ...envelope, payload: { ...payload, event_time: 1, authorizations: [] } }));
}

describe('an event that Slack delivers again', () => {
  test('counts once: neither a second answer nor a notice comes of it', () =>
    inThreads(async (world) => {
      const card = await ask(world, world.request());
      await say(world, card, 'ok');
      await react(world, card, '+1');
      await world.answered(2);
      world.verdict = 'already-decided';
      const word = world.slack.messages().find(({ text }) => text === 'ok');
      const user = world.slack.user.id;
      const item = { type: 'message', channel: card.channel, ts: card.ts };
      const said = {
        type: 'message',
        user,
        text: 'ok',
        ts: word?.ts,
        channel: card.channel,
        thread_ts: word?.threadTs,
      };
      for (const _ of [1, 2]) sendEvent(world, said);
      const reaction = { type: 'reaction_added', user, reaction: '-1', item, event_ts: '1700000000.000100' };
      for (const _ of [1, 2, 3]) sendEvent(world, reaction);
      expect(await decided(world)).toEqual(['allow', 'allow', 'deny']);
      await noticed(world, 'already been answered');
      // One for the 👎, one for the press that came behind it.
      await world.slack.waitForMessage(() => world.notices().length === 2);
      expect(world.notices()).toHaveLength(2);
    }));
});

describe('what is no answer at all', () => {
  test('is what stands outside of threads, and what bots, edits and joins write', () =>
    inThreads(async (world) => {
      const card = await ask(world, world.request());
      const { channel, threadTs } = card;
      await world.slack.say({ channel, text: 'ok' });
      const base = { type: 'message', channel, thread_ts: threadTs, text: 'ok', user: world.slack.user.id };
      sendEvent(world, { ...base, ts: '9900000000.000100', bot_id: 'B012345' });
      sendEvent(world, { ...base, ts: '9900000000.000200', subtype: 'message_changed' });
      sendEvent(world, { ...base, ts: '9900000000.000300', subtype: 'channel_join' });
      sendEvent(world, { ...base, ts: undefined });
      sendEvent(world, { ...base, ts: '9900000000.000400', user: undefined });
      sendEvent(world, { type: 'reaction_added', reaction: '+1', user: world.slack.user.id });
      sendEvent(world, { type: 'reaction_added', reaction: '+1', user: world.slack.user.id, item: { type: 'file' } });
      expect(await decided(world)).toEqual([]);
      expect(world.notices()).toEqual([]);
    }));

  test('is everything without the scopes for it; the buttons work as ever', () =>
    inThreads(
      async (world) => {
        const card = await ask(world, world.request());
        expect((await say(world, card, 'ok')).delivery).toBe('no-connection');
        expect((await react(world, card, '+1')).delivery).toBe('no-connection');
        expect(actionIds(card.blocks)).toContain('csh_approve');
        expect(await decided(world)).toEqual([]);
      },
      {},
      { scopes: ['chat:write', 'im:write'] },
    ));
});

describe('an agent that has stopped', () => {
  const stopped = (world: World): ApprovalRequest => {
    const { tool_name: _tool, tool_input: _input, ...input } = bash('');
    return world.request(
      { ...input, hook_event_name: 'Stop', last_assistant_message: 'Shall I push?' },
      { offers: STOP },
    );
  };

  test.each([
    ['Now run the tests & <commit>.', 'Now run the tests & <commit>.'],
    ['yes', 'yes'],
    ['ok!', 'ok!'],
    ['no', 'no'],
    ['nope, use the other branch', 'nope, use the other branch'],
  ])('is sent on with any text as the reply: %p', (text, reason) =>
    inThreads(async (world) => {
      await say(world, await ask(world, stopped(world)), text);
      await world.answered(1);
      expect(world.answers).toMatchObject([{ decision: 'deny', reason }]);
    }),
  );

  test('is left to stop with 👍', () =>
    inThreads(async (world) => {
      await react(world, await ask(world, stopped(world)), '+1');
      await world.answered(1);
      expect(world.answers).toMatchObject([{ decision: 'allow' }]);
    }));

  test('takes no text for itself while something else waits in the thread', () =>
    inThreads(async (world) => {
      await ask(world, stopped(world));
      const card = await ask(world, world.request(bash('make test')));
      await say(world, card, 'now run the tests');
      await say(world, card, 'ok');
      await noticed(world, 'more than one request waits');
      expect(await decided(world)).toEqual([]);
    }));
});
