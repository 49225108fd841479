/** A command line of a hook that is wrong, or unwise. */
import { PREPARE_MS } from './asking.ts';
import { agentOf, salvaged, sayBroken, strings } from './client.ts';
import { type AppError, explain } from './errors.ts';
import { MAX_INPUT_BYTES } from './protocol.ts';
import { failurePolicy } from './settings.ts';
import { readDocument } from './stdin.ts';
import type { Said } from './types.ts';

export const VISIBLE_TOKENS =
  'Tokens given as flags show in ps for as long as the hook waits; the config file keeps them to yourself.';

/**
 * What a hook with a wrong command line says: the failure answer, when stdin holds an event that needs one, and in any
 * case the explanation and the exit code of the error. A typo must not open the gate.
 */
export async function sayMisused(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  error: AppError,
): Promise<Said> {
  const explained: Said = { stdout: '', stderr: explain(error), exitCode: error.exitCode };
  const isForAnAgent = !process.stdin.isTTY;
  if (!isForAnAgent) return explained;
  // It gates nothing: an answer, or another exit code, would only disturb the agent.
  if (argv[0] === 'send') return { ...explained, stdout: '{"continue":true}\n', exitCode: 0 };
  const document = await readDocument(() => MAX_INPUT_BYTES, PREPARE_MS - performance.now());
  const known = document.ok ? strings(document.value) : salvaged(document.text);
  if (known.hook_event_name === undefined) return explained;
  const wantsDeny = argv.includes('--on-failure=deny') || argv[argv.indexOf('--on-failure') + 1] === 'deny';
  const policy = wantsDeny ? 'deny' : failurePolicy({}, env);
  const named = argv[argv.indexOf('--agent') + 1];
  const agent = await agentOf(argv.includes('--agent') && named !== undefined ? { agent: named } : {}, known).catch(
    () => undefined,
  );
  return { ...explained, stdout: sayBroken(agent, known, error, policy).stdout };
}

/** Arguments cannot be hidden from whoever lists the processes of this machine. The answer stands as it is. */
export function warnOfTokens(said: Said): Said {
  return { ...said, stderr: `claude-slack-hook: warning: ${VISIBLE_TOKENS}\n${said.stderr}` };
}
