/** Whether a request goes to Slack, with `--only-screen-lock`. */
import type { FailurePolicy, HookInput } from '../types.ts';
import { detectScreenLock } from './screen.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * False leaves the question to the terminal. An unknown state does that too, except where the terminal would not ask:
 * there it would let the tool run.
 * @param log is told of an unknown state
 */
export async function mustAsk(
  input: HookInput,
  { lockCommand, onFailure }: { readonly lockCommand: string | undefined; readonly onFailure: FailurePolicy },
  env: Environment,
  log: (text: string) => unknown,
): Promise<boolean> {
  const answer = await detectScreenLock({ env, ...(lockCommand === undefined ? {} : { lockCommand }) });
  if (answer.state !== 'unknown') return answer.state === 'locked';
  const isAsked =
    input.hook_event_name === 'PreToolUse' && (onFailure === 'deny' || input.permission_mode === 'bypassPermissions');
  await log(`screen lock unknown (${answer.reason}); ${isAsked ? 'asking' : 'not asking'} in Slack`);
  return isAsked;
}
