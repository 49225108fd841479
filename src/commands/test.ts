/** `--test`: every step between the tokens and a click, one line each, with the fix for what does not work. */
import { readIdentity, requireScope } from '../channels/slack-health.ts';
import { checkRuntime } from '../channels/slack-runtime.ts';
import { appKey } from '../daemon.ts';
import { AppError, toAppError } from '../errors.ts';
import { VISIBLE_TOKENS } from '../misused.ts';
import type { Settings } from '../settings.ts';
import { appPaths } from '../state.ts';
import type { Said } from '../types.ts';
import { type Credentials, callSlack, checkForm, surroundings } from './credentials.ts';
import { askDaemon } from './status.ts';
import { testChannel } from './test-channel.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface TestOptions {
  /** Whether to wait for somebody to press a button of the test card. */
  readonly isWaiting: boolean;
  readonly env: Environment;
  readonly print: (text: string) => void;
}

/** Runs one step and prints its line; `run` returns what to say about a success. Rethrows what fails. */
export type Step = (name: string, run: () => Promise<string>) => Promise<void>;

/** Runs the steps in order and stops at the first that fails; the exit code is that of the error. */
export async function runTest(settings: Settings, { isWaiting, env, print }: TestOptions): Promise<Said> {
  const step: Step = async (name, run) => {
    try {
      print(`✓ ${name}: ${await run()}\n`);
    } catch (error) {
      const { message, hint, code } = toAppError(error);
      print(`✗ ${name}: ${message}\n  fix: ${hint}\n  code: ${code}\n`);
      throw error;
    }
  };
  const warn = (text: string): void => print(`! ${text}\n`);
  try {
    await step('settings', async () => `asking ${checkForm(settings).approver}`);
    const credentials = checkForm(settings);
    await step('runtime', async () => {
      checkRuntime();
      return `Bun ${Bun.version}`;
    });
    if (settings.areTokensVisible) warn(VISIBLE_TOKENS);
    for (const warning of surroundings(settings, env)) warn(warning);
    await step('bot token', () => checkBotToken(credentials));
    await step('app token', () => checkAppToken(credentials));
    await step('daemon', () => checkNoDaemon(credentials, env));
    await testChannel(credentials, { isWaiting, env, step, warn });
    print('All good.\n');
    return { stdout: '', stderr: '', exitCode: 0 };
  } catch (error) {
    return { stdout: '', stderr: '', exitCode: toAppError(error).exitCode };
  }
}

async function checkBotToken({ botToken, apiUrl }: Credentials): Promise<string> {
  const identity = readIdentity(await callSlack(botToken, apiUrl, 'auth.test', 'take the bot token'));
  requireScope(identity);
  const scopes = identity.scopes.length === 0 ? '' : `, scopes ${identity.scopes.join(', ')}`;
  return `${identity.botUserId} in ${identity.team}${scopes}`;
}

async function checkAppToken({ appToken, apiUrl }: Credentials): Promise<string> {
  await callSlack(appToken, apiUrl, 'apps.connections.open', 'open a connection with the app token');
  return 'may open Socket Mode connections';
}

async function checkNoDaemon({ appToken, apiUrl }: Credentials, env: Environment): Promise<string> {
  const status = await askDaemon(appPaths(env, appKey(appToken, apiUrl)), env);
  if (status === 'not-running') return 'none is running';
  throw new AppError('daemon-start', 'A daemon is running, and Slack would hand it half of the clicks of this test', {
    hint: 'Run claude-slack-hook --stop, then this test again.',
  });
}
