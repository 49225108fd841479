/** What only Claude Code has: switches that turn hooks off, and a mode in which it asks nobody. */
import { type Check, fail, warn } from './check.ts';
import { type HookEntry, type HookSource, setting } from './hook-entries.ts';
import type { FoundAgent } from './hook-sources.ts';
import { checkHttp } from './hooks-http.ts';
import { listed, own } from './outside.ts';

/** A card closes, and says how the run went, by what these tell. */
const OBSERVED = ['PostToolUse', 'PostToolUseFailure', 'Stop', 'SessionEnd', 'UserPromptSubmit'];

/**
 * @param entries all of its hooks, ours among them
 * @param httpPorts where a daemon takes requests over HTTP, or would
 */
export function checkClaude(
  { sources }: FoundAgent,
  entries: readonly HookEntry[],
  httpPorts: readonly number[],
): readonly Check[] {
  const ours = entries.filter(({ isOurs }) => isOurs);
  const asking = ours.filter(({ isObserver }) => !isObserver);
  const asksAt = (event: string): boolean => asking.some((entry) => entry.event === event);
  return [
    ...switchChecks(sources, ours),
    ...checkHttp(sources, ours, httpPorts),
    ...(asksAt('PermissionRequest') && !asksAt('PreToolUse')
      ? [
          warn(
            'claude-auto-mode',
            'Claude Code: only PermissionRequest asks; 2.1.329 and newer start in auto mode, which does not send it for most commands',
            'Add PreToolUse with a matcher, or start it with --permission-mode default.',
          ),
        ]
      : []),
    ...observerCheck(asking.length > 0, ours),
  ];
}

/** Variables that the settings of a project give to every hook, by the names that are asked for. */
export function projectVariables(
  { sources }: FoundAgent,
  names: readonly string[],
): readonly { readonly name: string; readonly path: string }[] {
  return sources
    .filter(({ scope }) => scope === 'project' || scope === 'local')
    .flatMap((source) =>
      names.flatMap((name) => (own(setting(source, 'env'), name) === undefined ? [] : [{ name, path: source.path }])),
    );
}

/** The source whose word counts where several say it. */
const PRECEDENCE: readonly HookSource['scope'][] = ['managed', 'local', 'project', 'user'];

function switchChecks(sources: readonly HookSource[], ours: readonly HookEntry[]): readonly Check[] {
  const [decisive] = PRECEDENCE.flatMap((scope) =>
    sources.filter((source) => source.scope === scope && typeof setting(source, 'disableAllHooks') === 'boolean'),
  );
  const managed = sources.find(({ scope }) => scope === 'managed');
  const isManagedOnly = managed !== undefined && setting(managed, 'allowManagedHooksOnly') === true;
  const hasOthers = ours.some(({ source }) => source.scope !== 'managed');
  // Only who manages the machine can switch the managed hooks off.
  const isOff = decisive !== undefined && setting(decisive, 'disableAllHooks') === true;
  return [
    ...(isOff && (decisive.scope === 'managed' || hasOthers)
      ? [
          fail(
            'claude-disabled',
            `Claude Code: disableAllHooks is set in ${decisive.path}: no hook runs`,
            `Remove disableAllHooks from ${decisive.path}.`,
          ),
        ]
      : []),
    ...(isManagedOnly && hasOthers
      ? [
          fail(
            'claude-managed',
            `Claude Code: allowManagedHooksOnly is set in ${managed.path}: hooks of other files do not run`,
            'Ask who manages this machine to put the hook there.',
          ),
        ]
      : []),
  ];
}

function observerCheck(isAsking: boolean, ours: readonly HookEntry[]): readonly Check[] {
  const told = new Set(ours.map(({ event }) => event));
  const missing = OBSERVED.filter((event) => !told.has(event));
  if (!isAsking || missing.length === 0) return [];
  return [
    warn(
      'claude-observers',
      `Claude Code: does not tell of ${listed(missing, OBSERVED.length)}; cards stay open when you answer at the terminal, and do not say how the run went`,
      `Run claude-slack-hook setup, or add the command with --observe under ${listed(missing, OBSERVED.length)}.`,
    ),
  ];
}
