/** Presses that must not count, and those that do, with the whole program. `[C44]` and the like are the ids of docs/promises.md. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { NOTICES } from '../../src/channels/wording-notices.ts';
import type { Fault } from '../../src/emulator/emulator-types.ts';
import { hasButtons, passed, payload, textOf, withBench, writeConfig } from '../e2e/bench.ts';
import {
  answerOf,
  buttonOf,
  closedCard,
  decisionOf,
  messageOf,
  noticed,
  noticesTo,
  type Press,
  press,
  refusals,
} from '../e2e/cards.ts';

setDefaultTimeout(30_000);

describe('a press of somebody who is not asked', () => {
  test('[C44] is told to that person alone, without anything of the request, changes nothing, and is on record', () =>
    withBench(async (bench) => {
      const { slack } = bench;
      const input = payload('PreToolUse.Bash', { cwd: '/home/dev/secret-project' });
      const { hook, card } = await bench.ask(input);
      const before = messageOf(bench, card);
      for (const button of ['csh_approve', 'csh_deny'] as const) {
        expect(await press(bench, card, button, { userId: slack.otherUser.id })).toMatchObject({ delivery: 'acked' });
      }
      for (const actionId of ['csh_deny_reason', 'csh_edit', 'csh_grant']) {
        await slack.click({ channel: card.channel, ts: card.ts, actionId, userId: slack.otherUser.id });
      }
      const notice = await noticed(bench, slack.otherUser.id, NOTICES['not-approver']);
      const told = JSON.stringify([notice.text, notice.blocks, notice.files]);
      for (const secret of [
        slack.user.id,
        slack.user.name,
        slack.user.realName,
        'secret-project',
        'echo built',
        'Bash',
      ])
        expect(told).not.toContain(secret);
      expect(told).not.toContain(String(input.session_id).slice(0, 8));
      await bench.until(() => refusals(bench).length === 5, 'the presses to be on record');
      for (const record of refusals(bench))
        expect(record).toMatchObject({ by: slack.otherUser.id, verdict: 'not-approver', id: bench.audit()[0]?.id });
      expect(refusals(bench).flatMap(({ decision = [] }) => decision)).toEqual(['allow', 'deny']);
      expect(messageOf(bench, card)).toEqual(before);
      expect(slack.views()).toEqual([]);
      expect(noticesTo(bench, slack.user.id)).toEqual([]);
      await press(bench, card, 'csh_approve');
      expect(await answerOf(hook)).toBe('allow');
    }));
});

describe('without anybody who may answer', () => {
  test.each<[string, Record<string, unknown> | undefined, Record<string, string>]>([
    ['no user id at all', undefined, {}],
    ['an empty list in the config file', { userId: [] }, {}],
    ['an empty text in the config file', { userId: ' , ' }, {}],
    ['a variable with nothing but a comma', undefined, { SLACK_USER_ID: ',' }],
  ])('[C45] with %s nothing starts, nothing is asked, and the terminal asks with the reason', (_name, config, env) =>
    withBench(async (bench) => {
      if (config !== undefined) writeConfig(bench, config);
      const { stdout, stderr, exitCode } = await bench.hook(payload('PreToolUse.Bash'), {
        env: { SLACK_USER_ID: '', ...env },
      }).ended;
      expect({ decision: decisionOf(stdout), exitCode }).toEqual({ decision: 'ask', exitCode: 0 });
      expect(stderr).toMatch(/Slack user id.*\nhint: .*\ncode: (missing|bad)-config\n$/);
      expect(bench.daemons()).toEqual([]);
      expect(bench.slack.calls()).toEqual([]);
    }),
  );

  test('[C45] a daemon that is started by hand refuses to start', () =>
    withBench(async (bench) => {
      const env = { SLACK_USER_ID: '', __CLAUDE_SLACK_SERVER__: '1' };
      const { stdout, stderr, exitCode } = await bench.run(['daemon'], { env });
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 78 });
      expect(stderr).toEndWith('code: missing-config\n');
      expect(bench.slack.calls()).toEqual([]);
    }));

  test('[C45] a config file that lists nobody for any project lets no request through', () =>
    withBench(async (bench) => {
      writeConfig(bench, { approvers: [] });
      const { stdout } = await bench.hook(payload('PreToolUse.Bash'), { env: { SLACK_USER_ID: '' } }).ended;
      expect(decisionOf(stdout)).toBe('ask');
      expect(bench.slack.calls('chat.postMessage')).toEqual([]);
    }));
});

const VERDICT = { csh_approve: 'allow', csh_deny: 'deny' } as const;

describe.concurrent('two presses 50 ms apart', () => {
  const TROUBLE: readonly (readonly [how: string, fault: Fault | undefined])[] = [
    ['is quick', undefined],
    ['takes effect late', { kind: 'delay', ms: 300, effect: 'after' }],
    ['is answered late', { kind: 'delay', ms: 300 }],
    ['is refused once', { kind: 'error', error: 'internal_error' }],
    ['is answered by a proxy', { kind: 'status', status: 502 }],
    ['is put off', { kind: 'rate-limit', seconds: 1 }],
    ['is cut off', { kind: 'drop' }],
    ['is never answered', { kind: 'hang', effect: true }],
  ];
  const cases = TROUBLE.flatMap(([how, fault]) =>
    (['csh_approve', 'csh_deny'] as const).map((first) => [first, how, fault] as const),
  );

  test.each(cases)(
    '[C47] of which %s is the first: that one counts, and the message says so, when the edit %s',
    (first, _how, fault) =>
      withBench(async (bench) => {
        const second = first === 'csh_approve' ? 'csh_deny' : 'csh_approve';
        const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
        if (fault !== undefined) bench.slack.fault('chat.update', fault);
        await press(bench, card, first);
        await passed(bench, 50);
        expect(await press(bench, card, second)).toMatchObject({ delivery: 'acked' });
        expect(await answerOf(hook)).toBe(VERDICT[first]);
        await noticed(bench, bench.slack.user.id, NOTICES['already-decided']);
        const message = await closedCard(bench, card);
        expect(textOf(message)).toContain(first === 'csh_approve' ? 'Approved: Bash' : 'Denied: Bash');
        await bench.until(() => bench.audit().some(({ type }) => type === 'closed'), 'the last edit', 30_000);
        expect(textOf(messageOf(bench, card))).toBe(textOf(message));
        expect(bench.audit().filter(({ type }) => type === 'ended')).toMatchObject([
          { kind: first === 'csh_approve' ? 'allowed' : 'denied' },
        ]);
        expect(refusals(bench)).toMatchObject([{ verdict: 'already-decided', decision: VERDICT[second] }]);
      }),
    60_000,
  );
});

describe('a hundred presses in one tick', () => {
  test('[C48] are one decision, and at most one notice for each person', () =>
    withBench(async (bench) => {
      const { slack } = bench;
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      const people = [slack.user.id, slack.otherUser.id];
      const presses = Array.from({ length: 100 }, (_, index) =>
        press(bench, card, index % 4 < 2 ? 'csh_deny' : 'csh_approve', { userId: people[index % 2] ?? '' }),
      );
      expect((await Promise.all(presses)).filter(({ delivery }) => delivery !== 'acked')).toEqual([]);
      await bench.until(() => refusals(bench).length >= 99, '99 refusals');
      expect(await answerOf(hook)).toBe('deny');
      await closedCard(bench, card);
      expect(refusals(bench)).toHaveLength(99);
      expect(bench.audit().filter(({ type }) => type === 'ended')).toHaveLength(1);
      for (const person of people) {
        await slack.waitForMessage(({ ephemeralFor }) => ephemeralFor === person);
        expect(noticesTo(bench, person)).toHaveLength(1);
      }
    }));
});

describe('a press that is not the one that the card was made for', () => {
  test('[C49] is refused, told and on record, and every request waits on', () =>
    withBench(async (bench) => {
      const { slack } = bench;
      const [a, b, over] = [
        await bench.ask(payload('PreToolUse.Bash')),
        await bench.ask(payload('PreToolUse.Edit')),
        await bench.ask(payload('PreToolUse.Write')),
      ];
      await press(bench, over.card, 'csh_deny');
      await over.hook.ended;
      await closedCard(bench, over.card);
      const [own, other, past] = [buttonOf(a.card), buttonOf(b.card), buttonOf(over.card)];
      const [version, instance, id, nonce = ''] = own.split('.');
      const otherId = other.split('.')[2];
      const turned = (nonce.startsWith('A') ? 'B' : 'A') + nonce.slice(1);
      const forged: readonly (readonly [what: string, override: Press['override'], verdict: string])[] = [
        ['the value of B on A', { value: other }, 'forged'],
        ['the right value in another conversation', { value: own, channel: 'D0OTHER' }, 'forged'],
        ['the right value on the message of B', { value: own, ts: b.card.ts }, 'forged'],
        ['the right value on no message', { value: own, ts: '1.000001' }, 'forged'],
        ['another nonce', { value: [version, instance, id, turned].join('.') }, 'forged'],
        ['a nonce that is cut', { value: own.slice(0, -1) }, 'forged'],
        ['a nonce that goes on', { value: `${own}A` }, 'forged'],
        ['the request of B with the nonce of A', { value: [version, instance, otherId, nonce].join('.') }, 'forged'],
        ['a request that never was', { value: [version, instance, 'x', nonce].join('.') }, 'unknown-request'],
        ['a request that is over', { value: past }, 'already-decided'],
        ['another version', { value: own.replace(/^v1/, 'v2') }, 'unreadable'],
        ['nothing', { value: '' }, 'unreadable'],
        ['half of it', { value: own.slice(0, 20) }, 'unreadable'],
        ['another daemon', { value: [version, 'elsewhere', id, nonce].join('.') }, 'elsewhere'],
      ];
      for (const [index, [what, override = {}, verdict]] of forged.entries()) {
        for (const button of ['csh_approve', 'csh_deny'] as const)
          expect([what, await press(bench, a.card, button, { override })]).toMatchObject([what, { delivery: 'acked' }]);
        await bench.until(() => refusals(bench).length === 2 * (index + 1), `the record of ${what}`);
        const records = refusals(bench).slice(-2);
        expect([what, ...records.map((record) => record.verdict)]).toEqual([what, verdict, verdict]);
        expect(records.map(({ by, decision }) => [by, decision])).toEqual([
          [slack.user.id, 'allow'],
          [slack.user.id, 'deny'],
        ]);
      }
      const texts: readonly string[] = Object.values(NOTICES);
      for (const { text } of noticesTo(bench, slack.user.id)) expect(texts).toContain(text);
      expect(noticesTo(bench, slack.user.id).length).toBeGreaterThan(0);
      for (const { card } of [a, b]) expect(hasButtons(messageOf(bench, card))).toBe(true);
      // What belongs to another daemon makes this one connect anew, to see whether there is one.
      await bench.until(() => slack.connectionsEver() === 2 && slack.connections() === 1, 'the new connection');
      await press(bench, a.card, 'csh_approve');
      await press(bench, b.card, 'csh_deny');
      expect([await answerOf(a.hook), await answerOf(b.hook)]).toEqual(['allow', 'deny']);
    }));

  test.each([
    ['was killed', 'already-decided'],
    ['was stopped', 'unknown-request'],
  ] as const)('[C49] that was made before the daemon %s is refused and on record afterwards', (how, verdict) =>
    withBench(async (bench) => {
      const past = await bench.ask(payload('PreToolUse.Bash'));
      await press(bench, past.card, 'csh_approve');
      expect(await answerOf(past.hook)).toBe('allow');
      if (how === 'was killed') for (const pid of bench.daemons()) process.kill(pid, 'SIGKILL');
      else {
        await bench.until(() => bench.audit().some(({ type }) => type === 'closed'), 'its end');
        await bench.run(['--stop']);
      }
      const { hook, card } = await bench.ask(payload('PreToolUse.Edit'));
      for (const on of [past.card, card])
        await press(bench, on, 'csh_approve', { override: { value: buttonOf(past.card) } });
      await bench.until(() => refusals(bench).length === 2, 'the record of both');
      expect(refusals(bench)).toMatchObject([{ verdict }, { verdict }]);
      await noticed(bench, bench.slack.user.id, NOTICES[verdict]);
      expect(hasButtons(messageOf(bench, card))).toBe(true);
      await press(bench, card, 'csh_deny');
      expect(await answerOf(hook)).toBe('deny');
    }),
  );
});
