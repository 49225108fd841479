import { describe, expect, test } from 'bun:test';
import type { SlackChannelOptions } from '../../src/channels/slack.ts';
import { createEditor, type Editor, type Looks, type Place } from '../../src/channels/slack-editor.ts';
import { createGrantMessages } from '../../src/channels/slack-grants.ts';
import type { Threads } from '../../src/channels/slack-threads.ts';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import type { Grant } from '../../src/types.ts';
import { actionIds, allTexts, bash, INSTANCE } from './requests.ts';
import { inWorld, type World } from './slack-world.ts';

const MINUTE = 60_000;

function makeGrant(more: Partial<Grant> = {}): Grant {
  const since = Date.now();
  return {
    ...{ id: 'grant-1', agent: 'claude', by: 'U0ADA00001', sessionId: bash('').session_id, approvers: ['U0ADA00001'] },
    ...{ rule: { kind: 'directory', tool: 'Bash', directory: '/home/dev/shop' }, text: 'Bash in /home/dev/shop' },
    ...{ forMs: 30 * MINUTE, since, until: since + 30 * MINUTE, used: 0, uses: [] },
    ...{ cwd: '/home/dev/shop', mode: 'default' },
    ...more,
  };
}

function used(grant: Grant, ...calls: readonly string[]): Grant {
  const uses = calls.map((call, index) => ({ at: grant.since + index * 1_000, call }));
  return { ...grant, used: calls.length, uses };
}

function ended(grant: Grant, how: NonNullable<Grant['ended']>['how'], by?: string): Grant {
  return { ...grant, ended: { how, at: Date.now(), ...(by === undefined ? {} : { by }) } };
}

/** Threads that only post. */
function threadsOf(post: (looks: Looks) => Promise<Place>): Threads {
  return {
    rootOf: async () => undefined,
    addAutomatic: async () => {},
    end: async () => {},
    adopt: () => {},
    forget: () => {},
    post: (_approver, _sessionId, looks) => post(looks),
  };
}

const NO_EDITS: Editor = {
  refresh: async () => {},
  doubt: () => {},
  posted: () => {},
  edit: async () => {},
};

function inGrants(run: (world: World) => Promise<void>, options: Partial<SlackChannelOptions> = {}): Promise<void> {
  return inWorld(run, { threads: true, ...options });
}

function tell(world: World, grant: Grant): Promise<void> {
  return world.channel.tell({ type: 'grant', grant });
}

function grants(world: World): readonly EmulatedMessage[] {
  return world.slack.messages().filter(({ text }) => text === 'Allowed without asking' || text === 'Permission ended');
}

function words(blocks: unknown): string {
  return allTexts(blocks).join('');
}

describe('a grant', () => {
  test('has a message in the thread of its session: the rule, who gave it, how long still, and Revoke', () =>
    inGrants(async (world) => {
      const card = world.message(await world.ask(world.request()));
      const grant = makeGrant();
      await tell(world, grant);
      const [message, ...more] = grants(world);
      expect(more).toEqual([]);
      expect(message?.threadTs).toBe(String(card.threadTs));
      expect(message?.isBroadcast).toBeUndefined();
      expect(words(message?.blocks)).toContain('Bash in /home/dev/shop');
      expect(words(message?.blocks)).toContain('(30 min left)');
      expect(words(message?.blocks)).toContain('Not used yet.');
      const json = JSON.stringify(message?.blocks);
      expect(json).toContain(`"user_id":"${grant.by}"`);
      expect(json).toContain(`"timestamp":${Math.floor(grant.until / 1000)}`);
      expect(actionIds(message?.blocks ?? [])).toEqual(['csh_revoke']);
    }));

  test('stands in the conversation when the session has no thread', () =>
    inGrants(async (world) => {
      await tell(world, makeGrant());
      expect(grants(world).map(({ threadTs }) => threadTs)).toEqual([undefined]);
    }));

  test('that Slack did not take is posted at the next use: there must be a way to end it', () =>
    inGrants(async (world) => {
      world.slack.fault('chat.postMessage', { kind: 'error', error: 'restricted_action' });
      const grant = makeGrant();
      await tell(world, grant);
      expect(grants(world)).toEqual([]);
      await tell(world, used(grant, 'Bash ls'));
      expect(grants(world)).toHaveLength(1);
      expect(actionIds(grants(world)[0]?.blocks ?? [])).toEqual(['csh_revoke']);
    }));

  test('that was used many times while Slack took no message is posted again once, as it is then', async () => {
    const [first, second] = [Promise.withResolvers<Place>(), Promise.withResolvers<Place>()];
    const tries = [first, second];
    const posted: Looks[] = [];
    const show = createGrantMessages({
      ...{ editor: NO_EDITS, instanceId: INSTANCE, maskRules: () => [], now: Date.now },
      threads: threadsOf((looks) => {
        posted.push(looks);
        return tries[posted.length - 1]?.promise ?? Promise.reject(new Error('Expected no further post'));
      }),
      stopping: AbortSignal.abort(),
    });
    const grant = makeGrant();
    const calls = Array.from({ length: 40 }, (_, index) => `make ${index}`);
    const given = show(grant);
    const uses = calls.map((_, index) => show(used(grant, ...calls.slice(0, index + 1))));
    first.reject(new Error('Slack is away'));
    second.resolve({ channel: 'D1', ts: '1.1' });
    await Promise.all([given, ...uses]);
    expect(posted).toHaveLength(2);
    expect(words(posted[1]?.blocks)).toContain('Used 40 times:');
  });

  test('is ended by Revoke, of which the core is asked for the person who pressed', () =>
    inGrants(async (world) => {
      await tell(world, makeGrant());
      const [message] = grants(world);
      if (message === undefined) throw new Error('Expected a message');
      const { channel, ts } = message;
      await world.slack.click({ channel, ts, actionId: 'csh_revoke' });
      expect(world.revoked).toEqual(['grant-1 U0ADA00001']);
      expect(world.answers).toEqual([]);
      expect(world.notices()).toEqual([]);
      world.revokes = false;
      await world.slack.click({ channel, ts, actionId: 'csh_revoke', userId: world.slack.otherUser.id });
      expect(world.revoked.at(-1)).toBe('grant-1 U0BEN00002');
      await world.slack.waitForCall(
        ({ method, args }) => method === 'chat.postEphemeral' && String(args.text).includes('not yours to end'),
      );
    }));

  test('of another daemon is not revoked by a press that came to us', () =>
    inGrants(async (world) => {
      await tell(world, makeGrant());
      const [message] = grants(world);
      if (message === undefined) throw new Error('Expected a message');
      const { channel, ts } = message;
      await world.slack.click({ channel, ts, actionId: 'csh_revoke', override: { value: 'v1.other.grant.grant-1' } });
      await world.slack.click({ channel, ts, actionId: 'csh_revoke', override: { value: 'v1.instance-1.grant' } });
      expect(world.revoked).toEqual([]);
      await world.slack.waitForMessage(({ ephemeralFor }) => ephemeralFor !== undefined);
    }));

  test('lists what it was used for, the latest calls of many', () =>
    inGrants(async (world) => {
      const grant = makeGrant();
      await tell(world, grant);
      const calls = Array.from({ length: 40 }, (_, index) => `Bash: make ${index} *x* <!channel> ${'x'.repeat(300)}`);
      await tell(world, used(grant, ...calls));
      const [message, ...more] = grants(world);
      expect(more).toEqual([]);
      expect(words(message?.blocks)).toContain('Used 40 times:');
      expect(words(message?.blocks)).toContain('Bash: make 39 *x* <!channel>');
      expect(words(message?.blocks)).not.toContain('make 24 ');
      expect(JSON.stringify(message?.blocks)).not.toContain('mrkdwn');
      expect(actionIds(message?.blocks ?? [])).toEqual(['csh_revoke']);
      expect(world.slack.calls().filter(({ response }) => response.ok === false)).toEqual([]);
    }));

  test('shows many uses in few edits, and the last of them', () =>
    inGrants(async (world) => {
      const grant = makeGrant();
      await tell(world, grant);
      const calls = ['make one', 'make two', 'make three', 'make four'];
      await Promise.all(calls.map((_, index) => tell(world, used(grant, ...calls.slice(0, index + 1)))));
      expect(words(grants(world)[0]?.blocks)).toContain('make four');
      expect(world.slack.calls('chat.update').length).toBeLessThanOrEqual(2);
      await tell(world, used(grant, ...calls, 'make five'));
      const [before, last] = world.slack.calls('chat.update').slice(-2);
      expect((last?.at ?? 0) - (before?.at ?? 0)).toBeGreaterThanOrEqual(1_400);
    }));

  test.each([
    ['expired', undefined, 'It has expired.'],
    ['revoked', 'U0BEN00002', 'Revoked by '],
    ['stopped', undefined, 'It ended with the daemon.'],
  ] as const)('that is %s says so at once, without Revoke, and still what it was used for', (how, by, said) =>
    inGrants(async (world) => {
      const grant = used(makeGrant(), 'make deploy');
      await tell(world, grant);
      const slow = tell(world, used(grant, 'make deploy', 'make test'));
      const started = Date.now();
      await tell(world, ended(used(grant, 'make deploy', 'make test'), how, by));
      await slow;
      expect(Date.now() - started).toBeLessThan(1_000);
      const [message] = grants(world);
      expect(message?.text).toBe('Permission ended');
      expect(actionIds(message?.blocks ?? [])).toEqual([]);
      expect(words(message?.blocks)).toContain(said);
      expect(words(message?.blocks)).toContain('make test');
      expect(JSON.stringify(message?.blocks).includes('"user_id":"U0BEN00002"')).toBe(by !== undefined);
    }),
  );

  test('shows no secret of its rule', () =>
    inGrants(
      async (world) => {
        const secrets = [`ghp_${'a1B2'.repeat(9)}`, 'ACME-4711-0815'];
        const grant = makeGrant({ text: `Bash(curl -H ${secrets.join(' ')} *)` });
        await tell(world, grant);
        await tell(world, ended(grant, 'expired'));
        for (const secret of secrets) expect(JSON.stringify(world.slack.calls())).not.toContain(secret);
        expect(words(grants(world)[0]?.blocks)).toContain('⟦masked');
      },
      { maskRules: () => [{ name: 'acme', pattern: 'ACME-[0-9-]+' }] },
    ));
});

describe('several approvers', () => {
  const approvers: [string, string] = ['U0ADA00001', 'U0BEN00002'];

  test('see the grant each in their own thread, given, used and ended', () =>
    inGrants(async (world) => {
      await world.ask(world.request(bash('make deploy'), { approvers }));
      const grant = makeGrant({ approvers });
      await tell(world, grant);
      const shown = grants(world);
      expect(new Set(shown.map(({ channel }) => channel)).size).toBe(2);
      for (const { channel, threadTs } of shown) {
        expect(world.slack.messages().find(({ ts }) => ts === threadTs)?.channel).toBe(channel);
      }
      await tell(world, ended(used(grant, 'make deploy'), 'revoked', 'U0BEN00002'));
      expect(grants(world).map(({ text }) => text)).toEqual(['Permission ended', 'Permission ended']);
    }));

  test('do not miss what becomes of it because Slack makes one of them wait', () =>
    inGrants(async (world) => {
      const grant = makeGrant({ approvers });
      world.slack.fault('chat.postMessage', { kind: 'rate-limit', seconds: 2 });
      const given = tell(world, grant);
      await world.slack.waitForMessage(({ text }) => text === 'Allowed without asking');
      const started = Date.now();
      const over = tell(world, ended(grant, 'expired'));
      await world.slack.waitForMessage(({ text }) => text === 'Permission ended');
      expect(Date.now() - started).toBeLessThan(1_000);
      await Promise.all([given, over]);
      expect(grants(world).map(({ text }) => text)).toEqual(['Permission ended', 'Permission ended']);
    }));
});

describe('the time that is left', () => {
  test('is written anew while the grant is in force, and no more after its end', async () => {
    let now = 1_000_000;
    const shown: string[] = [];
    let onEdit = (_text: string): void => {};
    const stopping = new AbortController();
    const editor = createEditor({
      calls: {
        upload: () => Promise.reject(new Error('Expected no upload')),
        call: async (_lane, _method, args) => {
          const text = allTexts(args.blocks).join('');
          shown.push(text);
          onEdit(text);
          return {};
        },
      },
      now: () => now,
      stopping: stopping.signal,
    });
    const posted: Looks[] = [];
    const threads = threadsOf(async (looks) => {
      posted.push(looks);
      return { channel: 'D1', ts: '1.1' };
    });
    const show = createGrantMessages({
      ...{ editor, threads, instanceId: INSTANCE, maskRules: () => [], countdownMs: 2 },
      now: () => now,
      stopping: stopping.signal,
    });
    const grant = makeGrant({ since: now, until: now + 30 * MINUTE });
    const edited = (wanted: string) =>
      new Promise<void>((resolve) => {
        onEdit = (text) => {
          if (text.includes(wanted)) resolve();
        };
      });
    await show(grant);
    expect(allTexts(posted[0]?.blocks).join('')).toContain('(30 min left)');
    now += 9 * MINUTE + 1;
    await edited('(21 min left)');
    now = grant.until - 1;
    await edited('(1 min left)');
    await show(ended(grant, 'expired'));
    expect(shown.at(-1)).toContain('It has expired.');
    const count = shown.length;
    // Another grant's countdown has come round, and this one's has not.
    const other = makeGrant({ id: 'grant-2', since: now, until: now + 30 * MINUTE });
    await show(other);
    now += MINUTE;
    await edited('(29 min left)');
    now += MINUTE;
    await edited('(28 min left)');
    expect(shown.slice(count).every((text) => /\((30|29|28) min left\)/.test(text))).toBe(true);
    stopping.abort();
  });
});
