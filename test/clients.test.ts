import { describe, expect, test } from 'bun:test';
import { AGENTS } from '../src/agents/agent.ts';
import { WITNESSES } from '../src/agents/evidence.ts';
import type { Ruling } from '../src/approvals.ts';
import { type Clients, type ClientsOptions, createClients, type Policy } from '../src/clients.ts';
import { AppError } from '../src/errors.ts';
import type { Peer } from '../src/listener.ts';
import { BEAT_MS, type ClientNote, encodeRequest, PROTOCOL_VERSION } from '../src/protocol.ts';
import { encodeAway, encodeEvent, encodeReply, encodeStatusQuery } from '../src/protocol-daemon.ts';
import type { ApprovalRequest, Evidence, HookInput, Outcome } from '../src/types.ts';
import { bash, toolCall } from './channels/requests.ts';

const note: ClientNote = { protocol: PROTOCOL_VERSION, agent: 'claude', approvers: [], waitMs: 5_000, app: 'app' };
const stop: HookInput = { hook_event_name: 'Stop', session_id: 's', cwd: '/', stop_hook_active: true };
const allowed: Outcome = { kind: 'allowed', by: 'U1', via: 'Slack', at: 1 };
const NO_POLICY: Policy = {
  approversFor: () => undefined,
  needed: () => 1,
  rule: () => undefined,
  restricts: () => false,
};

interface Line {
  readonly peer: Peer;
  readonly sent: string[];
  readonly isEnded: () => boolean;
  readonly isWaiting: () => boolean;
}

function line(): Line {
  const sent: string[] = [];
  let isEnded = false;
  let isWaiting = false;
  const peer: Peer = {
    send: (text) => sent.push(text),
    end: () => {
      isEnded = true;
    },
    offer: (text) => sent.push(text),
    setWaiting: (given) => {
      isWaiting = given;
    },
  };
  return { peer, sent, isEnded: () => isEnded, isWaiting: () => isWaiting };
}

interface Office {
  readonly clients: Clients;
  readonly asked: { readonly request: ApprovalRequest; readonly ruling: Ruling | undefined }[];
  readonly observed: Evidence[];
  readonly withdrawn: string[];
  /** What happened, in order. */
  readonly log: string[];
}

function office(options: Partial<ClientsOptions> = {}): Office {
  const asked: Office['asked'] = [];
  const observed: Evidence[] = [];
  const withdrawn: string[] = [];
  const log: string[] = [];
  const clients = createClients({
    agents: AGENTS,
    recognise: () => 'claude',
    witnesses: WITNESSES,
    app: 'app',
    approvers: ['U0DAEMON'],
    waitMs: 60_000,
    status: () => ({
      ...{ pid: 1, version: '0', startedAt: 1, pending: [], grants: [] },
      ...{ slack: { state: 'connected', connections: 1 }, apiUrl: '', logFile: '', auditFile: '' },
    }),
    policy: NO_POLICY,
    repliesInARow: () => 0,
    nonceOf: (id) => `nonce of ${id}`,
    greet: (challenge) => ({ proof: `proof of ${challenge}`, version: '1', app: 'app' }),
    retire: () => log.push('retire'),
    ask: (request, ruling, isHere) => {
      asked.push({ request, ruling });
      log.push(isHere ? 'ask, here' : 'ask');
    },
    away: () => log.push('away'),
    withdraw: (id) => withdrawn.push(id),
    observe: (evidence) => {
      observed.push(evidence);
      log.push(`observe ${evidence.kind}`);
    },
    onChange: () => {},
    logger: { warn: () => {} },
    ...options,
  });
  return { clients, asked, observed, withdrawn, log };
}
const own = (input: HookInput, change: Partial<ClientNote> = {}): string =>
  encodeRequest(JSON.stringify(input), { ...note, ...change });
/** What our own client is answered, without the key around it. */
const replyOf = ({ sent }: Line): Record<string, unknown> => JSON.parse(sent.at(-1) ?? '{}').claude_slack_hook;

describe('a client of ours', () => {
  test('waits for the outcome of its request, and gets it', () => {
    const { clients, asked } = office();
    const one = line();
    clients.onLine(one.peer, own(bash('ls'), { secrets: ['hunter2hunter2'] }));
    expect(one.isWaiting()).toBe(true);
    expect(clients.waiting()).toBe(1);
    const { request } = asked[0] ?? {};
    expect(request).toMatchObject({ input: bash('ls'), agent: 'claude', secrets: ['hunter2hunter2'], needed: 1 });
    expect((request?.expiresAt ?? 0) - (request?.askedAt ?? 0)).toBe(5_000);
    clients.onOutcome(request?.id ?? '', allowed);
    expect(replyOf(one)).toEqual({ type: 'outcome', outcome: allowed });
    expect(one.isWaiting()).toBe(false);
    expect(clients.waiting()).toBe(0);
  });

  test('that wants beats gets one at once and more while it waits, on one connection one for all', () => {
    const { clients, asked } = office();
    const [one, plain, older] = [line(), line(), line()];
    for (const command of ['ls', 'pwd']) clients.onLine(one.peer, own(bash(command), { beats: true }));
    clients.onLine(older.peer, own(bash('ls')));
    clients.onLine(plain.peer, JSON.stringify(bash('ls')));
    const beat = encodeReply({ type: 'beat' });
    expect(one.sent).toEqual([beat, beat]);
    clients.beat();
    expect(one.sent).toEqual([beat, beat, beat]);
    expect([...older.sent, ...plain.sent]).toEqual([]);
    for (const { request } of asked) clients.onOutcome(request.id, allowed);
    const count = one.sent.length;
    clients.beat();
    expect(one.sent).toHaveLength(count);
  });

  test('hears that the daemon lives while that has a lot to write down, too', () => {
    let time = 0;
    const slow = (): void => {
      time += BEAT_MS / 4;
    };
    const { clients, asked } = office({ elapsed: () => time, withdraw: slow });
    const [one, many] = [line(), line()];
    clients.onLine(one.peer, own(bash('ls'), { beats: true }));
    for (let count = 0; count < 9; count += 1) clients.onLine(many.peer, own(bash('ls')));
    const heard = one.sent.length;
    clients.onGone(many.peer);
    expect(one.sent.length - heard).toBe(2);
    time += BEAT_MS;
    clients.onOutcome(asked.at(-1)?.request.id ?? '', allowed);
    expect(one.sent.length - heard).toBe(3);
  });

  test('gets its own outcome when several wait on one connection', () => {
    const { clients, asked } = office();
    const one = line();
    for (const command of ['ls', 'pwd']) clients.onLine(one.peer, own(bash(command)));
    clients.onOutcome(asked[1]?.request.id ?? '', allowed);
    expect(one.isWaiting()).toBe(true);
    clients.onOutcome(asked[1]?.request.id ?? '', allowed);
    expect(one.sent).toHaveLength(1);
    clients.onOutcome(asked[0]?.request.id ?? '', allowed);
    expect(one.isWaiting()).toBe(false);
  });

  test('whose person leaves the keyboard says so of its own requests only', () => {
    const { clients, asked, log } = office();
    const one = line();
    clients.onLine(one.peer, own(bash('ls'), { isHere: true }));
    const id = asked[0]?.request.id ?? '';
    clients.onLine(line().peer, encodeAway(id));
    clients.onLine(one.peer, encodeAway('another'));
    expect(log).toEqual(['ask, here']);
    clients.onLine(one.peer, encodeAway(id));
    expect(log).toEqual(['ask, here', 'away']);
  });

  test('that goes away withdraws all that it has asked, and nothing of others', () => {
    const { clients, asked, withdrawn } = office();
    const [one, other] = [line(), line()];
    for (const command of ['ls', 'pwd']) clients.onLine(one.peer, own(bash(command)));
    clients.onLine(other.peer, own(bash('id')));
    clients.onGone(one.peer);
    clients.onGone(one.peer);
    expect(withdrawn).toEqual(asked.slice(0, 2).map(({ request }) => request.id));
    expect(clients.waiting()).toBe(1);
    clients.onOutcome(asked[0]?.request.id ?? '', allowed);
    expect(one.sent).toEqual([]);
  });

  test('of another Slack app is refused', () => {
    const { clients, asked } = office();
    const one = line();
    clients.onLine(one.peer, own(bash('ls'), { app: 'other' }));
    expect(replyOf(one)).toMatchObject({ type: 'error', code: 'daemon-mismatch' });
    expect(asked).toEqual([]);
  });

  test('is refused from the moment that the daemon stops', () => {
    const { clients } = office();
    clients.refuseNew();
    const one = line();
    clients.onLine(one.peer, own(bash('ls')));
    expect(replyOf(one)).toMatchObject({ type: 'error', code: 'daemon-stopping' });
  });

  test('is refused when more wait than people can answer', () => {
    const { clients, asked } = office();
    for (let index = 0; index < 500; index += 1) clients.onLine(line().peer, own(bash(`run ${index}`)));
    const one = line();
    clients.onLine(one.peer, own(bash('one more')));
    expect(replyOf(one)).toMatchObject({ type: 'error', code: 'too-many' });
    expect(asked).toHaveLength(500);
  });

  test('of broken lines is told and let go, but not while it waits for an outcome', () => {
    const { clients } = office();
    const one = line();
    clients.onLine(one.peer, own(bash('ls')));
    clients.onLine(one.peer, 'GET / HTTP/1.1');
    expect(replyOf(one)).toMatchObject({ type: 'error', code: 'protocol' });
    expect(one.isEnded()).toBe(false);
    const other = line();
    clients.onLine(other.peer, 'GET / HTTP/1.1');
    expect(other.isEnded()).toBe(true);
  });

  test('gets the status', () => {
    const { clients } = office();
    const one = line();
    clients.onLine(one.peer, encodeStatusQuery());
    expect(replyOf(one)).toMatchObject({ type: 'status', status: { pid: 1, grants: [] } });
  });
});

describe('any other program', () => {
  test('gets what the agent would read', () => {
    const { clients, asked } = office();
    const one = line();
    clients.onLine(one.peer, JSON.stringify(bash('ls')));
    expect(asked[0]?.request).toMatchObject({ approvers: ['U0DAEMON'], secrets: [] });
    clients.onOutcome(asked[0]?.request.id ?? '', allowed);
    expect(JSON.parse(one.sent[0] ?? '')).toMatchObject({
      hookSpecificOutput: { hookEventName: 'PermissionRequest', decision: { behavior: 'allow' } },
    });
  });

  test('gets an empty object for no decision, and for an event that asks nothing', () => {
    const { clients, asked } = office();
    const one = line();
    clients.onLine(one.peer, JSON.stringify(bash('ls')));
    clients.onOutcome(asked[0]?.request.id ?? '', { kind: 'expired', reason: 'r', at: 1 });
    clients.onLine(one.peer, JSON.stringify({ ...bash('ls'), hook_event_name: 'Notification' }));
    expect(one.sent).toEqual(['{}\n', '{}\n']);
  });

  test('does not wait for a reply to a stop that it tells of', () => {
    const { clients, asked, observed } = office();
    const one = line();
    clients.onLine(one.peer, JSON.stringify(stop));
    expect(one.sent).toEqual(['{}\n']);
    expect(asked).toEqual([]);
    expect(observed).toMatchObject([{ sessionId: 's', kind: 'unknown' }]);
  });
});

describe('an event that is only told of', () => {
  test('asks nobody, also when its kind would otherwise ask', () => {
    const { clients, asked, observed } = office();
    const one = line();
    for (const event of ['PreToolUse', 'PermissionRequest', 'PostToolUse', 'Stop', 'Notification']) {
      clients.onLine(one.peer, encodeEvent({ ...bash('ls'), hook_event_name: event }, 'claude'));
    }
    expect(asked).toEqual([]);
    expect(one.sent).toEqual(Array.from({ length: 5 }, () => '{}\n'));
    expect(observed.map(({ reason }) => reason)).toEqual([
      'The agent has gone on to its next tool call.',
      'Approved at the terminal; it has run.',
      'The agent has ended its turn without this answer.',
    ]);
    expect(one.isWaiting()).toBe(false);
  });
});

describe('a stop', () => {
  test('of our own client asks for a reply, with how many there were, after it was taken note of', () => {
    const { clients, asked, log } = office({ repliesInARow: (sessionId) => (sessionId === 's' ? 3 : 0) });
    clients.onLine(line().peer, own(stop));
    expect(asked[0]?.request).toMatchObject({ offers: { form: 'stop' }, replies: { inARow: 3, left: 5 }, needed: 1 });
    expect(log).toEqual(['observe unknown', 'ask']);
  });

  test('is sent on in the words of the reply', () => {
    const { clients, asked } = office();
    const one = line();
    clients.onLine(one.peer, own(stop));
    const outcome: Outcome = { kind: 'denied', by: 'U1', via: 'Slack', at: 1, reason: 'Now the tests.' };
    clients.onOutcome(asked[0]?.request.id ?? '', outcome);
    expect(replyOf(one)).toEqual({ type: 'outcome', outcome });
  });

  test('and questions are no business of the rules', () => {
    const policy: Policy = { ...NO_POLICY, rule: fail, needed: fail };
    const { clients, asked } = office({ policy });
    const questions = toolCall('AskUserQuestion', { questions: [] });
    for (const input of [stop, questions]) clients.onLine(line().peer, own(input));
    expect(asked.map(({ ruling }) => ruling)).toEqual([undefined, undefined]);
    expect(asked.map(({ request }) => request.needed)).toEqual([1, 1]);
  });
});

function fail(): never {
  throw new AppError('bad-config', 'Expected rules in config.json to be a list, got a number');
}

describe('the policy', () => {
  const rule = { decision: 'deny', rule: 'rules[0]', reason: 'House rule.' } as const;

  test('is asked about permissions and plans, and its ruling goes along', () => {
    const { clients, asked } = office({ policy: { ...NO_POLICY, rule: () => rule } });
    for (const input of [bash('ls'), toolCall('ExitPlanMode', { plan: 'x' })]) clients.onLine(line().peer, own(input));
    expect(asked.map(({ ruling }) => ruling)).toEqual([rule, rule]);
  });

  test('that a person must look takes away every way around that', () => {
    const { clients, asked } = office({
      policy: { ...NO_POLICY, rule: () => ({ decision: 'ask', rule: 'rules[1]' }) },
    });
    clients.onLine(line().peer, own(bash('ls')));
    expect(asked[0]?.request.offers).toMatchObject({ form: 'permission', edit: true, grant: false, always: false });
  });

  test.each([
    ['rule', { rule: fail }],
    ['number of people', { needed: fail }],
    ['approvers', { approversFor: fail }],
  ])('whose %s cannot be read is an error to the client, with its code, and nobody is asked', (_name, broken) => {
    const { clients, asked } = office({ policy: { ...NO_POLICY, ...broken } });
    const one = line();
    clients.onLine(one.peer, own(bash('ls')));
    expect(replyOf(one)).toMatchObject({ type: 'error', code: 'bad-config' });
    expect(String(replyOf(one).message)).toContain('Expected rules in config.json');
    expect(asked).toEqual([]);
    expect(clients.waiting()).toBe(0);
    expect(one.isWaiting()).toBe(false);
  });

  test('that cannot be read costs no event that asks nothing', () => {
    const { clients, observed } = office({ policy: { rule: fail, needed: fail, approversFor: fail, restricts: fail } });
    const one = line();
    clients.onLine(one.peer, JSON.stringify({ ...bash('ls'), hook_event_name: 'PostToolUse' }));
    expect(one.sent).toEqual(['{}\n']);
    expect(observed).toHaveLength(1);
  });
});

describe('who is asked', () => {
  const listed: Policy = { ...NO_POLICY, approversFor: (cwd) => (cwd === '/home/dev/shop' ? ['U0CONFIG'] : undefined) };
  const people = (policy: Policy, input: HookInput, change: Partial<ClientNote>) => {
    const { clients, asked } = office({ policy });
    clients.onLine(line().peer, own(input, change));
    const { approvers, fromConfig } = asked[0]?.request ?? {};
    return { approvers, fromConfig };
  };

  test('are those that the hook names, unless it prefers those of the config file, else those, else the daemon’s own', () => {
    expect(people(listed, bash('ls'), { approvers: ['U0HOOK'] })).toEqual({ approvers: ['U0HOOK'], fromConfig: false });
    expect(people(listed, bash('ls'), {})).toEqual({ approvers: ['U0CONFIG'], fromConfig: true });
    const both = { approvers: ['U0HOOK'], isConfigFirst: true };
    expect(people(listed, bash('ls'), both)).toEqual({ approvers: ['U0CONFIG'], fromConfig: true });
    const elsewhere = { ...bash('ls'), cwd: '/tmp' };
    expect(people(listed, elsewhere, both)).toEqual({ approvers: ['U0HOOK'], fromConfig: false });
    expect(people(listed, elsewhere, {})).toEqual({ approvers: ['U0DAEMON'], fromConfig: false });
  });

  test('must be somebody', () => {
    const { clients } = office({ approvers: [] });
    const one = line();
    clients.onLine(one.peer, own(bash('ls')));
    expect(replyOf(one)).toMatchObject({ type: 'error', code: 'missing-config' });
  });

  test('must be two where two have to approve', () => {
    const two: Policy = { ...NO_POLICY, needed: () => 2 };
    const { clients, asked } = office({ policy: two });
    const one = line();
    clients.onLine(one.peer, own(bash('ls')));
    expect(replyOf(one)).toMatchObject({ type: 'error', code: 'bad-config' });
    clients.onLine(line().peer, own(bash('ls'), { approvers: ['U1', 'U2'] }));
    expect(asked.map(({ request }) => request.needed)).toEqual([2]);
  });
});

test('a plan is not approved together with all later edits where a rule is about edits', () => {
  const plan: HookInput = { ...bash('x'), tool_name: 'ExitPlanMode', tool_input: { plan: 'p' } };
  for (const isRestricted of [false, true]) {
    const { clients, asked } = office({
      policy: { ...NO_POLICY, restricts: ({ toolName }) => isRestricted && toolName === 'Edit' },
    });
    clients.onLine(line().peer, JSON.stringify({ ...plan, hook_event_name: 'PermissionRequest' }));
    expect(asked[0]?.request.offers.acceptEdits).toBe(!isRestricted);
  }
});
