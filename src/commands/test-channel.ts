/** The second half of `--test`: a connection that holds, a card that arrives, a click that comes back. */
import { hostname } from 'node:os';
import { createSlackChannel } from '../channels/slack.ts';
import { fixFor } from '../channels/slack-fixes.ts';
import type { SlackHealth } from '../channels/slack-health.ts';
import { AppError, toAppError } from '../errors.ts';
import { instanceId } from '../instance-id.ts';
import { createRequest } from '../request.ts';
import { statePaths } from '../state.ts';
import type { Answer, ApprovalRequest, Channel, Core, Outcome, Verdict } from '../types.ts';
import type { Credentials } from './credentials.ts';
import type { Step } from './test.ts';

export interface ChannelTestOptions {
  readonly isWaiting: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly step: Step;
  readonly warn: (text: string) => void;
}

/** A runtime without WebSocket pings loses the connection after 1.7 s; Slack's own first pings come within this time. */
export const HOLD_MS = 8_000;
const CLICK_MS = 15_000;

export async function testChannel(
  credentials: Credentials,
  { isWaiting, env, step, warn }: ChannelTestOptions,
): Promise<void> {
  const { botToken, appToken, approver, apiUrl } = credentials;
  let health: SlackHealth | undefined;
  let lost = false;
  const clicked = Promise.withResolvers<Answer>();
  const request = testRequest(approver);
  let answer: Answer | undefined;
  const channel = createSlackChannel({
    ...{ botToken, appToken, apiUrl, host: hostname(), instanceId: instanceId(statePaths(env)) },
    threads: false,
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    onHealth: (now) => {
      if (health?.state === 'connected' && now.state !== 'connected' && now.state !== 'stopped') lost = true;
      health = now;
    },
  });
  const judge = (given: Answer): Verdict => {
    if (given.requestId !== request.id || given.nonce !== request.nonce) return 'forged';
    return given.by === approver ? 'accepted' : 'not-approver';
  };
  const core: Core = {
    judge,
    answer: (given) => {
      const verdict = judge(given);
      if (verdict === 'accepted') clicked.resolve(given);
      return verdict;
    },
    candidates: () => [],
    revoke: () => 'unknown-request',
    refused: () => {},
  };
  try {
    await step('Socket Mode', async () => {
      await withFix(channel.start(core));
      return `connected${health?.appId === undefined ? '' : ` to app ${health.appId}`}`;
    });
    if ((health?.numConnections ?? 1) > 1) {
      warn(
        'Somebody else holds a connection of this Slack app: Slack hands each click to only one of you. Use an app of your own.',
      );
    }
    await step('test card', async () => {
      await withFix(channel.ask(request, AbortSignal.timeout(CLICK_MS), () => {}));
      if (health?.warning !== undefined)
        throw new AppError('slack-config', health.warning, { hint: 'Copy both tokens from the same Slack app.' });
      return `sent to ${approver}; press a button of it within ${CLICK_MS / 1000} s`;
    });
    // The click is waited for while the connection is watched: nobody likes to wait twice.
    const click = isWaiting ? Promise.race([clicked.promise, Bun.sleep(CLICK_MS)]) : undefined;
    await step('connection', async () => {
      await Bun.sleep(HOLD_MS);
      if (lost || health?.state !== 'connected') {
        throw new AppError(
          'slack-unreachable',
          `Expected the connection to hold for ${HOLD_MS / 1000} s, but it broke`,
        );
      }
      return `held for ${HOLD_MS / 1000} s`;
    });
    if (click !== undefined) {
      await step('click', async () => {
        answer = (await click) ?? undefined;
        if (answer === undefined)
          throw new AppError('click-timeout', `Nobody pressed a button within ${CLICK_MS / 1000} s`);
        return `${answer.decision === 'allow' ? 'Approve' : 'Deny'} by ${answer.by}`;
      });
    }
  } finally {
    await end(channel, request, answer);
  }
}

/** Closes the card truthfully, then the connection; bounded, because the test is over. */
async function end(channel: Channel, request: ApprovalRequest, answer: Answer | undefined): Promise<void> {
  const at = Date.now();
  const outcome: Outcome =
    answer === undefined
      ? { kind: 'withdrawn', reason: 'This was a test; nothing was run.', at }
      : {
          kind: answer.decision === 'allow' ? 'allowed' : 'denied',
          by: answer.by,
          via: 'Slack',
          at,
          reason: 'This was a test; nothing was run.',
        };
  await Promise.race([channel.close(request, outcome).catch(() => {}), Bun.sleep(2_000)]);
  await Promise.race([channel.stop().catch(() => {}), Bun.sleep(1_000)]);
}

function testRequest(approver: string): ApprovalRequest {
  return createRequest({
    agent: 'claude',
    approvers: [approver],
    fromConfig: false,
    needed: 1,
    offers: { form: 'permission', edit: false, always: false, acceptEdits: false, interrupt: false, grant: false },
    secrets: [],
    now: Date.now(),
    waitMs: CLICK_MS + HOLD_MS,
    input: {
      hook_event_name: 'PermissionRequest',
      session_id: 'test',
      cwd: process.cwd(),
      tool_name: 'Test',
      tool_input: { message: 'This is a test of claude-slack-hook. Nothing runs, whichever button you press.' },
    },
  });
}

/** The error with the fix for Slack's code in its message, `… : invalid_auth`. */
async function withFix<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const failure = toAppError(error);
    const slackCode = /: ([a-z_]+)(?: \(|$)/.exec(failure.message)?.[1];
    throw new AppError(failure.code, failure.message, { hint: fixFor(failure, slackCode), cause: error });
  }
}
