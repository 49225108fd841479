/** Slack on a bad day, as the agent and the person see it; see harness.ts about the ids. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { EmulatedMessage, Fault } from '../../src/emulator/emulator-types.ts';
import { type Hook, hasButtons, payload, ROOM, repeat, type TestBench, textOf, withBench } from '../e2e/bench.ts';
import { closedCard, decisionOf, reasonOf } from '../e2e/cards.ts';
import { turns } from './harness.ts';

setDefaultTimeout(300_000);

/** A daemon without threads: the first post of a request is its card. */
const ALONE = { args: ['--threads', 'off'] };
const PROXY = '<html><head><title>Corp Proxy</title></head><body>PROXY TEXT allow</body></html>';
const ALWAYS = Number.POSITIVE_INFINITY;

async function answer(bench: TestBench, hook: Hook, card: EmulatedMessage): Promise<void> {
  await bench.press(card, 'csh_approve');
  expect(decisionOf((await hook.ended).stdout)).toBe('allow');
}

/** A daemon that has answered a request: what is slow about a start is over. */
async function warm(bench: TestBench): Promise<void> {
  const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), ALONE);
  await answer(bench, hook, card);
  await closedCard(bench, card);
}

const posts = ({ slack }: TestBench) => slack.calls('chat.postMessage');
const isPosted = ({ response }: { readonly response: Readonly<Record<string, unknown>> }) => response.ok === true;

// One after the other: these are about how soon the answer is out.
describe('an edit that Slack does not take', () => {
  test.each<[string, Fault, number]>([
    ['because of HTTP 500', { kind: 'status', status: 500 }, ALWAYS],
    ['because it does not answer', { kind: 'hang' }, 1],
    ['because of a rate limit', { kind: 'rate-limit', seconds: 1 }, ALWAYS],
    ['because the message is gone', { kind: 'error', error: 'message_not_found' }, 1],
  ])('[K35] %s does not hold up the answer, and is made later where it can be', (_why, fault, times) =>
    withBench(async (bench) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), ALONE);
      const mend = bench.slack.fault('chat.update', fault, times);
      const pressedAt = performance.now();
      await bench.press(card, 'csh_approve');
      expect(decisionOf((await hook.ended).stdout)).toBe('allow');
      // A tenth of that where nothing else runs, and 7 ms by the clock of the benchmark.
      expect(performance.now() - pressedAt).toBeLessThan(1_000);
      await bench.slack.waitForCall(({ method }) => method === 'chat.update');
      expect(hasButtons(bench.slack.messages().find(({ ts }) => ts === card.ts) ?? card)).toBe(true);
      mend();
      if (fault.kind === 'error') {
        // It is not tried again, and nothing else comes of it.
        const next = await bench.ask(payload('PreToolUse.Bash'), ALONE);
        await answer(bench, next.hook, next.card);
        await closedCard(bench, next.card);
        expect(bench.slack.messages().filter(hasButtons)).toMatchObject([{ ts: card.ts }]);
      } else expect(textOf(await closedCard(bench, card, 8_000 + 5_000 * ROOM))).toContain('Approved');
    }),
  );
});

const inTurn = turns(4);
const onBench = (body: (bench: TestBench) => Promise<void>): Promise<void> => inTurn(() => withBench(body));

describe.concurrent('a post that Slack does not take at once', () => {
  test('[K31] because of a rate limit of 2 s is made after them, and another request does not wait for it', () =>
    onBench(async (bench) => {
      await warm(bench);
      bench.slack.fault('chat.postMessage', { kind: 'rate-limit', seconds: 2 });
      const slow = bench.hook(payload('PreToolUse.Bash'), ALONE);
      await bench.until(() => posts(bench).some((call) => !isPosted(call)), 'the refusal');
      const quick = await bench.ask(payload('PreToolUse.Edit'), ALONE);
      await answer(bench, quick.hook, quick.card);
      await closedCard(bench, quick.card);
      const late = await bench.slack.waitForMessage(hasButtons);
      // A message's name is the time at which it was posted, in seconds.
      expect(Number(quick.card.ts)).toBeLessThan(Number(late.ts));
      const waitedMs = Number(late.ts) * 1_000 - (posts(bench).find((call) => !isPosted(call))?.at ?? 0);
      expect(waitedMs).toBeGreaterThanOrEqual(1_990);
      expect(waitedMs).toBeLessThan(2_500 + 500 * ROOM);
      await answer(bench, slow, late);
    }));

  test('[K32] because of a rate limit beyond the deadline is answered with that reason at once', () =>
    onBench(async (bench) => {
      await warm(bench);
      bench.slack.fault('chat.postMessage', { kind: 'rate-limit', seconds: 3_600 });
      const { stdout, stderr, tookMs } = await bench.hook(payload('PreToolUse.Bash'), ALONE).ended;
      expect(decisionOf(stdout)).toBe('ask');
      expect(reasonOf(stdout)).toContain('Slack asks to wait 3600 s');
      expect(stderr).toEndWith('code: slack-rate-limited\n');
      expect(tookMs).toBeLessThan(1_000 * ROOM);
      // The next one is not held up by it.
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), ALONE);
      await answer(bench, hook, card);
    }));

  const TROUBLES: readonly (readonly [what: string, fault: Fault])[] = [
    ['HTTP 500', { kind: 'status', status: 500, body: 'PROXY TEXT' }],
    ['HTTP 502', { kind: 'status', status: 502, body: PROXY }],
    ['HTTP 503', { kind: 'status', status: 503, body: PROXY }],
    ['a page in place of an answer', { kind: 'status', status: 200, body: PROXY }],
    ['a cut connection', { kind: 'drop' }],
  ];

  test.each(TROUBLES)(
    '[K33] because of %s is tried again, ever later, and then answered like any other',
    (_what, fault) =>
      onBench(async (bench) => {
        await warm(bench);
        bench.slack.fault('chat.postMessage', fault, 2);
        const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), ALONE);
        await bench.until(() => posts(bench).length === 4, 'the third try');
        const [, first, second, third] = posts(bench).map(({ at }) => at);
        // 300 and 600 ms, each up to a quarter less or more.
        expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(224);
        expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(449);
        await answer(bench, hook, card);
      }),
  );

  test.each([...TROUBLES, ['no answer', { kind: 'hang' }] as const])(
    '[K33] because of %s until the deadline ends in the failure answer, without a word of whoever stands in between',
    (_what, fault) =>
      onBench(async (bench) => {
        await warm(bench);
        const before = posts(bench).length;
        bench.slack.fault('chat.postMessage', fault, ALWAYS);
        const run = { args: [...ALONE.args, '--deadline', '2s'] };
        const hooks = ['PreToolUse.Bash', 'PermissionRequest.Bash'].map((event) => bench.hook(payload(event), run));
        const [pre, request] = await Promise.all(hooks.map(({ ended }) => ended));
        expect(decisionOf(pre?.stdout ?? '')).toBe('ask');
        expect(request).toMatchObject({ stdout: '', exitCode: 0 });
        expect(pre?.tookMs).toBeLessThan(2_000 + 1_000 * ROOM);
        if (fault.kind !== 'hang') expect(posts(bench).length - before).toBeGreaterThan(2);
        expect(JSON.stringify([pre, request, bench.log(), bench.audit()])).not.toMatch(/PROXY|<html|Corp/);
      }),
  );

  test('[K33] because Slack does not answer is tried again when it has waited long enough', () =>
    onBench(async (bench) => {
      await warm(bench);
      bench.slack.fault('chat.postMessage', { kind: 'hang' });
      const hook = bench.hook(payload('PreToolUse.Bash'), ALONE);
      const card = await bench.slack.waitForMessage(hasButtons, 8_000 + 5_000 * ROOM);
      await bench.until(() => posts(bench).length === 3, 'the second try');
      await answer(bench, hook, card);
    }));

  test.each(['invalid_blocks', 'msg_too_long'])(
    '[K42] because of %s is made in a short form, which can be approved once the whole is in a file',
    (error) =>
      onBench(async (bench) => {
        await warm(bench);
        const daemons = bench.daemons();
        bench.slack.fault('chat.postMessage', { kind: 'error', error });
        const hook = bench.hook(payload('PreToolUse.Bash'), ALONE);
        const file = await bench.slack.waitForMessage(({ files }) => files.length > 0);
        expect(file.files[0]?.content).toContain('mkdir -p dist');
        const card = await bench.slack.waitForMessage(({ blocks }) => JSON.stringify(blocks).includes('"csh_approve"'));
        await answer(bench, hook, card);
        expect(bench.daemons()).toEqual(daemons);
      }),
  );

  test.each(['invalid_blocks', 'msg_too_long'])(
    '[K42] because of %s in any form ends in the failure answer, and the daemon goes on',
    (error) =>
      onBench(async (bench) => {
        await warm(bench);
        const daemons = bench.daemons();
        bench.slack.fault('chat.postMessage', { kind: 'error', error }, 2);
        const { stdout, stderr } = await bench.hook(payload('PreToolUse.Bash'), ALONE).ended;
        expect(decisionOf(stdout)).toBe('ask');
        expect(reasonOf(stdout)).toContain(error);
        expect(stderr).toEndWith('code: slack-rejected\n');
        const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), ALONE);
        await answer(bench, hook, card);
        expect(bench.daemons()).toEqual(daemons);
      }),
  );
});

/** The fewest connections to Slack that there are, looked at every few milliseconds until it is asked for. */
function fewest(bench: TestBench): () => number {
  const { slack } = bench;
  let least = slack.connections();
  const stop = repeat(bench, 1, () => {
    least = Math.min(least, slack.connections());
  });
  return () => {
    stop();
    return least;
  };
}

describe.concurrent('a connection to Slack', () => {
  test('[K36] that Slack is going to close is replaced before it is, and presses on either count', () =>
    onBench(async (bench) => {
      const pending = [];
      while (pending.length < 4) pending.push(await bench.ask(payload('PreToolUse.Bash')));
      const least = fewest(bench);
      bench.slack.disconnect('warning');
      await bench.slack.waitForConnections(2);
      // Slack takes turns with them.
      for (const { hook, card } of pending) await answer(bench, hook, card);
      expect(bench.slack.connections()).toBe(2);
      expect(least()).toBe(1);
      expect(bench.slack.connectionsEver()).toBe(2);
    }));

  test('[K37] that is cut is back within a second, and presses count again', () =>
    onBench(async (bench) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      const cutAt = performance.now();
      bench.slack.dropConnections();
      await bench.slack.waitForConnections(1);
      expect(performance.now() - cutAt).toBeLessThan(1_000 * ROOM);
      await answer(bench, hook, card);
      expect(bench.slack.connectionsEver()).toBe(2);
    }));

  test('[K37] that is cut, and refused twice, is back within three seconds', () =>
    onBench(async (bench) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      bench.slack.fault('apps.connections.open', { kind: 'drop' }, 2);
      const cutAt = performance.now();
      bench.slack.dropConnections();
      await bench.slack.waitForCall(() => bench.slack.calls('apps.connections.open').length === 4);
      await bench.slack.waitForConnections(1);
      expect(performance.now() - cutAt).toBeLessThan(3_000 * ROOM);
      await answer(bench, hook, card);
    }));

  test('[K38] that falls silent is noticed and replaced within 15 s', () =>
    onBench(async (bench) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      const silentAt = performance.now();
      bench.slack.freeze(true);
      await bench.slack.waitForConnections(1, 15_000 + 5_000 * ROOM);
      expect(performance.now() - silentAt).toBeLessThan(15_000 + 1_000 * ROOM);
      await answer(bench, hook, card);
    }));

  test('[K40] that brings an envelope again and again, also on another one, brings one decision, and each is acknowledged', () =>
    onBench(async (bench) => {
      const { slack } = bench;
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      const frame = pressFrame(bench, card, 'again');
      const acks = (): readonly number[] =>
        slack.acks().flatMap(({ envelopeId, at }) => (envelopeId === 'again' ? [at] : []));
      slack.disconnect('warning');
      await slack.waitForConnections(2);
      const sentAt = Date.now();
      for (const connection of [0, 0, 1, 1]) slack.sendFrame(frame, connection);
      await bench.until(() => acks().length === 4, 'all to be acknowledged');
      expect(Math.max(...acks()) - sentAt).toBeLessThan(1_000 * ROOM);
      expect(decisionOf((await hook.ended).stdout)).toBe('allow');
      await closedCard(bench, card);
      expect(bench.decisions()).toMatchObject([{ type: 'asked' }, { type: 'ended', kind: 'allowed' }]);
      expect(slack.messages().filter(({ ephemeralFor }) => ephemeralFor !== undefined)).toEqual([]);
    }));
});

/** What Slack sends for a press on Approve. */
function pressFrame(
  { slack }: TestBench,
  { channel, ts, threadTs, blocks }: EmulatedMessage,
  envelopeId: string,
): string {
  const actions = blocks.find(({ type }) => type === 'actions');
  const elements = (actions?.elements ?? []) as readonly Record<string, unknown>[];
  const button = elements.find(({ action_id }) => action_id === 'csh_approve');
  return JSON.stringify({
    envelope_id: envelopeId,
    type: 'interactive',
    accepts_response_payload: false,
    payload: {
      type: 'block_actions',
      user: { id: slack.user.id },
      team: { id: slack.teamId },
      container: { type: 'message', message_ts: ts, channel_id: channel, thread_ts: threadTs },
      channel: { id: channel },
      actions: [{ ...button, block_id: actions?.block_id, action_ts: '1.1' }],
    },
  });
}

describe.concurrent('a token that is revoked', () => {
  test.each(['bot', 'app'] as const)(
    '[K39] ends what waits with the reason, the daemon stays and says why, and works again when the %s token does',
    (token) =>
      onBench(async (bench) => {
        const { slack } = bench;
        const pending = await bench.ask(payload('PreToolUse.Bash'));
        const daemons = bench.daemons();
        slack.revoke(token, true);
        // The bot token is looked at with the next call, the app token with the next connection.
        const second = token === 'bot' ? bench.hook(payload('PreToolUse.Bash')) : undefined;
        if (token === 'app') slack.dropConnections();
        const method = token === 'bot' ? 'chat.postMessage' : 'apps.connections.open';
        await slack.waitForCall((call) => call.method === method && call.response.error === 'invalid_auth');
        const foundAt = performance.now();
        for (const hook of [pending.hook, second]) {
          if (hook === undefined) continue;
          const { stdout, stderr } = await hook.ended;
          expect(decisionOf(stdout)).toBe('ask');
          expect(reasonOf(stdout)).toContain('invalid_auth');
          expect(stderr).toEndWith('code: slack-auth\n');
        }
        expect(performance.now() - foundAt).toBeLessThan(2_000 * ROOM);
        expect((await bench.run(['--status'])).stdout).toMatch(/^slack: {4}down \(Slack refused .*invalid_auth\)/m);
        slack.revoke(token, false);
        // Each request is a reason to look again, at most every 5 s.
        const known = new Set(slack.messages().map(({ ts }) => ts));
        const isNew = (card: EmulatedMessage): boolean => !known.has(card.ts) && hasButtons(card);
        for (;;) {
          const hook = bench.hook(payload('PreToolUse.Bash'));
          const card = await Promise.race([slack.waitForMessage(isNew, 30_000), hook.ended]);
          if ('ts' in card) {
            await answer(bench, hook, card);
            break;
          }
          expect(reasonOf(card.stdout)).toContain('invalid_auth');
        }
        expect((await bench.run(['--status'])).stdout).toContain('slack:    connected');
        expect(bench.daemons()).toEqual(daemons);
      }),
  );
});
