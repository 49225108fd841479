import { describe, expect, test } from 'bun:test';
import type { SlackChannelOptions } from '../../src/channels/slack.ts';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import type { Decided, HookInput, Outcome, SessionSummary } from '../../src/types.ts';
import { actionIds, allTexts, bash, HOST, toolCall } from './requests.ts';
import { inWorld, press, type World } from './slack-world.ts';

const THREADS: Partial<SlackChannelOptions> = { threads: true, lookAround: async () => ({ branch: 'feature/x' }) };
const POLICY: Decided = {
  kind: 'allowed',
  by: 'policy',
  via: 'the rules of the config file',
  rule: 'allow Read',
  at: 0,
};

function inThreads(run: (world: World) => Promise<void>, options: Partial<SlackChannelOptions> = {}): Promise<void> {
  return inWorld(run, { ...THREADS, ...options });
}

function ofSession(sessionId: string, command = 'make deploy', more: Partial<HookInput> = {}): HookInput {
  return { ...bash(command), session_id: sessionId, ...more };
}

function roots(world: World): readonly EmulatedMessage[] {
  return world.slack.messages().filter(({ text }) => text.startsWith('Claude Code'));
}

function allowed(world: World): Outcome {
  return { kind: 'allowed', by: world.slack.user.id, via: 'Slack', at: Date.now() };
}

function summary(sessionId: string, more: Partial<SessionSummary> = {}): SessionSummary {
  return {
    ...{ sessionId, asked: 5, approved: 2, denied: 1, elsewhere: 1, unanswered: 1, automatic: 0, waitedMs: 90_000 },
    ...more,
  };
}

describe('the first message of a session', () => {
  test('says where the session runs, and its cards are replies that are also sent to the conversation', () =>
    inThreads(async (world) => {
      const first = await world.ask(world.request(ofSession('5e551011-1')));
      const [root, ...more] = roots(world);
      expect(more).toEqual([]);
      expect(root?.text).toBe('Claude Code in shop');
      expect(root?.threadTs).toBeUndefined();
      expect(actionIds(root?.blocks ?? [])).toEqual([]);
      const texts = allTexts(root?.blocks);
      for (const told of ['shop', HOST, 'feature/x', '5e551011', '/home/dev/shop']) expect(texts).toContain(told);

      const card = world.message(first);
      expect(card.threadTs).toBe(String(root?.ts));
      expect(card.isBroadcast).toBe(true);
      await world.channel.close(world.request(), allowed(world));
      const second = world.message(await world.ask(world.request(ofSession('5e551011-1', 'make test'))));
      expect(second.threadTs).toBe(String(root?.ts));
      expect(roots(world)).toHaveLength(1);
    }));

  test('keeps the cards in the thread alone when that is wanted, and they are answered there', () =>
    inThreads(
      async (world) => {
        const request = world.request();
        const receipt = await world.ask(request);
        const card = world.message(receipt);
        expect(card.threadTs).toBe(String(roots(world)[0]?.ts));
        expect(card.isBroadcast).toBeUndefined();
        await world.slack.click(press(receipt));
        expect(world.answers).toMatchObject([{ requestId: request.id, message: receipt.message }]);
        await world.channel.close(request, allowed(world));
        expect(world.message(receipt).text).toStartWith('Approved');
      },
      { broadcast: false },
    ));

  test('is one for each session', () =>
    inThreads(async (world) => {
      const [a, b] = await Promise.all(['a', 'b'].map((id) => world.ask(world.request(ofSession(`session-${id}`)))));
      if (a === undefined || b === undefined) throw new Error('Expected two cards');
      const threads = [a, b].map((receipt) => world.message(receipt).threadTs);
      expect(new Set(threads).size).toBe(2);
      expect(roots(world).map(({ ts }) => ts)).toEqual(expect.arrayContaining(threads));
      expect(roots(world)).toHaveLength(2);
    }));

  test('is one, though several requests begin the session at once', () =>
    inThreads(async (world) => {
      await Promise.all(
        Array.from({ length: 4 }, (_, index) => world.ask(world.request(ofSession('s', `make ${index}`)))),
      );
      expect(roots(world)).toHaveLength(1);
      const others = world.slack.messages().filter((message) => message.threadTs === undefined);
      expect(others).toEqual([...roots(world)]);
    }));

  test('shows the text of an agent as it is: nothing in it mentions, links or formats', () =>
    inThreads(async (world) => {
      const cwd = '/home/dev/*x* <!channel> <@U0ADA00001> `a` _b_';
      await world.ask(world.request({ ...ofSession('<!here>'), cwd }));
      const [call] = world.slack.calls('chat.postMessage');
      const text = String(call?.args.text);
      expect(text).toContain('&lt;!channel&gt;');
      expect(text).not.toMatch(/[<`]/);
      expect(String(call?.args.mrkdwn)).toBe('false');
      const blocks = JSON.stringify(call?.args.blocks);
      expect(blocks).not.toContain('mrkdwn');
      expect(blocks).not.toContain('"type":"user"');
      expect(blocks).not.toContain('"type":"broadcast"');
      expect(blocks).not.toContain('"type":"link"');
      expect(blocks).not.toContain('"emoji":true');
    }));

  test('shows no secret of the directory it runs in', () =>
    inThreads(async (world) => {
      const token = `ghp_${'a1B2'.repeat(9)}`;
      await world.ask(world.request({ ...ofSession('s'), cwd: `/tmp/${token}/shop` }));
      expect(JSON.stringify(world.slack.calls('chat.postMessage'))).not.toContain(token);
    }));
});

describe('a first message that Slack does not take', () => {
  test.each([
    ['fails', { kind: 'status', status: 500 } as const],
    ['has to wait', { kind: 'rate-limit', seconds: 20 } as const],
    ['is refused', { kind: 'error', error: 'invalid_blocks' } as const],
  ])('does not keep the card back when it %s: that stands alone, and the next card tries again', (_name, fault) =>
    inThreads(async (world) => {
      world.slack.fault('chat.postMessage', fault);
      const started = Date.now();
      const request = world.request(ofSession('s'));
      const receipt = await world.ask(request);
      expect(Date.now() - started).toBeLessThan(1_000);
      expect(world.message(receipt).threadTs).toBeUndefined();
      expect(roots(world)).toEqual([]);
      await world.slack.click(press(receipt));
      expect(world.answers).toHaveLength(1);
      await world.channel.close(request, allowed(world));
      const next = world.message(await world.ask(world.request(ofSession('s', 'make test'))));
      expect(next.threadTs).toBe(String(roots(world)[0]?.ts));
    }),
  );

  test('does not hold the card up for long when it hangs, and other sessions not at all', () =>
    inThreads(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'hang' });
      const started = Date.now();
      const hanging = world.ask(world.request(ofSession('hangs')));
      await world.slack.waitForCall(({ method }) => method === 'chat.postMessage');
      await world.ask(world.request(ofSession('works')));
      expect(Date.now() - started).toBeLessThan(1_000);
      const receipt = await hanging;
      expect(Date.now() - started).toBeLessThan(4_000);
      expect(world.message(receipt).threadTs).toBeUndefined();
    }));

  test('holds up no later card of the session: the wait is over once for all', () =>
    inThreads(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'hang' });
      const first = world.request(ofSession('hangs'));
      await world.ask(first);
      await world.channel.close(first, allowed(world));
      const started = Date.now();
      await world.ask(world.request(ofSession('hangs', 'make test')));
      expect(Date.now() - started).toBeLessThan(1_000);
    }));

  test('is the last of a request that ends meanwhile: its card is never posted', () =>
    inThreads(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'delay', ms: 100, effect: 'before' });
      const request = world.request();
      const abort = new AbortController();
      const asked = Promise.allSettled([world.ask(request, abort.signal)]);
      await world.slack.waitForMessage(() => true);
      abort.abort();
      await asked;
      await world.channel.close(request, { kind: 'withdrawn', reason: 'Gone.', at: Date.now() });
      expect(world.slack.messages()).toEqual([...roots(world)]);
      expect(world.slack.calls('chat.postMessage')).toHaveLength(1);
    }));
});

describe('a thread that Slack does not know any more', () => {
  test.each(['thread_not_found', 'cannot_reply_to_message'])(
    'because of %s loses no card: it stands in the conversation, and the next one begins a thread anew',
    (error) =>
      inThreads(async (world) => {
        await world.ask(world.request(ofSession('one')));
        world.slack.fault('chat.postMessage', { kind: 'error', error });
        const receipt = await world.ask(
          world.request(toolCall('WebFetch', { url: 'https://a.example/' }, { session_id: 'one' })),
        );
        expect(receipt.complete).toBe(true);
        expect(world.message(receipt).threadTs).toBeUndefined();
        const next = await world.ask(
          world.request(toolCall('WebFetch', { url: 'https://b.example/' }, { session_id: 'one' })),
        );
        expect(world.message(next).threadTs).toBeDefined();
      }),
  );
});

describe('the end of a session', () => {
  test('is one line in its thread, for its own thread only', () =>
    inThreads(async (world) => {
      await world.ask(world.request(ofSession('one')));
      await world.ask(world.request(ofSession('and one')));
      await world.channel.tell({ type: 'session-ended', summary: summary('one') });
      const ends = world.slack.messages().filter(({ text }) => text.startsWith('Session ended'));
      expect(ends.map(({ text }) => text)).toEqual([
        'Session ended: 5 requests, 2 approved, 1 denied, 1 answered at the terminal, 1 without an answer, waited 1 min 30 s for people.',
      ]);
      expect(ends[0]?.threadTs).toBe(String(roots(world)[0]?.ts));
      expect(ends[0]?.isBroadcast).toBeUndefined();
    }));

  test('says nothing of a session that has no thread', () =>
    inThreads(async (world) => {
      await world.channel.tell({ type: 'session-ended', summary: summary('nobody') });
      expect(world.slack.messages()).toEqual([]);
    }));
});

describe('what was decided without asking', () => {
  const automatic = (world: World): readonly EmulatedMessage[] =>
    world.slack.messages().filter(({ text }) => text.startsWith('Decided without asking'));

  test('is one message in the thread with a line each, and asks nobody', () =>
    inThreads(async (world) => {
      const requests = [1, 2, 3].map((count) => world.request(ofSession('s', `echo ${count}`)));
      const denied: Decided = { ...POLICY, kind: 'denied', rule: 'deny Bash(echo 2)', reason: 'Twice is enough.' };
      await Promise.all(
        requests.map((request, index) =>
          world.channel.close(request, { ...(index === 1 ? denied : POLICY), at: Date.now() }),
        ),
      );
      const [message, ...more] = automatic(world);
      expect(more).toEqual([]);
      expect(message?.text).toBe('Decided without asking: 3 calls');
      expect(message?.threadTs).toBe(String(roots(world)[0]?.ts));
      expect(message?.isBroadcast).toBeUndefined();
      const told = allTexts(message?.blocks).join('');
      expect(told).toContain(' ✓ Bash: echo 1 by allow Read');
      expect(told).toContain(' ✗ Bash: echo 2 by deny Bash(echo 2): Twice is enough.');
      expect(told).toContain(' ✓ Bash: echo 3 ');
      expect(world.slack.messages().flatMap(({ blocks }) => actionIds(blocks))).toEqual([]);
    }));

  test('names the grant and the person who gave it', () =>
    inThreads(async (world) => {
      const grant: Decided = {
        ...POLICY,
        by: world.slack.user.id,
        via: 'a grant',
        rule: 'Bash in /home/dev/shop',
        at: Date.now(),
      };
      await world.channel.close(world.request(), grant);
      const [message] = automatic(world);
      expect(allTexts(message?.blocks).join('')).toContain('under the grant Bash in /home/dev/shop of ');
      expect(JSON.stringify(message?.blocks)).toContain(`"user_id":"${world.slack.user.id}"`);
    }));

  test('shows no secret: neither of the call nor of the rule, by form, by value or by a rule of the user', () =>
    inThreads(
      async (world) => {
        const secrets = [`ghp_${'a1B2'.repeat(9)}`, 'correct-horse-battery', 'ACME-4711-0815'];
        const words = secrets.join(' ');
        const request = world.request(ofSession('s', `echo ${words}`), { secrets: ['correct-horse-battery'] });
        await world.channel.close(request, { ...POLICY, rule: `Bash(echo ${words})`, reason: words, at: Date.now() });
        const calls = JSON.stringify(world.slack.calls());
        expect(automatic(world)).toHaveLength(1);
        for (const secret of secrets) expect(calls).not.toContain(secret);
        expect(calls).toContain('⟦masked');
      },
      { maskRules: () => [{ name: 'acme', pattern: 'ACME-[0-9-]+' }] },
    ));

  test('stays within what Slack takes, the latest lines first, however long they are', () =>
    inThreads(async (world) => {
      const long = 'x'.repeat(500);
      const outcome: Decided = { ...POLICY, rule: long, reason: long };
      const close = (count: number) =>
        world.channel.close(world.request(ofSession('s', `${count} ${long}`)), { ...outcome, at: Date.now() });
      await Promise.all(Array.from({ length: 30 }, (_, index) => close(index)));
      const [message, ...more] = automatic(world);
      expect(more).toEqual([]);
      expect(message?.text).toBe('Decided without asking: 30 calls');
      const told = allTexts(message?.blocks).join('');
      expect(told).toContain('Bash: 29 ');
      expect(told).not.toContain('Bash: 0 ');
      expect(told).toMatch(/… \d+ earlier calls/);
      // Slack was seen to refuse 11,341.
      expect(told.length).toBeLessThan(9_000);
      expect(world.slack.calls().filter(({ response }) => response.ok === false)).toEqual([]);
    }));

  test('is told with the next one when Slack did not take it', () =>
    inThreads(async (world) => {
      const close = (command: string) =>
        world.channel.close(world.request(ofSession('s', command)), { ...POLICY, at: Date.now() });
      world.slack.fault('chat.postMessage', { kind: 'error', error: 'internal_error' });
      await close('echo first');
      expect(automatic(world)).toEqual([]);
      await close('echo second');
      const told = allTexts(automatic(world)[0]?.blocks).join('');
      expect(told).toContain('Bash: echo first');
      expect(told).toContain('Bash: echo second');
    }));

  test('changes no card that waits in the same session', () =>
    inThreads(async (world) => {
      const receipt = await world.ask(world.request(ofSession('s')));
      const before = world.message(receipt);
      await world.channel.close(world.request(toolCall('Read', { file_path: '/a' }, { session_id: 's' })), {
        ...POLICY,
        at: Date.now(),
      });
      expect(world.message(receipt)).toEqual(before);
      expect(automatic(world)[0]?.threadTs).toBe(String(before.threadTs));
    }));
});

describe('several approvers', () => {
  test('have a thread each, with the cards, the automatic decisions and the end', () =>
    inThreads(async (world) => {
      const approvers: [string, string] = [world.slack.user.id, world.slack.otherUser.id];
      await world.ask(world.request(ofSession('s'), { approvers }));
      await world.channel.close(world.request(ofSession('s', 'ls'), { approvers }), { ...POLICY, at: Date.now() });
      await world.channel.tell({ type: 'session-ended', summary: summary('s') });
      const threads = roots(world);
      expect(new Set(threads.map(({ channel }) => channel)).size).toBe(2);
      for (const root of threads) {
        const replies = world.slack.messages().filter(({ threadTs }) => threadTs === root.ts);
        expect(replies.map(({ channel }) => channel)).toEqual([root.channel, root.channel, root.channel]);
        expect(replies.map(({ text }) => text.split(':')[0])).toEqual([
          'Bash in shop',
          'Decided without asking',
          'Session ended',
        ]);
      }
    }));
});
