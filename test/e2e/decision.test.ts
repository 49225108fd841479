import { expect, test } from 'bun:test';
import { hasButtons, payload, ROOM, textOf, withBench } from './bench.ts';
import { closedCard } from './cards.ts';

test('approving a PermissionRequest allows exactly what was asked, and the message then says who approved', () =>
  withBench(async ({ ask, press, slack }) => {
    const input = payload('PermissionRequest.Bash');
    const { hook, card } = await ask(input);
    expect(textOf(card)).toContain('mkdir -p dist && echo built > dist/out.txt');
    await press(card, 'csh_approve');
    expect(await hook.ended).toMatchObject({
      stdout: `${JSON.stringify({ hookSpecificOutput: { hookEventName: 'PermissionRequest', decision: { behavior: 'allow', updatedInput: input.tool_input } } })}\n`,
      stderr: '',
      exitCode: 0,
    });
    const closed = await closedCard({ slack }, card);
    expect(textOf(closed)).toContain('mkdir -p dist && echo built > dist/out.txt');
    expect(textOf(closed)).toContain(slack.user.id);
  }));

test('denying a PermissionRequest denies it', () =>
  withBench(async ({ ask, press, slack }) => {
    const { hook, card } = await ask(payload('PermissionRequest.Bash'));
    await press(card, 'csh_deny');
    const { stdout } = await hook.ended;
    expect(JSON.parse(stdout)).toEqual({
      hookSpecificOutput: {
        hookEventName: 'PermissionRequest',
        decision: { behavior: 'deny', message: `Denied by ${slack.user.id} in Slack` },
      },
    });
  }));

test('denying a PreToolUse denies it in the shape that Claude Code honours', () =>
  withBench(async ({ ask, press, slack }) => {
    const { hook, card } = await ask(payload('PreToolUse.Edit'));
    await press(card, 'csh_deny');
    const { stdout } = await hook.ended;
    expect(JSON.parse(stdout)).toEqual({
      hookSpecificOutput: {
        hookEventName: 'PreToolUse',
        permissionDecision: 'deny',
        permissionDecisionReason: `Denied by ${slack.user.id} in Slack`,
      },
    });
  }));

test('events that ask nothing print nothing and start no daemon', () =>
  withBench(async ({ hook, daemons, slack }) => {
    for (const name of [
      'Stop',
      'Notification.permission_prompt',
      'SessionStart.startup',
      'PostToolUse.Bash',
      'UserPromptSubmit',
    ]) {
      expect(await hook(payload(name)).ended).toMatchObject({ stdout: '', stderr: '', exitCode: 0 });
    }
    expect(daemons()).toEqual([]);
    expect(slack.calls()).toEqual([]);
  }));

test('a click of anybody else is refused with a note that only they see, and the request stays', () =>
  withBench(async ({ ask, press, slack, decisions }) => {
    const { hook, card } = await ask(payload('PreToolUse.Bash'));
    await press(card, 'csh_approve', slack.otherUser.id);
    const note = await slack.waitForMessage(({ ephemeralFor }) => ephemeralFor === slack.otherUser.id);
    expect(JSON.stringify(note)).not.toContain('echo built');
    expect(hasButtons(slack.messages().find(({ ts }) => ts === card.ts) ?? card)).toBe(true);
    await press(card, 'csh_deny');
    expect((await hook.ended).stdout).toContain('"deny"');
    expect(decisions().map(({ type }) => type)).toEqual(['asked', 'refused', 'ended']);
  }));

test('a second click changes nothing and is answered with a note', () =>
  withBench(async ({ ask, press, slack }) => {
    const { hook, card } = await ask(payload('PreToolUse.Bash'));
    // Slack is slow to take the edit, so that the buttons are still there for the second press.
    slack.fault('chat.update', { kind: 'delay', ms: 500, effect: 'after' });
    await press(card, 'csh_deny');
    await press(card, 'csh_approve');
    expect((await hook.ended).stdout).toContain('"deny"');
    await slack.waitForMessage(({ ephemeralFor }) => ephemeralFor === slack.user.id);
    const closed = await closedCard({ slack }, card);
    expect(textOf(closed)).toMatch(/denied/i);
  }));

test('the decision does not wait for the message to be edited', () =>
  withBench(async ({ ask, press, slack }) => {
    const { hook, card } = await ask(payload('PreToolUse.Bash'));
    slack.fault('chat.update', { kind: 'hang' }, Number.POSITIVE_INFINITY);
    await press(card, 'csh_approve');
    expect((await hook.ended).stdout).toContain('"allow"');
    expect(hasButtons(slack.messages().find(({ ts }) => ts === card.ts) ?? card)).toBe(true);
  }));

test.each([
  ['[P22]', 'SIGKILL', 128 + 9],
  ['[P23]', 'SIGTERM', 2],
  ['[P23]', 'SIGINT', 2],
  ['[P23]', 'SIGHUP', 2],
] as const)(
  '%s a hook that gets %s has its card withdrawn at once, blocks its call, and a press that comes later hears that it is over',
  (_case, signal, exitCode) =>
    withBench(async ({ ask, slack, decisions }) => {
      const { hook, card } = await ask(payload('PreToolUse.Bash'));
      hook.kill(signal);
      const closed = await closedCard({ slack }, card, 1_000 * ROOM);
      expect(textOf(closed)).toContain('Withdrawn');
      expect(await hook.ended).toMatchObject({ stdout: '', exitCode });
      // By a Slack that has not drawn the card anew yet.
      await slack.click({ channel: card.channel, ts: card.ts, actionId: 'csh_approve', stale: true });
      const notice = await slack.waitForMessage(({ ephemeralFor }) => ephemeralFor === slack.user.id);
      expect(notice.text).toStartWith('Nothing was decided: this request is over');
      expect(slack.messages().find(({ ts }) => ts === card.ts)).toEqual(closed);
      expect(decisions()).toMatchObject([
        { type: 'asked' },
        { type: 'ended', kind: 'withdrawn' },
        { type: 'refused', verdict: 'closed' },
      ]);
    }),
);

test('a hook that is stopped by a signal says nothing to a PermissionRequest', () =>
  withBench(async ({ ask }) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      const request = await ask(payload('PermissionRequest.Bash'));
      request.hook.kill(signal);
      expect(await request.hook.ended).toMatchObject({ stdout: '', stderr: '', exitCode: 0 });
    }
  }));

test('[P30] a request that nobody answers ends in the failure answer at its deadline, the card says expired, and a press that comes later hears so', () =>
  withBench(async ({ ask, slack, decisions }) => {
    const { hook, card } = await ask(payload('PreToolUse.Bash'), { args: ['--deadline', '2s'] });
    const { stdout, tookMs } = await hook.ended;
    expect(JSON.parse(stdout).hookSpecificOutput).toMatchObject({ permissionDecision: 'ask' });
    expect(tookMs).toBeGreaterThan(1_900);
    // What is left of the agent's own timeout by default is 30 s.
    expect(tookMs).toBeLessThan(2_000 * ROOM);
    const closed = await closedCard({ slack }, card);
    expect(textOf(closed)).toContain('Expired');
    await slack.click({ channel: card.channel, ts: card.ts, actionId: 'csh_approve', stale: true });
    const notice = await slack.waitForMessage(({ ephemeralFor }) => ephemeralFor === slack.user.id);
    expect(notice.text).toBe('Nothing was decided: this request has expired.');
    expect(decisions().at(-1)).toMatchObject({ type: 'refused', verdict: 'expired' });
  }));

test('[S13] another --user-id of a later hook gets that hook’s card, and the first one’s stays as it is', () =>
  withBench(async ({ ask, press, slack }) => {
    const first = await ask(payload('PreToolUse.Bash'));
    const second = await ask(payload('PreToolUse.Bash'), { args: ['--user-id', slack.otherUser.id] });
    expect(second.card.channel).not.toBe(first.card.channel);
    expect(slack.messages().find(({ ts }) => ts === first.card.ts)).toEqual(first.card);
    // Who was asked about the one has no say in the other.
    await press(first.card, 'csh_approve', slack.otherUser.id);
    await slack.waitForMessage(({ ephemeralFor }) => ephemeralFor === slack.otherUser.id);
    await press(second.card, 'csh_approve', slack.user.id);
    await slack.waitForMessage(({ ephemeralFor }) => ephemeralFor === slack.user.id);
    await press(second.card, 'csh_deny', slack.otherUser.id);
    await press(first.card, 'csh_approve');
    expect((await second.hook.ended).stdout).toContain('"deny"');
    expect((await first.hook.ended).stdout).toContain('"allow"');
  }));

test('a program that speaks the plain protocol gets one line of output for one line of input', () =>
  withBench(async ({ ask, press, slack, socketDir }) => {
    const { hook, card } = await ask(payload('PreToolUse.Bash'));
    const answer = Promise.withResolvers<string>();
    const socket = await Bun.connect({
      unix: `${socketDir}/approval.sock`,
      socket: { data: (_socket, chunk) => answer.resolve(chunk.toString()) },
    });
    socket.write(`${JSON.stringify(payload('PermissionRequest.Edit'))}\n`);
    const plain = await slack.waitForMessage((message) => message.ts !== card.ts && hasButtons(message));
    await press(plain, 'csh_deny');
    expect(JSON.parse(await answer.promise).hookSpecificOutput.decision).toMatchObject({ behavior: 'deny' });
    socket.end();
    await press(card, 'csh_deny');
    await hook.ended;
  }));

test('the demo plays its three scenes by itself and says each decision', () =>
  withBench(async ({ run, home }) => {
    const { stdout, exitCode } = await run(['demo', '--auto'], { env: { TMPDIR: home } });
    expect(stdout.match(/decision: \w+/g)).toEqual(['decision: allow', 'decision: deny', 'decision: allow']);
    expect(exitCode).toBe(0);
  }));

test('a request that was answered at the terminal is closed by what the agent does next, and only by that', () =>
  withBench(async ({ ask, hook, slack, press }) => {
    const asked = payload('PermissionRequest.Bash');
    const { session_id, tool_name, tool_input } = asked;
    const ran = (change: Record<string, unknown>) =>
      hook(payload('PostToolUse.Bash', { session_id, tool_name, tool_input, agent_id: undefined, ...change })).ended;
    // The other way round the next tool call would tell that the first one is over.
    const gate = await ask(payload('PreToolUse.Bash', { session_id, tool_name, tool_input }));
    const pending = await ask(asked, { args: ['--user-id', slack.otherUser.id] });
    for (const other of [
      { session_id: 'other' },
      { tool_input: { command: 'ls' } },
      { agent_id: 'sub' },
      { tool_name: 'Write' },
    ]) {
      expect(await ran(other)).toMatchObject({ stdout: '', stderr: '', exitCode: 0 });
    }
    expect(hasButtons(slack.messages().find(({ ts }) => ts === pending.card.ts) ?? pending.card)).toBe(true);
    expect(await ran({})).toMatchObject({ stdout: '', stderr: '', exitCode: 0 });
    const closed = await closedCard({ slack }, pending.card);
    expect(textOf(closed)).toContain('Approved at the terminal; it has run.');
    expect(textOf(closed)).toContain('Answered at the terminal: Bash');
    expect(await pending.hook.ended).toMatchObject({ stdout: '', exitCode: 0 });
    // A PreToolUse has no prompt at the terminal: it still waits for its own answer.
    await press(gate.card, 'csh_deny');
    expect((await gate.hook.ended).stdout).toContain('"deny"');
  }));

test('the end of a turn or of the session closes what is left of it as unknown', () =>
  withBench(async ({ ask, hook, slack }) => {
    for (const name of ['Stop', 'UserPromptSubmit', 'SessionEnd.prompt_input_exit']) {
      const asked = payload('PermissionRequest.Bash');
      const { card } = await ask(asked);
      await hook(payload(name, { session_id: asked.session_id })).ended;
      const closed = await closedCard({ slack }, card);
      expect(textOf(closed)).toContain('Outcome unknown: Bash');
    }
  }));

const reasonOf = (text: string, isStop = false) => ({
  csh_reason_text: { csh_input: { type: 'plain_text_input', value: text } },
  csh_reason_stop: { csh_input: { type: 'checkboxes', selected_options: isStop ? [{ value: 'interrupt' }] : [] } },
});

test('a denial with a reason tells the model that reason word for word, and may stop the turn of a PermissionRequest', () =>
  withBench(async ({ ask, slack }) => {
    const { hook, card } = await ask(payload('PermissionRequest.Bash'));
    await slack.click({ channel: card.channel, ts: card.ts, actionId: 'csh_deny_reason' });
    const { id } = await slack.waitForView(() => true);
    await slack.submitView({ viewId: id, values: reasonOf('Use `npm run build`,\nnot <this> & that.', true) });
    expect(JSON.parse((await hook.ended).stdout).hookSpecificOutput.decision).toEqual({
      behavior: 'deny',
      message: 'Use `npm run build`,\nnot <this> & that.',
      interrupt: true,
    });
    const closed = await closedCard({ slack }, card);
    expect(textOf(closed)).toContain('not <this> & that.');
    expect(slack.views()).toEqual([]);
  }));

test('a PreToolUse cannot stop the turn, so its form does not offer it', () =>
  withBench(async ({ ask, slack }) => {
    const { hook, card } = await ask(payload('PreToolUse.Bash'));
    await slack.click({ channel: card.channel, ts: card.ts, actionId: 'csh_deny_reason' });
    const { id, view } = await slack.waitForView(() => true);
    expect(JSON.stringify(view)).not.toContain('csh_reason_stop');
    await slack.submitView({ viewId: id, values: { csh_reason_text: reasonOf('Not now.').csh_reason_text } });
    expect(JSON.parse((await hook.ended).stdout).hookSpecificOutput).toMatchObject({
      permissionDecision: 'deny',
      permissionDecisionReason: 'Not now.',
    });
  }));

test('a reason that comes too late, or from somebody else, is refused in the form and decides nothing', () =>
  withBench(async ({ ask, press, slack }) => {
    const { hook, card } = await ask(payload('PermissionRequest.Bash'));
    const target = { channel: card.channel, ts: card.ts, actionId: 'csh_deny_reason' };
    await slack.click({ ...target, userId: slack.otherUser.id });
    await slack.waitForMessage(
      ({ ephemeralFor, text }) => ephemeralFor === slack.otherUser.id && text.includes('only the people'),
    );
    expect(slack.views()).toEqual([]);
    await slack.click(target);
    const late = await slack.waitForView(({ userId }) => userId === slack.user.id);
    await press(card, 'csh_approve');
    expect((await hook.ended).stdout).toContain('"allow"');
    await slack.submitView({ viewId: late.id, values: reasonOf('no') });
    expect(JSON.stringify(slack.views().find(({ id }) => id === late.id)?.errors)).toContain('already been answered');
  }));
