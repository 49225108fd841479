/** The presence ladder of the config file through the real program. */
import { expect, test } from 'bun:test';
import { createFakeBus } from '../screen/dbus-peer.ts';
import { hasButtons, payload, type TestBench, textOf, withBench, writeConfig } from './bench.ts';

const bash = (command: string, change: Record<string, unknown> = {}) =>
  payload('PreToolUse.Bash', { tool_input: { command }, ...change });
const decisionIn = (stdout: string) => JSON.parse(stdout).hookSpecificOutput;
const isAsked = (bench: TestBench) => () => bench.audit().some(({ type }) => type === 'asked');
const cardOf = (bench: TestBench, person: string) =>
  bench.slack.waitForMessage((message) => hasButtons(message) && message.channel === `D${person.slice(1)}`, 20_000);
const kinds = (bench: TestBench) => bench.decisions().map(({ type, kind, by, to }) => [type, kind ?? to, by]);

/** An hour before and after now, wherever the test runs. */
function quietNow(then: 'hold' | 'fail'): unknown {
  const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 16);
  const [from, to] = [clock(Date.now() - 3_600_000), clock(Date.now() + 3_600_000)];
  return JSON.parse(
    JSON.stringify({ quietHours: { from, to, timeZone: 'UTC', how: then } }).replace('"how"', '"then"'),
  );
}

test('a card whose question was answered at the terminal within the delay is never posted', () =>
  withBench(async (bench) => {
    writeConfig(bench, { presence: { delay: '1h' }, deadline: '2h' });
    const asked = payload('PermissionRequest.Bash');
    const { session_id, tool_input } = asked;
    const hook = bench.hook(asked);
    await bench.until(isAsked(bench), 'the question');
    await bench.hook(payload('PostToolUse.Bash', { session_id, tool_input })).ended;
    expect(await hook.ended).toMatchObject({ stdout: '', exitCode: 0 });
    expect(bench.slack.messages()).toEqual([]);
    expect(kinds(bench)).toEqual([
      ['asked', undefined, undefined],
      ['ended', 'elsewhere', undefined],
    ]);
  }));

test('a daemon that dies within the delay leaves the rest of it to the next one', () =>
  withBench(async (bench) => {
    writeConfig(bench, { presence: { delay: '2s' } });
    const hook = bench.hook(bash('make release'));
    await bench.until(isAsked(bench), 'the question');
    for (const pid of bench.daemons()) process.kill(pid, 'SIGKILL');
    const card = await cardOf(bench, bench.slack.user.id);
    expect(bench.log()).toContain('request asked again');
    const [asked] = bench.audit();
    // Message time stamps are seconds with a fraction.
    expect(Number(card.ts) * 1000 - Number(asked?.at)).toBeGreaterThanOrEqual(2_000);
    await bench.press(card, 'csh_approve');
    expect(decisionIn((await hook.ended).stdout)).toMatchObject({ permissionDecision: 'allow' });
    expect(bench.slack.messages().filter(({ text }) => text.includes('make release'))).toHaveLength(1);
  }));

test('when nobody answers a second person is asked, who sees the whole card and approves', () =>
  withBench(async (bench) => {
    const { user, otherUser } = bench.slack;
    writeConfig(bench, { presence: { delay: '100ms', escalate: { after: '300ms', userId: otherUser.id } } });
    const hook = bench.hook(bash('make release'));
    const mine = await cardOf(bench, user.id);
    const theirs = await cardOf(bench, otherUser.id);
    expect(textOf(mine)).not.toContain('because nobody has answered');
    expect(textOf(theirs)).toContain('because nobody has answered');
    expect(textOf(theirs)).toContain('make release');
    const buttons = JSON.stringify(theirs.blocks);
    expect(buttons).toContain('csh_approve');
    expect(buttons).not.toContain('csh_grant');
    expect(JSON.stringify(mine.blocks)).toContain('csh_grant');
    await bench.press(theirs, 'csh_approve', otherUser.id);
    expect(decisionIn((await hook.ended).stdout)).toMatchObject({ permissionDecision: 'allow' });
    const closed = await bench.slack.waitForMessage((message) => message.ts === mine.ts && !hasButtons(message));
    expect(textOf(closed)).toContain(otherUser.id);
    expect(kinds(bench)).toEqual([
      ['asked', undefined, undefined],
      ['escalated', [otherUser.id], undefined],
      ['ended', 'allowed', otherUser.id],
    ]);
  }));

test('when nobody answers a channel is shown the card, where only approvers can press', () =>
  withBench(async (bench) => {
    const { user, otherUser, channel } = bench.slack;
    writeConfig(bench, { presence: { escalate: { after: '200ms', channel } } });
    const hook = bench.hook(bash('make release'));
    const mine = await cardOf(bench, user.id);
    const card = await bench.slack.waitForMessage((message) => hasButtons(message) && message.channel === channel);
    expect(textOf(card)).toContain('make release');
    await bench.press(card, 'csh_approve', otherUser.id);
    const notice = await bench.slack.waitForMessage(({ ephemeralFor }) => ephemeralFor === otherUser.id);
    expect(notice).toMatchObject({ channel, text: expect.stringContaining('Nothing was decided') });
    await bench.press(card, 'csh_approve', user.id);
    expect(decisionIn((await hook.ended).stdout)).toMatchObject({ permissionDecision: 'allow' });
    for (const { ts } of [mine, card])
      await bench.slack.waitForMessage((message) => message.ts === ts && !hasButtons(message));
    expect(kinds(bench)).toEqual([
      ['asked', undefined, undefined],
      ['escalated', [channel], undefined],
      ['refused', undefined, otherUser.id],
      ['ended', 'allowed', user.id],
    ]);
  }));

test('a second person is asked by the next daemon when the first one has died, and may answer on what that one posted', () =>
  withBench(async (bench) => {
    const { user, otherUser } = bench.slack;
    writeConfig(bench, { presence: { escalate: { after: '3s', userId: otherUser.id } } });
    const hook = bench.hook(bash('make release'));
    /** Kills the daemon once it has written down so many cards; resolves when the next one is connected. */
    const replaceAfter = async (cards: number): Promise<void> => {
      await bench.until(() => bench.audit().filter(({ type }) => type === 'posted').length === cards, 'the receipts');
      const before = bench.slack.connectionsEver();
      for (const pid of bench.daemons()) process.kill(pid, 'SIGKILL');
      await bench.until(() => bench.slack.connectionsEver() > before, 'the next daemon');
      await bench.until(() => bench.slack.connections() === 1, 'the old connection to be gone');
    };
    await cardOf(bench, user.id);
    await replaceAfter(1);
    const theirs = await cardOf(bench, otherUser.id);
    await replaceAfter(2);
    await bench.press(theirs, 'csh_approve', otherUser.id);
    expect(decisionIn((await hook.ended).stdout)).toMatchObject({ permissionDecision: 'allow' });
    expect(kinds(bench).filter(([type]) => type === 'escalated')).toHaveLength(1);
  }));

test('quiet hours give the failure answer at once, or hold the question until its deadline, and nobody is pinged', () =>
  withBench(async (bench) => {
    writeConfig(bench, { presence: quietNow('fail') });
    const failed = await bench.hook(bash('ls')).ended;
    expect(decisionIn(failed.stdout)).toMatchObject({
      permissionDecision: 'ask',
      permissionDecisionReason: expect.stringContaining('quiet hours are from'),
    });
    const denied = await bench.hook(bash('ls'), { args: ['--on-failure', 'deny'] }).ended;
    expect(decisionIn(denied.stdout).permissionDecision).toBe('deny');
    expect(await bench.hook(payload('PermissionRequest.Bash')).ended).toMatchObject({ stdout: '', exitCode: 0 });
    writeConfig(bench, { presence: quietNow('hold') });
    const held = await bench.hook(bash('ls'), { args: ['--deadline', '2s'] }).ended;
    expect(decisionIn(held.stdout).permissionDecisionReason).toContain('quiet hours are from');
    expect(bench.slack.messages()).toEqual([]);
    // A rule decides at any hour.
    writeConfig(bench, { presence: quietNow('fail'), rules: [{ decision: 'allow', tool: 'Bash', argument: 'ls' }] });
    expect(decisionIn((await bench.hook(bash('ls')).ended).stdout).permissionDecision).toBe('allow');
    await bench.until(() => bench.log().split('request closed').length > 5, 'the last end');
    expect(bench.slack.calls('chat.postMessage')).toEqual([]);
  }));

test('Gemini and Cursor are asked about where an unknown lock state would let the tool run', () =>
  withBench(async (bench) => {
    const args = ['--only-screen-lock', '--lock-command', 'exit 9', '--on-failure', 'deny'];
    const gemini = { hook_event_name: 'BeforeTool', tool_name: 'run_shell_command', tool_input: { command: 'ls' } };
    const cursor = { hook_event_name: 'beforeShellExecution', conversation_id: 'c', generation_id: 'g', command: 'ls' };
    for (const [agent, input] of Object.entries({ gemini, cursor })) {
      const stdin = { session_id: agent, cwd: '/', workspace_roots: ['/'], ...input };
      const { hook, card } = await bench.ask(stdin, { args: ['--agent', agent, ...args] });
      await bench.press(card, 'csh_deny');
      expect((await hook.ended).stdout).toContain('"deny"');
    }
  }));

test('who is at the keyboard is left in peace, and asked in Slack once they have gone', () =>
  withBench(async (bench) => {
    const desktop = { idleMs: 1_000n };
    await using bus = createFakeBus({
      serve: ({ member }) =>
        member === 'GetIdletime'
          ? { signature: 't', values: [desktop.idleMs] }
          : { error: 'org.freedesktop.DBus.Error.ServiceUnknown' },
    });
    writeConfig(bench, { presence: { idleAfter: '2s' }, lockCommand: 'exit 1' });
    const env = { DBUS_SESSION_BUS_ADDRESS: bus.address };
    // Without a prompt beside it the agent's own flow decides, and no daemon is needed.
    expect(await bench.hook(bash('ls'), { env }).ended).toMatchObject({ stdout: '', stderr: '', exitCode: 0 });
    expect(bench.daemons()).toEqual([]);
    const hook = bench.hook(payload('PermissionRequest.Bash'), { env });
    await bench.until(isAsked(bench), 'the question');
    expect(bench.slack.messages()).toEqual([]);
    desktop.idleMs = 2_000n;
    await bench.press(await cardOf(bench, bench.slack.user.id), 'csh_deny');
    expect(JSON.parse((await hook.ended).stdout).hookSpecificOutput.decision.behavior).toBe('deny');
    const away = await bench.ask(bash('ls'), { env });
    await bench.press(away.card, 'csh_deny');
    expect(decisionIn((await away.hook.ended).stdout).permissionDecision).toBe('deny');
  }));
