/** Events for tests, and a day of several agents in which people were asked. */
import type { EventKind, EventRecord } from '../../src/events.ts';
import type { AgentName } from '../../src/types.ts';

const KINDS: Readonly<Record<string, EventKind>> = {
  SessionStart: 'session.started',
  SessionEnd: 'session.ended',
  UserPromptSubmit: 'prompt.submitted',
  PreToolUse: 'tool.requested',
  PermissionRequest: 'tool.requested',
  PostToolUse: 'tool.completed',
  PostToolUseFailure: 'tool.failed',
  Stop: 'agent.responded',
  Notification: 'notification.reported',
};

let made = 0;

/** An event of Claude Code that arrived when it happened; anything can be said otherwise. */
export function event(type: string, changes: Partial<EventRecord> = {}): EventRecord {
  made += 1;
  const timestamp = changes.timestamp ?? new Date(1_795_000_000_000 + made * 1000).toISOString();
  const id = `00000000-0000-7000-8000-${String(made).padStart(12, '0')}`;
  return {
    ...{
      event_id: id,
      event_type: type,
      session_id: 'session-1',
      workflow_id: null,
      phase_id: null,
      milestone_id: null,
    },
    ...{ data: {}, id, seq: Date.parse(timestamp) * 1000 + (made % 1000), kind: KINDS[type] ?? 'other' },
    ...{ agent: 'claude', project: 'shop', host: 'laptop', tool: null, src: 'http' },
    ...changes,
    timestamp,
  };
}

/** An event of an approval, made by the daemon. */
export function approval(kind: EventKind, id: string, data: object, changes: Partial<EventRecord> = {}): EventRecord {
  return event(kind, { kind, approval_id: id, src: 'approval', tool: 'Bash', data, ...changes });
}

interface Scene {
  readonly session: string;
  readonly agent: AgentName;
  readonly project: string;
  readonly host: string;
}

interface Ask {
  readonly waitMs: number;
  readonly outcome: string;
  readonly by?: string;
  readonly reason?: string;
  readonly rule?: string;
}

const PEOPLE = ['U02MARTA', 'U03JONAS'];
const LINK = 'https://example.slack.com/archives/D024BE91L/p';

/**
 * Eight hours that end at `now`, with two requests that still wait and one of which nobody heard again.
 * The same for the same `now`.
 */
export function dayOfEvents(now: number): readonly EventRecord[] {
  const events: EventRecord[] = [];
  let calls = 0;
  const at = (ms: number): string => new Date(ms).toISOString();
  const add = (scene: Scene, type: string, ms: number, data: object, changes: Partial<EventRecord> = {}): void => {
    const { session, agent, project, host } = scene;
    const hook = { session_id: session, cwd: `/home/dev/${project}`, hook_event_name: type, ...data };
    events.push(event(type, { session_id: session, agent, project, host, timestamp: at(ms), data: hook, ...changes }));
  };
  const call = (
    scene: Scene,
    ms: number,
    tool: string,
    input: object,
    ask?: Ask,
    response?: object,
    tookMs = 400,
  ): number => {
    calls += 1;
    const use = { tool_name: tool, tool_input: input, tool_use_id: `toolu_${String(calls).padStart(6, '0')}` };
    add(scene, 'PreToolUse', ms, use, { tool });
    let end = ms + tookMs;
    if (ask !== undefined) {
      end = asked(scene, ms + 40, tool, use, ask) + tookMs;
      if (ask.outcome !== 'allowed') return end;
    }
    const failed = response !== undefined && 'error' in response;
    const result = failed ? response : { tool_response: response ?? {}, duration_ms: tookMs };
    add(scene, failed ? 'PostToolUseFailure' : 'PostToolUse', end, { ...use, ...result }, { tool });
    return end;
  };
  const asked = (scene: Scene, ms: number, tool: string, use: object, ask: Ask): number => {
    const id = `a${String(calls).padStart(4, '0')}`;
    const { session: session_id, agent, project, host } = scene;
    const of = (kind: EventKind, time: number, data: object): void => {
      events.push(approval(kind, id, data, { session_id, agent, project, host, tool, timestamp: at(time) }));
    };
    const { waitMs, outcome, by, reason, rule } = ask;
    const input = { hook_event_name: 'PermissionRequest', session_id, cwd: `/home/dev/${project}`, ...use };
    const expires_at = ms + 570_000;
    of('approval.requested', ms, { digest: 'c0ffee'.repeat(10), approvers: PEOPLE, needed: 1, expires_at, input });
    if (rule !== undefined) {
      of('approval.decided', ms + 2, { outcome, by: 'policy', via: 'policy', rule });
      return ms + 2;
    }
    for (const [index, approver] of PEOPLE.entries())
      of('approval.shown', ms + 300, {
        approver,
        conversation: approver,
        link: `${LINK}${ms}00${index}`,
        complete: true,
      });
    if (outcome === 'waits') return ms;
    const kind = outcome === 'allowed' || outcome === 'denied' ? 'approval.decided' : 'approval.ended';
    of(kind, ms + waitMs, {
      outcome,
      ...(by === undefined ? {} : { by, via: 'slack' }),
      ...(reason === undefined ? {} : { reason }),
    });
    return ms + waitMs;
  };

  const shop = {
    session: '3f2a9c1e-7b54-4c1d-9a61-0c5f1d2e8b90',
    agent: 'claude',
    project: 'shop',
    host: 'marta-laptop',
  } as const;
  const api = {
    session: '91d0e7b2-12cd-4e8f-8c30-7de2a4f61c55',
    agent: 'codex',
    project: 'payments-api',
    host: 'build-02',
  } as const;
  const docs = {
    session: 'c7714f0a-58e3-4d0b-b7f9-e20b6a9d4413',
    agent: 'gemini',
    project: 'handbook',
    host: 'jonas-desk',
  } as const;

  for (let hour = 8; hour >= 1; hour -= 1) {
    const start = now - hour * 3_600_000;
    const scene = {
      ...([shop, api, docs][hour % 3] ?? shop),
      session: `${hour}b1f0c22-0000-4000-8000-00000000${hour}000`,
    };
    add(scene, 'SessionStart', start, { source: 'startup', model: 'opus' });
    add(scene, 'UserPromptSubmit', start + 4000, {
      prompt: 'Bring the dependencies up to date and see that the tests still pass.',
    });
    let ms = call(scene, start + 9000, 'Read', { file_path: `/home/dev/${scene.project}/package.json` });
    ms = call(
      scene,
      ms + 3000,
      'Bash',
      { command: 'npm outdated' },
      { waitMs: 20_000 + hour * 9000, outcome: 'allowed', by: PEOPLE[hour % 2] ?? '' },
    );
    ms = call(
      scene,
      ms + 5000,
      'Bash',
      { command: 'npm test' },
      { waitMs: 0, outcome: 'allowed', rule: 'Bash(npm test *)' },
      { stdout: '128 passed' },
      21_000,
    );
    if (hour % 2 === 0)
      ms = call(
        scene,
        ms + 4000,
        'Edit',
        { file_path: `/home/dev/${scene.project}/src/index.ts`, old_string: 'a', new_string: 'b' },
        {
          waitMs: 64_000 * hour,
          outcome: hour === 4 ? 'denied' : 'allowed',
          by: PEOPLE[0] ?? '',
          ...(hour === 4 ? { reason: 'Leave the entry alone.' } : {}),
        },
      );
    if (hour === 3)
      ms = call(
        scene,
        ms + 4000,
        'WebFetch',
        { url: 'https://registry.npmjs.org/left-pad' },
        { waitMs: 570_000, outcome: 'expired', reason: 'Nobody answered within 9 min 30 s.' },
      );
    add(scene, 'Stop', ms + 8000, { last_assistant_message: 'Three packages are newer now, and all tests pass.' });
    add(scene, 'SessionEnd', ms + 60_000, { reason: 'prompt_input_exit' });
  }

  const begun = now - 26 * 60_000;
  add(shop, 'SessionStart', begun, { source: 'startup', model: 'opus' });
  add(shop, 'UserPromptSubmit', begun + 6000, {
    prompt: 'The checkout shows the price without the discount. Find out why, fix it, and ship it to staging.',
  });
  let ms = call(
    shop,
    begun + 14_000,
    'Grep',
    { pattern: 'applyDiscount', path: 'src' },
    undefined,
    { stdout: 'src/checkout/total.ts:18' },
    90,
  );
  ms = call(shop, ms + 4000, 'Read', { file_path: '/home/dev/shop/src/checkout/total.ts' }, undefined, {}, 12);
  ms = call(
    shop,
    ms + 21_000,
    'Edit',
    {
      file_path: '/home/dev/shop/src/checkout/total.ts',
      old_string: 'return sum;',
      new_string: 'return applyDiscount(sum, cart.code);',
    },
    { waitMs: 72_000, outcome: 'allowed', by: 'U02MARTA' },
    {},
    35,
  );
  ms = call(
    shop,
    ms + 5000,
    'Bash',
    { command: 'npm test -- checkout', description: 'Run the checkout tests' },
    { waitMs: 18_000, outcome: 'allowed', by: 'U03JONAS' },
    { error: 'Exit code 1: 1 failed, 41 passed (total.test.ts: rounds to cents)' },
    9000,
  );
  ms = call(
    shop,
    ms + 16_000,
    'Edit',
    { file_path: '/home/dev/shop/src/checkout/total.ts', old_string: 'cart.code)', new_string: 'cart.code).toCents()' },
    { waitMs: 41_000, outcome: 'allowed', by: 'U02MARTA' },
    {},
    30,
  );
  ms = call(
    shop,
    ms + 4000,
    'Bash',
    { command: 'npm test -- checkout' },
    { waitMs: 0, outcome: 'allowed', rule: 'Bash(npm test *)' },
    { stdout: '42 passed' },
    8800,
  );
  ms = call(
    shop,
    ms + 9000,
    'Bash',
    { command: 'git push --force origin main' },
    { waitMs: 95_000, outcome: 'denied', by: 'U02MARTA', reason: 'Never force-push main. Open a pull request.' },
  );
  ms = call(
    shop,
    ms + 12_000,
    'Bash',
    { command: 'git push -u origin fix/checkout-discount' },
    { waitMs: 26_000, outcome: 'allowed', by: 'U02MARTA' },
    { stdout: 'branch fix/checkout-discount set up to track origin' },
    2300,
  );
  call(
    shop,
    now - 252_040,
    'Bash',
    {
      command:
        'kubectl --context staging rollout restart deployment/shop && kubectl --context staging rollout status deployment/shop',
      description: 'Ship the fix to staging',
    },
    { waitMs: 0, outcome: 'waits' },
  );

  add(api, 'SessionStart', now - 11 * 60_000, { source: 'startup' });
  add(api, 'UserPromptSubmit', now - 655_000, { prompt: 'Add an index for the slow refunds query.' });
  call(
    api,
    now - 640_000,
    'Bash',
    { command: 'psql -f migrations/0042_refunds_index.sql' },
    { waitMs: 33_000, outcome: 'allowed', by: 'U03JONAS' },
    { stdout: 'CREATE INDEX' },
    5200,
  );
  call(api, now - 47_040, 'mcp__inventory__adjust_stock', { sku: 'TEA-250', by: -12 }, { waitMs: 0, outcome: 'waits' });
  // A machine that was switched off while somebody was asked.
  const gone = { ...docs, session: 'b02dd9c4-6a1e-4b7c-8f35-1f0f3f5a9e27', host: 'jonas-tablet' };
  call(
    gone,
    now - 5_400_000,
    'Write',
    { file_path: '/home/dev/handbook/onboarding.md' },
    { waitMs: 0, outcome: 'waits' },
  );
  add(docs, 'Notification', now - 30_000, {
    message: 'Gemini is waiting for your input',
    notification_type: 'idle_prompt',
  });
  events.push(
    event('session_started', {
      session_id: 'nightly-4711',
      kind: 'session.started',
      agent: null,
      project: 'nightly',
      host: null,
      src: 'api',
      timestamp: at(now - 20_000),
      data: { model: 'claude-sonnet-4-5-20250929' },
    }),
  );
  return events
    .sort((one, two) => Date.parse(one.timestamp) - Date.parse(two.timestamp))
    .map((one, index) => ({ ...one, seq: Date.parse(one.timestamp) * 1000 + index }));
}
