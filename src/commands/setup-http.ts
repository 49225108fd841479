/** `setup --transport http`: Claude Code posts its hooks to the daemon instead of running a command. */
import { appKey } from '../daemon.ts';
import { prepareAppDirectory } from '../daemon-place.ts';
import { AppError } from '../errors.ts';
import { httpHooks } from '../http-hooks.ts';
import { httpPortOf } from '../http-port.ts';
import { httpTokenFile, tokenIn } from '../http-token.ts';
import type { Settings } from '../settings.ts';
import { withSettings } from '../setup/config-edits.ts';
import { commandLine, type HookPlan, type PlanOptions } from '../setup/hook-plans.ts';
import { isChange, planChange } from '../setup/installation.ts';
import { replaceSettingsFile } from '../setup/settings-file.ts';
import { appPaths, statePaths } from '../state.ts';

/** What a person has to know about it. */
export const HTTP_WORDS = 'While its daemon does not run, Claude Code goes on as if there were no hook.';
/** Where nothing else says so. */
const HTTP_PORT = 8787;

/** The hooks for Claude Code. The port goes into the config file, so that every daemon has it. Throws AppError('missing-config' | 'state-dir' | 'bad-settings'). */
export function httpPlan(settings: Settings, options: Omit<PlanOptions, 'project'>, isDry: boolean): HookPlan['hooks'] {
  const { appToken, apiUrl, configFile } = settings;
  if (appToken === undefined) throw new AppError('missing-config', 'Expected a Slack app token, got none');
  const port = httpPortOf(settings) ?? HTTP_PORT;
  const state = statePaths(options.env);
  const paths = appPaths(options.env, appKey(appToken, apiUrl));
  if (!isDry) {
    prepareAppDirectory(state, paths);
    const change = planChange(configFile, (text) => withSettings(text, { http: port }));
    if (isChange(change)) replaceSettingsFile(configFile, change.after ?? '', 0o600);
  }
  const token = isDry ? '…' : tokenIn(httpTokenFile(paths));
  const command = commandLine([options.program, ...(options.args ?? [])]);
  const unwanted = options.mode === 'dialog' ? 'PreToolUse' : 'PermissionRequest';
  return Object.entries(httpHooks({ port, token, command }))
    .filter(([event]) => event !== unwanted)
    .flatMap(([event, entries]) => entries.map((entry) => [event, entry] as const));
}
