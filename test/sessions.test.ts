import { describe, expect, test } from 'bun:test';
import { claudeEvidence } from '../src/agents/claude-evidence.ts';
import { digestOf } from '../src/request.ts';
import { createSessions } from '../src/sessions.ts';
import type { ApprovalRequest, Decided, Evidence, HookInput, Offers, Outcome } from '../src/types.ts';
import { bash, makeRequest, PERMISSION, toolCall } from './channels/requests.ts';
import askedQuestions from './fixtures/claude-code/PermissionRequest.AskUserQuestion.json' with { type: 'json' };
import ranQuestions from './fixtures/claude-code/PostToolUse.AskUserQuestion.json' with { type: 'json' };

const QUESTIONS: Offers = { ...PERMISSION, form: 'questions' };
const STOP: Offers = { ...PERMISSION, form: 'stop' };
const allowed: Decided = { kind: 'allowed', by: 'U1', via: 'Slack', at: 30 };
const expired: Outcome = { kind: 'expired', reason: 'r', at: 100 };
const asked = (input: HookInput = bash('ls'), change: Partial<ApprovalRequest> = {}): ApprovalRequest =>
  makeRequest(input, { askedAt: 10, expiresAt: 100, digest: digestOf(input), ...change });
const ran = (input: HookInput, change: Partial<Evidence> = {}): Evidence => ({
  sessionId: input.session_id,
  agentId: undefined,
  kind: 'elsewhere',
  call: input,
  reason: 'r',
  run: { isOk: true },
  ...change,
});
const SESSION = bash('ls').session_id;

describe('a call that was refused or changed here', () => {
  const denied: Decided = { ...allowed, kind: 'denied' };
  const goneOn = (change: Partial<Evidence> = {}): Evidence => ({
    ...{ sessionId: SESSION, agentId: undefined, kind: 'unknown', reason: 'r' },
    ...change,
  });

  test('and runs all the same was approved at the prompt before: that is told, once', () => {
    for (const outcome of [denied, { ...allowed, updatedInput: { command: 'ls -a' } }]) {
      const sessions = createSessions();
      const request = asked();
      sessions.ended(request, outcome);
      expect(sessions.ran(ran(bash('ls')))).toMatchObject({ request, outcome, isContradicted: true });
      expect(sessions.ran(ran(bash('ls')))).toBeUndefined();
    }
  });

  test('is not what runs after the agent has gone on, or after the same was asked and decided again', () => {
    const sessions = createSessions();
    sessions.ended(asked(), denied);
    expect(sessions.ran(goneOn())).toBeUndefined();
    expect(sessions.ran(ran(bash('ls')))).toBeUndefined();
    sessions.ended(asked(), denied);
    const again = asked();
    sessions.ended(again, allowed);
    expect(sessions.ran(ran(bash('ls')))).toMatchObject({ request: { id: again.id }, isContradicted: false });
    expect(sessions.ran(ran(bash('ls')))).toBeUndefined();
  });

  test('of another agent stays in doubt when one has gone on, and one without a prompt never is', () => {
    const sessions = createSessions();
    const request = asked({ ...bash('ls'), agent_id: 'sub' });
    sessions.ended(request, denied);
    sessions.ran(goneOn());
    expect(sessions.ran(ran(bash('ls'), { agentId: 'sub' }))).toMatchObject({ isContradicted: true });
    sessions.ended(asked({ ...bash('ls'), hook_event_name: 'PreToolUse' }), denied);
    expect(sessions.ran(ran(bash('ls')))).toBeUndefined();
  });
});

describe('a run', () => {
  test('is that of the approved call, and told once', () => {
    const sessions = createSessions();
    const request = asked();
    sessions.ended(request, allowed);
    expect(sessions.ran(ran(bash('ls -a')))).toBeUndefined();
    expect(sessions.ran(ran(bash('ls')))).toEqual({
      ...{ request, outcome: allowed, run: { isOk: true }, isContradicted: false },
    });
    expect(sessions.ran(ran(bash('ls')))).toBeUndefined();
  });

  test('of one of two equal calls is that of the first', () => {
    const sessions = createSessions();
    const requests = [asked(), asked()];
    for (const request of requests) sessions.ended(request, allowed);
    expect(requests.map(() => sessions.ran(ran(bash('ls')))?.request.id)).toEqual(requests.map(({ id }) => id));
  });

  test.each([
    ['another session', ran({ ...bash('ls'), session_id: 'other' })],
    ['a subagent', ran(bash('ls'), { agentId: 'sub' })],
    ['no call', { sessionId: SESSION, agentId: undefined, kind: 'unknown', reason: 'r', run: { isOk: true } } as const],
  ])('of %s is not it', (_name, evidence) => {
    const sessions = createSessions();
    sessions.ended(asked(), allowed);
    expect(sessions.ran(evidence)).toBeUndefined();
  });

  test('without a result is not told of', () => {
    const sessions = createSessions();
    sessions.ended(asked(), allowed);
    const { run: _run, ...denied } = ran(bash('ls'));
    expect(sessions.ran(denied)).toBeUndefined();
    expect(sessions.ran(ran(bash('ls')))).toBeDefined();
  });

  test('of what was not approved is not told of', () => {
    const sessions = createSessions();
    sessions.ended(asked(), expired);
    expect(sessions.ran(ran(bash('ls')))).toBeUndefined();
  });

  test('is that of the changed call, where a person changed it', () => {
    const sessions = createSessions();
    sessions.ended(asked(), { ...allowed, updatedInput: { command: 'ls -a' } });
    expect(sessions.ran(ran(bash('ls -a')))).toMatchObject({ isContradicted: false });
    expect(sessions.ran(ran(bash('ls')))).toBeUndefined();
  });

  test('of questions is recognised by the questions, whatever the answers were', () => {
    const sessions = createSessions();
    const input: HookInput = askedQuestions;
    const updatedInput = { ...input.tool_input, answers: { 'Which database should the shop use?': 'SQLite' } };
    sessions.ended(asked(input, { offers: QUESTIONS }), { ...allowed, updatedInput });
    const evidence = claudeEvidence(ranQuestions);
    if (evidence === undefined) throw new Error('a PostToolUse is evidence');
    expect(sessions.ran(evidence)?.run).toEqual({ isOk: true, tookMs: 0 });
  });

  test('of a call approved long ago, with fifty after it, is forgotten', () => {
    const sessions = createSessions();
    for (let index = 0; index <= 50; index += 1) sessions.ended(asked(bash(`run ${index}`)), allowed);
    expect(sessions.ran(ran(bash('run 0')))).toBeUndefined();
    expect(sessions.ran(ran(bash('run 1')))).toBeDefined();
  });
});

describe('the summary of a session', () => {
  const end = (outcome: Outcome) => {
    const sessions = createSessions();
    sessions.asked(asked());
    sessions.ended(asked(), outcome);
    return sessions.finish(SESSION);
  };

  test.each([
    [allowed, 'approved', 20],
    [{ ...allowed, kind: 'denied' }, 'denied', 20],
    [{ ...expired, kind: 'elsewhere' }, 'elsewhere', 90],
    [expired, 'unanswered', 90],
    [{ ...expired, kind: 'unknown' }, 'unanswered', 90],
    [{ ...expired, kind: 'withdrawn' }, 'unanswered', 90],
    [{ ...expired, kind: 'stopped' }, 'unanswered', 90],
    [{ ...expired, kind: 'undeliverable' }, 'unanswered', 90],
    [{ ...allowed, rule: 'rules[0]' }, 'automatic', 0],
    [{ ...allowed, kind: 'denied', rule: 'rules[0]' }, 'automatic', 0],
  ] as const)('counts %j as %s', (outcome, key, waitedMs) => {
    const zero = { approved: 0, denied: 0, elsewhere: 0, unanswered: 0, automatic: 0 };
    expect(end(outcome)).toEqual({ sessionId: SESSION, asked: 1, ...zero, [key]: 1, waitedMs });
  });

  test('is of that session alone, and given once', () => {
    const sessions = createSessions();
    sessions.asked(asked());
    sessions.asked(asked({ ...bash('ls'), session_id: 'other' }));
    sessions.asked(asked());
    expect(sessions.finish(SESSION)?.asked).toBe(2);
    expect(sessions.finish(SESSION)).toBeUndefined();
    expect(sessions.finish('other')?.asked).toBe(1);
  });

  test('leaves out the waits for a reply, and is none without a question', () => {
    const sessions = createSessions();
    const stop = asked(toolCall('', {}), { offers: STOP });
    sessions.asked(stop);
    sessions.ended(stop, { ...allowed, kind: 'denied', reason: 'Go on.' });
    expect(sessions.finish(SESSION)).toBeUndefined();
    expect(sessions.finish('never seen')).toBeUndefined();
  });

  test('is kept of the two hundred sessions seen last', () => {
    const sessions = createSessions();
    const of = (index: number) => asked({ ...bash('ls'), session_id: `s${index}` });
    for (let index = 0; index < 200; index += 1) sessions.asked(of(index));
    sessions.asked(of(0));
    sessions.asked(of(200));
    expect(sessions.finish('s1')).toBeUndefined();
    expect(sessions.finish('s0')?.asked).toBe(2);
    expect(sessions.finish('s200')?.asked).toBe(1);
  });
});

describe('replies in a row', () => {
  const reply: Outcome = { ...allowed, kind: 'denied', reason: 'Go on.' };
  const stop = asked(toolCall('', {}), { offers: STOP });

  test('grow with each reply, and begin anew when the agent is left to stop or a person speaks', () => {
    for (const over of [allowed, expired]) {
      const sessions = createSessions();
      sessions.ended(stop, reply);
      sessions.ended(stop, reply);
      expect(sessions.repliesInARow(SESSION)).toBe(2);
      sessions.ended(stop, over);
      expect(sessions.repliesInARow(SESSION)).toBe(0);
    }
    const sessions = createSessions();
    sessions.ended(stop, reply);
    sessions.endRow(SESSION);
    sessions.endRow('never seen');
    expect(sessions.repliesInARow(SESSION)).toBe(0);
  });

  test('are not ended by what the agent asks in between', () => {
    const sessions = createSessions();
    sessions.ended(stop, reply);
    sessions.asked(asked());
    sessions.ended(asked(), allowed);
    expect(sessions.repliesInARow(SESSION)).toBe(1);
  });
});

test('a large input is not kept for the sake of its run', () => {
  const sessions = createSessions();
  const input = bash('x'.repeat(50_000));
  const request = asked(input);
  sessions.ended(request, { ...allowed, updatedInput: { command: 'y'.repeat(50_000) } });
  const told = sessions.ran(ran(bash('y'.repeat(50_000))));
  expect(told).toMatchObject({ request: { id: request.id }, isContradicted: false });
  expect(JSON.stringify(told).length).toBeLessThan(5_000);
});
