import { describe, expect, test } from 'bun:test';
import { createClickHandler, readClick } from '../../src/channels/slack-clicks.ts';
import { NOTICES } from '../../src/channels/wording.ts';
import type { Verdict } from '../../src/types.ts';
import { actionIds, INSTANCE } from './requests.ts';
import { inWorld, press, type World } from './slack-world.ts';

const noticeOf = (world: World, text: string) =>
  world.slack.waitForMessage((message) => message.ephemeralFor !== undefined && message.text === text);

describe('a click that does not count', () => {
  test.each([
    ['not-approver', false],
    ['already-decided', false],
    ['forged', false],
    ['not-shown', false],
    ['expired', true],
    ['closed', true],
    ['unknown-request', true],
  ] as const)('%s: the person is told, and the buttons go only when the request is over', (verdict, isOver) =>
    inWorld(async (world) => {
      const request = world.request();
      const receipt = await world.ask(request);
      // As after a restart: the channel knows nothing of the request any more.
      await closeQuietly(world, request);
      world.verdict = verdict;
      expect((await world.slack.click(press(receipt))).delivery).toBe('acked');
      expect((await noticeOf(world, NOTICES[verdict])).ephemeralFor).toBe(world.slack.user.id);
      if (isOver)
        await world.slack.waitForMessage(({ ts, text }) => ts === receipt.message && text.includes('is over'));
      const { blocks } = world.message(receipt);
      expect(actionIds(blocks)).toEqual(isOver ? [] : ['csh_approve', 'csh_deny', 'csh_deny_reason']);
      expect(JSON.stringify(blocks)).toContain('make deploy');
    }),
  );

  test.each(['accepted', 'pending'] as const)('%s: nothing is said', (verdict) =>
    inWorld(async (world) => {
      world.verdict = verdict;
      await world.slack.click(press(await world.ask(world.request())));
      // Something that goes the same way, to be sure that nothing came before it.
      world.verdict = 'already-decided';
      await world.slack.click(press(await world.ask(world.request())));
      await noticeOf(world, NOTICES['already-decided']);
      expect(world.notices()).toHaveLength(1);
    }),
  );

  test('leaves the buttons to the core while it still has the request', () =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request());
      world.verdict = 'expired';
      await world.slack.click(press(receipt));
      await noticeOf(world, NOTICES.expired);
      expect(world.slack.calls('chat.update')).toEqual([]);
    }));

  test('of another person is told to that person alone', () =>
    inWorld(async (world) => {
      world.verdict = ({ by }) => (by === world.slack.user.id ? 'accepted' : 'not-approver');
      const receipt = await world.ask(world.request());
      await world.slack.click({ ...press(receipt), userId: world.slack.otherUser.id });
      const notice = await noticeOf(world, NOTICES['not-approver']);
      expect(notice.ephemeralFor).toBe(world.slack.otherUser.id);
      expect(notice.text).not.toContain(world.slack.user.id);
      expect(world.message(receipt).editedTs).toBeUndefined();
    }));

  test('of another daemon is not decided, keeps its buttons, and says where it went', () =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request());
      await world.slack.click({ ...press(receipt), override: { value: 'v1.elsewhere.id.nonce' } });
      await noticeOf(world, NOTICES.elsewhere);
      expect(world.answers).toEqual([]);
      expect(world.message(receipt).editedTs).toBeUndefined();
    }));

  test.each(['', 'v1', 'v2.a.b.c', `v1.${INSTANCE}.x`, '<!channel>'])('with the value "%s" is not decided', (value) =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request());
      expect((await world.slack.click({ ...press(receipt), override: { value } })).delivery).toBe('acked');
      await world.slack.click(press(receipt));
      expect(world.answers).toHaveLength(1);
    }),
  );

  test('hands over the message it was pressed on, right or wrong, for the core to judge', () =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request());
      await world.slack.click({ ...press(receipt), override: { ts: '1.000001', channel: 'D0OTHER' } });
      expect(world.answers).toMatchObject([{ message: '1.000001', conversation: 'D0OTHER' }]);
    }));
});

async function closeQuietly(world: World, request: Parameters<World['ask']>[0]): Promise<void> {
  world.slack.fault('chat.update', { kind: 'error', error: 'cant_update_message' });
  await world.channel.close(request, { kind: 'expired', reason: 'x', at: Date.now() }).catch(() => {});
}

describe('many clicks', () => {
  test('a hundred at once are all acknowledged and asked, and one person gets one notice', () =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request());
      let first = true;
      world.verdict = () => {
        const verdict: Verdict = first ? 'accepted' : 'already-decided';
        first = false;
        return verdict;
      };
      const people = [world.slack.user.id, world.slack.otherUser.id];
      const clicks = Array.from({ length: 100 }, (_, index) =>
        world.slack.click({ ...press(receipt), userId: people[index % 2] ?? '' }),
      );
      const results = await Promise.all(clicks);
      expect(results.every(({ delivery }) => delivery === 'acked')).toBe(true);
      expect(world.answers).toHaveLength(100);
      for (const person of people) await world.slack.waitForMessage(({ ephemeralFor }) => ephemeralFor === person);
      expect(world.notices()).toHaveLength(2);
    }));

  test('the same envelope twice, on one connection or two, is one answer and two acknowledgements', () =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request());
      const [block] = world.message(receipt).blocks.filter(({ type }) => type === 'actions');
      const elements = Array.isArray(block?.elements) ? block.elements : [];
      const frame = JSON.stringify({
        envelope_id: 'twice',
        type: 'interactive',
        accepts_response_payload: false,
        payload: {
          type: 'block_actions',
          user: { id: world.slack.user.id },
          team: { id: world.slack.teamId },
          container: { type: 'message', message_ts: receipt.message, channel_id: receipt.conversation },
          channel: { id: receipt.conversation },
          actions: [{ ...elements[0], block_id: 'csh_decide', action_ts: '1.1' }],
        },
      });
      world.slack.sendFrame(frame);
      await world.answered(1);
      world.slack.disconnect('warning');
      await world.slack.waitForConnections(2);
      world.slack.sendFrame(frame);
      world.slack.sendFrame(frame, 0);
      await world.slack.click(press(receipt));
      await world.answered(2);
      expect(world.answers).toHaveLength(2);
    }));
});

describe('a click and trouble with Slack', () => {
  test('reaches the core at once while every call hangs', () =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request());
      world.slack.fault('*', { kind: 'hang' }, Number.POSITIVE_INFINITY);
      world.verdict = 'already-decided';
      const started = Date.now();
      expect((await world.slack.click(press(receipt))).delivery).toBe('acked');
      expect(world.answers).toHaveLength(1);
      expect(Date.now() - started).toBeLessThan(100);
    }));
});

describe('readClick', () => {
  const body = {
    user: { id: 'U1' },
    channel: { id: 'D1' },
    container: { message_ts: '1.1' },
    actions: [{ action_id: 'csh_deny', block_id: 'csh_decide', value: 'v' }],
  };

  test('reads a complete click', () => {
    expect(readClick(body)).toMatchObject({ user: 'U1', channel: 'D1', message: '1.1', decision: 'deny', value: 'v' });
  });

  test.each([
    ['null', null],
    ['no actions', { ...body, actions: undefined }],
    ['two actions', { ...body, actions: [...body.actions, ...body.actions] }],
    ['another block', { ...body, actions: [{ ...body.actions[0], block_id: 'x' }] }],
    ['another action', { ...body, actions: [{ ...body.actions[0], action_id: 'csh_always' }] }],
    ['an empty value', { ...body, actions: [{ ...body.actions[0], value: '' }] }],
    ['no user', { ...body, user: {} }],
    ['an empty user', { ...body, user: { id: '' } }],
    ['no message', { ...body, container: {} }],
    ['no channel', { ...body, channel: null }],
  ])('refuses %s', (_name, broken) => {
    expect(readClick(broken)).toBeUndefined();
  });
});

describe('notices', () => {
  test('come again for the same person and message after a while, and at once for another message', () => {
    let time = 0;
    const told: string[] = [];
    const handle = createClickHandler({
      instanceId: 'i',
      now: () => time,
      noticeMs: 5000,
      onAnswer: () => 'forged',
      isDuplicate: () => false,
      isKnown: () => false,
      onForeign: () => {},
      openReason: () => {},
      notify: (click) => void told.push(click.message),
      removeButtons: () => {},
    });
    const click = (message: string) =>
      handle({ user: 'U', channel: 'D', message, decision: 'allow', value: 'v1.i.r.n', blocks: [] }, async () => {});
    click('1');
    click('1');
    click('2');
    time = 5000;
    click('1');
    expect(told).toEqual(['1', '2', '1']);
  });
});
