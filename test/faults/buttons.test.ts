/** What a button is worth: its nonce, when it comes too late, and what more than one call it may allow. `[C44]` and the like are the ids of docs/promises.md. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { NOTICES } from '../../src/channels/wording-notices.ts';
import { proofOf } from '../../src/daemon-record.ts';
import { type Hook, hasButtons, payload, stateOf, type TestBench, textOf, withBench } from '../e2e/bench.ts';
import {
  answerOf,
  buttonOf,
  closedCard,
  messageOf,
  noticed,
  optionOf,
  press,
  refusals,
  SUGGESTED,
} from '../e2e/cards.ts';

setDefaultTimeout(30_000);

describe('the nonce of a request', () => {
  test(
    '[C50] has 128 bits, is made of the app’s key, and differs for a million requests',
    () =>
      withBench(async (bench) => {
        const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
        const [, , id = '', nonce = ''] = buttonOf(card).split('.');
        const apps = join(stateOf(bench), 'apps');
        const { key } = JSON.parse(readFileSync(join(apps, readdirSync(apps)[0] ?? '', 'daemon.json'), 'utf8'));
        const made = (of: string): string =>
          Buffer.from(proofOf(key, 'nonce', of), 'hex')
            .subarray(0, 16)
            .toString('base64url');
        expect(Buffer.from(nonce, 'base64url')).toHaveLength(16);
        expect(nonce).toBe(made(id));
        expect(Buffer.from(key, 'hex')).toHaveLength(32);
        await press(bench, card, 'csh_deny');
        await hook.ended;
        const seen = new Set<string>();
        for (let count = 0; count < 1_000_000; count += 1) seen.add(made(Bun.randomUUIDv7()));
        expect(seen.size).toBe(1_000_000);
      }),
    60_000,
  );

  test('[C50] is in no log at any level, no record, no status and no answer, whatever is done with it', () =>
    withBench(async (bench) => {
      const args = ['--log-level', 'trace'];
      const first = await bench.ask(payload('PreToolUse.Bash'), { args });
      const second = await bench.ask(payload('PermissionRequest.Edit'), { args });
      const values = [first, second].map(({ card }) => buttonOf(card));
      const status = await bench.run(['--status']);
      await press(bench, first.card, 'csh_approve', { userId: bench.slack.otherUser.id });
      await press(bench, first.card, 'csh_approve', { override: { value: values[1] ?? '' } });
      await press(bench, first.card, 'csh_approve', { override: { value: `${values[0]}.more` } });
      bench.slack.sendFrame(JSON.stringify({ type: 'interactive', envelope_id: 'x', payload: { value: values[0] } }));
      bench.slack.fault('chat.update', { kind: 'error', error: `invalid_blocks ${values[0]}` });
      await press(bench, first.card, 'csh_approve');
      await press(bench, first.card, 'csh_deny');
      await press(bench, first.card, 'csh_approve', {
        override: { value: values[0]?.replace(/^v1\.[^.]+/, 'v1.elsewhere') ?? '' },
      });
      await bench.until(() => bench.slack.connectionsEver() > 1, 'another connection');
      bench.slack.disconnect('refresh_requested');
      const answers = [await first.hook.ended];
      second.hook.kill('SIGTERM');
      answers.push(await second.hook.ended);
      for (const { card } of [first, second]) await closedCard(bench, card);
      await bench.run(['--stop']);
      const history = [await bench.run(['history', '--json']), await bench.run(['history'])];
      const seen = JSON.stringify([bench.log(), bench.audit(), status, answers, history]);
      expect(bench.log()).toContain('"level":20');
      for (const value of values) {
        const nonce = value.split('.').at(-1) ?? '';
        for (let at = 0; at + 8 <= nonce.length; at += 1) expect(seen).not.toContain(nonce.slice(at, at + 8));
      }
    }));
});

describe('a press that comes too late', () => {
  /** Asks, ends the request without Slack taking the edit, and returns the card that still has its buttons. */
  async function leftOpen(bench: TestBench, end: (hook: Hook) => void, args: readonly string[] = []) {
    const asked = await bench.ask(payload('PreToolUse.Bash'), { args });
    const heal = bench.slack.fault(
      'chat.update',
      { kind: 'error', error: 'cant_update_message' },
      Number.POSITIVE_INFINITY,
    );
    end(asked.hook);
    await asked.hook.ended;
    await bench.slack.waitForCall(({ method, response }) => method === 'chat.update' && response.ok === false);
    heal();
    expect(hasButtons(messageOf(bench, asked.card))).toBe(true);
    return asked.card;
  }

  test.each<[string, string, (hook: Hook) => void, readonly string[]]>([
    ['has expired', NOTICES.expired, () => {}, ['--deadline', '900ms']],
    ['was withdrawn', NOTICES.closed, (hook) => hook.kill('SIGKILL'), []],
  ])('[C52] for a request that %s is told so, and takes the buttons away', (_name, notice, end, args) =>
    withBench(async (bench) => {
      const card = await leftOpen(bench, end, args);
      await press(bench, card, 'csh_approve');
      await noticed(bench, bench.slack.user.id, notice);
      const message = await closedCard(bench, card);
      expect(textOf(message)).toContain('echo built');
      expect(refusals(bench)).toHaveLength(1);
    }),
  );

  test('[C52] on a card without buttons, from a client that has not redrawn it, is told so', () =>
    withBench(async (bench) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'), { args: ['--deadline', '900ms'] });
      expect(await answerOf(hook)).toBe('ask');
      await closedCard(bench, card);
      await press(bench, card, 'csh_approve');
      await noticed(bench, bench.slack.user.id, NOTICES.expired);
      expect(textOf(messageOf(bench, card))).toMatch(/expired/i);
    }));

  test(
    '[C52] because daemon and hook were killed is told so by the next daemon, which takes the buttons away',
    () =>
      withBench(async (bench) => {
        const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
        await bench.until(() => bench.audit().some(({ type }) => type === 'posted'), 'its record');
        for (const pid of bench.daemons()) process.kill(pid, 'SIGKILL');
        hook.kill('SIGKILL');
        await hook.ended;
        const next = await bench.ask(payload('PreToolUse.Edit'));
        await press(bench, card, 'csh_approve');
        // It waits for a while for the client to come back.
        await bench.slack.waitForMessage(
          ({ ephemeralFor, text }) => ephemeralFor === bench.slack.user.id && text === NOTICES.closed,
          20_000,
        );
        expect(textOf(await closedCard(bench, card))).toMatch(/withdrawn/i);
        expect(bench.audit().filter(({ type, kind }) => type === 'ended' && kind === 'allowed')).toEqual([]);
        await press(bench, next.card, 'csh_deny');
        expect(await answerOf(next.hook)).toBe('deny');
      }),
    40_000,
  );

  test('[C52] for a daemon that knows nothing of it any more is told so, and takes the buttons away', () =>
    withBench(async (bench) => {
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
      for (const pid of bench.daemons()) process.kill(pid, 'SIGKILL');
      hook.kill('SIGKILL');
      await hook.ended;
      for (const name of readdirSync(stateOf(bench))) if (name.startsWith('audit')) rmSync(join(stateOf(bench), name));
      const next = await bench.ask(payload('PreToolUse.Edit'));
      await press(bench, card, 'csh_approve');
      await noticed(bench, bench.slack.user.id, NOTICES['unknown-request']);
      expect(textOf(await closedCard(bench, card))).toContain('is over');
      await bench.until(() => refusals(bench).length === 1, 'its record');
      await press(bench, next.card, 'csh_deny');
      expect(await answerOf(next.hook)).toBe('deny');
    }));
});

describe('two requests that are the same to the letter', () => {
  test('[C53] of two sessions are decided each by its own press', () =>
    withBench(async (bench) => {
      const { tool_input } = payload('PreToolUse.Bash');
      const [one, other] = [
        await bench.ask(payload('PreToolUse.Bash', { tool_input })),
        await bench.ask(payload('PreToolUse.Bash', { tool_input })),
      ];
      const digests = new Set(bench.audit().flatMap(({ type, digest }) => (type === 'asked' ? [digest] : [])));
      expect(digests.size).toBe(1);
      await press(bench, other.card, 'csh_deny');
      expect(await answerOf(other.hook)).toBe('deny');
      expect(hasButtons(messageOf(bench, one.card))).toBe(true);
      await press(bench, one.card, 'csh_approve');
      expect(await answerOf(one.hook)).toBe('allow');
    }));

  test('[C53] of one session, in one list, are decided each by its own row', () =>
    withBench(async (bench) => {
      const { slack } = bench;
      const input = payload('PreToolUse.Bash');
      const hooks = [bench.hook(input)];
      await slack.waitForMessage(hasButtons);
      hooks.push(bench.hook(input));
      const list = await slack.waitForMessage((message) => textOf(message).includes('2 requests wait together'));
      const rows = list.blocks.flatMap(({ type, block_id }) =>
        type === 'actions' && String(block_id).startsWith('csh_row_') ? [String(block_id)] : [],
      );
      expect(rows).toHaveLength(2);
      await press(bench, list, 'csh_approve', { blockId: rows[0] ?? '' });
      expect(await answerOf(hooks[0] as Hook)).toBe('allow');
      expect(bench.audit().filter(({ type }) => type === 'ended')).toHaveLength(1);
      await press(bench, list, 'csh_deny', { blockId: rows[1] ?? '' });
      expect(await answerOf(hooks[1] as Hook)).toBe('deny');
    }));
});

describe('an answer that reaches further than the call', () => {
  const shownIn = ({ slack }: TestBench): string => JSON.stringify(slack.views().at(-1)?.view);

  test('[C54] takes a form of its own, which shows every rule in full; a plain approval brings none along', () =>
    withBench(async (bench) => {
      const { slack } = bench;
      const first = await bench.ask(payload('PermissionRequest.Bash', SUGGESTED));
      await press(bench, first.card, 'csh_approve');
      expect(JSON.parse((await first.hook.ended).stdout).hookSpecificOutput.decision).toEqual({
        behavior: 'allow',
        updatedInput: SUGGESTED.tool_input,
      });

      const second = await bench.ask(payload('PermissionRequest.Bash', SUGGESTED));
      const { channel, ts } = second.card;
      for (const actionId of ['csh_always', 'csh_grant']) {
        await slack.click({ channel, ts, actionId, userId: slack.otherUser.id });
      }
      await bench.until(() => refusals(bench).length === 2, 'the presses of the other person to be on record');
      expect(slack.views()).toEqual([]);
      await slack.click({ channel, ts, actionId: 'csh_always' });
      const { id, view } = await slack.waitForView(({ userId }) => userId === slack.user.id);
      const form = JSON.stringify(view);
      for (const rule of ['Bash(npm test *)', 'Bash(npm test --silent)']) expect(form).toContain(rule);
      // Opening it has decided nothing.
      expect(bench.audit().filter(({ type }) => type === 'ended')).toHaveLength(1);
      const value = optionOf(view, 'Bash(npm test *)');
      await slack.submitView({
        viewId: id,
        values: {
          csh_always_rule: { csh_input: { selected_option: { value } } },
          csh_always_scope: { csh_input: { selected_option: { value: 'session' } } },
        },
      });
      expect(JSON.parse((await second.hook.ended).stdout).hookSpecificOutput.decision).toMatchObject({
        updatedPermissions: [
          { type: 'addRules', rules: [{ toolName: 'Bash', ruleContent: 'npm test *' }], destination: 'session' },
        ],
      });
      expect(textOf(await closedCard(bench, second.card))).toContain('Bash(npm test *)');
    }));

  test('[C54] such as a permission for a while says what it covers, and is not given by a plain approval', () =>
    withBench(async (bench) => {
      const input = payload('PreToolUse.Bash');
      const first = await bench.ask(input);
      await press(bench, first.card, 'csh_approve');
      await first.hook.ended;
      // The same call is asked about again.
      const second = await bench.ask(input);
      await bench.slack.click({ channel: second.card.channel, ts: second.card.ts, actionId: 'csh_grant' });
      await bench.slack.waitForView(() => true);
      expect(shownIn(bench)).toContain('This exact call');
      await press(bench, second.card, 'csh_deny');
      expect(await answerOf(second.hook)).toBe('deny');
      expect(bench.audit().filter(({ type }) => type === 'granted')).toEqual([]);
    }));
});
