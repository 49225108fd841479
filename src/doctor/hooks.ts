/** Do the agents of this machine run our program, and in a way that it can answer? */
import { type Check, ok, skipped, warn } from './check.ts';
import { type HookAgent, readEntries } from './hook-entries.ts';
import type { FoundAgent, FoundHooks } from './hook-sources.ts';
import { type AgentWords, checkAgent, type HookContext } from './hooks-agent.ts';
import { checkClaude } from './hooks-claude.ts';

/** What is in the agents' settings, and what it is judged by. */
export interface HookFacts extends HookContext {
  readonly found: FoundHooks;
}

const WORDS: Readonly<Record<HookAgent, AgentWords>> = {
  claude: {
    name: 'Claude Code',
    gates: ['PreToolUse', 'PermissionRequest'],
    // What it does without a timeout was measured, in seconds, on 2.1.197.
    ...{ unitMs: 1_000, unit: 's', defaultTimeout: 600 },
  },
  codex: {
    name: 'Codex',
    gates: ['PreToolUse', 'PermissionRequest'],
    unitMs: 1_000,
    unit: 's',
    defaultTimeout: undefined,
  },
  cursor: {
    name: 'Cursor',
    gates: ['beforeShellExecution', 'beforeMCPExecution', 'preToolUse'],
    ...{ unitMs: 1_000, unit: 's', defaultTimeout: undefined },
  },
  // Its reference: milliseconds, 60000 where nothing is said.
  gemini: { name: 'Gemini CLI', gates: ['BeforeTool'], unitMs: 1, unit: 'ms', defaultTimeout: 60_000 },
};

const TRUST =
  'Start codex, open /hooks and trust each of them; what it does not trust it does not run, without a word.';

/** Agents that are not on this machine are passed over. */
export function checkHooks(facts: HookFacts): readonly Check[] {
  const checks = facts.found.agents.flatMap((found) => checkOne(found, facts));
  const plugin = checkPlugin(facts.found.opencode);
  const isHooked = facts.found.agents.flatMap(entriesOf).some(({ isOurs }) => isOurs) || plugin.isHooked;
  return [
    ...checks,
    ...plugin.checks,
    ...(isHooked
      ? []
      : [
          warn(
            'hooks',
            'hooks: no agent here runs claude-slack-hook, not of this user and not in this directory',
            'Run claude-slack-hook setup.',
          ),
        ]),
  ];
}

function checkOne(found: FoundAgent, facts: HookFacts): readonly Check[] {
  const words = WORDS[found.agent];
  const isThere = found.isInstalled || found.sources.some(({ file }) => file.state !== 'absent');
  if (!isThere) return [];
  const checks = checkAgent(found, words, facts);
  const ours = entriesOf(found).filter(({ isOurs }) => isOurs);
  if (ours.length === 0) return checks;
  if (found.agent === 'claude') return [...checks, ...checkClaude(found, entriesOf(found), facts.httpPorts)];
  if (found.agent === 'codex')
    return [...checks, warn('codex-trust', 'Codex: nobody but Codex knows whether it trusts these hooks', TRUST)];
  return checks;
}

function entriesOf(found: FoundAgent) {
  return found.sources.flatMap((source) => readEntries(found.agent, source).entries);
}

function checkPlugin({ isInstalled, plugins }: FoundHooks['opencode']): {
  readonly isHooked: boolean;
  readonly checks: readonly Check[];
} {
  const ours = plugins.filter(({ state }) => state === 'ours').map(({ path }) => path);
  const others = plugins.filter(({ state }) => state === 'other').map(({ path }) => path);
  const [first, second] = ours;
  const isHooked = first !== undefined;
  const checks = [
    ...others.map((path) =>
      warn('opencode-plugin', `opencode: ${path} is not our plugin`, 'Remove it, or put the plugin in its place.'),
    ),
    ...(second === undefined
      ? []
      : [warn('opencode-duplicates', 'opencode: the plugin is there twice, and asks twice', `Remove ${second}.`)]),
    ...(isHooked ? [ok('opencode', `opencode: the plugin is at ${first}`)] : []),
  ];
  if (checks.length === 0 && isInstalled)
    return { isHooked, checks: [skipped('opencode', 'opencode: is here, without our plugin')] };
  return { isHooked, checks };
}
