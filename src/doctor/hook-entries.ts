/** The hooks in the settings of an agent, whatever else is in them. */

import { type HookCommand, OUR_NAME, readArguments, readCommand } from '../hook-command.ts';
import { isObject } from '../protocol.ts';
import type { ReadFile } from './hook-file.ts';
import { kindOf, own } from './outside.ts';

export type HookAgent = 'claude' | 'codex' | 'cursor' | 'gemini';

/** A settings file that an agent reads. */
export interface HookSource {
  readonly path: string;
  readonly scope: 'user' | 'project' | 'local' | 'managed';
  readonly file: ReadFile;
}

/** One thing that an agent does at an event. */
export interface HookEntry {
  readonly event: string;
  readonly source: HookSource;
  /** Which tools it is for; `*` for all. */
  readonly matcher: string;
  readonly kind: 'command' | 'http' | 'other';
  /** The command line or the address. */
  readonly text: string;
  readonly command: HookCommand | undefined;
  /** In the agent's own unit; `wrong` for what is no number above 0. */
  readonly timeout: number | 'wrong' | undefined;
  readonly isOurs: boolean;
  /** How an http hook proves that it may ask; `unset`: by a variable that the hook is not given. */
  readonly token?: 'given' | 'unset' | 'none';
  /** It only tells of the event. */
  readonly isObserver: boolean;
}

export interface ReadEntries {
  readonly entries: readonly HookEntry[];
  /** What is not as the agent expects it, in words. */
  readonly problems: readonly string[];
}

/** Nobody has so many; a file that has is not read to its end. */
const MAX_ENTRIES = 1_000;
const TOKEN_HEADERS: ReadonlySet<string> = new Set(['authorization', 'x-claude-slack-hook-token']);
const PLUGIN_EVENTS = [
  ...['PermissionRequest', 'PreToolUse', 'PostToolUse', 'PostToolUseFailure', 'PermissionDenied'],
  ...['Stop', 'UserPromptSubmit', 'SessionEnd'],
];
/** Where our daemon answers Claude Code's http hooks. */
const OUR_ADDRESS = /^https?:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?\/hooks\/claude([/?#]|$)/i;

/** `{hooks: {Event: [{matcher, hooks: [hook]}]}}`; with Cursor `{hooks: {event: [hook]}}`. */
export function readEntries(agent: HookAgent, source: HookSource): ReadEntries {
  const entries: HookEntry[] = [];
  const problems: string[] = [];
  if (source.file.state !== 'read') return { entries, problems };
  const expect = (is: boolean, place: string, wanted: string, value: unknown): boolean => {
    if (!is && problems.length < MAX_ENTRIES) problems.push(`${place} is ${kindOf(value)}, not ${wanted}`);
    return is;
  };
  const { value } = source.file;
  if (!expect(isObject(value), 'the file', 'an object', value)) return { entries, problems };
  if (agent === 'claude') entries.push(...pluginEntries(source, own(value, 'enabledPlugins')));
  const hooks = own(value, 'hooks');
  if (hooks === undefined || !expect(isObject(hooks), 'hooks', 'an object', hooks)) return { entries, problems };
  for (const [event, groups] of Object.entries(hooks as object)) {
    const place = `hooks.${event.slice(0, 40)}`;
    if (!expect(Array.isArray(groups), place, 'a list', groups)) continue;
    for (const group of groups as unknown[]) {
      if (!expect(isObject(group), `an entry of ${place}`, 'an object', group)) continue;
      const list = agent === 'cursor' ? [group] : own(group, 'hooks');
      if (!expect(Array.isArray(list), `the hooks of ${place}`, 'a list', list)) continue;
      for (const hook of list as unknown[]) {
        if (entries.length >= MAX_ENTRIES)
          return { entries, problems: [...problems, 'there are more hooks than can be read'] };
        if (!expect(isObject(hook), `a hook of ${place}`, 'an object', hook)) continue;
        entries.push(readEntry(event, source, own(group, 'matcher'), hook));
      }
    }
  }
  return { entries, problems };
}

/** What this repository's plugin for Claude Code does at each event (hooks/hooks.json), where it is switched on. */
function pluginEntries(source: HookSource, enabled: unknown): readonly HookEntry[] {
  const name = Object.keys(isObject(enabled) ? enabled : {}).find((key) => key.startsWith(`${OUR_NAME}@`));
  if (name === undefined || own(enabled, name) !== true) return [];
  return PLUGIN_EVENTS.map((event) => {
    const isObserver = event !== 'PermissionRequest';
    const command = { isOurs: true, program: undefined, words: isObserver ? [OUR_NAME, '--observe'] : [OUR_NAME] };
    const about = { event, source, matcher: '*', kind: 'command', text: `plugin ${name}`, command } as const;
    return { ...about, timeout: isObserver ? 5 : 600, isOurs: true, isObserver };
  });
}

function readEntry(event: string, source: HookSource, matcher: unknown, hook: unknown): HookEntry {
  const type = own(hook, 'type') ?? 'command';
  const base = {
    ...{ event, source, timeout: timeoutOf(own(hook, 'timeout')) },
    matcher: typeof matcher === 'string' && matcher !== '' ? matcher : '*',
  };
  const url = own(hook, 'url');
  if (type === 'http' && typeof url === 'string') {
    const isOurs = OUR_ADDRESS.test(url) || url.includes(OUR_NAME);
    return { ...base, kind: 'http', text: url, command: undefined, isOurs, isObserver: false, token: tokenOf(hook) };
  }
  const line = own(hook, 'command');
  if (type !== 'command' || typeof line !== 'string')
    return {
      ...base,
      kind: 'other',
      text: String(type).slice(0, 40),
      command: undefined,
      isOurs: false,
      isObserver: false,
    };
  const args = own(hook, 'args');
  const words = Array.isArray(args) ? args.filter((word) => typeof word === 'string') : undefined;
  const command = words === undefined ? readCommand(line) : readArguments(line, words);
  const text = [line, ...(words ?? [])].join(' ');
  // `ensure` only starts the daemon.
  const isObserver = command.words.includes('--observe') || command.words.includes('ensure');
  return { ...base, kind: 'command', text, command, isOurs: command.isOurs, isObserver };
}

/** Variables that are not in `allowedEnvVars` become nothing. */
function tokenOf(hook: unknown): 'given' | 'unset' | 'none' {
  const headers = own(hook, 'headers');
  const [name] = Object.keys(isObject(headers) ? headers : {}).filter((key) => TOKEN_HEADERS.has(key.toLowerCase()));
  const value = name === undefined ? undefined : own(headers, name);
  if (typeof value !== 'string' || value.trim() === '') return 'none';
  const variable = /\$\{?([A-Za-z_]\w*)/.exec(value)?.[1];
  if (variable === undefined) return 'given';
  const allowed = own(hook, 'allowedEnvVars');
  return Array.isArray(allowed) && allowed.includes(variable) ? 'given' : 'unset';
}

function timeoutOf(value: unknown): HookEntry['timeout'] {
  if (value === undefined) return undefined;
  return typeof value === 'number' && value > 0 && Number.isFinite(value) ? value : 'wrong';
}

/** A key of a file; undefined where there is none or the file cannot be read. */
export function setting({ file }: HookSource, key: string): unknown {
  return file.state === 'read' ? own(file.value, key) : undefined;
}
