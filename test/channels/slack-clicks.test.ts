import { describe, expect, test } from 'bun:test';
import { createSlackChannel } from '../../src/channels/slack.ts';
import { createClickHandler, createNotices, inOrder, readClick } from '../../src/channels/slack-clicks.ts';
import { NOTICES } from '../../src/channels/wording-notices.ts';
import type { Answer, Core, Verdict } from '../../src/types.ts';
import { actionIds, HOST, INSTANCE } from './requests.ts';
import { inWorld, press, type World } from './slack-world.ts';

const noticeOf = (world: World, text: string) =>
  world.slack.waitForMessage((message) => message.ephemeralFor !== undefined && message.text === text);

describe('a click that does not count', () => {
  test.each([
    ['not-approver', false],
    ['already-approved', false],
    ['not-offered', false],
    ['misconfigured', false],
    ['forged', false],
    ['not-shown', false],
    ['already-decided', true],
    ['expired', true],
    ['closed', true],
    ['unknown-request', true],
  ] as const)('%s: the person is told, and the buttons go only when the request is over', (verdict, isOver) =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request());
      const before = actionIds(world.message(receipt).blocks);
      expect(before).toHaveLength(6);
      await afterRestart(world, async () => {
        world.verdict = verdict;
        expect((await world.slack.click(press(receipt))).delivery).toBe('acked');
        expect((await noticeOf(world, NOTICES[verdict])).ephemeralFor).toBe(world.slack.user.id);
        if (isOver)
          await world.slack.waitForMessage(({ ts, text }) => ts === receipt.message && text.includes('is over'));
        const { blocks } = world.message(receipt);
        expect(actionIds(blocks)).toEqual(isOver ? [] : before);
        expect(JSON.stringify(blocks)).toContain('make deploy');
      });
    }),
  );

  test('on a message that could not be closed closes it', () =>
    inWorld(async (world) => {
      const request = world.request();
      const receipt = await world.ask(request);
      world.slack.fault('chat.update', { kind: 'error', error: 'cant_update_message' });
      const over = { kind: 'expired', reason: 'Nobody answered in time.', at: Date.now() } as const;
      await world.channel.close(request, over).catch(() => {});
      expect(actionIds(world.message(receipt).blocks)).toHaveLength(6);
      world.verdict = 'expired';
      await world.slack.click(press(receipt));
      const closed = await world.slack.waitForMessage(
        ({ ts, text }) => ts === receipt.message && text.startsWith('Expired'),
      );
      expect(actionIds(closed.blocks)).toEqual([]);
    }));

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
      expect(world.refused).toEqual([{ requestId: 'id', decision: 'allow', why: 'elsewhere' }]);
      expect(world.message(receipt).editedTs).toBeUndefined();
    }));

  test.each(['', 'v1', 'v2.a.b.c', `v1.${INSTANCE}.x`, '<!channel>'])('with the value "%s" is not decided', (value) =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request());
      expect((await world.slack.click({ ...press(receipt), override: { value } })).delivery).toBe('acked');
      await noticeOf(world, NOTICES.unreadable);
      expect(world.refused).toEqual([{ requestId: '', decision: 'allow', why: 'unreadable' }]);
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

/** With another channel in the place of the first, which knows nothing of what the first one has posted. */
async function afterRestart(world: World, run: () => Promise<void>): Promise<void> {
  await world.channel.stop();
  const { botToken, appToken, apiUrl } = world.slack;
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const next = createSlackChannel({
    ...{ botToken, appToken, apiUrl, instanceId: INSTANCE, host: HOST, logger: quiet, onHealth: () => {} },
  });
  await next.start(world.core);
  try {
    await run();
  } finally {
    await next.stop();
  }
}

describe('clicks on a message that is not known yet', () => {
  test('are handled in the order in which they came, together with all that come after them', async () => {
    const handled: string[] = [];
    const known = Promise.withResolvers<void>();
    let isKnown = false;
    const handle = inOrder(
      ({ actionId }) => void handled.push(actionId),
      () => (isKnown ? undefined : known.promise),
    );
    const click = (actionId: string): void => handle({ ...CLICK, actionId }, async () => {});
    click('csh_deny');
    isKnown = true;
    click('csh_approve');
    expect(handled).toEqual([]);
    known.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(handled).toEqual(['csh_deny', 'csh_approve']);
    click('csh_more');
    expect(handled).toEqual(['csh_deny', 'csh_approve', 'csh_more']);
  });

  test('wait until Slack has said where that is, and the core knows it', () =>
    inWorld(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'delay', ms: 200, effect: 'before' });
      const asked = world.ask(world.request());
      const { channel, ts } = await world.slack.waitForMessage(({ blocks }) => actionIds(blocks).length > 0);
      let known = -1;
      world.verdict = () => {
        known = world.receipts.length;
        return 'accepted';
      };
      await world.slack.click({ channel, ts, actionId: 'csh_approve' });
      await world.answered(1);
      expect(known).toBe(1);
      await asked;
    }));
});

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

  test('[K40] the same envelope again, on one connection or two, is one answer, and each is acknowledged', () =>
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
      const acks = (): readonly unknown[] => world.slack.acks().filter(({ envelopeId }) => envelopeId === 'twice');
      await world.slack.waitForCall(() => acks().length === 3);
    }));
});

describe('a click and trouble with Slack', () => {
  test('reaches the core while every call hangs', () =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request());
      world.slack.fault('*', { kind: 'hang' }, Number.POSITIVE_INFINITY);
      world.verdict = 'already-decided';
      // The core has it before Slack has its acknowledgement, and no call can have ended.
      expect((await world.slack.click(press(receipt))).delivery).toBe('acked');
      expect(world.answers).toHaveLength(1);
    }));

  test('is told later when it turns out not to count', () =>
    inWorld(async (world) => {
      const receipt = await world.ask(world.request());
      world.verdict = 'pending';
      await world.slack.click(press(receipt));
      expect(world.notices()).toEqual([]);
      world.later.at(-1)?.('closed');
      await noticeOf(world, NOTICES.closed);
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
    expect(readClick(body)).toEqual({
      ...{ user: 'U1', channel: 'D1', message: '1.1', threadTs: undefined, actionId: 'csh_deny', value: 'v' },
      ...{ selected: [], trigger: undefined, blocks: [] },
    });
  });

  test('reads the thread, the trigger, what is ticked, and blocks that are objects', () => {
    const [action] = body.actions;
    const more = {
      ...body,
      trigger_id: 't',
      container: { message_ts: '1.1', thread_ts: '1.0', channel_id: 'D2' },
      channel: undefined,
      message: { blocks: [{ type: 'divider' }, null, []] },
      actions: [{ ...action, value: undefined, selected_options: [{ value: '0' }, { value: 1 }, {}, { value: '2' }] }],
    };
    expect(readClick(more)).toMatchObject({
      ...{ channel: 'D2', threadTs: '1.0', trigger: 't', value: '' },
      ...{ selected: ['0', '2'], blocks: [{ type: 'divider' }] },
    });
  });

  test.each(['csh_approve', 'csh_always', 'csh_pick_0_1', 'csh_something_new'])(
    'takes %s: what it decides is judged where it is handled',
    (actionId) => {
      expect(readClick({ ...body, actions: [{ ...body.actions[0], action_id: actionId }] })).toMatchObject({
        actionId,
      });
    },
  );

  test.each([
    ['null', null],
    ['no actions', { ...body, actions: undefined }],
    ['two actions', { ...body, actions: [...body.actions, ...body.actions] }],
    ['an action that is not ours', { ...body, actions: [{ ...body.actions[0], action_id: 'approve' }] }],
    ['an action without a name', { ...body, actions: [{ ...body.actions[0], action_id: undefined }] }],
    ['a value that is no text', { ...body, actions: [{ ...body.actions[0], value: 7 }] }],
    ['no user', { ...body, user: {} }],
    ['an empty user', { ...body, user: { id: '' } }],
    ['no message', { ...body, container: {} }],
    ['no channel', { ...body, channel: null }],
  ])('refuses %s', (_name, broken) => {
    expect(readClick(broken)).toBeUndefined();
  });
});

describe('an action', () => {
  test.each(['csh_always_more', 'csh_page_next', 'csh_tick_0'])('%s that is no answer decides nothing', (actionId) => {
    const told: string[] = [];
    const answers: Answer[] = [];
    const handle = handler({
      answer: (answer) => {
        answers.push(answer);
        return 'accepted';
      },
      onTold: (text) => told.push(text),
    });
    handle({ ...CLICK, actionId }, async () => {});
    expect(answers).toEqual([]);
    expect(told).toEqual([NOTICES.unreadable]);
  });

  test.each([
    ['csh_approve', { decision: 'allow' }],
    ['csh_deny', { decision: 'deny' }],
    [
      'csh_approve_edits',
      {
        decision: 'allow',
        updatedPermissions: [{ type: 'setMode', mode: 'acceptEdits', destination: 'session' }],
      },
    ],
  ])('%s is the answer that it says', (actionId, decides) => {
    const answers: Answer[] = [];
    const handle = handler({
      answer: (answer) => {
        answers.push(answer);
        return 'accepted';
      },
    });
    handle({ ...CLICK, actionId }, async () => {});
    expect(answers).toEqual([
      { requestId: 'r', nonce: 'n', by: 'U', conversation: 'D', message: '1', at: 5, ...decides } as Answer,
    ]);
  });

  test.each(['csh_deny_reason', 'csh_edit', 'csh_always', 'csh_grant', 'csh_show_all', 'csh_more'])(
    '%s opens nothing for somebody who may not answer',
    (actionId) => {
      const told: string[] = [];
      const opened: string[] = [];
      const refused: string[] = [];
      const handle = handler({
        judge: () => 'not-approver',
        onTold: (text) => told.push(text),
        onRefused: (why) => refused.push(why),
        onOpen: (what) => opened.push(what),
      });
      handle({ ...CLICK, actionId }, async () => {});
      expect(opened).toEqual([]);
      expect(told).toEqual([NOTICES['not-approver']]);
      expect(refused).toEqual(['not-approver']);
    },
  );
});

describe('notices', () => {
  test('come again for the same person and message after a while, and at once for another message', () => {
    let time = 0;
    const told: string[] = [];
    const notices = createNotices({
      now: () => time,
      noticeMs: 5000,
      notify: ({ user, message }) => void told.push(`${user} ${message}`),
    });
    const tell = (message: string, user = 'U') =>
      notices({ user, channel: 'D', message, threadTs: undefined }, 'words', async () => {});
    tell('1');
    tell('1');
    tell('2');
    tell('1', 'V');
    time = 4999;
    tell('1');
    time = 5000;
    tell('1');
    expect(told).toEqual(['U 1', 'U 2', 'V 1', 'U 1']);
  });
});

const CLICK = {
  ...{ user: 'U', channel: 'D', message: '1', threadTs: undefined, actionId: 'csh_approve', value: 'v1.i.r.n' },
  ...{ selected: [], trigger: 't', blocks: [] },
};

function handler(given: {
  readonly answer?: Core['answer'];
  readonly judge?: Core['judge'];
  readonly onTold?: (text: string) => void;
  readonly onOpen?: (what: string) => void;
  readonly onRemove?: (words: string) => void;
  readonly onRefused?: (why: string) => void;
  readonly revoke?: Core['revoke'];
}) {
  const core: Core = {
    answer: given.answer ?? (() => 'accepted'),
    judge: given.judge ?? (() => 'accepted'),
    candidates: () => [],
    revoke: given.revoke ?? (() => 'unknown-request'),
    refused: (_attempt, why) => given.onRefused?.(why),
  };
  return createClickHandler({
    ...{ instanceId: 'i', now: () => 5, core },
    isDuplicate: () => false,
    onForeign: () => {},
    openForm: () => given.onOpen?.('form'),
    onQuestion: () => false,
    onMore: () => given.onOpen?.('card'),
    notify: (_spot, text) => given.onTold?.(text),
    removeButtons: (_click, words) => given.onRemove?.(words),
  });
}

describe('what a button of several things says afterwards', () => {
  const press = (given: Parameters<typeof handler>[0], change: Partial<typeof CLICK>) => {
    const told: string[] = [];
    const removed: string[] = [];
    const handle = handler({ ...given, onTold: (text) => told.push(text), onRemove: (words) => removed.push(words) });
    handle({ ...CLICK, ...change }, async () => {});
    return { told, removed };
  };
  const all = { actionId: 'csh_approve_all', value: 'v1.i.r1.n1.r2.n2' };

  test('Approve all: the reason, when it is the same for all, and no buttons when all is over', () => {
    expect(press({ answer: () => 'misconfigured' }, all)).toEqual({ told: [NOTICES.misconfigured], removed: [] });
    const over = press({ answer: () => 'unknown-request' }, all);
    expect(over.told).toEqual([NOTICES['unknown-request']]);
    expect(over.removed).toHaveLength(1);
    const mixed = press({ answer: ({ requestId }) => (requestId === 'r1' ? 'accepted' : 'expired') }, all);
    expect(mixed).toEqual({ told: [expect.stringContaining('1 approved; 1 not')], removed: [] });
  });

  test('Revoke: the button goes when the permission is unknown, and stays for who may not end it', () => {
    const revoke = { actionId: 'csh_revoke', value: 'v1.i.grant.G1' };
    expect(press({}, revoke).removed).toEqual(['This permission has ended.']);
    expect(press({ revoke: () => 'not-approver' }, revoke)).toEqual({ told: [NOTICES.noGrant], removed: [] });
    expect(press({ revoke: () => 'accepted' }, revoke)).toEqual({ told: [], removed: [] });
  });
});
