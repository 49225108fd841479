import { describe, expect, test } from 'bun:test';
import type { SlackChannelOptions } from '../../src/channels/slack.ts';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import { AppError } from '../../src/errors.ts';
import type { ApprovalRequest, Outcome, Receipt } from '../../src/types.ts';
import { actionIds, allTexts, bash, HOST, makeRequest } from './requests.ts';
import { inWorld, press, type World } from './slack-world.ts';

const ADA = 'U0ADA00001';
const BEN = 'U0BEN00002';
const NOBODY = 'U0NOBODY00';

function inThreads(run: (world: World) => Promise<void>, options: Partial<SlackChannelOptions> = {}): Promise<void> {
  return inWorld(run, { threads: true, ...options });
}

function requestTo(approvers: [string, ...string[]], more: Partial<ApprovalRequest> = {}): ApprovalRequest {
  return makeRequest(bash('make deploy'), { approvers, ...more });
}

async function ask(world: World, request: ApprovalRequest): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  await world.channel.ask(request, new AbortController().signal, (receipt) => receipts.push(receipt));
  return receipts;
}

function cards(world: World): readonly EmulatedMessage[] {
  return world.slack.messages().filter(({ text }) => !text.startsWith('Claude Code'));
}

function words({ blocks }: EmulatedMessage): string {
  return allTexts(blocks).join('');
}

/** The people whom a message shows, in order. */
function people({ blocks }: EmulatedMessage): readonly string[] {
  return [...JSON.stringify(blocks).matchAll(/"type":"user","user_id":"(\w+)"/g)].map(([, id]) => String(id));
}

function allowed(by: string, also?: readonly string[]): Outcome {
  return { kind: 'allowed', by, via: 'Slack', at: Date.now(), ...(also === undefined ? {} : { also }) };
}

describe('a request to several people', () => {
  test('is a card for each of them, with the same buttons', () =>
    inThreads(async (world) => {
      const receipts = await ask(world, requestTo([ADA, BEN]));
      expect(receipts.map(({ complete }) => complete)).toEqual([true, true]);
      expect(
        cards(world)
          .map(({ channel }) => channel)
          .toSorted(),
      ).toEqual(['D0ADA00001', 'D0BEN00002']);
      const [one, other] = cards(world);
      expect(actionIds(one?.blocks ?? [])).toContain('csh_approve');
      expect(actionIds(other?.blocks ?? [])).toEqual(actionIds(one?.blocks ?? []));
      expect(allTexts(one?.blocks)).toContain(HOST);
    }));

  test('takes the answer of each, told apart by person and message', () =>
    inThreads(async (world) => {
      const receipts = await ask(world, requestTo([ADA, BEN]));
      const ben = receipts.find(({ conversation }) => conversation === 'D0BEN00002');
      const ada = receipts.find(({ conversation }) => conversation === 'D0ADA00001');
      if (ben === undefined || ada === undefined) throw new Error('Expected two cards');
      await world.slack.click({ ...press(ben, 'csh_deny'), userId: BEN });
      await world.slack.click(press(ada));
      expect(world.answers.map(({ by, message, decision }) => [by, message, decision])).toEqual([
        [BEN, ben.message, 'deny'],
        [ADA, ada.message, 'allow'],
      ]);
    }));

  test('is closed on every card by the first answer, and every card says whose it was', () =>
    inThreads(async (world) => {
      const request = requestTo([ADA, BEN]);
      await ask(world, request);
      await world.channel.close(request, allowed(BEN));
      for (const card of cards(world)) {
        expect(actionIds(card.blocks)).toEqual([]);
        expect(card.text).toStartWith('Approved: Bash');
        expect(people(card)).toEqual([BEN]);
      }
    }));

  test('says on every card what became of the call', () =>
    inThreads(async (world) => {
      const request = requestTo([ADA, BEN]);
      await ask(world, request);
      const outcome = allowed(ADA);
      await world.channel.close(request, outcome);
      await world.channel.tell({ type: 'ran', request, outcome, run: { isOk: true, tookMs: 4_100 } });
      expect(cards(world).map((card) => words(card).includes('Ran: exit 0 in 4.1 s'))).toEqual([true, true]);
    }));

  test('is closed for the others though one of its cards is gone', () =>
    inThreads(async (world) => {
      const request = requestTo([ADA, BEN]);
      await ask(world, request);
      world.slack.fault('chat.update', { kind: 'error', error: 'message_not_found' });
      await world.channel.close(request, allowed(BEN)).catch(() => {});
      await world.slack.waitForMessage(({ text }) => text.startsWith('Approved'));
      await world.slack.waitForCall(({ method, response }) => method === 'chat.update' && response.ok === true);
      await world.slack.waitForCall(({ method, response }) => method === 'chat.update' && response.ok === false);
    }));

  test('that ends while one of the cards is on its way leaves no card with buttons', () =>
    inThreads(
      async (world) => {
        world.slack.fault('chat.postMessage', { kind: 'delay', ms: 300, effect: 'before' });
        const request = requestTo([ADA, BEN]);
        const asked = ask(world, request);
        const shown = await world.slack.waitForMessage(() => true);
        await world.channel.close(request, allowed(shown.channel === 'D0ADA00001' ? ADA : BEN));
        await asked.catch(() => {});
        expect(cards(world)).toHaveLength(2);
        expect(cards(world).flatMap(({ blocks }) => actionIds(blocks))).toEqual([]);
      },
      { threads: false },
    ));
});

describe('somebody who cannot be reached', () => {
  test.each([[[NOBODY, ADA]], [[ADA, NOBODY]]] as const)(
    'does not keep the others from being asked: %p',
    ([first, second]) =>
      inThreads(async (world) => {
        const request = requestTo([first, second]);
        const receipts = await ask(world, request);
        expect(receipts.map(({ conversation }) => conversation)).toEqual(['D0ADA00001']);
        expect(world.log.some((line) => line.startsWith('warn') && line.includes('channel_not_found'))).toBe(true);
        expect(world.health().state).toBe('connected');
        await world.channel.close(request, allowed(ADA));
        expect(cards(world).map(({ text }) => text.split(':')[0])).toEqual(['Approved']);
      }),
  );

  test('for a while does not hold the others up', () =>
    inThreads(
      async (world) => {
        world.slack.fault('chat.postMessage', { kind: 'rate-limit', seconds: 2 });
        const shown = Promise.withResolvers<Receipt>();
        const started = Date.now();
        const asked = world.channel.ask(requestTo([ADA, BEN]), new AbortController().signal, shown.resolve);
        const first = await shown.promise;
        expect(Date.now() - started).toBeLessThan(1_000);
        await world.slack.click({ ...press(first), userId: first.conversation === 'D0BEN00002' ? BEN : ADA });
        expect(world.answers).toHaveLength(1);
        await asked;
        expect(cards(world)).toHaveLength(2);
      },
      { threads: false },
    ));

  test('fails the request only when there is nobody else', () =>
    inThreads(async (world) => {
      const failure = await ask(world, requestTo([NOBODY, 'U0NOBODY11'])).catch((error: unknown) => error);
      if (!(failure instanceof AppError)) throw new Error('Expected an AppError');
      expect(failure.code).toBe('slack-config');
      expect(failure.message).toContain('channel_not_found');
      expect(world.slack.messages()).toEqual([]);
    }));
});

describe('a request that two people must approve', () => {
  test('says so, and has no answers that one person alone could give', () =>
    inThreads(async (world) => {
      await ask(world, requestTo([ADA, BEN], { needed: 2 }));
      for (const card of cards(world)) {
        expect(words(card)).toContain('Two different people must approve this.');
        expect(actionIds(card.blocks)).toEqual(['csh_approve', 'csh_deny', 'csh_deny_reason']);
      }
    }));

  test('says on every card who has approved, and that one more is missing; the buttons stay', () =>
    inThreads(async (world) => {
      const request = requestTo([ADA, BEN], { needed: 2 });
      const receipts = await ask(world, request);
      world.verdict = 'counted';
      await world.slack.click(
        press(receipts.find(({ conversation }) => conversation === 'D0ADA00001') ?? receipts[0] ?? none()),
      );
      expect(world.answers).toMatchObject([{ by: ADA, decision: 'allow' }]);
      await world.channel.tell({ type: 'counted', request, by: [ADA] });
      for (const card of cards(world)) {
        expect(words(card)).toContain('Approved so far by ');
        expect(words(card)).toContain('one more person must approve');
        expect(people(card)).toEqual([ADA]);
        expect(actionIds(card.blocks)).toEqual(['csh_approve', 'csh_deny', 'csh_deny_reason']);
      }
      expect(world.notices()).toEqual([]);
      await world.channel.close(request, allowed(BEN, [ADA]));
      for (const card of cards(world)) {
        expect(people(card).toSorted()).toEqual([ADA, BEN]);
        expect(actionIds(card.blocks)).toEqual([]);
      }
    }));

  test('tells a person who presses twice that somebody else must approve, too', () =>
    inThreads(async (world) => {
      const [receipt = none()] = await ask(world, requestTo([ADA, BEN], { needed: 2 }));
      world.verdict = 'already-approved';
      await world.slack.click(press(receipt));
      await world.slack.waitForMessage(
        ({ ephemeralFor, text }) => ephemeralFor !== undefined && text.includes('somebody else must, too'),
      );
    }));

  test('says who has approved on a card that comes only after that', () =>
    inThreads(
      async (world) => {
        world.slack.fault('chat.postMessage', { kind: 'rate-limit', seconds: 1 });
        const request = requestTo([ADA, BEN], { needed: 2 });
        const shown = Promise.withResolvers<Receipt>();
        const asked = world.channel.ask(request, new AbortController().signal, shown.resolve);
        const first = await shown.promise;
        const by = first.conversation === 'D0ADA00001' ? ADA : BEN;
        await world.channel.tell({ type: 'counted', request, by: [by] });
        await asked;
        await world.slack.waitForMessage(
          (card) => card.channel !== first.conversation && words(card).includes('Approved so far by '),
        );
        expect(cards(world).map(people)).toEqual([[by], [by]]);
      },
      { threads: false },
    ));

  test('is over for both when one of them denies', () =>
    inThreads(async (world) => {
      const request = requestTo([ADA, BEN], { needed: 2 });
      await ask(world, request);
      await world.channel.close(request, { kind: 'denied', by: BEN, via: 'Slack', at: Date.now(), reason: 'No.' });
      expect(cards(world).map(({ text }) => text.split(':')[0])).toEqual(['Denied', 'Denied']);
      expect(cards(world).flatMap(({ blocks }) => actionIds(blocks))).toEqual([]);
    }));
});

function none(): Receipt {
  throw new Error('Expected a receipt');
}
