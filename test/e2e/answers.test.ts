/** Every answer that a person can give, through the real program and Slack's own libraries, and what the agent is told. */
import { expect, test } from 'bun:test';
import type { EmulatedMessage } from '../../src/emulator/emulator-types.ts';
import type { SyncHookJSONOutput } from '../types/outputs.ts';
import { hasButtons, payload, type Ran, type TestBench, textOf, withBench } from './bench.ts';
import { closedCard, optionOf, SUGGESTED } from './cards.ts';

const printed = ({ stdout }: Ran): SyncHookJSONOutput => JSON.parse(stdout);

/** Presses a button that opens a form, and resolves with the form's id. */
async function open({ slack }: TestBench, card: EmulatedMessage, actionId: string): Promise<string> {
  const known = new Set(slack.views().map(({ id }) => id));
  await slack.click({ channel: card.channel, ts: card.ts, actionId });
  return (await slack.waitForView(({ id }) => !known.has(id))).id;
}

const entered = (value: string) => ({ csh_input: { type: 'plain_text_input', value } });
/** The value of the option of the open form whose text ends so. */
const optionValue = ({ slack }: TestBench, text: string): string => optionOf(slack.views()[0]?.view, text);

test('an edited call runs as it was edited, and the card shows what was asked, what runs and how it went', () =>
  withBench(async (bench) => {
    const asked = payload('PermissionRequest.Bash');
    const { hook, card } = await bench.ask(asked);
    const viewId = await open(bench, card, 'csh_edit');
    const command = 'mkdir -p dist && echo built > dist/other.txt';
    await bench.slack.submitView({ viewId, values: { csh_edit_0: entered(command) } });
    const tool_input = { ...(asked.tool_input as object), command };
    expect(printed(await hook.ended)).toEqual({
      hookSpecificOutput: {
        hookEventName: 'PermissionRequest',
        decision: { behavior: 'allow', updatedInput: tool_input },
      },
    } satisfies SyncHookJSONOutput);
    const closed = await closedCard(bench, card);
    expect(textOf(closed)).toContain('dist/out.txt');
    expect(textOf(closed)).toContain('dist/other.txt');
    const { session_id } = asked;
    await bench.hook(payload('PostToolUse.Bash', { session_id, tool_input, duration_ms: 4100 })).ended;
    const ran = await bench.slack.waitForMessage(
      (message) => message.ts === card.ts && textOf(message).includes('Ran'),
    );
    expect(textOf(ran)).toContain('Ran: exit 0 in 4.1 s');
    expect(bench.decisions().map(({ type }) => type)).toEqual(['asked', 'ended', 'ran']);
  }));

test('a failed run is told on the card of its approval', () =>
  withBench(async (bench) => {
    const asked = payload('PreToolUse.Bash');
    const { hook, card } = await bench.ask(asked);
    await bench.press(card, 'csh_approve');
    await hook.ended;
    const { session_id, tool_input } = asked;
    const failure = {
      session_id,
      tool_input,
      agent_id: undefined,
      error: 'Exit code 2\nno such file',
      duration_ms: 50,
    };
    await bench.hook(payload('PostToolUseFailure.Bash.in-subagent', failure)).ended;
    const ran = await bench.slack.waitForMessage(
      (message) => message.ts === card.ts && textOf(message).includes('Failed'),
    );
    expect(textOf(ran)).toContain('Exit code 2');
  }));

test('“Always…” gives the agent the chosen rule in the chosen scope', () =>
  withBench(async (bench) => {
    const { hook, card } = await bench.ask(payload('PermissionRequest.Bash', SUGGESTED));
    const viewId = await open(bench, card, 'csh_always');
    const value = optionValue(bench, 'Bash(npm test *)');
    await bench.slack.submitView({
      viewId,
      values: {
        csh_always_rule: { csh_input: { selected_option: { value } } },
        csh_always_scope: { csh_input: { selected_option: { value: 'localSettings' } } },
      },
    });
    expect(printed(await hook.ended)).toEqual({
      hookSpecificOutput: {
        hookEventName: 'PermissionRequest',
        decision: {
          behavior: 'allow',
          updatedInput: SUGGESTED.tool_input,
          updatedPermissions: [
            {
              type: 'addRules',
              rules: [{ toolName: 'Bash', ruleContent: 'npm test *' }],
              behavior: 'allow',
              destination: 'localSettings',
            },
          ],
        },
      },
    } satisfies SyncHookJSONOutput);
    expect(textOf(await closedCard(bench, card))).toContain('Bash(npm test *)');
  }));

test('a permission for a while lets the same call pass unasked, says so in the thread, and ends when it is revoked', () =>
  withBench(async (bench) => {
    const { slack, ask, hook } = bench;
    const asked = payload('PreToolUse.Bash');
    const first = await ask(asked);
    const viewId = await open(bench, first.card, 'csh_grant');
    const value = optionValue(bench, 'This exact call');
    await slack.submitView({ viewId, values: { csh_grant_rule: { csh_input: { selected_option: { value } } } } });
    expect((await first.hook.ended).stdout).toContain('"allow"');
    const grant = await slack.waitForMessage((message) => message.text === 'Allowed without asking');
    expect(textOf(grant)).toContain('30 min left');
    expect((await hook(asked).ended).stdout).toContain('"permissionDecision":"allow"');
    await slack.waitForMessage((message) => message.ts === grant.ts && textOf(message).includes('Used once'));
    await slack.waitForMessage((message) => message.text.startsWith('Decided without asking'));
    await slack.click({ channel: grant.channel, ts: grant.ts, actionId: 'csh_revoke' });
    await slack.waitForMessage((message) => message.ts === grant.ts && textOf(message).includes('Revoked by'));
    const again = await ask(asked);
    await bench.press(again.card, 'csh_deny');
    expect((await again.hook.ended).stdout).toContain('"deny"');
    expect(bench.decisions().map(({ type }) => type)).toEqual([
      ...['asked', 'ended', 'granted', 'asked', 'ended', 'grant-ended', 'asked', 'ended'],
    ]);
  }));

test('questions are answered in Slack, one choice, several and in own words, keyed by the whole question', () =>
  withBench(async (bench) => {
    const { slack } = bench;
    const asked = payload('PermissionRequest.AskUserQuestion');
    const { hook, card } = await bench.ask(asked);
    const target = { channel: card.channel, ts: card.ts };
    await slack.click({ ...target, actionId: 'csh_approve' });
    await slack.waitForMessage(
      ({ ephemeralFor, text }) => ephemeralFor !== undefined && text.includes('no answer yet'),
    );
    await slack.click({ ...target, actionId: 'csh_pick_0_1' });
    const selected = { selected_options: [{ value: '0' }, { value: '1' }] };
    await slack.click({ ...target, actionId: 'csh_tick_1', entered: selected });
    const viewId = await open(bench, card, 'csh_other_1');
    await slack.submitView({ viewId, values: { csh_other_1: entered('Wish list') } });
    await slack.click({ ...target, actionId: 'csh_approve' });
    expect(printed(await hook.ended)).toEqual({
      hookSpecificOutput: {
        hookEventName: 'PermissionRequest',
        decision: {
          behavior: 'allow',
          updatedInput: {
            ...(asked.tool_input as object),
            answers: {
              'Which database should the shop use?': 'SQLite',
              'Which extras do you want?': 'Cache, Search, Wish list',
            },
          },
        },
      },
    } satisfies SyncHookJSONOutput);
    expect(textOf(await closedCard(bench, card))).toContain('Cache, Search, Wish list');
  }));

test('a single question is answered by one press, before a PreToolUse too', () =>
  withBench(async (bench) => {
    const asked = payload('PreToolUse.AskUserQuestion');
    const { questions } = asked.tool_input as { questions: readonly Record<string, unknown>[] };
    const tool_input = { questions: questions.slice(0, 1) };
    const { hook, card } = await bench.ask({ ...asked, tool_input });
    await bench.slack.click({ channel: card.channel, ts: card.ts, actionId: 'csh_pick_0_0' });
    expect(printed(await hook.ended)).toMatchObject({
      hookSpecificOutput: {
        permissionDecision: 'allow',
        updatedInput: { ...tool_input, answers: { 'Which database should the shop use?': 'PostgreSQL' } },
      },
    });
  }));

test('a plan can be approved with edits accepted from then on, or sent back with what to change', () =>
  withBench(async (bench) => {
    const first = await bench.ask(payload('PermissionRequest.ExitPlanMode'));
    await bench.slack.click({ channel: first.card.channel, ts: first.card.ts, actionId: 'csh_approve_edits' });
    const { hookSpecificOutput } = printed(await first.hook.ended);
    expect(hookSpecificOutput).toMatchObject({
      decision: { updatedPermissions: [{ type: 'setMode', mode: 'acceptEdits', destination: 'session' }] },
    });
    const second = await bench.ask(payload('PermissionRequest.ExitPlanMode'));
    const viewId = await open(bench, second.card, 'csh_deny_reason');
    await bench.slack.submitView({ viewId, values: { csh_reason_text: entered('Add tests first.') } });
    expect(printed(await second.hook.ended)).toMatchObject({
      hookSpecificOutput: { decision: { behavior: 'deny', message: 'Add tests first.' } },
    });
  }));

test('a thumb on the card and a word in its thread decide it', () =>
  withBench(async (bench) => {
    const first = await bench.ask(payload('PreToolUse.Bash'));
    await bench.slack.react({ channel: first.card.channel, ts: first.card.ts, emoji: '+1::skin-tone-3' });
    expect((await first.hook.ended).stdout).toContain('"allow"');
    const { hook, card } = await bench.ask(payload('PreToolUse.Bash'));
    const thread = { channel: card.channel, threadTs: card.threadTs ?? card.ts };
    await bench.slack.say({ ...thread, text: 'no & never', userId: bench.slack.user.id });
    expect(printed(await hook.ended)).toMatchObject({
      hookSpecificOutput: { permissionDecision: 'deny', permissionDecisionReason: '& never' },
    });
  }));

test('requests of one session that wait together share a list, where all harmless ones are approved by one press', () =>
  withBench(async (bench) => {
    const { slack } = bench;
    const session_id = 'one-session';
    const ask = (command: string, agent_id: string) =>
      bench.hook(payload('PermissionRequest.Bash.in-subagent', { session_id, agent_id, tool_input: { command } }));
    const hooks = [ask('npm test', 'a')];
    await slack.waitForMessage(hasButtons);
    hooks.push(ask('npm run lint', 'b'), ask('rm -rf build', 'c'));
    const list = await slack.waitForMessage((message) => textOf(message).includes('3 requests wait together'));
    expect(textOf(list)).toContain('leaves out');
    expect(textOf(list)).toContain('Approve all shown (2)');
    await slack.click({ channel: list.channel, ts: list.ts, actionId: 'csh_approve_all' });
    for (const hook of hooks.slice(0, 2)) expect((await hook.ended).stdout).toContain('"allow"');
    // They came at the same moment, in whichever order.
    const at = list.blocks.findIndex((block) => textOf({ blocks: [block] }).includes('rm -rf build'));
    const blockId = String(list.blocks[at + 1]?.block_id);
    await slack.click({ channel: list.channel, ts: list.ts, actionId: 'csh_deny', blockId });
    expect((await hooks[2]?.ended)?.stdout).toContain('"deny"');
    expect(textOf(await closedCard(bench, list))).toContain('3 requests, none waiting');
  }));

test('input that is too long for a message is a file in the thread, and then it can be approved', () =>
  withBench(async (bench) => {
    const command = `${'echo one line of many;\n'.repeat(900)}rm -rf /tmp/x`;
    const { hook, card } = await bench.ask(payload('PreToolUse.Bash', { tool_input: { command } }));
    const file = await bench.slack.waitForMessage(({ files }) => files.length > 0);
    expect(file.files[0]?.content).toContain(command);
    const whole = await bench.slack.waitForMessage(
      (message) => message.ts === card.ts && JSON.stringify(message.blocks).includes('csh_approve'),
    );
    expect(textOf(whole)).toContain('rm -rf /tmp/x');
    await bench.press(card, 'csh_approve');
    expect(printed(await hook.ended)).toMatchObject({ hookSpecificOutput: { updatedInput: { command } } });
  }));

test('without the scope for files, the whole is read page by page, and Approve is on the last page', () =>
  withBench(
    async (bench) => {
      const { slack } = bench;
      const command = `${'echo one line of many;\n'.repeat(900)}rm -rf /tmp/x`;
      const { hook, card } = await bench.ask(payload('PreToolUse.Bash', { tool_input: { command } }));
      expect(JSON.stringify(card.blocks)).not.toContain('"csh_approve"');
      const viewId = await open(bench, card, 'csh_show_all');
      const view = () => slack.views().find(({ id }) => id === viewId)?.view;
      const pages = Number(/ of (\d+)/.exec(JSON.stringify(view()?.title))?.[1]);
      expect(pages).toBeGreaterThan(2);
      for (let page = 2; page <= pages; page += 1) {
        expect(view()?.submit ?? null).toBeNull();
        await slack.clickView({ viewId, actionId: 'csh_page_next' });
        await slack.waitForView(({ view: shown }) => JSON.stringify(shown.title).includes(`Page ${page} `));
      }
      expect(textOf({ blocks: view()?.blocks as EmulatedMessage['blocks'] })).toContain('rm -rf /tmp/x');
      await slack.submitView({ viewId, values: {} });
      expect(printed(await hook.ended)).toMatchObject({ hookSpecificOutput: { updatedInput: { command } } });
    },
    { scopes: ['chat:write'] },
  ));

test('secrets never reach Slack, the log or the audit log, and what runs has them', () =>
  withBench(async (bench) => {
    const token = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';
    const own = 'zebra-velvet-93-quartz';
    const command = `curl -H "Authorization: Bearer ${token}" -H "X-Own: ${own}" https://api.example.com`;
    const { hook, card } = await bench.ask(payload('PreToolUse.Bash', { tool_input: { command } }), {
      env: { SHOP_API_TOKEN: own },
    });
    expect(textOf(card)).toContain('2 secret values masked');
    await bench.press(card, 'csh_approve');
    expect(printed(await hook.ended)).toMatchObject({ hookSpecificOutput: { updatedInput: { command } } });
    await closedCard(bench, card);
    const seen = JSON.stringify([bench.slack.calls(), bench.slack.messages(), bench.audit(), bench.log()]);
    for (const secret of [token, own]) {
      for (let at = 0; at + 8 <= secret.length; at += 4) expect(seen).not.toContain(secret.slice(at, at + 8));
    }
  }));

test('when the agent stops, a reply sends it on, and the button lets it stop', () =>
  withBench(async (bench) => {
    const args = ['--stop-reply', '30s'];
    const first = await bench.ask(payload('Stop'), { args });
    expect(textOf(first.card)).toContain('The discount helper is in place.');
    const viewId = await open(bench, first.card, 'csh_deny_reason');
    await bench.slack.submitView({ viewId, values: { csh_reason_text: entered('Also add tests.') } });
    expect(printed(await first.hook.ended)).toEqual({
      decision: 'block',
      reason: 'Also add tests.',
    } satisfies SyncHookJSONOutput);
    const second = await bench.ask(payload('Stop', { stop_hook_active: true }), { args });
    await bench.press(second.card, 'csh_approve');
    expect(await second.hook.ended).toMatchObject({ stdout: '', exitCode: 0 });
    const third = await bench.ask(payload('Stop'), { args: ['--stop-reply', '300ms'] });
    expect(await third.hook.ended).toMatchObject({ stdout: '', exitCode: 0 });
  }));
