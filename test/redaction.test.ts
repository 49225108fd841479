/** Secrets are planted wherever they can come from; nothing that the program writes may hold a part of one. */

import { describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { claude } from '../src/agents/claude.ts';
import type { SlackCalls } from '../src/channels/slack-calls.ts';
import { readClick } from '../src/channels/slack-clicks.ts';
import { readFailure, safeText } from '../src/channels/slack-errors.ts';
import { createSdkLogger } from '../src/channels/slack-logger.ts';
import { sayBroken } from '../src/client.ts';
import { secretsIn } from '../src/environment-secrets.ts';
import { explain, toAppError } from '../src/errors.ts';
import { createLogger } from '../src/logger.ts';
import { resolveSettings } from '../src/settings.ts';
import type { HookInput } from '../src/types.ts';
import { parseArgv } from '../src/verbs.ts';
import { makeRequest } from './channels/requests.ts';
import { createAssembly, type Witness } from './channels/slack-assembly.ts';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const SLICE = 8;

interface Secret {
  readonly whole: string;
  /** Without the words that say what it is. */
  readonly part: string;
}

const lettersOf = (length: number, alphabet = LETTERS): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(...alphabet), { minLength: length, maxLength: length })
    .map((all) => all.join(''))
    // No issuer gives out a run of one letter.
    .filter((text) => new Set(text).size > 6);
const formed = (prefix: string, length: number, alphabet?: string): fc.Arbitrary<Secret> =>
  lettersOf(length, alphabet).map((part) => ({ whole: `${prefix}${part}`, part }));
const SLACK_TOKEN = fc.oneof(
  formed('xoxb-123456789012-1234567890123-', 24),
  formed('xapp-1-A0123456789-1234567890123-', 64, '0123456789abcdef'),
  formed('xoxe.xoxp-1-', 160),
);
const TOKEN = fc.oneof(
  SLACK_TOKEN,
  formed('ghp_', 36),
  formed('glpat-', 20),
  formed('npm_', 36),
  formed('AKIA', 16, LETTERS.slice(0, 26)),
);
/** Of no form that anybody knows: only the name of its variable tells. What begins with a slash is a file's name. */
const NAMELESS = lettersOf(20, `${LETTERS}+/=._-`)
  .filter((part) => !part.startsWith('/'))
  .map((part) => ({ whole: part, part }));

function expectNoSlice(sinks: readonly string[], { part }: Secret): void {
  const all = sinks.join('\n');
  for (let at = 0; at + SLICE <= part.length; at += 1) {
    const slice = part.slice(at, at + SLICE);
    if (all.includes(slice)) throw new Error(`Expected no part of the secret, got ${slice} in ${around(all, slice)}`);
  }
}

function around(text: string, slice: string): string {
  const at = text.indexOf(slice);
  return JSON.stringify(text.slice(Math.max(0, at - 80), at + 40));
}

/** A log that is told everything. */
function createLog() {
  const lines: string[] = [];
  return { lines, logger: createLogger('trace', { write: (line) => lines.push(line) }) };
}

/** What the SDK throws, with a text of somebody else's wherever one can stand. */
function thrown(text: string): fc.Arbitrary<unknown> {
  const error = (fields: object): unknown => Object.assign(new Error(`An error occurred: ${text}`), fields);
  const platform = (data: object): unknown =>
    error({ code: 'slack_webapi_platform_error', data: { ok: false, ...data } });
  return fc.constantFrom<unknown>(
    platform({ error: text }),
    platform({ error: 'invalid_auth', needed: text, provided: text, response_metadata: { messages: [text] } }),
    platform({ error: 'missing_scope', needed: `chat:write,${text}` }),
    platform({ error: 'ratelimited', response_metadata: { retryAfter: text } }),
    error({
      code: 'slack_webapi_http_error',
      statusCode: 502,
      statusMessage: text,
      body: `<html>${text}</html>`,
      headers: { authorization: `Bearer ${text}` },
    }),
    error({
      code: 'slack_webapi_request_error',
      original: Object.assign(new Error(text), { code: text, config: { url: text } }),
    }),
    error({ code: 'slack_webapi_rate_limited_error', retryAfter: 5, url: `https://slack.com/api/x?token=${text}` }),
    error({ code: text }),
    error({ cause: new Error(text) }),
    { message: text, stack: text },
    text,
    undefined,
  );
}

describe('no part of a token', () => {
  test('comes out of an error of Slack’s, whatever kind it is and wherever the token stands in it', () => {
    const tokenAndError = SLACK_TOKEN.chain((token) => fc.tuple(fc.constant(token), thrown(token.whole)));
    fc.assert(
      fc.property(tokenAndError, ([token, error]) => {
        const { lines, logger } = createLog();
        const failure = readFailure(error, 'show the request');
        logger.warn({ reason: failure.error.message, err: failure.error, failure }, failure.error.message);
        logger.error({ err: error, error }, safeText(error));
        expectNoSlice([...lines, explain(failure.error), String(failure.error.cause ?? ''), safeText(error)], token);
      }),
      { numRuns: 2_000 },
    );
  }, 30_000);

  test('comes out of what Slack’s libraries log, at any level', () => {
    const said = SLACK_TOKEN.chain((token) =>
      fc.tuple(
        fc.constant(token),
        fc.array(
          fc.oneof(
            thrown(token.whole),
            fc.constantFrom<unknown>(
              `apiCall('auth.test') Authorization: Bearer ${token.whole}`,
              `wss://wss.slack.com/link/?ticket=1&token=${token.whole}`,
              { token: token.whole, headers: { Authorization: `Bearer ${token.whole}` } },
              [token.whole],
              JSON.stringify({ bot_token: token.whole }),
            ),
          ),
          { minLength: 1, maxLength: 4 },
        ),
        fc.constantFrom('debug' as const, 'info' as const, 'warn' as const, 'error' as const),
      ),
    );
    fc.assert(
      fc.property(said, ([token, messages, level]) => {
        const { lines, logger } = createLog();
        createSdkLogger(logger)[level](...messages);
        expectNoSlice(lines, token);
      }),
      { numRuns: 2_000 },
    );
  }, 30_000);
});

/** Tokens in the place of something else, as people mistype them. */
const MISTAKES: readonly ((token: Secret, home: string) => unknown)[] = [
  ({ whole }) => parseArgv([whole]),
  ({ whole }) => parseArgv([`-b${whole}`]),
  ({ whole }) => parseArgv([`--${whole}`]),
  ({ whole }) => parseArgv(['--bot-token', whole, whole]),
  ({ whole }) => parseArgv([`--stop=${whole}`]),
  ({ whole }) => parseArgv(['rules', whole]),
  ({ whole }, HOME) => resolveSettings({ 'user-id': whole }, { HOME }),
  ({ whole }, HOME) => resolveSettings({ 'log-level': whole }, { HOME }),
  ({ whole }, HOME) => resolveSettings({ deadline: whole }, { HOME }),
  ({ whole }, HOME) => resolveSettings({}, { HOME, SLACK_USER_ID: `U0123456789,${whole}` }),
  ({ whole }, HOME) => resolveSettings({}, { HOME, SLACK_API_URL: whole }),
  ({ whole }, HOME) => resolveSettings({}, { HOME, SLACK_API_URL: `https://h/?token=${whole}` }),
  ({ whole }, HOME) => configured(HOME, JSON.stringify({ [whole]: 'x' })),
  ({ whole }, HOME) => configured(HOME, JSON.stringify({ userId: whole })),
  ({ whole }, HOME) => configured(HOME, `{"botToken": ${whole}}`),
  ({ part }, HOME) => configured(HOME, `{"botToken": ${part}}`),
];

function configured(home: string, text: string): unknown {
  mkdirSync(join(home, '.config/claude-slack-hook'), { recursive: true });
  writeFileSync(join(home, '.config/claude-slack-hook/config.json'), text, { mode: 0o600 });
  return resolveSettings({}, { HOME: home });
}

test('no part of a token on the command line, in the environment or in the config file comes out of the error that it causes', () => {
  const home = mkdtempSync(join(tmpdir(), 'csh-redaction-'));
  try {
    fc.assert(
      fc.property(SLACK_TOKEN, fc.constantFrom(...MISTAKES), (token, make) => {
        let said = '';
        try {
          make(token, home);
        } catch (error) {
          const failure = toAppError(error);
          said = explain(failure) + sayBroken(claude, { hook_event_name: 'PreToolUse' }, failure, 'ask').stdout;
        }
        expect(said).not.toBe('');
        expectNoSlice([said], token);
      }),
      { numRuns: 500 },
    );
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}, 30_000);

/** Calls of which a secret is a part, each in a place where it stands in life. */
const CALLS: readonly ((secret: string) => Pick<HookInput, 'tool_name' | 'tool_input'>)[] = [
  (secret) => ({ tool_name: 'Bash', tool_input: { command: `curl -H 'Authorization: Bearer ${secret}' https://h` } }),
  (secret) => ({
    tool_name: 'Bash',
    tool_input: { command: `DEPLOY_TOKEN=${secret} make deploy`, description: 'Deploy' },
  }),
  (secret) => ({ tool_name: 'Bash', tool_input: { command: 'make', description: `with ${secret}` } }),
  (secret) => ({ tool_name: 'Bash', tool_input: { command: `echo "${secret}" | login --password-stdin` } }),
  (secret) => ({ tool_name: 'Bash', tool_input: { command: `psql postgres://shop:${secret}@db/shop` } }),
  (secret) => ({ tool_name: 'Bash', tool_input: { command: `${'# a long one\n'.repeat(900)}login ${secret}` } }),
  (secret) => ({ tool_name: 'Write', tool_input: { file_path: '/home/dev/.env', content: `A=1\nTOKEN=${secret}\n` } }),
  (secret) => ({
    tool_name: 'Edit',
    tool_input: { file_path: '/home/dev/a.ts', old_string: `const t = "${secret}";`, new_string: 'const t = read();' },
  }),
  (secret) => ({ tool_name: 'WebFetch', tool_input: { url: `https://h/?token=${secret}`, prompt: 'List' } }),
  (secret) => ({ tool_name: 'mcp__crm__login', tool_input: { auth: { token: secret }, list: [secret, 1] } }),
];

/** Runs a request from the card to the run that failed, and returns all that went to Slack, into the log and into the record. */
async function lifeOf(input: HookInput, known: readonly string[], isApproved: boolean): Promise<string[]> {
  const { lines, logger } = createLog();
  const sinks: string[] = [];
  const shown = Promise.withResolvers<void>();
  const calls: SlackCalls = {
    upload: async (file) => void sinks.push(JSON.stringify(file)),
    call: async (_lane, method, args) => {
      sinks.push(JSON.stringify([method, args]), JSON.stringify(args.blocks));
      return { ok: true, channel: 'D1', ts: '1.1' };
    },
  };
  const nothing = (): void => {};
  const witness: Witness = {
    ...{ onShown: nothing, onHandled: nothing, onAnswer: nothing },
    onAllShown: () => shown.resolve(),
    onRecord: (record) => void sinks.push(JSON.stringify(record)),
    onOutcome: () => true,
  };
  const assembly = createAssembly({
    ...{ calls, threads: true, noticeMs: 5_000, now: Date.now, witness, logger },
    mayAnswer: () => true,
  });
  await assembly.approvals.start();
  const request = makeRequest(input, { secrets: known });
  assembly.approvals.ask(request);
  await shown.promise;
  const click = readClick({
    user: { id: 'U0APPROVER' },
    channel: { id: 'D1' },
    container: { message_ts: '1.1' },
    actions: [
      { action_id: isApproved ? 'csh_approve' : 'csh_deny', value: `v1.instance-1.${request.id}.${request.nonce}` },
    ],
  });
  if (click !== undefined) assembly.onClick(click, async () => {});
  const { tool_name = '', tool_input = {} } = input;
  assembly.approvals.observe({
    ...{ sessionId: input.session_id, agentId: undefined, call: { tool_name, tool_input }, kind: 'elsewhere' },
    ...{
      run: { isOk: false, tookMs: 5, error: `cannot log in: ${JSON.stringify(tool_input)}` },
      reason: 'It has run.',
    },
  });
  await assembly.approvals.stop({ reason: 'The test is over.' });
  assembly.end();
  return [...sinks, ...lines];
}

describe('no part of a secret', () => {
  const planted = fc.oneof(
    TOKEN.map((secret) => ({ secret, env: {} })),
    fc
      .tuple(NAMELESS, fc.constantFrom('DEPLOY_TOKEN', 'DB_PASSWORD', 'SHOP_API_KEY'))
      .map(([secret, name]) => ({ secret, env: { [name]: secret.whole } })),
  );

  test(
    'in a tool call, by its form or from the agent’s environment, reaches Slack, the log or the record',
    () =>
      fc.assert(
        fc.asyncProperty(
          planted,
          fc.constantFrom(...CALLS),
          fc.boolean(),
          async ({ secret, env }, call, isApproved) => {
            const input: HookInput = {
              ...{ session_id: 'session-1', cwd: '/home/dev/shop', hook_event_name: 'PermissionRequest' },
              ...call(secret.whole),
            };
            const known = secretsIn(JSON.stringify(input), env);
            expectNoSlice(await lifeOf(input, known, isApproved), secret);
          },
        ),
        { numRuns: 400 },
      ),
    30_000,
  );
});
