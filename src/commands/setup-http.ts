/** `setup --transport http`: Claude Code posts its hooks to the daemon instead of running a command. */
import { appKey } from '../daemon.ts';
import { prepareAppDirectory } from '../daemon-place.ts';
import { AppError } from '../errors.ts';
import { readSmallFile } from '../file-status.ts';
import { httpHooks } from '../http-hooks.ts';
import { httpPortOf } from '../http-port.ts';
import { httpTokenFile, tokenIn } from '../http-token.ts';
import type { Settings } from '../settings.ts';
import { withSettings } from '../setup/config-edits.ts';
import { CHANGING, commandLine, type HookPlan, type PlanOptions, timeoutFor } from '../setup/hook-plans.ts';
import { type FileChange, planChange } from '../setup/installation.ts';
import { appPaths, statePaths } from '../state.ts';

/** What a person has to know about it. */
export const HTTP_WORDS = 'While its daemon does not run, Claude Code goes on as if there were no hook.';
/** Where nothing else says so. */
const HTTP_PORT = 8787;

/** The hooks for Claude Code, and the daemon's token, which a dry run does not make. Throws AppError('missing-config' | 'state-dir'). */
export function httpPlan(settings: Settings, options: Omit<PlanOptions, 'project'>, isDry: boolean): HookPlan['hooks'] {
  const { appToken, apiUrl } = settings;
  if (appToken === undefined) throw new AppError('missing-config', 'Expected a Slack app token, got none');
  const state = statePaths(options.env);
  const paths = appPaths(options.env, appKey(appToken, apiUrl));
  const file = httpTokenFile(paths);
  if (!isDry) prepareAppDirectory(state, paths);
  const token = isDry ? (readSmallFile(file) ?? '…').trim() : tokenIn(file);
  const command = commandLine([options.program, ...(options.args ?? [])]);
  const unwanted = options.mode === 'dialog' ? 'PreToolUse' : 'PermissionRequest';
  const asked = { matcher: CHANGING, timeout: timeoutFor(options.deadlineMs) };
  return Object.entries(httpHooks({ port: portOf(settings), token, command, ...asked }))
    .filter(([event]) => event !== unwanted)
    .flatMap(([event, entries]) => entries.map((entry) => [event, entry] as const));
}

/** The port goes into the config file, so that every daemon has it. Throws AppError('bad-settings' | 'bad-config'). */
export function planPort(settings: Settings): FileChange {
  const http = portOf(settings);
  return { ...planChange(settings.configFile, (text) => withSettings(text, { http })), mode: 0o600 };
}

function portOf(settings: Settings): number {
  return httpPortOf(settings) ?? HTTP_PORT;
}
