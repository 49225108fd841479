/** What a hook's end means. */
import type { Ran } from '../e2e/bench.ts';

/** `failed`: the documented failure answer of PreToolUse; `killed`: nothing was said; `wrong`: anything else. */
export type Ending = 'allow' | 'deny' | 'failed' | 'killed' | 'wrong';

/** Exit codes of a process that a signal ended, and of a PreToolUse that was told to stop. */
const KILLED: readonly number[] = [2, 128 + 9, 128 + 15];

/** How a PreToolUse hook ended. */
export function endingOf({ stdout, stderr, exitCode }: Pick<Ran, 'stdout' | 'stderr' | 'exitCode'>): Ending {
  if (stdout === '') return KILLED.includes(exitCode) ? 'killed' : 'wrong';
  const said = decisionOf(stdout);
  if (exitCode !== 0) return 'wrong';
  if (said === 'allow' || said === 'deny') return said;
  return said === 'ask' && /^code: [a-z-]+$/m.test(stderr) ? 'failed' : 'wrong';
}

/** The decision of one HookOutput document; undefined when it is none, or more than one. */
export function decisionOf(text: string): unknown {
  try {
    return JSON.parse(text).hookSpecificOutput?.permissionDecision;
  } catch {
    return undefined;
  }
}

/** Why hooks failed, as they said it on stderr, with a count of each. */
export function reasonsOf(ran: readonly Pick<Ran, 'stderr'>[]): Readonly<Record<string, number>> {
  const reasons: Record<string, number> = {};
  for (const { stderr } of ran) {
    const [, reason] = /^claude-slack-hook: (.*)$/m.exec(stderr) ?? [];
    if (reason !== undefined) reasons[reason] = (reasons[reason] ?? 0) + 1;
  }
  return reasons;
}
